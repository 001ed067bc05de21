//! Which layout this storage has.

use crate::{Key, LayoutError, Value, catalog::STORAGE_VERSION};
use alloc::{string::ToString, vec::Vec};
use millrace_host::Store;

/// The number of a layout. A migration takes one to the next.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct StorageVersion(pub u64);

/// The layout that this crate describes.
pub const CURRENT: StorageVersion = StorageVersion(1);

impl Value for StorageVersion {
    const SIZE_BYTES_MAX: usize = 8;
    const IS_FIXED: bool = true;

    fn encode(&self) -> Vec<u8> {
        self.0.to_be_bytes().to_vec()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(u64::from_be_bytes).map(Self)
    }
}

/// The key of the version.
///
/// # Errors
/// Never, short of a bug in this crate.
pub fn key() -> Result<Key<StorageVersion>, LayoutError> {
    Key::new(STORAGE_VERSION.pattern.to_string())
}

/// The version found; `None` before the first run of the first kernel.
///
/// # Errors
/// As [`Key::read`].
pub fn read(store: &impl Store) -> Result<Option<StorageVersion>, LayoutError> {
    key()?.read(store)
}
