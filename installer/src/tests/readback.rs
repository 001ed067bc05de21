//! What the installer writes is what the kernel reads: the same paths, the same widths, the same values, whatever the
//! parameters.

use super::{installed, kernel};
use crate::{
    inspect::{Pages, inspect},
    *,
};
use millrace_block::{WorldReader, ensure_genesis};
use millrace_evm::state::StateReader as _;
use millrace_host::MemoryHost;
use millrace_layout::{
    parameters, sequencers,
    world::{Code, World},
};
use millrace_primitives::{ContractHash, EMPTY_CODE_HASH, H256, RollupAddress};
use millrace_wire::{
    address::{Curve, PublicKeyHash},
    base58::Base58Check,
    signature::SecretKey,
};
use proptest::{collection::btree_map, collection::vec, prelude::*};
use std::collections::BTreeMap;

fn key(seed: u8) -> String {
    SecretKey::from_seed(&[seed; 32]).public_key().to_base58()
}

fn contract() -> impl Strategy<Value = Option<String>> {
    proptest::option::of(any::<[u8; 20]>().prop_map(|hash| ContractHash::new(hash).to_base58()))
}

/// Addresses that no precompile and no bridge has.
fn address() -> impl Strategy<Value = String> {
    any::<[u8; 19]>().prop_map(|rest| format!("0x01{}", hex::encode(rest)))
}

/// Of different first bytes than those of [`address`].
fn contract_address() -> impl Strategy<Value = String> {
    any::<[u8; 19]>().prop_map(|rest| format!("0x02{}", hex::encode(rest)))
}

fn ordering() -> impl Strategy<Value = (String, Option<Committee>)> {
    let committee =
        (2..30u8).prop_flat_map(|count| (Just(count), 1..=u16::from(count))).prop_map(|(count, quorum)| {
            let members = (0..count).map(key).collect();
            (String::new(), Some(Committee { members, quorum }))
        });
    prop_oneof![any::<u8>().prop_map(|seed| (key(seed), None)), Just((NOBODY.to_owned(), None)), committee,]
}

fn fees() -> impl Strategy<Value = Fees> {
    // Not far from each other: a transfer has to be payable.
    (1..=1_000_000_000u64, 0..=4_000_000_000_000u64, any::<bool>(), 1..=1_000_000_000u64).prop_map(
        |(base_fee, da_fee, is_burned, gas_target_per_s)| Fees {
            base_fee_min: format!("{base_fee}000 wei"),
            da_fee_per_byte: da_fee.to_string(),
            execution: if is_burned { ExecutionFee::Burned } else { ExecutionFee::Pool },
            gas_target_per_s,
        },
    )
}

fn limits() -> impl Strategy<Value = Limits> {
    (21_000..=8_000_000_000u64, 0..=1_000_000u64, 0..=1_000_000u64, 1..=86_400u64).prop_map(
        |(transaction, block, header, lookahead_s)| Limits {
            execution_gas_transaction_max: transaction,
            execution_gas_block_max: transaction + block,
            gas_limit_header: (1 << 50) + header,
            lookahead_s,
        },
    )
}

fn dal(is_single: bool) -> impl Strategy<Value = Dal> {
    let publisher = any::<[u8; 20]>().prop_map(|hash| PublicKeyHash { curve: Curve::P256, hash }.to_base58());
    let publishers = proptest::collection::btree_set(publisher, 1..32);
    (publishers, proptest::collection::btree_set(any::<u8>(), 0..20)).prop_map(move |(publishers, slots)| {
        let (signals, slots) = (!slots.is_empty(), slots.into_iter().collect());
        Dal { enabled: is_single, signals, slots, publishers: publishers.into_iter().collect() }
    })
}

fn genesis() -> impl Strategy<Value = GenesisState> {
    let word = || {
        any::<[u8; 32]>()
            .prop_filter("zero", |word| word != &[0; 32])
            .prop_map(|word| format!("0x{}", hex::encode(word)))
    };
    let code = vec(0..0xefu8, 1..200).prop_map(|code| format!("0x{}", hex::encode(code)));
    let funds = (1..u64::MAX, 0..u64::MAX)
        .prop_map(|(balance, nonce)| Funds { balance: format!("{balance} gwei"), nonce });
    let contract = (code, 0..u64::MAX, any::<u64>(), btree_map(word(), word(), 0..4)).prop_map(
        |(code, nonce, balance, storage)| Contract { code, nonce, balance: balance.to_string(), storage },
    );
    (0..4_102_444_800u64, btree_map(address(), funds, 0..20), btree_map(contract_address(), contract, 0..4))
        .prop_map(|(timestamp, accounts, contracts)| GenesisState { timestamp, accounts, contracts })
}

prop_compose! {
    fn roles()(contracts in vec(contract(), 5), is_one in any::<bool>()) -> Contracts {
        let [delayed_bridge, admin, kernel_governance, security_governance, other] = contracts.try_into().expect("five");
        // Kernel and sequencer governance may be one.
        let sequencer_governance = if is_one { kernel_governance.clone() } else { other };
        Contracts { delayed_bridge, admin, kernel_governance, security_governance, sequencer_governance }
    }
}

fn all() -> impl Strategy<Value = Parameters> {
    let terms = (1..=u64::MAX / 2 - 36, 0..4usize, any::<bool>(), contract(), any::<[u8; 19]>());
    let delayed = (1..=31_536_000u64, 1..=5_256_000u32, 1..=10_000u32);
    let upgrades = (0..=1_000_000u64, 0..=1_000_000u64, 0..=31_536_000u64, 0..=5_256_000u32);
    let rest = ordering().prop_flat_map(|ordering| {
        let is_single = ordering.1.is_none() && ordering.0 != NOBODY;
        (Just(ordering), dal(is_single))
    });
    (terms, roles(), delayed, upgrades, fees(), limits(), genesis(), rest).prop_map(
        |(terms, contracts, delayed, upgrades, fees, limits, genesis, ((sequencer, committee), dal))| {
            let (chain_id, fork, fa_bridge, ticketer, pool) = terms;
            let (timeout_s, timeout_levels, forced_items_max) = delayed;
            let (notice_s, security, forced_after_s, trial_levels) = upgrades;
            Parameters {
                chain_id,
                fork: [Fork::Shanghai, Fork::Cancun, Fork::Prague, Fork::Osaka][fork],
                sequencer,
                committee,
                ticketer,
                contracts,
                fa_bridge,
                delayed_inbox: DelayedInbox { timeout_s, timeout_levels, forced_items_max },
                dal,
                upgrades: Upgrades {
                    notice_s,
                    security_notice_s: security.min(notice_s),
                    forced_after_s,
                    trial_levels,
                },
                pool: Some(format!("0x03{}", hex::encode(pool))),
                fees,
                limits,
                genesis,
            }
        },
    )
}

/// A host on which the installer has been.
fn booted(values: &BTreeMap<String, Vec<u8>>) -> MemoryHost {
    let mut host = MemoryHost::with_rollup(RollupAddress::new([7; 20]));
    for (path, value) in values {
        host.set_value(path, value.clone());
    }
    host
}

/// What the kernel's own readers find is what the parameters say.
fn check_readers(host: &MemoryHost, genesis: &Genesis) {
    assert_eq!(parameters::read(host), Ok(genesis.parameters.clone()));
    assert_eq!(sequencers::read(host), Ok(genesis.authority.clone()));
    let reader = WorldReader::new(host);
    for (address, account) in &genesis.accounts {
        assert_eq!(reader.account(*address), Ok(Some(*account)), "{address:?}");
        if account.code_hash != EMPTY_CODE_HASH {
            let code = reader.code(account.code_hash).expect("its code");
            assert_eq!(genesis.codes.get(&account.code_hash), Some(&Code(code)));
        }
    }
    for (address, slots) in &genesis.slots {
        for (slot, value) in slots {
            assert_eq!(reader.storage(*address, *slot), Ok(*value), "{address:?} {slot:?}");
        }
        assert_eq!(reader.storage(*address, H256::repeat_byte(0xee)), Ok(H256::zero()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_value_is_read_back_by_the_kernel(wanted in all()) {
        let genesis = wanted.genesis().expect("sound parameters");
        let dist = build(&wanted, &kernel(100)).expect("an installer");
        let values = installed(&dist);
        // Kernel, settings and the allocation, and nothing else.
        let count = 1 + genesis.settings().expect("settings").len() + genesis.allocation().expect("allocation").len();
        prop_assert_eq!(values.len(), count);
        let mut host = booted(&values);
        check_readers(&host, &genesis);
        // The kernel makes block 0 of it.
        ensure_genesis(&mut host).expect("block 0");
        let head = World::Committed.head().expect("a key").require(&host).expect("a head");
        prop_assert_eq!(head.header.timestamp, genesis.parameters.genesis_timestamp);
        prop_assert_eq!(head.header.beneficiary, genesis.parameters.pool);
        prop_assert_eq!(head.header.base_fee_per_gas, genesis.parameters.base_fee_min);
        prop_assert_eq!(head.header.gas_limit, genesis.parameters.gas_limit_header);
        check_readers(&host, &genesis);
    }

    #[test]
    fn what_is_written_is_read_back_from_text_and_from_the_installer(wanted in all()) {
        // JSON is YAML.
        let text = serde_json::to_string_pretty(&wanted).expect("JSON");
        prop_assert_eq!(&Parameters::from_yaml(&text).expect("what was written"), &wanted);
        let dist = build(&wanted, &kernel(100)).expect("an installer");
        let inspection = inspect(&dist.installer, Pages::Memory(&dist.preimages)).expect("an installer");
        prop_assert!(inspection.faults.is_empty(), "{inspection}");
        let found = inspection.parameters.expect("parameters of ours");
        prop_assert_eq!(found.genesis().expect("sound"), wanted.genesis().expect("sound"));
    }
}
