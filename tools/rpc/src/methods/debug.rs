//! Traces, and the access lists that follow from one.

use crate::api::{Api, Json, json};
use crate::arguments::{Arguments, BlockParameter};
use crate::call::{Cancel, TraceRequest};
use crate::call_argument::CallArgument;
use crate::chain::{BlockTag, SealedBlock};
use crate::error::{INVALID_INPUT, RpcError};
use crate::hexadecimal::Fixed;
use crate::methods::state;
use crate::trace_argument::TraceArgument;
use crate::trace_reply::{ListedAccount, ListedReply, NamedTrace, shown};
use millrace_primitives::{BlockHash, BlockNumber, TransactionHash};

pub(super) fn transaction(api: &Api, arguments: &Arguments<'_>, cancel: &Cancel) -> Result<Json, RpcError> {
    let hash: TransactionHash = arguments.required(0, "transaction hash")?;
    let config: TraceArgument = arguments.optional(1, "trace options")?.unwrap_or_default();
    let position = api.chain.position(hash)?;
    let position = position.ok_or_else(|| RpcError::new(INVALID_INPUT, "transaction not found"))?;
    let (watch, cancel) = (config.watch, cancel.clone());
    let only = Some(position.index);
    let traces = api.chain.trace(&TraceRequest { number: position.number, only, watch, cancel })?;
    let trace = traces.first().ok_or_else(|| RpcError::internal("a transaction without a trace"))?;
    shown(trace)
}

pub(super) fn block_by_number(
    api: &Api,
    arguments: &Arguments<'_>,
    cancel: &Cancel,
) -> Result<Json, RpcError> {
    block(api, arguments.required(0, "block")?, arguments, cancel)
}

pub(super) fn block_by_hash(api: &Api, arguments: &Arguments<'_>, cancel: &Cancel) -> Result<Json, RpcError> {
    let hash: BlockHash = arguments.required(0, "block hash")?;
    block(api, BlockParameter::Hash(hash), arguments, cancel)
}

fn block(
    api: &Api,
    block: BlockParameter,
    arguments: &Arguments<'_>,
    cancel: &Cancel,
) -> Result<Json, RpcError> {
    let config: TraceArgument = arguments.optional(1, "trace options")?.unwrap_or_default();
    let sealed = api.block(block)?.ok_or_else(RpcError::block_not_found)?;
    let number = sealed.block.header.number;
    if number == BlockNumber::ZERO {
        return Err(RpcError::new(INVALID_INPUT, "genesis is not traceable"));
    }
    let (watch, cancel) = (config.watch, cancel.clone());
    let traces = api.chain.trace(&TraceRequest { number, only: None, watch, cancel })?;
    let SealedBlock { transaction_hashes, .. } = &*sealed;
    let named = |(hash, trace): (&TransactionHash, _)| {
        Ok(NamedTrace { tx_hash: Fixed::from(*hash), result: shown(trace)? })
    };
    json(&transaction_hashes.iter().zip(&traces).map(named).collect::<Result<Vec<_>, RpcError>>()?)
}

/// A call with options; where the block is left out it is the last one.
pub(super) fn call(api: &Api, arguments: &Arguments<'_>, cancel: &Cancel) -> Result<Json, RpcError> {
    let CallArgument { call, chain_id, .. } = arguments.required(0, "transaction")?;
    state::check_chain(api, chain_id)?;
    let TraceArgument { watch, overrides } = arguments.optional(2, "trace options")?.unwrap_or_default();
    let mut request = state::request(api, call, arguments.optional(1, "block")?, cancel)?;
    request.overrides = overrides;
    shown(&api.chain.trace_call(&request, watch)?)
}

/// As an estimate, it is about a transaction to come.
pub(super) fn access_list(api: &Api, arguments: &Arguments<'_>, cancel: &Cancel) -> Result<Json, RpcError> {
    let request = state::read_call(api, arguments, BlockTag::Pending, cancel)?;
    let listed = api.chain.access_list(&request)?;
    json(&ListedReply {
        access_list: listed.access_list.iter().map(ListedAccount::new).collect(),
        error: listed.error.as_deref(),
        gas_used: listed.gas_used.get().into(),
    })
}
