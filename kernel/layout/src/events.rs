//! What the kernel tells the node about a level: a list that starts anew with each level.

use crate::{
    Key, LayoutError, Value,
    catalog::{EVENT, EVENTS, EVENTS_COUNT},
    codec,
    key::{at, path},
};
use alloc::{string::ToString, vec::Vec};
use millrace_host::Store;
use millrace_primitives::{BlockNumber, Epoch, L1Level, Timestamp, TransactionHash};
use rlp::RlpStream;

/// How many events a level records. What comes after is not recorded; the node then reads the state.
pub const EVENTS_PER_LEVEL_MAX: u64 = 10_000;

/// Something that happened in a level. Reasons are stable codes of the crates that give them.
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
        /// Why (`block::BlueprintFault`).
        reason: u8,
    },
    /// A blueprint became a block without one of its transactions.
    TransactionDropped {
        /// The number of the block.
        number: BlockNumber,
        /// The position in the blueprint, delayed items first.
        position: u32,
        /// Why (`block::TransactionFault`).
        reason: u8,
    },
    /// An item left the delayed inbox without having done anything.
    DelayedDropped {
        /// Its name.
        name: TransactionHash,
        /// The number of the block that consumed it, or of the one that it was to be in.
        number: BlockNumber,
        /// Why (`block::TransactionFault`).
        reason: u8,
    },
    /// Overdue items of the delayed inbox were forced into a block.
    Forced {
        /// The number of the block.
        number: BlockNumber,
        /// How many.
        items: u32,
    },
    /// A kernel upgrade was announced.
    UpgradeAnnounced {
        /// The root of its preimages.
        root_hash: [u8; 33],
        /// When it takes over.
        activation: Timestamp,
        /// Who announced it (`governance::Source`).
        source: u8,
    },
    /// A change of who orders transactions was announced.
    AuthorityAnnounced {
        /// When it takes effect.
        activation: Timestamp,
        /// How many members there will be; none when the sequencer is removed.
        members: u32,
    },
    /// Upgrades that waited were cancelled.
    UpgradesCancelled {
        /// How many.
        count: u32,
    },
    /// A run died while it sent a message to the layer 1: the message was put aside.
    OutboxUncertain {
        /// Its number.
        number: u64,
    },
    /// A slot of the data availability layer was to be imported, and was not, or not to its end.
    SlotIgnored {
        /// The level whose block published it.
        published_level: L1Level,
        /// Its index.
        slot: u8,
        /// Why (`inbox::SlotFault`).
        reason: u8,
    },
    /// A kernel took the place of the one before.
    UpgradeActivated {
        /// The root of its preimages.
        root_hash: [u8; 33],
    },
    /// A kernel did not take over, or gave way again to the one before.
    UpgradeFailed {
        /// The root of its preimages.
        root_hash: [u8; 33],
        /// Why (`upgrade::Refusal`).
        reason: u8,
    },
    /// A change of who orders transactions took effect.
    AuthorityChanged {
        /// The epoch that began.
        epoch: Epoch,
        /// How many members there are; none when the sequencer is removed.
        members: u32,
    },
    /// Changes of authority that waited were cancelled: all, because the sequencer is removed, or the one that the
    /// sequencer had asked for, because somebody else is announced.
    AuthoritiesCancelled {
        /// How many.
        count: u32,
    },
    /// The sequencer asked for another key in a block, and will not have it.
    KeyChangeDropped {
        /// The number of the block.
        number: BlockNumber,
        /// Why (`block::KeyChangeRefusal`).
        reason: u8,
    },
}

const DELAYED_ITEM: u8 = 1;
const BLUEPRINT_DROPPED: u8 = 2;
const TRANSACTION_DROPPED: u8 = 3;
const DELAYED_DROPPED: u8 = 4;
const FORCED: u8 = 5;
const UPGRADE_ANNOUNCED: u8 = 6;
const AUTHORITY_ANNOUNCED: u8 = 7;
const UPGRADES_CANCELLED: u8 = 8;
const OUTBOX_UNCERTAIN: u8 = 9;
const SLOT_IGNORED: u8 = 10;
const UPGRADE_ACTIVATED: u8 = 11;
const UPGRADE_FAILED: u8 = 12;
const AUTHORITY_CHANGED: u8 = 13;
const AUTHORITIES_CANCELLED: u8 = 14;
const KEY_CHANGE_DROPPED: u8 = 15;

impl Event {
    /// The four fields: kind, what, a number, a small number.
    fn append(&self, stream: &mut RlpStream) {
        match self {
            Self::DelayedItem { name } => {
                stream.append(&DELAYED_ITEM).append(&name.as_bytes().as_slice()).append(&0u8).append(&0u8)
            }
            Self::BlueprintDropped { number, reason } => {
                stream.append(&BLUEPRINT_DROPPED).append(&number.get()).append(&0u8).append(reason)
            }
            Self::TransactionDropped { number, position, reason } => {
                stream.append(&TRANSACTION_DROPPED).append(&number.get()).append(position).append(reason)
            }
            Self::DelayedDropped { name, number, reason } => {
                let name = name.as_bytes().as_slice();
                stream.append(&DELAYED_DROPPED).append(&name).append(&number.get()).append(reason)
            }
            Self::Forced { number, items } => {
                stream.append(&FORCED).append(&number.get()).append(items).append(&0u8)
            }
            Self::UpgradeAnnounced { root_hash, activation, source } => {
                let root_hash = root_hash.as_slice();
                stream.append(&UPGRADE_ANNOUNCED).append(&root_hash).append(&activation.get()).append(source)
            }
            Self::AuthorityAnnounced { activation, members } => {
                stream.append(&AUTHORITY_ANNOUNCED).append(&activation.get()).append(members).append(&0u8)
            }
            Self::UpgradesCancelled { count } => {
                stream.append(&UPGRADES_CANCELLED).append(&0u8).append(count).append(&0u8)
            }
            Self::OutboxUncertain { number } => {
                stream.append(&OUTBOX_UNCERTAIN).append(number).append(&0u8).append(&0u8)
            }
            Self::SlotIgnored { published_level, slot, reason } => {
                stream.append(&SLOT_IGNORED).append(&published_level.get()).append(slot).append(reason)
            }
            Self::UpgradeActivated { root_hash } => {
                stream.append(&UPGRADE_ACTIVATED).append(&root_hash.as_slice()).append(&0u8).append(&0u8)
            }
            Self::UpgradeFailed { root_hash, reason } => {
                stream.append(&UPGRADE_FAILED).append(&root_hash.as_slice()).append(&0u8).append(reason)
            }
            Self::AuthorityChanged { epoch, members } => {
                stream.append(&AUTHORITY_CHANGED).append(&epoch.get()).append(members).append(&0u8)
            }
            Self::AuthoritiesCancelled { count } => {
                stream.append(&AUTHORITIES_CANCELLED).append(&0u8).append(count).append(&0u8)
            }
            Self::KeyChangeDropped { number, reason } => {
                stream.append(&KEY_CHANGE_DROPPED).append(&number.get()).append(&0u8).append(reason)
            }
        };
    }
}

impl Value for Event {
    const SIZE_BYTES_MAX: usize = 256;
    // An event is written once, in a list that was deleted as a whole.
    const IS_FIXED: bool = true;

    fn encode(&self) -> Vec<u8> {
        let mut stream = RlpStream::new_list(4);
        self.append(&mut stream);
        stream.out().to_vec()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let rlp = codec::list(bytes, 4)?;
        let name = || codec::array_at(&rlp, 1).map(TransactionHash::new);
        let number_at = |index| codec::u64_at(&rlp, index).map(BlockNumber::new);
        let time_at = |index| codec::u64_at(&rlp, index).map(Timestamp::new);
        let count = || rlp.val_at(2).ok();
        let reason = || rlp.val_at(3).ok();
        Some(match rlp.val_at::<u8>(0).ok()? {
            DELAYED_ITEM => Self::DelayedItem { name: name()? },
            BLUEPRINT_DROPPED => Self::BlueprintDropped { number: number_at(1)?, reason: reason()? },
            TRANSACTION_DROPPED => {
                Self::TransactionDropped { number: number_at(1)?, position: count()?, reason: reason()? }
            }
            DELAYED_DROPPED => {
                Self::DelayedDropped { name: name()?, number: number_at(2)?, reason: reason()? }
            }
            FORCED => Self::Forced { number: number_at(1)?, items: count()? },
            UPGRADE_ANNOUNCED => Self::UpgradeAnnounced {
                root_hash: codec::array_at(&rlp, 1)?,
                activation: time_at(2)?,
                source: reason()?,
            },
            AUTHORITY_ANNOUNCED => Self::AuthorityAnnounced { activation: time_at(1)?, members: count()? },
            UPGRADES_CANCELLED => Self::UpgradesCancelled { count: count()? },
            OUTBOX_UNCERTAIN => Self::OutboxUncertain { number: codec::u64_at(&rlp, 1)? },
            SLOT_IGNORED => Self::SlotIgnored {
                published_level: L1Level::new(rlp.val_at(1).ok()?),
                slot: rlp.val_at(2).ok()?,
                reason: reason()?,
            },
            UPGRADE_ACTIVATED => Self::UpgradeActivated { root_hash: codec::array_at(&rlp, 1)? },
            UPGRADE_FAILED => Self::UpgradeFailed { root_hash: codec::array_at(&rlp, 1)?, reason: reason()? },
            AUTHORITY_CHANGED => {
                Self::AuthorityChanged { epoch: Epoch::new(rlp.val_at(1).ok()?), members: count()? }
            }
            AUTHORITIES_CANCELLED => Self::AuthoritiesCancelled { count: count()? },
            KEY_CHANGE_DROPPED => Self::KeyChangeDropped { number: number_at(1)?, reason: reason()? },
            _ => return None,
        })
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

/// Forgets an event that was written and not counted: the next one would be written over it, and may be shorter.
///
/// # Errors
/// As [`Key::read`] and [`Key::delete`].
pub fn forget_unfinished(store: &mut impl Store) -> Result<(), LayoutError> {
    let Count(index) = count()?.read(store)?.unwrap_or_default();
    event(index)?.delete(store)
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
