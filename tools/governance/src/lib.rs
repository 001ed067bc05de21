//! What somebody needs who decides about a rollup: payloads in and out of all their forms, what they will do, whether a
//! proposed kernel is sound, and what an upgrade does to a copy of the real state.
//!
//! * [`payload`], [`spelling`], [`explain`]: bytes ↔ decisions ↔ words;
//! * [`check`]: the pages of a kernel and what they make up;
//! * [`rehearsal`]: levels of a rollup replayed with and without the upgrade, in our PVM.
//!
//! **Bounds**: texts of [`micheline::TEXT_BYTES_MAX`]; kernels as the kernel itself bounds them; a rehearsal replays the
//! levels it is given. **Failure**: [`PayloadError`] tells text, shape and what the kernel refuses apart; a kernel that is
//! no good is a [`check::Fault`] or a [`rehearsal::Verdict`], not an error. **Deliberately unknown**: where states,
//! messages and pages come from; whether a vote is on; files, the network, the clock.

mod canonical;
pub mod check;
pub mod explain;
pub mod micheline;
pub mod pages;
pub mod payload;
pub mod rehearsal;
pub mod spelling;
pub mod time;

pub use payload::{Payload, PayloadError};

#[cfg(test)]
mod tests;
