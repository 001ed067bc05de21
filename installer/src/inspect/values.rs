//! Durable values, decoded by the codecs of the layout.

use crate::{
    Amount, Committee, Contract, Contracts, Dal, DelayedInbox, ExecutionFee, Fees, Fork, Funds, GenesisState,
    Limits, NOBODY, Parameters, Upgrades, text::checksummed,
};
use millrace_layout::{
    Value,
    catalog::{self, Entry},
    parameters as layout,
    upgrade::KernelRoot,
    version::StorageVersion,
    world::{Code, Slots},
};
use millrace_primitives::{Account, Address, EMPTY_CODE_HASH, Fork as StoredFork, H256};
use millrace_wire::{authority::Authority, base58::Base58Check, signature::PublicKey};
use std::collections::BTreeMap;

/// A durable value that was understood.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Decoded {
    /// The parameters.
    Parameters(Box<layout::Parameters>),
    /// Who orders transactions.
    Authority(Authority),
    /// An account.
    Account(Address, Account),
    /// The code of a contract, under its hash.
    Code(H256, Code),
    /// What is in a slot of an account.
    Slot(Address, H256, H256),
    /// The number of the layout.
    Version(u64),
    /// The root of the kernel that runs.
    Root(KernelRoot),
}

/// The key of the layout that a path is one of, and its variable parts.
pub(super) fn entry(path: &str) -> Option<(&'static Entry, Vec<&str>)> {
    catalog::ALL.iter().find_map(|entry| Some((entry, matched(entry.pattern, path)?)))
}

/// The parts of a path in the places of `<…>`; `None` when it has another pattern.
fn matched<'a>(pattern: &str, path: &'a str) -> Option<Vec<&'a str>> {
    let mut parts = Vec::new();
    let (mut wanted, mut found) = (pattern.split('/'), path.split('/'));
    loop {
        match (wanted.next(), found.next()) {
            (None, None) => return Some(parts),
            (Some(wanted), Some(found)) if wanted.starts_with('<') => parts.push(found),
            (Some(wanted), Some(found)) if wanted == found => {}
            _ => return None,
        }
    }
}

/// A value by the codec of its key. `None` in the first place for keys that no installer writes, in the second for bytes
/// that are no such value.
#[allow(clippy::option_option, reason = "the inner one is the failure to decode")]
pub(super) fn decode(entry: &Entry, parts: &[&str], bytes: &[u8]) -> Option<Option<Decoded>> {
    if bytes.len() > entry.size_bytes_max {
        return Some(None);
    }
    let address = || parts.first().and_then(|part| digits::<20>(part)).map(Address::from);
    let hash = |index: usize| parts.get(index).and_then(|part| digits::<32>(part)).map(H256);
    Some(match *entry {
        catalog::PARAMETERS => {
            layout::Parameters::decode(bytes).map(|parameters| Decoded::Parameters(Box::new(parameters)))
        }
        catalog::AUTHORITY => Authority::decode(bytes).map(Decoded::Authority),
        catalog::ACCOUNT => {
            address().zip(Account::decode(bytes)).map(|(address, account)| Decoded::Account(address, account))
        }
        catalog::CODE => hash(0).zip(Code::decode(bytes)).map(|(hash, code)| Decoded::Code(hash, code)),
        catalog::SLOT => {
            let slot = address().zip(hash(1)).zip(H256::decode(bytes));
            slot.map(|((address, slot), value)| Decoded::Slot(address, slot, value))
        }
        catalog::STORAGE_VERSION => {
            StorageVersion::decode(bytes).map(|StorageVersion(v)| Decoded::Version(v))
        }
        catalog::KERNEL_ROOT => KernelRoot::decode(bytes).map(Decoded::Root),
        _ => return None,
    })
}

/// Bytes as the layout spells them in paths: lower-case hexadecimal.
fn digits<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    hex::decode_to_slice(text, &mut bytes).ok()?;
    (hex::encode(bytes) == text).then_some(bytes)
}

/// The accounts, code and storage that were found.
#[derive(Clone, Default, Debug)]
pub(super) struct World {
    pub(super) accounts: BTreeMap<Address, Account>,
    pub(super) codes: BTreeMap<H256, Code>,
    pub(super) slots: Slots,
}

/// What an originator would have written to get these values.
pub(super) fn written(
    stored: &layout::Parameters,
    authority: Option<&Authority>,
    world: &World,
) -> Parameters {
    let kt1 = |contract: Option<millrace_primitives::ContractHash>| contract.map(|hash| hash.to_base58());
    let named = &stored.contracts;
    let (sequencer, committee) = ordering(authority);
    Parameters {
        // Larger ones are refused, and shown as such.
        chain_id: u64::try_from(stored.chain_id).unwrap_or(u64::MAX),
        fork: match stored.fork {
            StoredFork::Shanghai => Fork::Shanghai,
            StoredFork::Cancun => Fork::Cancun,
            StoredFork::Prague => Fork::Prague,
            StoredFork::Osaka => Fork::Osaka,
        },
        sequencer,
        committee,
        ticketer: kt1(named.ticketer),
        contracts: Contracts {
            delayed_bridge: kt1(named.delayed_bridge),
            admin: kt1(named.admin),
            kernel_governance: kt1(named.kernel_governance),
            security_governance: kt1(named.security_governance),
            sequencer_governance: kt1(named.sequencer_governance),
        },
        fa_bridge: stored.has_fa_bridge,
        delayed_inbox: DelayedInbox {
            timeout_s: stored.delayed.timeout_s,
            timeout_levels: stored.delayed.timeout_levels,
            forced_items_max: stored.delayed.forced_items_max,
        },
        dal: Dal {
            enabled: stored.dal.is_enabled,
            signals: stored.dal.has_signals,
            slots: stored.dal.slots.clone(),
            publishers: stored.dal.publishers.iter().map(Base58Check::to_base58).collect(),
        },
        upgrades: Upgrades {
            notice_s: stored.upgrades.notice_s,
            security_notice_s: stored.upgrades.security_notice_s,
            forced_after_s: stored.upgrades.forced_after_s,
            trial_levels: stored.upgrades.trial_levels,
        },
        pool: (!stored.pool.is_zero()).then(|| shown(stored.pool)),
        fees: Fees {
            base_fee_min: Amount(stored.base_fee_min).in_largest_unit(),
            da_fee_per_byte: Amount(stored.da_fee_per_byte).in_largest_unit(),
            execution: match stored.execution_fee {
                layout::ExecutionFee::Burned => ExecutionFee::Burned,
                layout::ExecutionFee::Pool => ExecutionFee::Pool,
            },
            gas_target_per_s: stored.gas_target_per_s.get(),
        },
        limits: Limits {
            execution_gas_transaction_max: stored.execution_gas_transaction_max.get(),
            execution_gas_block_max: stored.execution_gas_block_max.get(),
            gas_limit_header: stored.gas_limit_header.get(),
            lookahead_s: stored.lookahead_s,
        },
        genesis: allocated(stored.genesis_timestamp.get(), world),
    }
}

/// Who orders transactions, as sequencer or as committee.
fn ordering(authority: Option<&Authority>) -> (String, Option<Committee>) {
    let Some(Authority { members, quorum, .. }) = authority else { return (NOBODY.to_owned(), None) };
    match (members.as_slice(), quorum) {
        ([key], 1) => (key.to_base58(), None),
        _ => {
            let members = members.iter().map(PublicKey::to_base58).collect();
            (String::new(), Some(Committee { members, quorum: *quorum }))
        }
    }
}

fn allocated(timestamp: u64, world: &World) -> GenesisState {
    let mut genesis = GenesisState { timestamp, ..GenesisState::default() };
    for (address, account) in &world.accounts {
        let balance = Amount(account.balance).in_largest_unit();
        if account.code_hash == EMPTY_CODE_HASH {
            genesis.accounts.insert(shown(*address), Funds { balance, nonce: account.nonce });
            continue;
        }
        let code =
            world.codes.get(&account.code_hash).map(|Code(code)| hex::encode(code)).unwrap_or_default();
        let slots = world.slots.get(address).into_iter().flatten();
        let storage = slots.map(|(slot, value)| (format!("{slot:?}"), format!("{value:?}"))).collect();
        let contract = Contract { code: format!("0x{code}"), nonce: account.nonce, balance, storage };
        genesis.contracts.insert(shown(*address), contract);
    }
    genesis
}

/// An address with the capitals of EIP-55.
pub(super) fn shown(address: Address) -> String {
    format!("0x{}", checksummed(&address.0))
}
