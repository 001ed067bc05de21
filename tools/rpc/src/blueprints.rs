//! Signed blueprints, for the nodes that follow this one.

use millrace_primitives::{BlockHash, BlockNumber};

/// One change of the durable state: a path, and the value there, or none.
pub type Premise = (Vec<u8>, Option<Vec<u8>>);

/// A block as whoever ordered it published it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignedBlueprint {
    /// The block.
    pub number: BlockNumber,
    /// What the block was here.
    pub hash: BlockHash,
    /// The external messages that the layer 1 gets, certificates included.
    pub messages: Vec<Vec<u8>>,
    /// What the state after the parent had to become first: what the layer 1 decided, and the delayed items that the
    /// blueprint names.
    pub premises: Vec<Premise>,
}

/// The blueprints after a block.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Blueprints {
    /// The last block of the node.
    pub head: BlockNumber,
    /// Whether the block that they were asked after is one of the node's chain.
    pub is_parent_known: bool,
    /// In order, without a gap; as many as go into a reply. None when the next block was made of none: then only the rollup
    /// node has it.
    pub blueprints: Vec<SignedBlueprint>,
}
