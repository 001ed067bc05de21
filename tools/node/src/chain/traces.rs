//! Transactions of a block, executed again to be looked into.

use super::{engine, stored};
use crate::shared::Shared;
use millrace_engine::{BlockTrace, CallError as EngineCallError};
use millrace_primitives::{BlockNumber, TransactionHash};
use millrace_rpc::{CallError, ChainError, TraceRequest};
use millrace_trace::Trace;
use millrace_wire::{
    blueprint::{Chunk, assemble},
    frame::HEADER_BYTES,
};
use std::collections::BTreeSet;

/// What is recorded of the transactions of a block, on the state before it.
pub(super) fn of_block(shared: &Shared, request: &TraceRequest) -> Result<Vec<Trace>, CallError> {
    let number = request.number;
    let parent = BlockNumber::new(number.get().saturating_sub(1));
    let state = shared.recent(parent).ok_or(ChainError::StateUnavailable(parent))?.state;
    let block = shared.recent(number).ok_or(ChainError::StateUnavailable(number))?.block;
    let trace = BlockTrace {
        block: &block.block,
        delayed: &delayed(shared, number)?,
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

/// The names in the blueprint of a block of what comes from the delayed inbox.
fn delayed(shared: &Shared, number: BlockNumber) -> Result<BTreeSet<TransactionHash>, ChainError> {
    let messages = shared.store.blueprint(number).map_err(stored)?.unwrap_or_default();
    names_in(&messages)
        .ok_or_else(|| ChainError::Internal(format!("the blueprint of block {number} is no blueprint")))
}

fn names_in(messages: &[Vec<u8>]) -> Option<BTreeSet<TransactionHash>> {
    let mut header = None;
    let mut pieces = Vec::with_capacity(messages.len());
    for message in messages {
        let chunk = Chunk::decode(message.get(HEADER_BYTES..)?).ok()?;
        header = Some(chunk.announced.header);
        pieces.push(chunk.piece.to_vec());
    }
    let blueprint = assemble(&header?, &pieces).ok()?;
    Some(blueprint.payload.delayed.into_iter().collect())
}
