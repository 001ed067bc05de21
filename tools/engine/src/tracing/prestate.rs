//! What was touched of the state, before an execution and after it.

use super::touched::Touched;
use millrace_evm::state::{Changes, State, StateReader};
use millrace_primitives::{Account, Address, H256};
use millrace_trace::{AccountState, Prestate, PrestateOptions};
use std::collections::BTreeMap;

impl Touched {
    /// Everything in which two states over the same reader differ.
    pub(super) fn of_difference(before: &Changes, after: &Changes) -> Self {
        let mut touched = Self::default();
        for (address, change) in before.accounts.iter().chain(&after.accounts) {
            if before.accounts.get(address) != after.accounts.get(address) {
                touched.accounts.entry(*address).or_default().extend(change.slots.keys());
            }
        }
        touched
    }
}

/// Reads what was touched from both states; the second is looked at only for differences.
///
/// # Errors
/// Those of the readers.
pub(super) fn read<R: StateReader, S: StateReader<Error = R::Error>>(
    mut touched: Touched,
    options: PrestateOptions,
    before: &State<R>,
    after: &State<S>,
) -> Result<Prestate, R::Error> {
    for called in core::mem::take(&mut touched.called) {
        if let Some(delegate) = before.code(called)?.delegate() {
            touched.accounts.entry(delegate).or_default();
        }
    }
    let mut prestate = Prestate { after: options.diff.then(BTreeMap::new), ..Prestate::default() };
    for (address, keys) in touched.accounts {
        let was = account(before, address, options)?;
        let was_storage = slots(before, address, keys.iter(), options)?;
        let Some(afterwards) = &mut prestate.after else {
            // What did not exist has no state.
            if let Some(account) = was {
                prestate.before.insert(address, AccountState { storage: was_storage, ..account });
            }
            continue;
        };
        let is = account(after, address, options)?;
        let is_storage = slots(after, address, keys.iter(), options)?;
        if is.is_none() {
            if let Some(account) = was {
                let storage = without_zeros(was_storage);
                prestate.before.insert(address, AccountState { storage, ..account });
            }
            continue;
        }
        let (was_storage, is_storage) = differences(was_storage, is_storage);
        let difference = changed(was.as_ref(), is.unwrap_or_default());
        if difference == AccountState::default() && was_storage.is_empty() && is_storage.is_empty() {
            continue;
        }
        afterwards.insert(address, AccountState { storage: is_storage, ..difference });
        if let Some(account) = was {
            prestate.before.insert(address, AccountState { storage: was_storage, ..account });
        }
    }
    Ok(prestate)
}

/// An account without its storage; `None` when it does not exist.
fn account<R: StateReader>(
    state: &State<R>,
    address: Address,
    options: PrestateOptions,
) -> Result<Option<AccountState>, R::Error> {
    let Some(Account { nonce, balance, .. }) = state.account(address)? else { return Ok(None) };
    let code = if options.no_code { Vec::new() } else { state.code(address)?.bytes().to_vec() };
    Ok(Some(AccountState {
        balance: Some(balance),
        nonce: (nonce != 0).then_some(nonce),
        code: (!code.is_empty()).then_some(code),
        storage: BTreeMap::new(),
    }))
}

fn slots<'k, R: StateReader>(
    state: &State<R>,
    address: Address,
    keys: impl Iterator<Item = &'k H256>,
    options: PrestateOptions,
) -> Result<BTreeMap<H256, H256>, R::Error> {
    if options.no_storage {
        return Ok(BTreeMap::new());
    }
    keys.map(|key| Ok((*key, state.storage(address, *key)?))).collect()
}

fn without_zeros(mut storage: BTreeMap<H256, H256>) -> BTreeMap<H256, H256> {
    storage.retain(|_, value| !value.is_zero());
    storage
}

/// The slots that differ, each where it is not zero.
fn differences(
    mut before: BTreeMap<H256, H256>,
    mut after: BTreeMap<H256, H256>,
) -> (BTreeMap<H256, H256>, BTreeMap<H256, H256>) {
    let values = before.clone();
    before.retain(|key, value| after.get(key) != Some(value));
    after.retain(|key, value| values.get(key) != Some(value));
    (without_zeros(before), without_zeros(after))
}

/// The fields of an account that are new.
fn changed(before: Option<&AccountState>, after: AccountState) -> AccountState {
    let Some(before) = before else { return after };
    AccountState {
        balance: after.balance.filter(|_| after.balance != before.balance),
        nonce: after.nonce.filter(|_| after.nonce != before.nonce),
        code: if after.code == before.code { None } else { after.code },
        storage: BTreeMap::new(),
    }
}
