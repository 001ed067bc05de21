//! What waits for a block, as go-ethereum shows it: by sender, then by nonce.

use crate::api::{Api, Json, json};
use crate::arguments::Arguments;
use crate::chain::PooledTransaction;
use crate::error::RpcError;
use crate::hexadecimal::{Data, Quantity};
use crate::reply::{self, TransactionReply};
use millrace_primitives::Address;
use serde::Serialize;
use std::collections::BTreeMap;

#[derive(Serialize)]
struct Parts<T> {
    pending: T,
    queued: T,
}

/// By nonce, in decimal.
type ByNonce = BTreeMap<String, TransactionReply<'static>>;

pub(super) fn status(api: &Api, _: &Arguments<'_>) -> Result<Json, RpcError> {
    let pool = api.chain.pool();
    let pending = pool.iter().filter(|transaction| transaction.executable).count();
    json(&Parts {
        pending: Quantity::from(pending as u64),
        queued: Quantity::from((pool.len() - pending) as u64),
    })
}

pub(super) fn content(api: &Api, _: &Arguments<'_>) -> Result<Json, RpcError> {
    let mut parts: Parts<BTreeMap<String, ByNonce>> =
        Parts { pending: BTreeMap::new(), queued: BTreeMap::new() };
    for pooled in api.chain.pool() {
        let part = if pooled.executable { &mut parts.pending } else { &mut parts.queued };
        insert(part.entry(Data(pooled.sender.as_bytes()).to_text()).or_default(), &pooled)?;
    }
    json(&parts)
}

pub(super) fn content_from(api: &Api, arguments: &Arguments<'_>) -> Result<Json, RpcError> {
    let sender: Address = arguments.required(0, "address")?;
    let mut parts = Parts { pending: ByNonce::new(), queued: ByNonce::new() };
    for pooled in api.chain.pool().iter().filter(|pooled| pooled.sender == sender) {
        insert(if pooled.executable { &mut parts.pending } else { &mut parts.queued }, pooled)?;
    }
    json(&parts)
}

fn insert(part: &mut ByNonce, pooled: &PooledTransaction) -> Result<(), RpcError> {
    part.insert(pooled.nonce.to_string(), reply::pooled(pooled)?);
    Ok(())
}
