//! Endpoints that make things go wrong, and the rollup node that misbehaves because of them.

use super::{App, Body, Failure, Shared, blocking, json_body};
use crate::control::Head;
use crate::control::faults::{
    Behaviour, Clock, Fate, FullBlocks, InForce, Levels, Migration, Operations, Reorg, Which,
};
use crate::sandbox::chain::{self, FullLevels, NewMessage, Origin, Reorganisation, ReorganisationError};
use crate::sandbox::limits::{BAKE_LEVELS_MAX, PROTOCOL_BYTES_MAX};
use crate::sandbox::{self, clock};
use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::StreamExt as _;
use std::sync::Arc;
use std::time::Duration;

/// Has the newest blocks give way to others, and answers when the rollup node has processed them.
pub(super) async fn reorg(State(app): Shared, body: Body) -> Result<Json<Head>, Failure> {
    let Reorg { levels, new_levels, operations, beyond_finality } = json_body(body)?;
    let (new_levels, fate) = (new_levels.unwrap_or(levels), operations.map(chain::Fate::from));
    let reorganisation = Reorganisation { levels, new_levels, fate, beyond_finality };
    let chain = Arc::clone(&app.chain);
    let head = blocking(move || Ok(chain.reorganise(reorganisation, clock::now())?)).await?;
    sandbox::processed(&app.node, &head).await.map_err(halted)?;
    Ok(Json(Head { level: head.level.get(), block_hash: head.hash }))
}

/// Stops levels, or lets them go on, with a number of them all at once.
pub(super) async fn levels(State(app): Shared, body: Body) -> Result<Json<InForce>, Failure> {
    let Levels { stopped, burst } = json_body(body)?;
    if burst > BAKE_LEVELS_MAX {
        let message = format!("At most {BAKE_LEVELS_MAX} levels can come at once");
        return Err(Failure::bad_request("sandbox.bad_levels", message));
    }
    app.levels_stopped.send_replace(stopped);
    if burst > 0 {
        sandbox::bake(&app.chain, &app.node, burst).await.map_err(halted)?;
    }
    Ok(Json(in_force(&app)))
}

/// Moves the clock of the layer 1.
pub(super) async fn skip_clock(State(app): Shared, body: Body) -> Result<Json<InForce>, Failure> {
    let Clock { skip_s } = json_body(body)?;
    let chain = Arc::clone(&app.chain);
    blocking(move || Ok(chain.skip_clock(skip_s)?)).await?;
    Ok(Json(in_force(&app)))
}

/// Has operations get lost or late.
pub(super) async fn operations(State(app): Shared, body: Body) -> Result<Json<InForce>, Failure> {
    let Operations { fate, which } = json_body(body)?;
    match which {
        Which::Next(count) => {
            let arriving = (count > 0).then_some((fate.into(), count));
            app.chain.set_faults(|faults| faults.arriving = arriving);
        }
        Which::Id(id) => {
            let chain = Arc::clone(&app.chain);
            let waits = blocking(move || Ok(chain.meet(id, fate.into())?)).await?;
            if !waits {
                let message = format!("No operation {id} waits");
                return Err(Failure::new(StatusCode::NOT_FOUND, "sandbox.unknown_operation", message));
            }
        }
    }
    Ok(Json(in_force(&app)))
}

/// Has others fill the next blocks.
pub(super) async fn full_blocks(State(app): Shared, body: Body) -> Result<Json<InForce>, Failure> {
    let FullBlocks { levels, free_bytes, messages } = json_body(body)?;
    let full = (levels > 0).then_some(FullLevels { levels, free_bytes, messages });
    app.chain.set_faults(|faults| faults.full = full);
    Ok(Json(in_force(&app)))
}

/// Has the next level be the first of another protocol.
pub(super) async fn migration(State(app): Shared, body: Body) -> Result<Json<InForce>, Failure> {
    let Migration { protocol } = json_body(body)?;
    if protocol.is_empty() || protocol.len() > PROTOCOL_BYTES_MAX {
        let message = format!("The name of a protocol has 1 to {PROTOCOL_BYTES_MAX} bytes");
        return Err(Failure::bad_request("sandbox.bad_protocol", message));
    }
    let bytes = millrace_wire::message::protocol_migration(protocol.as_bytes());
    let message = NewMessage { origin: Origin::Protocol, ..NewMessage::raw(bytes) };
    let chain = Arc::clone(&app.chain);
    blocking(move || Ok(chain.inject(vec![message])?)).await?;
    Ok(Json(in_force(&app)))
}

/// Has the rollup node behave well or badly.
pub(super) async fn rollup_node(State(app): Shared, body: Body) -> Result<Json<InForce>, Failure> {
    behave(&app, json_body(body)?);
    Ok(Json(in_force(&app)))
}

/// Ends all faults. The clock stays where it is, for times do not go back.
pub(super) async fn none(State(app): Shared) -> Json<InForce> {
    app.levels_stopped.send_replace(false);
    app.chain.set_faults(|faults| *faults = chain::Faults::default());
    behave(&app, Behaviour::Working);
    Json(in_force(&app))
}

pub(super) async fn show(State(app): Shared) -> Json<InForce> {
    Json(in_force(&app))
}

fn behave(app: &App, behaviour: Behaviour) {
    app.node.rest(behaviour == Behaviour::Stopped);
    app.behaviour.send_replace(behaviour);
}

fn in_force(app: &App) -> InForce {
    let faults = app.chain.faults();
    let full_blocks = faults.full.map(|full| FullBlocks {
        levels: full.levels,
        free_bytes: full.free_bytes,
        messages: full.messages,
    });
    InForce {
        levels_stopped: *app.levels_stopped.borrow(),
        clock_offset_s: app.chain.clock_offset_s(),
        arriving: faults.arriving.map(|(fate, count)| (fate.into(), count)),
        full_blocks,
        rollup_node: *app.behaviour.borrow(),
    }
}

impl From<Fate> for chain::Fate {
    fn from(fate: Fate) -> Self {
        match fate {
            Fate::Dropped => Self::Dropped,
            Fate::DelayedLevels(levels) => Self::Delayed { levels },
        }
    }
}

impl From<chain::Fate> for Fate {
    fn from(fate: chain::Fate) -> Self {
        match fate {
            chain::Fate::Dropped => Self::Dropped,
            chain::Fate::Delayed { levels } => Self::DelayedLevels(levels),
        }
    }
}

impl From<ReorganisationError> for Failure {
    fn from(error: ReorganisationError) -> Self {
        match &error {
            ReorganisationError::Final => Self::bad_request("sandbox.final", error),
            ReorganisationError::Levels { .. } | ReorganisationError::NewLevels { .. } => {
                Self::bad_request("sandbox.bad_levels", error)
            }
            ReorganisationError::Store(_) => Self::internal(error),
        }
    }
}

fn halted(error: sandbox::SandboxError) -> Failure {
    Failure::new(StatusCode::INTERNAL_SERVER_ERROR, "sandbox.halted", error)
}

/// What stands before every endpoint of the rollup node, and does what it was told to.
pub(super) async fn misbehave(State(app): Shared, request: Request, next: Next) -> Response {
    let mut behaviour = app.behaviour.subscribe();
    let mut stop = app.stop.clone();
    let injects = request.uri().path().starts_with("/local/batcher/injection");
    loop {
        let now = *behaviour.borrow_and_update();
        match now {
            Behaviour::Working => break,
            Behaviour::Stopped => return cut(),
            Behaviour::BadGateway => return bad_gateway(),
            Behaviour::RefusingInjections if injects => return refused(),
            Behaviour::RefusingInjections => break,
            Behaviour::SlowMs(delay_ms) => {
                tokio::select! {
                    () = tokio::time::sleep(Duration::from_millis(delay_ms)) => break,
                    _ = behaviour.changed() => {}
                    _ = stop.changed() => break,
                }
            }
            Behaviour::Hanging => {
                tokio::select! {
                    _ = behaviour.changed() => {}
                    _ = stop.changed() => return cut(),
                }
            }
        }
    }
    next.run(request).await
}

/// An answer that breaks off before it begins: the server closes the connection.
fn cut() -> Response {
    let error =
        std::io::Error::new(std::io::ErrorKind::ConnectionReset, "the rollup node was told to be gone");
    let pieces = futures::stream::once(async move { Err::<axum::body::Bytes, _>(error) });
    axum::body::Body::from_stream(pieces.boxed()).into_response()
}

/// What a gateway answers for a server that does not.
fn bad_gateway() -> Response {
    let page = "<html><head><title>502 Bad Gateway</title></head></html>";
    (StatusCode::BAD_GATEWAY, [(CONTENT_TYPE, "text/html")], page).into_response()
}

fn refused() -> Response {
    let message = "The batcher was told to take no messages";
    Failure::new(StatusCode::SERVICE_UNAVAILABLE, "sandbox.batcher_refuses", message).into_response()
}
