//! Blocks that are only tried out: what `eth_simulateV1` puts to the node, and what comes of it.

use crate::call::{Call, Cancel, Overrides};
use crate::chain::{ChainError, Refusal, SealedBlock};
use millrace_primitives::{BlockNumber, Gas, Log};

/// Blocks to try out.
#[derive(Clone, Debug)]
pub struct SimulationRequest {
    /// They follow this block.
    pub at: BlockNumber,
    /// In order.
    pub blocks: Vec<BlockRequest>,
    /// Whether each call must keep to the rules of a transaction, and gas has a price.
    pub validates: bool,
    /// Whether transfers of the native token are told of by logs.
    pub shows_transfers: bool,
    /// The most gas of all calls together.
    pub gas_max: Gas,
    /// As in [`CallRequest::cancel`](crate::CallRequest::cancel).
    pub cancel: Cancel,
}

/// A block to try out.
#[derive(Clone, Debug, Default)]
pub struct BlockRequest {
    /// What it pretends on top of what the blocks before it left.
    pub overrides: Overrides,
    /// Its calls, each with its nonce if that is given.
    pub calls: Vec<(Call, Option<u64>)>,
}

/// A block that was tried out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SimulatedBlock {
    /// As it would be; nobody signed its transactions.
    pub sealed: SealedBlock,
    /// What became of its calls.
    pub calls: Vec<SimulatedCall>,
}

/// What became of a call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SimulatedCall {
    /// What it returned or reverted with.
    pub output: Vec<u8>,
    /// Those emitted, and those that tell of transfers.
    pub logs: Vec<Log>,
    /// Gas that it used.
    pub gas_used: Gas,
    /// Why it failed, when it did.
    pub failure: Option<SimulatedFailure>,
}

/// Why a call failed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SimulatedFailure {
    /// It reverted, with its output.
    Reverted,
    /// It was halted; why.
    Halted(String),
}

/// Why blocks cannot be tried out. The codes are those of the specification of `eth_simulateV1`.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SimulateError {
    /// Not above the number before.
    #[error("{0}")]
    BlockNumber(String),
    /// Not above the timestamp before.
    #[error("{0}")]
    BlockTimestamp(String),
    /// More blocks or gas than a request may have.
    #[error("{0}")]
    Limit(String),
    /// A call asks for more gas than its block has.
    #[error("{0}")]
    BlockFull(String),
    /// A call breaks a rule.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The result is larger than it may be.
    #[error("the result is too large")]
    TooLarge,
    /// Nobody waits for it any more.
    #[error("the simulation was interrupted")]
    Interrupted,
    /// The node is not able to run it.
    #[error(transparent)]
    Chain(#[from] ChainError),
}
