//! What can go wrong between a page of parameters and an installer.

use crate::{AmountError, program::INSTALLER_BYTES_MAX};
use millrace_artifact::ArtifactError;
use millrace_layout::LayoutError;
use millrace_wire::base58::TextError;
use std::{fmt, path::PathBuf};
use thiserror::Error;

/// A place in a text. Both numbers count from 1, the column in characters.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// A parameter that makes no sense. Shown as `12:3: fees.base_fee_min: what is wrong`, without what is not known.
#[derive(Debug, Error)]
#[error("{}{fault}", prefix(.place, .field))]
pub struct ParameterError {
    /// Where in the text; `None` for parameters that were not read from one.
    pub place: Option<Place>,
    /// Which, as in `genesis.accounts.0x12` or `dal.slots[1]`; empty for the text as a whole.
    pub field: String,
    /// What is wrong with it.
    pub fault: Fault,
}

fn prefix(place: &Option<Place>, field: &str) -> String {
    let place = place.map(|place| format!("{place}: ")).unwrap_or_default();
    let field = if field.is_empty() { String::new() } else { format!("{field}: ") };
    place + &field
}

impl ParameterError {
    pub(crate) fn new(field: impl Into<String>, fault: Fault) -> Self {
        Self { place: None, field: field.into(), fault }
    }

    /// Whether the key of an entry is at fault, not its value.
    pub(crate) fn is_about_key(&self) -> bool {
        match &self.fault {
            Fault::UnknownKey { .. } | Fault::Duplicate { .. } | Fault::Twice => true,
            // Of an entry that is named by it.
            Fault::Address { value, .. } | Fault::Word { value, .. } => {
                self.field.strip_suffix(value.as_str()).is_some_and(|rest| rest.ends_with('.'))
            }
            _ => false,
        }
    }

    /// The same at a place, unless it has one.
    pub(crate) fn at(self, place: Place) -> Self {
        Self { place: self.place.or(Some(place)), ..self }
    }
}

/// What is wrong with a parameter.
#[derive(Debug, Error)]
pub enum Fault {
    /// The text is not YAML, or uses more of it than parameters need.
    #[error("{0}")]
    Syntax(String),
    /// No parameter has this name.
    #[error("unknown key; {hint}")]
    UnknownKey {
        /// What was meant, or what there is.
        hint: String,
    },
    /// A key stands there twice.
    #[error("this key stands there twice, first at {first}")]
    Duplicate {
        /// Where it stands first.
        first: Place,
    },
    /// Another type, or a number outside its range.
    #[error("expected {expected}, found {found}")]
    Expected {
        /// What should stand there.
        expected: String,
        /// What does.
        found: String,
    },
    /// A parameter without which there is no rollup.
    #[error("missing: {0}")]
    Missing(&'static str),
    /// A key or address of the layer 1.
    #[error("{value:?} is not {expected}: {reason}")]
    Text {
        /// What stands there.
        value: String,
        /// What should.
        expected: &'static str,
        /// What is wrong with it.
        reason: TextError,
    },
    /// An address of the rollup.
    #[error("{value:?} is not an address: {reason}")]
    Address {
        /// What stands there.
        value: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The code of a contract.
    #[error("no code: {0}")]
    Code(&'static str),
    /// A slot or what is in it.
    #[error("{value:?} is no word of the EVM: {reason}")]
    Word {
        /// What stands there.
        value: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// An amount of wei.
    #[error("{value:?} is not an amount: {reason}")]
    Amount {
        /// What stands there.
        value: String,
        /// What is wrong with it.
        reason: AmountError,
    },
    /// A value that cannot be, alone or beside another.
    #[error("{value} cannot be: {reason}")]
    Range {
        /// What stands there.
        value: String,
        /// The range, or what it has to do with another field.
        reason: String,
    },
    /// An account or a slot stands there twice: in different spellings, or as account and as contract.
    #[error("stands there twice")]
    Twice,
}

/// A file of parameters is no good.
#[derive(Debug, Error)]
pub enum FileError {
    /// It cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// Which.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// A parameter in it. Shown as `rollup.yaml:12:3: …`, which editors and terminals follow.
    #[error("{path}:{error}")]
    Parameter {
        /// Which.
        path: String,
        /// What is wrong with it.
        error: Box<ParameterError>,
    },
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
