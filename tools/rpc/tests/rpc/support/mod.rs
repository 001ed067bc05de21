//! A fake chain behind a real server, and clients that write the bytes themselves.

pub(crate) mod chain;
pub(crate) mod client;
pub(crate) mod transactions;
pub(crate) mod wallet;

use chain::FakeChain;
use client::{Reply, post};
use millrace_rpc::conformance::OpenRpc;
use millrace_rpc::{RpcConfig, RpcServer, start};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// The description that replies are checked against.
pub(crate) fn openrpc() -> &'static OpenRpc {
    static OPENRPC: OnceLock<OpenRpc> = OnceLock::new();
    OPENRPC.get_or_init(|| OpenRpc::vendored().expect("the description is there"))
}

/// A server over a fake chain, on a free port.
pub(crate) struct Fixture {
    pub(crate) chain: Arc<FakeChain>,
    pub(crate) server: RpcServer,
    now_ms: Arc<AtomicU64>,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        Self::with(|_| ()).await
    }

    /// With other limits than the default ones.
    pub(crate) async fn with(change: impl FnOnce(&mut RpcConfig)) -> Self {
        let chain = Arc::new(FakeChain::new());
        let mut config = RpcConfig { listen: SocketAddr::from(([127, 0, 0, 1], 0)), ..RpcConfig::default() };
        change(&mut config);
        let now_ms = Arc::new(AtomicU64::new(0));
        let clock = {
            let now_ms = Arc::clone(&now_ms);
            Arc::new(move || Duration::from_millis(now_ms.load(Ordering::Relaxed)))
        };
        let server = start(config, Arc::clone(&chain) as Arc<_>, clock).await.expect("starts");
        Self { chain, server, now_ms }
    }

    pub(crate) fn advance_ms(&self, ms: u64) {
        self.now_ms.fetch_add(ms, Ordering::Relaxed);
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// A request as bytes.
    pub(crate) async fn post(&self, body: &str) -> Reply {
        post(self.address(), body).await
    }

    /// The whole reply to a request.
    pub(crate) async fn reply(&self, method: &str, params: Value) -> Value {
        let request = json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params });
        let reply = self.post(&request.to_string()).await.json();
        assert_eq!((&reply["jsonrpc"], &reply["id"]), (&json!("2.0"), &json!(7)), "{method}: {reply}");
        reply
    }

    /// The result of a request, which must conform to the description if that has the method.
    pub(crate) async fn call(&self, method: &str, params: Value) -> Value {
        let result = self.call_unchecked(method, params).await;
        if openrpc().describes(method) {
            openrpc().check(method, &result).expect("conforms");
        }
        result
    }

    /// The result of a request, whatever its shape.
    pub(crate) async fn call_unchecked(&self, method: &str, params: Value) -> Value {
        let reply = self.reply(method, params.clone()).await;
        assert!(reply.get("error").is_none(), "{method} {params}: {reply}");
        reply["result"].clone()
    }

    /// Code and message of the error of a request.
    pub(crate) async fn error(&self, method: &str, params: Value) -> (i64, String) {
        let reply = self.reply(method, params.clone()).await;
        let code = reply["error"]["code"].as_i64().unwrap_or_else(|| panic!("{method} {params}: {reply}"));
        (code, reply["error"]["message"].as_str().expect("a message").to_owned())
    }
}

/// Bytes as data.
pub(crate) fn data(bytes: &[u8]) -> String {
    format!("0x{}", hex::encode(bytes))
}

/// The same byte, as data of a size.
pub(crate) fn repeated(byte: u8, size_bytes: usize) -> String {
    data(&vec![byte; size_bytes])
}
