//! The layer 1 of the sandbox: blocks with hashes and predecessors, and the messages that wait for one.
//!
//! A block is on disk before anybody sees it, and so is a message before its sender hears that it was taken:
//! a crash loses neither. Blocks are stored by hash and a second table says which hash is the chain's at each
//! level, so that a reorganisation only has to rewrite the second.

mod block;
mod mempool;

pub use block::Block;
pub use mempool::{NewMessage, Origin, Pending, Refused};

use super::limits::{FINALITY_LEVELS, PRUNED_AT_ONCE};
use super::store::{META, Store, StoreError};
use crate::{L1BlockHash, MessageId};
use mempool::Mempool;
use millrace_primitives::{L1Level, Timestamp};
use redb::{ReadableTable, TableDefinition, WriteTransaction};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// Names the contents of the file and their version.
const FORMAT: &str = "millrace sandbox layer 1/1";
/// Encoded blocks by hash.
const BLOCKS: TableDefinition<'_, &[u8; 32], &[u8]> = TableDefinition::new("blocks");
/// The hash of the block of each level.
const LEVELS: TableDefinition<'_, u32, &[u8; 32]> = TableDefinition::new("levels");
/// Messages that wait, by their place in the queue.
const PENDING: TableDefinition<'_, (u64, u64), &[u8]> = TableDefinition::new("pending");
/// Key in [`META`]: the arrival number of the next message.
const NEXT_COUNTER: &str = "next_counter";

/// Why messages were not taken.
#[derive(Debug, thiserror::Error)]
pub enum InjectError {
    /// The sender's fault, or a full queue.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// Ours.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The chain. All methods block on the disk: call them off the async executor.
pub struct Chain {
    store: Store,
    inner: Mutex<Inner>,
    head: watch::Sender<Arc<Block>>,
}

struct Inner {
    head: Arc<Block>,
    mempool: Mempool,
}

impl Chain {
    /// Opens the chain in this file, or starts one with a genesis block of time `now`.
    ///
    /// # Errors
    /// [`StoreError`] when the file cannot be used or its contents are damaged.
    pub fn open(path: &Path, now: Timestamp) -> Result<Self, StoreError> {
        let store = Store::open(path, FORMAT)?;
        store.write(|transaction| {
            let empty = transaction.open_table(LEVELS)?.last()?.is_none();
            transaction.open_table(PENDING)?;
            if empty { append(transaction, &Block::genesis(now)) } else { Ok(()) }
        })?;
        let head = Arc::new(read_head(&store)?);
        let mempool = read_mempool(&store)?;
        let (sender, _) = watch::channel(Arc::clone(&head));
        Ok(Self { store, inner: Mutex::new(Inner { head, mempool }), head: sender })
    }

    /// The newest block.
    pub fn head(&self) -> Arc<Block> {
        Arc::clone(&self.lock().head)
    }

    /// Tells of every new head; a slow reader sees only the newest.
    pub fn watch_head(&self) -> watch::Receiver<Arc<Block>> {
        self.head.subscribe()
    }

    /// The newest level that cannot be undone.
    pub fn finalized_level(&self) -> L1Level {
        self.lock().head.level.saturating_sub(FINALITY_LEVELS)
    }

    /// The block of a level, `None` above the head and below what is kept.
    ///
    /// # Errors
    /// [`StoreError`] when the file fails or the block is damaged.
    pub fn block_at(&self, level: L1Level) -> Result<Option<Arc<Block>>, StoreError> {
        let head = self.head();
        if level >= head.level {
            return Ok((level == head.level).then_some(head));
        }
        let levels = self.store.read()?.open_table(LEVELS)?;
        let hash = levels.get(level.get())?.map(|hash| L1BlockHash::new(*hash.value()));
        let Some(hash) = hash else {
            let first_kept = levels.range(1..)?.next().transpose()?.map_or(0, |(level, _)| level.value());
            if level.get() < first_kept {
                return Ok(None);
            }
            return Err(StoreError::damaged(format!("no block at level {level}")));
        };
        read_block(&self.store, hash)?
            .map(|block| Some(Arc::new(block)))
            .ok_or_else(|| StoreError::damaged(format!("block {hash} of level {level} is missing")))
    }

    /// The block of a hash, `None` when it is unknown.
    ///
    /// # Errors
    /// [`StoreError`] when the file fails or the block is damaged.
    pub fn block(&self, hash: L1BlockHash) -> Result<Option<Arc<Block>>, StoreError> {
        Ok(read_block(&self.store, hash)?.map(Arc::new))
    }

    /// Takes messages in, to be included in one of the next levels: all of them, or none.
    ///
    /// # Errors
    /// [`InjectError::Refused`] for a message against the rules, [`InjectError::Store`] when the file fails.
    pub fn inject(&self, messages: Vec<NewMessage>) -> Result<Vec<MessageId>, InjectError> {
        let mut inner = self.lock();
        let (ids, added) = inner.mempool.prepare(messages)?;
        let Some(last) = added.last() else { return Ok(ids) };
        let next_counter = last.counter + 1;
        self.store.write(|transaction| {
            let mut pending = transaction.open_table(PENDING)?;
            for message in &added {
                pending.insert(message.place(), message.encode().as_slice())?;
            }
            let mut meta = transaction.open_table(META)?;
            meta.insert(NEXT_COUNTER, next_counter.to_be_bytes().as_slice())?;
            Ok(())
        })?;
        added.into_iter().for_each(|message| inner.mempool.insert(message));
        Ok(ids)
    }

    /// Makes the next block of the messages that wait, as many as fit, with time `now` (or its predecessor's
    /// if that is later).
    ///
    /// # Errors
    /// [`StoreError`] when the file fails; nothing has changed then.
    pub fn bake(&self, now: Timestamp) -> Result<Arc<Block>, StoreError> {
        let mut inner = self.lock();
        let level = inner.head.level.checked_add(1).ok_or_else(|| StoreError::damaged("no level is left"))?;
        let (places, messages): (Vec<_>, Vec<_>) =
            inner.mempool.next_level().into_iter().map(|m| (m.place(), m.bytes.clone())).unzip();
        let timestamp = now.max(inner.head.timestamp);
        let block = Arc::new(Block::new(level, inner.head.hash, timestamp, messages));
        self.store.write(|transaction| {
            let mut pending = transaction.open_table(PENDING)?;
            for place in &places {
                pending.remove(*place)?;
            }
            append(transaction, &block)
        })?;
        inner.mempool.remove(&places);
        inner.head = Arc::clone(&block);
        // Under the lock, so that heads are told in order.
        self.head.send_replace(Arc::clone(&block));
        Ok(block)
    }

    /// Forgets blocks before `first`, once there are [`PRUNED_AT_ONCE`] of them, and so many at a time; the first
    /// block of the chain stays.
    ///
    /// # Errors
    /// [`StoreError`] when the file fails; nothing has changed then.
    pub fn prune(&self, first: L1Level) -> Result<(), StoreError> {
        let old = old_levels(&self.store.read()?.open_table(LEVELS)?, first)?;
        if old.len() < PRUNED_AT_ONCE {
            return Ok(());
        }
        // Against a level that is being made; nobody reads what is this old.
        let _inner = self.lock();
        self.store.write(|transaction| {
            let mut levels = transaction.open_table(LEVELS)?;
            let mut blocks = transaction.open_table(BLOCKS)?;
            for level in old {
                if let Some(hash) = levels.remove(level)? {
                    blocks.remove(hash.value())?;
                }
            }
            Ok(())
        })
    }

    /// The messages that wait, in the order of the queue.
    pub fn pending(&self) -> Vec<Pending> {
        self.lock().mempool.iter().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic under the lock cannot leave it half changed: memory is changed only after the disk.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The oldest levels before `first` that a table still has, as many as are removed at once, but not level 0.
pub(super) fn old_levels<V: redb::Value + 'static>(
    table: &impl ReadableTable<u32, V>,
    first: L1Level,
) -> Result<Vec<u32>, StoreError> {
    let range = table.range(1..first.get().max(1))?;
    let levels = range.take(PRUNED_AT_ONCE).map(|entry| Ok(entry?.0.value()));
    levels.collect()
}

fn append(transaction: &WriteTransaction, block: &Block) -> Result<(), StoreError> {
    transaction.open_table(BLOCKS)?.insert(block.hash.as_bytes(), block.encode().as_slice())?;
    transaction.open_table(LEVELS)?.insert(block.level.get(), block.hash.as_bytes())?;
    Ok(())
}

fn read_block(store: &Store, hash: L1BlockHash) -> Result<Option<Block>, StoreError> {
    let blocks = store.read()?.open_table(BLOCKS)?;
    let Some(bytes) = blocks.get(hash.as_bytes())? else { return Ok(None) };
    let block = Block::decode(bytes.value(), hash);
    block.map(Some).map_err(|_| StoreError::damaged(format!("block {hash}")))
}

fn read_head(store: &Store) -> Result<Block, StoreError> {
    let levels = store.read()?.open_table(LEVELS)?;
    let (level, hash) = levels
        .last()?
        .map(|(level, hash)| (level.value(), L1BlockHash::new(*hash.value())))
        .ok_or_else(|| StoreError::damaged("no level"))?;
    let block = read_block(store, hash)?.filter(|block| block.level.get() == level);
    block.ok_or_else(|| StoreError::damaged(format!("head {hash} of level {level}")))
}

fn read_mempool(store: &Store) -> Result<Mempool, StoreError> {
    let transaction = store.read()?;
    let meta = transaction.open_table(META)?;
    let next_counter = match meta.get(NEXT_COUNTER)? {
        None => 0,
        Some(bytes) => {
            let bytes = bytes.value().try_into().map_err(|_| StoreError::damaged(NEXT_COUNTER))?;
            u64::from_be_bytes(bytes)
        }
    };
    let mut pending = Vec::new();
    for entry in transaction.open_table(PENDING)?.iter()? {
        let (place, bytes) = entry?;
        let message = Pending::decode(bytes.value());
        let place = place.value();
        pending.push(message.map_err(|_| StoreError::damaged(format!("message {place:?}")))?);
    }
    Ok(Mempool::restore(pending, next_counter))
}

#[cfg(test)]
mod tests;
