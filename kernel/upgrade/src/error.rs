//! What stage 0 cannot go on with.

use core::fmt;
use millrace_host::HostError;
use millrace_layout::{LayoutError, version::StorageVersion};

/// Stage 0 cannot go on. No message causes this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UpgradeError {
    /// A key could not be read or written.
    Layout(LayoutError),
    /// A page could not be revealed, or the host refused something else.
    Host(HostError),
    /// The storage has a layout that this kernel does not know and cannot reach.
    UnknownVersion(StorageVersion),
}

impl From<LayoutError> for UpgradeError {
    fn from(error: LayoutError) -> Self {
        Self::Layout(error)
    }
}

impl From<HostError> for UpgradeError {
    fn from(error: HostError) -> Self {
        Self::Host(error)
    }
}

impl fmt::Display for UpgradeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Layout(error) => error.fmt(f),
            Self::Host(error) => error.fmt(f),
            Self::UnknownVersion(version) => {
                write!(f, "storage has layout {}, unknown to this kernel", version.0)
            }
        }
    }
}

impl core::error::Error for UpgradeError {}
