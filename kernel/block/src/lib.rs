//! Stage 2: a blueprint becomes a block.
//!
//! Validates the blueprint against the head, executes its delayed items and transactions in an overlay in
//! memory, seals an Ethereum header over the outcome, flushes everything into a working copy of the world
//! and commits that copy in one host call. A run that dies before that call leaves the head as it was. A run
//! without room for the next transaction keeps what is done, and the next one goes on as if nothing had been.
//!
//! Withdrawals become messages to the layer 1 with the block, and leave in their order, a hundred a level ([`send`]).
//!
//! What a sequencer asked for in a block, another key for itself, is announced when the block is there ([`settle`]).
//!
//! Besides the blueprints of the authority there are blocks that the kernel makes on its own ([`Candidate`]): of
//! items of the delayed inbox that are overdue, and of everything when nobody is in charge of ordering.
//!
//! **Bounds**: execution gas per transaction, per block and per level
//! ([`millrace_layout::parameters::Parameters`], [`cost`]).
//! **Failure**: a bad blueprint is [`Verdict::Rejected`] and a bad transaction is [`Dropped`], both with a
//! reason and neither an error; [`BlockError`] means durable storage failed.
//! **Deliberately unknown**: the inbox (blueprints and delayed items arrive through the layout), signatures
//! of blueprints, runs and reboots.

#![cfg_attr(not(test), no_std)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::unreachable,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

extern crate alloc;

mod advance;
mod candidate;
pub mod cost;
mod execution;
pub mod fees;
mod flush;
mod genesis;
mod key_change;
mod outbox;
mod pause;
mod reader;
mod reasons;
mod replay;
mod seal;
mod settle;
mod validity;
mod withdrawals;

pub use advance::{Sealed, Terms, Verdict, advance};
pub use candidate::{Candidate, begun, forced, forced_gas_max, is_overdue, left_in_queue, without_sequencer};
pub use execution::{Dropped, charges, environment};
pub use genesis::ensure_genesis;
pub use key_change::{KEY_CHANGE_DELAY_S, KeyChangeRefusal};
pub use outbox::send;
pub use reader::WorldReader;
pub use reasons::{BlueprintFault, TransactionFault};
pub use replay::Replay;
pub use settle::settle;
pub use validity::fault_of;

use millrace_host::HostError;
use millrace_layout::LayoutError;

/// Durable storage failed while a block was made. Nothing of the block is visible.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BlockError {
    /// A key could not be read or written.
    Layout(LayoutError),
    /// There is no genesis block yet.
    NoHead,
    /// The outbox refused a message that was due.
    Outbox(HostError),
    /// A number grew past what it may be: a bug, or a chain of 2^64 blocks.
    Overflow,
}

impl From<LayoutError> for BlockError {
    fn from(error: LayoutError) -> Self {
        Self::Layout(error)
    }
}

impl core::fmt::Display for BlockError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Layout(error) => error.fmt(f),
            Self::Outbox(error) => write!(f, "outbox: {error}"),
            Self::NoHead => f.write_str("there is no genesis block"),
            Self::Overflow => f.write_str("a quantity overflowed"),
        }
    }
}

impl core::error::Error for BlockError {}
