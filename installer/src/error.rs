//! What can go wrong between a page of parameters and an installer.

use crate::{AmountError, program::INSTALLER_BYTES_MAX};
use millrace_artifact::ArtifactError;
use millrace_layout::LayoutError;
use millrace_wire::base58::TextError;
use std::path::PathBuf;
use thiserror::Error;

/// A parameter that makes no sense.
#[derive(Debug, Error)]
pub enum ParameterError {
    /// The text is not the YAML of parameters: an unknown field, a missing one, or another type.
    #[error("the parameters do not parse: {0}")]
    Yaml(String),
    /// A key or address of the layer 1.
    #[error("{field}: {value:?} is not {expected}: {reason}")]
    Text {
        /// Where, as in `genesis.accounts`.
        field: &'static str,
        /// What stands there.
        value: String,
        /// What should.
        expected: &'static str,
        /// What is wrong with it.
        reason: TextError,
    },
    /// An address of the rollup.
    #[error("{field}: {value:?} is not an address: {reason}")]
    Address {
        /// Where.
        field: &'static str,
        /// What stands there.
        value: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The code of a contract.
    #[error("{field}: no code: {reason}")]
    Code {
        /// Where.
        field: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// An amount of wei.
    #[error("{field}: {value:?} is not an amount: {reason}")]
    Amount {
        /// Where.
        field: String,
        /// What stands there.
        value: String,
        /// What is wrong with it.
        reason: AmountError,
    },
    /// A number outside its range.
    #[error("{field}: {value} is out of range: {reason}")]
    Range {
        /// Where.
        field: &'static str,
        /// What stands there.
        value: String,
        /// The range, or what it has to do with another field.
        reason: &'static str,
    },
    /// An account stands twice in the genesis: in different spellings, or as account and as contract.
    #[error("genesis: {0} stands there twice")]
    Twice(String),
}

/// An installer cannot be made.
#[derive(Debug, Error)]
pub enum InstallerError {
    /// The parameters.
    #[error(transparent)]
    Parameter(#[from] ParameterError),
    /// The kernel is not one that the PVM runs.
    #[error("the kernel cannot be shipped: {0}")]
    Artifact(#[from] ArtifactError),
    /// The kernel or a value cannot be made into pages.
    #[error("no preimages: {0}")]
    Preimage(String),
    /// The layout cannot spell a path: a bug.
    #[error("the layout refuses a genesis value: {0:?}")]
    Layout(LayoutError),
    /// A path that the installer kernel's own types refuse: a bug.
    #[error("the installer refuses the path {0}")]
    Path(String),
    /// More program than an origination has room for.
    #[error(
        "the installer would have {size_bytes} bytes; an origination has room for less than {INSTALLER_BYTES_MAX}. \
         {accounts} genesis accounts and contracts take about {account_bytes} of them: fund the others after the start"
    )]
    TooLarge {
        /// What it would have.
        size_bytes: usize,
        /// Number of genesis accounts, contracts included.
        accounts: usize,
        /// Bytes that they take, with their code.
        account_bytes: usize,
    },
    /// A file or folder cannot be written.
    #[error("cannot write {path}: {source}")]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl From<LayoutError> for InstallerError {
    fn from(error: LayoutError) -> Self {
        Self::Layout(error)
    }
}
