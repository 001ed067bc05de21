//! The decisions of a sequencer, as state machines without a clock, a network or a disk.
//!
//! The shell (`millrace-node`) feeds them what happened and the time at which it happened, and does what
//! they answer. Because nothing here waits or reads anything, a test drives hours of outages in
//! milliseconds, and the same inputs always give the same decisions.
//!
//! ```text
//! transactions ──▶ Pool ──selection──▶ Producer ──block──▶ Publisher ──blueprints──▶ layer 1
//!                                         ▲  ▲                 │ ▲                      │
//!                                         │  └── pressure ─────┘ └──── confirmed ── Follower
//!                                         └────────── stopped by a divergence ────────┘
//! ```
//!
//! * [`pool`]: which transactions wait, which of them a block takes.
//! * [`producer`]: when a block is made and which timestamp it has.
//! * [`isolation`]: which transaction is to blame when no block can be made of a selection.
//! * [`publisher`]: which blueprints are handed to the batcher, and again if they get lost; how far the
//!   local head may run ahead of the confirmed one.
//! * [`follower`]: whether the chain that the rollup node confirms is the chain that was built here, and which
//!   differences have a cause that the node can go on from.
//! * [`schedule`]: whether it is this node's turn to order transactions, and with which key.
//!
//! **Bounds**: [`pool::Limits`], [`publisher::Limits`]. **Failure**: a
//! refused transaction has a typed reason; a divergence is a value that stops production for good. Nothing
//! panics. **Deliberately unknown**: execution (the caller says what a transaction costs and what became of
//! it), signatures, encodings, sockets, files.

pub mod follower;
pub mod isolation;
pub mod pool;
pub mod producer;
pub mod publisher;
pub mod schedule;
mod time;

pub use time::Moment;
