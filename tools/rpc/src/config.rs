//! Limits, each with its default.

use millrace_primitives::Gas;
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
/// Default of [`RpcConfig::notification_wait_ms_max`].
pub const NOTIFICATION_WAIT_MS_MAX: u64 = 10_000;
/// Default of [`RpcConfig::reads_max`]: a read waits for the disk more than it computes.
pub const READS_MAX: usize = 32;
/// Default of [`RpcConfig::waiting_max`].
pub const WAITING_MAX: usize = 512;
/// Default of [`RpcConfig::read_time_ms_max`].
pub const READ_TIME_MS_MAX: u64 = 30_000;
/// Default of [`RpcConfig::call_time_ms_max`]: that of go-ethereum.
pub const CALL_TIME_MS_MAX: u64 = 5_000;
/// Default of [`RpcConfig::call_gas_max`]: that of go-ethereum.
pub const CALL_GAS_MAX: Gas = Gas::new(50_000_000);
/// Default of [`RpcConfig::log_range_blocks_max`]: none. The database keeps the blooms of blocks that have logs, and
/// looks at a million of them in 0.4 s; ten million blocks without logs take 0.2 ms. The time of a search is limited
/// anyway.
pub const LOG_RANGE_BLOCKS_MAX: u64 = u64::MAX;
/// Default of [`RpcConfig::logs_max`].
pub const LOGS_MAX: usize = 10_000;
/// Default of [`RpcConfig::filters_max`].
pub const FILTERS_MAX: usize = 1_000;
/// Default of [`RpcConfig::filter_idle_ms_max`].
pub const FILTER_IDLE_MS_MAX: u64 = 300_000;
/// Default of [`RpcConfig::fee_history_blocks_max`].
pub const FEE_HISTORY_BLOCKS_MAX: u64 = 1_024;

/// How many blocks are asked for their blooms at a time, between two looks at the time.
pub const BLOOM_BLOCKS_MAX: u64 = 65_536;

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
    /// How many messages may wait for a slow websocket. A subscription waits for room; how far it may be
    /// behind is up to the node, which keeps so many blocks for it.
    pub messages_buffered_max: u32,
    /// For how long a subscription waits for a client that reads nothing before it closes the connection.
    pub notification_wait_ms_max: u64,
    /// How many blocks, receipts and pools are read at a time.
    pub reads_max: usize,
    /// How many searches for logs run at a time.
    pub searches_max: usize,
    /// How many calls and estimates run at a time.
    pub calls_max: usize,
    /// How many more of each of these may wait for their turn; one more is answered with an error.
    pub waiting_max: usize,
    /// How long a read or a search may take, its turn included.
    pub read_time_ms_max: u64,
    /// How long a call or an estimate may take, its turn included.
    pub call_time_ms_max: u64,
    /// The most gas of a call or an estimate; the chain may allow less.
    pub call_gas_max: Gas,
    /// The most blocks that one search for logs may span.
    pub log_range_blocks_max: u64,
    /// The most logs that it may find, unless it is for a single block; the most that a polling filter gives
    /// at a time.
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
        let threads = std::thread::available_parallelism().map_or(2, usize::from);
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, PORT)),
            cors: Cors::Any,
            request_size_bytes_max: REQUEST_SIZE_BYTES_MAX,
            response_size_bytes_max: RESPONSE_SIZE_BYTES_MAX,
            batch_requests_max: BATCH_REQUESTS_MAX,
            connections_max: CONNECTIONS_MAX,
            subscriptions_per_connection_max: SUBSCRIPTIONS_PER_CONNECTION_MAX,
            messages_buffered_max: MESSAGES_BUFFERED_MAX,
            notification_wait_ms_max: NOTIFICATION_WAIT_MS_MAX,
            reads_max: READS_MAX,
            searches_max: threads,
            calls_max: threads,
            waiting_max: WAITING_MAX,
            read_time_ms_max: READ_TIME_MS_MAX,
            call_time_ms_max: CALL_TIME_MS_MAX,
            call_gas_max: CALL_GAS_MAX,
            log_range_blocks_max: LOG_RANGE_BLOCKS_MAX,
            logs_max: LOGS_MAX,
            filters_max: FILTERS_MAX,
            filter_idle_ms_max: FILTER_IDLE_MS_MAX,
            fee_history_blocks_max: FEE_HISTORY_BLOCKS_MAX,
        }
    }
}
