//! Transactions as users sign them (EIP-2718): legacy with and without EIP-155, access list (EIP-2930),
//! dynamic fee (EIP-1559), set code (EIP-7702); and the pseudo-transaction that stands for a deposit in a block.

mod authorization;
mod decode;
mod deposit;
mod encode;
mod recovery;
mod shape;

pub use authorization::Authorization;
pub use decode::DecodeError;
pub use deposit::{DEPOSIT_SENDER, Deposit};
pub(crate) use recovery::recover_address;
pub use recovery::{RecoverError, Recovered};
pub use shape::Shape;
pub(crate) use shape::Upfront;

use alloc::vec::Vec;
use millrace_primitives::{Address, Gas, H256, TransactionHash, U256};

/// Largest encoding of a transaction that is looked at: what Ethereum's own pools take. It bounds the call
/// data and the access list too.
pub const TRANSACTION_BYTES_MAX: usize = 128 * 1024;

/// Half of the order of secp256k1, rounded down: the largest `s` (EIP-2).
const S_MAX: U256 =
    U256([0xdfe9_2f46_681b_20a0, 0x5d57_6e73_57a4_501d, 0xffff_ffff_ffff_ffff, 0x7fff_ffff_ffff_ffff]);

/// The order of secp256k1.
const ORDER: U256 =
    U256([0xbfd2_5e8c_d036_4141, 0xbaae_dce6_af48_a03b, 0xffff_ffff_ffff_fffe, 0xffff_ffff_ffff_ffff]);

/// The envelope of a transaction.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum TransactionType {
    /// No envelope: the oldest form.
    Legacy,
    /// EIP-2930.
    AccessList,
    /// EIP-1559.
    DynamicFee,
    /// EIP-7702.
    SetCode,
}

impl TransactionType {
    /// The type byte of EIP-2718; 0 for legacy.
    pub const fn byte(self) -> u8 {
        match self {
            Self::Legacy => 0,
            Self::AccessList => 1,
            Self::DynamicFee => 2,
            Self::SetCode => 4,
        }
    }
}

/// An address that a transaction declares it will touch, with slots of its storage (EIP-2930).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AccessListItem {
    /// The account.
    pub address: Address,
    /// Slots of its storage.
    pub storage_keys: Vec<H256>,
}

/// What a user asks for: a transaction without its signature.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Transaction {
    /// Its envelope.
    pub transaction_type: TransactionType,
    /// The chain it is meant for; `None` in a legacy transaction from before EIP-155, valid on every chain.
    pub chain_id: Option<U256>,
    /// Number of transactions its sender sent before.
    pub nonce: u64,
    /// Most gas it may use, the part for data availability included.
    pub gas_limit: Gas,
    /// Most wei it pays for a unit of gas; the gas price of the types before EIP-1559.
    pub max_fee_per_gas: U256,
    /// Most of that which may go to the block producer; the gas price of the types before EIP-1559.
    pub max_priority_fee_per_gas: U256,
    /// The account it calls; `None` when it creates a contract.
    pub to: Option<Address>,
    /// In wei.
    pub value: U256,
    /// Call data, or the code that makes the new contract.
    pub data: Vec<u8>,
    /// Empty in legacy transactions.
    pub access_list: Vec<AccessListItem>,
    /// Only in transactions that set code.
    pub authorizations: Vec<Authorization>,
}

/// An ECDSA signature on secp256k1 from which the key is recovered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Signature {
    /// Horizontal coordinate of the nonce point, modulo the order: 1 to order - 1.
    pub r: U256,
    /// 1 to half the order (EIP-2).
    pub s: U256,
    /// Whether the vertical coordinate of the nonce point is odd.
    pub y_parity: bool,
}

impl Signature {
    /// Whether `r` and `s` are numbers that a signature can have; `s` in either half.
    pub(crate) fn is_in_range(&self) -> bool {
        !self.r.is_zero() && !self.s.is_zero() && self.r < ORDER && self.s < ORDER
    }
}

/// A decoded transaction: well formed, its sender not yet known.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignedTransaction {
    transaction: Transaction,
    signature: Signature,
    hash: TransactionHash,
    signing_hash: H256,
}

impl SignedTransaction {
    /// What is asked for.
    pub const fn transaction(&self) -> &Transaction {
        &self.transaction
    }

    /// Who says so.
    pub const fn signature(&self) -> &Signature {
        &self.signature
    }

    /// Keccak-256 of the encoding.
    pub const fn hash(&self) -> TransactionHash {
        self.hash
    }

    /// Keccak-256 of what was signed.
    pub const fn signing_hash(&self) -> H256 {
        self.signing_hash
    }
}

impl Transaction {
    /// Wei paid for a unit of gas when the base fee is this: no part goes to a block producer, whatever the
    /// type, so it is the base fee.
    pub const fn effective_gas_price(&self, base_fee: U256) -> U256 {
        base_fee
    }

    /// Wei paid for a unit of gas where tips are paid (EIP-1559).
    pub(crate) fn price_with_tip(&self, base_fee: U256) -> U256 {
        base_fee.saturating_add(self.max_priority_fee_per_gas).min(self.max_fee_per_gas)
    }
}
