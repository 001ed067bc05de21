//! Overrides in the middle of a chain of blocks.

use crate::keccak;
use crate::overrides::{AccountOverride, StorageOverride};
use millrace_evm::state::{AccountChange, Changes, State, StateReader};
use millrace_primitives::Address;
use std::collections::BTreeMap;

/// The changes of `state` with overrides on top.
pub(super) fn pretend<R: StateReader>(
    state: &State<R>,
    accounts: &BTreeMap<Address, AccountOverride>,
) -> Result<Changes, R::Error> {
    let mut changes = state.changes();
    for (address, pretended) in accounts {
        let mut account = state.account(*address)?.unwrap_or_default();
        account.balance = pretended.balance.unwrap_or(account.balance);
        account.nonce = pretended.nonce.unwrap_or(account.nonce);
        if let Some(code) = &pretended.code {
            account.code_hash = keccak(code);
            changes.codes.insert(account.code_hash, code.clone());
        }
        let none = || AccountChange { account: None, storage_cleared: false, slots: BTreeMap::new() };
        let change = changes.accounts.entry(*address).or_insert_with(none);
        change.account = Some(account);
        match &pretended.storage {
            StorageOverride::Nothing => {}
            StorageOverride::Slots(slots) => change.slots.extend(slots),
            StorageOverride::Whole(slots) => {
                (change.storage_cleared, change.slots) = (true, slots.clone());
            }
        }
    }
    Ok(changes)
}
