//! Fuzzing of what strangers can send to the kernel.
//!
//! Each case starts from a valid message, which is then damaged as a hostile sender would: fields set to
//! extreme values, parts cut, doubled, exchanged with another message. The targets are
//!
//! * [`parsers`]: every decoder of `wire`; what decodes must encode to something that decodes to the same;
//! * [`stage_one`]: the whole of stage 1; only what is authentic may be written, and whatever was sent
//!   before, the real blueprint still gets through.
//!
//! It runs on stable Rust for a bounded time, see [`Session`]; the same seed gives the same cases.
//! **Bounds**: the time of the session. **Failure**: a panic, after printing the seed of the case.
//! **Deliberately unknown**: coverage; the mutations know the formats instead.

mod mutation;
pub mod parsers;
mod seeds;
mod session;
pub mod stage_one;

pub use session::{Report, Session};
