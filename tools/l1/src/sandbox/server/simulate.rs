//! `POST …/simulate`: what would come of messages, were they the next level. Nothing of it stays, but for a file of debug output
//! when one is asked for.

use super::block::{At, check_size, leaf_of};
use super::pending::output;
use super::{App, Body, Failure, Shared, blocking, json_body};
use crate::sandbox::limits::INSIGHTS_MAX;
use crate::sandbox::rollup_node::{Simulated, Simulation, SimulationError, state_hash, status_text};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use millrace_pvm::PvmError;
use millrace_pvm::durable::{Durable, Key};
use serde::Deserialize;
use serde_json::{Value, json};

/// Bytes of the longest name of a file of debug output.
const LOG_NAME_BYTES_MAX: usize = 100;

/// The body.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    /// Inbox messages in hexadecimal, tags included.
    messages: Vec<String>,
    /// Preimages that the kernel may ask for.
    #[serde(default)]
    reveal_pages: Option<Vec<String>>,
    /// What to tell of the state afterwards.
    #[serde(default)]
    insight_requests: Vec<Insight>,
    /// A file below the data directory that gets the debug output.
    #[serde(default)]
    log_kernel_debug_file: Option<String>,
}

/// A question about the state.
#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
enum Insight {
    /// The value at a durable key, given by its steps.
    DurableStorage { key: Vec<String> },
    /// A leaf of the tree of the PVM.
    PvmState { key: Vec<String> },
}

impl Insight {
    fn answer(&self, durable: &Durable) -> Result<Option<Vec<u8>>, Failure> {
        match self {
            Self::PvmState { key } => leaf_of(durable, key),
            Self::DurableStorage { key } => {
                let path: String = key.iter().map(|step| format!("/{step}")).collect();
                let path = Key::parse(path.as_bytes())
                    .map_err(|error| Failure::bad_request("sandbox.bad_key", error))?;
                let Some(value) = durable.get(path.as_str()) else { return Ok(None) };
                check_size(value.len())?;
                Ok(Some(value.to_bytes().into_owned()))
            }
        }
    }
}

pub(super) async fn simulate(State(app): Shared, at: At, body: Body) -> Result<Json<Value>, Failure> {
    let request: Request = json_body(body)?;
    if request.insight_requests.len() > INSIGHTS_MAX {
        let message = format!("More than {INSIGHTS_MAX} insights are asked for");
        return Err(Failure::bad_request("sandbox.too_many_insights", message));
    }
    let log = request.log_kernel_debug_file.as_deref().map(log_name).transpose()?;
    let messages = hexadecimal(&request.messages)?;
    let pages = hexadecimal(request.reveal_pages.as_deref().unwrap_or_default())?;
    // It goes on when whoever asked has hung up: until then it counts.
    let permit = app.simulations.clone().try_acquire_owned().map_err(|_| {
        let message = "As many simulations as may are running";
        Failure::new(StatusCode::TOO_MANY_REQUESTS, "sandbox.simulating", message)
    })?;
    blocking(move || {
        let _until_the_end = permit;
        let simulated = app.node.simulate(at.0, Simulation { messages, pages })?;
        if let Some(name) = log {
            write_log(&app, &name, &simulated.debug)?;
        }
        Ok(Json(answer(&simulated, &request.insight_requests)?))
    })
    .await
}

fn answer(simulated: &Simulated, requests: &[Insight]) -> Result<Value, Failure> {
    let durable = &simulated.state.durable;
    let mut size_bytes = 0;
    let mut insights = Vec::with_capacity(requests.len());
    for request in requests {
        let insight = request.answer(durable)?;
        size_bytes += insight.as_ref().map_or(0, Vec::len);
        check_size(size_bytes)?;
        insights.push(insight.map(hex::encode));
    }
    Ok(json!({
        "state_hash": state_hash(durable),
        "status": status_text(&simulated.state.status),
        "output": output(simulated.level, &simulated.outbox),
        "inbox_level": simulated.level.get(),
        "num_ticks": simulated.ticks.to_string(),
        "insights": insights,
    }))
}

fn hexadecimal(texts: &[String]) -> Result<Vec<Vec<u8>>, Failure> {
    let decoded: Result<_, _> = texts.iter().map(hex::decode).collect();
    decoded.map_err(|error| Failure::bad_request("sandbox.bad_hexadecimal", error))
}

/// A name that leads to a file in the folder of debug output and nowhere else.
fn log_name(name: &str) -> Result<String, Failure> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    let is_name = !name.is_empty() && name.len() <= LOG_NAME_BYTES_MAX && !name.starts_with('.');
    if is_name && name.bytes().all(is_plain) {
        return Ok(name.to_owned());
    }
    let message = "The name of a file of debug output is of letters, digits, dots, dashes and underscores";
    Err(Failure::bad_request("sandbox.bad_file_name", message))
}

fn write_log(app: &App, name: &str, debug: &[u8]) -> Result<(), Failure> {
    let folder = &app.simulation_logs;
    let written = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(folder.join(name), debug));
    written.map_err(|error| Failure::internal(format!("{}: {error}", folder.join(name).display())))
}

impl From<SimulationError> for Failure {
    fn from(error: SimulationError) -> Self {
        match error {
            SimulationError::Lookup(error) => error.into(),
            SimulationError::TooLarge
            | SimulationError::PageTooLarge
            | SimulationError::Pvm(PvmError::Inputs) => {
                Self::bad_request("sandbox.cannot_be_simulated", error)
            }
            SimulationError::Pvm(PvmError::PreimageMissing { .. } | PvmError::PreimageCorrupt { .. }) => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "sandbox.preimage_missing", error)
            }
            SimulationError::Pvm(_) => Self::internal(error),
        }
    }
}
