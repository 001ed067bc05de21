//! One run of the kernel: the only crate that knows all stages.
//!
//! ```text
//! stage 0  does this kernel fit the storage?           (upgrade)
//! genesis  the first run makes block 0                  (block)
//! stage 1  messages -> delayed inbox, blueprints        (inbox)
//! stage 2  the next complete blueprints -> blocks       (block)
//! ```
//! Stage 1 comes first in every level, whatever happened in stage 2 of the level before: a message always
//! reaches the kernel. A run does as much as [`RUN_GAS_MAX`] allows and asks for another one while there is
//! work.
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
mod stages;

pub use error::RunError;
pub use millrace_upgrade::{SOURCES, SOURCES_MARK};
pub use stages::{RUN_GAS_MAX, run};

#[cfg(test)]
mod tests;
