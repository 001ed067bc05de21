//! The units and names of the field, as types.
//!
//! Every other crate of the kernel stands on this one. A level of the layer 1, a block number of the
//! rollup, an amount of gas and a timestamp are all integers, and mixing them up is the cheapest way to
//! fork a chain: here each is a type of its own, with no conversion that happens by itself.
//!
//! **Bounds**: units and hashes are fixed-size; the parts of a block are as large as their maker lets them be. **Failure**: arithmetic is checked and answers
//! `None`; nothing here panics. **Deliberately unknown**: encodings, storage, the EVM.

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

mod block;
mod fork;
mod hashes;
mod units;

pub use block::{Account, Block, Bloom, EMPTY_CODE_HASH, Header, Log, Receipt};
pub use fork::Fork;
pub use hashes::{
    Blake2bHash, BlockHash, ContractHash, L1Account, PreimageHash, RollupAddress, TransactionHash,
};
pub use primitive_types::{H160, H256, U256};
pub use units::{BlockNumber, Epoch, Gas, L1Level, Mutez, Ticks, Timestamp, Wei};

/// An account of the rollup: 20 bytes, as in Ethereum.
pub type Address = H160;
