//! The transactions of a rollup without sequencer: they come through the inbox, and a block of each level takes
//! what there is room for.
//!
//! Anybody can put something here, so everything has a bound: how many wait, how many are being put together, and
//! for how long.

use crate::{
    Key, LayoutError, Value,
    catalog::{QUEUE_BOUNDS, QUEUE_CHUNK, QUEUE_PARTIAL, QUEUE_PARTIALS, QUEUE_TRANSACTION},
    codec::{self, raw_bytes},
    delayed::Bounds,
    key::{at, path},
};
use alloc::{string::ToString, vec::Vec};
use millrace_host::Store;
use millrace_primitives::{H256, L1Level, TransactionHash};
use millrace_wire::TRANSACTION_BYTES_MAX;
use rlp::RlpStream;

/// Most transactions that wait.
pub const TRANSACTIONS_MAX: u64 = 4_096;
/// Most transactions that are being put together from chunks.
pub const PARTIALS_MAX: usize = 64;
/// For how many levels a transaction is waited for after its announcement.
pub const PARTIAL_LEVELS_MAX: u32 = 10;

/// A transaction that waits.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Waiting(pub Vec<u8>);

raw_bytes!(Waiting, TRANSACTION_BYTES_MAX, is_fixed: false);

/// A chunk of a transaction that is being put together.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Chunk(pub Vec<u8>);

raw_bytes!(Chunk, 4_096, is_fixed: false);

/// What was announced of a transaction that comes in chunks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Partial {
    /// Keccak-256 of each chunk.
    pub chunks: Vec<H256>,
}

impl Value for Partial {
    const SIZE_BYTES_MAX: usize = 4_096;
    const IS_FIXED: bool = false;

    fn encode(&self) -> Vec<u8> {
        let mut stream = RlpStream::new();
        stream.append_list(&self.chunks);
        stream.out().to_vec()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        codec::whole_list(bytes)?.as_list().ok().map(|chunks| Self { chunks })
    }
}

/// The transactions that are being put together, with the level of their announcement, oldest first.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Partials(pub Vec<(TransactionHash, L1Level)>);

impl Value for Partials {
    const SIZE_BYTES_MAX: usize = 4_096;
    const IS_FIXED: bool = false;

    fn encode(&self) -> Vec<u8> {
        let mut stream = RlpStream::new_list(self.0.len());
        for (hash, level) in &self.0 {
            stream.begin_list(2).append(&hash.as_bytes().as_slice()).append(&level.get());
        }
        stream.out().to_vec()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let entry = |rlp: rlp::Rlp<'_>| {
            let hash = TransactionHash::new(codec::array_at(&rlp, 0)?);
            Some((hash, L1Level::new(rlp.val_at(1).ok()?)))
        };
        codec::whole_list(bytes)?.iter().map(entry).collect::<Option<_>>().map(Self)
    }
}

/// The key of the numbers in use.
///
/// # Errors
/// Never, short of a bug in this crate.
pub fn bounds() -> Result<Key<Bounds>, LayoutError> {
    Key::new(QUEUE_BOUNDS.pattern.to_string())
}

/// The key of the transaction at `position`.
///
/// # Errors
/// Never, short of a bug in this crate.
pub fn transaction(position: u64) -> Result<Key<Waiting>, LayoutError> {
    Key::new(QUEUE_TRANSACTION.fill(&[&position]))
}

/// The key of the list of transactions that are being put together.
///
/// # Errors
/// Never, short of a bug in this crate.
pub fn partials() -> Result<Key<Partials>, LayoutError> {
    Key::new(QUEUE_PARTIALS.pattern.to_string())
}

/// The key of what was announced of a transaction; its chunks are below.
///
/// # Errors
/// Never, short of a bug in this crate.
pub fn partial(hash: TransactionHash) -> Result<Key<Partial>, LayoutError> {
    Key::new(QUEUE_PARTIAL.fill(&[&hash]))
}

/// The key of a chunk of a transaction.
///
/// # Errors
/// Never, short of a bug in this crate.
pub fn chunk(hash: TransactionHash, index: u16) -> Result<Key<Chunk>, LayoutError> {
    Key::new(QUEUE_CHUNK.fill(&[&hash, &index]))
}

/// Appends a transaction. False when [`TRANSACTIONS_MAX`] wait.
///
/// # Errors
/// As [`Key::read`] and [`Key::write`].
pub fn push(store: &mut impl Store, raw: &[u8]) -> Result<bool, LayoutError> {
    let Bounds { front, back } = bounds()?.read(store)?.unwrap_or_default();
    if back.saturating_sub(front) >= TRANSACTIONS_MAX {
        return Ok(false);
    }
    transaction(back)?.write(store, &Waiting(raw.to_vec()))?;
    bounds()?.write(store, &Bounds { front, back: back.saturating_add(1) })?;
    Ok(true)
}

/// Whether nothing waits.
///
/// # Errors
/// As [`Key::read`].
pub fn is_empty(store: &impl Store) -> Result<bool, LayoutError> {
    Ok(bounds()?.read(store)?.is_none_or(|bounds| bounds.front >= bounds.back))
}

/// Up to `count_max` transactions from the front, as long as they have at most `bytes_max` together; at least one if
/// there is one.
///
/// # Errors
/// As [`Key::read`]; a hole in the queue counts as corruption.
pub fn oldest(store: &impl Store, count_max: usize, bytes_max: usize) -> Result<Vec<Vec<u8>>, LayoutError> {
    let Bounds { front, back } = bounds()?.read(store)?.unwrap_or_default();
    let (mut taken, mut bytes) = (Vec::new(), 0usize);
    for position in (front..back).take(count_max) {
        let Waiting(raw) = transaction(position)?.require(store)?;
        bytes = bytes.saturating_add(raw.len());
        if bytes > bytes_max && !taken.is_empty() {
            break;
        }
        taken.push(raw);
    }
    Ok(taken)
}

/// Forgets everything before `front`. Doing it twice changes nothing.
///
/// # Errors
/// As [`Key::read`] and [`Key::write`].
pub fn advance(store: &mut impl Store, front: u64) -> Result<(), LayoutError> {
    let Some(old) = bounds()?.read(store)? else { return Ok(()) };
    for position in old.front..front.min(old.back) {
        transaction(position)?.delete(store)?;
    }
    let front = front.clamp(old.front, old.back);
    bounds()?.write(store, &Bounds { front, ..old })
}

/// Drops the oldest transaction, which then counts as nothing: the queue keeps its place, as heads refer to it.
///
/// # Errors
/// As [`Key::read`] and [`Key::write`].
pub fn drop_first(store: &mut impl Store) -> Result<(), LayoutError> {
    let Bounds { front, back } = bounds()?.read(store)?.unwrap_or_default();
    if front < back { transaction(front)?.write(store, &Waiting(Vec::new())) } else { Ok(()) }
}

/// Forgets a transaction that is being put together.
///
/// # Errors
/// [`LayoutError::Host`].
pub fn forget_partial(store: &mut impl Store, hash: TransactionHash) -> Result<(), LayoutError> {
    let node = path(QUEUE_PARTIAL.fill(&[&hash]))?;
    store.store_delete(node.as_path()).map_err(at(&node))
}
