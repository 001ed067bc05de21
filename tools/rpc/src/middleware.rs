//! What every request passes: the transport it came by is noted, and a method that is not there, or not on
//! this transport, is refused by name.

use crate::connection::Closer;
use crate::error::{METHOD_NOT_FOUND, RpcError};
use jsonrpsee::core::middleware::{Batch, BatchEntry, Notification, RpcServiceT};
use jsonrpsee::server::{BatchResponseBuilder, HttpRequest, MethodResponse};
use jsonrpsee::types::{ErrorObjectOwned, Request};
use std::collections::HashSet;
use std::future::Future;
use std::sync::Arc;
use std::task::{Context, Poll};

/// The methods that need a websocket.
const WEBSOCKET_ONLY: [&str; 2] = ["eth_subscribe", "eth_unsubscribe"];

/// How a request came.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Transport {
    Http,
    Websocket,
}

/// Notes the transport of each HTTP request, which a websocket also begins as, and who can close it.
#[derive(Clone)]
pub(crate) struct NoteConnection<S> {
    service: S,
    closer: Closer,
}

/// The layer of [`NoteConnection`], for one connection.
#[derive(Clone)]
pub(crate) struct NoteConnectionLayer(pub(crate) Closer);

impl<S> tower::Layer<S> for NoteConnectionLayer {
    type Service = NoteConnection<S>;

    fn layer(&self, service: S) -> NoteConnection<S> {
        NoteConnection { service, closer: self.0.clone() }
    }
}

impl<S, B> tower::Service<HttpRequest<B>> for NoteConnection<S>
where
    S: tower::Service<HttpRequest<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, mut request: HttpRequest<B>) -> Self::Future {
        let upgraded = request.headers().contains_key("upgrade");
        let extensions = request.extensions_mut();
        extensions.insert(if upgraded { Transport::Websocket } else { Transport::Http });
        extensions.insert(self.closer.clone());
        self.service.call(request)
    }
}

/// Refuses requests for methods that are not there.
#[derive(Clone)]
pub(crate) struct KnownMethods<S> {
    pub(crate) service: S,
    pub(crate) names: Arc<HashSet<&'static str>>,
    pub(crate) response_size_bytes_max: usize,
}

impl<S> KnownMethods<S> {
    fn refusal(&self, request: &Request<'_>) -> Option<RpcError> {
        let name = request.method_name();
        if !self.names.contains(name) {
            let message = format!("the method {name} does not exist/is not available");
            return Some(RpcError::new(METHOD_NOT_FOUND, message));
        }
        let http = request.extensions().get() == Some(&Transport::Http);
        (http && WEBSOCKET_ONLY.contains(&name)).then(|| {
            RpcError::new(METHOD_NOT_FOUND, format!("the method {name} needs a websocket connection"))
        })
    }
}

impl<S> RpcServiceT for KnownMethods<S>
where
    S: RpcServiceT<
            MethodResponse = MethodResponse,
            BatchResponse = MethodResponse,
            NotificationResponse = MethodResponse,
        > + Clone
        + Send
        + Sync
        + 'static,
{
    type MethodResponse = MethodResponse;
    type BatchResponse = MethodResponse;
    type NotificationResponse = MethodResponse;

    fn call<'a>(&self, request: Request<'a>) -> impl Future<Output = MethodResponse> + Send + 'a {
        let refusal = self.refusal(&request);
        let service = self.service.clone();
        async move {
            match refusal {
                None => service.call(request).await,
                Some(error) => MethodResponse::error(request.id, ErrorObjectOwned::from(error)),
            }
        }
    }

    /// One after the other, as they came: transactions of one sender depend on the order.
    fn batch<'a>(&self, batch: Batch<'a>) -> impl Future<Output = MethodResponse> + Send + 'a {
        let service = self.clone();
        async move {
            let mut replies = BatchResponseBuilder::new_with_limit(service.response_size_bytes_max);
            let mut notified = false;
            for entry in batch {
                let reply = match entry {
                    Ok(BatchEntry::Call(request)) => service.call(request).await,
                    Ok(BatchEntry::Notification(notification)) => {
                        service.notification(notification).await;
                        notified = true;
                        continue;
                    }
                    Err(error) => {
                        let (error, id) = error.into_parts();
                        MethodResponse::error(id, error)
                    }
                };
                if let Err(too_large) = replies.append(reply) {
                    return too_large;
                }
            }
            if replies.is_empty() && notified {
                return MethodResponse::notification();
            }
            MethodResponse::from_batch(replies.finish())
        }
    }

    fn notification<'a>(
        &self,
        notification: Notification<'a>,
    ) -> impl Future<Output = MethodResponse> + Send + 'a {
        self.service.notification(notification)
    }
}
