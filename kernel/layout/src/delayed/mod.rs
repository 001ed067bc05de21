//! The delayed inbox: what users sent through the layer 1, in order of arrival, until a block contains it.
//!
//! A queue of numbered items with an index from name to number. Removing from the middle leaves a hole that
//! the front skips.

pub mod bridge;
mod item;

pub use item::{Content, Item};

use crate::{
    Key, LayoutError, Value,
    catalog::{DELAYED_BOUNDS, DELAYED_ITEM, DELAYED_NAME},
};
use alloc::{string::ToString, vec::Vec};
use millrace_host::Store;
use millrace_primitives::TransactionHash;

/// How far back and front may be apart for a deposit to enter. Each costs its sender a layer-1 operation, and a
/// deposit that is refused is money lost: the bound is there to have one.
pub const ITEMS_MAX: u64 = 1 << 20;
/// The same for a transaction: a flood of them leaves most of the queue to deposits.
pub const ITEMS_MAX_TRANSACTION: u64 = 1 << 16;

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
    /// As many items wait as may: [`ITEMS_MAX`], [`ITEMS_MAX_TRANSACTION`].
    Full,
}

/// Appends an item. The item is written before its name, and the name before the bounds, so that a run
/// that dies in between leaves at most what the next push overwrites.
///
/// # Errors
/// As [`Key::read`] and [`Key::write`].
pub fn push(store: &mut impl Store, new: &Item) -> Result<Pushed, LayoutError> {
    let Bounds { front, back } = bounds()?.read(store)?.unwrap_or_default();
    // A name whose push died may point where another item is now: it does not wait.
    let known = name(new.name)?.read(store)?.filter(|position| position.0 < back);
    if known.is_some() && find(store, new.name)?.is_some() {
        return Ok(Pushed::Known);
    }
    let span_max = match new.content {
        Content::Deposit(_) | Content::FaDeposit(_) => ITEMS_MAX,
        Content::Transaction(_) => ITEMS_MAX_TRANSACTION,
    };
    if back.saturating_sub(front) >= span_max {
        return Ok(Pushed::Full);
    }
    let position = Position(back);
    item(position)?.write(store, new)?;
    name(new.name)?.write(store, &position)?;
    bounds()?.write(store, &Bounds { front, back: back.saturating_add(1) })?;
    Ok(Pushed::Queued)
}

/// Forgets an item whose push died: it never waited.
///
/// # Errors
/// As [`Key::read`].
pub fn forget_unfinished(store: &mut impl Store) -> Result<(), LayoutError> {
    let Bounds { back, .. } = bounds()?.read(store)?.unwrap_or_default();
    let item = item(Position(back))?;
    match item.read(store) {
        Ok(None) => return Ok(()),
        Ok(Some(unfinished)) => {
            let name = name(unfinished.name)?;
            // Its name may be that of an item which came later.
            if name.read(store)? == Some(Position(back)) {
                name.delete(store)?;
            }
        }
        // Only half of it is there, and its name was to be written after it.
        Err(LayoutError::Corrupt { .. }) => {}
        Err(error) => return Err(error),
    }
    item.delete(store)
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

/// Goes through the items from the front, oldest first, as long as `visit` says so. An item of a kind that this
/// kernel does not know is passed over: it waits for one that does.
///
/// # Errors
/// [`LayoutError::Host`].
pub fn walk(store: &impl Store, mut visit: impl FnMut(Item) -> bool) -> Result<(), LayoutError> {
    let Bounds { front, back } = bounds()?.read(store)?.unwrap_or_default();
    for position in front..back {
        match item(Position(position))?.read(store) {
            Ok(None) | Err(LayoutError::Corrupt { .. }) => {}
            Ok(Some(item)) => {
                if !visit(item) {
                    return Ok(());
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Up to `count_max` items from the front, oldest first.
///
/// # Errors
/// As [`walk`].
pub fn oldest(store: &impl Store, count_max: usize) -> Result<Vec<Item>, LayoutError> {
    let mut items = Vec::new();
    if count_max == 0 {
        return Ok(items);
    }
    walk(store, |item| {
        items.push(item);
        items.len() < count_max
    })?;
    Ok(items)
}
