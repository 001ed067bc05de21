//! Why a session does not start.

use crate::inputs::InputFault;
use crate::installer_config::ConfigFault;
use millrace_pvm::PvmError;
use std::io;
use std::path::{Path, PathBuf};

/// Why a session does not start, or ends early.
#[derive(Debug, thiserror::Error)]
pub enum DebuggerError {
    /// A file cannot be read or written.
    #[error("{path}: {error}", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// A file is larger than what it is for.
    #[error("{path}: more than {size_bytes_max} bytes", path = path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Bytes that it may have.
        size_bytes_max: u64,
    },
    /// The name of a kernel does not say what it is.
    #[error("Kernels should have .wasm, .wast, .wat or .hex file extension")]
    Extension,
    /// A `.hex` that is none.
    #[error("{path:?} is not a valid hexadecimal file")]
    NotHexadecimal {
        /// The file.
        path: PathBuf,
    },
    /// The text of a module is wrong.
    #[error("{path}: syntax error: {detail}", path = path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// What and where.
        detail: String,
    },
    /// The kernel would not boot.
    #[error("{name}: {kind}: {detail}")]
    Kernel {
        /// The name of the kernel.
        name: String,
        /// `decoding error`, `invalid module` or `link failure`.
        kind: &'static str,
        /// What is wrong.
        detail: String,
    },
    /// The inputs are none.
    #[error("{path}: {fault}", path = path.display())]
    Inputs {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        fault: InputFault,
    },
    /// The installer's configuration is none.
    #[error("{path}: {fault}", path = path.display())]
    InstallerConfig {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        fault: ConfigFault,
    },
    /// The machine cannot run anything.
    #[error(transparent)]
    Machine(#[from] PvmError),
    /// The terminal is gone.
    #[error("terminal: {0}")]
    Terminal(#[from] io::Error),
}

/// The bytes of a file that may not be larger than this.
pub(crate) fn read_file(path: &Path, size_bytes_max: u64) -> Result<Vec<u8>, DebuggerError> {
    let failed = |error| DebuggerError::File { path: path.to_owned(), error };
    read_at_most(path, size_bytes_max)
        .map_err(failed)?
        .ok_or_else(|| DebuggerError::TooLarge { path: path.to_owned(), size_bytes_max })
}

/// The bytes of a file; `None` when it has more than these.
pub(crate) fn read_at_most(path: &Path, size_bytes_max: u64) -> io::Result<Option<Vec<u8>>> {
    use io::Read as _;
    let mut bytes = Vec::new();
    // One byte more shows that there is more, and devices without an end do not matter.
    std::fs::File::open(path)?.take(size_bytes_max.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= size_bytes_max).then_some(bytes))
}
