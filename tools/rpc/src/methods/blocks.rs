//! Blocks, transactions and receipts. What does not exist is null.

use crate::api::{Api, Json, json};
use crate::arguments::{Arguments, BlockParameter};
use crate::chain::SealedBlock;
use crate::error::RpcError;
use crate::hexadecimal::Quantity;
use crate::reply::{self, BlockReply};
use millrace_primitives::{BlockHash, TransactionHash};
use std::sync::Arc;

/// The block that the first argument, a number or a tag, names.
fn numbered(api: &Api, arguments: &Arguments<'_>) -> Result<Option<Arc<SealedBlock>>, RpcError> {
    api.block(arguments.required(0, "block")?)
}

/// The block that the first argument, a hash, names.
fn hashed(api: &Api, arguments: &Arguments<'_>) -> Result<Option<Arc<SealedBlock>>, RpcError> {
    let hash: BlockHash = arguments.required(0, "block hash")?;
    api.block(BlockParameter::Hash(hash))
}

pub(super) fn number(api: &Api, _: &Arguments<'_>) -> Result<Json, RpcError> {
    json(&Quantity::from(api.head().get()))
}

pub(super) fn by_number(api: &Api, arguments: &Arguments<'_>) -> Result<Json, RpcError> {
    shown(numbered(api, arguments)?.as_deref(), arguments)
}

pub(super) fn by_hash(api: &Api, arguments: &Arguments<'_>) -> Result<Json, RpcError> {
    shown(hashed(api, arguments)?.as_deref(), arguments)
}

fn shown(block: Option<&SealedBlock>, arguments: &Arguments<'_>) -> Result<Json, RpcError> {
    let whole = arguments.optional(1, "hydrated transactions")?.unwrap_or(false);
    json(&block.map(|block| BlockReply::new(block, whole)).transpose()?)
}

pub(super) fn receipts(api: &Api, arguments: &Arguments<'_>) -> Result<Json, RpcError> {
    let block = numbered(api, arguments)?;
    json(&block.as_deref().map(reply::receipts).transpose()?)
}

pub(super) fn transaction_count_by_number(api: &Api, arguments: &Arguments<'_>) -> Result<Json, RpcError> {
    count(numbered(api, arguments)?.map(|block| block.transaction_hashes.len()))
}

pub(super) fn transaction_count_by_hash(api: &Api, arguments: &Arguments<'_>) -> Result<Json, RpcError> {
    count(hashed(api, arguments)?.map(|block| block.transaction_hashes.len()))
}

pub(super) fn uncle_count_by_number(api: &Api, arguments: &Arguments<'_>) -> Result<Json, RpcError> {
    count(numbered(api, arguments)?.map(|_| 0))
}

pub(super) fn uncle_count_by_hash(api: &Api, arguments: &Arguments<'_>) -> Result<Json, RpcError> {
    count(hashed(api, arguments)?.map(|_| 0))
}

fn count(count: Option<usize>) -> Result<Json, RpcError> {
    json(&count.map(|count| Quantity::from(count as u64)))
}

/// A rollup has no ommers.
pub(super) fn no_uncle(_: &Api, arguments: &Arguments<'_>) -> Result<Json, RpcError> {
    let _: BlockParameter = arguments.required(0, "block")?;
    let _: u64 = arguments.required(1, "uncle index")?;
    json(&())
}

/// A transaction of a block, or else of the pool.
pub(super) fn transaction(api: &Api, arguments: &Arguments<'_>) -> Result<Json, RpcError> {
    let hash: TransactionHash = arguments.required(0, "transaction hash")?;
    if let Some(position) = api.chain.position(hash)? {
        let block = api.known_block(position.number)?;
        return json(&reply::mined(&block, position.index as usize)?);
    }
    json(&api.chain.pooled(hash).as_ref().map(reply::pooled).transpose()?)
}

pub(super) fn transaction_by_number_and_index(
    api: &Api,
    arguments: &Arguments<'_>,
) -> Result<Json, RpcError> {
    indexed(numbered(api, arguments)?.as_deref(), arguments)
}

pub(super) fn transaction_by_hash_and_index(api: &Api, arguments: &Arguments<'_>) -> Result<Json, RpcError> {
    indexed(hashed(api, arguments)?.as_deref(), arguments)
}

fn indexed(block: Option<&SealedBlock>, arguments: &Arguments<'_>) -> Result<Json, RpcError> {
    let index: u64 = arguments.required(1, "transaction index")?;
    match (block, usize::try_from(index)) {
        (Some(block), Ok(index)) => json(&reply::mined(block, index)?),
        _ => json(&()),
    }
}

pub(super) fn receipt(api: &Api, arguments: &Arguments<'_>) -> Result<Json, RpcError> {
    let hash: TransactionHash = arguments.required(0, "transaction hash")?;
    match api.chain.position(hash)? {
        None => json(&()),
        Some(position) => {
            let block = api.known_block(position.number)?;
            json(&reply::receipt(&block, position.index as usize)?)
        }
    }
}
