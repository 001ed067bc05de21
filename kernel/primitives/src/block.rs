//! What a block consists of, as plain data. Ethereum's encodings and hashes of it are in `evm`, its
//! durable encodings in `layout`.

use crate::{Address, BlockHash, BlockNumber, Gas, H256, Timestamp, U256};
use alloc::vec::Vec;

/// Keccak-256 of nothing: the code hash of an account without code.
pub const EMPTY_CODE_HASH: H256 = H256([
    0xc5, 0xd2, 0x46, 0x01, 0x86, 0xf7, 0x23, 0x3c, 0x92, 0x7e, 0x7d, 0xb2, 0xdc, 0xc7, 0x03, 0xc0, 0xe5,
    0x00, 0xb6, 0x53, 0xca, 0x82, 0x27, 0x3b, 0x7b, 0xfa, 0xd8, 0x04, 0x5d, 0x85, 0xa4, 0x70,
]);

/// The 2,048-bit filter of the addresses and topics of some logs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bloom(pub [u8; 256]);

impl Default for Bloom {
    fn default() -> Self {
        Self([0; 256])
    }
}

/// An account, its storage and code apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Account {
    /// Number of transactions sent, or of contracts created.
    pub nonce: u64,
    /// In wei.
    pub balance: U256,
    /// Keccak-256 of the code; [`EMPTY_CODE_HASH`] when there is none.
    pub code_hash: H256,
}

impl Default for Account {
    fn default() -> Self {
        Self { nonce: 0, balance: U256::zero(), code_hash: EMPTY_CODE_HASH }
    }
}

impl Account {
    /// Empty in the sense of EIP-161: indistinguishable from an account that does not exist.
    pub fn is_empty(&self) -> bool {
        self.nonce == 0 && self.balance.is_zero() && self.code_hash == EMPTY_CODE_HASH
    }
}

/// An event that a contract emitted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Log {
    /// The contract.
    pub address: Address,
    /// At most four.
    pub topics: Vec<H256>,
    /// The rest.
    pub data: Vec<u8>,
}

/// The fields of an Ethereum header (Cancun), less those that are constant on a rollup: no ommers, no
/// difficulty, no withdrawals, no blobs, zero nonce and mix hash.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Header {
    /// Hash of the parent header; all zero in the genesis block.
    pub parent_hash: BlockHash,
    /// Receives the fees: the pool of the sequencer.
    pub beneficiary: Address,
    /// The commitment to the state after this block (formula: `docs/state-root.md`).
    pub state_root: H256,
    /// Ordered trie of the encoded transactions.
    pub transactions_root: H256,
    /// Ordered trie of the encoded receipts.
    pub receipts_root: H256,
    /// Union of the blooms of the receipts.
    pub logs_bloom: Bloom,
    /// Number of this block.
    pub number: BlockNumber,
    /// Most gas that the transactions of this block may use together.
    pub gas_limit: Gas,
    /// Gas that they did use.
    pub gas_used: Gas,
    /// When the sequencer made it.
    pub timestamp: Timestamp,
    /// Wei that every transaction of this block paid per gas.
    pub base_fee_per_gas: U256,
}

/// What became of a transaction. The first four fields are Ethereum's receipt.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Receipt {
    /// EIP-2718 type of the transaction; 0 for legacy and for deposits.
    pub transaction_type: u8,
    /// False when it reverted or ran out of gas.
    pub succeeded: bool,
    /// Gas used in the block up to and with this transaction.
    pub cumulative_gas_used: Gas,
    /// In order; empty when it failed.
    pub logs: Vec<Log>,
    /// Gas used by this transaction, the part for data availability included.
    pub gas_used: Gas,
    /// Wei paid per gas.
    pub effective_gas_price: U256,
    /// Who signed it.
    pub sender: Address,
    /// The address of the contract it created, if it did.
    pub created: Option<Address>,
}

/// A block with all that happened in it. `transactions` and `receipts` have the same length and order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Block {
    /// Its header.
    pub header: Header,
    /// Each transaction as it is hashed (EIP-2718); a deposit is a legacy transaction of zero signature.
    pub transactions: Vec<Vec<u8>>,
    /// Their receipts.
    pub receipts: Vec<Receipt>,
}
