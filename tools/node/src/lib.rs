//! The node: the shell around the state machines of `millrace-sequencing`.
//!
//! ```text
//!  JSON-RPC ── Chain ──▶ pool ──▶ sequencer task ──▶ block (a blocking thread) ──▶ database
//!                 ▲                │     ▲     │                                      │
//!                 └── snapshots ◀──┘     │     └──▶ hand-over task ──▶ batcher ◀──────┘
//!                                        └── layer-1 task ◀── blocks of the rollup node
//! ```
//!
//! One task owns the local head. It asks the machines what to do, makes a block on a blocking thread through
//! the engine, writes block, blueprint and state in one durable transaction, and only then shows the block
//! and hands the blueprint to the batcher: whatever a client saw a receipt for survives any crash. Another
//! task reads the confirmed head at every level and compares the hash of each block with the local one. A difference
//! whose cause is known (the authority changed, the kernel forced a block, an upgrade fell elsewhere) unwinds the local chain
//! and takes over the rollup node's; any other stops production for good, also after a restart. The same task learns what
//! the layer 1 decides: who orders transactions, and until when; a node that does not, stands by and follows. [`Node::stop`] ends all of it in order, and a start after
//! that, or after a crash, goes on from the database. One more task fetches the pages of announced kernels, and one asks
//! upstreams for blueprints while others order, if there are any ([`NodeConfig::upstreams`]).
//!
//! **Bounds**: [`NodeConfig`] and the limits in it; one block and one hand-over at a time; states of recent
//! blocks only ([`Retention`]). **Failure**: [`NodeError`] at the start; afterwards [`Status`]
//! says why no block is made, while reads go on. **Deliberately unknown**: execution (the engine), the wire
//! forms of JSON-RPC, which rollup node this is.

mod blueprint;
mod chain;
mod config;
mod database;
mod error;
mod gathered;
mod import;
mod layer1;
mod node;
mod publication;
mod sequencer;
mod shared;
mod successors;
mod takeover;
mod time;
mod upstream;

pub use chain::{DevelopmentKeys, InvalidKey};
pub use config::{Genesis, HANDOVER_MARGIN_S, NodeConfig, Retention};
pub use error::NodeError;
pub use millrace_engine::{ForeignKernel, SOURCES, SOURCES_MARK, check_kernel};
pub use millrace_rpc::{Cors, RpcConfig, SealedBlock};
pub use node::Node;
pub use shared::{Heads, Reorganisation, Status};
