//! What the tasks and the JSON-RPC share: recent blocks with their states, the pool, the heads.

use crate::{NodeConfig, Retention, time};
use millrace_engine::{Engine, EngineError, Governance, standing::Standing, upgrades_to_come};
use millrace_layout::governance::PendingUpgrades;
use millrace_primitives::{BlockHash, BlockNumber, Epoch, L1Level, TransactionHash};
use millrace_pvm::durable::Durable;
use millrace_rpc::SealedBlock;
use millrace_sequencing::{
    follower::Cause,
    pool::{Accepted, Account, Pool, Refused, Transaction},
    producer::Stopped,
    schedule::Standby,
};
use millrace_store::{Store, StoreError};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
};
use tokio::sync::{Notify, broadcast, watch};

/// Blocks that a subscriber may be behind before it misses some.
const BLOCKS_BUFFERED: usize = 256;
/// Reorganisations that a subscriber may be behind before it misses some.
const REORGANISATIONS_BUFFERED: usize = 16;
/// Announcements of pending transactions that a subscriber may be behind before it misses some.
const PENDING_BUFFERED: usize = 8_192;

/// How the node is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Why no block is made; `None` while all is well.
    pub stopped: Option<Stopped>,
    /// Why this node leaves it to others to make blocks; `None` while it is in office.
    pub standby: Option<Standby>,
    /// The last attempt to make a block failed, and how. It is tried again.
    pub failure: Option<String>,
    /// Why blueprints are handed over again; `None` once the rollup node gets on.
    pub publication: Option<String>,
    /// Why the rollup node's blocks cannot be taken over for now; it is tried again.
    pub following: Option<String>,
    /// Why no upstream can be followed; `None` while one is, or there is none.
    pub upstream: Option<String>,
    /// What is wrong with a kernel that is to take over; `None` while there is none, or all of it is here.
    pub upgrade: Option<String>,
    /// Whether the rollup node answers.
    pub is_linked: bool,
}

/// How far the layer 1 has followed the local head.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Heads {
    /// The last block that the rollup node has too.
    pub confirmed: BlockNumber,
    /// The last block whose level of the layer 1 is final.
    pub finalized: BlockNumber,
}

/// What the layer 1 has decided as of a level.
#[derive(Clone, Debug)]
pub(crate) struct Decided {
    pub(crate) level: L1Level,
    pub(crate) governance: Governance,
    /// The last block that the rollup node has, equal to the local one of this number.
    pub(crate) confirmed: BlockNumber,
}

/// Blocks of the rollup node took the place of local ones.
#[derive(Clone, Debug)]
pub struct Reorganisation {
    /// The last block that both have.
    pub branch: BlockNumber,
    /// Why.
    pub cause: Cause,
    /// The blocks that are no longer there, in ascending order; not empty.
    pub removed: Vec<Arc<SealedBlock>>,
    /// The blocks in their place so far, in ascending order.
    pub added: Vec<Arc<SealedBlock>>,
}

/// A block with the state after it.
#[derive(Clone)]
pub(crate) struct Snapshot {
    pub(crate) block: Arc<SealedBlock>,
    pub(crate) state: Durable,
    /// The epoch in which this node signed it; `None` when it was taken over from the rollup node, and of the first block.
    /// Known of every block that is not final.
    pub(crate) made_in: Option<Epoch>,
}

impl Snapshot {
    pub(crate) fn number(&self) -> BlockNumber {
        self.block.block.header.number
    }
}

/// Everything that more than one task needs.
pub(crate) struct Shared {
    pub(crate) engine: Engine,
    pub(crate) store: Store,
    /// Consecutive blocks, the head last; never empty.
    recent: RwLock<VecDeque<Snapshot>>,
    retention: Retention,
    pool: Mutex<Pool>,
    pub(crate) heads: watch::Sender<Heads>,
    pub(crate) blocks: broadcast::Sender<Arc<SealedBlock>>,
    pub(crate) pending: broadcast::Sender<TransactionHash>,
    pub(crate) reorganisations: broadcast::Sender<Arc<Reorganisation>>,
    /// What the layer 1 has decided, once the rollup node was heard.
    pub(crate) decided: watch::Sender<Option<Arc<Decided>>>,
    /// Something entered the pool.
    pub(crate) arrival: Notify,
    pub(crate) status: watch::Sender<Status>,
}

impl Shared {
    /// `recent` are consecutive blocks, the head last.
    pub(crate) fn new(config: &NodeConfig, engine: Engine, store: Store, recent: VecDeque<Snapshot>) -> Self {
        debug_assert!(!recent.is_empty());
        Self {
            engine,
            store,
            recent: RwLock::new(recent),
            retention: config.states,
            pool: Mutex::new(Pool::new(config.pool)),
            heads: watch::Sender::new(Heads::default()),
            blocks: broadcast::Sender::new(BLOCKS_BUFFERED),
            pending: broadcast::Sender::new(PENDING_BUFFERED),
            reorganisations: broadcast::Sender::new(REORGANISATIONS_BUFFERED),
            decided: watch::Sender::new(None),
            arrival: Notify::new(),
            status: watch::Sender::new(Status::default()),
        }
    }

    /// The last block of this node.
    pub(crate) fn head(&self) -> Snapshot {
        let recent = self.recent.read().unwrap_or_else(PoisonError::into_inner);
        // There is always one: the queue starts with the head and is cut only from the front.
        recent.back().cloned().unwrap_or_else(|| unreachable!("no head"))
    }

    /// A recent block.
    pub(crate) fn recent(&self, number: BlockNumber) -> Option<Snapshot> {
        let recent = self.recent.read().unwrap_or_else(PoisonError::into_inner);
        let first = recent.front()?.number();
        let index = number.checked_sub(first.get())?.get();
        recent.get(usize::try_from(index).ok()?).cloned()
    }

    /// The recent blocks from `number` on.
    pub(crate) fn since(&self, number: BlockNumber) -> Vec<Snapshot> {
        let recent = self.recent.read().unwrap_or_else(PoisonError::into_inner);
        recent.iter().skip_while(|snapshot| snapshot.number() < number).cloned().collect()
    }

    /// The kernel upgrades that a block on the head has to reckon with.
    pub(crate) fn upgrades_to_come(&self, decided: &Decided) -> Result<PendingUpgrades, EngineError> {
        let announced = &decided.governance.upgrades;
        if announced.0.is_empty() {
            return Ok(PendingUpgrades::default());
        }
        let since = self.since(decided.confirmed);
        let lists = since
            .iter()
            .map(|snapshot| Standing::of(&snapshot.state).upgrades_waiting().map(PendingUpgrades));
        let lists: Vec<_> = lists.collect::<Result<_, _>>()?;
        let head = lists.last().cloned().unwrap_or_default();
        Ok(upgrades_to_come(announced, &head, lists))
    }

    /// Puts `added` in the place of the blocks after `branch`, and brings the pool up to them.
    pub(crate) fn replace_after(
        &self,
        branch: BlockNumber,
        added: &[Snapshot],
        settle: impl FnOnce(&mut Pool),
    ) {
        // In this order, as everywhere.
        let mut pool = self.pool();
        // No reader may find a confirmed head that is not there.
        self.move_heads(|heads| heads.confirmed = heads.confirmed.min(branch));
        let dropped = {
            let mut recent = self.recent.write().unwrap_or_else(PoisonError::into_inner);
            let kept = recent.iter().take_while(|snapshot| snapshot.number() <= branch).count().max(1);
            let mut dropped = recent.drain(kept..).collect::<Vec<_>>();
            recent.extend(added.iter().cloned());
            let head = recent.back().map_or(branch, Snapshot::number);
            let first = self.retention.first(head, self.heads.borrow().finalized);
            let excess = recent.iter().take_while(|snapshot| snapshot.number() < first).count();
            dropped.extend(recent.drain(..excess));
            dropped
        };
        settle(&mut pool);
        drop(pool);
        drop(dropped);
    }

    /// Takes the next block as the head, and the transactions that it used out of the pool.
    pub(crate) fn advance(&self, head: Snapshot, settle: impl FnOnce(&mut Pool)) {
        // In this order, as everywhere: an insertion sees pool and head move together.
        let mut pool = self.pool();
        let first = self.retention.first(head.number(), self.heads.borrow().finalized);
        let dropped = {
            let mut recent = self.recent.write().unwrap_or_else(PoisonError::into_inner);
            recent.push_back(head);
            let excess = recent.iter().take_while(|snapshot| snapshot.number() < first).count();
            recent.drain(..excess).collect::<Vec<_>>()
        };
        settle(&mut pool);
        drop(pool);
        // Freeing a state may take a while: not under a lock.
        drop(dropped);
    }

    pub(crate) fn pool(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts an admitted transaction into the pool, against the account as it is in the head now.
    pub(crate) fn insert<E>(
        &self,
        transaction: Transaction,
        account: impl FnOnce(&Durable) -> Result<Account, E>,
    ) -> Result<Result<Accepted, Refused>, E> {
        let mut pool = self.pool();
        let account = account(&self.head().state)?;
        Ok(pool.insert(transaction, account, time::now()))
    }

    /// The hash of a local block.
    pub(crate) fn hash(&self, number: BlockNumber) -> Result<Option<BlockHash>, StoreError> {
        match self.recent(number) {
            Some(snapshot) => Ok(Some(snapshot.block.hash)),
            None => Ok(self.store.header(number)?.map(|sealed| sealed.hash)),
        }
    }

    /// Moves the confirmed or the finalized head.
    pub(crate) fn move_heads(&self, change: impl FnOnce(&mut Heads)) {
        self.heads.send_if_modified(|heads| {
            let before = *heads;
            change(heads);
            *heads != before
        });
    }

    /// Changes the status; whoever watches hears of it only if it is a change.
    pub(crate) fn report(&self, change: impl FnOnce(&mut Status)) {
        self.status.send_if_modified(|status| {
            let before = status.clone();
            change(status);
            *status != before
        });
    }
}
