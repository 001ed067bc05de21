//! Endpoints that only the sandbox has: they act on its layer 1.

use super::block::parse_level;
use super::{Body, Failure, Shared, blocking, json_body};
use crate::MessageId;
use crate::control::{Bake, Head};
use crate::sandbox;
use crate::sandbox::chain::NewMessage;
use crate::sandbox::contracts::{ContractError, hexadecimal};
use crate::sandbox::limits::BAKE_LEVELS_MAX;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;
use std::collections::BTreeMap;

/// `{messages: [hexadecimal…]}`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InboxRequest {
    messages: Vec<String>,
}

/// Puts any inbox messages, tags included, in the mempool.
pub(super) async fn inbox(State(app): Shared, body: Body) -> Result<Json<Vec<MessageId>>, Failure> {
    let request: InboxRequest = json_body(body)?;
    let messages: Result<Vec<_>, ContractError> =
        request.messages.iter().map(|text| hexadecimal(text).map(NewMessage::raw)).collect();
    let messages = messages?;
    blocking(move || Ok(Json(app.chain.inject(messages)?))).await
}

/// Makes levels at once, and answers when the rollup node has processed them.
pub(super) async fn bake(State(app): Shared, body: Body) -> Result<Json<Head>, Failure> {
    let is_empty = matches!(&body, Ok(bytes) if bytes.is_empty());
    let levels = if is_empty { 1 } else { json_body::<Bake>(body)?.levels };
    if !(1..=BAKE_LEVELS_MAX).contains(&levels) {
        let message = format!("Between 1 and {BAKE_LEVELS_MAX} levels can be made at once");
        return Err(Failure::bad_request("sandbox.bad_levels", message));
    }
    let block = sandbox::bake(&app.chain, &app.node, levels)
        .await
        .map_err(|error| Failure::new(StatusCode::INTERNAL_SERVER_ERROR, "sandbox.halted", error))?;
    Ok(Json(Head { level: block.level.get(), block_hash: block.hash }))
}

/// The outbox messages of a level as the kernel wrote them.
pub(super) async fn outbox(
    State(app): Shared,
    path: Path<BTreeMap<String, String>>,
) -> Result<Json<Vec<String>>, Failure> {
    blocking(move || {
        let messages = app.node.outbox(parse_level(&path)?)?;
        Ok(Json(messages.iter().map(hex::encode).collect()))
    })
    .await
}
