//! Endpoints about what the rollup sent to the layer 1, and about accounts and operations there.

use super::contracts::submit;
use super::{App, Body, Failure, Shared, blocking, json_body};
use crate::MessageId;
use crate::control::outbox::{Execute, Message, Operation, Outbox, State as Stage, Withdrawal};
use crate::sandbox::EXECUTOR;
use crate::sandbox::chain::{Effect, NewCall};
use crate::sandbox::contracts::{Contracts, account, account_of_contract, account_text};
use crate::sandbox::limits::OUTBOX_ANSWER_MAX;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use millrace_primitives::{L1Level, Mutez};
use millrace_wire::base58::Base58Check as _;
use millrace_wire::outbox::{self, Call};
use serde_json::{Value, json};
use std::sync::Arc;

/// The newest messages and what became of them.
pub(super) async fn messages(State(app): Shared) -> Result<Json<Outbox>, Failure> {
    blocking(move || {
        let cemented = app.node.commitments().cemented(app.node.status().head.record.level);
        let sent = app.node.outbox_messages(OUTBOX_ANSWER_MAX)?;
        let messages =
            sent.iter().map(|(level, index, bytes)| message(&app, *level, *index, bytes)).collect();
        Ok(Json(Outbox { cemented_level: cemented.get(), messages }))
    })
    .await
}

fn message(app: &App, level: L1Level, index: u32, bytes: &[u8]) -> Message {
    let withdrawal = outbox::Withdrawal::decode(bytes);
    let state = match &withdrawal {
        _ if app.chain.is_executed(level, index) => Stage::Executed,
        None => Stage::Unexecutable,
        Some(withdrawal) if effects(&app.contracts, withdrawal).is_none() => Stage::Unexecutable,
        Some(_) => {
            let until = app.node.commitments().cemented_at(level).unwrap_or(L1Level::MAX);
            if until <= app.node.status().head.record.level {
                Stage::Executable
            } else {
                Stage::Waiting { until_level: until.get() }
            }
        }
    };
    let withdrawal = withdrawal.as_ref().map(words);
    Message { level: level.get(), index, bytes: hex::encode(bytes), withdrawal, state }
}

fn words(withdrawal: &outbox::Withdrawal) -> Withdrawal {
    let (destination, entrypoint) = match &withdrawal.call {
        Call::Burn => (withdrawal.ticket.ticketer, "burn"),
        Call::Withdraw { proxy } => (*proxy, "withdraw"),
        Call::Settle(fast) => (fast.contract, "default"),
    };
    let receiver = &withdrawal.receiver;
    Withdrawal {
        receiver: account_text(receiver).unwrap_or_else(|| hex::encode(receiver.as_bytes())),
        amount: withdrawal.ticket.amount.to_string(),
        ticketer: withdrawal.ticket.ticketer.to_base58(),
        destination: destination.to_base58(),
        entrypoint: entrypoint.to_owned(),
    }
}

/// What the contracts of the layer 1 do when a message is executed; `None` when none of them understands it.
///
/// The ticketer burns its ticket and pays the tez out. So does a contract of fast withdrawals, to whom the message names:
/// nobody has advanced the money here. What a proxy pays out is not tez and leaves no trace.
fn effects(contracts: &Contracts, withdrawal: &outbox::Withdrawal) -> Option<Vec<Effect>> {
    let is_tez = Some(withdrawal.ticket.ticketer) == contracts.ticketer;
    match &withdrawal.call {
        Call::Burn | Call::Settle(_) if is_tez => {
            let from = account_of_contract(withdrawal.ticket.ticketer);
            let amount = u64::try_from(withdrawal.ticket.amount).ok().map(Mutez::new)?;
            Some(vec![Effect::Pay { from, to: Some(withdrawal.receiver), amount }])
        }
        Call::Withdraw { .. } => Some(Vec::new()),
        Call::Burn | Call::Settle(_) => None,
    }
}

/// Has a message executed whose commitment is cemented.
pub(super) async fn execute(State(app): Shared, body: Body) -> Result<Json<Value>, Failure> {
    let request: Execute = json_body(body)?;
    let checking = Arc::clone(&app);
    let call = blocking(move || call(&checking, request)).await?;
    let id = submit(app, call).await?;
    Ok(Json(json!({ "id": id })))
}

fn call(app: &App, request: Execute) -> Result<NewCall, Failure> {
    let (level, index) = (L1Level::new(request.level), request.index);
    let sent = app.node.outbox(level)?;
    let bytes = usize::try_from(index).ok().and_then(|index| sent.get(index)).ok_or_else(|| {
        let message = format!("Level {level} has no outbox message {index}");
        Failure::new(StatusCode::NOT_FOUND, "sandbox.unknown_message", message)
    })?;
    let conflict = |id, message: String| Failure::new(StatusCode::CONFLICT, id, message);
    match message(app, level, index, bytes).state {
        Stage::Executable => {}
        Stage::Waiting { until_level } => {
            let message = format!("Its commitment is not cemented before level {until_level}");
            return Err(conflict("sandbox.not_cemented", message));
        }
        Stage::Executed => return Err(conflict("sandbox.executed", "It was executed before".to_owned())),
        Stage::Unexecutable => {
            let message = "No contract of the layer 1 understands it".to_owned();
            return Err(conflict("sandbox.unexecutable", message));
        }
    }
    let withdrawal = outbox::Withdrawal::decode(bytes);
    let pays = withdrawal.and_then(|withdrawal| effects(&app.contracts, &withdrawal)).unwrap_or_default();
    let effects = std::iter::once(Effect::Execute { level, index }).chain(pays).collect();
    Ok(NewCall { source: EXECUTOR, messages: Vec::new(), effects })
}

/// What an account has, in mutez.
pub(super) async fn balance(State(app): Shared, Path(text): Path<String>) -> Result<Json<u64>, Failure> {
    let account = account(&text)?;
    Ok(Json(app.chain.balance(&account).get()))
}

/// What became of an operation.
pub(super) async fn operation(
    State(app): Shared,
    Path(id): Path<String>,
) -> Result<Json<Operation>, Failure> {
    let id: MessageId = id.parse().map_err(|error| Failure::bad_request("sandbox.bad_message_id", error))?;
    blocking(move || {
        if let Some(waits) = app.chain.pending().into_iter().find(|operation| operation.id == id) {
            return Ok(Json(Operation::Pending { not_before_level: waits.not_before.get() }));
        }
        Ok(Json(match app.chain.find_included(id)? {
            None => Operation::Unknown,
            Some((level, _, included)) => Operation::Included {
                level: level.get(),
                fee_mutez: included.fee.get(),
                failure: included.failure.map(|failure| failure.to_string()),
            },
        }))
    })
    .await
}
