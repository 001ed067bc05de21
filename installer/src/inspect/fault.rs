//! What is wrong with an installer.

use crate::{FileError, INSTALLER_BYTES_MAX, INSTRUCTION_BYTES_MAX, InstallerError, ParameterError};
use millrace_artifact::ArtifactError;
use millrace_primitives::{Address, PreimageHash};
use std::path::PathBuf;
use thiserror::Error;

/// A file that cannot be inspected.
#[derive(Debug, Error)]
pub enum InspectError {
    /// It cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Larger than anything that is inspected.
    #[error("{size_bytes} bytes are more than any installer or file of parameters has ({most})")]
    TooLarge {
        /// Its size.
        size_bytes: u64,
        /// The most.
        most: u64,
    },
    /// Neither a module nor text.
    #[error("neither a WebAssembly module nor a text")]
    Kind,
    /// The module cannot be taken apart.
    #[error("no WebAssembly module: {reason} (at byte {offset})")]
    Module {
        /// Where.
        offset: usize,
        /// What the parser says.
        reason: String,
    },
    /// A module without a program.
    #[error("no installer: its last section is not a custom section config with a program")]
    NoProgram,
    /// The program does not have the size that stands behind it, by which the installer kernel finds it.
    #[error("the program has {found} bytes, and the size behind it says {declared}")]
    Size {
        /// What stands there.
        declared: u32,
        /// What there is.
        found: usize,
    },
    /// The parameters of a rollup.
    #[error(transparent)]
    Parameter(#[from] FileError),
    /// A kernel or a value cannot be made into an installer.
    #[error(transparent)]
    Installer(#[from] InstallerError),
}

/// Something that would leave a rollup that does not start, or another one than it seems.
#[derive(Debug, Error)]
pub enum Fault {
    /// The PVM would not run the module.
    #[error("the PVM does not run this installer: {0}")]
    Module(ArtifactError),
    /// An origination has no room for it.
    #[error("{size_bytes} bytes: an origination has room for less than {INSTALLER_BYTES_MAX}")]
    TooLarge {
        /// Its size.
        size_bytes: usize,
    },
    /// The program ends within an instruction.
    #[error("the program breaks off at its byte {offset}")]
    ProgramCut {
        /// Where the instruction begins.
        offset: usize,
    },
    /// More than are read.
    #[error("more than {most} instructions")]
    TooManyInstructions {
        /// The most.
        most: usize,
    },
    /// The buffer of the installer kernel is smaller.
    #[error(
        "instruction {number}: {size_bytes} bytes, and the installer kernel has room for {INSTRUCTION_BYTES_MAX}"
    )]
    InstructionTooLarge {
        /// Which, from 1.
        number: usize,
        /// Its size.
        size_bytes: usize,
    },
    /// The installer kernel stops there.
    #[error("instruction {number} is unknown: {reason}")]
    UnknownInstruction {
        /// Which, from 1.
        number: usize,
        /// Why.
        reason: &'static str,
    },
    /// The PVM refuses it.
    #[error("instruction {number}: {path} cannot be written")]
    ReadOnly {
        /// Which, from 1.
        number: usize,
        /// Where.
        path: String,
    },
    /// A value is written over another; of a longer one the rest stays.
    #[error("instruction {number}: {path} has a value already")]
    WrittenTwice {
        /// Which, from 1.
        number: usize,
        /// Where.
        path: String,
    },
    /// There is nothing at the origin of a move.
    #[error("instruction {number}: there is nothing at {path} to move")]
    NothingToMove {
        /// Which, from 1.
        number: usize,
        /// Where.
        path: String,
    },
    /// Nothing becomes the kernel.
    #[error("no kernel: nothing is left at {0}")]
    NoKernel(String),
    /// A page is no good.
    #[error("page {hash}, which {path} needs: {reason}")]
    BrokenPage {
        /// Where the contents go.
        path: String,
        /// Which.
        hash: PreimageHash,
        /// What is wrong with it.
        reason: String,
    },
    /// A page is missing where pages are said to be.
    #[error("page {hash}, which {path} needs, is missing")]
    MissingPage {
        /// Where the contents go.
        path: String,
        /// Which.
        hash: PreimageHash,
    },
    /// The PVM would not run the kernel.
    #[error("the PVM does not run the kernel: {0}")]
    Kernel(ArtifactError),
    /// A value is not what its path holds.
    #[error("{0} does not decode: the kernel would stop at it")]
    Corrupt(String),
    /// The layout knows no such path.
    #[error("{0} is no key of this layout: nothing reads it")]
    UnknownKey(String),
    /// The kernel takes it for something that it wrote itself.
    #[error("{0} is a key that only the kernel writes")]
    KernelsKey(String),
    /// A rollup of this kernel does not start without.
    #[error("nothing is left at {0}: the kernel does not start without")]
    NoParameters(String),
    /// A parameter that the builder would refuse.
    #[error("the builder would refuse this: {0}")]
    Parameter(ParameterError),
    /// Who orders transactions is not who may.
    #[error("the authority cannot take office: {0}")]
    Authority(millrace_wire::authority::AuthorityError),
    /// The genesis block does not commit to the accounts that are there.
    #[error("the digest of the allocation is not that of the accounts that are written")]
    Digest,
    /// Code that is not where its hash says.
    #[error("{0} holds code of another hash")]
    CodeHash(String),
    /// The code of an account is nowhere.
    #[error("the code of {0:?} is not written")]
    NoCode(Address),
    /// Storage of an account that is not there.
    #[error("storage of {0:?}, which is no contract")]
    Storage(Address),
}
