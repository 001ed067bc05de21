//! Accounts that the node signs for: on a chain for development, whose keys are known to the whole world.

use crate::call::Authorization;
use millrace_primitives::{Address, Gas, H256, U256};

/// What a sender asks for, filled in and not signed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UnsignedTransaction {
    /// The chain it is meant for.
    pub chain_id: U256,
    /// Transactions that the sender sent before.
    pub nonce: u64,
    /// What it pays; decides on the type too.
    pub price: Price,
    /// Most gas it may use.
    pub gas: Gas,
    /// The callee; `None` creates a contract.
    pub to: Option<Address>,
    /// In wei.
    pub value: U256,
    /// The input.
    pub data: Vec<u8>,
    /// Addresses and storage keys of EIP-2930.
    pub access_list: Vec<(Address, Vec<H256>)>,
    /// Delegations of EIP-7702: with any, a transaction of that type.
    pub authorizations: Vec<Authorization>,
}

/// What a transaction pays for a unit of gas, in wei.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Price {
    /// This: a legacy transaction (EIP-155), or with an access list one of EIP-2930.
    Fixed(U256),
    /// The base fee and a tip (EIP-1559).
    Dynamic {
        /// The most in all.
        fee_max: U256,
        /// The most above the base fee.
        tip_max: U256,
    },
}

/// Who holds the keys. Signing is quick: it is done wherever the request is.
pub trait Wallet: Send + Sync {
    /// The accounts, in the order in which they are shown.
    fn accounts(&self) -> Vec<Address>;

    /// The EIP-2718 bytes of a transaction that `address` signed; `None` when it is none of the accounts.
    fn sign(&self, address: Address, transaction: &UnsignedTransaction) -> Option<Vec<u8>>;

    /// The signature of `address` on a digest: `r`, `s`, and 27 or 28 by the parity; `None` when it is none of
    /// the accounts.
    fn sign_digest(&self, address: Address, digest: H256) -> Option<[u8; 65]>;
}
