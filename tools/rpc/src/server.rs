//! The server: one port, HTTP and websocket.

use crate::api::Api;
use crate::chain::Chain;
use crate::config::{Clock, Cors, RpcConfig};
use crate::methods;
use crate::middleware::{KnownMethods, NoteTransport};
use crate::subscriptions::{self, QuantityIds};
use jsonrpsee::RpcModule;
use jsonrpsee::core::middleware::RpcServiceBuilder;
use jsonrpsee::server::{BatchRequestConfig, PingConfig, Server, ServerConfig, ServerHandle};
use std::collections::HashSet;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
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
    let listen = config.listen;
    let server_config = server_config(&config);
    let response_size_bytes_max = config.response_size_bytes_max as usize;

    let mut module = RpcModule::new(Api::new(chain, config, clock));
    methods::register(&mut module).map_err(io::Error::other)?;
    subscriptions::register(&mut module).map_err(io::Error::other)?;
    let names: Arc<HashSet<&'static str>> = Arc::new(module.method_names().collect());

    let known_methods = RpcServiceBuilder::new().layer_fn(move |service| KnownMethods {
        service,
        names: Arc::clone(&names),
        response_size_bytes_max,
    });
    let http = tower::ServiceBuilder::new().layer(cors).layer(tower::layer::layer_fn(NoteTransport));
    let server = Server::builder()
        .set_config(server_config)
        .set_http_middleware(http)
        .set_rpc_middleware(known_methods)
        .build(listen)
        .await?;
    let address = server.local_addr()?;
    Ok(RpcServer { handle: server.start(module), address })
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
