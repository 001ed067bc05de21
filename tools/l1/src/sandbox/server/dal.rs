//! Endpoints about the data-availability layer, which a sandbox does not have.

use super::Failure;
use axum::Json;
use axum::http::StatusCode;
use serde_json::{Value, json};

/// Nothing can be injected there.
pub(super) async fn absent() -> Failure {
    let message = "The layer 1 of the sandbox has no data-availability layer: inject messages at /local/batcher/injection";
    Failure::new(StatusCode::NOT_IMPLEMENTED, "sandbox.no_dal", message)
}

/// So nothing was injected there.
pub(super) async fn statuses() -> Json<Value> {
    Json(json!([]))
}
