//! What goes in and what comes out.

use millrace_primitives::{Block, BlockHash, BlockNumber, Header, L1Level, TransactionHash};

/// One change of the durable state.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StateChange {
    /// The path.
    pub key: Vec<u8>,
    /// The new value; `None` when the value is gone.
    pub value: Option<Vec<u8>>,
}

/// All that one block leaves behind.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BlockCommit {
    /// The block.
    pub block: Block,
    /// Its hash.
    pub hash: BlockHash,
    /// The hashes of its transactions, in order.
    pub transaction_hashes: Vec<TransactionHash>,
    /// The signed external messages of its blueprint; none for the genesis block.
    pub blueprint: Vec<Vec<u8>>,
    /// What the state after the parent had to become before that blueprint was executed: what the layer 1 decided and brought.
    pub premises: Vec<StateChange>,
    /// How the state after it differs from the state after its parent. Each key at most once.
    pub state_changes: Vec<StateChange>,
}

/// A block as it was committed, without its blueprint.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredBlock {
    /// Its hash.
    pub hash: BlockHash,
    /// The block.
    pub block: Block,
    /// The hashes of its transactions, in order.
    pub transaction_hashes: Vec<TransactionHash>,
}

/// A header with its hash.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SealedHeader {
    /// Its hash.
    pub hash: BlockHash,
    /// The header.
    pub header: Header,
}

/// Where a transaction is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TransactionPosition {
    /// The block.
    pub number: BlockNumber,
    /// The index in the block, from 0.
    pub index: u32,
}

/// That the chain cannot go on: the rollup node has another one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Divergence {
    /// The block at which the two part.
    pub number: BlockNumber,
    /// What was found, for people.
    pub finding: String,
}

/// How far something has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mark {
    /// The last block whose blueprint was handed to the layer 1.
    Published,
    /// The last block that the rollup node executed to the same hash.
    Confirmed,
    /// The last confirmed block whose level of the layer 1 is final.
    Finalized,
}

impl Mark {
    pub(crate) const fn key(self) -> &'static str {
        match self {
            Self::Published => "published",
            Self::Confirmed => "confirmed",
            Self::Finalized => "finalized",
        }
    }

    /// All of them.
    pub(crate) const ALL: [Self; 3] = [Self::Published, Self::Confirmed, Self::Finalized];
}

/// A block and the level of the layer 1 that goes with it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Position {
    /// The block.
    pub number: BlockNumber,
    /// For [`Mark::Published`] the level at which it was injected, otherwise the level that executed it.
    pub level: L1Level,
}
