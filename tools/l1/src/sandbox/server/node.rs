//! Endpoints about the rollup node itself.

use super::{Failure, Shared};
use axum::Json;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use millrace_primitives::Timestamp;
use millrace_wire::base58::Base58Check;
use serde_json::{Value, json};

const OPENAPI: &str = include_str!("../../../openapi/octez-smart-rollup-node.json");

pub(super) async fn smart_rollup_address(State(app): Shared) -> Json<String> {
    Json(app.node.rollup().to_base58())
}

pub(super) async fn tezos_head(State(app): Shared) -> Json<String> {
    Json(app.chain.head().hash.to_string())
}

pub(super) async fn tezos_level(State(app): Shared) -> Json<u32> {
    Json(app.chain.head().level.get())
}

pub(super) async fn gc_info(State(app): Shared) -> Json<Value> {
    let level = app.node.first_available_level().get();
    Json(json!({ "first_available_level": level, "last_gc_level": level }))
}

/// Octez's description of the endpoints, as far as they are served or refused by name.
pub(super) async fn openapi() -> Response {
    ([(CONTENT_TYPE, "application/json")], OPENAPI).into_response()
}

pub(super) async fn ping() -> Json<Value> {
    Json(json!({}))
}

pub(super) async fn version() -> Json<Value> {
    Json(json!({
        "version": concat!("millrace-sandbox ", env!("CARGO_PKG_VERSION")),
        "store_version": "1",
        "context_version": "1",
    }))
}

pub(super) async fn health(State(app): Shared) -> Result<Json<Value>, Failure> {
    let status = app.node.status();
    let head = app.chain.head();
    let crash = match (&status.error, status.stopped) {
        (Some(error), _) => Some(error.to_string()),
        (None, true) => Some("stopped".to_owned()),
        (None, false) => None,
    };
    let worker = crash.as_ref().map_or_else(|| json!("running"), |text| json!({ "crashed": text }));
    let kernel = match status.death() {
        None => json!("running"),
        Some(reason) => json!({ "crashed": reason }),
    };
    let degraded = crash.is_some() || status.death().is_some();
    Ok(Json(json!({
        "healthy": !degraded,
        "degraded": degraded,
        "l1": {
            "connection": "connected",
            "blocks_late": head.level.since(status.head.record.level),
            "last_seen_head": {
                "hash": head.hash,
                "level": head.level.get(),
                "timestamp": rfc3339(head.timestamp),
            },
        },
        "active_workers": [["rollup_node", worker], ["kernel", kernel]],
    })))
}

/// `1970-01-01T00:00:00Z`, the form of timestamps in the JSON of Octez.
pub(super) fn rfc3339(timestamp: Timestamp) -> String {
    const SECONDS_PER_DAY: u64 = 86_400;
    let (days, seconds) = (timestamp.get() / SECONDS_PER_DAY, timestamp.get() % SECONDS_PER_DAY);
    // Years that start in March, counted from 0000-03-01: leap days come last. 400 years have 146,097 days.
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_are_written_as_octez_writes_them() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (1_767_225_599, "2025-12-31T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(rfc3339(Timestamp::new(seconds)), text);
        }
    }
}
