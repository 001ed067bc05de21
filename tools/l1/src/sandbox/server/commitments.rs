//! Endpoints about commitments. The rollup node of a sandbox publishes a commitment in the level that it is about, and nobody
//! disputes it.

use super::block::At;
use super::node::rfc3339;
use super::{App, Failure, Shared, blocking};
use crate::CommitmentHash;
use crate::client::BlockId;
use crate::sandbox::rollup_node::Commitment;
use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use millrace_primitives::{L1Level, Timestamp};
use serde_json::{Value, json};

/// The newest commitment that the node has made.
pub(super) async fn last_stored(State(app): Shared) -> Result<Json<Value>, Failure> {
    blocking(move || Ok(Json(newest(&app, BlockId::Head)?.map_or(Value::Null, |made| with_hash(&made)))))
        .await
}

/// The newest commitment that nobody can dispute any more.
pub(super) async fn last_cemented(State(app): Shared) -> Result<Json<Value>, Failure> {
    blocking(move || Ok(Json(newest(&app, BlockId::Cemented)?.map_or(Value::Null, |made| with_hash(&made)))))
        .await
}

/// The newest commitment on the layer 1.
pub(super) async fn last_published(State(app): Shared) -> Result<Json<Value>, Failure> {
    blocking(move || Ok(Json(newest(&app, BlockId::Head)?.map_or(Value::Null, |made| published(&made)))))
        .await
}

/// The commitment of a hash.
pub(super) async fn commitment(
    State(app): Shared,
    path: Result<Path<String>, PathRejection>,
) -> Result<Json<Value>, Failure> {
    let Path(hash) = path.map_err(|error| Failure::bad_request("sandbox.bad_path", error.body_text()))?;
    let hash: CommitmentHash =
        hash.parse().map_err(|error| Failure::bad_request("sandbox.bad_commitment_hash", error))?;
    blocking(move || Ok(Json(app.node.commitment(hash)?.map_or(Value::Null, |made| published(&made))))).await
}

/// The newest commitment made up to a block. That of the origination is no more than a name.
fn newest(app: &App, upto: BlockId) -> Result<Option<Commitment>, Failure> {
    let record = app.node.record(upto)?;
    Ok(app.node.commitment(record.commitment.unwrap_or(record.previous_commitment))?)
}

/// A commitment by itself.
pub(super) fn parts(commitment: &Commitment) -> Value {
    json!({
        "compressed_state": commitment.state,
        "inbox_level": commitment.level.get(),
        "predecessor": commitment.predecessor,
        "number_of_ticks": commitment.ticks().to_string(),
    })
}

fn with_hash(commitment: &Commitment) -> Value {
    json!({ "commitment": parts(commitment), "hash": commitment.hash() })
}

/// With when it was published.
pub(super) fn published(commitment: &Commitment) -> Value {
    let mut answer = with_hash(commitment);
    answer["first_published_at_level"] = json!(commitment.level.get());
    answer["published_at_level"] = json!(commitment.level.get());
    answer
}

/// What became of the commitment that covers a block.
pub(super) async fn committed_status(State(app): Shared, at: At) -> Result<Json<Value>, Failure> {
    blocking(move || {
        let level = app.node.record(at.0)?.level;
        let periods = app.node.commitments();
        let covered_by = periods.committed_at(level).zip(periods.cemented_at(level));
        let (made_at, cemented_at) = covered_by.ok_or_else(|| {
            Failure::new(
                StatusCode::NOT_FOUND,
                "sandbox.no_commitments",
                "The rollup node makes no commitments",
            )
        })?;
        let head = app.node.record(BlockId::Head)?;
        if made_at > head.level {
            return Ok(Json(json!({ "uncommitted": {
                "commitment_level": made_at.get(),
                "estimated_commitment_time": rfc3339(app.time_of(made_at)),
                "estimated_cementation_time": rfc3339(app.time_of(cemented_at)),
            }})));
        }
        let made = app.node.record(BlockId::Level(made_at))?;
        let mut answer = json!({
            "commitment_hash": made.commitment.unwrap_or(made.previous_commitment),
            "commitment_level": made_at.get(),
            "first_published_level": made_at.get(),
            "published_level": made_at.get(),
        });
        if made_at > periods.cemented(head.level) {
            answer["estimated_cementation_time"] = json!(rfc3339(app.time_of(cemented_at)));
            return Ok(Json(json!({ "committed": answer })));
        }
        // The origination did not have to wait.
        let since = if made_at == L1Level::ZERO { L1Level::ZERO } else { cemented_at };
        answer["blocks_since_cemented"] = json!(head.level.since(since));
        Ok(Json(json!({ "cemented": answer })))
    })
    .await
}

impl App {
    /// When a level comes, should nothing change: its own time if it is there.
    fn time_of(&self, level: L1Level) -> Timestamp {
        let head = self.chain.head();
        // A level on demand takes no time that anybody could know.
        let level_time_ms = self.level_time_ms.unwrap_or(0);
        let ahead_s = u64::from(level.since(head.level)).saturating_mul(level_time_ms) / 1_000;
        Timestamp::new(head.timestamp.get().saturating_add(ahead_s))
    }
}
