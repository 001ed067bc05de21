//! The durable storage of the rollup: the only place that spells a path.
//!
//! Each module owns one part of the tree and offers typed reads and writes; [`catalog`] lists every key
//! with its encoding, its bound, who writes it and since which storage version, and is the source of
//! `docs/layout.md` and `docs/layout.json`. The node reads and writes the same keys through this crate.
//!
//! ```text
//! /base         what stage 1 and the operators of the rollup need: parameters, authority, the clock of
//!               the layer 1, blueprints that wait, slots that are imported, the delayed inbox, the queue of a rollup without
//!               sequencer, what governance announced, a block in the making, the events of the level, how far the
//!               messages to the layer 1 have come
//! /evm/world    what a block changes: accounts, code, head, the body of the last block,
//!               messages to the layer 1
//! /upgrade      a change of kernels on its way, and what to go back to
//! /node         what a node and its kernel say to each other; on the layer 1 nobody reads or writes it
//! /tmp/world    a copy of it while a block is being flushed; moved back in one step when it is whole
//! ```
//!
//! **Bounds**: every value has a largest size, checked when it is read. **Failure**: [`LayoutError`] tells a
//! value that does not decode from a host that refuses; an absent value is `None`, never a default.
//! **Deliberately unknown**: what the values mean for a block or a message.

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

pub mod attempt;
pub mod blueprints;
pub mod catalog;
pub mod clock;
mod codec;
pub mod dal;
pub mod delayed;
mod error;
pub mod events;
pub mod governance;
mod key;
pub mod node;
pub mod outbox;
pub mod parameters;
pub mod progress;
pub mod pvm;
pub mod queue;
pub mod scratch;
pub mod sequencers;
pub mod settled;
pub mod upgrade;
pub mod version;
pub mod world;

pub use error::LayoutError;
pub use key::{Key, Value};

#[cfg(test)]
mod tests;
