//! The RPC of the sandbox: that of Octez's rollup node, as far as Millrace uses it, and `/sandbox/…` to make
//! things happen on the layer 1.

mod admin;
mod batcher;
mod block;
mod commitments;
mod contracts;
mod control;
mod dal;
mod failure;
mod faults;
mod monitor;
mod node;
mod outbox;
mod pending;
mod simulate;

use super::chain::Chain;
use super::contracts::{Caller, Contracts};
use super::limits::BODY_BYTES_MAX;
use super::rollup_node::EmbeddedNode;
use crate::control::faults::Behaviour;
use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{DefaultBodyLimit, Query};
use axum::http::StatusCode;
use axum::routing::{delete, get, post};
use failure::Failure;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::{Semaphore, watch};

/// What every handler needs.
pub(super) struct App {
    pub(super) chain: Arc<Chain>,
    pub(super) node: Arc<EmbeddedNode>,
    /// Who calls the rollup.
    pub(super) contracts: Contracts,
    /// How the rollup node behaves.
    pub(super) behaviour: watch::Sender<Behaviour>,
    /// Milliseconds between levels; `None` for levels on demand.
    pub(super) level_time_ms: Option<u64>,
    /// Where files of simulations go.
    pub(super) simulation_logs: PathBuf,
    /// Simulations that may run now.
    pub(super) simulations: Arc<Semaphore>,
    /// Whether the clock makes no levels.
    pub(super) levels_stopped: watch::Sender<bool>,
    /// Turns true when the server is to stop: streams end.
    pub(super) stop: watch::Receiver<bool>,
}

impl App {
    fn caller(&self) -> Caller {
        Caller { rollup: self.node.rollup(), contracts: self.contracts }
    }
}

type Shared = axum::extract::State<Arc<App>>;
type Queries = Result<Query<BTreeMap<String, String>>, QueryRejection>;
type Body = Result<Bytes, BytesRejection>;

/// All endpoints.
pub(super) fn router(app: Arc<App>) -> Router {
    let node = Router::new()
        .merge(global())
        .merge(local())
        .merge(admin())
        .nest("/global/block/{block_id}", block())
        .layer(axum::middleware::from_fn_with_state(Arc::clone(&app), faults::misbehave));
    Router::new()
        .merge(node)
        .nest("/sandbox", control())
        .fallback(no_such_service)
        .method_not_allowed_fallback(no_such_method)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(app)
}

/// What everybody knows of the rollup.
fn global() -> Router<Arc<App>> {
    Router::new()
        .route("/global/smart_rollup_address", get(node::smart_rollup_address))
        .route("/global/tezos_head", get(node::tezos_head))
        .route("/global/tezos_level", get(node::tezos_level))
        .route("/global/last_stored_commitment", get(commitments::last_stored))
        .route("/global/last_cemented_commitment", get(commitments::last_cemented))
        .route("/global/monitor_blocks", get(monitor::blocks))
        .route("/global/monitor_finalized_blocks", get(monitor::finalized_blocks))
}

/// What is about a block.
fn block() -> Router<Arc<App>> {
    let durable = Router::new()
        .route("/value", get(block::value))
        .route("/length", get(block::length))
        .route("/subkeys", get(block::subkeys))
        .route("/values", get(block::values));
    Router::new()
        .route("/", get(block::full))
        .route("/hash", get(block::hash))
        .route("/level", get(block::level))
        .route("/inbox", get(block::inbox))
        .route("/ticks", get(block::ticks))
        .route("/total_ticks", get(block::total_ticks))
        .route("/num_messages", get(block::num_messages))
        .route("/status", get(block::status))
        .route("/state", get(block::state))
        .route("/state_hash", get(block::state_hash))
        .route("/state_current_level", get(block::state_current_level))
        .route("/committed_status", get(commitments::committed_status))
        .route("/outbox", get(pending::of_query))
        .route("/outbox/{level}/messages", get(pending::of_path))
        .route("/helpers/proofs/outbox/{level}/messages", get(pending::proof))
        .route("/simulate", post(simulate::simulate))
        .nest("/durable/wasm_2_0_0", durable)
}

/// What is about this node.
fn local() -> Router<Arc<App>> {
    Router::new()
        .route("/local/batcher/injection", post(batcher::injection))
        .route("/local/batcher/queue", get(batcher::queue))
        .route("/local/batcher/queue/{id}", get(batcher::message))
        .route("/local/dal/batcher/injection", post(dal::absent))
        .route("/local/dal/slot/indices", post(dal::absent))
        .route("/local/dal/injection/{id}/forget", post(dal::absent))
        .route("/local/dal/injected/operations/statuses", get(dal::statuses))
        .route("/local/commitments/{hash}", get(commitments::commitment))
        .route("/local/last_published_commitment", get(commitments::last_published))
        .route("/local/outbox/pending", get(pending::all))
        .route("/local/outbox/pending/executable", get(pending::executable))
        .route("/local/outbox/pending/unexecutable", get(pending::unexecutable))
        .route("/local/injector/operation/{id}/status", get(admin::injector_operation))
        .route("/local/synchronized", get(monitor::synchronized))
        .route("/local/gc_info", get(node::gc_info))
}

/// What is for its operator.
fn admin() -> Router<Arc<App>> {
    Router::new()
        .route("/admin/batcher/queue", delete(admin::clear_batcher))
        .route("/admin/injector/queues", get(admin::injector_queues).delete(admin::clear_injector))
        .route("/admin/injector/queues/total", get(admin::injector_queues_total))
        .route("/admin/cancel_gc", get(admin::cancel_gc))
        .route("/health", get(node::health))
        .route("/ping", get(node::ping))
        .route("/version", get(node::version))
        .route("/openapi", get(node::openapi))
        .route("/stats/memory", get(admin::memory))
        .route("/stats/ocaml_gc", get(admin::ocaml_gc))
}

/// What only a sandbox has.
fn control() -> Router<Arc<App>> {
    let fault = Router::new()
        .route("/reorg", post(faults::reorg))
        .route("/levels", post(faults::levels))
        .route("/clock", post(faults::skip_clock))
        .route("/operations", post(faults::operations))
        .route("/full_blocks", post(faults::full_blocks))
        .route("/migration", post(faults::migration))
        .route("/rollup_node", post(faults::rollup_node))
        .route("/none", post(faults::none));
    Router::new()
        .route("/deposit", post(contracts::deposit))
        .route("/delayed", post(contracts::delayed))
        .route("/governance", post(contracts::governance))
        .route("/bake", post(control::bake))
        .route("/inbox", post(control::inbox))
        .route("/outbox", get(outbox::messages))
        .route("/outbox/{level}", get(control::outbox))
        .route("/outbox/execute", post(outbox::execute))
        .route("/balance/{account}", get(outbox::balance))
        .route("/operation/{id}", get(outbox::operation))
        .route("/faults", get(faults::show))
        .nest("/fault", fault)
}

async fn no_such_service() -> Failure {
    Failure::new(StatusCode::NOT_FOUND, "sandbox.no_such_service", "No service found at this URL")
}

async fn no_such_method() -> Failure {
    Failure::new(StatusCode::METHOD_NOT_ALLOWED, "sandbox.no_such_method", "This service has another method")
}

/// Runs what may touch the disk off the executor.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|panic| Err(Failure::internal(format!("the request crashed: {panic}"))))
}

fn queries(queries: Queries) -> Result<BTreeMap<String, String>, Failure> {
    let Query(queries) =
        queries.map_err(|error| Failure::bad_request("sandbox.bad_query", error.body_text()))?;
    Ok(queries)
}

/// A number in the query.
fn number(parameters: &BTreeMap<String, String>, name: &str) -> Result<Option<u64>, Failure> {
    let bad = || Failure::bad_request("sandbox.bad_query", format!("Cannot parse {name}"));
    parameters.get(name).map(|text| text.parse().map_err(|_| bad())).transpose()
}

/// A flag in the query: as in Octez its name alone is enough.
fn flag(parameters: &BTreeMap<String, String>, name: &str) -> Result<bool, Failure> {
    match parameters.get(name).map(String::as_str) {
        None | Some("false" | "no" | "0") => Ok(false),
        Some("" | "true" | "yes" | "1") => Ok(true),
        Some(_) => Err(Failure::bad_request("sandbox.bad_query", format!("Cannot parse {name}"))),
    }
}

/// Reads a JSON body, whatever content type it claims.
fn json_body<T: DeserializeOwned>(body: Body) -> Result<T, Failure> {
    let bytes = body.map_err(|error| Failure::new(error.status(), "sandbox.bad_body", error.body_text()))?;
    serde_json::from_slice(&bytes).map_err(|error| Failure::bad_request("sandbox.bad_body", error))
}
