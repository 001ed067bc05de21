//! The layer 1 as seen from the rollup: a client of the rollup node, and a sandbox that stands in for
//! layer 1 and rollup node together.
//!
//! * [`client`] speaks the HTTP RPC of Octez's smart rollup node: durable storage of a block, the batcher,
//!   the stream of blocks. It is the only way by which the rest of Millrace reads confirmed state.
//! * [`control`] makes things happen on the layer 1 of a sandbox, over HTTP.
//! * [`sandbox`] produces levels, keeps an inbox, runs the kernel of the rollup in the PVM level by level,
//!   and serves the same RPC on a loopback port. Against a real network only the endpoint differs.
//!
//! **Bounds**: answers, streams, request bodies, messages, the mempool and the states kept in memory all
//! have a named limit ([`client::RollupNodeConfig`], [`sandbox::limits`]). **Failure**: the client tells
//! refused, timed out, answered with a status and undecodable apart; the sandbox stops following and says
//! why, and never guesses: a level is on disk before anybody sees it. **Deliberately unknown**: what the
//! kernel does with a message and what its durable keys mean; JSON-RPC; the sequencer.

pub mod client;
pub mod control;
pub mod sandbox;
mod text;

pub use text::{
    CommitmentHash, InboxHash, InboxWitness, L1BlockHash, MessageId, NotAName, OperationHash, StateHash,
};
