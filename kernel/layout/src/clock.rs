//! What the kernel knows of the layer 1: the level it is in and the time of the block before.

use crate::{Key, LayoutError, Value, catalog::L1_CLOCK};
use alloc::{string::ToString, vec::Vec};
use millrace_host::Store;
use millrace_primitives::{L1Level, Timestamp};

/// The clock of the rollup. It moves once a level, with the info-per-level message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct L1Clock {
    /// The level whose inbox is being read.
    pub level: L1Level,
    /// Timestamp of its predecessor.
    pub timestamp: Timestamp,
}

impl Value for L1Clock {
    const SIZE_BYTES_MAX: usize = 12;
    const IS_FIXED: bool = true;

    fn encode(&self) -> Vec<u8> {
        let mut bytes = self.level.get().to_be_bytes().to_vec();
        bytes.extend_from_slice(&self.timestamp.get().to_be_bytes());
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (level, timestamp) = bytes.split_first_chunk::<4>()?;
        Some(Self {
            level: L1Level::new(u32::from_be_bytes(*level)),
            timestamp: Timestamp::new(u64::from_be_bytes(timestamp.try_into().ok()?)),
        })
    }
}

/// The key of the clock.
///
/// # Errors
/// Never, short of a bug in this crate.
pub fn key() -> Result<Key<L1Clock>, LayoutError> {
    Key::new(L1_CLOCK.pattern.to_string())
}

/// The clock; `None` before the first level.
///
/// # Errors
/// As [`Key::read`].
pub fn read(store: &impl Store) -> Result<Option<L1Clock>, LayoutError> {
    key()?.read(store)
}

/// Moves the clock.
///
/// # Errors
/// As [`Key::write`].
pub fn write(store: &mut impl Store, clock: L1Clock) -> Result<(), LayoutError> {
    key()?.write(store, &clock)
}
