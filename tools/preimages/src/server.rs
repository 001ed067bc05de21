//! Serving a folder of pages over HTTP.
//!
//! `GET` and `HEAD` of `/<66 hexadecimal digits>`; anything else is not found. A page is checked against its name each time,
//! so that a damaged folder never misleads anybody. It may be open to the world: a connection that sends nothing, or sends
//! it slowly, is closed, and there are only so many ([`ServerConfig`]).

use crate::folder::{Folder, Kept};
use crate::page;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use tracing::{debug, error, warn};

/// Largest head of a request: the least that hyper allows.
pub const HEAD_BYTES_MAX: usize = 8_192;
/// Pause after a connection could not be accepted: when files run out, others have to end first.
const ACCEPT_PAUSE_MS: u64 = 100;

/// A page never changes.
const CACHE_PAGE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// What is missing may come.
const CACHE_NOTHING: HeaderValue = HeaderValue::from_static("no-store");
const BYTES: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// Limits of a [`Server`].
#[derive(Clone, Copy, Debug)]
pub struct ServerConfig {
    /// Where it listens; port 0 for any free one.
    pub listen: SocketAddr,
    /// Connections at a time, at least one; further ones wait to be accepted.
    pub connections_max: u32,
    /// For the head of a request to arrive, and between two requests.
    pub idle_timeout_ms: u64,
    /// Time that requests get to end when the server stops.
    pub grace_ms: u64,
}

impl ServerConfig {
    /// The usual limits.
    pub const fn new(listen: SocketAddr) -> Self {
        Self { listen, connections_max: 512, idle_timeout_ms: 10_000, grace_ms: 5_000 }
    }
}

/// A server that runs. Dropping it stops it.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Server {
    /// Serves `folder`, which need not be there yet.
    ///
    /// # Errors
    /// The address cannot be listened on.
    pub async fn start(folder: Folder, config: ServerConfig) -> io::Result<Self> {
        let listener = TcpListener::bind(config.listen).await?;
        let address = listener.local_addr()?;
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(Connections { config, router: router(folder), stopped }.accept(listener));
        Ok(Self { address, stop, task })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no more connections, lets the requests end that are being answered, and returns then; after
    /// [`ServerConfig::grace_ms`] it cuts them.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        if (&mut self.task).await.is_err() {
            error!("the server of pages panicked");
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}

/// The service alone, for a server that has others too.
pub fn router(folder: Folder) -> Router {
    Router::new()
        .route("/{name}", get(page))
        .fallback(async || refuse(StatusCode::NOT_FOUND, "no page has such a name"))
        .method_not_allowed_fallback(async || {
            refuse(StatusCode::METHOD_NOT_ALLOWED, "pages can be read only")
        })
        .with_state(Arc::new(folder))
}

/// What every connection needs.
#[derive(Clone)]
struct Connections {
    config: ServerConfig,
    router: Router,
    stopped: watch::Receiver<bool>,
}

impl Connections {
    async fn accept(mut self, listener: TcpListener) {
        let count = self.config.connections_max.max(1);
        let places = Arc::new(Semaphore::new(count as usize));
        loop {
            let accepted = tokio::select! {
                () = stopped(&mut self.stopped) => break,
                accepted = async {
                    let place = Arc::clone(&places).acquire_owned().await;
                    (place, listener.accept().await)
                } => accepted,
            };
            match accepted {
                (Ok(place), Ok((stream, _peer))) => {
                    let connection = self.clone().serve(stream);
                    tokio::spawn(async move {
                        connection.await;
                        drop(place);
                    });
                }
                (_, Err(error)) => {
                    warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(ACCEPT_PAUSE_MS)).await;
                }
                (Err(_closed), _) => break,
            }
        }
        drop(listener);
        // All places are free when all connections have ended; each of them ends after its time of grace.
        let _ended = places.acquire_many(count).await;
    }

    /// Serves a connection until it ends, or the server does.
    async fn serve(mut self, stream: TcpStream) {
        let mut connection = pin!(
            http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(Duration::from_millis(self.config.idle_timeout_ms))
                .max_buf_size(HEAD_BYTES_MAX)
                .serve_connection(TokioIo::new(stream), TowerToHyperService::new(self.router))
        );
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = stopped(&mut self.stopped) => {
                connection.as_mut().graceful_shutdown();
                let grace = Duration::from_millis(self.config.grace_ms);
                match tokio::time::timeout(grace, connection).await {
                    Ok(ended) => ended,
                    Err(_) => return,
                }
            }
        };
        if let Err(error) = ended {
            debug!(%error, "a connection ended badly");
        }
    }
}

async fn stopped(stop: &mut watch::Receiver<bool>) {
    // An error means that nobody can stop it any more: the server was dropped, which stops it too.
    let _stopped = stop.wait_for(|stop| *stop).await;
}

async fn page(State(folder): State<Arc<Folder>>, Path(name): Path<String>, request: HeaderMap) -> Response {
    let Some(hash) = page::parse_name(&name) else {
        return refuse(StatusCode::NOT_FOUND, "no page has such a name");
    };
    let looked = tokio::task::spawn_blocking(move || folder.look(&hash)).await;
    let bytes = match looked {
        Ok(Ok(Kept::Right(bytes))) => bytes,
        Ok(Ok(Kept::Absent)) => return refuse(StatusCode::NOT_FOUND, "this page is not here"),
        Ok(Ok(Kept::Wrong)) => {
            warn!(page = %hash, "the folder has something else under this name");
            return refuse(StatusCode::NOT_FOUND, "this page is damaged here");
        }
        Ok(Err(error)) => {
            error!(%error, "a page cannot be read");
            return refuse(StatusCode::INTERNAL_SERVER_ERROR, "the page cannot be read");
        }
        Err(error) => {
            error!(%error, "a request crashed");
            return refuse(StatusCode::INTERNAL_SERVER_ERROR, "the page cannot be read");
        }
    };
    let tag = format!("\"{hash}\"");
    let is_known = request.get(IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes());
    let headers = [(CACHE_CONTROL, CACHE_PAGE), (CONTENT_TYPE, BYTES)];
    let tag = [(ETAG, tag)];
    if is_known {
        return (StatusCode::NOT_MODIFIED, headers, tag).into_response();
    }
    (headers, tag, bytes).into_response()
}

fn refuse(status: StatusCode, text: &'static str) -> Response {
    (status, [(CACHE_CONTROL, CACHE_NOTHING)], format!("{text}\n")).into_response()
}
