//! The server: one port, HTTP and websocket.

use crate::api::Api;
use crate::chain::Chain;
use crate::config::{Clock, Cors, RpcConfig};
use crate::connection::{self, Closer};
use crate::methods;
use crate::middleware::{KnownMethods, NoteConnectionLayer};
use crate::subscriptions::{self, QuantityIds};
use jsonrpsee::core::middleware::RpcServiceBuilder;
use jsonrpsee::server::{
    BatchRequestConfig, PingConfig, Server, ServerConfig, ServerHandle, serve_with_graceful_shutdown,
    stop_channel,
};
use jsonrpsee::{Methods, RpcModule};
use std::collections::HashSet;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;
use tower_http::cors::{Any, CorsLayer};

/// A server that runs. Dropping it stops it.
#[derive(Debug)]
pub struct RpcServer {
    handle: ServerHandle,
    address: SocketAddr,
}

impl RpcServer {
    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no more requests, lets those that run end, and returns then.
    pub async fn stop(self) {
        // An error says that it has stopped already.
        let _ = self.handle.stop();
        self.handle.stopped().await;
    }
}

/// Starts to serve a chain. Call it inside a tokio runtime.
///
/// # Errors
/// The address cannot be listened on, or an origin of [`Cors::Origins`] is not one.
pub async fn start(config: RpcConfig, chain: Arc<dyn Chain>, clock: Clock) -> io::Result<RpcServer> {
    let cors = cors_layer(&config.cors)?;
    let listener = TcpListener::bind(config.listen).await?;
    let address = listener.local_addr()?;
    let server_config = server_config(&config);
    let response_size_bytes_max = config.response_size_bytes_max as usize;

    let mut module = RpcModule::new(Api::new(chain, config, clock));
    methods::register(&mut module).map_err(io::Error::other)?;
    subscriptions::register(&mut module).map_err(io::Error::other)?;
    let names: Arc<HashSet<&'static str>> = Arc::new(module.method_names().collect());
    let methods = Methods::from(module);

    let known_methods = RpcServiceBuilder::new().layer_fn(move |service| KnownMethods {
        service,
        names: Arc::clone(&names),
        response_size_bytes_max,
    });
    let services =
        Server::builder().set_config(server_config).set_rpc_middleware(known_methods).to_service_builder();
    let (stop, handle) = stop_channel();
    let until = stop.clone().shutdown();
    let serve = move |stream, closer: Closer| {
        let http = tower::ServiceBuilder::new().layer(cors.clone()).layer(NoteConnectionLayer(closer));
        let service = services.clone().set_http_middleware(http).build(methods.clone(), stop.clone());
        let stopped = stop.clone().shutdown();
        tokio::spawn(async move {
            if let Err(error) = serve_with_graceful_shutdown(stream, service, stopped).await {
                tracing::debug!(%error, "a connection ended badly");
            }
        });
    };
    tokio::spawn(connection::accept(listener, until, serve));
    Ok(RpcServer { handle, address })
}

fn server_config(config: &RpcConfig) -> ServerConfig {
    ServerConfig::builder()
        .max_request_body_size(config.request_size_bytes_max)
        .max_response_body_size(config.response_size_bytes_max)
        .max_connections(config.connections_max)
        .max_subscriptions_per_connection(config.subscriptions_per_connection_max)
        .set_message_buffer_capacity(config.messages_buffered_max)
        .set_batch_request_config(BatchRequestConfig::Limit(config.batch_requests_max))
        .set_id_provider(QuantityIds::default())
        .enable_ws_ping(PingConfig::default())
        .build()
}

fn cors_layer(cors: &Cors) -> io::Result<CorsLayer> {
    let layer = CorsLayer::new().allow_methods(Any).allow_headers(Any);
    match cors {
        Cors::Any => Ok(layer.allow_origin(Any)),
        Cors::Origins(origins) => {
            let invalid = |origin: &String| {
                io::Error::new(io::ErrorKind::InvalidInput, format!("{origin:?} is not an origin"))
            };
            let origins = origins.iter().map(|origin| origin.parse().map_err(|_| invalid(origin)));
            Ok(layer.allow_origin(origins.collect::<io::Result<Vec<_>>>()?))
        }
    }
}
