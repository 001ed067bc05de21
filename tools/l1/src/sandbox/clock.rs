//! Time: what makes levels, and what tells how far everything is.

use super::chain::{Block, Chain};
use super::limits::LAG_LEVELS_MAX;
use super::rollup_node::{EmbeddedNode, NodeError, NodeStatus};
use millrace_primitives::{L1Level, Timestamp};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};
use tracing::{error, warn};

/// The time of this machine.
pub(super) fn now() -> Timestamp {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs());
    Timestamp::new(seconds)
}

/// What the sandbox is busy with.
#[derive(Clone, Debug)]
pub enum Phase {
    /// The installer has not run yet: the first level fetches the kernel and boots it.
    Booting,
    /// Running levels that were made before.
    CatchingUp,
    /// Running levels as they come.
    Following,
    /// The rollup node cannot go on; it tries again at every new level.
    Halted(Arc<NodeError>),
    /// The kernel has died for good; levels go on without it.
    Dead(String),
}

/// How far layer 1 and rollup node are.
#[derive(Clone, Debug)]
pub struct Progress {
    /// What is going on.
    pub phase: Phase,
    /// The newest level that the rollup node has processed.
    pub processed: L1Level,
    /// The newest level of the layer 1.
    pub head: L1Level,
}

impl Progress {
    fn of(head: &Block, status: &NodeStatus) -> Self {
        let processed = status.head.record.level;
        let phase = match (&status.error, status.death()) {
            (Some(error), _) => Phase::Halted(Arc::clone(error)),
            (None, Some(reason)) => Phase::Dead(reason),
            (None, None) if processed == L1Level::ZERO => Phase::Booting,
            (None, None) if head.level.since(processed) > 1 => Phase::CatchingUp,
            (None, None) => Phase::Following,
        };
        Self { phase, processed, head: head.level }
    }
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let next = self.processed.saturating_add(1);
        match &self.phase {
            Phase::Booting => write!(f, "booting the kernel: level {next}/{}", self.head.max(next)),
            Phase::CatchingUp => write!(f, "catching up: level {next}/{}", self.head),
            Phase::Following => write!(f, "level {}", self.processed),
            Phase::Halted(error) => write!(f, "halted before level {next}: {error}"),
            Phase::Dead(reason) => write!(f, "the kernel is dead: {reason}"),
        }
    }
}

/// Turns the changes of chain and node into progress, until the node has stopped.
pub(super) fn observe(chain: &Chain, node: &EmbeddedNode) -> (JoinHandle<()>, watch::Receiver<Progress>) {
    let (mut heads, mut status) = (chain.watch_head(), node.watch());
    let first = Progress::of(&heads.borrow_and_update(), &status.borrow_and_update());
    let (sender, receiver) = watch::channel(first);
    let task = tokio::spawn(async move {
        loop {
            let closed = tokio::select! {
                changed = heads.changed() => changed.is_err(),
                changed = status.changed() => changed.is_err(),
            };
            let stopped = {
                let (head, status) = (heads.borrow_and_update(), status.borrow_and_update());
                sender.send_replace(Progress::of(&head, &status));
                status.stopped
            };
            if closed || stopped {
                return;
            }
        }
    });
    (task, receiver)
}

/// Makes a level at once and then every `level_time_ms`, until told to stop. While the rollup node is too far
/// behind, the layer 1 waits for it; while levels are stopped, it does not make any.
pub(super) async fn tick(
    level_time_ms: u64,
    chain: Arc<Chain>,
    node: Arc<EmbeddedNode>,
    stopped: watch::Receiver<bool>,
    mut stop: watch::Receiver<bool>,
) {
    let mut levels = interval(Duration::from_millis(level_time_ms.max(1)));
    levels.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut failing = false;
    let mut waiting = false;
    loop {
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            _ = levels.tick() => {}
        }
        if *stopped.borrow() {
            continue;
        }
        let status = node.status();
        let lags = chain.head().level.since(status.head.record.level) > LAG_LEVELS_MAX;
        // A node that has halted needs new levels to try again, and is not slow; one that rests is waited for by nobody.
        if lags && status.error.is_none() && !status.resting {
            if !waiting {
                warn!("the rollup node is {LAG_LEVELS_MAX} levels behind: the layer 1 waits for it");
            }
            waiting = true;
            continue;
        }
        waiting = false;
        let baker = Arc::clone(&chain);
        let baked = super::off_executor(move || baker.bake(now())).await;
        if let Err(error) = &baked
            && !failing
        {
            error!(%error, "a level could not be stored; trying on");
        }
        failing = baked.is_err();
    }
}
