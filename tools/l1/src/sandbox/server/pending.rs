//! Endpoints about outbox messages in the words of Octez: those of a level, and those that wait for their execution.

use super::block::{At, level_of, parse_level};
use super::{App, Failure, Queries, Shared, blocking, queries};
use crate::sandbox::limits::OUTBOX_ANSWER_MAX;
use crate::sandbox::outbox_message::OutboxMessage;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use millrace_primitives::L1Level;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The messages of a level of the path.
pub(super) async fn of_path(
    State(app): Shared,
    at: At,
    path: Path<BTreeMap<String, String>>,
) -> Result<Json<Value>, Failure> {
    let level = parse_level(&path)?;
    blocking(move || of_level(&app, at, level)).await
}

/// The messages of a level of the query.
pub(super) async fn of_query(
    State(app): Shared,
    at: At,
    parameters: Queries,
) -> Result<Json<Value>, Failure> {
    let level = level_asked(&queries(parameters)?)?
        .ok_or_else(|| Failure::bad_request("sandbox.missing_level", "The query has no outbox_level"))?;
    blocking(move || of_level(&app, at, level)).await
}

fn of_level(app: &App, at: At, level: L1Level) -> Result<Json<Value>, Failure> {
    let upto = app.node.record(at.0)?.level;
    if level > upto {
        // The state after the block has no such outbox yet.
        return Ok(Json(json!([])));
    }
    Ok(Json(output(level, &app.node.outbox(level)?)))
}

/// Messages of a level as the protocol writes them. As on Octez, what does not decode is left out and keeps its index.
pub(super) fn output(level: L1Level, messages: &[Vec<u8>]) -> Value {
    let shown = messages.iter().enumerate().filter_map(|(index, bytes)| {
        let message = OutboxMessage::decode(bytes).ok()?;
        Some(json!({
            "outbox_level": level.get(),
            "message_index": index.to_string(),
            "message": message.protocol_json(),
        }))
    });
    shown.collect()
}

/// The messages of a level as a block of the rollup node shows them.
pub(super) fn of_block(messages: &[Vec<u8>]) -> Value {
    let shown = messages.iter().enumerate().filter_map(|(index, bytes)| {
        let mut message = OutboxMessage::decode(bytes).ok()?.node_json();
        message.insert("message_index".to_owned(), json!(index));
        Some(Value::Object(message))
    });
    shown.collect()
}

/// Proofs are about the whole state of the PVM, of which the sandbox has the durable storage only.
pub(super) async fn proof(State(app): Shared, at: At) -> Result<Json<Value>, Failure> {
    blocking(move || {
        app.node.record(at.0)?;
        let message =
            "The sandbox makes no proofs: POST /sandbox/outbox/execute has a message executed without one";
        Err(Failure::new(StatusCode::NOT_IMPLEMENTED, "sandbox.no_proofs", message))
    })
    .await
}

/// Whether a message can be executed already.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Executable,
    Pending,
}

/// All messages that were not executed yet, level by level.
pub(super) async fn all(State(app): Shared, parameters: Queries) -> Result<Json<Value>, Failure> {
    waiting(app, parameters, |_| true, true).await
}

/// Those whose commitment is cemented.
pub(super) async fn executable(State(app): Shared, parameters: Queries) -> Result<Json<Value>, Failure> {
    waiting(app, parameters, |stage| stage == Stage::Executable, false).await
}

/// Those whose commitment is not.
pub(super) async fn unexecutable(State(app): Shared, parameters: Queries) -> Result<Json<Value>, Failure> {
    waiting(app, parameters, |stage| stage == Stage::Pending, false).await
}

async fn waiting(
    app: std::sync::Arc<App>,
    parameters: Queries,
    is_wanted: impl Fn(Stage) -> bool + Send + 'static,
    with_status: bool,
) -> Result<Json<Value>, Failure> {
    let level = level_asked(&queries(parameters)?)?;
    blocking(move || {
        let cemented = app.node.commitments().cemented(app.node.status().head.record.level);
        let mut levels: BTreeMap<L1Level, Vec<Value>> = BTreeMap::new();
        for (at, index, bytes) in sent(&app, level)? {
            let stage = if at <= cemented { Stage::Executable } else { Stage::Pending };
            if is_wanted(stage) && !app.chain.is_executed(at, index) {
                levels.entry(at).or_default().push(entry(index, &bytes));
            }
        }
        let group = |(at, messages): (L1Level, Vec<Value>)| {
            let mut group = json!({ "outbox_level": at.get(), "messages": messages });
            if with_status {
                group["status"] = json!(if at <= cemented { "executable" } else { "pending" });
            }
            group
        };
        Ok(Json(levels.into_iter().map(group).collect()))
    })
    .await
}

/// The messages of a level, or the newest of all, in order.
fn sent(app: &App, level: Option<L1Level>) -> Result<Vec<(L1Level, u32, Vec<u8>)>, Failure> {
    let Some(level) = level else {
        let mut newest = app.node.outbox_messages(OUTBOX_ANSWER_MAX)?;
        newest.reverse();
        return Ok(newest);
    };
    let messages = (0u32..).zip(app.node.outbox(level)?);
    Ok(messages.map(|(index, bytes)| (level, index, bytes)).collect())
}

/// A message with its place. What does not decode has a place only.
fn entry(index: u32, bytes: &[u8]) -> Value {
    let mut entry = Map::from_iter([("message_index".to_owned(), json!(index))]);
    if let Ok(message) = OutboxMessage::decode(bytes) {
        entry.insert("message".to_owned(), Value::Object(message.node_json()));
    }
    Value::Object(entry)
}

fn level_asked(parameters: &BTreeMap<String, String>) -> Result<Option<L1Level>, Failure> {
    parameters.get("outbox_level").map(|text| level_of(text)).transpose()
}
