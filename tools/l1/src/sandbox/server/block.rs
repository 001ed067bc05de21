//! Endpoints below `/global/block/<id>`: what the rollup node knows of a block and its durable storage.

use super::{App, Failure, Queries, Shared, blocking, commitments, flag, pending, queries};
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
pub(super) struct At(pub(super) BlockId);

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

pub(super) async fn state_hash(State(app): Shared, at: At) -> Result<Json<Value>, Failure> {
    blocking(move || Ok(Json(json!(app.node.state_hash(at.0)?)))).await
}

/// A block with all that belongs to it; its outbox when the query says so.
pub(super) async fn full(State(app): Shared, at: At, parameters: Queries) -> Result<Json<Value>, Failure> {
    let with_outbox = flag(&queries(parameters)?, "outbox")?;
    blocking(move || {
        let record = app.node.record(at.0)?;
        let mut answer = serde_json::to_value(record.header()).map_err(Failure::internal)?;
        answer["inbox"] = inbox_of(&app, &record)?;
        answer["messages"] = messages_of(&app, &record)?.iter().map(hex::encode).collect();
        if let Some(hash) = record.commitment
            && let Some(commitment) = app.node.commitment(hash)?
        {
            answer["commitment"] = commitments::parts(&commitment);
        }
        if with_outbox {
            answer["outbox"] = pending::of_block(&app.node.outbox(record.level)?);
        }
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

/// The `{level}` of the path.
pub(super) fn parse_level(path: &BTreeMap<String, String>) -> Result<L1Level, Failure> {
    level_of(path.get("level").map_or("", String::as_str))
}

pub(super) fn level_of(text: &str) -> Result<L1Level, Failure> {
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

/// A leaf of the tree of the PVM, by its path. The part below `durable` is known: each value is a number of bytes and chunks.
pub(super) async fn state(State(app): Shared, at: At, parameters: Queries) -> Result<Json<Value>, Failure> {
    let parameters = queries(parameters)?;
    let Some(path) = parameters.get("key") else {
        return Err(Failure::bad_request("sandbox.missing_key", "The query has no key"));
    };
    let steps: Vec<String> = path.split('/').filter(|step| !step.is_empty()).map(str::to_owned).collect();
    blocking(move || {
        let leaf = leaf_of(&app.node.durable(at.0)?, &steps)?;
        let leaf = leaf.ok_or_else(|| {
            Failure::new(StatusCode::NOT_FOUND, "sandbox.no_such_state", "The PVM has nothing at this path")
        })?;
        Ok(Json(json!(hex::encode(leaf))))
    })
    .await
}

/// The bytes of a leaf; `None` when there is none.
pub(super) fn leaf_of(durable: &Durable, steps: &[String]) -> Result<Option<Vec<u8>>, Failure> {
    let Some((first, rest)) = steps.split_first() else { return Ok(None) };
    if first != "durable" {
        let message = "Of the state of the PVM the sandbox has only what is below durable";
        return Err(Failure::new(StatusCode::NOT_IMPLEMENTED, "sandbox.no_machine_state", message));
    }
    let key = |steps: &[String]| steps.iter().map(|step| format!("/{step}")).collect::<String>();
    Ok(match rest {
        [path @ .., at, length] if at == "@" && length == "length" => {
            durable.get(&key(path)).map(|value| (value.len() as u64).to_be_bytes().to_vec())
        }
        [path @ .., at, contents, index] if at == "@" && contents == "contents" => {
            let index = index.parse().ok().filter(|number: &usize| number.to_string() == *index);
            durable.get(&key(path)).zip(index).and_then(|(value, index)| value.chunk(index))
        }
        _ => None,
    })
}

pub(super) fn check_size(size_bytes: usize) -> Result<(), Failure> {
    if size_bytes <= VALUE_ANSWER_BYTES_MAX {
        return Ok(());
    }
    let message = format!("The answer would hold more than {VALUE_ANSWER_BYTES_MAX} bytes");
    Err(Failure::new(StatusCode::PAYLOAD_TOO_LARGE, "sandbox.answer_too_large", message))
}
