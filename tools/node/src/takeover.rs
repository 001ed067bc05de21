//! Putting the rollup node's blocks in the place of local ones: unwinding to the block at which they part, and making the
//! others again here. Runs on a blocking thread; the disk has all of it or nothing.

use crate::{
    database::{self, transaction_hash},
    shared::{Shared, Snapshot},
};
use millrace_engine::{Applied, EngineError, FromContent, Governance};
use millrace_layout::{clock::L1Clock, delayed::Item, governance::PendingUpgrades};
use millrace_primitives::{Address, BlockHash, BlockNumber, L1Level};
use millrace_pvm::durable::Durable;
use millrace_rpc::SealedBlock;
use millrace_sequencing::follower::Cause;
use millrace_store::StoreError;
use millrace_wire::blueprint::Blueprint;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// What a block may have been made of.
#[derive(Clone, Debug)]
pub(crate) enum Proposal {
    /// A blueprint that the authority certified.
    Blueprint(Blueprint),
    /// The overdue items of the delayed inbox, which the kernel forced.
    Forced,
    /// What the block itself tells.
    Content(Box<FromContent>),
}

/// A block of the rollup node.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) number: BlockNumber,
    /// `None` when it is too old for the rollup node to tell; those after it commit to it.
    pub(crate) hash: Option<BlockHash>,
    /// Tried in this order.
    pub(crate) proposals: Vec<Proposal>,
}

/// The blocks of a level that are to take the place of the local ones after `branch`.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) level: L1Level,
    /// The last local block that stays.
    pub(crate) branch: BlockNumber,
    /// Why the local blocks after it go; `None` when there are none.
    pub(crate) cause: Option<Cause>,
    /// What the layer 1 had decided in that level.
    pub(crate) governance: Arc<Governance>,
    /// The kernel upgrades that waited before its blocks.
    pub(crate) upgrades: PendingUpgrades,
    pub(crate) blocks: Vec<Wanted>,
    /// The delayed items that blueprints name.
    pub(crate) items: Vec<Item>,
    /// The oldest items of the delayed inbox before the level, when a block was forced.
    pub(crate) waiting: Vec<Item>,
}

/// What a plan came to.
pub(crate) struct TakenOver {
    pub(crate) branch: BlockNumber,
    pub(crate) cause: Option<Cause>,
    /// The local blocks that are gone.
    pub(crate) removed: Vec<Snapshot>,
    /// Those in their place.
    pub(crate) added: Vec<Snapshot>,
    /// The nonces after them of all who had a transaction in any of those.
    pub(crate) nonces: Vec<(Address, u64)>,
}

/// Why the rollup node's blocks could not be taken over. Nothing has changed then.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TakeOverError {
    #[error("the state after block {0} is no longer kept: this node must start anew from another database")]
    StateGone(BlockNumber),
    #[error(
        "block {number} of the rollup node ({hash}) cannot be made again here: of {tried} ways none gives it{last}"
    )]
    NotReproduced { number: BlockNumber, hash: String, tried: usize, last: String },
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the blocks of the rollup node were not taken over to the end")]
    Interrupted,
}

/// Carries out a plan. When this returns, the disk has the new blocks.
pub(crate) fn take_over(shared: &Shared, plan: &Plan) -> Result<TakenOver, TakeOverError> {
    let branch = shared.recent(plan.branch).ok_or(TakeOverError::StateGone(plan.branch))?;
    let removed = shared.since(plan.branch.saturating_add(1));
    let mut work = Work { shared, plan, has_inbox: false };
    let mut added: Vec<Snapshot> = Vec::new();
    let mut commits = Vec::new();
    for wanted in &plan.blocks {
        let parent = added.last().unwrap_or(&branch);
        let state = if added.is_empty() {
            shared.engine.adopt(&parent.state, &plan.governance, &plan.upgrades)?
        } else {
            parent.state.clone()
        };
        let applied = work.make(&state, wanted)?;
        let transaction_hashes = applied.block.transactions.iter().map(|raw| transaction_hash(raw)).collect();
        let sealed = SealedBlock { hash: applied.hash, block: applied.block, transaction_hashes };
        commits.push(database::commit_of(&sealed, (Vec::new(), Vec::new()), &applied.state, &parent.state));
        added.push(Snapshot { block: Arc::new(sealed), state: applied.state, made_in: None });
    }
    let nonces = nonces(shared, &added.last().unwrap_or(&branch).state, removed.iter().chain(&added))?;
    shared.store.replace_after(plan.branch, &commits)?;
    Ok(TakenOver { branch: plan.branch, cause: plan.cause, removed, added, nonces })
}

struct Work<'a> {
    shared: &'a Shared,
    plan: &'a Plan,
    /// The delayed inbox of the state is the kernel's: a block was forced of it.
    has_inbox: bool,
}

impl Work<'_> {
    /// Makes a block in the first way that gives the one that is wanted.
    fn make(&mut self, state: &Durable, wanted: &Wanted) -> Result<Applied, TakeOverError> {
        let mut last = String::new();
        for proposal in &wanted.proposals {
            match self.attempt(state, proposal) {
                Ok(Some(applied)) if wanted.hash.is_none_or(|hash| hash == applied.hash) => {
                    self.has_inbox |= matches!(proposal, Proposal::Forced);
                    return Ok(applied);
                }
                Ok(Some(applied)) => last = format!(", the last gave {}", applied.hash),
                Ok(None) => {}
                Err(error) => last = format!(", the last: {error}"),
            }
        }
        Err(TakeOverError::NotReproduced {
            number: wanted.number,
            hash: wanted.hash.map_or_else(|| "its hash is not known".to_owned(), |hash| hash.to_string()),
            tried: wanted.proposals.len(),
            last,
        })
    }

    /// `None` when the proposal says nothing about this state.
    fn attempt(&self, state: &Durable, proposal: &Proposal) -> Result<Option<Applied>, EngineError> {
        let engine = &self.shared.engine;
        let delay = |state: Durable, item: &Item| engine.delay(&state, item);
        match proposal {
            Proposal::Blueprint(blueprint) => {
                let named: BTreeMap<_, _> = self.plan.items.iter().map(|item| (item.name, item)).collect();
                let mut items = blueprint.payload.delayed.iter().filter_map(|name| named.get(name).copied());
                let state = items.try_fold(state.clone(), delay)?;
                engine.apply(&state, blueprint).map(Some)
            }
            Proposal::Forced => {
                let Some(clock) = self.plan.governance.clock else { return Ok(None) };
                self.force(state, clock)
            }
            Proposal::Content(content) => {
                let state = content.items.iter().try_fold(state.clone(), delay)?;
                engine.apply_own(&state, &content.candidate).map(Some)
            }
        }
    }

    fn force(&self, state: &Durable, clock: L1Clock) -> Result<Option<Applied>, EngineError> {
        let engine = &self.shared.engine;
        let state = if self.has_inbox {
            state.clone()
        } else {
            engine.with_delayed_inbox(state, &self.plan.waiting)?
        };
        let Some(candidate) = engine.forced(&state, clock)? else { return Ok(None) };
        engine.apply_own(&state, &candidate).map(Some)
    }
}

/// The nonces in `state` of all who had a transaction in one of these blocks.
pub(crate) fn nonces<'a>(
    shared: &Shared,
    state: &Durable,
    blocks: impl Iterator<Item = &'a Snapshot>,
) -> Result<Vec<(Address, u64)>, EngineError> {
    let senders: BTreeSet<Address> = blocks
        .flat_map(|snapshot| snapshot.block.block.receipts.iter().map(|receipt| receipt.sender))
        .collect();
    let nonce = |sender| {
        let account = shared.engine.account(state, sender)?;
        Ok((sender, account.map_or(0, |account| account.nonce)))
    };
    senders.into_iter().map(nonce).collect()
}
