//! Why a read or a write of the layout failed.

use core::fmt;
use millrace_host::{HostError, PathBuf};

/// A failure of durable storage. Absence is not one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LayoutError {
    /// The value is there and is not what this key holds.
    Corrupt {
        /// Where.
        path: PathBuf,
    },
    /// The host refused a call.
    Host {
        /// Where.
        path: PathBuf,
        /// With which code.
        error: HostError,
    },
    /// A name grew past what a durable key may hold: a bug in this crate.
    Path,
}

impl fmt::Display for LayoutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Corrupt { path } => write!(f, "durable value {path} is corrupt"),
            Self::Host { path, error } => write!(f, "durable value {path}: {error}"),
            Self::Path => f.write_str("malformed durable key"),
        }
    }
}

impl core::error::Error for LayoutError {}
