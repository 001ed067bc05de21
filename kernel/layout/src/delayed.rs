//! The delayed inbox: what users sent through the layer 1, in order of arrival, until a block contains it.
//!
//! A queue of numbered items with an index from name to number. Removing from the middle leaves a hole that
//! the front skips.

use crate::{
    Key, LayoutError, Value,
    catalog::{DELAYED_BOUNDS, DELAYED_ITEM, DELAYED_NAME},
    codec,
};
use alloc::{string::ToString, vec::Vec};
use millrace_host::Store;
use millrace_primitives::{Address, L1Level, Mutez, Timestamp, TransactionHash};
use millrace_wire::deposit::NativeDeposit;
use rlp::RlpStream;

/// How many items may wait. Each costs its sender a layer-1 operation.
pub const ITEMS_MAX: u64 = 1 << 20;

/// What waits.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Content {
    /// Tez that become the native token.
    Deposit(NativeDeposit),
}

/// An item of the delayed inbox.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Item {
    /// Its name in blueprints: the hash of the transaction that it becomes.
    pub name: TransactionHash,
    /// The level whose inbox brought it.
    pub level: L1Level,
    /// The time of that level.
    pub timestamp: Timestamp,
    /// What it is.
    pub content: Content,
}

const DEPOSIT: u8 = 1;

impl Value for Item {
    const SIZE_BYTES_MAX: usize = 65_536;
    const IS_FIXED: bool = false;

    fn encode(&self) -> Vec<u8> {
        let Content::Deposit(deposit) = &self.content;
        let mut stream = RlpStream::new_list(8);
        stream.append(&self.name.as_bytes().as_slice());
        stream.append(&self.level.get());
        stream.append(&self.timestamp.get());
        stream.append(&DEPOSIT);
        stream.append(&deposit.amount.get());
        stream.append(&deposit.receiver);
        stream.append(&deposit.level.get());
        stream.append(&deposit.index);
        stream.out().to_vec()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let rlp = codec::list(bytes, 8)?;
        if codec::u64_at(&rlp, 3)? != u64::from(DEPOSIT) {
            return None;
        }
        let deposit = NativeDeposit {
            amount: Mutez::new(codec::u64_at(&rlp, 4)?),
            receiver: Address::from(codec::array_at::<20>(&rlp, 5)?),
            level: L1Level::new(rlp.val_at(6).ok()?),
            index: rlp.val_at(7).ok()?,
        };
        Some(Self {
            name: TransactionHash::new(codec::array_at(&rlp, 0)?),
            level: L1Level::new(rlp.val_at(1).ok()?),
            timestamp: Timestamp::new(codec::u64_at(&rlp, 2)?),
            content: Content::Deposit(deposit),
        })
    }
}

/// The numbers in use: items are in `front..back`, holes included.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Bounds {
    /// Number of the oldest item.
    pub front: u64,
    /// Number that the next item gets.
    pub back: u64,
}

impl Value for Bounds {
    const SIZE_BYTES_MAX: usize = 16;
    const IS_FIXED: bool = true;

    fn encode(&self) -> Vec<u8> {
        let mut bytes = self.front.to_be_bytes().to_vec();
        bytes.extend_from_slice(&self.back.to_be_bytes());
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (front, back) = bytes.split_first_chunk::<8>()?;
        let (front, back) = (u64::from_be_bytes(*front), u64::from_be_bytes(back.try_into().ok()?));
        (front <= back).then_some(Self { front, back })
    }
}

/// The position of an item in the queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Position(pub u64);

impl Value for Position {
    const SIZE_BYTES_MAX: usize = 8;
    const IS_FIXED: bool = true;

    fn encode(&self) -> Vec<u8> {
        self.0.to_be_bytes().to_vec()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(u64::from_be_bytes).map(Self)
    }
}

/// The key of the bounds of the queue.
///
/// # Errors
/// Never, short of a bug in this crate.
pub fn bounds() -> Result<Key<Bounds>, LayoutError> {
    Key::new(DELAYED_BOUNDS.pattern.to_string())
}

/// The key of the item at `position`.
///
/// # Errors
/// Never, short of a bug in this crate.
pub fn item(position: Position) -> Result<Key<Item>, LayoutError> {
    Key::new(DELAYED_ITEM.fill(&[&position.0]))
}

/// The key of the position of the item called `name`.
///
/// # Errors
/// Never, short of a bug in this crate.
pub fn name(name: TransactionHash) -> Result<Key<Position>, LayoutError> {
    Key::new(DELAYED_NAME.fill(&[&name]))
}

/// The item called `name`, if it waits.
///
/// # Errors
/// As [`Key::read`].
pub fn find(store: &impl Store, wanted: TransactionHash) -> Result<Option<Item>, LayoutError> {
    let Some(position) = name(wanted)?.read(store)? else { return Ok(None) };
    // A name whose push died may point where another item is now.
    Ok(item(position)?.read(store)?.filter(|item| item.name == wanted))
}

/// What became of an item offered to the queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pushed {
    /// It waits now.
    Queued,
    /// It waited already: the same name is the same item.
    Known,
    /// [`ITEMS_MAX`] items wait.
    Full,
}

/// Appends an item. The item is written before its name, and the name before the bounds, so that a run
/// that dies in between leaves at most what the next push overwrites.
///
/// # Errors
/// As [`Key::read`] and [`Key::write`].
pub fn push(store: &mut impl Store, new: &Item) -> Result<Pushed, LayoutError> {
    let Bounds { front, back } = bounds()?.read(store)?.unwrap_or_default();
    let known = name(new.name)?.read(store)?;
    if known.is_some_and(|position| position.0 < back) {
        return Ok(Pushed::Known);
    }
    if back.saturating_sub(front) >= ITEMS_MAX {
        return Ok(Pushed::Full);
    }
    let position = Position(back);
    item(position)?.write(store, new)?;
    name(new.name)?.write(store, &position)?;
    bounds()?.write(store, &Bounds { front, back: back.saturating_add(1) })?;
    Ok(Pushed::Queued)
}

/// Removes the item called `wanted`, and moves the front past any hole. Nothing there is no error.
///
/// # Errors
/// As [`Key::read`] and [`Key::write`].
pub fn remove(store: &mut impl Store, wanted: TransactionHash) -> Result<(), LayoutError> {
    let name = name(wanted)?;
    if let Some(position) = name.read(store)? {
        item(position)?.delete(store)?;
        name.delete(store)?;
    }
    advance_front(store)
}

/// Moves the front of the queue to its first item.
fn advance_front(store: &mut impl Store) -> Result<(), LayoutError> {
    let key = bounds()?;
    let Some(Bounds { front, back }) = key.read(store)? else { return Ok(()) };
    let mut first = front;
    while first < back && !item(Position(first))?.exists(store)? {
        first = first.saturating_add(1);
    }
    if first == front { Ok(()) } else { key.write(store, &Bounds { front: first, back }) }
}

/// Up to `count_max` items from the front, oldest first.
///
/// # Errors
/// As [`Key::read`].
pub fn oldest(store: &impl Store, count_max: usize) -> Result<Vec<Item>, LayoutError> {
    let Bounds { front, back } = bounds()?.read(store)?.unwrap_or_default();
    let mut items = Vec::new();
    for position in front..back {
        if items.len() >= count_max {
            break;
        }
        items.extend(item(Position(position))?.read(store)?);
    }
    Ok(items)
}
