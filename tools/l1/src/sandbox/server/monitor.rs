//! The streams of blocks: one JSON object per block, in the order of levels and without gaps. After a reorganisation
//! the levels go back to the first block that is new.

use super::{App, Failure, Shared, blocking};
use crate::client::BlockId;
use crate::control::faults::Behaviour;
use crate::sandbox::chain::Block;
use crate::sandbox::limits::STATES_MAX;
use crate::sandbox::rollup_node::{LevelRecord, LookupError, NodeStatus};
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use futures::Stream;
use millrace_primitives::L1Level;
use serde_json::json;
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::sync::watch;

pub(super) async fn blocks(State(app): Shared) -> Response {
    respond(Monitor::new(app, BlockId::Head))
}

pub(super) async fn finalized_blocks(State(app): Shared) -> Response {
    respond(Monitor::new(app, BlockId::Finalized))
}

/// How far the node is, until it has caught up with the layer 1.
pub(super) async fn synchronized(State(app): Shared) -> Response {
    let stream = futures::stream::unfold(Some(Synchronizing::new(&app)), |waiting| async move {
        let (line, waiting) = waiting?.next().await?;
        Some((Ok::<_, std::convert::Infallible>(line), waiting))
    });
    ([(CONTENT_TYPE, "application/json")], Body::from_stream(stream)).into_response()
}

/// A reader that waits for the node to catch up.
struct Synchronizing {
    node: watch::Receiver<NodeStatus>,
    heads: watch::Receiver<Arc<Block>>,
    stop: watch::Receiver<bool>,
    told: Option<(L1Level, L1Level)>,
}

impl Synchronizing {
    fn new(app: &App) -> Self {
        let (node, heads, stop) = (app.node.watch(), app.chain.watch_head(), app.stop.clone());
        Self { node, heads, stop, told: None }
    }

    /// The next line, and who waits for another; `None` when the server stops.
    async fn next(mut self) -> Option<(Bytes, Option<Self>)> {
        loop {
            if *self.stop.borrow_and_update() {
                return None;
            }
            let head = Arc::clone(&self.heads.borrow_and_update());
            let processed = self.node.borrow_and_update().head.record.clone();
            if processed.block_hash == head.hash {
                return Some((Bytes::from_static(b"\"synchronized\"\n"), None));
            }
            let progress = (processed.level, head.level);
            if self.told != Some(progress) {
                self.told = Some(progress);
                return Some((progress_line(progress), Some(self)));
            }
            let closed = tokio::select! {
                changed = self.node.changed() => changed.is_err(),
                changed = self.heads.changed() => changed.is_err(),
                changed = self.stop.changed() => changed.is_err(),
            };
            if closed {
                return None;
            }
        }
    }
}

fn progress_line((processed, head): (L1Level, L1Level)) -> Bytes {
    // A reorganisation may have left the node ahead of the chain.
    let done = f64::from(processed.get().min(head.get())) / f64::from(head.get().max(1));
    let progress = json!({
        "processed_level": processed.get(),
        "l1_head_level": head.get(),
        "percentage_done": done * 100.0,
    });
    Bytes::from(format!("{}\n", json!({ "synchronizing": progress })))
}

fn respond(monitor: Monitor) -> Response {
    ([(CONTENT_TYPE, "application/json")], Body::from_stream(monitor.into_stream())).into_response()
}

/// A reader that is told every block from the current one on. It may be as slow as it likes: blocks are read
/// when it asks, none is queued for it.
struct Monitor {
    app: Arc<App>,
    /// The head of this stream: the newest block, or the newest final one.
    upto: BlockId,
    /// What was told, the newest last: as far back as a reorganisation can reach.
    told: VecDeque<LevelRecord>,
    node: watch::Receiver<NodeStatus>,
    heads: watch::Receiver<Arc<Block>>,
    behaviour: watch::Receiver<Behaviour>,
    stop: watch::Receiver<bool>,
}

impl Monitor {
    fn new(app: Arc<App>, upto: BlockId) -> Self {
        let (node, heads, stop) = (app.node.watch(), app.chain.watch_head(), app.stop.clone());
        let behaviour = app.behaviour.subscribe();
        Self { app, upto, told: VecDeque::new(), node, heads, behaviour, stop }
    }

    fn into_stream(self) -> impl Stream<Item = Result<Bytes, std::io::Error>> {
        futures::stream::try_unfold(self, |mut monitor| async move {
            let item =
                monitor.next().await.map_err(|_| std::io::Error::other("a block could not be read"))?;
            Ok(item.map(|bytes| (bytes, monitor)))
        })
    }

    /// The next block as soon as there is one; `None` when the server stops.
    async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        loop {
            self.node.mark_unchanged();
            self.heads.mark_unchanged();
            if *self.stop.borrow_and_update() {
                return Ok(None);
            }
            let behaviour = *self.behaviour.borrow_and_update();
            if matches!(behaviour, Behaviour::Stopped | Behaviour::BadGateway) {
                return Err(Failure::internal("the stream is cut"));
            }
            if behaviour != Behaviour::Hanging
                && let Some(record) = self.next_record().await?
            {
                return self.tell(record).map(Some);
            }
            let closed = tokio::select! {
                changed = self.node.changed() => changed.is_err(),
                changed = self.heads.changed() => changed.is_err(),
                changed = self.behaviour.changed() => changed.is_err(),
                changed = self.stop.changed() => changed.is_err(),
            };
            if closed {
                return Ok(None);
            }
        }
    }

    /// The record to tell now, if there is one: that after the last told one that is still on the chain.
    async fn next_record(&mut self) -> Result<Option<LevelRecord>, Failure> {
        let (app, upto, mut told) = (Arc::clone(&self.app), self.upto, std::mem::take(&mut self.told));
        let (told, next) = blocking(move || {
            let next = next_record(&app, upto, &mut told)?;
            Ok((told, next))
        })
        .await?;
        self.told = told;
        Ok(next)
    }

    fn tell(&mut self, record: LevelRecord) -> Result<Bytes, Failure> {
        let mut line = serde_json::to_vec(&record.header()).map_err(Failure::internal)?;
        line.push(b'\n');
        self.told.push_back(record);
        while self.told.len() > STATES_MAX {
            self.told.pop_front();
        }
        Ok(Bytes::from(line))
    }
}

fn next_record(
    app: &App,
    upto: BlockId,
    told: &mut VecDeque<LevelRecord>,
) -> Result<Option<LevelRecord>, Failure> {
    // A level that is not there any more was taken back since: as if there were none to tell yet.
    let record = |id| match app.node.record(id) {
        Ok(record) => Ok(Some(record)),
        Err(LookupError::Unknown(_)) => Ok(None),
        Err(error) => Err(Failure::from(error)),
    };
    let is_new = told.is_empty();
    while let Some(last) = told.back() {
        let now = record(BlockId::Level(last.level))?;
        if now.is_some_and(|now| now.block_hash == last.block_hash) {
            break;
        }
        told.pop_back();
    }
    let Some(newest) = record(upto)? else { return Ok(None) };
    match told.back().and_then(|last| last.level.checked_add(1)) {
        Some(next) if next <= newest.level => record(BlockId::Level(next)),
        Some(_) => Ok(None),
        None if is_new => Ok(Some(newest)),
        None => Err(Failure::internal("more was reorganised than this stream remembers")),
    }
}
