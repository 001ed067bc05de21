//! Stage 1: the inbox of a level becomes durable state.
//!
//! ```text
//! info per level                      -> clock of the layer 1; the events of the level before go
//! chunk of an authentic blueprint     -> header and certificate once, each piece once
//! deposit from the ticketer           -> item of the delayed inbox, and an event
//! anything else                       -> a reason on the debug output; not a byte is written
//! ```
//! A message is judged from cheap to expensive, see [`Reason`]. The dearest check is a signature: at most
//! one for a message, and one for all honest chunks of a blueprint.
//!
//! **Bounds**: [`Budget`] for a run, [`BLUEPRINTS_AHEAD_MAX`] for what waits, one header for each number.
//! **Failure**: an external message is a value, never an error; a message that meets a corrupt value or a
//! host that refuses is reported and left behind, because the messages after it must still be read.
//! [`InboxError`] is for what concerns the inbox as a whole.
//! **Deliberately unknown**: whether a blueprint makes a valid block, the EVM, reboots.

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
mod deposit;
mod reason;
#[cfg(any(test, feature = "scenario"))]
pub mod scenario;
mod stage;

pub use blueprint::BLUEPRINTS_AHEAD_MAX;
pub use reason::Reason;
pub use stage::{Budget, InboxError, Progress, Summary, read_inbox, read_inbox_within};

#[cfg(test)]
mod tests;
