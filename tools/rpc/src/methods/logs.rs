//! Logs, and the filters that are polled.

use crate::api::{Api, Json, json};
use crate::arguments::{Arguments, BlockParameter};
use crate::error::{LIMIT_EXCEEDED, RpcError};
use crate::filter::{Blocks, FilterArgument};
use crate::hexadecimal::{Fixed, Quantity};
use crate::polling::{Changes, FilterId, Watched};
use millrace_primitives::BlockNumber;

pub(super) fn get(api: &Api, arguments: &Arguments<'_>) -> Result<Json, RpcError> {
    let FilterArgument { blocks, filter } = arguments.required(0, "filter")?;
    api.logs(blocks, &filter)
}

/// The changes of a filter begin after the last block, or at `fromBlock` when that is still to come.
pub(super) fn new_filter(api: &Api, arguments: &Arguments<'_>) -> Result<Json, RpcError> {
    let argument: FilterArgument = arguments.required(0, "filter")?;
    let mut next = api.head().saturating_add(1);
    if let Blocks::Span { from: Some(from), .. } = argument.blocks {
        next = next.max(api.number(from)?.ok_or_else(RpcError::block_not_found)?);
    }
    made(api, Watched::Logs { argument, next })
}

pub(super) fn new_block_filter(api: &Api, _: &Arguments<'_>) -> Result<Json, RpcError> {
    made(api, Watched::Blocks { next: api.head().saturating_add(1) })
}

pub(super) fn new_pending_filter(api: &Api, _: &Arguments<'_>) -> Result<Json, RpcError> {
    made(api, Watched::Pending { receiver: api.chain.subscribe_pending() })
}

fn made(api: &Api, watched: Watched) -> Result<Json, RpcError> {
    json(&Quantity::from(api.filters.insert(watched)?))
}

pub(super) fn uninstall_filter(api: &Api, arguments: &Arguments<'_>) -> Result<Json, RpcError> {
    let id: FilterId = arguments.required(0, "filter identifier")?;
    json(&api.filters.remove(id))
}

pub(super) fn filter_changes(api: &Api, arguments: &Arguments<'_>) -> Result<Json, RpcError> {
    let id: FilterId = arguments.required(0, "filter identifier")?;
    let head = api.head();
    match api.filters.changes(id, head)? {
        Changes::Pending(hashes) => json(&hashes.into_iter().map(Fixed::from).collect::<Vec<_>>()),
        Changes::Blocks { from } => block_hashes(api, from, head),
        Changes::Logs { argument, from } => new_logs(api, &argument, from, head),
    }
}

fn block_hashes(api: &Api, from: BlockNumber, head: BlockNumber) -> Result<Json, RpcError> {
    check_span(api, from, head)?;
    let hashes = (from.get()..=head.get()).map(|number| {
        let header = api.chain.header(BlockNumber::new(number))?;
        let sealed = header.ok_or_else(|| RpcError::internal(&format!("header {number} is missing")))?;
        Ok(Fixed::from(sealed.hash))
    });
    json(&hashes.collect::<Result<Vec<_>, RpcError>>()?)
}

/// The logs from `from` to the head, or to the `toBlock` of the filter if that is before.
fn new_logs(
    api: &Api,
    argument: &FilterArgument,
    from: BlockNumber,
    head: BlockNumber,
) -> Result<Json, RpcError> {
    let to = match argument.blocks {
        Blocks::One(hash) => api.chain.number_of_hash(hash)?.unwrap_or(BlockNumber::ZERO),
        // A tag moves with the chain: it bounds nothing.
        Blocks::Span { to: Some(to @ BlockParameter::Number(_)), .. } => api.number(to)?.unwrap_or(head),
        Blocks::Span { .. } => head,
    };
    let to = to.min(head);
    if from > to {
        return json(&[(); 0]);
    }
    api.logs_in(from..=to, &argument.filter)
}

fn check_span(api: &Api, from: BlockNumber, head: BlockNumber) -> Result<(), RpcError> {
    let blocks = head.saturating_add(1).since(from);
    if blocks <= api.config.log_range_blocks_max {
        return Ok(());
    }
    let message = format!("{blocks} blocks since the last poll, limit {}", api.config.log_range_blocks_max);
    Err(RpcError::new(LIMIT_EXCEEDED, message))
}

pub(super) fn filter_logs(api: &Api, arguments: &Arguments<'_>) -> Result<Json, RpcError> {
    let id: FilterId = arguments.required(0, "filter identifier")?;
    let FilterArgument { blocks, filter } = api.filters.log_filter(id)?;
    api.logs(blocks, &filter)
}
