//! Logs, and the filters that are polled.

use crate::api::{Api, Json, json};
use crate::arguments::{Arguments, BlockParameter};
use crate::call::Cancel;
use crate::error::RpcError;
use crate::filter::{Blocks, FilterArgument};
use crate::hexadecimal::{Fixed, Quantity};
use crate::polling::{FilterId, Watched, drain};
use millrace_primitives::BlockNumber;

/// The most hashes that a filter of blocks gives at a time.
const BLOCK_HASHES_MAX: u64 = 10_000;

pub(super) fn get(api: &Api, arguments: &Arguments<'_>, cancel: &Cancel) -> Result<Json, RpcError> {
    let FilterArgument { blocks, filter } = arguments.required(0, "filter")?;
    api.logs(blocks, &filter, cancel)
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

/// What is new since the last time. A filter goes on only past what it gives: when it cannot answer, or when
/// there is more than a reply should have, the rest comes the next time.
pub(super) fn filter_changes(
    api: &Api,
    arguments: &Arguments<'_>,
    cancel: &Cancel,
) -> Result<Json, RpcError> {
    let id: FilterId = arguments.required(0, "filter identifier")?;
    let head = api.head();
    api.filters.ask(id, |watched| match watched {
        Watched::Pending { receiver } => {
            json(&drain(receiver).into_iter().map(Fixed::from).collect::<Vec<_>>())
        }
        Watched::Blocks { next } => new_blocks(api, next, head),
        Watched::Logs { argument, next } => new_logs(api, argument, next, cancel),
    })
}

fn new_blocks(api: &Api, next: &mut BlockNumber, head: BlockNumber) -> Result<Json, RpcError> {
    let after = head.saturating_add(1).max(*next);
    let end = after.min(next.saturating_add(BLOCK_HASHES_MAX));
    let hashes = (next.get()..end.get()).map(|number| {
        let header = api.chain.header(BlockNumber::new(number))?;
        let sealed = header.ok_or_else(|| RpcError::internal(&format!("header {number} is missing")))?;
        Ok(Fixed::from(sealed.hash))
    });
    let reply = json(&hashes.collect::<Result<Vec<_>, RpcError>>()?)?;
    *next = end;
    Ok(reply)
}

/// The logs from `next` to the head, or to the `toBlock` of the filter if that is before.
fn new_logs(
    api: &Api,
    argument: &FilterArgument,
    next: &mut BlockNumber,
    cancel: &Cancel,
) -> Result<Json, RpcError> {
    let head = api.head();
    let to = match argument.blocks {
        Blocks::One(hash) => api.chain.number_of_hash(hash)?.unwrap_or(BlockNumber::ZERO),
        // A tag moves with the chain: it bounds nothing.
        Blocks::Span { to: Some(to @ BlockParameter::Number(_)), .. } => api.number(to)?.unwrap_or(head),
        Blocks::Span { .. } => head,
    };
    let to = to.min(head);
    if *next > to {
        return json(&[(); 0]);
    }
    let (found, after) = api.logs_page(*next..=to, &argument.filter, cancel)?;
    let reply = found.reply()?;
    *next = after;
    Ok(reply)
}

pub(super) fn filter_logs(api: &Api, arguments: &Arguments<'_>, cancel: &Cancel) -> Result<Json, RpcError> {
    let id: FilterId = arguments.required(0, "filter identifier")?;
    let FilterArgument { blocks, filter } = api.filters.log_filter(id)?;
    api.logs(blocks, &filter, cancel)
}
