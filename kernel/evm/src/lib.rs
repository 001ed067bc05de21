//! The EVM of the rollup: SputnikVM (the `evm` crate) completed.
//!
//! It decodes transactions and recovers their senders ([`transaction`]), executes them one by one over a
//! cached state ([`state`], [`execute`]), and makes Ethereum's encodings and hashes of the result
//! ([`block`], [`trie`]). What goes back to the layer 1 leaves through the bridges in [`system`], where a sequencer can also ask
//! for another key. Between `primitives` and the crates that make blocks; the same code runs in the
//! kernel, in the node and under test.
//!
//! **Bounds**: a transaction has at most [`transaction::TRANSACTION_BYTES_MAX`] bytes; an execution uses at
//! most [`fees::Fees::execution_gas_limit_max`] gas; calls nest 1,024 deep on the heap, a handful of frames
//! on the stack of the machine; gas bounds everything else.
//! **Failure**: bytes that are no transaction are a [`transaction::DecodeError`], a transaction that may not
//! be in a block is [`execute::Invalid`], one that fails has an [`execute::Outcome`], and a state that
//! cannot be read is the error of the reader. Nothing is changed but by an outcome. Nothing panics.
//! **Deliberately unknown**: hosts, durable paths, how blocks are put together, and of the formats of the layer 1 all but
//! the names of its accounts and how long a message gets.

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

pub mod block;
pub mod execute;
pub mod fees;
mod fork;
mod keccak;
mod machine;
pub mod precompile;
pub mod rlp;
pub mod state;
pub mod system;
pub mod trace;
pub mod transaction;
pub mod trie;

pub use execute::{
    BlockEnvironment, Call, CallOutcome, EstimateError, Estimation, Halt, Invalid, Outcome, TransactionError,
    created_address, estimate, perform, simulate, simulate_traced, transact, transact_traced,
    transact_unsigned,
};
pub use fees::Fees;
pub use keccak::keccak;
pub use millrace_primitives::Fork;
pub use precompile::is_precompile;
pub use state::{AccountChange, Changes, ChangesError, CreditError, State, StateReader};
pub use trace::{NoTracer, Tracer};
pub use transaction::{
    AccessListItem, Authorization, DEPOSIT_SENDER, DecodeError, Deposit, RecoverError, Recovered, Shape,
    Signature, SignedTransaction, TRANSACTION_BYTES_MAX, Transaction, TransactionType,
};
