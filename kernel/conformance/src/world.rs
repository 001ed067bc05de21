//! The accounts of a state test: what the EVM reads, and the root that Ethereum gives them.

use crate::read::{self, FixtureError};
use millrace_evm::rlp;
use millrace_evm::trie;
use millrace_evm::{Changes, StateReader, keccak};
use millrace_primitives::{Account, Address, BlockNumber, EMPTY_CODE_HASH, H256, U256};
use serde::Deserialize;
use std::collections::BTreeMap;

/// An account as fixtures spell it.
#[derive(Deserialize, Debug)]
struct RawAccount {
    nonce: String,
    balance: String,
    code: String,
    storage: BTreeMap<String, String>,
}

/// All accounts, their storage and their code.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct World {
    accounts: BTreeMap<Address, Account>,
    /// Only what is not zero.
    storage: BTreeMap<Address, BTreeMap<H256, H256>>,
    codes: BTreeMap<H256, Vec<u8>>,
}

/// An account names a code that nobody knows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UnknownCode(pub H256);

impl World {
    /// Reads an object of accounts by address.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn parse(value: serde_json::Value) -> Result<Self, FixtureError> {
        let raw: BTreeMap<String, RawAccount> = serde_json::from_value(value)?;
        let mut world = Self::default();
        for (address, account) in raw {
            let address = read::address(&address)?;
            let code = read::bytes(&account.code)?;
            let code_hash = keccak(&code);
            world.codes.insert(code_hash, code);
            let nonce = read::number_u64(&account.nonce)?;
            let balance = read::number(&account.balance)?;
            world.accounts.insert(address, Account { nonce, balance, code_hash });
            for (slot, value) in account.storage {
                world.set(address, read::word(&slot)?, read::word(&value)?);
            }
        }
        Ok(world)
    }

    /// One rich account, with this nonce.
    pub fn of_one(address: Address, nonce: u64) -> Self {
        let account = Account { nonce, balance: U256::MAX, code_hash: EMPTY_CODE_HASH };
        Self { accounts: BTreeMap::from([(address, account)]), ..Self::default() }
    }

    fn set(&mut self, address: Address, slot: H256, value: H256) {
        let slots = self.storage.entry(address).or_default();
        if value.is_zero() {
            slots.remove(&slot);
        } else {
            slots.insert(slot, value);
        }
    }

    /// As it is after these changes.
    pub fn after(&self, changes: &Changes) -> Self {
        let mut world = self.clone();
        for (hash, code) in &changes.codes {
            world.codes.insert(*hash, code.clone());
        }
        for (address, change) in &changes.accounts {
            match change.account {
                Some(account) => world.accounts.insert(*address, account),
                None => world.accounts.remove(address),
            };
            if change.storage_cleared || change.account.is_none() {
                world.storage.remove(address);
            }
            for (slot, value) in &change.slots {
                world.set(*address, *slot, *value);
            }
        }
        world
    }

    /// The state root: the trie of accounts by the Keccak-256 of their address, each with the root of its storage
    /// by the Keccak-256 of the slot (Yellow Paper, 4.1).
    pub fn root(&self) -> H256 {
        let accounts = self.accounts.iter().map(|(address, account)| {
            (keccak(address.as_bytes()), encode(account, self.storage_root(*address)))
        });
        sorted_root(accounts.collect())
    }

    fn storage_root(&self, address: Address) -> H256 {
        let slots = self.storage.get(&address).into_iter().flatten().map(|(slot, value)| {
            let mut encoded = Vec::with_capacity(33);
            rlp::write_u256(&mut encoded, U256::from_big_endian(value.as_bytes()));
            (keccak(slot.as_bytes()), encoded)
        });
        sorted_root(slots.collect())
    }

    /// The world without one account.
    #[must_use]
    pub fn without(&self, address: Address) -> Self {
        let mut world = self.clone();
        world.accounts.remove(&address);
        world.storage.remove(&address);
        world
    }

    /// All accounts, in the order of their addresses.
    pub fn accounts(&self) -> impl Iterator<Item = (Address, Account)> {
        self.accounts.iter().map(|(address, account)| (*address, *account))
    }

    /// The slots that are not zero, in order.
    pub fn slots(&self) -> impl Iterator<Item = (Address, H256, H256)> {
        let of = |(address, slots): (&Address, &BTreeMap<H256, H256>)| {
            let address = *address;
            slots.clone().into_iter().map(move |(slot, value)| (address, slot, value))
        };
        self.storage.iter().flat_map(of)
    }

    /// Every code by its Keccak-256; some may be in no account any more.
    pub fn codes(&self) -> impl Iterator<Item = (H256, &[u8])> {
        self.codes.iter().map(|(hash, code)| (*hash, code.as_slice()))
    }

    /// What differs in `actual`, a line each.
    pub fn differences(&self, actual: &Self) -> Vec<String> {
        let mut lines = Vec::new();
        let addresses = self.accounts.keys().chain(actual.accounts.keys());
        for address in addresses.collect::<std::collections::BTreeSet<_>>() {
            let (left, right) = (self.accounts.get(address), actual.accounts.get(address));
            if left != right {
                lines.push(format!("{address:?}: {} is {}", describe(left), describe(right)));
            }
            let nothing = BTreeMap::new();
            let left = self.storage.get(address).unwrap_or(&nothing);
            let right = actual.storage.get(address).unwrap_or(&nothing);
            for slot in left.keys().chain(right.keys()).collect::<std::collections::BTreeSet<_>>() {
                let of = |slots: &BTreeMap<H256, H256>| slots.get(slot).copied().unwrap_or_default();
                if of(left) != of(right) {
                    lines.push(format!("{address:?}[{slot:?}]: {:?} is {:?}", of(left), of(right)));
                }
            }
        }
        lines
    }
}

fn describe(account: Option<&Account>) -> String {
    account.map_or("nothing".to_owned(), |Account { nonce, balance, code_hash }| {
        format!("(nonce {nonce}, {balance} wei, code {code_hash:?})")
    })
}

fn sorted_root(mut pairs: Vec<(H256, Vec<u8>)>) -> H256 {
    pairs.sort_unstable();
    trie::root(&pairs)
}

/// The RLP of an account.
fn encode(account: &Account, storage_root: H256) -> Vec<u8> {
    let mut fields = Vec::with_capacity(128);
    rlp::write_u64(&mut fields, account.nonce);
    rlp::write_u256(&mut fields, account.balance);
    rlp::write_h256(&mut fields, storage_root);
    rlp::write_h256(&mut fields, account.code_hash);
    let mut out = Vec::with_capacity(fields.len() + 3);
    rlp::write_list_header(&mut out, fields.len());
    out.extend_from_slice(&fields);
    out
}

impl StateReader for World {
    type Error = UnknownCode;

    fn account(&self, address: Address) -> Result<Option<Account>, UnknownCode> {
        Ok(self.accounts.get(&address).copied())
    }

    fn storage(&self, address: Address, slot: H256) -> Result<H256, UnknownCode> {
        let slots = self.storage.get(&address);
        Ok(slots.and_then(|slots| slots.get(&slot)).copied().unwrap_or_default())
    }

    fn code(&self, code_hash: H256) -> Result<Vec<u8>, UnknownCode> {
        self.codes.get(&code_hash).cloned().ok_or(UnknownCode(code_hash))
    }

    /// State tests have no chain: the convention is the Keccak-256 of the number in decimal digits.
    fn block_hash(&self, number: BlockNumber) -> Result<Option<H256>, UnknownCode> {
        Ok(Some(keccak(number.get().to_string().as_bytes())))
    }

    fn has_storage(&self, address: Address) -> Result<bool, UnknownCode> {
        Ok(self.storage.get(&address).is_some_and(|slots| !slots.is_empty()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_empty_world_has_the_root_of_nothing() {
        assert_eq!(World::default().root(), trie::EMPTY_ROOT);
    }

    #[test]
    fn slots_that_are_zero_do_not_exist() {
        let account = |storage: serde_json::Value| {
            let fields = json!({ "nonce": "0x01", "balance": "0x02", "code": "0x", "storage": storage });
            World::parse(json!({ "0x00000000000000000000000000000000000000aa": fields })).unwrap()
        };
        let plain = account(json!({}));
        assert_eq!(account(json!({ "0x01": "0x00" })).root(), plain.root());
        let stored = account(json!({ "0x01": "0x02" }));
        assert_ne!(stored.root(), plain.root());
        assert_eq!(plain.differences(&stored).len(), 1);
    }
}
