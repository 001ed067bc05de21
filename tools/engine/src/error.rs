//! What can go wrong between a state and the kernel.

use crate::ForeignKernel;
use millrace_block::{BlockError, BlueprintFault};
use millrace_layout::LayoutError;
use millrace_pvm::{PvmError, Status};

/// A state or a kernel that cannot work. Transactions and calls never cause this.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The rollup runs another kernel than this program has natively.
    #[error(transparent)]
    Kernel(#[from] ForeignKernel),
    /// A key of the state is absent or corrupt.
    #[error("the state of the rollup: {0}")]
    Layout(#[from] LayoutError),
    /// A block could not be made.
    #[error("a block could not be made: {0}")]
    Block(#[from] BlockError),
    /// The blueprint is not one for this state: the caller made it for another.
    #[error("the blueprint does not fit the state: {0:?}")]
    Blueprint(BlueprintFault),
    /// A block executed again came to something else.
    #[error("transaction {index} of the block has another outcome than in the block")]
    Replay {
        /// Which, from 0.
        index: usize,
    },
    /// The delayed inbox is full.
    #[error("the delayed inbox is full")]
    DelayedInboxFull,
    /// The PVM could not run the installer.
    #[error("the installer could not be run: {0}")]
    Pvm(#[from] PvmError),
    /// The installer ran and left no rollup behind.
    #[error("the installer left no genesis block after {levels} levels ({status:?}): {debug}")]
    NotBooted {
        /// How many levels it had.
        levels: u32,
        /// Where the PVM stands.
        status: Status,
        /// What the kernel printed last.
        debug: String,
    },
}
