//! The task that follows the rollup node: at every level of the layer 1 it reads the confirmed head,
//! compares the hashes of all new blocks with the local ones, and picks up what the layer 1 brought and decided. Blocks
//! that are others than here for a known cause are taken over ([`walk`]).
//!
//! Delayed items are taken only from final levels: a block that contains an item which a reorganisation
//! takes back could never be confirmed.

mod reading;
mod walk;

use crate::{
    import::{Import, ImportError},
    shared::{Decided, Shared},
    takeover::{Plan, TakeOverError},
};
use futures::StreamExt as _;
use millrace_engine::{BlueprintFault, EngineError};
use millrace_l1::client::{BlockId, ClientError, RollupNode};
use millrace_layout::{
    LayoutError,
    delayed::{self, Item, Position},
    events::Event,
    world::HASHES_KEPT,
};
use millrace_primitives::{BlockHash, BlockNumber, L1Level, TransactionHash};
use millrace_sequencing::follower::{Divergence, Follower, Progress};
use millrace_store::{Divergence as StoredDivergence, Mark, Position as MarkPosition, StoreError};
use millrace_wire::{blueprint::Domain, signature::PublicKey};
use reading::Reading;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};
use tokio::sync::{mpsc, oneshot};

/// Delayed items read in one level; the others follow in the next.
const ITEMS_PER_LEVEL_MAX: u64 = 512;
/// First pause before the rollup node is asked again; each failure doubles it.
const RECONNECT_MIN_MS: u64 = 250;
/// Longest pause before the rollup node is asked again.
const RECONNECT_MAX_MS: u64 = 10_000;

/// What the sequencer is told.
#[derive(Debug)]
pub(crate) enum Report {
    /// A level was read.
    Level {
        level: L1Level,
        /// The head of the rollup node, equal to the local block of this number.
        confirmed: BlockNumber,
        /// Items that no local block has.
        delayed: Vec<Item>,
        /// Blueprints that the kernel dropped in this level, and may take when they come again.
        dropped: Vec<BlockNumber>,
        /// What the layer 1 has decided as of this level.
        decided: Arc<Decided>,
    },
    /// Blocks of the rollup node are to take the place of local ones.
    TakeOver(Box<Plan>, oneshot::Sender<Result<(), TakeOverError>>),
    /// An upstream has the next block.
    Upstream(Box<Import>, oneshot::Sender<Result<(), ImportError>>),
    /// They cannot, for now.
    Stuck(String),
    /// The rollup node has another chain.
    Diverged(Divergence),
    /// The rollup node does not answer.
    Lost,
}

/// Why a level could not be read.
#[derive(Debug, thiserror::Error)]
enum FollowError {
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Layout(#[from] LayoutError),
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error(transparent)]
    TakeOver(#[from] TakeOverError),
    #[error("the rollup node has a value at {0} that does not decode")]
    Corrupt(String),
    #[error("the rollup node has no block yet")]
    NoHead,
    #[error(transparent)]
    Diverged(#[from] Divergence),
    #[error("the rollup node closed the stream of blocks")]
    Closed,
    #[error("the node stops")]
    Stopping,
}

pub(crate) struct Layer1Task {
    shared: Arc<Shared>,
    reading: Reading,
    domain: Domain,
    /// The keys of this node.
    keys: Vec<PublicKey>,
    reports: mpsc::Sender<Report>,
    follower: Follower,
    /// The last level that was read, and whose head is a local block.
    agreed: Option<L1Level>,
    /// A level was read to its end since the start.
    is_compared: bool,
    /// The items that were reported and that still wait at the rollup node, by position.
    reported: BTreeMap<u64, TransactionHash>,
}

impl Layer1Task {
    pub(crate) fn new(
        shared: Arc<Shared>,
        rollup_node: RollupNode,
        (keys, domain): (Vec<PublicKey>, Domain),
        reports: mpsc::Sender<Report>,
    ) -> Self {
        Self {
            shared,
            reading: Reading { rollup_node },
            domain,
            keys,
            reports,
            follower: Follower::new(),
            agreed: None,
            is_compared: false,
            reported: BTreeMap::new(),
        }
    }

    /// Follows until the node stops or the chains diverge, however often the rollup node goes away.
    pub(crate) async fn run(mut self) {
        let mut pause_ms = RECONNECT_MIN_MS;
        loop {
            let before = self.follower.confirmed();
            let error = match self.follow().await {
                Ok(never) => match never {},
                Err(error) => error,
            };
            match error {
                FollowError::Stopping => return,
                FollowError::Diverged(divergence) => {
                    self.remember(divergence).await;
                    let _ = self.reports.send(Report::Diverged(divergence)).await;
                    return;
                }
                _ => tracing::warn!(%error, pause_ms, "the rollup node cannot be followed"),
            }
            let report = match error {
                FollowError::TakeOver(error) => Report::Stuck(error.to_string()),
                _ => Report::Lost,
            };
            if self.reports.send(report).await.is_err() {
                return;
            }
            if self.follower.confirmed() != before {
                pause_ms = RECONNECT_MIN_MS;
            }
            tokio::time::sleep(Duration::from_millis(pause_ms)).await;
            pause_ms = pause_ms.saturating_mul(2).min(RECONNECT_MAX_MS);
        }
    }

    /// Writes the divergence down, so that a restart does not go on with this chain.
    async fn remember(&self, divergence: Divergence) {
        let record = StoredDivergence { number: divergence.number(), finding: divergence.to_string() };
        let shared = Arc::clone(&self.shared);
        match tokio::task::spawn_blocking(move || shared.store.diverge(&record)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "the divergence cannot be stored"),
            Err(error) => tracing::error!(%error, "the divergence was not stored"),
        }
    }

    async fn follow(&mut self) -> Result<std::convert::Infallible, FollowError> {
        let mut levels = self.reading.rollup_node.monitor_blocks().await?;
        // What happened before the stream was open.
        let hash = self.reading.rollup_node.block_hash(BlockId::Head).await?;
        let level = self.reading.rollup_node.block_level(BlockId::Hash(hash)).await?;
        self.read_level(BlockId::Hash(hash), level).await?;
        while let Some(header) = levels.next().await {
            let header = header?;
            self.read_level(BlockId::Hash(header.block_hash), header.level).await?;
        }
        Err(FollowError::Closed)
    }

    async fn read_level(&mut self, block: BlockId, level: L1Level) -> Result<(), FollowError> {
        let governance = self.reading.governance(block).await?;
        self.reconcile(block, level, &governance).await?;
        let confirmed = self.confirm(block).await?;
        let mut marks = vec![(Mark::Confirmed, MarkPosition { number: confirmed, level })];
        let (mut listed, mut delayed) = (BTreeMap::new(), Vec::new());
        if let Some((finalized, level)) = self.final_block().await? {
            let new = self.finalize(finalized).await?;
            marks.extend(new.map(|number| (Mark::Finalized, MarkPosition { number, level })));
            (listed, delayed) = self.waiting_items(finalized).await?;
        }
        let dropped = self.dropped_blueprints(block).await?;
        let dropped = self.judge(confirmed, &dropped)?;
        let shared = Arc::clone(&self.shared);
        // A write to the disk: not on a thread of the async executor.
        let written = tokio::task::spawn_blocking(move || shared.store.set_marks(&marks)).await;
        written.map_err(|_| FollowError::Stopping)??;
        let decided = Arc::new(Decided { level, governance, confirmed });
        let report = Report::Level { level, confirmed, delayed, dropped, decided };
        self.reports.send(report).await.map_err(|_| FollowError::Stopping)?;
        self.is_compared = true;
        // Only now: a failure before reads and reports the same items again.
        self.reported = listed;
        Ok(())
    }

    /// The last final block and its level; `None` while there is none that the rollup node knows.
    async fn final_block(&self) -> Result<Option<(BlockId, L1Level)>, FollowError> {
        let hash = match self.reading.rollup_node.block_hash(BlockId::Finalized).await {
            Err(ClientError::Status { .. }) => return Ok(None),
            hash => hash?,
        };
        let block = BlockId::Hash(hash);
        Ok(Some((block, self.reading.rollup_node.block_level(block).await?)))
    }

    /// Compares the blocks that are new at this level; answers the confirmed head.
    async fn confirm(&mut self, block: BlockId) -> Result<BlockNumber, FollowError> {
        let head = self.reading.head(block).await?;
        let number = head.header.number;
        let mut blocks = Vec::new();
        for wanted in self.follower.wanted(number, HASHES_KEPT) {
            let wanted = BlockNumber::new(wanted);
            blocks.extend(self.reading.hash(block, &head, wanted).await?.map(|hash| (wanted, hash)));
        }
        let local = self.local_hashes(&blocks)?;
        let progress = self.follower.confirm(&blocks, lookup(&local))?;
        if let Progress::Back(number) = progress {
            tracing::warn!(%number, "the layer 1 was reorganised: the confirmed head went back");
        }
        self.shared.move_heads(|heads| heads.confirmed = number);
        Ok(number)
    }

    /// Compares the head at the last final level; answers it when it is new.
    async fn finalize(&mut self, block: BlockId) -> Result<Option<BlockNumber>, FollowError> {
        let head = match self.reading.head(block).await {
            // The rollup was originated after that level.
            Err(FollowError::NoHead) => return Ok(None),
            head => head?,
        };
        let head = (head.header.number, head.hash);
        let local = self.local_hashes(&[head])?;
        match self.follower.finalize(head, lookup(&local))? {
            Progress::Forward(number) => {
                self.shared.move_heads(|heads| heads.finalized = number);
                Ok(Some(number))
            }
            _ => Ok(None),
        }
    }

    fn local_hashes(
        &self,
        blocks: &[(BlockNumber, BlockHash)],
    ) -> Result<Vec<(BlockNumber, Option<BlockHash>)>, FollowError> {
        let local = |(number, _): &(BlockNumber, BlockHash)| Ok((*number, self.shared.hash(*number)?));
        blocks.iter().map(local).collect()
    }

    /// What waits in the delayed inbox: all items by position, and those that were not reported and that no
    /// local block has, oldest first.
    async fn waiting_items(
        &self,
        block: BlockId,
    ) -> Result<(BTreeMap<u64, TransactionHash>, Vec<Item>), FollowError> {
        let bounds = self.reading.value(block, &delayed::bounds()?).await?.unwrap_or_default();
        let mut listed = BTreeMap::new();
        let mut new = Vec::new();
        let end = bounds.back.min(bounds.front.saturating_add(ITEMS_PER_LEVEL_MAX));
        for position in bounds.front..end {
            if let Some(name) = self.reported.get(&position) {
                listed.insert(position, *name);
                continue;
            }
            // An item that left from the middle is a hole.
            let Some(item) = self.reading.value(block, &delayed::item(Position(position))?).await? else {
                continue;
            };
            listed.insert(position, item.name);
            if self.shared.store.transaction(&item.name)?.is_none() {
                new.push(item);
            }
        }
        if !new.is_empty() {
            let consumed = self.consumed()?;
            new.retain(|item| !consumed.contains(&item.name));
        }
        Ok((listed, new))
    }

    /// The delayed items that local blocks consumed and that may still wait at the last final level: those that were
    /// dropped are in no block, and would be named a second time.
    fn consumed(&self) -> Result<BTreeSet<TransactionHash>, FollowError> {
        let finalized = self.follower.finalized().unwrap_or(BlockNumber::ZERO);
        let mut consumed = BTreeSet::new();
        for snapshot in self.shared.since(finalized.saturating_add(1)) {
            consumed.extend(self.shared.engine.consumed(&snapshot.state)?);
        }
        Ok(consumed)
    }

    /// Which of the dropped blueprints may be taken when they come again. Any other was dropped for a reason that
    /// stays, and its block is here: the chains part.
    fn judge(
        &mut self,
        confirmed: BlockNumber,
        dropped: &[(BlockNumber, u8)],
    ) -> Result<Vec<BlockNumber>, FollowError> {
        let head = self.shared.head().number();
        let mut again = Vec::new();
        for &(number, reason) in dropped {
            if number > head {
                tracing::warn!(%number, reason, "the kernel dropped a blueprint that was not made here");
            } else if number > confirmed && reason == BlueprintFault::TimestampAhead.code() {
                again.push(number);
            } else if number > confirmed && self.keys.is_empty() {
                tracing::warn!(%number, reason, "the kernel dropped a blueprint that an upstream had");
            } else if number > confirmed {
                self.follower.dropped(number, reason)?;
            }
        }
        Ok(again)
    }

    /// The blueprints that the kernel dropped in a level.
    async fn dropped_blueprints(&self, block: BlockId) -> Result<Vec<(BlockNumber, u8)>, FollowError> {
        let events = self.reading.events(block).await?;
        let dropped = |event| match event {
            Event::BlueprintDropped { number, reason } => Some((number, reason)),
            _ => None,
        };
        Ok(events.into_iter().filter_map(dropped).collect())
    }
}

fn lookup(local: &[(BlockNumber, Option<BlockHash>)]) -> impl Fn(BlockNumber) -> Option<BlockHash> {
    move |number| local.iter().find(|(other, _)| *other == number).and_then(|(_, hash)| *hash)
}
