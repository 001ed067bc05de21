//! The JSON-RPC of a node: Ethereum's methods over HTTP and websocket on one port.
//!
//! It stands on top of the node: everything it answers it asks of a [`Chain`], which the node implements.
//! It owns the outside of the conversation: the wire forms of numbers, blocks, transactions and logs, the
//! error codes that wallets recognise, filters, subscriptions, and the limits that keep one caller from
//! starving the others.
//!
//! **Bounds**: all in [`RpcConfig`], each with a named default. Reads, searches and executions run on the
//! blocking threads, so many of each together and each for so long; a subscriber that does not keep up is
//! dropped with an error and its connection closed. **Failure**: every bad request has a typed JSON-RPC error
//! that says which argument was wrong; none stops the server. **Deliberately unknown**: execution, storage, the
//! pool, the layer 1, keys and signatures: a transaction is decoded here only to be shown.
//!
//! The forms of replies are those of the Ethereum execution API's OpenRPC description; the feature
//! `conformance` checks any reply against that file. `docs/rpc.md` is what users read.

mod api;
mod arguments;
mod bloom;
mod blueprints;
mod call;
mod call_argument;
mod chain;
pub mod config;
#[cfg(feature = "conformance")]
pub mod conformance;
mod connection;
mod error;
mod filter;
mod gate;
mod governance;
mod hexadecimal;
mod methods;
mod middleware;
mod override_argument;
mod polling;
mod reply;
mod search;
mod server;
mod simulation;
mod subscriptions;
mod trace_argument;
mod trace_reply;
mod transaction;
mod wallet;

pub use blueprints::{Blueprints, Premise, SignedBlueprint};
pub use call::{
    AccountOverride, Authorization, BlockOverrides, Call, CallRequest, Cancel, Overrides, Stage,
    StorageOverride, TraceRequest,
};
pub use chain::{
    BlockTag, CallError, Chain, ChainError, Fees, ListedCall, PooledTransaction, Refusal, SealedBlock,
    SealedHeader, Submission, SubmitError, SyncProgress, TransactionPosition,
};
pub use config::{Clock, Cors, RpcConfig, monotonic_clock};
pub use governance::{AnnouncedAuthority, AnnouncedUpgrade, AuthorityStatus, UpgradesStatus};
pub use server::{RpcServer, start};
pub use simulation::{
    BlockRequest, SimulateError, SimulatedBlock, SimulatedCall, SimulatedFailure, SimulationRequest,
};
pub use wallet::{Price, UnsignedTransaction, Wallet};

/// Name, version, platform and compiler of this program, in the form of go-ethereum: what a node answers to
/// `web3_clientVersion`, as `Millrace/v0.1.0/linux-x86_64/rust1.95.0`.
pub const CLIENT_VERSION: &str =
    concat!("Millrace/v", env!("CARGO_PKG_VERSION"), "/", env!("MILLRACE_PLATFORM"));
