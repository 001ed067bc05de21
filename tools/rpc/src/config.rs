//! Limits, each with its default.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The port that Ethereum tools expect.
pub const PORT: u16 = 8_545;
/// Default of [`RpcConfig::request_size_bytes_max`].
pub const REQUEST_SIZE_BYTES_MAX: u32 = 5 << 20;
/// Default of [`RpcConfig::response_size_bytes_max`].
pub const RESPONSE_SIZE_BYTES_MAX: u32 = 25 << 20;
/// Default of [`RpcConfig::batch_requests_max`].
pub const BATCH_REQUESTS_MAX: u32 = 1_000;
/// Default of [`RpcConfig::connections_max`].
pub const CONNECTIONS_MAX: u32 = 1_000;
/// Default of [`RpcConfig::subscriptions_per_connection_max`].
pub const SUBSCRIPTIONS_PER_CONNECTION_MAX: u32 = 128;
/// Default of [`RpcConfig::messages_buffered_max`].
pub const MESSAGES_BUFFERED_MAX: u32 = 1_024;
/// Default of [`RpcConfig::heavy_waiting_max`].
pub const HEAVY_WAITING_MAX: usize = 512;
/// Default of [`RpcConfig::log_range_blocks_max`].
pub const LOG_RANGE_BLOCKS_MAX: u64 = 100_000;
/// Default of [`RpcConfig::logs_max`].
pub const LOGS_MAX: usize = 10_000;
/// Default of [`RpcConfig::filters_max`].
pub const FILTERS_MAX: usize = 1_000;
/// Default of [`RpcConfig::filter_idle_ms_max`].
pub const FILTER_IDLE_MS_MAX: u64 = 300_000;
/// Default of [`RpcConfig::fee_history_blocks_max`].
pub const FEE_HISTORY_BLOCKS_MAX: u64 = 1_024;

/// Time since a moment that never changes. Injected, so that tests need not wait.
pub type Clock = Arc<dyn Fn() -> Duration + Send + Sync>;

/// The clock of the machine, which never goes back.
pub fn monotonic_clock() -> Clock {
    let start = Instant::now();
    Arc::new(move || start.elapsed())
}

/// Which web pages may call the node from a browser.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Cors {
    /// All of them.
    Any,
    /// Those of these origins, as `https://example.org`. Empty: none.
    Origins(Vec<String>),
}

/// Where to listen, and how much to allow.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RpcConfig {
    /// Where to listen; port 0 takes any free one.
    pub listen: SocketAddr,
    /// Which web pages may call.
    pub cors: Cors,
    /// The largest body of a request, or message of a websocket.
    pub request_size_bytes_max: u32,
    /// The largest reply.
    pub response_size_bytes_max: u32,
    /// The most requests of a batch.
    pub batch_requests_max: u32,
    /// The most websockets and HTTP requests at a time; one more is answered with status 429.
    pub connections_max: u32,
    /// The most subscriptions of a websocket.
    pub subscriptions_per_connection_max: u32,
    /// How many messages may wait for a slow websocket before its subscriptions are dropped.
    pub messages_buffered_max: u32,
    /// How many calls, estimates and scans run at a time.
    pub heavy_calls_max: usize,
    /// How many more may wait for their turn; one more is answered with an error.
    pub heavy_waiting_max: usize,
    /// The most blocks that one search for logs may span.
    pub log_range_blocks_max: u64,
    /// The most logs that it may find.
    pub logs_max: usize,
    /// The most polling filters at a time.
    pub filters_max: usize,
    /// When a polling filter that nobody asks is dropped.
    pub filter_idle_ms_max: u64,
    /// The most blocks of `eth_feeHistory`.
    pub fee_history_blocks_max: u64,
}

impl Default for RpcConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, PORT)),
            cors: Cors::Any,
            request_size_bytes_max: REQUEST_SIZE_BYTES_MAX,
            response_size_bytes_max: RESPONSE_SIZE_BYTES_MAX,
            batch_requests_max: BATCH_REQUESTS_MAX,
            connections_max: CONNECTIONS_MAX,
            subscriptions_per_connection_max: SUBSCRIPTIONS_PER_CONNECTION_MAX,
            messages_buffered_max: MESSAGES_BUFFERED_MAX,
            heavy_calls_max: std::thread::available_parallelism().map_or(2, usize::from),
            heavy_waiting_max: HEAVY_WAITING_MAX,
            log_range_blocks_max: LOG_RANGE_BLOCKS_MAX,
            logs_max: LOGS_MAX,
            filters_max: FILTERS_MAX,
            filter_idle_ms_max: FILTER_IDLE_MS_MAX,
            fee_history_blocks_max: FEE_HISTORY_BLOCKS_MAX,
        }
    }
}
