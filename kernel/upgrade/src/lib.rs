//! Stage 0: does this kernel fit the storage that it finds?
//!
//! The first kernel of a rollup stamps the storage with its version. A later kernel that finds another
//! version must not touch anything: it would write a layout that nobody can read back.
//!
//! **Failure**: [`UpgradeError`]. **Deliberately unknown**: messages and blocks.

#![cfg_attr(not(test), no_std)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::unreachable,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

use millrace_host::Store;
use millrace_layout::{
    LayoutError,
    version::{self, CURRENT, StorageVersion},
};

/// The fingerprint of the sources that this kernel is compiled from, in hexadecimal (`build/fingerprint.rs`). A kernel as
/// wasm carries it after [`SOURCES_MARK`], so that a node can tell whether it has the same kernel natively.
pub const SOURCES: &str = env!("MILLRACE_KERNEL_SOURCES");

/// What stands before [`SOURCES`] in a kernel as wasm.
pub const SOURCES_MARK: &str = "millrace kernel of sources ";

/// This kernel cannot run on this storage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UpgradeError {
    /// The version could not be read or written.
    Layout(LayoutError),
    /// The storage has a layout that this kernel does not know.
    UnknownVersion(StorageVersion),
}

impl From<LayoutError> for UpgradeError {
    fn from(error: LayoutError) -> Self {
        Self::Layout(error)
    }
}

impl core::fmt::Display for UpgradeError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Layout(error) => error.fmt(f),
            Self::UnknownVersion(version) => {
                write!(f, "storage has layout {}, this kernel has layout {}", version.0, CURRENT.0)
            }
        }
    }
}

impl core::error::Error for UpgradeError {}

/// Makes sure that the storage has the layout of this kernel; stamps it when it is new.
///
/// # Errors
/// [`UpgradeError`]; nothing was changed then.
pub fn reconcile(store: &mut impl Store) -> Result<(), UpgradeError> {
    match version::read(store)? {
        Some(version) if version == CURRENT => Ok(()),
        Some(version) => Err(UpgradeError::UnknownVersion(version)),
        None => Ok(version::key()?.write(store, &CURRENT)?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use millrace_host::MemoryHost;

    #[test]
    fn a_new_storage_is_stamped_and_a_foreign_one_left_alone() {
        let mut host = MemoryHost::default();
        assert_eq!(reconcile(&mut host), Ok(()));
        assert_eq!(version::read(&host), Ok(Some(CURRENT)));
        assert_eq!(reconcile(&mut host), Ok(()));

        let future = StorageVersion(CURRENT.0 + 1);
        version::key().unwrap().write(&mut host, &future).unwrap();
        assert_eq!(reconcile(&mut host), Err(UpgradeError::UnknownVersion(future)));
        assert_eq!(version::read(&host), Ok(Some(future)));
    }
}
