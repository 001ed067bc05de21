//! Why a node does not start.

use millrace_engine::EngineError;
use millrace_l1::client::ClientError;
use millrace_preimages::EndpointError;
use millrace_primitives::{BlockNumber, U256};
use millrace_store::StoreError;
use std::path::PathBuf;

/// A node could not start.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The folder of the database cannot be made.
    #[error("cannot use the data folder {}: {source}", path.display())]
    DataDir {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file that the first start needs cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The rollup node does not answer.
    #[error(transparent)]
    RollupNode(#[from] ClientError),
    /// The state of the database, or the genesis state, does not fit the engine.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The chain was found to differ from that of the rollup node, in this run or an earlier one.
    #[error(
        "this chain cannot go on, it differs from that of the rollup node since block {number}: {finding}"
    )]
    Diverged {
        /// The block at which they part.
        number: BlockNumber,
        /// What was found.
        finding: String,
    },
    /// The rollup has another chain id than the configuration says.
    #[error("the rollup has chain id {actual}, the configuration says {configured}")]
    ChainId {
        /// In the state.
        actual: U256,
        /// In the configuration.
        configured: U256,
    },
    /// The state after the database's last block is of another block: the database was changed from outside.
    #[error("the database is inconsistent: its last block is {stored}, its state is that of block {state}")]
    Inconsistent {
        /// Hash of the last block.
        stored: String,
        /// Hash in the state.
        state: String,
    },
    /// Pages of kernels cannot be fetched.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// Upstreams cannot be asked.
    #[error("no client for upstreams: {0}")]
    Upstream(reqwest::Error),
    /// JSON-RPC cannot be served.
    #[error("cannot serve JSON-RPC at {address}: {source}")]
    Rpc {
        /// Where.
        address: std::net::SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
}
