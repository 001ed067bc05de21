//! What a block changed, its encoding and its digest.

use super::{Code, State, StateReader};
use crate::keccak::keccak;
use alloc::collections::BTreeMap;
use alloc::rc::Rc;
use alloc::vec::Vec;
use millrace_primitives::{Account, Address, EMPTY_CODE_HASH, H160, H256, U256};

/// What became of an account.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AccountChange {
    /// As it is now, changed or not; `None` when it is gone, and its storage with it.
    pub account: Option<Account>,
    /// Every slot that was set before is zero now, unless it is in `slots`.
    pub storage_cleared: bool,
    /// The slots that differ, with their new values; when `storage_cleared`, those that are not zero.
    pub slots: BTreeMap<H256, H256>,
}

/// What differs from the state before the block, and nothing else.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Changes {
    /// By address.
    pub accounts: BTreeMap<Address, AccountChange>,
    /// By Keccak-256: the codes made in this block that some account has now. One may have been known
    /// before.
    pub codes: BTreeMap<H256, Vec<u8>>,
}

/// The bytes are not an encoding of changes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ChangesError;

const GONE: u8 = 0;
const PRESENT: u8 = 1;
const CLEARED: u8 = 2;

impl Changes {
    /// Keccak-256 of the encoding of the accounts; codes are bound through the hashes in them.
    pub fn digest(&self) -> H256 {
        let mut out = Vec::new();
        self.encode_accounts(&mut out);
        keccak(&out)
    }

    /// The canonical encoding, of fixed widths and big-endian, maps in ascending order of their keys:
    ///
    /// ```text
    /// changes = count of accounts u32 | account*  | count of codes u32 | code*
    /// account = address 20 | flags u8 (bit 0: it exists, bit 1: storage cleared)
    ///         | nonce u64 | balance 32 | code hash 32        (these three only if it exists)
    ///         | count of slots u32 | (slot 32 | value 32)*
    /// code    = hash 32 | size u32 | bytes
    /// ```
    /// The digest covers it up to the last account.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.encode_accounts(&mut out);
        write_count(&mut out, self.codes.len());
        for (hash, code) in &self.codes {
            out.extend_from_slice(hash.as_bytes());
            write_count(&mut out, code.len());
            out.extend_from_slice(code);
        }
        out
    }

    fn encode_accounts(&self, out: &mut Vec<u8>) {
        let slots = self.accounts.values().map(|change| change.slots.len());
        let slots = slots.fold(0usize, usize::saturating_add);
        out.reserve(self.accounts.len().saturating_mul(97).saturating_add(slots.saturating_mul(64)));
        write_count(out, self.accounts.len());
        for (address, change) in &self.accounts {
            out.extend_from_slice(address.as_bytes());
            let presence = if change.account.is_some() { PRESENT } else { GONE };
            out.push(presence | if change.storage_cleared { CLEARED } else { 0 });
            if let Some(account) = &change.account {
                out.extend_from_slice(&account.nonce.to_be_bytes());
                out.extend_from_slice(super::word(account.balance).as_bytes());
                out.extend_from_slice(account.code_hash.as_bytes());
            }
            write_count(out, change.slots.len());
            for (slot, value) in &change.slots {
                out.extend_from_slice(slot.as_bytes());
                out.extend_from_slice(value.as_bytes());
            }
        }
    }

    /// Reads back what [`Self::encode`] wrote.
    ///
    /// # Errors
    /// When the bytes are anything else. They come from our own storage, so they are corrupt then.
    pub fn decode(bytes: &[u8]) -> Result<Self, ChangesError> {
        let mut input = Input(bytes);
        let mut changes = Self::default();
        for _ in 0..input.count()? {
            let address = H160(input.array()?);
            if changes.accounts.last_key_value().is_some_and(|(last, _)| *last >= address) {
                return Err(ChangesError);
            }
            changes.accounts.insert(address, input.account()?);
        }
        for _ in 0..input.count()? {
            let hash = H256(input.array()?);
            if changes.codes.last_key_value().is_some_and(|(last, _)| *last >= hash) {
                return Err(ChangesError);
            }
            let size = input.count()?;
            changes.codes.insert(hash, input.take(size as usize)?.to_vec());
        }
        if input.0.is_empty() { Ok(changes) } else { Err(ChangesError) }
    }
}

/// Counts are far below 2^32: each item cost gas, and bytes of a payload.
fn write_count(out: &mut Vec<u8>, count: usize) {
    out.extend_from_slice(&u32::try_from(count).unwrap_or(u32::MAX).to_be_bytes());
}

struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], ChangesError> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(ChangesError)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], ChangesError> {
        self.take(N)?.try_into().map_err(|_| ChangesError)
    }

    fn count(&mut self) -> Result<u32, ChangesError> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    fn account(&mut self) -> Result<AccountChange, ChangesError> {
        let [flags] = self.array()?;
        if flags & !(PRESENT | CLEARED) != 0 {
            return Err(ChangesError);
        }
        let account = if flags & PRESENT == PRESENT {
            Some(Account {
                nonce: u64::from_be_bytes(self.array()?),
                balance: U256::from_big_endian(&self.array::<32>()?),
                code_hash: H256(self.array()?),
            })
        } else {
            None
        };
        let mut slots = BTreeMap::new();
        for _ in 0..self.count()? {
            let slot = H256(self.array()?);
            if slots.last_key_value().is_some_and(|(last, _)| *last >= slot) {
                return Err(ChangesError);
            }
            slots.insert(slot, H256(self.array()?));
        }
        Ok(AccountChange { account, storage_cleared: flags & CLEARED == CLEARED, slots })
    }
}

impl<R: StateReader> State<R> {
    /// What differs now from what the reader shows. To be asked between transactions.
    pub fn changes(&self) -> Changes {
        let mut changes = Changes::default();
        for (address, entry) in self.accounts.borrow().iter() {
            let account = entry.settled();
            // What had no code had no storage to clear: only contracts are destroyed.
            let had_code = entry.read.is_some_and(|read| read.code_hash != EMPTY_CODE_HASH);
            let storage_cleared = entry.was_destroyed.get() && had_code;
            let slots: BTreeMap<H256, H256> = entry
                .slots
                .borrow()
                .iter()
                .filter(|(_, slot)| {
                    let before = if storage_cleared { U256::zero() } else { slot.read };
                    slot.now.get() != before
                })
                .map(|(key, slot)| (super::word(*key), super::word(slot.now.get())))
                .collect();
            if account != entry.read || storage_cleared || !slots.is_empty() {
                changes.accounts.insert(*address, AccountChange { account, storage_cleared, slots });
            }
        }
        let codes = self.codes.borrow();
        for change in changes.accounts.values() {
            let Some(account) = change.account else { continue };
            if account.code_hash != EMPTY_CODE_HASH
                && self.made.contains(&account.code_hash)
                && let Some(code) = codes.get(&account.code_hash)
            {
                changes.codes.entry(account.code_hash).or_insert_with(|| code.bytes().to_vec());
            }
        }
        drop(codes);
        changes
    }

    /// Takes up a block again after a pause: `reader` shows the state before the block, as it did at the
    /// beginning, and `changes` is what [`Self::changes`] gave at the pause. What follows, the digest
    /// included, is as if there had been no pause.
    ///
    /// # Errors
    /// When the reader fails.
    pub fn resume(reader: R, changes: &Changes) -> Result<Self, R::Error> {
        let mut state = Self::new(reader);
        for (hash, code) in &changes.codes {
            state.codes.get_mut().insert(*hash, Rc::new(Code::new(code.clone())));
            state.made.insert(*hash);
        }
        for (address, change) in &changes.accounts {
            let entry = state.entry(*address)?;
            let account = change.account.unwrap_or_default();
            if change.storage_cleared {
                entry.is_storage_void.set(true);
                entry.was_destroyed.set(true);
            }
            entry.touched.set(true);
            entry.nonce.set(account.nonce);
            entry.balance.set(account.balance);
            entry.code_hash.set(account.code_hash);
            for (slot, value) in &change.slots {
                let slot = state.slot(&entry, U256::from_big_endian(slot.as_bytes()))?;
                slot.now.set(U256::from_big_endian(value.as_bytes()));
            }
        }
        Ok(state)
    }
}
