//! The JSON-RPC of a node: Ethereum's methods over HTTP and websocket on one port.
//!
//! It stands on top of the node: everything it answers it asks of a [`Chain`], which the node implements.
//! It owns the outside of the conversation: the wire forms of numbers, blocks, transactions and logs, the
//! error codes that wallets recognise, filters, subscriptions, and the limits that keep one caller from
//! starving the others.
//!
//! **Bounds**: all in [`RpcConfig`], each with a named default. Calls that execute or scan run on the
//! blocking threads, at most [`RpcConfig::heavy_calls_max`] together; a subscriber that does not keep up is
//! dropped with an error. **Failure**: every bad request has a typed JSON-RPC error that says which argument
//! was wrong; none stops the server. **Deliberately unknown**: execution, storage, the pool, the layer 1,
//! signatures: a transaction is decoded here only to be shown.
//!
//! The forms of replies are those of the Ethereum execution API's OpenRPC description; the feature
//! `conformance` checks any reply against that file.

mod api;
mod arguments;
mod bloom;
mod chain;
pub mod config;
#[cfg(feature = "conformance")]
pub mod conformance;
mod error;
mod filter;
mod heavy;
mod hexadecimal;
mod methods;
mod middleware;
mod polling;
mod reply;
mod server;
mod subscriptions;
mod transaction;

pub use chain::{
    BlockTag, Call, CallError, Chain, ChainError, Fees, PooledTransaction, Refusal, SealedBlock,
    SealedHeader, Submission, SubmitError, SyncProgress, TransactionPosition,
};
pub use config::{Clock, Cors, RpcConfig, monotonic_clock};
pub use server::{RpcServer, start};
