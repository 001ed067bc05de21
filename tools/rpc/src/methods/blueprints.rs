//! Following another node: its blueprints, as soon as they are there.

use crate::{
    api::{Api, Json, json},
    arguments::Arguments,
    blueprints::{Blueprints, SignedBlueprint},
    error::RpcError,
    hexadecimal::{Data, Fixed, Quantity},
};
use jsonrpsee::types::Params;
use millrace_primitives::{BlockHash, BlockNumber};
use serde::Serialize;
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::broadcast::error::RecvError,
    time::{Instant, timeout_at},
};

/// How long a reply waits for the next block: less than what cuts idle connections.
const WAIT_MAX: Duration = Duration::from_secs(20);

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BlueprintsReply {
    head: Quantity,
    is_parent_known: bool,
    blueprints: Vec<BlueprintReply>,
}

#[derive(Serialize)]
struct BlueprintReply {
    number: Quantity,
    hash: Fixed<32>,
    messages: Vec<String>,
    premises: Vec<(String, Option<String>)>,
}

impl From<SignedBlueprint> for BlueprintReply {
    fn from(SignedBlueprint { number, hash, messages, premises }: SignedBlueprint) -> Self {
        let text = |bytes: &Vec<u8>| Data(bytes).to_text();
        Self {
            number: number.get().into(),
            hash: hash.into(),
            messages: messages.iter().map(text).collect(),
            premises: premises.iter().map(|(path, value)| (text(path), value.as_ref().map(text))).collect(),
        }
    }
}

/// The blueprints after a block; waits for the first when there is none yet.
pub(super) async fn after(params: Params<'static>, api: Arc<Api>) -> Result<Json, RpcError> {
    let (parent, hash): (u64, BlockHash) = {
        let arguments = Arguments::parse(&params, 2)?;
        (arguments.required(0, "parent")?, arguments.required(1, "hash")?)
    };
    let parent = BlockNumber::new(parent);
    // Before the first look: no block falls in between.
    let mut blocks = api.chain.subscribe_blocks();
    let read = || {
        let own = Arc::clone(&api);
        api.reads.run(move |_| Ok(own.chain.blueprints(parent, hash)?))
    };
    let until = Instant::now() + WAIT_MAX;
    let mut found = read().await?;
    while found.is_parent_known && found.head <= parent {
        match timeout_at(until, blocks.recv()).await {
            Ok(Ok(_) | Err(RecvError::Lagged(_))) => found = read().await?,
            Ok(Err(RecvError::Closed)) | Err(_) => break,
        }
    }
    let Blueprints { head, is_parent_known, blueprints } = found;
    let blueprints = blueprints.into_iter().map(BlueprintReply::from).collect();
    json(&BlueprintsReply { head: head.get().into(), is_parent_known, blueprints })
}
