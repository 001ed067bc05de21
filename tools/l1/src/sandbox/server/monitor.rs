//! The streams of blocks: one JSON object per block, in the order of levels and without gaps.

use super::{App, Failure, Shared, blocking};
use crate::client::BlockId;
use crate::sandbox::chain::Block;
use crate::sandbox::rollup_node::{NodeStatus, origination_commitment};
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use futures::Stream;
use millrace_primitives::L1Level;
use std::sync::Arc;
use tokio::sync::watch;

pub(super) async fn blocks(State(app): Shared) -> Response {
    respond(Monitor::new(app, BlockId::Head))
}

pub(super) async fn finalized_blocks(State(app): Shared) -> Response {
    respond(Monitor::new(app, BlockId::Finalized))
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
    last: Option<L1Level>,
    node: watch::Receiver<NodeStatus>,
    heads: watch::Receiver<Arc<Block>>,
    stop: watch::Receiver<bool>,
}

impl Monitor {
    fn new(app: Arc<App>, upto: BlockId) -> Self {
        let (node, heads, stop) = (app.node.watch(), app.chain.watch_head(), app.stop.clone());
        Self { app, upto, last: None, node, heads, stop }
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
            let upto = self.app.node.resolve(self.upto)?;
            let next = match self.last {
                None => Some(upto),
                Some(last) => last.checked_add(1).filter(|next| *next <= upto),
            };
            if let Some(level) = next {
                self.last = Some(level);
                return self.item(level).await.map(Some);
            }
            let closed = tokio::select! {
                changed = self.node.changed() => changed.is_err(),
                changed = self.heads.changed() => changed.is_err(),
                changed = self.stop.changed() => changed.is_err(),
            };
            if closed {
                return Ok(None);
            }
        }
    }

    async fn item(&self, level: L1Level) -> Result<Bytes, Failure> {
        let app = Arc::clone(&self.app);
        blocking(move || {
            let record = app.node.record(BlockId::Level(level))?;
            let header = record.header(origination_commitment(&app.node.rollup()));
            let mut line = serde_json::to_vec(&header).map_err(Failure::internal)?;
            line.push(b'\n');
            Ok(Bytes::from(line))
        })
        .await
    }
}
