//! The states in which the machine rests.

use serde::{Deserialize, Serialize};

/// What the machine is ready for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    /// The next inbox.
    #[default]
    WaitingForInput,
    /// Nothing, for ever: it swallows inputs.
    Stuck(Stuck),
}

/// Why a machine is stuck for ever.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Stuck {
    /// The kernel did not boot and there is no other one to fall back on.
    #[error("no fallback kernel after a failure to {phase}: {detail}")]
    NoFallbackKernel {
        /// Where it failed.
        phase: BootPhase,
        /// What was wrong.
        detail: String,
    },
    /// The kernel exports no function `kernel_run`.
    #[error("no `kernel_run` function exported")]
    NoEntry,
    /// `kernel_run` has parameters.
    #[error("`kernel_run` has parameters")]
    EntryWithParameters,
    /// A call too deep.
    #[error("call stack exhausted")]
    CallStackExhausted,
    /// A run longer than the PVM allows.
    #[error("too many ticks in one run")]
    TooManyTicks,
    /// An error of evaluation that is no trap.
    #[error("evaluation failed: {detail}")]
    Fatal {
        /// What was wrong.
        detail: String,
    },
    /// The inbox held a protocol migration that does not decode.
    #[error("malformed protocol migration")]
    MalformedMigration,
}

/// A phase before the kernel runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BootPhase {
    /// From bytes to a module.
    Decode,
    /// Finding the imports.
    Link,
    /// Memory, tables, data, the start function.
    Init,
}

impl std::fmt::Display for BootPhase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Decode => "decode",
            Self::Link => "link",
            Self::Init => "initialise",
        })
    }
}

/// An end of a run that the machine survives: what was written before stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Trap {
    /// The instruction of this name.
    #[error("unreachable executed")]
    Unreachable,
    /// A load, store or bulk operation outside the memory.
    #[error("out of bounds memory access")]
    MemoryOutOfBounds,
    /// Of integers.
    #[error("integer divide by zero")]
    DivisionByZero,
    /// The smallest integer divided by −1.
    #[error("integer overflow")]
    IntegerOverflow,
    /// An indirect call of a function of another type.
    #[error("indirect call type mismatch")]
    IndirectCallTypeMismatch,
    /// A table operation, not a call, outside the table.
    #[error("out of bounds table access")]
    TableOutOfBounds,
}

/// How one run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// `kernel_run` returned.
    Finished,
    /// It trapped.
    Trapped(Trap),
    /// The kernel did not boot; the one before was put back.
    FellBack {
        /// Where it failed.
        phase: BootPhase,
        /// What was wrong.
        detail: String,
    },
    /// The machine is stuck for ever.
    Stuck(Stuck),
}
