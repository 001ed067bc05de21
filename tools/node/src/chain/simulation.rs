//! Blocks that are only tried out, put to the engine.

use super::{calls, engine as broken, refusal};
use millrace_engine::{
    BlockInput, CallError as EngineCallError, Engine, Halt, SimulateError as EngineError, Simulated,
    SimulatedBlock as EngineBlock, SimulatedCall as EngineCall, halt_text, keccak,
};
use millrace_primitives::TransactionHash;
use millrace_pvm::durable::Durable;
use millrace_rpc::{
    BlockRequest, ChainError, SealedBlock, SimulateError, SimulatedBlock, SimulatedCall, SimulatedFailure,
    SimulationRequest,
};

/// What becomes of blocks on `state`.
pub(super) fn run(
    engine: &Engine,
    state: &Durable,
    request: &SimulationRequest,
) -> Result<Vec<SimulatedBlock>, SimulateError> {
    let blocks: Vec<BlockInput> = request.blocks.iter().map(input).collect();
    let simulated = engine.simulate(
        state,
        &Simulated {
            blocks: &blocks,
            validates: request.validates,
            shows_transfers: request.shows_transfers,
            gas_max: request.gas_max,
            goes_on: &|| !request.cancel.is_set(),
        },
    );
    match simulated {
        Ok(blocks) => Ok(blocks.into_iter().map(shown).collect()),
        Err(error) => Err(failed(engine, state, error)),
    }
}

fn input(block: &BlockRequest) -> BlockInput {
    BlockInput {
        overrides: calls::overrides_of(&block.overrides),
        calls: block.calls.iter().map(|(call, nonce)| (calls::call_of(call), *nonce)).collect(),
    }
}

fn shown(simulated: EngineBlock) -> SimulatedBlock {
    let EngineBlock { block, hash, calls } = simulated;
    let hashes = block.transactions.iter().map(|raw| TransactionHash::new(keccak(raw).0));
    let transaction_hashes = hashes.collect();
    SimulatedBlock {
        sealed: SealedBlock { hash, block, transaction_hashes },
        calls: calls.into_iter().map(shown_call).collect(),
    }
}

fn shown_call(call: EngineCall) -> SimulatedCall {
    let EngineCall { output, logs, gas_used, halt } = call;
    let failure = halt.map(|halt| match halt {
        Halt::Reverted => SimulatedFailure::Reverted,
        halt => SimulatedFailure::Halted(halt_text(halt)),
    });
    SimulatedCall { output, logs, gas_used, failure }
}

fn failed(engine: &Engine, state: &Durable, error: EngineError) -> SimulateError {
    match error {
        EngineError::Number { .. } => SimulateError::BlockNumber(error.to_string()),
        EngineError::Timestamp { .. } => SimulateError::BlockTimestamp(error.to_string()),
        EngineError::TooManyBlocks | EngineError::GasExhausted => SimulateError::Limit(error.to_string()),
        EngineError::BlockFull { .. } => SimulateError::BlockFull(error.to_string()),
        EngineError::Invalid { invalid, offered } => match engine.parameters(state) {
            Ok(parameters) => refusal::of_invalid(invalid, &offered, &parameters).into(),
            Err(error) => broken(error).into(),
        },
        EngineError::Call(EngineCallError::TraceTooLarge) => SimulateError::TooLarge,
        EngineError::Call(EngineCallError::Interrupted) => SimulateError::Interrupted,
        EngineError::Call(EngineCallError::Engine(error)) => broken(error).into(),
        // A call that fails or breaks a rule is told of otherwise.
        EngineError::Call(error @ (EngineCallError::Invalid(_) | EngineCallError::Failed(_))) => {
            ChainError::Internal(error.to_string()).into()
        }
    }
}
