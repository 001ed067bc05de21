//! Transactions of a block, executed again to be looked into.

use super::engine;
use crate::shared::Shared;
use millrace_engine::{BlockTrace, CallError as EngineCallError};
use millrace_primitives::BlockNumber;
use millrace_rpc::{CallError, ChainError, TraceRequest};
use millrace_trace::Trace;

/// What is recorded of the transactions of a block, on the state before it.
pub(super) fn of_block(shared: &Shared, request: &TraceRequest) -> Result<Vec<Trace>, CallError> {
    let number = request.number;
    let parent = BlockNumber::new(number.get().saturating_sub(1));
    let state = shared.recent(parent).ok_or(ChainError::StateUnavailable(parent))?.state;
    let after = shared.recent(number).ok_or(ChainError::StateUnavailable(number))?;
    let trace = BlockTrace {
        block: &after.block.block,
        delayed: &shared.engine.consumed(&after.state).map_err(engine)?,
        only: request.only.and_then(|index| usize::try_from(index).ok()),
        watch: request.watch,
        goes_on: &|| !request.cancel.is_set(),
    };
    shared.engine.trace_block(&state, &trace).map_err(|error| match error {
        EngineCallError::TraceTooLarge => CallError::TraceTooLarge,
        EngineCallError::Interrupted => CallError::Interrupted,
        EngineCallError::Engine(error) => CallError::Chain(engine(error)),
        // What is in a block is neither refused nor a call.
        EngineCallError::Invalid(_) | EngineCallError::Failed(_) => {
            CallError::Chain(ChainError::Internal(error.to_string()))
        }
    })
}
