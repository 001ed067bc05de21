//! The layer 1 of the sandbox: blocks with hashes and predecessors, and the operations that wait for one.
//!
//! A block is on disk before anybody sees it, and so is an operation before its sender hears that it was taken:
//! a crash loses neither. Blocks are stored by hash and a second table says which hash is the chain's at each
//! level; what the newest levels did is remembered, so that a reorganisation can take it back.

mod block;
mod contents;
mod faults;
mod ledger;
mod mempool;
mod operation;
mod reorganisation;
mod tables;

pub use block::Block;
pub use contents::{Contents, Included};
pub use faults::{Fate, Faults, FullLevels};
pub use ledger::{Effect, Failed};
pub use mempool::Refused;
pub use operation::{NewCall, NewMessage, Origin, Pending};
pub use reorganisation::{Reorganisation, ReorganisationError};
pub(super) use tables::old_levels;

use super::contracts::account_of;
use super::limits::{BATCHER_KEYS, CLOCK_OFFSET_S_MAX, FINALITY_LEVELS};
use super::store::{Store, StoreError};
use crate::{L1BlockHash, MessageId};
use ledger::Ledger;
use mempool::{Mempool, New, Room};
use millrace_primitives::{L1Account, L1Level, Mutez, Timestamp};
use operation::Place;
use redb::WriteTransaction;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tables::{CLOCK_OFFSET_S, NEXT_COUNTER};
use tokio::sync::watch;

/// Why operations were not taken.
#[derive(Debug, thiserror::Error)]
pub enum InjectError {
    /// The sender's fault, or a full queue.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// Ours.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What is chosen about a layer 1.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rules {
    /// Keys that the batcher signs with: it has as many operations of 32 KiB in a block.
    pub batcher_keys: u32,
    /// Levels that an operation waits before it can be in one; with 0 it can be in the next.
    pub inclusion_delay_levels: u32,
}

impl Default for Rules {
    /// Sixteen keys, no delay.
    fn default() -> Self {
        Self { batcher_keys: BATCHER_KEYS, inclusion_delay_levels: 0 }
    }
}

/// The chain. All methods block on the disk: call them off the async executor.
pub struct Chain {
    store: Store,
    inner: Mutex<Inner>,
    head: watch::Sender<Arc<Block>>,
}

/// What changes with every block.
#[derive(Clone)]
struct Inner {
    head: Arc<Block>,
    mempool: Mempool,
    ledger: Ledger,
    faults: Faults,
    rules: Rules,
    /// Reorganisations so far.
    branch: u32,
    /// How far the clock of the layer 1 is ahead of the machine's, in seconds.
    clock_offset_s: i64,
}

/// A block that is being made.
struct Draft {
    block: Arc<Block>,
    places: Vec<Place>,
    contents: Contents,
}

impl Chain {
    /// Opens the chain in this file, or starts one with a genesis block of time `now` and with accounts that have
    /// something.
    ///
    /// # Errors
    /// [`StoreError`] when the file cannot be used or its contents are damaged.
    pub fn open(
        path: &Path,
        now: Timestamp,
        rules: Rules,
        endowment: &[(L1Account, Mutez)],
    ) -> Result<Self, StoreError> {
        let store = tables::open(path, now, endowment)?;
        let head = Arc::new(tables::read_head(&store)?);
        let inner = Inner {
            head: Arc::clone(&head),
            mempool: tables::read_mempool(&store)?,
            ledger: tables::read_ledger(&store)?,
            faults: Faults::default(),
            rules,
            branch: tables::read_branch(&store)?,
            clock_offset_s: tables::read_clock_offset_s(&store)?,
        };
        Ok(Self { store, inner: Mutex::new(inner), head: watch::channel(head).0 })
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
        Ok(tables::read_block_at(&self.store, level)?.map(Arc::new))
    }

    /// The block of a hash, on the chain or not; `None` when it is unknown.
    ///
    /// # Errors
    /// [`StoreError`] when the file fails or the block is damaged.
    pub fn block(&self, hash: L1BlockHash) -> Result<Option<Arc<Block>>, StoreError> {
        Ok(tables::read_block(&self.store, hash)?.map(Arc::new))
    }

    /// What the operations of a level were and came to; `None` for a level that has none or is not remembered.
    ///
    /// # Errors
    /// [`StoreError`] when the file fails or is damaged.
    pub fn contents(&self, level: L1Level) -> Result<Option<Contents>, StoreError> {
        tables::read_contents(&self.store, level)
    }

    /// Takes messages in, to be included in one of the next levels: all of them, or none.
    ///
    /// # Errors
    /// [`InjectError::Refused`] for a message against the rules, [`InjectError::Store`] when the file fails.
    pub fn inject(&self, messages: Vec<NewMessage>) -> Result<Vec<MessageId>, InjectError> {
        self.take(messages.into_iter().map(New::from).collect())
    }

    /// Takes the operation of an account in. Whether it succeeds is only known when it is in a block.
    ///
    /// # Errors
    /// As [`Chain::inject`].
    pub fn call(&self, call: NewCall) -> Result<Vec<MessageId>, InjectError> {
        self.take(vec![call.into()])
    }

    fn take(&self, operations: Vec<New>) -> Result<Vec<MessageId>, InjectError> {
        let mut inner = self.lock();
        let mut faults = inner.faults;
        let fate = faults.next_arrival();
        // Later by what is the rule, and by what goes wrong.
        let late_levels = match fate {
            Some(Fate::Delayed { levels }) => levels.saturating_add(inner.rules.inclusion_delay_levels),
            _ => inner.rules.inclusion_delay_levels,
        };
        let not_before = match late_levels {
            // Any level, also one that a reorganisation makes again.
            0 => L1Level::ZERO,
            late_levels => inner.head.level.saturating_add(1).saturating_add(late_levels),
        };
        let (ids, mut added) = inner.mempool.prepare(operations, not_before)?;
        let Some(last) = added.last() else { return Ok(ids) };
        let next_counter = last.counter + 1;
        if fate == Some(Fate::Dropped) {
            added.clear();
        }
        self.store.write(|transaction| {
            added.iter().try_for_each(|operation| tables::write_pending(transaction, operation))?;
            tables::write_meta(transaction, NEXT_COUNTER, &next_counter.to_be_bytes())
        })?;
        added.into_iter().for_each(|operation| inner.mempool.insert(operation));
        inner.faults = faults;
        Ok(ids)
    }

    /// Makes the next block of the operations that wait, as many as fit. Its time is `now` by the clock of the layer 1,
    /// or its predecessor's if that is later.
    ///
    /// # Errors
    /// [`StoreError`] when the file fails; nothing has changed then.
    pub fn bake(&self, now: Timestamp) -> Result<Arc<Block>, StoreError> {
        let mut inner = self.lock();
        let draft = inner.draft(now)?;
        if let Err(error) = self.store.write(|transaction| inner.write(transaction, &draft)) {
            inner.ledger.undo(&draft.contents.undo);
            return Err(error);
        }
        let block = inner.settle(draft);
        // Under the lock, so that heads are told in order.
        self.head.send_replace(Arc::clone(&block));
        Ok(block)
    }

    /// Forgets blocks before `first`, once there are enough of them, and so many at a time; the first block of the chain
    /// stays.
    ///
    /// # Errors
    /// [`StoreError`] when the file fails; nothing has changed then.
    pub fn prune(&self, first: L1Level) -> Result<(), StoreError> {
        let Some(old) = tables::to_prune(&self.store, first)? else { return Ok(()) };
        // Against a level that is being made; nobody reads what is this old.
        let _inner = self.lock();
        self.store.write(|transaction| tables::prune(transaction, &old))
    }

    /// The operations that wait, in the order of the queue.
    pub fn pending(&self) -> Vec<Pending> {
        self.lock().mempool.iter().cloned().collect()
    }

    /// What an account has after the newest block.
    pub fn balance(&self, account: &L1Account) -> Mutez {
        self.lock().ledger.balance(account)
    }

    /// Whether an outbox message was executed.
    pub fn is_executed(&self, level: L1Level, index: u32) -> bool {
        self.lock().ledger.is_executed(level, index)
    }

    /// The faults in force.
    pub fn faults(&self) -> Faults {
        self.lock().faults
    }

    /// Puts faults in force, in the place of those before.
    pub fn set_faults(&self, change: impl FnOnce(&mut Faults)) {
        change(&mut self.lock().faults);
    }

    /// The rules in force.
    pub fn rules(&self) -> Rules {
        self.lock().rules
    }

    /// How far the clock of the layer 1 is ahead of the machine's, in seconds.
    pub fn clock_offset_s(&self) -> i64 {
        self.lock().clock_offset_s
    }

    /// Moves the clock of the layer 1, ahead or back, and answers how far it is ahead now; at most
    /// [`CLOCK_OFFSET_S_MAX`] either way. Times of blocks do not go back: they stand still until the clock has
    /// reached them.
    ///
    /// # Errors
    /// [`StoreError`] when the file fails; nothing has changed then.
    pub fn skip_clock(&self, by_s: i64) -> Result<i64, StoreError> {
        let mut inner = self.lock();
        let offset_s = inner.clock_offset_s.saturating_add(by_s);
        let offset_s = offset_s.clamp(-CLOCK_OFFSET_S_MAX, CLOCK_OFFSET_S_MAX);
        self.store
            .write(|transaction| tables::write_meta(transaction, CLOCK_OFFSET_S, &offset_s.to_be_bytes()))?;
        inner.clock_offset_s = offset_s;
        Ok(offset_s)
    }

    /// Does something to an operation that waits. Answers whether there is one of this name.
    ///
    /// # Errors
    /// [`StoreError`] when the file fails; nothing has changed then.
    pub fn meet(&self, id: MessageId, fate: Fate) -> Result<bool, StoreError> {
        let mut inner = self.lock();
        let Some(mut operation) = inner.mempool.find(id).cloned() else { return Ok(false) };
        let place = operation.place();
        match fate {
            Fate::Dropped => {
                self.store.write(|transaction| tables::remove_pending(transaction, &[place]))?;
                inner.mempool.remove(&[place]);
            }
            Fate::Delayed { levels } => {
                let next = inner.head.level.saturating_add(1).max(operation.not_before);
                operation.not_before = next.saturating_add(levels);
                self.store.write(|transaction| tables::write_pending(transaction, &operation))?;
                inner.mempool.insert(operation);
            }
        }
        Ok(true)
    }

    /// Forgets the messages of the batcher that wait and whose order is one of these.
    ///
    /// # Errors
    /// [`StoreError`] when the file fails; nothing has changed then.
    pub fn clear_batcher(&self, is_unwanted: impl Fn(Option<u64>) -> bool) -> Result<(), StoreError> {
        let mut inner = self.lock();
        let waiting = inner.mempool.iter().filter(|message| message.origin == Origin::Batcher);
        let unwanted = waiting.filter(|message| is_unwanted(message.order));
        let places: Vec<Place> = unwanted.map(Pending::place).collect();
        self.store.write(|transaction| tables::remove_pending(transaction, &places))?;
        inner.mempool.remove(&places);
        Ok(())
    }

    /// The newest operation of this name that is in a block, with its level and its place there. What no reorganisation can
    /// reach is not remembered.
    ///
    /// # Errors
    /// [`StoreError`] when the file fails or is damaged.
    pub fn find_included(&self, id: MessageId) -> Result<Option<(L1Level, usize, Included)>, StoreError> {
        let mut level = Some(self.head().level);
        while let Some(at) = level
            && let Some(contents) = self.contents(at)?
        {
            let found = contents.operations.into_iter().enumerate().find(|(_, it)| it.operation.id == id);
            if let Some((index, included)) = found {
                return Ok(Some((at, index, included)));
            }
            level = at.checked_sub(1);
        }
        Ok(None)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic under the lock cannot leave it half changed: memory is changed only after the disk.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// The next block. The ledger has what it changes already; whoever does not go on with it takes that back.
    fn draft(&mut self, now: Timestamp) -> Result<Draft, StoreError> {
        let level = self.head.level.checked_add(1).ok_or_else(|| StoreError::damaged("no level is left"))?;
        let room = Room { level, bytes: self.faults.room_bytes(), batcher_keys: self.rules.batcher_keys };
        let mut contents = Contents::default();
        let (mut places, mut messages) = (Vec::new(), self.faults.filling());
        for operation in self.mempool.next_level(room) {
            let included = execute(&mut self.ledger, operation, &mut contents.undo);
            places.push(operation.place());
            if included.failure.is_none() {
                messages.extend_from_slice(&operation.messages);
            }
            contents.operations.push(included);
        }
        let timestamp = self.now(now).max(self.head.timestamp);
        let block = Arc::new(Block::new(level, self.head.hash, timestamp, messages, self.branch));
        Ok(Draft { block, places, contents })
    }

    fn write(&self, transaction: &WriteTransaction, draft: &Draft) -> Result<(), StoreError> {
        tables::remove_pending(transaction, &draft.places)?;
        tables::append(transaction, &draft.block)?;
        tables::write_contents(transaction, draft.block.level, &draft.contents)?;
        tables::write_ledger(transaction, &self.ledger, &draft.contents.undo)
    }

    fn settle(&mut self, draft: Draft) -> Arc<Block> {
        self.mempool.remove(&draft.places);
        self.faults.after_level();
        self.head = Arc::clone(&draft.block);
        draft.block
    }

    /// The time of the layer 1.
    fn now(&self, machine: Timestamp) -> Timestamp {
        Timestamp::new(machine.get().saturating_add_signed(self.clock_offset_s))
    }
}

/// Pays the fee and does what the operation does; if the latter fails, the former stays paid.
fn execute(ledger: &mut Ledger, operation: &Pending, undo: &mut Vec<ledger::Undo>) -> Included {
    let mut included = Included { operation: operation.clone(), fee: Mutez::ZERO, failure: None };
    if let Origin::Account(key) = operation.origin {
        let (from, amount) = (account_of(key), operation.fee());
        match ledger.apply(&[Effect::Pay { from, to: None, amount }], undo) {
            Ok(()) => included.fee = amount,
            Err(failed) => included.failure = Some(failed),
        }
    }
    if included.failure.is_none() {
        included.failure = ledger.apply(&operation.effects, undo).err();
    }
    included
}

#[cfg(test)]
mod tests;
