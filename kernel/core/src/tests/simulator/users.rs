//! Users: what they sign, right and wrong.

use super::{
    key_changes,
    rollup::account,
    setup::{CHAIN_ID, Setup},
    withdrawals,
};
use fastrand::Rng;
use millrace_evm::transaction::{AccessListItem, Transaction, TransactionType};
use millrace_host::MemoryHost;
use millrace_primitives::{Address, Gas, H256, U256};
use std::collections::BTreeMap;

/// The nonces that are taken by transactions which are no block yet.
#[derive(Default)]
pub(super) struct Nonces(BTreeMap<Address, u64>);

impl Nonces {
    fn take(&mut self, host: &MemoryHost, user: Address) -> u64 {
        let next = self.0.entry(user).or_insert_with(|| account(host, user).nonce);
        *next += 1;
        *next - 1
    }
}

/// Where a transaction is to be executed.
pub(super) struct Site<'a> {
    pub(super) setup: &'a Setup,
    /// The state that its sender believes in.
    pub(super) host: &'a MemoryHost,
    pub(super) base_fee: U256,
    /// Whether it pays for its bytes.
    pub(super) pays_da: bool,
}

/// A signed transaction, or something that looks a little like one.
pub(super) fn transaction(rng: &mut Rng, site: &Site<'_>, nonces: &mut Nonces) -> Vec<u8> {
    let setup = site.setup;
    let user = match rng.u8(0..4) {
        0 => rng.choice(&setup.users).unwrap(),
        _ => rng.choice(&setup.users[..3]).unwrap(),
    };
    let mut transaction = valid(rng, site, nonces.take(site.host, user.address));
    if rng.u8(0..6) == 0 {
        spoil(rng, site, &mut transaction);
    }
    let mut raw = user.sign(transaction);
    match rng.u8(0..60) {
        0 => raw.truncate(rng.usize(1..raw.len())),
        1 => {
            let at = rng.usize(0..raw.len());
            raw[at] ^= 1 << rng.u8(0..8);
        }
        2 => raw = (0..rng.usize(1..90)).map(|_| rng.u8(..)).collect(),
        _ => {}
    }
    raw
}

/// Of a size that only chunks can carry.
pub(super) fn large(rng: &mut Rng, site: &Site<'_>, nonces: &mut Nonces, size_bytes: usize) -> Vec<u8> {
    let user = &site.setup.users[0];
    let mut transaction = valid(rng, site, nonces.take(site.host, user.address));
    transaction.to = Some(user.address);
    transaction.data = vec![0; size_bytes];
    transaction.access_list = vec![];
    transaction.gas_limit = gas_limit(site, &transaction, 60_000 + 10 * size_bytes as u64);
    user.sign(transaction)
}

fn valid(rng: &mut Rng, site: &Site<'_>, nonce: u64) -> Transaction {
    let Setup { users, contracts, .. } = site.setup;
    let transaction_type = match rng.u8(0..4) {
        0 => TransactionType::Legacy,
        1 => TransactionType::AccessList,
        _ => TransactionType::DynamicFee,
    };
    let mut transaction = Transaction {
        transaction_type,
        chain_id: Some(U256::from(CHAIN_ID)),
        nonce,
        gas_limit: Gas::ZERO,
        max_fee_per_gas: site.base_fee.saturating_mul(U256::from(rng.u64(1..4))),
        max_priority_fee_per_gas: U256::zero(),
        to: Some(rng.choice(users).unwrap().address),
        value: U256::from(rng.u64(0..1_000_000)),
        data: vec![],
        access_list: vec![],
        authorizations: Vec::new(),
    };
    if transaction_type != TransactionType::DynamicFee {
        transaction.max_priority_fee_per_gas = transaction.max_fee_per_gas;
    }
    let mut execution = 60_000;
    match rng.u8(0..14) {
        0 => transaction.to = Some(Address::repeat_byte(rng.u8(0x20..0x40))),
        1 => transaction.data = (0..rng.usize(0..200)).map(|_| rng.u8(..)).collect(),
        2 | 3 => {
            transaction.to = rng.choice(contracts).copied();
            execution = rng.u64(30_000..200_000);
        }
        4 => {
            transaction.to = None;
            transaction.data = [&[0x60, 1, 0x60, 0, 0xf3][..], &[0x60, 0, 0x60, 0, 0xfd], &[0xfe], &[]]
                [rng.usize(0..4)]
            .to_vec();
            execution = 120_000;
        }
        6..9 => {
            withdrawals::make(rng, site.setup, &mut transaction);
            execution = rng.u64(40_000..200_000);
        }
        9 => {
            key_changes::make(rng, site, &mut transaction);
            execution = rng.u64(60_000..200_000);
        }
        5 if transaction_type != TransactionType::Legacy => {
            transaction.access_list = (0..rng.u8(0..3))
                .map(|byte| AccessListItem {
                    address: contracts[usize::from(byte)],
                    storage_keys: vec![H256::zero(); rng.usize(0..3)],
                })
                .collect();
        }
        _ => {}
    }
    transaction.gas_limit = gas_limit(site, &transaction, execution);
    transaction
}

/// What the bytes cost, and `execution`.
fn gas_limit(site: &Site<'_>, transaction: &Transaction, execution: u64) -> Gas {
    let charges = millrace_block::charges(&site.setup.parameters);
    let bytes = charges.da_bytes(&transaction.shape());
    let da_gas = if site.pays_da { charges.da_gas(bytes, site.base_fee).unwrap() } else { 0 };
    Gas::new(da_gas + execution)
}

/// One thing about it is wrong, or close to.
fn spoil(rng: &mut Rng, site: &Site<'_>, transaction: &mut Transaction) {
    match rng.u8(0..9) {
        0 => transaction.nonce = transaction.nonce.wrapping_add(rng.u64(1..4)),
        1 => transaction.nonce = transaction.nonce.saturating_sub(rng.u64(1..4)),
        2 => transaction.nonce = u64::MAX - rng.u64(0..2),
        3 => transaction.value = *rng.choice(&[U256::exp10(24), U256::MAX, U256::exp10(21)]).unwrap(),
        4 => {
            let cap = [site.base_fee - 1, site.base_fee, site.base_fee + 1, U256::zero(), U256::MAX];
            transaction.max_fee_per_gas = *rng.choice(&cap).unwrap();
            if transaction.transaction_type != TransactionType::DynamicFee || rng.bool() {
                transaction.max_priority_fee_per_gas = transaction.max_fee_per_gas;
            }
        }
        5 => {
            let limit = transaction.gas_limit.get();
            let limits = [0, 20_999, 21_000, limit.saturating_sub(40_000), 1 << 50, (1 << 50) + 1, u64::MAX];
            transaction.gas_limit = Gas::new(*rng.choice(&limits).unwrap());
        }
        6 => transaction.chain_id = Some(U256::from(rng.u64(0..3))),
        7 if transaction.transaction_type == TransactionType::Legacy => transaction.chain_id = None,
        _ => transaction.max_priority_fee_per_gas = transaction.max_fee_per_gas + 1,
    }
}
