//! The batcher. Its messages go straight to the mempool of the sandbox's layer 1.

use super::{Body, Failure, Queries, Shared, blocking, json_body, queries};
use crate::MessageId;
use crate::sandbox::chain::{NewMessage, Origin, Pending};
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
    let order = match parameters.get("order") {
        None => None,
        Some(text) => {
            Some(text.parse().map_err(|_| Failure::bad_request("sandbox.bad_query", "Cannot parse order"))?)
        }
    };
    let drop_duplicate = match parameters.get("drop_duplicate").map(String::as_str) {
        None | Some("" | "false" | "no" | "0") => false,
        Some("true" | "yes" | "1") => true,
        Some(_) => return Err(Failure::bad_request("sandbox.bad_query", "Cannot parse drop_duplicate")),
    };
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

/// Whether a message still waits. Where it went afterwards is not remembered.
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
            None => json!({ "status": "unknown" }),
        }))
    })
    .await
}
