//! The file of the layer 1: which tables it has, and how they are read and written.

use super::block::Block;
use super::contents::Contents;
use super::ledger::{Ledger, Undo};
use super::mempool::Mempool;
use super::operation::{Pending, Place};
use crate::L1BlockHash;
use crate::sandbox::limits::{CONTENTS_MAX, PRUNED_AT_ONCE};
use crate::sandbox::store::{META, Store, StoreError};
use millrace_primitives::{L1Account, L1Level, Mutez, Timestamp};
use redb::{ReadableTable, TableDefinition, WriteTransaction};
use std::path::Path;

/// Names the contents of the file and their version.
const FORMAT: &str = "millrace sandbox layer 1/2";
/// Encoded blocks by hash, those of abandoned branches too.
pub(super) const BLOCKS: TableDefinition<'_, &[u8; 32], &[u8]> = TableDefinition::new("blocks");
/// The hash of the block of each level.
const LEVELS: TableDefinition<'_, u32, &[u8; 32]> = TableDefinition::new("levels");
/// Blocks that a reorganisation took off the chain, to forget them in the end.
const ABANDONED: TableDefinition<'_, (u32, &[u8; 32]), ()> = TableDefinition::new("abandoned");
/// Operations that wait, by their place in the queue.
const PENDING: TableDefinition<'_, Place, &[u8]> = TableDefinition::new("pending");
/// [`Contents`] of the newest levels.
const CONTENTS: TableDefinition<'_, u32, &[u8]> = TableDefinition::new("contents");
/// What accounts have, in mutez.
const BALANCES: TableDefinition<'_, &[u8; 22], u64> = TableDefinition::new("balances");
/// Executed outbox messages by level and index.
const EXECUTED: TableDefinition<'_, (u32, u32), ()> = TableDefinition::new("executed");

/// Key in [`META`]: the arrival number of the next operation, 64 bits.
pub(super) const NEXT_COUNTER: &str = "next_counter";
/// Key in [`META`]: reorganisations so far, 32 bits.
pub(super) const BRANCH: &str = "branch";
/// Key in [`META`]: how far the clock is ahead, in seconds, 64 bits with a sign.
pub(super) const CLOCK_OFFSET_S: &str = "clock_offset_s";

/// Opens the file; a new one gets a first block and accounts.
pub(super) fn open(
    path: &Path,
    now: Timestamp,
    endowment: &[(L1Account, Mutez)],
) -> Result<Store, StoreError> {
    let store = Store::open(path, FORMAT)?;
    store.write(|transaction| {
        let empty = transaction.open_table(LEVELS)?.last()?.is_none();
        transaction.open_table(PENDING)?;
        transaction.open_table(CONTENTS)?;
        transaction.open_table(ABANDONED)?;
        transaction.open_table(EXECUTED)?;
        let mut balances = transaction.open_table(BALANCES)?;
        if !empty {
            return Ok(());
        }
        for (account, balance) in endowment {
            balances.insert(account.as_bytes(), balance.get())?;
        }
        append(transaction, &Block::genesis(now))
    })?;
    Ok(store)
}

/// Puts a block on top of the chain.
pub(super) fn append(transaction: &WriteTransaction, block: &Block) -> Result<(), StoreError> {
    transaction.open_table(BLOCKS)?.insert(block.hash.as_bytes(), block.encode().as_slice())?;
    transaction.open_table(LEVELS)?.insert(block.level.get(), block.hash.as_bytes())?;
    Ok(())
}

/// Takes a block off the top of the chain, and answers what it contained.
pub(super) fn take_off(transaction: &WriteTransaction, block: &Block) -> Result<Contents, StoreError> {
    let level = block.level.get();
    transaction.open_table(LEVELS)?.remove(level)?;
    transaction.open_table(ABANDONED)?.insert((level, block.hash.as_bytes()), ())?;
    let mut contents = transaction.open_table(CONTENTS)?;
    let taken = contents.remove(level)?;
    let bytes = taken.ok_or_else(|| StoreError::damaged(format!("no contents of level {level}")))?;
    decode_contents(level, bytes.value())
}

/// The block below another, on the chain that a transaction sees.
pub(super) fn predecessor(transaction: &WriteTransaction, block: &Block) -> Result<Block, StoreError> {
    let hash = block.predecessor;
    let blocks = transaction.open_table(BLOCKS)?;
    let bytes = blocks.get(hash.as_bytes())?;
    let bytes = bytes.ok_or_else(|| StoreError::damaged(format!("block {hash} is missing")))?;
    decode_block(bytes.value(), hash)
}

pub(super) fn write_pending(transaction: &WriteTransaction, operation: &Pending) -> Result<(), StoreError> {
    transaction.open_table(PENDING)?.insert(operation.place(), operation.encode().as_slice())?;
    Ok(())
}

pub(super) fn remove_pending(transaction: &WriteTransaction, places: &[Place]) -> Result<(), StoreError> {
    let mut pending = transaction.open_table(PENDING)?;
    for place in places {
        pending.remove(*place)?;
    }
    Ok(())
}

/// Remembers what a level contained, and forgets what is too old to be taken back.
pub(super) fn write_contents(
    transaction: &WriteTransaction,
    level: L1Level,
    contents: &Contents,
) -> Result<(), StoreError> {
    let mut table = transaction.open_table(CONTENTS)?;
    table.insert(level.get(), contents.encode().as_slice())?;
    let oldest = level.saturating_sub(CONTENTS_MAX - 1).get();
    table.retain_in(..oldest, |_, _| false)?;
    Ok(())
}

/// Writes what the ledger has now where these changes were made or taken back.
pub(super) fn write_ledger(
    transaction: &WriteTransaction,
    ledger: &Ledger,
    changes: &[Undo],
) -> Result<(), StoreError> {
    let mut balances = transaction.open_table(BALANCES)?;
    let mut executed = transaction.open_table(EXECUTED)?;
    for change in changes {
        match change {
            Undo::Balance(account, _) => match ledger.balance(account) {
                Mutez::ZERO => balances.remove(account.as_bytes())?.map(|_| ()),
                balance => balances.insert(account.as_bytes(), balance.get())?.map(|_| ()),
            },
            Undo::Executed(level, index) if ledger.is_executed(*level, *index) => {
                executed.insert((level.get(), *index), ())?.map(|_| ())
            }
            Undo::Executed(level, index) => executed.remove((level.get(), *index))?.map(|_| ()),
        };
    }
    Ok(())
}

pub(super) fn write_meta(transaction: &WriteTransaction, key: &str, value: &[u8]) -> Result<(), StoreError> {
    transaction.open_table(META)?.insert(key, value)?;
    Ok(())
}

pub(super) fn read_block(store: &Store, hash: L1BlockHash) -> Result<Option<Block>, StoreError> {
    let blocks = store.read()?.open_table(BLOCKS)?;
    let Some(bytes) = blocks.get(hash.as_bytes())? else { return Ok(None) };
    decode_block(bytes.value(), hash).map(Some)
}

/// The block of a level below the head; `None` below what is kept.
pub(super) fn read_block_at(store: &Store, level: L1Level) -> Result<Option<Block>, StoreError> {
    let levels = store.read()?.open_table(LEVELS)?;
    let hash = levels.get(level.get())?.map(|hash| L1BlockHash::new(*hash.value()));
    let Some(hash) = hash else {
        let first_kept = levels.range(1..)?.next().transpose()?.map_or(0, |(level, _)| level.value());
        let last = levels.last()?.map_or(0, |(level, _)| level.value());
        // Above the last: a reorganisation came in between.
        if level.get() < first_kept || level.get() > last {
            return Ok(None);
        }
        return Err(StoreError::damaged(format!("no block at level {level}")));
    };
    let block = read_block(store, hash)?;
    let missing = || StoreError::damaged(format!("block {hash} of level {level} is missing"));
    block.map(Some).ok_or_else(missing)
}

pub(super) fn read_head(store: &Store) -> Result<Block, StoreError> {
    let levels = store.read()?.open_table(LEVELS)?;
    let (level, hash) = levels
        .last()?
        .map(|(level, hash)| (level.value(), L1BlockHash::new(*hash.value())))
        .ok_or_else(|| StoreError::damaged("no level"))?;
    let block = read_block(store, hash)?.filter(|block| block.level.get() == level);
    block.ok_or_else(|| StoreError::damaged(format!("head {hash} of level {level}")))
}

pub(super) fn read_contents(store: &Store, level: L1Level) -> Result<Option<Contents>, StoreError> {
    let table = store.read()?.open_table(CONTENTS)?;
    let Some(bytes) = table.get(level.get())? else { return Ok(None) };
    decode_contents(level.get(), bytes.value()).map(Some)
}

pub(super) fn read_mempool(store: &Store) -> Result<Mempool, StoreError> {
    let next_counter = read_meta(store, NEXT_COUNTER)?.map_or(0, u64::from_be_bytes);
    let mut pending = Vec::new();
    for entry in store.read()?.open_table(PENDING)?.iter()? {
        let (place, bytes) = entry?;
        let operation = Pending::decode(bytes.value());
        let place = place.value();
        pending.push(operation.map_err(|_| StoreError::damaged(format!("operation {place:?}")))?);
    }
    Ok(Mempool::restore(pending, next_counter))
}

pub(super) fn read_ledger(store: &Store) -> Result<Ledger, StoreError> {
    let transaction = store.read()?;
    let mut ledger = Ledger::default();
    for entry in transaction.open_table(BALANCES)?.iter()? {
        let (account, balance) = entry?;
        ledger.set_balance(L1Account::new(*account.value()), Mutez::new(balance.value()));
    }
    for entry in transaction.open_table(EXECUTED)?.iter()? {
        let (level, index) = entry?.0.value();
        ledger.set_executed(L1Level::new(level), index);
    }
    Ok(ledger)
}

pub(super) fn read_branch(store: &Store) -> Result<u32, StoreError> {
    Ok(read_meta(store, BRANCH)?.map_or(0, u32::from_be_bytes))
}

pub(super) fn read_clock_offset_s(store: &Store) -> Result<i64, StoreError> {
    Ok(read_meta(store, CLOCK_OFFSET_S)?.map_or(0, i64::from_be_bytes))
}

fn read_meta<const N: usize>(store: &Store, key: &'static str) -> Result<Option<[u8; N]>, StoreError> {
    let meta = store.read()?.open_table(META)?;
    let Some(bytes) = meta.get(key)? else { return Ok(None) };
    bytes.value().try_into().map(Some).map_err(|_| StoreError::damaged(key))
}

fn decode_block(bytes: &[u8], hash: L1BlockHash) -> Result<Block, StoreError> {
    Block::decode(bytes, hash).map_err(|_| StoreError::damaged(format!("block {hash}")))
}

fn decode_contents(level: u32, bytes: &[u8]) -> Result<Contents, StoreError> {
    Contents::decode(bytes).map_err(|_| StoreError::damaged(format!("contents of level {level}")))
}

/// The oldest levels before `first`, once there are [`PRUNED_AT_ONCE`] of them.
pub(super) fn to_prune(store: &Store, first: L1Level) -> Result<Option<Vec<u32>>, StoreError> {
    let old = old_levels(&store.read()?.open_table(LEVELS)?, first)?;
    Ok((old.len() >= PRUNED_AT_ONCE).then_some(old))
}

/// Forgets the blocks of these levels, and those of abandoned branches up to the last of them.
pub(super) fn prune(transaction: &WriteTransaction, old: &[u32]) -> Result<(), StoreError> {
    let mut levels = transaction.open_table(LEVELS)?;
    let mut blocks = transaction.open_table(BLOCKS)?;
    for level in old {
        if let Some(hash) = levels.remove(level)? {
            blocks.remove(hash.value())?;
        }
    }
    let Some(last) = old.last() else { return Ok(()) };
    let mut abandoned = transaction.open_table(ABANDONED)?;
    let mut gone = Vec::new();
    for entry in abandoned.range(..=(*last, &[0xff; 32]))? {
        let place = entry?.0;
        let (level, hash) = place.value();
        gone.push((level, *hash));
    }
    for (level, hash) in &gone {
        abandoned.remove((*level, hash))?;
        blocks.remove(hash)?;
    }
    Ok(())
}

/// The oldest levels before `first` that a table still has, as many as are removed at once, but not level 0.
pub(in crate::sandbox) fn old_levels<V: redb::Value + 'static>(
    table: &impl ReadableTable<u32, V>,
    first: L1Level,
) -> Result<Vec<u32>, StoreError> {
    let range = table.range(1..first.get().max(1))?;
    let levels = range.take(PRUNED_AT_ONCE).map(|entry| Ok(entry?.0.value()));
    levels.collect()
}
