//! What can end a run early.

use core::fmt;
use millrace_block::BlockError;
use millrace_host::HostError;
use millrace_inbox::InboxError;
use millrace_layout::LayoutError;
use millrace_upgrade::UpgradeError;

/// A stage failed. External data never causes this: the host or the storage did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunError {
    /// Stage 0.
    Upgrade(UpgradeError),
    /// Stage 1.
    Inbox(InboxError),
    /// Stage 2.
    Block(BlockError),
    /// A key that the stages share.
    Layout(LayoutError),
    /// The cycle of runs.
    Host(HostError),
}

macro_rules! from {
    ($($variant:ident($error:ty)),*) => {$(
        impl From<$error> for RunError {
            fn from(error: $error) -> Self {
                Self::$variant(error)
            }
        }
    )*};
}

from!(Upgrade(UpgradeError), Inbox(InboxError), Block(BlockError), Layout(LayoutError), Host(HostError));

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Upgrade(error) => write!(f, "stage 0: {error}"),
            Self::Inbox(error) => write!(f, "stage 1: {error}"),
            Self::Block(error) => write!(f, "stage 2: {error}"),
            Self::Layout(error) => error.fmt(f),
            Self::Host(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for RunError {}
