//! What a node is told when it starts.

use millrace_primitives::U256;
use millrace_rpc::RpcConfig;
use millrace_sequencing::{pool, producer::Rhythm, publisher};
use millrace_wire::signature::SecretKey;
use std::path::PathBuf;

/// Where the state of block 0 comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Genesis {
    /// The installer kernel that the rollup was originated with.
    pub installer: PathBuf,
    /// The folder of the preimages that it asks for.
    pub preimages: PathBuf,
    /// A folder of compiled kernels, to share with a rollup node on the same machine. It must be as private
    /// as the program itself.
    pub compiled: Option<PathBuf>,
}

/// All settings of a node.
#[derive(Clone, Debug)]
pub struct NodeConfig {
    /// The folder of the database; made if it is not there.
    pub data_dir: PathBuf,
    /// The RPC of the rollup node, as `http://127.0.0.1:8932`.
    pub rollup_node: String,
    /// The chain id that the rollup must have.
    pub chain_id: U256,
    /// Read at the first start only.
    pub genesis: Genesis,
    /// The key of the sequencer.
    pub key: SecretKey,
    /// Where and how JSON-RPC is served.
    pub rpc: RpcConfig,
    /// When blocks are made.
    pub rhythm: Rhythm,
    /// What the pool holds.
    pub pool: pool::Limits,
    /// How far the local head may be ahead, and when blueprints are handed over again.
    pub publication: publisher::Limits,
    /// For how many recent blocks the state can be asked for.
    pub states_kept: usize,
}

impl NodeConfig {
    /// Default of [`NodeConfig::states_kept`].
    pub const STATES_KEPT: usize = 1_024;
}
