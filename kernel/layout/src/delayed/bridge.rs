//! A transaction on its way through the delayed bridge: its chunks come as messages of their own, and a run may
//! end between any two of them.
//!
//! There is one at a time: the bridge sends all chunks of a transaction within one operation, so an unfinished
//! one that is followed by a new start will never be finished.

use crate::{
    Key, LayoutError, Value,
    catalog::{BRIDGE, BRIDGE_CHUNK, BRIDGE_PROGRESS},
    codec::raw_bytes,
    key::{at, path},
};
use alloc::{string::ToString, vec::Vec};
use millrace_host::Store;

/// How much of a transaction has arrived.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Progress {
    /// Chunks that were announced.
    pub expected: u8,
    /// Chunks that are there.
    pub received: u8,
    /// Bytes that are there.
    pub size_bytes: u32,
}

impl Value for Progress {
    const SIZE_BYTES_MAX: usize = 6;
    const IS_FIXED: bool = true;

    fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::from([self.expected, self.received]);
        bytes.extend_from_slice(&self.size_bytes.to_be_bytes());
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (&[expected, received], size_bytes) = bytes.split_first_chunk::<2>()?;
        Some(Self { expected, received, size_bytes: u32::from_be_bytes(size_bytes.try_into().ok()?) })
    }
}

/// One chunk.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Chunk(pub Vec<u8>);

raw_bytes!(Chunk, 4_096, is_fixed: false);

/// The key of how much has arrived; nothing there means that no transaction is on its way.
///
/// # Errors
/// Never, short of a bug in this crate.
pub fn progress() -> Result<Key<Progress>, LayoutError> {
    Key::new(BRIDGE_PROGRESS.pattern.to_string())
}

/// The key of chunk `index`.
///
/// # Errors
/// Never, short of a bug in this crate.
pub fn chunk(index: u8) -> Result<Key<Chunk>, LayoutError> {
    Key::new(BRIDGE_CHUNK.fill(&[&index]))
}

/// Forgets the transaction that is on its way.
///
/// # Errors
/// [`LayoutError::Host`].
pub fn clear(store: &mut impl Store) -> Result<(), LayoutError> {
    let buffer = path(BRIDGE.pattern.to_string())?;
    store.store_delete(buffer.as_path()).map_err(at(&buffer))
}
