//! Handing blueprints to the batcher of the rollup node.

use crate::shared::Shared;
use millrace_l1::client::{ClientError, RollupNode};
use millrace_primitives::BlockNumber;
use millrace_store::StoreError;
use std::sync::Arc;

/// Messages of one request to the batcher: at 4,096 bytes each, in hexadecimal, about two megabytes.
const MESSAGES_MAX: usize = 256;

/// Why a hand-over failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HandOverError {
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Hands over as many of these blueprints as go into one request, and at least the first; answers which.
pub(crate) async fn hand_over(
    shared: Arc<Shared>,
    rollup_node: RollupNode,
    numbers: Vec<BlockNumber>,
) -> Result<Vec<BlockNumber>, HandOverError> {
    let mut messages = Vec::new();
    let mut handed = Vec::new();
    for number in numbers {
        let Some(blueprint) = shared.store.blueprint(number)? else {
            // One that was taken over from the rollup node was not made of a blueprint of this node. One that is gone has
            // been unwound since.
            handed.push(number);
            continue;
        };
        if !handed.is_empty() && messages.len().saturating_add(blueprint.len()) > MESSAGES_MAX {
            break;
        }
        messages.extend(blueprint);
        handed.push(number);
    }
    if !messages.is_empty() {
        rollup_node.inject_external(&messages).await?;
    }
    tracing::debug!(first = ?handed.first(), last = ?handed.last(), messages = messages.len(), "handed over");
    Ok(handed)
}
