//! Endpoints below `/global/block/<id>`: what the rollup node knows of a block and its durable storage.

use super::{App, Failure, Queries, Shared, blocking, queries};
use crate::client::BlockId;
use crate::sandbox::limits::VALUE_ANSWER_BYTES_MAX;
use crate::sandbox::rollup_node::{LevelRecord, level_inputs, status_text};
use axum::Json;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use millrace_primitives::L1Level;
use millrace_pvm::durable::{Durable, Key};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The `{block_id}` of the path.
pub(super) struct At(BlockId);

impl<S: Send + Sync> FromRequestParts<S> for At {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let Path(parameters) = Path::<BTreeMap<String, String>>::from_request_parts(parts, state)
            .await
            .map_err(|error| Failure::bad_request("sandbox.bad_path", error.body_text()))?;
        parse_block_id(parameters.get("block_id").map_or("", String::as_str)).map(Self)
    }
}

fn parse_block_id(text: &str) -> Result<BlockId, Failure> {
    match text {
        "head" => return Ok(BlockId::Head),
        "finalized" => return Ok(BlockId::Finalized),
        "cemented" => return Ok(BlockId::Cemented),
        _ => {}
    }
    if text.bytes().all(|byte| byte.is_ascii_digit())
        && let Ok(level) = text.parse()
    {
        return Ok(BlockId::Level(L1Level::new(level)));
    }
    let shown: String = text.chars().take(60).collect();
    text.parse()
        .map(BlockId::Hash)
        .map_err(|_| Failure::bad_request("sandbox.bad_block_id", format!("Cannot parse block id {shown:?}")))
}

/// The `key` of the query, as the tree names it. Empty and `/` are the root.
fn parse_key(parameters: &BTreeMap<String, String>) -> Result<String, Failure> {
    let Some(key) = parameters.get("key") else {
        return Err(Failure::bad_request("sandbox.missing_key", "The query has no key"));
    };
    if key.is_empty() || key == "/" {
        return Ok(String::new());
    }
    match Key::parse(key.as_bytes()) {
        Ok(key) => Ok(key.as_str().to_owned()),
        Err(error) => Err(Failure::bad_request("sandbox.bad_key", error)),
    }
}

/// Answers from the record of a block.
async fn about(
    app: Arc<App>,
    at: At,
    answer: impl FnOnce(&LevelRecord) -> Value + Send + 'static,
) -> Result<Json<Value>, Failure> {
    blocking(move || Ok(Json(answer(&app.node.record(at.0)?)))).await
}

pub(super) async fn hash(State(app): Shared, at: At) -> Result<Json<Value>, Failure> {
    about(app, at, |record| json!(record.block_hash)).await
}

pub(super) async fn level(State(app): Shared, at: At) -> Result<Json<Value>, Failure> {
    about(app, at, |record| json!(record.level.get())).await
}

pub(super) async fn ticks(State(app): Shared, at: At) -> Result<Json<Value>, Failure> {
    about(app, at, |record| json!(record.ticks.to_string())).await
}

pub(super) async fn total_ticks(State(app): Shared, at: At) -> Result<Json<Value>, Failure> {
    about(app, at, |record| json!(record.initial_tick.saturating_add(record.ticks).to_string())).await
}

pub(super) async fn num_messages(State(app): Shared, at: At) -> Result<Json<Value>, Failure> {
    about(app, at, |record| json!(record.messages.to_string())).await
}

pub(super) async fn status(State(app): Shared, at: At) -> Result<Json<Value>, Failure> {
    about(app, at, |record| json!(status_text(&record.status))).await
}

pub(super) async fn state_current_level(State(app): Shared, at: At) -> Result<Json<Value>, Failure> {
    // The PVM of a rollup that was only just originated has seen no level.
    let current = |record: &LevelRecord| (record.level > L1Level::ZERO).then_some(record.level.get());
    about(app, at, move |record| json!(current(record))).await
}

pub(super) async fn inbox(State(app): Shared, at: At) -> Result<Json<Value>, Failure> {
    blocking(move || {
        let record = app.node.record(at.0)?;
        Ok(Json(inbox_of(&app, &record)?))
    })
    .await
}

pub(super) async fn full(State(app): Shared, at: At) -> Result<Json<Value>, Failure> {
    blocking(move || {
        let record = app.node.record(at.0)?;
        let mut answer = serde_json::to_value(record.header()).map_err(Failure::internal)?;
        answer["inbox"] = inbox_of(&app, &record)?;
        answer["messages"] = messages_of(&app, &record)?.iter().map(hex::encode).collect();
        Ok(Json(answer))
    })
    .await
}

/// The messages of a level, framed as the PVM saw them.
fn messages_of(app: &App, record: &LevelRecord) -> Result<Vec<Vec<u8>>, Failure> {
    let Some(before) = record.level.checked_sub(1) else { return Ok(Vec::new()) };
    let block = app.node.block(BlockId::Level(record.level))?;
    let predecessor = app.node.record(BlockId::Level(before))?;
    Ok(level_inputs(predecessor.timestamp, &block))
}

fn inbox_of(app: &App, record: &LevelRecord) -> Result<Value, Failure> {
    let back_pointers = match record.level.checked_sub(1) {
        None => Vec::new(),
        Some(before) => vec![app.node.record(BlockId::Level(before))?.inbox_hash],
    };
    Ok(json!({
        "level": record.level.get(),
        "old_levels_messages": {
            "index": record.level.to_string(),
            "content": { "hash": record.inbox_witness, "level": record.level.get() },
            "back_pointers": back_pointers,
        },
    }))
}

pub(super) async fn outbox(
    State(app): Shared,
    at: At,
    path: Path<BTreeMap<String, String>>,
) -> Result<Json<Value>, Failure> {
    blocking(move || {
        let level = parse_level(&path)?;
        app.node.record(at.0)?;
        if app.node.outbox(level)?.is_empty() {
            return Ok(Json(json!([])));
        }
        let message = format!("Outbox messages are served undecoded, at /sandbox/outbox/{level}");
        Err(Failure::new(StatusCode::NOT_IMPLEMENTED, "sandbox.outbox_not_decoded", message))
    })
    .await
}

/// The `{level}` of the path.
pub(super) fn parse_level(path: &BTreeMap<String, String>) -> Result<L1Level, Failure> {
    let text = path.get("level").map_or("", String::as_str);
    text.parse()
        .map(L1Level::new)
        .map_err(|_| Failure::bad_request("sandbox.bad_level", "Cannot parse the level"))
}

/// Answers from the durable storage after a block.
async fn from_durable(
    app: Arc<App>,
    at: At,
    parameters: Queries,
    answer: impl FnOnce(&Durable, &str) -> Result<Value, Failure> + Send + 'static,
) -> Result<Json<Value>, Failure> {
    let key = parse_key(&queries(parameters)?)?;
    blocking(move || Ok(Json(answer(&app.node.durable(at.0)?, &key)?))).await
}

pub(super) async fn value(State(app): Shared, at: At, parameters: Queries) -> Result<Json<Value>, Failure> {
    from_durable(app, at, parameters, |durable, key| {
        let Some(value) = durable.get(key) else { return Ok(Value::Null) };
        check_size(value.len())?;
        Ok(json!(hex::encode(value.to_bytes())))
    })
    .await
}

pub(super) async fn length(State(app): Shared, at: At, parameters: Queries) -> Result<Json<Value>, Failure> {
    from_durable(app, at, parameters, |durable, key| {
        // 64-bit integers are decimal strings in the JSON of Octez.
        Ok(durable.get(key).map_or(Value::Null, |value| json!(value.len().to_string())))
    })
    .await
}

pub(super) async fn subkeys(State(app): Shared, at: At, parameters: Queries) -> Result<Json<Value>, Failure> {
    from_durable(app, at, parameters, |durable, key| {
        let key = Key::trusted(key);
        let count = i64::try_from(durable.store_list_size(key)).map_err(Failure::internal)?;
        // The enumeration of the PVM: byte order, the empty name for the key's own value.
        let names: Result<Vec<&str>, _> =
            (0..count).map(|index| durable.store_get_nth_key(key, index)).collect();
        Ok(json!(names.map_err(Failure::internal)?))
    })
    .await
}

pub(super) async fn values(State(app): Shared, at: At, parameters: Queries) -> Result<Json<Value>, Failure> {
    from_durable(app, at, parameters, |durable, key| {
        let mut size_bytes = 0;
        let mut entries = Vec::new();
        for name in durable.subkeys(key) {
            let Some(value) = durable.get(&format!("{key}/{name}")) else { continue };
            size_bytes += value.len();
            check_size(size_bytes)?;
            entries.push(json!({ "key": name, "value": hex::encode(value.to_bytes()) }));
        }
        Ok(json!(entries))
    })
    .await
}

fn check_size(size_bytes: usize) -> Result<(), Failure> {
    if size_bytes <= VALUE_ANSWER_BYTES_MAX {
        return Ok(());
    }
    let message = format!("The answer would hold more than {VALUE_ANSWER_BYTES_MAX} bytes");
    Err(Failure::new(StatusCode::PAYLOAD_TOO_LARGE, "sandbox.answer_too_large", message))
}
