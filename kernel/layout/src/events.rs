//! What the kernel tells the node about a level: a list that starts anew with each level.

use crate::{
    Key, LayoutError, Value,
    catalog::{EVENT, EVENTS, EVENTS_COUNT},
    codec,
    key::{at, path},
};
use alloc::{string::ToString, vec::Vec};
use millrace_host::Store;
use millrace_primitives::{BlockNumber, TransactionHash};
use rlp::RlpStream;

/// How many events a level records. What comes after is not recorded; the node then reads the state.
pub const EVENTS_PER_LEVEL_MAX: u64 = 10_000;

/// Something that happened in a level.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// An item entered the delayed inbox.
    DelayedItem {
        /// Its name; the item itself is in the queue.
        name: TransactionHash,
    },
    /// A blueprint was authentic and could not become a block.
    BlueprintDropped {
        /// Its number.
        number: BlockNumber,
        /// Why, as a stable code of the `block` crate.
        reason: u8,
    },
    /// A blueprint became a block without one of its transactions.
    TransactionDropped {
        /// The number of the block.
        number: BlockNumber,
        /// The position in the blueprint, delayed items first.
        position: u32,
        /// Why, as a stable code of the `block` crate.
        reason: u8,
    },
}

const DELAYED_ITEM: u8 = 1;
const BLUEPRINT_DROPPED: u8 = 2;
const TRANSACTION_DROPPED: u8 = 3;

impl Value for Event {
    const SIZE_BYTES_MAX: usize = 256;
    // An event is written once, in a list that was deleted as a whole.
    const IS_FIXED: bool = true;

    fn encode(&self) -> Vec<u8> {
        let mut stream = RlpStream::new_list(4);
        match self {
            Self::DelayedItem { name } => {
                stream.append(&DELAYED_ITEM).append(&name.as_bytes().as_slice()).append(&0u8).append(&0u8);
            }
            Self::BlueprintDropped { number, reason } => {
                stream.append(&BLUEPRINT_DROPPED).append(&number.get()).append(&0u8).append(reason);
            }
            Self::TransactionDropped { number, position, reason } => {
                stream.append(&TRANSACTION_DROPPED).append(&number.get()).append(position).append(reason);
            }
        }
        stream.out().to_vec()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let rlp = codec::list(bytes, 4)?;
        match rlp.val_at::<u8>(0).ok()? {
            DELAYED_ITEM => Some(Self::DelayedItem { name: TransactionHash::new(codec::array_at(&rlp, 1)?) }),
            BLUEPRINT_DROPPED => Some(Self::BlueprintDropped {
                number: BlockNumber::new(codec::u64_at(&rlp, 1)?),
                reason: rlp.val_at(3).ok()?,
            }),
            TRANSACTION_DROPPED => Some(Self::TransactionDropped {
                number: BlockNumber::new(codec::u64_at(&rlp, 1)?),
                position: rlp.val_at(2).ok()?,
                reason: rlp.val_at(3).ok()?,
            }),
            _ => None,
        }
    }
}

/// How many events the level has.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Count(pub u64);

impl Value for Count {
    const SIZE_BYTES_MAX: usize = 8;
    const IS_FIXED: bool = true;

    fn encode(&self) -> Vec<u8> {
        self.0.to_be_bytes().to_vec()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(u64::from_be_bytes).map(Self)
    }
}

/// The key of the number of events.
///
/// # Errors
/// Never, short of a bug in this crate.
pub fn count() -> Result<Key<Count>, LayoutError> {
    Key::new(EVENTS_COUNT.pattern.to_string())
}

/// The key of event `index` of the level.
///
/// # Errors
/// Never, short of a bug in this crate.
pub fn event(index: u64) -> Result<Key<Event>, LayoutError> {
    Key::new(EVENT.fill(&[&index]))
}

/// Records an event.
///
/// # Errors
/// As [`Key::read`] and [`Key::write`].
pub fn push(store: &mut impl Store, new: &Event) -> Result<(), LayoutError> {
    let Count(index) = count()?.read(store)?.unwrap_or_default();
    if index >= EVENTS_PER_LEVEL_MAX {
        return Ok(());
    }
    event(index)?.write(store, new)?;
    count()?.write(store, &Count(index.saturating_add(1)))
}

/// Forgets the events of the level before.
///
/// # Errors
/// [`LayoutError::Host`].
pub fn clear(store: &mut impl Store) -> Result<(), LayoutError> {
    let events = path(EVENTS.pattern.to_string())?;
    store.store_delete(events.as_path()).map_err(at(&events))
}

/// All events of the level.
///
/// # Errors
/// As [`Key::read`]; an event that is missing counts as corruption.
pub fn all(store: &impl Store) -> Result<Vec<Event>, LayoutError> {
    let Count(count) = count()?.read(store)?.unwrap_or_default();
    (0..count.min(EVENTS_PER_LEVEL_MAX)).map(|index| event(index)?.require(store)).collect()
}
