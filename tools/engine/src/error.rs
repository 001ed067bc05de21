//! What can go wrong between a state and the kernel.

use crate::ForeignKernel;
use millrace_block::{BlockError, BlueprintFault};
use millrace_core::RunError;
use millrace_layout::LayoutError;
use millrace_pvm::{PvmError, Status, Stuck, Trap, reveal::RevealHash};
use millrace_upgrade::UpgradeError;

/// A state or a kernel that cannot work. Transactions and calls never cause this.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The rollup runs another kernel than this program has natively.
    #[error(transparent)]
    Kernel(#[from] ForeignKernel),
    /// A kernel that this program does not have natively has no function for nodes.
    #[error("{kernel}, which has no function {function}: no block can be made with it")]
    NoNodeEntry {
        /// Which it is.
        kernel: ForeignKernel,
        /// The function.
        function: &'static str,
    },
    /// The state has a layout that this program does not know: a kernel brought it that is newer, or much older.
    #[error(
        "the state of the rollup has layout {}, this program knows {known}: use the program that was released with the \
         kernel of the rollup",
        found.map_or_else(|| "none".to_owned(), |found| found.to_string())
    )]
    UnknownLayout {
        /// The layout of the state; `None` when it says nothing about it.
        found: Option<u64>,
        /// The layout of this program.
        known: u64,
    },
    /// Another node says that the layer 1 changed what it never changes.
    #[error("the layer 1 decides nothing at {path}")]
    Premise {
        /// The path.
        path: String,
    },
    /// An upgrade is due, and a page of its kernel is missing. The rollup stands still until somebody publishes it.
    #[error("a kernel upgrade is due and its page {} is missing: put it among the preimages", hex(page))]
    PageMissing {
        /// The name of the page.
        page: RevealHash,
    },
    /// A change of kernels cannot go on.
    #[error("the change of kernels cannot go on: {0}")]
    Upgrade(#[from] UpgradeError),
    /// The kernel refuses the blueprint for a reason that this program does not know.
    #[error("the kernel refuses the blueprint for reason {code}, which this program does not know")]
    UnknownFault {
        /// The reason.
        code: u8,
    },
    /// The kernel trapped while it made the block.
    #[error("the kernel trapped: {trap}: {debug}")]
    Trapped {
        /// How.
        trap: Trap,
        /// What it printed.
        debug: String,
    },
    /// The kernel would be stuck for ever in the PVM.
    #[error("the kernel is stuck: {stuck}: {debug}")]
    Stuck {
        /// Why.
        stuck: Stuck,
        /// What it printed.
        debug: String,
    },
    /// The kernel ended without a block and did not say why.
    #[error("the kernel made no block: {debug}")]
    NoOutcome {
        /// What it printed.
        debug: String,
    },
    /// Native execution and wasm differ: this program, its compiler or its PVM is wrong.
    #[error("native execution and wasm differ at {place}")]
    Differs {
        /// The first durable key that differs, or what else does.
        place: String,
    },
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
    /// The PVM could not run the installer or the kernel.
    #[error("the PVM could not run the kernel: {0}")]
    Pvm(PvmError),
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

impl EngineError {
    /// Whether another selection of transactions may be spared this.
    pub const fn may_be_the_content(&self) -> bool {
        match self {
            Self::Kernel(_)
            | Self::NoNodeEntry { .. }
            | Self::UnknownLayout { .. }
            | Self::PageMissing { .. }
            | Self::Premise { .. }
            | Self::Upgrade(_)
            | Self::Pvm(_)
            | Self::NotBooted { .. } => false,
            Self::UnknownFault { .. }
            | Self::Trapped { .. }
            | Self::Stuck { .. }
            | Self::NoOutcome { .. }
            | Self::Differs { .. }
            | Self::Layout(_)
            | Self::Block(_)
            | Self::Blueprint(_)
            | Self::Replay { .. }
            | Self::DelayedInboxFull => true,
        }
    }
}

impl From<PvmError> for EngineError {
    fn from(error: PvmError) -> Self {
        match error {
            PvmError::PreimageMissing { hash } => Self::PageMissing { page: hash },
            error => Self::Pvm(error),
        }
    }
}

impl From<RunError> for EngineError {
    fn from(error: RunError) -> Self {
        match error {
            RunError::Upgrade(error) => Self::Upgrade(error),
            RunError::Block(error) => Self::Block(error),
            RunError::Layout(error) => Self::Layout(error),
            // A node's run reads no inbox and the native host refuses nothing else.
            RunError::Inbox(_) | RunError::Host(_) => Self::NoOutcome { debug: error.to_string() },
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
