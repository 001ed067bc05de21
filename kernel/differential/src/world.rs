//! A state in memory, which both EVMs read.

use anyhow::{Error, anyhow};
use millrace_evm::{Changes, StateReader, keccak};
use millrace_primitives::{Account, Address, BlockNumber, EMPTY_CODE_HASH, H256, U256};
use std::collections::BTreeMap;

/// An account with everything in it.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Holder {
    /// As transactions and creations count it.
    pub nonce: u64,
    /// In wei.
    pub balance: U256,
    /// Empty for an account without code.
    pub code: Vec<u8>,
    /// What is not zero.
    pub storage: BTreeMap<H256, H256>,
}

impl Holder {
    /// Whether it does not exist (EIP-161).
    pub fn is_empty(&self) -> bool {
        self.nonce == 0 && self.balance.is_zero() && self.code.is_empty()
    }

    /// Sets a slot.
    pub fn set(&mut self, slot: H256, value: H256) {
        if value.is_zero() {
            self.storage.remove(&slot);
        } else {
            self.storage.insert(slot, value);
        }
    }

    /// Keccak-256 of the code.
    pub fn code_hash(&self) -> H256 {
        if self.code.is_empty() { EMPTY_CODE_HASH } else { keccak(&self.code) }
    }
}

/// Every account that exists.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct World {
    /// By address.
    pub holders: BTreeMap<Address, Holder>,
    /// Every code that some account has or had.
    pub codes: BTreeMap<H256, Vec<u8>>,
}

impl World {
    /// Puts an account in place of what was there.
    pub fn put(&mut self, address: Address, holder: Holder) {
        if holder.is_empty() {
            self.holders.remove(&address);
            return;
        }
        if !holder.code.is_empty() {
            self.codes.insert(holder.code_hash(), holder.code.clone());
        }
        self.holders.insert(address, holder);
    }

    /// The nonce of an account.
    pub fn nonce(&self, address: Address) -> u64 {
        self.holders.get(&address).map_or(0, |holder| holder.nonce)
    }

    /// The world after what a block changed.
    ///
    /// # Errors
    /// When an account has a code that nobody knows.
    pub fn after(&self, changes: &Changes) -> Result<Self, Error> {
        let mut world = self.clone();
        for (address, change) in &changes.accounts {
            let Some(account) = change.account else {
                world.holders.remove(address);
                continue;
            };
            let mut holder = world.holders.remove(address).unwrap_or_default();
            if change.storage_cleared {
                holder.storage.clear();
            }
            for (slot, value) in &change.slots {
                holder.set(*slot, *value);
            }
            (holder.nonce, holder.balance) = (account.nonce, account.balance);
            let hash = account.code_hash;
            let code = changes.codes.get(&hash).or_else(|| self.codes.get(&hash)).cloned();
            holder.code = match code {
                _ if hash == EMPTY_CODE_HASH => vec![],
                code => code.ok_or_else(|| anyhow!("no code {hash:?} of {address:?}"))?,
            };
            world.put(*address, holder);
        }
        Ok(world)
    }
}

/// The hash of a block before.
pub fn block_hash(number: u64) -> H256 {
    keccak(&number.to_be_bytes())
}

impl StateReader for World {
    type Error = String;

    fn account(&self, address: Address) -> Result<Option<Account>, String> {
        Ok(self.holders.get(&address).map(|holder| Account {
            nonce: holder.nonce,
            balance: holder.balance,
            code_hash: holder.code_hash(),
        }))
    }

    fn storage(&self, address: Address, slot: H256) -> Result<H256, String> {
        let holder = self.holders.get(&address);
        Ok(holder.and_then(|holder| holder.storage.get(&slot)).copied().unwrap_or_default())
    }

    fn code(&self, code_hash: H256) -> Result<Vec<u8>, String> {
        self.codes.get(&code_hash).cloned().ok_or_else(|| format!("no code {code_hash:?}"))
    }

    fn block_hash(&self, number: BlockNumber) -> Result<Option<H256>, String> {
        Ok(Some(block_hash(number.get())))
    }
}
