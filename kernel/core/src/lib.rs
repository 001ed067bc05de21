//! One run of the kernel: the only crate that knows all stages.
//!
//! ```text
//! stage 0  a change of kernels goes on; migrations     (upgrade)
//! genesis  the first run makes block 0                  (block)
//! stage 1  messages -> delayed inbox, blueprints        (inbox)
//! stage 2  the next blocks, one after the other          (block)
//!          before each: the kernel that governance announced, if it is time (upgrade)
//!          one that was begun · what is overdue in the delayed inbox · a blueprint of the authority,
//!          or, without one, what waits
//! outbox   withdrawals of blocks leave, as many as a level takes   (block)
//! ```
//! Stage 1 comes first in every level, whatever happened in stage 2 of the level before: a message always
//! reaches the kernel. A run does as much as its budget ([`millrace_host::Budget`]) allows and asks for another
//! one while there is work; it may stop between any two messages and any two transactions, and the outcome is
//! that of one run without end. As long as it reads the inbox the request stands from its beginning, so that a trap
//! there costs one message; after a trap in stage 2, what that run was doing is taken out of the way first.
//!
//! A node has a run of its own ([`run_for_node`], [`make_block`]): stage 0, the kernel that governance announced, and
//! one block, by the same code and without inbox.
//!
//! **Failure**: a stage that fails is reported on the debug output and ends the run; what the stages before
//! it did stays. Nothing panics. **Deliberately unknown**: encodings, paths, the EVM.

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

mod blueprint;
mod error;
mod handover;
mod next;
mod node;
mod stages;
mod trap;

pub use error::RunError;
pub use millrace_upgrade::{LAYOUT, LAYOUT_MARK, Release, SOURCES, SOURCES_MARK, Step, StepFault, Turn};
pub use node::{NodeHost, make_block, run_for_node, run_release_for_node};
pub use stages::{run, run_release, run_within};

#[cfg(test)]
mod tests;
