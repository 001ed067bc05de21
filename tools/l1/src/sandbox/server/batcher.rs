//! The batcher. Its messages go straight to the mempool of the sandbox's layer 1.

use super::commitments::published;
use super::{App, Body, Failure, Queries, Shared, blocking, flag, json_body, number, queries};
use crate::client::BlockId;
use crate::sandbox::chain::{NewMessage, Origin, Pending};
use crate::{MessageId, OperationHash};
use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use serde_json::{Value, json};

pub(super) async fn injection(
    State(app): Shared,
    parameters: Queries,
    body: Body,
) -> Result<Json<Vec<MessageId>>, Failure> {
    let parameters = queries(parameters)?;
    let order = number(&parameters, "order")?;
    let drop_duplicate = flag(&parameters, "drop_duplicate")?;
    let texts: Vec<String> = json_body(body)?;
    let mut messages = Vec::with_capacity(texts.len());
    for text in texts {
        let payload =
            hex::decode(&text).map_err(|error| Failure::bad_request("sandbox.bad_hexadecimal", error))?;
        messages.push(NewMessage { order, drop_duplicate, ..NewMessage::external(&payload) });
    }
    blocking(move || Ok(Json(app.chain.inject(messages)?))).await
}

pub(super) async fn queue(State(app): Shared) -> Result<Json<Vec<Value>>, Failure> {
    blocking(move || {
        let pending = app.chain.pending();
        Ok(Json(pending.iter().filter(|message| message.origin == Origin::Batcher).map(entry).collect()))
    })
    .await
}

fn entry(message: &Pending) -> Value {
    let mut entry = json!({
        "id": message.id,
        "message": { "content": hex::encode(message.payload()), "counter": message.counter.to_string() },
    });
    if let Some(order) = message.order {
        entry["order"] = json!(order.to_string());
    }
    entry
}

/// Where a message is: it waits, or in which block it was. What is older than a reorganisation can reach is forgotten.
pub(super) async fn message(
    State(app): Shared,
    path: Result<Path<String>, PathRejection>,
) -> Result<Json<Value>, Failure> {
    let Path(id) = path.map_err(|error| Failure::bad_request("sandbox.bad_path", error.body_text()))?;
    let id: MessageId = id.parse().map_err(|error| Failure::bad_request("sandbox.bad_message_id", error))?;
    blocking(move || {
        let pending = app.chain.pending();
        Ok(Json(match pending.iter().find(|message| message.id == id) {
            Some(message) => json!({ "content": hex::encode(message.payload()), "status": "pending_batch" }),
            None => included(&app, id)?.unwrap_or_else(|| json!({ "status": "unknown" })),
        }))
    })
    .await
}

/// A message that is in a block that the rollup node has processed. The sandbox names an operation after its message.
fn included(app: &App, id: MessageId) -> Result<Option<Value>, Failure> {
    let Some((level, index, included)) = app.chain.find_included(id)? else { return Ok(None) };
    let message = included.operation;
    if message.origin != Origin::Batcher || level > app.node.status().head.record.level {
        return Ok(None);
    }
    let content = hex::encode(message.payload());
    let periods = app.node.commitments();
    let head = app.node.record(BlockId::Head)?.level;
    let mut answer = json!({
        "content": content,
        "status": "included",
        "operation": { "kind": "add_messages", "message": [content] },
        "layer1": {
            "operation_hash": OperationHash::new(*id.as_bytes()),
            "operation_index": index,
            "block_hash": app.node.record(BlockId::Level(level))?.block_hash,
            "level": level.get(),
        },
        "finalized": level <= app.chain.finalized_level(),
        "cemented": level <= periods.cemented(head),
    });
    if let Some(made_at) = periods.committed_at(level).filter(|made_at| *made_at <= head)
        && let Some(hash) = app.node.record(BlockId::Level(made_at))?.commitment
        && let Some(commitment) = app.node.commitment(hash)?
    {
        answer["status"] = json!("committed");
        if let (Value::Object(answer), Value::Object(published)) = (&mut answer, published(&commitment)) {
            answer.extend(published);
        }
    }
    Ok(Some(answer))
}
