//! `eth_simulateV1`: calls in blocks that are only tried out.

use crate::api::{Api, Json, json};
use crate::arguments::{Argument, Arguments, field};
use crate::call::{BlockOverrides, Cancel, Overrides};
use crate::call_argument::CallArgument;
use crate::error::{REVERTED, RpcError};
use crate::hexadecimal::{Data, Quantity};
use crate::methods::state;
use crate::override_argument::StateOverrides;
use crate::reply::{self, BlockReply, LogReply};
use crate::simulation::{BlockRequest, SimulatedBlock, SimulatedCall, SimulatedFailure, SimulationRequest};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The specification: a call was halted.
const VM_ERROR: i32 = -32015;
/// The most blocks, as in go-ethereum.
const BLOCKS_MAX: usize = 256;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PayloadFields<'a> {
    #[serde(borrow)]
    block_state_calls: Vec<&'a RawValue>,
    #[serde(default)]
    trace_transfers: bool,
    #[serde(default)]
    validation: bool,
    #[serde(default)]
    return_full_transactions: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct BlockFields<'a> {
    #[serde(borrow)]
    block_overrides: Option<&'a RawValue>,
    #[serde(borrow)]
    state_overrides: Option<&'a RawValue>,
    #[serde(borrow)]
    calls: Option<Vec<&'a RawValue>>,
}

struct Payload {
    blocks: Vec<(Overrides, Vec<CallArgument>)>,
    traces_transfers: bool,
    validates: bool,
    shows_transactions: bool,
}

impl Argument for Payload {
    fn read(json: &str) -> Result<Self, String> {
        let fields: PayloadFields<'_> = serde_json::from_str(json).map_err(|error| error.to_string())?;
        if fields.block_state_calls.is_empty() {
            return Err("blockStateCalls: there are none".to_owned());
        }
        if fields.block_state_calls.len() > BLOCKS_MAX {
            return Err(format!("blockStateCalls: more than {BLOCKS_MAX}"));
        }
        let read = |(index, block): (usize, &&RawValue)| {
            read_block(block.get()).map_err(|reason| format!("blockStateCalls[{index}]: {reason}"))
        };
        Ok(Self {
            blocks: fields.block_state_calls.iter().enumerate().map(read).collect::<Result<_, _>>()?,
            traces_transfers: fields.trace_transfers,
            validates: fields.validation,
            shows_transactions: fields.return_full_transactions,
        })
    }
}

fn read_block(json: &str) -> Result<(Overrides, Vec<CallArgument>), String> {
    let fields: BlockFields<'_> = serde_json::from_str(json).map_err(|error| error.to_string())?;
    let accounts: Option<StateOverrides> = field(fields.state_overrides, "stateOverrides")?;
    let block: Option<BlockOverrides> = field(fields.block_overrides, "blockOverrides")?;
    let overrides = Overrides { accounts: accounts.unwrap_or_default().0, block: block.unwrap_or_default() };
    let calls = fields.calls.unwrap_or_default();
    let read = |(index, call): (usize, &&RawValue)| {
        CallArgument::read(call.get()).map_err(|reason| format!("calls[{index}]: {reason}"))
    };
    Ok((overrides, calls.iter().enumerate().map(read).collect::<Result<_, _>>()?))
}

pub(super) fn simulate(api: &Api, arguments: &Arguments<'_>, cancel: &Cancel) -> Result<Json, RpcError> {
    let payload: Payload = arguments.required(0, "payload")?;
    let at = api.state_at(arguments.optional(1, "block")?)?;
    let mut blocks = Vec::with_capacity(payload.blocks.len());
    for (overrides, calls) in payload.blocks {
        let mut request = BlockRequest { overrides, calls: Vec::with_capacity(calls.len()) };
        for CallArgument { call, chain_id, nonce, .. } in calls {
            state::check_chain(api, chain_id)?;
            request.calls.push((call, nonce));
        }
        blocks.push(request);
    }
    let simulated = api.chain.simulate(&SimulationRequest {
        at,
        blocks,
        validates: payload.validates,
        shows_transfers: payload.traces_transfers,
        gas_max: api.config.call_gas_max,
        cancel: cancel.clone(),
    })?;
    let shown = simulated.iter().map(|block| shown(block, payload.shows_transactions));
    json(&shown.collect::<Result<Vec<_>, RpcError>>()?)
}

#[derive(Serialize)]
struct SimulatedReply<'a> {
    #[serde(flatten)]
    block: BlockReply<'a>,
    calls: Vec<CallReply<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CallReply<'a> {
    return_data: Data<'a>,
    logs: Vec<LogReply<'a>>,
    gas_used: Quantity,
    status: Quantity,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorReply>,
}

#[derive(Serialize)]
struct ErrorReply {
    code: i32,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<String>,
}

fn shown(simulated: &SimulatedBlock, whole: bool) -> Result<SimulatedReply<'_>, RpcError> {
    let mut logs_before = 0;
    let calls = simulated.calls.iter().enumerate().map(|(index, call)| {
        let first = logs_before;
        logs_before += call.logs.len();
        let places = first..;
        let logs = places.zip(&call.logs).filter_map(|log| reply::log_of(&simulated.sealed, index, log));
        CallReply {
            return_data: Data(&call.output),
            logs: logs.collect(),
            gas_used: call.gas_used.get().into(),
            status: u64::from(call.failure.is_none()).into(),
            error: call.failure.as_ref().map(|failure| error_of(call, failure)),
        }
    });
    Ok(SimulatedReply { calls: calls.collect(), block: BlockReply::new(&simulated.sealed, whole)? })
}

fn error_of(call: &SimulatedCall, failure: &SimulatedFailure) -> ErrorReply {
    match failure {
        SimulatedFailure::Reverted => {
            let RpcError { message, data, .. } = RpcError::reverted(&call.output);
            ErrorReply { code: REVERTED, message, data }
        }
        SimulatedFailure::Halted(reason) => {
            let message = format!("vm execution error: {reason}");
            ErrorReply { code: VM_ERROR, message, data: None }
        }
    }
}
