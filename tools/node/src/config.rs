//! What a node is told when it starts.

use crate::DevelopmentKeys;
use millrace_primitives::{BlockNumber, U256};
use millrace_rpc::RpcConfig;
use millrace_sequencing::{pool, producer::Rhythm, publisher};
use millrace_store::UNDO_BLOCKS_MAX;
use millrace_wire::signature::SecretKey;
use std::path::PathBuf;

/// Where the state of block 0 comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Genesis {
    /// The installer kernel that the rollup was originated with.
    pub installer: PathBuf,
    /// The folder of the preimages that it asks for, and of those of later kernels.
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
    /// Where the first state and kernels come from; the installer is read at the first start only.
    pub genesis: Genesis,
    /// Who is asked for pages of announced kernels that the folder does not have, as `http://127.0.0.1:8080`.
    pub preimages_endpoints: Vec<String>,
    /// JSON-RPC of nodes that have blocks before the layer 1 has them: followed and given transactions in turn while this
    /// node does not order.
    pub upstreams: Vec<String>,
    /// The keys of this node: it orders transactions while one of them is the sequencer's, and stands by otherwise.
    pub keys: Vec<SecretKey>,
    /// No block is made in so many seconds before an announced change of the sequencer: what is not in a level by then is
    /// refused.
    pub handover_margin_s: u64,
    /// Where and how JSON-RPC is served.
    pub rpc: RpcConfig,
    /// When blocks are made.
    pub rhythm: Rhythm,
    /// What the pool holds.
    pub pool: pool::Limits,
    /// How far the local head may be ahead, and when blueprints are handed over again.
    pub publication: publisher::Limits,
    /// For which recent blocks the state can be asked for.
    pub states: Retention,
    /// Keys that the JSON-RPC signs with for whoever asks: of a chain for development, and never of another.
    pub development_keys: Option<DevelopmentKeys>,
}

/// [`NodeConfig::handover_margin_s`] for a network whose levels take some seconds: time enough for a blueprint to be lost
/// and handed over again.
pub const HANDOVER_MARGIN_S: u64 = 120;

/// Which recent states are kept in memory. After a restart they are made again of what the database keeps, which is
/// enough for [`UNDO_BLOCKS_MAX`] blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// At least so many.
    pub states_min: u64,
    /// And back to so many before the finalized block, which clients call `finalized`.
    pub margin_blocks: u64,
    /// But never more than so many.
    pub states_max: u64,
}

impl Default for Retention {
    fn default() -> Self {
        Self { states_min: 1_024, margin_blocks: 256, states_max: UNDO_BLOCKS_MAX }
    }
}

impl Retention {
    /// The first block whose state is kept when these are the heads.
    pub(crate) fn first(&self, head: BlockNumber, finalized: BlockNumber) -> BlockNumber {
        let wanted = head.since(finalized).saturating_add(self.margin_blocks).saturating_add(1);
        let count = wanted.max(self.states_min).min(self.states_max).max(1);
        head.saturating_add(1).checked_sub(count).unwrap_or(BlockNumber::ZERO)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_reach_back_to_the_finalized_block_within_bounds() {
        let retention = Retention { states_min: 10, margin_blocks: 5, states_max: 100 };
        let first =
            |head, finalized| retention.first(BlockNumber::new(head), BlockNumber::new(finalized)).get();
        assert_eq!(first(0, 0), 0);
        assert_eq!(first(1_000, 1_000), 991, "the least");
        assert_eq!(first(1_000, 950), 945, "the margin below the finalized block");
        assert_eq!(first(1_000, 0), 901, "the most");
        assert_eq!(first(50, 0), 0);
        let none = Retention { states_min: 0, margin_blocks: 0, states_max: 0 };
        assert_eq!(none.first(BlockNumber::new(7), BlockNumber::new(7)).get(), 7, "the head is always there");
    }
}
