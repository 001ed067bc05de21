//! Endpoints for the operator of a rollup node. The sandbox's has no injector: its batcher fills blocks directly.

use super::{Failure, Queries, Shared, blocking, flag, number, queries};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Value, json};

/// Forgets messages that wait in the batcher: all, or those with a lower order and perhaps those without any.
pub(super) async fn clear_batcher(State(app): Shared, parameters: Queries) -> Result<Json<Value>, Failure> {
    let parameters = queries(parameters)?;
    let order_below = number(&parameters, "order_below")?;
    let without_order = flag(&parameters, "drop_no_order")?;
    blocking(move || {
        app.chain.clear_batcher(|order| match (order_below, order) {
            (None, _) => true,
            (Some(_), None) => without_order,
            (Some(below), Some(order)) => order < below,
        })?;
        Ok(Json(json!({})))
    })
    .await
}

/// The queues of the injector: there are none.
pub(super) async fn injector_queues() -> Json<Value> {
    Json(json!([]))
}

/// How much is in them.
pub(super) async fn injector_queues_total() -> Json<Value> {
    Json(json!({ "injectors": [], "total": 0 }))
}

/// Clears them.
pub(super) async fn clear_injector(parameters: Queries) -> Result<Json<Value>, Failure> {
    let parameters = queries(parameters)?;
    number(&parameters, "order_below")?;
    flag(&parameters, "drop_no_order")?;
    Ok(Json(json!({})))
}

/// What became of an operation of the injector: it has made none.
pub(super) async fn injector_operation() -> Json<Value> {
    Json(json!({ "status": "unknown" }))
}

/// Ends the collection of old states, if one is running: it is over with every level.
pub(super) async fn cancel_gc() -> Json<bool> {
    Json(false)
}

/// The memory of this process, by the kernel of Linux.
pub(super) async fn memory() -> Result<Json<Value>, Failure> {
    let absent = || {
        let message = "This system does not tell the memory of a process in /proc";
        Failure::new(StatusCode::NOT_IMPLEMENTED, "sandbox.no_memory_stats", message)
    };
    let text = tokio::fs::read_to_string("/proc/self/statm").await.map_err(|_| absent())?;
    let numbers: Vec<&str> = text.split_ascii_whitespace().collect();
    let [size, resident, shared, text, lib, data, dt] = numbers[..] else { return Err(absent()) };
    Ok(Json(json!({
        "page_size": page_bytes().await.ok_or_else(absent)?,
        "size": size, "resident": resident, "shared": shared, "text": text, "lib": lib, "data": data, "dt": dt,
    })))
}

/// Bytes of a page of memory, as the kernel tells every process: pairs of words, of which the first says what the second is.
async fn page_bytes() -> Option<usize> {
    const WORD_BYTES: usize = size_of::<usize>();
    /// `AT_PAGESZ` of `getauxval(3)`.
    const PAGE_SIZE: usize = 6;
    let words = tokio::fs::read("/proc/self/auxv").await.ok()?;
    words.chunks_exact(2 * WORD_BYTES).find_map(|pair| {
        let (kind, value) = pair.split_first_chunk::<WORD_BYTES>()?;
        let value = value.first_chunk::<WORD_BYTES>()?;
        (usize::from_ne_bytes(*kind) == PAGE_SIZE).then(|| usize::from_ne_bytes(*value))
    })
}

/// Nothing here is OCaml.
pub(super) async fn ocaml_gc() -> Failure {
    let message = "The sandbox has no garbage collector: /stats/memory tells its memory";
    Failure::new(StatusCode::NOT_IMPLEMENTED, "sandbox.no_ocaml", message)
}
