//! A call that changes nothing, as the methods put it to the node: what is called, where it runs, what it
//! pretends, and how long somebody waits for it.

use millrace_primitives::{Address, BlockNumber, Gas, H256, Timestamp, U256};
use millrace_trace::Watch;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A message call.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Call {
    /// The caller; the zero address when absent.
    pub from: Option<Address>,
    /// The callee; absent to run `data` as the creation of a contract.
    pub to: Option<Address>,
    /// The most gas it may use; what the chain allows when absent.
    pub gas: Option<Gas>,
    /// The most wei per gas; when absent the balance of the caller need not cover the gas.
    pub gas_price: Option<U256>,
    /// In wei.
    pub value: U256,
    /// The input.
    pub data: Vec<u8>,
    /// Addresses and storage keys of EIP-2930.
    pub access_list: Vec<(Address, Vec<H256>)>,
    /// Delegations of EIP-7702.
    pub authorizations: Vec<Authorization>,
}

/// An authorization of EIP-7702. One that is not valid changes nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Authorization {
    /// The chain it is meant for; zero for every chain.
    pub chain_id: U256,
    /// Whose code is to run.
    pub address: Address,
    /// Of the account that signed.
    pub nonce: u64,
    /// 0 or 1.
    pub y_parity: u8,
    /// Of the signature.
    pub r: U256,
    /// Of the signature.
    pub s: U256,
}

/// Transactions of a block, and what to record of them.
#[derive(Clone, Debug)]
pub struct TraceRequest {
    /// The block; not the first.
    pub number: BlockNumber,
    /// The index of the only transaction that is asked for; `None` for all.
    pub only: Option<u32>,
    /// What to record.
    pub watch: Watch,
    /// As in [`CallRequest::cancel`].
    pub cancel: Cancel,
}

/// The block that a call believes to be in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Stage {
    /// The one whose state it runs on.
    #[default]
    Same,
    /// The one after it, made now: with its number, its time and its base fee.
    Next,
}

/// What a call pretends. Nothing of it outlives the call.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Overrides {
    /// Of accounts, also of such as do not exist.
    pub accounts: BTreeMap<Address, AccountOverride>,
    /// Of the block.
    pub block: BlockOverrides,
}

/// What differs of an account; what is absent stays.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AccountOverride {
    /// In wei.
    pub balance: Option<U256>,
    /// Transactions sent.
    pub nonce: Option<u64>,
    /// Its code.
    pub code: Option<Vec<u8>>,
    /// Its storage.
    pub storage: StorageOverride,
}

/// What differs of the storage of an account.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum StorageOverride {
    /// Nothing.
    #[default]
    Nothing,
    /// These slots.
    Slots(BTreeMap<H256, H256>),
    /// Everything: these slots are all there is.
    Whole(BTreeMap<H256, H256>),
}

/// What differs of the block; what is absent stays.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct BlockOverrides {
    /// Its number.
    pub number: Option<BlockNumber>,
    /// When it is made.
    pub timestamp: Option<Timestamp>,
    /// Who receives its fees.
    pub beneficiary: Option<Address>,
    /// Its gas limit.
    pub gas_limit: Option<Gas>,
    /// Wei per gas.
    pub base_fee: Option<U256>,
    /// What `PREVRANDAO` answers.
    pub prev_randao: Option<H256>,
}

/// A call and everything that it depends on.
#[derive(Clone, Debug)]
pub struct CallRequest {
    /// The call.
    pub call: Call,
    /// It runs on the state after this block.
    pub at: BlockNumber,
    /// The block it is in.
    pub stage: Stage,
    /// What it pretends.
    pub overrides: Overrides,
    /// The most gas of its execution, whatever it asks for; the chain may allow less.
    pub gas_max: Gas,
    /// Set when nobody waits any more: look at it often, and answer
    /// [`CallError::Interrupted`](crate::CallError::Interrupted).
    pub cancel: Cancel,
}

/// Says to work on another thread that nobody waits for it any more. Copies are the same.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Whether to stop.
    pub fn is_set(&self) -> bool {
        // Nothing else is shared through it.
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
