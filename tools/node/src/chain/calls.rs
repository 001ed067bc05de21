//! Calls of the JSON-RPC, put to the engine.

use super::{engine, refusal};
use millrace_engine::{
    AccessListItem, AccountOverride, Authorization, BlockOverrides, CallError as EngineCallError,
    CallOutcome, Engine, Halt, Offered, Overrides, Simulation, Stage, StorageOverride, halt_text,
};
use millrace_primitives::{Address, Gas, H256};
use millrace_pvm::durable::Durable;
use millrace_rpc::{CallError, CallRequest, ListedCall};
use millrace_trace::{Trace, Watch};

/// What a call on `state` returns.
pub(super) fn call(engine: &Engine, state: &Durable, request: &CallRequest) -> Result<Vec<u8>, CallError> {
    let outcome = with_simulation(request, |simulation| engine.call(state, simulation));
    let outcome = outcome.map_err(|error| failed((engine, state), request, error))?;
    if outcome.succeeded { Ok(outcome.output) } else { Err(failure(outcome)) }
}

/// The gas limit that a call on `state` needs as a transaction.
pub(super) fn estimate(engine: &Engine, state: &Durable, request: &CallRequest) -> Result<Gas, CallError> {
    let gas = with_simulation(request, |simulation| engine.estimate(state, simulation));
    gas.map_err(|error| failed((engine, state), request, error))
}

/// What is recorded of a call on `state`.
pub(super) fn trace(
    engine: &Engine,
    state: &Durable,
    request: &CallRequest,
    watch: Watch,
) -> Result<Trace, CallError> {
    let trace = with_simulation(request, |simulation| engine.trace_call(state, simulation, watch));
    trace.map_err(|error| failed((engine, state), request, error))
}

/// The access list that a call on `state` would have.
pub(super) fn access_list(
    engine: &Engine,
    state: &Durable,
    request: &CallRequest,
) -> Result<ListedCall, CallError> {
    let listed = with_simulation(request, |simulation| engine.access_list(state, simulation));
    let (access_list, outcome) = listed.map_err(|error| failed((engine, state), request, error))?;
    let error = outcome.halt.map(halt_text);
    Ok(ListedCall { access_list, error, gas_used: outcome.gas_used })
}

fn with_simulation<T>(request: &CallRequest, run: impl FnOnce(&Simulation<'_>) -> T) -> T {
    run(&Simulation {
        call: &call_of(&request.call),
        stage: match request.stage {
            millrace_rpc::Stage::Same => Stage::Head,
            millrace_rpc::Stage::Next => Stage::Next(crate::time::now().to_timestamp()),
        },
        overrides: &overrides_of(&request.overrides),
        gas_max: request.gas_max,
        goes_on: &|| !request.cancel.is_set(),
    })
}

pub(super) fn call_of(call: &millrace_rpc::Call) -> millrace_engine::Call {
    let item = |(address, keys): &(Address, Vec<H256>)| AccessListItem {
        address: *address,
        storage_keys: keys.clone(),
    };
    millrace_engine::Call {
        from: call.from,
        to: call.to,
        gas: call.gas,
        gas_price: call.gas_price,
        value: call.value,
        data: call.data.clone(),
        access_list: call.access_list.iter().map(item).collect(),
        authorizations: call.authorizations.iter().map(authorization_of).collect(),
    }
}

/// The two are alike; the one knows nothing of the other.
pub(super) fn authorization_of(authorization: &millrace_rpc::Authorization) -> Authorization {
    let &millrace_rpc::Authorization { chain_id, address, nonce, y_parity, r, s } = authorization;
    Authorization { chain_id, address, nonce, y_parity, r, s }
}

pub(super) fn overrides_of(overrides: &millrace_rpc::Overrides) -> Overrides {
    let account = |(address, account): (&Address, &millrace_rpc::AccountOverride)| {
        let storage = match &account.storage {
            millrace_rpc::StorageOverride::Nothing => StorageOverride::Nothing,
            millrace_rpc::StorageOverride::Slots(slots) => StorageOverride::Slots(slots.clone()),
            millrace_rpc::StorageOverride::Whole(slots) => StorageOverride::Whole(slots.clone()),
        };
        let millrace_rpc::AccountOverride { balance, nonce, ref code, .. } = *account;
        (*address, AccountOverride { balance, nonce, code: code.clone(), storage })
    };
    let block = overrides.block;
    Overrides {
        accounts: overrides.accounts.iter().map(account).collect(),
        block: BlockOverrides {
            number: block.number,
            timestamp: block.timestamp,
            beneficiary: block.beneficiary,
            gas_limit: block.gas_limit,
            base_fee: block.base_fee,
            prev_randao: block.prev_randao,
        },
    }
}

fn failed((native, state): (&Engine, &Durable), request: &CallRequest, error: EngineCallError) -> CallError {
    match error {
        EngineCallError::Invalid(invalid) => {
            let call = &request.call;
            let offered = Offered {
                sender: call.from.unwrap_or_default(),
                nonce: 0,
                gas_limit: call.gas.unwrap_or(request.gas_max),
                max_fee_per_gas: call.gas_price.unwrap_or_default(),
            };
            match native.parameters(state) {
                Ok(parameters) => CallError::Refused(refusal::of_invalid(invalid, &offered, &parameters)),
                Err(error) => CallError::Chain(engine(error)),
            }
        }
        EngineCallError::Failed(outcome) => failure(*outcome),
        EngineCallError::TraceTooLarge => CallError::TraceTooLarge,
        EngineCallError::Interrupted => CallError::Interrupted,
        EngineCallError::Engine(error) => CallError::Chain(engine(error)),
    }
}

fn failure(outcome: CallOutcome) -> CallError {
    match outcome.halt {
        None | Some(Halt::Reverted) => CallError::Reverted { output: outcome.output },
        Some(halt) => CallError::Halted(halt_text(halt)),
    }
}
