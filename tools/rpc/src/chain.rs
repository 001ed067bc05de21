//! What the methods ask of the node.

use crate::blueprints::Blueprints;
use crate::call::{CallRequest, TraceRequest};
use crate::governance::{AuthorityStatus, UpgradesStatus};
use crate::simulation::{SimulateError, SimulatedBlock, SimulationRequest};
use crate::wallet::Wallet;
use millrace_primitives::{
    Account, Address, Block, BlockHash, BlockNumber, Bloom, Gas, H256, Header, PreimageHash, TransactionHash,
    U256,
};
use millrace_trace::{AccessList, Trace, Watch};
use std::future::Future;
use std::ops::RangeInclusive;
use std::pin::Pin;
use std::sync::Arc;
use tokio::sync::broadcast;

/// A block with the names of what is in it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SealedBlock {
    /// Its hash.
    pub hash: BlockHash,
    /// The block.
    pub block: Block,
    /// The hashes of its transactions, in order.
    pub transaction_hashes: Vec<TransactionHash>,
}

/// A header with its hash.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SealedHeader {
    /// Its hash.
    pub hash: BlockHash,
    /// The header.
    pub header: Header,
}

/// A block named by its place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BlockTag {
    /// The first block.
    Earliest,
    /// The last block whose level of the layer 1 is final.
    Finalized,
    /// The last block that the rollup node executed from the layer 1 to the same hash.
    Safe,
    /// The last block of this node.
    Latest,
    /// What would come next; the last block, wherever there is nothing better.
    Pending,
}

/// Where a transaction is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TransactionPosition {
    /// The block.
    pub number: BlockNumber,
    /// The index in the block, from 0.
    pub index: u32,
}

/// A transaction that waits for a block.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PooledTransaction {
    /// Its hash.
    pub hash: TransactionHash,
    /// Who signed it.
    pub sender: Address,
    /// Its nonce.
    pub nonce: u64,
    /// Its EIP-2718 encoding.
    pub raw: Vec<u8>,
    /// Whether the next block could take it: false behind a gap in the nonces of its sender.
    pub executable: bool,
}

/// Prices for the next block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fees {
    /// Wei per gas that a wallet should offer to be included soon.
    pub gas_price: U256,
    /// The base fee of the next block if it were made now, in wei per gas.
    pub base_fee_next: U256,
}

/// How far a node that catches up has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SyncProgress {
    /// Where it started.
    pub starting: BlockNumber,
    /// Where it is.
    pub current: BlockNumber,
    /// Where the chain is.
    pub highest: BlockNumber,
}

/// Why the node cannot answer.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChainError {
    /// The state after that block is no longer kept.
    #[error("the state after block {0} is not available on this node")]
    StateUnavailable(BlockNumber),
    /// The node is not able to do this now: it starts, stops, or stopped producing. Shown to the caller.
    #[error("{0}")]
    Unavailable(String),
    /// A fault of the node. Logged; the caller learns only that it happened.
    #[error("{0}")]
    Internal(String),
}

/// Why a transaction was refused. The texts are those of go-ethereum, which wallets recognise.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// It does not decode; what was wrong.
    #[error("transaction could not be decoded: {0}")]
    Undecodable(String),
    /// Its EIP-2718 type is not supported.
    #[error("transaction type not supported")]
    TypeNotSupported,
    /// Its signature gives no sender.
    #[error("invalid sender")]
    InvalidSender,
    /// It is meant for another chain.
    #[error("invalid chain id for signer: have {have} want {want}")]
    WrongChain {
        /// Its chain id.
        have: U256,
        /// The chain id of this chain.
        want: U256,
    },
    /// A later transaction of the sender is already in a block.
    #[error("nonce too low: next nonce {next}, tx nonce {nonce}")]
    NonceTooLow {
        /// The nonce that the sender must use next.
        next: u64,
        /// The nonce of the transaction.
        nonce: u64,
    },
    /// Too far ahead of the account to be kept.
    #[error("nonce too high: next nonce {next}, tx nonce {nonce}")]
    NonceTooHigh {
        /// The nonce that the sender must use next.
        next: u64,
        /// The nonce of the transaction.
        nonce: u64,
    },
    /// The sender cannot pay.
    #[error("insufficient funds for gas * price + value: balance {balance}, tx cost {cost}")]
    InsufficientFunds {
        /// In wei.
        balance: U256,
        /// In wei.
        cost: U256,
    },
    /// The gas limit does not cover what every transaction costs, data availability included.
    #[error("intrinsic gas too low: gas {have}, minimum needed {want}")]
    IntrinsicGasTooLow {
        /// The gas limit.
        have: Gas,
        /// The least that would do.
        want: Gas,
    },
    /// The gas limit is above what a transaction may use.
    #[error("exceeds block gas limit: gas {have}, maximum {max}")]
    GasLimitTooHigh {
        /// The gas limit.
        have: Gas,
        /// The most that would do.
        max: Gas,
    },
    /// It offers less than the base fee.
    #[error("max fee per gas less than block base fee: maxFeePerGas: {offered}, baseFee: {base_fee}")]
    FeeTooLow {
        /// In wei per gas.
        offered: U256,
        /// In wei per gas.
        base_fee: U256,
    },
    /// It offers a tip above its whole fee.
    #[error("max priority fee per gas higher than max fee per gas")]
    TipAboveFee,
    /// It is too large.
    #[error("oversized data: transaction size {size_bytes}, limit {size_bytes_max}")]
    TooLarge {
        /// The size of its encoding.
        size_bytes: usize,
        /// The most that is accepted.
        size_bytes_max: usize,
    },
    /// The code that would create the contract is too large (EIP-3860).
    #[error("max initcode size exceeded: code size {size_bytes}, limit {size_bytes_max}")]
    InitCodeTooLarge {
        /// Its size.
        size_bytes: usize,
        /// The most that is accepted.
        size_bytes_max: usize,
    },
    /// The sender is a contract (EIP-3607).
    #[error("sender not an eoa: address {0:?}")]
    SenderNotEoa(Address),
    /// The pool has it.
    #[error("already known")]
    AlreadyKnown,
    /// The pool has another one of this nonce, and this one does not offer enough more.
    #[error("replacement transaction underpriced")]
    ReplacementUnderpriced,
    /// The pool is full and this one offers too little.
    #[error("txpool is full")]
    PoolFull,
    /// The sender has too many transactions in the pool.
    #[error("account limit exceeded: sender {0:?} has too many pending transactions")]
    AccountLimit(Address),
    /// The initialisation code is too long (EIP-3860).
    #[error("max initcode size exceeded")]
    InitcodeTooLarge,
    /// Another reason, in words.
    #[error("{0}")]
    Other(String),
}

/// Why a transaction was not taken.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SubmitError {
    /// The transaction is not acceptable.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The node is not able to take one.
    #[error(transparent)]
    Chain(#[from] ChainError),
}

/// Why a call has no result.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CallError {
    /// It reverted.
    #[error("execution reverted")]
    Reverted {
        /// What it gave back.
        output: Vec<u8>,
    },
    /// It failed otherwise: out of gas, an invalid instruction…
    #[error("{0}")]
    Halted(String),
    /// It could not start: funds, gas limit, fee.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Its trace is larger than a record may be.
    #[error("the trace is too large")]
    TraceTooLarge,
    /// Nobody waits for it any more ([`crate::Cancel`]).
    #[error("the call was interrupted")]
    Interrupted,
    /// The node is not able to run it.
    #[error(transparent)]
    Chain(#[from] ChainError),
}

/// An access list, and what becomes of the call with it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListedCall {
    /// What the call touches and is cold without the list.
    pub access_list: AccessList,
    /// Why it failed, when it did.
    pub error: Option<String>,
    /// Gas that it used, data availability included.
    pub gas_used: Gas,
}

/// The answer to a submitted transaction, when the pool has it.
pub type Submission<'a> = Pin<Box<dyn Future<Output = Result<TransactionHash, SubmitError>> + Send + 'a>>;

/// The chain as the methods see it. Implemented by the node.
///
/// Reads must be cheap enough for an async thread (memory, or an embedded database); [`Chain::call`],
/// [`Chain::estimate`] and [`Chain::blocks_with_bloom`] may take long and are called on blocking threads. The
/// first two get a [`crate::Cancel`]; the last is asked for [`crate::config::BLOOM_BLOCKS_MAX`] blocks at most.
pub trait Chain: Send + Sync + 'static {
    /// The chain id. Constant.
    fn chain_id(&self) -> U256;

    /// Name, version, platform and compiler, as [`crate::CLIENT_VERSION`]. Constant.
    fn client_version(&self) -> String;

    /// Receives the fees of the next block.
    fn coinbase(&self) -> Address;

    /// The number of the block that a tag stands for; the genesis block for a confirmation not yet had.
    fn number_of_tag(&self, tag: BlockTag) -> BlockNumber;

    /// The number of the block of this hash.
    ///
    /// # Errors
    /// The node cannot tell.
    fn number_of_hash(&self, hash: BlockHash) -> Result<Option<BlockNumber>, ChainError>;

    /// A block. The last ones are asked for most: they should be in memory.
    ///
    /// # Errors
    /// The node cannot tell.
    fn block(&self, number: BlockNumber) -> Result<Option<Arc<SealedBlock>>, ChainError>;

    /// A header.
    ///
    /// # Errors
    /// The node cannot tell.
    fn header(&self, number: BlockNumber) -> Result<Option<SealedHeader>, ChainError>;

    /// The blocks of a range, in order, whose bloom `accepts`. A block without logs may be left out.
    ///
    /// # Errors
    /// The node cannot tell.
    fn blocks_with_bloom(
        &self,
        range: RangeInclusive<BlockNumber>,
        accepts: &dyn Fn(&Bloom) -> bool,
    ) -> Result<Vec<BlockNumber>, ChainError>;

    /// Where a transaction is, once it is in a block.
    ///
    /// # Errors
    /// The node cannot tell.
    fn position(&self, hash: TransactionHash) -> Result<Option<TransactionPosition>, ChainError>;

    /// An account after a block; the default one when there is none.
    ///
    /// # Errors
    /// The node cannot tell.
    fn account(&self, at: BlockNumber, address: Address) -> Result<Account, ChainError>;

    /// A word of the storage of a contract after a block.
    ///
    /// # Errors
    /// The node cannot tell.
    fn storage(&self, at: BlockNumber, address: Address, key: H256) -> Result<H256, ChainError>;

    /// The code of a contract after a block.
    ///
    /// # Errors
    /// The node cannot tell.
    fn code(&self, at: BlockNumber, address: Address) -> Result<Vec<u8>, ChainError>;

    /// The root of the pages of the kernel that made a block; `None` for the one that the rollup was originated with.
    ///
    /// # Errors
    /// The node cannot tell.
    fn kernel_root(&self, at: BlockNumber) -> Result<Option<PreimageHash>, ChainError>;

    /// Runs a call, and gives what it returns.
    ///
    /// # Errors
    /// It reverted, failed, could not start, or was interrupted.
    fn call(&self, request: &CallRequest) -> Result<Vec<u8>, CallError>;

    /// The gas limit with which a call would succeed as a transaction, data availability included.
    ///
    /// # Errors
    /// It would not succeed with any, or was interrupted.
    fn estimate(&self, request: &CallRequest) -> Result<Gas, CallError>;

    /// Executes transactions of a block again and records what is asked for: a trace for each, or for the only one.
    ///
    /// # Errors
    /// The state before the block is not kept, the traces are too large, or nobody waits for them any more.
    fn trace(&self, request: &TraceRequest) -> Result<Vec<Trace>, CallError>;

    /// Runs a call and records what is asked for.
    ///
    /// # Errors
    /// It could not start, its trace is too large, or it was interrupted.
    fn trace_call(&self, request: &CallRequest, watch: Watch) -> Result<Trace, CallError>;

    /// The access list that a call would have.
    ///
    /// # Errors
    /// It could not start, or was interrupted.
    fn access_list(&self, request: &CallRequest) -> Result<ListedCall, CallError>;

    /// Tries blocks out.
    ///
    /// # Errors
    /// They cannot be in this order, a call breaks a rule, or it was interrupted. A call that fails is no error.
    fn simulate(&self, request: &SimulationRequest) -> Result<Vec<SimulatedBlock>, SimulateError>;

    /// Prices for the next block.
    fn fees(&self) -> Fees;

    /// Checks a transaction and puts it in the pool. The future must not block its thread.
    fn submit(&self, raw: Vec<u8>) -> Submission<'_>;

    /// The nonce after all transactions of the sender that the pool could execute.
    ///
    /// # Errors
    /// The node cannot tell.
    fn pending_nonce(&self, address: Address) -> Result<u64, ChainError>;

    /// A transaction of the pool.
    fn pooled(&self, hash: TransactionHash) -> Option<PooledTransaction>;

    /// All transactions of the pool.
    fn pool(&self) -> Vec<PooledTransaction>;

    /// Announces each new block, after it can be read.
    fn subscribe_blocks(&self) -> broadcast::Receiver<Arc<SealedBlock>>;

    /// Announces each transaction that enters the pool.
    fn subscribe_pending(&self) -> broadcast::Receiver<TransactionHash>;

    /// How far the node has come; `None` when it is not behind.
    fn sync_progress(&self) -> Option<SyncProgress>;

    /// Who orders transactions; `None` before the rollup node was heard.
    fn authority(&self) -> Option<AuthorityStatus>;

    /// Which kernel runs and which are to come; `None` before the rollup node was heard.
    fn upgrades(&self) -> Option<UpgradesStatus>;

    /// The blueprints after the block `parent`, whose hash the asker has as `hash`: as many as go into a reply.
    ///
    /// # Errors
    /// The node cannot tell.
    fn blueprints(&self, parent: BlockNumber, hash: BlockHash) -> Result<Blueprints, ChainError>;

    /// The accounts that the node signs for. None, but on a chain for development.
    fn wallet(&self) -> Option<&dyn Wallet> {
        None
    }
}
