//! Endpoints that call contracts of the layer 1, which then call the rollup.

use super::{App, Body, Failure, Shared, blocking, json_body};
use crate::MessageId;
use crate::control::{Decided, Delayed, Deposit, Governance};
use crate::sandbox::DEPOSITOR;
use crate::sandbox::chain::NewCall;
use crate::sandbox::contracts::{address, hexadecimal, source};
use axum::Json;
use axum::extract::State;
use millrace_primitives::Mutez;
use millrace_wire::base58::Base58Check as _;
use serde_json::{Value, json};
use std::sync::Arc;

/// Sends a ticket of so many mutez to the rollup.
pub(super) async fn deposit(State(app): Shared, body: Body) -> Result<Json<Value>, Failure> {
    let request: Deposit = json_body(body)?;
    let source = request.source.as_deref().map_or(Ok(DEPOSITOR), source)?;
    let receiver = address(&request.receiver)?;
    let call = app.caller().deposit(source, receiver, Mutez::new(request.amount_mutez))?;
    let id = submit(app, call).await?;
    Ok(Json(json!({ "id": id })))
}

/// Sends a transaction to the delayed inbox.
pub(super) async fn delayed(State(app): Shared, body: Body) -> Result<Json<Value>, Failure> {
    let request: Delayed = json_body(body)?;
    let call = app.caller().delayed(&hexadecimal(&request.transaction)?)?;
    let id = submit(app, call).await?;
    Ok(Json(json!({ "id": id })))
}

/// Tells the rollup what governance decided.
pub(super) async fn governance(State(app): Shared, body: Body) -> Result<Json<Decided>, Failure> {
    let request: Governance = json_body(body)?;
    let decided = app.caller().decide(&request, app.chain.head().timestamp)?;
    let id = submit(app, decided.call).await?;
    let (contract, payload) = (decided.contract.to_base58(), hex::encode(decided.payload));
    Ok(Json(Decided { id, contract, payload }))
}

/// Gives an operation to the layer 1, and names it.
pub(super) async fn submit(app: Arc<App>, call: NewCall) -> Result<MessageId, Failure> {
    let ids = blocking(move || Ok(app.chain.call(call)?)).await?;
    ids.first().copied().ok_or_else(|| Failure::internal("an operation without a name"))
}
