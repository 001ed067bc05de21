//! The rollup node of the sandbox: follows the chain and runs the kernel in the PVM, level by level.
//!
//! The work is done on a thread of its own, since a level may take long and is all computation. A level is
//! on disk before it is told to anybody. When a level cannot be run (a preimage is missing, the disk fails)
//! the node halts before it, says why, and tries again whenever the layer 1 has a new level; a preimage it also
//! fetches, when it knows from where (`pages`). A kernel that has died for good is reported as such; as on Octez, its
//! levels go on without it.

mod commitments;
mod history;
mod machine;
mod pages;
mod record;
mod simulation;
mod state;

pub(super) use commitments::Commitment;
pub use commitments::Commitments;
pub use record::LevelRecord;
pub use state::Processed;

use super::NODE_FILE;
use super::chain::{Block, Chain};
use super::limits::LEVELS_KEPT;
use super::store::StoreError;
use crate::client::BlockId;
use crate::{CommitmentHash, L1BlockHash, StateHash};
use history::History;
use machine::LevelRunner;
pub(super) use machine::{level_inputs, rollup_address, state_hash, status_text};
use millrace_preimages::Folder;
use millrace_primitives::{L1Level, PreimageHash, RollupAddress};
use millrace_pvm::durable::Durable;
use millrace_pvm::{PvmError, Status};
use millrace_wire::base58::Base58Check;
pub(super) use pages::Endpoints;
use pages::Pages;
use record::Outcome;
use simulation::Simulator;
pub(super) use simulation::{Simulated, Simulation, SimulationError};
use state::Sent;
pub(super) use state::StateStore;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use tokio::sync::watch;
use tracing::{error, info, warn};

/// Why the rollup node does not start or halts.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// Its database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The PVM could not run a level.
    #[error("level {level} cannot be run: {error}")]
    Level {
        /// The level.
        level: L1Level,
        /// Why.
        error: PvmError,
    },
    /// A level asks for a preimage that is not in the folder, or is another one there.
    #[error("level {level} cannot be run: it waits for the preimage {hash}{}", met_text(met.as_deref()))]
    Preimage {
        /// The level.
        level: L1Level,
        /// The name of the preimage; the file that is missing has the same.
        hash: PreimageHash,
        /// What the pre-images endpoints did instead of giving it, as far as they have been asked.
        met: Option<String>,
    },
    /// The PVM cannot work on this machine.
    #[error("the PVM does not start: {0}")]
    Pvm(PvmError),
    /// The data directory holds another rollup than the installer makes.
    #[error("the data directory holds the rollup {stored}, the installer makes {given}")]
    OtherRollup {
        /// On disk.
        stored: String,
        /// Derived from the installer.
        given: String,
    },
    /// The levels processed are not those of the chain.
    #[error("the levels processed up to {level} are not those of this layer 1")]
    OtherChain {
        /// The level.
        level: L1Level,
    },
    /// The thread of the node panicked: a bug.
    #[error("the rollup node crashed: {0}")]
    Crashed(String),
}

fn met_text(met: Option<&str>) -> String {
    met.map(|met| format!(" ({met})")).unwrap_or_default()
}

/// How far the rollup node is.
#[derive(Clone, Debug)]
pub struct NodeStatus {
    /// The newest level that was processed.
    pub head: Arc<Processed>,
    /// The newest block of the layer 1 that it has tried to reach.
    pub seen: Arc<Block>,
    /// Why it did not reach it, when it did not.
    pub error: Option<Arc<NodeError>>,
    /// It was told to rest, and does nothing until it is told to go on.
    pub resting: bool,
    /// It was told to stop and has stopped.
    pub stopped: bool,
}

impl NodeStatus {
    /// Why the kernel is dead for good, if it is.
    pub fn death(&self) -> Option<String> {
        death(&self.head)
    }
}

fn death(processed: &Processed) -> Option<String> {
    match &processed.record.status {
        Status::WaitingForInput => None,
        Status::Stuck(stuck) => Some(stuck.to_string()),
    }
}

/// What a block id leads to.
#[derive(Debug, thiserror::Error)]
pub enum LookupError {
    /// No such block, or not processed yet.
    #[error("Block {0} is unknown to the rollup node")]
    Unknown(BlockId),
    /// The block is known, its durable storage is not kept any more.
    #[error("The state of level {level} is not kept any more (first available level {first_available})")]
    Forgotten {
        /// The level asked for.
        level: L1Level,
        /// The oldest level with a state.
        first_available: L1Level,
    },
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What to originate.
pub(super) struct Origination {
    /// The installer kernel.
    pub(super) installer: Vec<u8>,
    /// The folder with the preimages that it and its successors reveal.
    pub(super) preimages: PathBuf,
    /// The address of the rollup, see [`rollup_address`].
    pub(super) rollup: RollupAddress,
    /// The folder of compiled kernels.
    pub(super) compiled: PathBuf,
    /// When the node commits.
    pub(super) commitments: Commitments,
    /// Where preimages are fetched from that the folder does not have.
    pub(super) endpoints: Option<Endpoints>,
}

/// The rollup node.
pub(super) struct EmbeddedNode {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    chain: Arc<Chain>,
    store: StateStore,
    history: History,
    rollup: RollupAddress,
    commitments: Commitments,
    simulator: Simulator,
    status: watch::Sender<NodeStatus>,
    rest: watch::Sender<bool>,
    stop: watch::Sender<bool>,
}

impl EmbeddedNode {
    /// Opens the node's file or originates the rollup, and starts following. Blocks on the disk.
    pub(super) fn start(
        folder: &Path,
        chain: Arc<Chain>,
        mut origination: Origination,
    ) -> Result<Self, NodeError> {
        let rollup = origination.rollup;
        let pages = Pages::new(Folder::new(&origination.preimages), origination.endpoints.take());
        let (store, stored) = StateStore::open(&folder.join(NODE_FILE))?;
        let runner = LevelRunner::originate(&origination).map_err(NodeError::Pvm)?;
        match stored {
            Some(stored) if stored != rollup => {
                return Err(NodeError::OtherRollup { stored: stored.to_base58(), given: rollup.to_base58() });
            }
            Some(_) => {}
            None => originate(&store, &chain, &runner, &rollup)?,
        }
        let history = History::new(store.load()?).ok_or_else(|| StoreError::damaged("no level is stored"))?;
        let head = history.head();
        // The node never knows a block that the layer 1 has not stored before.
        if chain.block(head.record.block_hash)?.is_none_or(|block| block.level != head.record.level) {
            return Err(NodeError::OtherChain { level: head.record.level });
        }
        let seen = chain.block_at(L1Level::ZERO)?.ok_or_else(|| StoreError::damaged("no first block"))?;
        let status = NodeStatus { head, seen, error: None, resting: false, stopped: false };
        let shared = Arc::new(Shared {
            chain,
            store,
            history,
            rollup,
            commitments: origination.commitments,
            simulator: runner.simulator(),
            status: watch::channel(status).0,
            rest: watch::channel(false).0,
            stop: watch::channel(false).0,
        });
        let follower = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("rollup-node".to_owned())
            .spawn(move || follower.run(runner, pages))
            .map_err(|error| NodeError::Crashed(format!("its thread could not be started: {error}")))?;
        Ok(Self { shared, thread: Mutex::new(Some(thread)) })
    }

    /// The address of the rollup.
    pub(super) fn rollup(&self) -> RollupAddress {
        self.shared.rollup
    }

    /// How far it is, now.
    pub(super) fn status(&self) -> NodeStatus {
        self.shared.status.borrow().clone()
    }

    /// Tells of every change; a slow reader sees only the newest.
    pub(super) fn watch(&self) -> watch::Receiver<NodeStatus> {
        self.shared.status.subscribe()
    }

    /// The level that a block id leads to.
    pub(super) fn resolve(&self, id: BlockId) -> Result<L1Level, LookupError> {
        let head = self.shared.history.head().record.level;
        match id {
            BlockId::Head => Ok(head),
            BlockId::Finalized => Ok(self.shared.chain.finalized_level().min(head)),
            BlockId::Cemented => Ok(self.shared.commitments.cemented(head)),
            BlockId::Level(level) if level <= head => Ok(level),
            BlockId::Level(_) => Err(LookupError::Unknown(id)),
            BlockId::Hash(hash) => {
                let level = self.shared.chain.block(hash)?.map(|block| block.level);
                let level = level.filter(|level| *level <= head).ok_or(LookupError::Unknown(id))?;
                // The layer 1 still knows blocks that a reorganisation took off the chain.
                let processed = self.record_at(level)?.is_some_and(|record| record.block_hash == hash);
                if processed { Ok(level) } else { Err(LookupError::Unknown(id)) }
            }
        }
    }

    fn record_at(&self, level: L1Level) -> Result<Option<LevelRecord>, StoreError> {
        match self.shared.history.get(level) {
            Some(processed) => Ok(Some(processed.record.clone())),
            None => self.shared.store.record(level),
        }
    }

    /// What is remembered of a block.
    pub(super) fn record(&self, id: BlockId) -> Result<LevelRecord, LookupError> {
        let level = self.resolve(id)?;
        self.record_at(level)?.ok_or(LookupError::Unknown(id))
    }

    /// A block and the durable storage after it.
    fn processed(&self, id: BlockId) -> Result<Arc<Processed>, LookupError> {
        let level = self.resolve(id)?;
        let forgotten =
            || LookupError::Forgotten { level, first_available: self.shared.history.first_level() };
        self.shared.history.get(level).ok_or_else(forgotten)
    }

    /// The durable storage after a block.
    pub(super) fn durable(&self, id: BlockId) -> Result<Durable, LookupError> {
        Ok(self.processed(id)?.durable.clone())
    }

    /// The hash of the state after a block. Takes time where it was not asked for before.
    pub(super) fn state_hash(&self, id: BlockId) -> Result<StateHash, LookupError> {
        Ok(state_hash(&self.processed(id)?.durable))
    }

    /// The commitment of this hash; `None` when the node did not make it, or has forgotten it.
    pub(super) fn commitment(&self, hash: CommitmentHash) -> Result<Option<Commitment>, LookupError> {
        Ok(self.shared.store.commitment(hash)?)
    }

    /// The block of the layer 1 behind a block id.
    pub(super) fn block(&self, id: BlockId) -> Result<Arc<Block>, LookupError> {
        let level = self.resolve(id)?;
        self.shared.chain.block_at(level)?.ok_or(LookupError::Unknown(id))
    }

    /// The outbox messages of a level, in order.
    pub(super) fn outbox(&self, level: L1Level) -> Result<Vec<Vec<u8>>, LookupError> {
        Ok(self.shared.store.outbox(level)?)
    }

    /// The newest outbox messages, at most so many, the newest first.
    pub(super) fn outbox_messages(&self, count: usize) -> Result<Vec<Sent>, LookupError> {
        Ok(self.shared.store.newest_outbox(count)?)
    }

    /// The oldest level whose durable storage can be asked for.
    pub(super) fn first_available_level(&self) -> L1Level {
        self.shared.history.first_level()
    }

    /// When the node commits.
    pub(super) fn commitments(&self) -> Commitments {
        self.shared.commitments
    }

    /// Whether this block was processed, or a reorganisation took it off the chain.
    pub(super) fn is_done_with(&self, block: &Block) -> bool {
        let same = |other: L1BlockHash| other == block.hash;
        match self.record(BlockId::Level(block.level)) {
            Ok(record) if same(record.block_hash) => true,
            _ => {
                let now = self.shared.chain.block_at(block.level);
                now.is_ok_and(|now| now.is_none_or(|now| !same(now.hash)))
            }
        }
    }

    /// Has the node rest after the level at hand, as if its process had stopped, or go on. Does not wait.
    pub(super) fn rest(&self, rest: bool) {
        self.shared.rest.send_replace(rest);
        // Here and not by the thread: whoever makes a level after this knows whether to wait for it.
        self.shared.status.send_modify(|status| status.resting = rest);
    }

    /// Tells the node to stop after the level at hand. Does not wait.
    pub(super) fn stop(&self) {
        self.shared.stop.send_replace(true);
    }

    /// Stops the node and waits for it. Blocks.
    pub(super) fn join(&self) {
        self.stop();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread
            && thread.join().is_err()
        {
            error!("the thread of the rollup node panicked while it stopped");
        }
    }
}

impl Drop for EmbeddedNode {
    fn drop(&mut self) {
        self.stop();
    }
}

fn originate(
    store: &StateStore,
    chain: &Chain,
    runner: &LevelRunner,
    rollup: &RollupAddress,
) -> Result<(), NodeError> {
    let genesis = chain.block_at(L1Level::ZERO)?.ok_or_else(|| StoreError::damaged("no first block"))?;
    let record = LevelRecord::origination(&genesis, rollup);
    store.originate(rollup, &Processed { record, durable: runner.state().durable })?;
    info!(rollup = %rollup.to_base58(), "originated");
    Ok(())
}

impl Shared {
    /// The life of the thread.
    fn run(&self, mut runner: LevelRunner, mut pages: Pages) {
        let life = AssertUnwindSafe(|| self.follow(&mut runner, &mut pages));
        let crash = std::panic::catch_unwind(life).err().map(|panic| {
            let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
            text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
        });
        self.status.send_modify(|status| {
            status.stopped = true;
            if let Some(crash) = crash {
                status.error = Some(Arc::new(NodeError::Crashed(crash)));
            }
        });
    }

    /// Processes every level that the chain has, then waits for more, until it is told to stop.
    fn follow(&self, runner: &mut LevelRunner, pages: &mut Pages) {
        let mut heads = self.chain.watch_head();
        let mut stop = self.stop.subscribe();
        let mut rest = self.rest.subscribe();
        while !*stop.borrow_and_update() {
            let seen = Arc::clone(&heads.borrow_and_update());
            if !*rest.borrow_and_update() {
                let outcome = pages.still_missing().map_or_else(|| self.catch_up(runner), Err);
                pages.after(&outcome);
                let error = outcome.err();
                // Told to rest in the middle, it has not tried all.
                if error.is_some() || !*self.rest.borrow() {
                    self.tell(pages.has_tried().then_some(seen), error);
                }
            }
            futures::executor::block_on(async {
                tokio::select! {
                    _ = heads.changed() => {}
                    _ = rest.changed() => {}
                    _ = stop.changed() => {}
                    () = pages.round_ended() => {}
                }
            });
        }
    }

    fn catch_up(&self, runner: &mut LevelRunner) -> Result<(), NodeError> {
        while !*self.stop.borrow() && !*self.rest.borrow() {
            let head = self.history.head();
            if !self.is_on_chain(&head)? {
                self.roll_back()?;
                continue;
            }
            let Some(level) = head.record.level.checked_add(1) else { return Ok(()) };
            let Some(block) = self.chain.block_at(level)? else { return Ok(()) };
            if block.predecessor == head.record.block_hash {
                self.process(runner, &head, &block)?;
            } else if self.is_on_chain(&head)? {
                return Err(NodeError::OtherChain { level: head.record.level });
            }
        }
        Ok(())
    }

    fn is_on_chain(&self, processed: &Processed) -> Result<bool, StoreError> {
        let block = self.chain.block_at(processed.record.level)?;
        Ok(block.is_some_and(|block| block.hash == processed.record.block_hash))
    }

    /// Goes back to the newest level that is still on the chain.
    fn roll_back(&self) -> Result<(), NodeError> {
        let from = self.history.head().record.level;
        let mut level = Some(from);
        while let Some(last) = level {
            let Some(processed) = self.history.get(last) else { break };
            if self.is_on_chain(&processed)? {
                self.store.take_back(last)?;
                self.history.truncate(last);
                info!(%from, to = %last, "the layer 1 was reorganised");
                self.status.send_modify(|status| status.head = processed);
                return Ok(());
            }
            level = last.checked_sub(1);
        }
        Err(NodeError::OtherChain { level: from })
    }

    /// Runs one level and stores it; only then it is told.
    fn process(&self, runner: &mut LevelRunner, head: &Processed, block: &Block) -> Result<(), NodeError> {
        let level = block.level;
        let inputs = level_inputs(head.record.timestamp, block);
        let ran = runner.run(head, level, &inputs).map_err(|error| pages::level_error(level, error))?;
        let commits_to = self.commitments.is_due(level).then(|| state_hash(&ran.state.durable));
        let outcome = Outcome { ticks: ran.ticks, status: ran.state.status, commits_to };
        let record = LevelRecord::after(&head.record, block, &inputs, outcome);
        let processed = Arc::new(Processed { record, durable: ran.state.durable });
        self.store.append(&head.durable, &processed, &ran.outbox)?;
        self.history.push(Arc::clone(&processed));
        self.chain.prune(level.saturating_sub(LEVELS_KEPT))?;
        if let (None, Some(reason)) = (death(head), death(&processed)) {
            error!(%level, reason, "the kernel is dead for good: it will never run again");
        }
        self.status.send_modify(|status| {
            status.head = processed;
            status.error = None;
        });
        Ok(())
    }

    /// Tells how an attempt to reach the block `seen` ended, or how it is going as long as there is none. The same error is
    /// logged once.
    fn tell(&self, seen: Option<Arc<Block>>, error: Option<NodeError>) {
        self.status.send_modify(|status| {
            if let Some(seen) = seen {
                status.seen = seen;
            }
            let Some(error) = error else {
                status.error = None;
                return;
            };
            let text = error.to_string();
            if status.error.as_ref().is_none_or(|old| old.to_string() != text) {
                warn!("the rollup node has halted and goes on trying: {text}");
            }
            status.error = Some(Arc::new(error));
        });
    }
}
