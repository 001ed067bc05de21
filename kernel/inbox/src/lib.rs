//! Stage 1: the inbox of a level becomes durable state.
//!
//! ```text
//! info per level                      -> clock of the layer 1; the events of the level before go; a change of
//!                                        authority that is due takes effect
//! chunk of an authentic blueprint     -> header and certificate once, each piece once
//! deposit, transaction of the bridge  -> item of the delayed inbox, and an event
//! decision of governance              -> an upgrade or a change of authority that waits, and an event
//! transaction, without a sequencer    -> the queue
//! slots, signalled or attested         -> chunks of blueprints, read before the next message
//! anything else                       -> a reason on the debug output; not a byte is written
//! ```
//! A message is judged from cheap to expensive, see [`Reason`]. The dearest check is a signature: at most
//! one for a message, and one for all honest chunks of a blueprint.
//!
//! **Bounds**: the budget of a run ([`millrace_host::Budget`]), [`BLUEPRINTS_AHEAD_MAX`] for what waits, two headers for
//! each number.
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

mod authority;
mod blueprint;
mod cost;
mod dal;
mod delayed;
mod deposit;
mod governance;
mod legacy;
mod queue;
mod reason;
#[cfg(any(test, feature = "scenario"))]
pub mod scenario;
mod stage;

pub use blueprint::BLUEPRINTS_AHEAD_MAX;
pub use dal::{SlotFault, import::note_trap};
pub use reason::Reason;
pub use stage::{InboxError, Progress, Summary, read_inbox};

#[cfg(test)]
mod tests;
