//! What a call may pretend: other accounts and another block than there are. Nothing of it is written: the
//! pretence is a reader over the real state, which the overlay of the call reads through.

use crate::host::NativeHost;
use millrace_block::WorldReader;
use millrace_evm::{
    execute::BlockEnvironment,
    keccak,
    state::StateReader,
    system::{Approval, KeyChangeFault, KeyChangeRequest},
};
use millrace_layout::LayoutError;
use millrace_primitives::{Account, Address, BlockNumber, Epoch, Gas, H256, Timestamp, U256};
use std::collections::BTreeMap;

/// What a call pretends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// Of accounts, also of such as do not exist.
    pub accounts: BTreeMap<Address, AccountOverride>,
    /// Of the block.
    pub block: BlockOverrides,
}

/// What differs of an account; what is absent stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountOverride {
    /// In wei.
    pub balance: Option<U256>,
    /// Transactions sent.
    pub nonce: Option<u64>,
    /// Its code. At the address of a precompile it is never run.
    pub code: Option<Vec<u8>>,
    /// Its storage.
    pub storage: StorageOverride,
}

/// What differs of the storage of an account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BlockOverrides {
    /// Its number.
    pub number: Option<BlockNumber>,
    /// When it is made.
    pub timestamp: Option<Timestamp>,
    /// Who receives the price of data availability.
    pub beneficiary: Option<Address>,
    /// What `GASLIMIT` answers.
    pub gas_limit: Option<Gas>,
    /// Wei per gas.
    pub base_fee: Option<U256>,
    /// What `PREVRANDAO` answers.
    pub prev_randao: Option<H256>,
}

impl BlockOverrides {
    pub(crate) fn apply(self, environment: BlockEnvironment) -> BlockEnvironment {
        BlockEnvironment {
            number: self.number.unwrap_or(environment.number),
            timestamp: self.timestamp.unwrap_or(environment.timestamp),
            beneficiary: self.beneficiary.unwrap_or(environment.beneficiary),
            gas_limit: self.gas_limit.unwrap_or(environment.gas_limit),
            base_fee: self.base_fee.unwrap_or(environment.base_fee),
            prev_randao: self.prev_randao.unwrap_or(environment.prev_randao),
            ..environment
        }
    }
}

/// Why the state of a call could not be read.
#[derive(Debug)]
pub(crate) enum ReadFault {
    Layout(LayoutError),
    /// Nobody waits for the call any more.
    Interrupted,
}

impl From<LayoutError> for ReadFault {
    fn from(error: LayoutError) -> Self {
        Self::Layout(error)
    }
}

/// The state that a call sees. It reads nothing more once nobody waits: a call that goes through much state,
/// which is what takes long, ends there.
pub(crate) struct CallReader<'a> {
    world: WorldReader<'a, NativeHost<'static>>,
    overrides: &'a Overrides,
    /// The codes of the overrides, by their hashes.
    codes: BTreeMap<H256, &'a [u8]>,
    goes_on: &'a dyn Fn() -> bool,
}

impl<'a> CallReader<'a> {
    pub(crate) fn new(
        host: &'a NativeHost<'static>,
        overrides: &'a Overrides,
        goes_on: &'a dyn Fn() -> bool,
    ) -> Self {
        let codes = overrides.accounts.values().filter_map(|account| account.code.as_deref());
        let codes = codes.map(|code| (keccak(code), code)).collect();
        Self { world: WorldReader::new(host), overrides, codes, goes_on }
    }

    fn check(&self) -> Result<(), ReadFault> {
        if (self.goes_on)() { Ok(()) } else { Err(ReadFault::Interrupted) }
    }
}

impl StateReader for CallReader<'_> {
    type Error = ReadFault;

    fn account(&self, address: Address) -> Result<Option<Account>, ReadFault> {
        self.check()?;
        let read = self.world.account(address)?;
        let Some(pretended) = self.overrides.accounts.get(&address) else { return Ok(read) };
        let account = read.unwrap_or_default();
        Ok(Some(Account {
            balance: pretended.balance.unwrap_or(account.balance),
            nonce: pretended.nonce.unwrap_or(account.nonce),
            code_hash: pretended.code.as_deref().map_or(account.code_hash, keccak),
        }))
    }

    fn storage(&self, address: Address, slot: H256) -> Result<H256, ReadFault> {
        self.check()?;
        let pretended = self.overrides.accounts.get(&address).map(|account| &account.storage);
        match pretended {
            Some(StorageOverride::Whole(slots)) => Ok(slots.get(&slot).copied().unwrap_or_default()),
            Some(StorageOverride::Slots(slots)) => match slots.get(&slot) {
                Some(value) => Ok(*value),
                None => Ok(self.world.storage(address, slot)?),
            },
            Some(StorageOverride::Nothing) | None => Ok(self.world.storage(address, slot)?),
        }
    }

    fn code(&self, code_hash: H256) -> Result<Vec<u8>, ReadFault> {
        self.check()?;
        match self.codes.get(&code_hash) {
            Some(code) => Ok(code.to_vec()),
            None => Ok(self.world.code(code_hash)?),
        }
    }

    fn block_hash(&self, number: BlockNumber) -> Result<Option<H256>, ReadFault> {
        self.check()?;
        Ok(self.world.block_hash(number)?)
    }

    fn epoch(&self) -> Result<Epoch, ReadFault> {
        self.check()?;
        Ok(self.world.epoch()?)
    }

    fn approve_key_change(
        &self,
        request: &KeyChangeRequest<'_>,
    ) -> Result<Result<Approval, KeyChangeFault>, ReadFault> {
        self.check()?;
        Ok(self.world.approve_key_change(request)?)
    }
}
