//! What a simulated rollup is originated with.

use super::{
    super::{
        chain::{START, TICKETER, User},
        kernels::{self, BOOT},
    },
    slots,
};
use fastrand::Rng;
use millrace_evm::keccak;
use millrace_host::MemoryHost;
use millrace_layout::{
    parameters::{self, Contracts, Dal, DelayedInbox, ExecutionFee, Parameters, Upgrades},
    sequencers,
    world::{Code, World},
};
use millrace_primitives::{Account, Address, ContractHash, EMPTY_CODE_HASH, Epoch, Gas, PreimageHash, U256};
use millrace_wire::{
    address::Curve,
    authority::{Authority, PublicKey},
    signature::SecretKey,
};

pub(super) use super::super::chain::{GWEI, ROLLUP};
pub(super) const BRIDGE: ContractHash = ContractHash::new([0xb1; 20]);
pub(super) const ADMIN: ContractHash = ContractHash::new([0xad; 20]);
pub(super) const KERNEL_GOVERNANCE: ContractHash = ContractHash::new([0x60; 20]);
pub(super) const SECURITY_GOVERNANCE: ContractHash = ContractHash::new([0x5e; 20]);
pub(super) const SEQUENCER_GOVERNANCE: ContractHash = ContractHash::new([0x5c; 20]);
pub(super) const CHAIN_ID: u64 = 1337;
/// How many kernels may be announced, and the number of the one that the simulation announces itself.
pub(super) const KERNELS: u8 = 8;
pub(super) const UPGRADE: u8 = 0xee;
/// How many may be put in charge.
pub(super) const CANDIDATES: u8 = 8;

/// Code that is there from the beginning: what a call can do to a chain that keeps books.
const CODES: [&[u8]; 9] = [
    // Reverts.
    &[0x60, 0, 0x60, 0, 0xfd],
    // Never ends.
    &[0x5b, 0x60, 0, 0x56],
    // Counts in a slot.
    &[0x60, 0, 0x54, 0x60, 1, 0x01, 0x60, 0, 0x55, 0x00],
    // Logs what it knows of the block.
    &[0x42, 0x60, 0, 0x52, 0x43, 0x60, 0x20, 0x52, 0x48, 0x60, 0x40, 0x60, 0, 0xa1, 0x00],
    // Gives all it has to the caller.
    &[0x33, 0xff],
    // Clears its slot and sets it, by turns.
    &[0x60, 0, 0x54, 0x15, 0x60, 0, 0x55, 0x00],
    // Makes an empty contract with what it was sent.
    &[0x60, 0, 0x60, 0, 0x34, 0xf0, 0x60, 1, 0x55, 0x00],
    // An invalid instruction.
    &[0xfe],
    // Withdraws half of what it was sent, as its caller says, whatever comes of it.
    &[
        0x36, 0x5f, 0x5f, 0x37, 0x5f, 0x5f, 0x36, 0x5f, 0x60, 2, 0x34, 0x04, 0x73, 0xff, 0, 0, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x5a, 0xf1, 0x00,
    ],
];

/// Who orders transactions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Mode {
    Single,
    Committee,
    Nobody,
}

/// What a rollup is originated with, and the keys to it.
pub(super) struct Setup {
    pub(super) mode: Mode,
    pub(super) parameters: Parameters,
    pub(super) authority: Option<Authority>,
    /// Of everybody who is or may be in office.
    pub(super) keys: Vec<SecretKey>,
    pub(super) users: Vec<User>,
    pub(super) contracts: Vec<Address>,
}

impl Setup {
    pub(super) fn random(rng: &mut Rng, mode: Mode) -> Self {
        let (keys, quorum) = match mode {
            Mode::Single => (vec![single_key(rng)], 1),
            Mode::Committee => ((0..3).map(|seed| SecretKey::from_seed(&[0xc0 + seed; 32])).collect(), 2),
            Mode::Nobody => (vec![], 0),
        };
        let members: Vec<_> = keys.iter().map(SecretKey::public_key).collect();
        let authority = (!members.is_empty()).then_some(Authority { epoch: Epoch::ZERO, members, quorum });
        let contracts = (0..CODES.len()).map(|index| Address::repeat_byte(0xa0 + index as u8)).collect();
        Self {
            mode,
            parameters: random_parameters(rng),
            authority,
            keys: keys.into_iter().chain((0..CANDIDATES).map(candidate)).collect(),
            users: (1..=8).map(User::new).collect(),
            contracts,
        }
    }

    /// The keys of an authority, in its order.
    pub(super) fn keys_of(&self, authority: &Authority) -> Vec<&SecretKey> {
        let key_of = |member: &PublicKey| self.keys.iter().find(|key| key.public_key() == *member).unwrap();
        authority.members.iter().map(key_of).collect()
    }

    /// A host on which the installer has been.
    pub(super) fn originate(&self) -> MemoryHost {
        let mut host = MemoryHost::with_rollup(ROLLUP);
        host.set_value(BOOT, kernels::module(b"the first kernel"));
        for index in (0..KERNELS).chain([UPGRADE]) {
            for (hash, page) in upgrade(index).1 {
                host.add_preimage(hash, page);
            }
        }
        parameters::key().unwrap().write(&mut host, &self.parameters).unwrap();
        if let Some(authority) = &self.authority {
            sequencers::key().unwrap().write(&mut host, authority).unwrap();
        }
        let fee = U256::from(700_000) * self.parameters.base_fee_min;
        let balances =
            [U256::exp10(24), U256::exp10(24), U256::exp10(21), fee * 40, fee * 3, fee, U256::one()];
        for (user, balance) in self.users.iter().zip(balances) {
            write_account(&mut host, user.address, balance, EMPTY_CODE_HASH);
        }
        for (address, code) in self.contracts.iter().zip(CODES) {
            let hash = keccak(code);
            World::Committed.code(hash).unwrap().write(&mut host, &Code(code.to_vec())).unwrap();
            write_account(&mut host, *address, U256::from(5), hash);
        }
        host.set_dal_parameters(Some(slots::constants()));
        host.reset_meter();
        host
    }
}

/// A kernel that somebody may announce: the name of its root, and its pages. Some are no kernels.
pub(super) fn upgrade(index: u8) -> (PreimageHash, Vec<(PreimageHash, Vec<u8>)>) {
    match index {
        0 => kernels::pages(&[0x5a; 9_000]),
        1 => {
            let page = vec![0, 0, 0, 0, 9, 1];
            let hash = kernels::name_of(&page);
            (hash, vec![(hash, page)])
        }
        _ => kernels::pages(&kernels::module(&[index; 20_000])),
    }
}

/// Somebody who may be put in charge.
pub(super) fn candidate(index: u8) -> SecretKey {
    SecretKey::from_seed(&[index; 32])
}

fn write_account(
    host: &mut MemoryHost,
    address: Address,
    balance: U256,
    code_hash: millrace_primitives::H256,
) {
    let account = Account { balance, code_hash, nonce: u64::from(code_hash != EMPTY_CODE_HASH) };
    World::Committed.account(address).unwrap().write(host, &account).unwrap();
}

fn single_key(rng: &mut Rng) -> SecretKey {
    match rng.u8(0..8) {
        0 => SecretKey::from_bytes(Curve::P256, &[3; 32]).unwrap(),
        1 | 2 => SecretKey::from_bytes(Curve::Secp256k1, &[3; 32]).unwrap(),
        _ => SecretKey::from_seed(&[9; 32]),
    }
}

fn random_parameters(rng: &mut Rng) -> Parameters {
    let defaults = Parameters::default();
    let tight = rng.bool();
    Parameters {
        contracts: Contracts {
            ticketer: Some(TICKETER),
            delayed_bridge: Some(BRIDGE),
            admin: Some(ADMIN),
            kernel_governance: Some(KERNEL_GOVERNANCE),
            security_governance: Some(SECURITY_GOVERNANCE),
            sequencer_governance: Some(SEQUENCER_GOVERNANCE),
        },
        pool: if rng.u8(0..4) == 0 { User::new(3).address } else { Address::repeat_byte(0x99) },
        base_fee_min: U256::from(if rng.u8(0..4) == 0 { 7 } else { GWEI }),
        da_fee_per_byte: U256::from(*rng.choice(&[0, 1_000, 4_000_000_000_000u64]).unwrap()),
        execution_fee: if rng.bool() { ExecutionFee::Burned } else { ExecutionFee::Pool },
        gas_target_per_s: Gas::new(*rng.choice(&[1_000, 40_000, 13_500_000]).unwrap()),
        execution_gas_transaction_max: if tight {
            Gas::new(300_000)
        } else {
            defaults.execution_gas_transaction_max
        },
        execution_gas_block_max: if tight { Gas::new(500_000) } else { defaults.execution_gas_block_max },
        lookahead_s: *rng.choice(&[0, 20, 300]).unwrap(),
        delayed: DelayedInbox {
            timeout_s: *rng.choice(&[0, 30, 90, 200]).unwrap(),
            timeout_levels: rng.u32(0..8),
            forced_items_max: *rng.choice(&[2, 5, 1_000]).unwrap(),
        },
        has_fa_bridge: rng.u8(0..5) > 0,
        upgrades: Upgrades {
            notice_s: *rng.choice(&[0, 30]).unwrap(),
            security_notice_s: 0,
            forced_after_s: *rng.choice(&[0, 600, 86_400]).unwrap(),
            trial_levels: rng.u32(0..3),
        },
        genesis_timestamp: START,
        dal: Dal {
            is_enabled: rng.u8(0..4) > 0,
            has_signals: rng.u8(0..6) > 0,
            slots: slots::listed(),
            publishers: if rng.u8(0..4) > 0 { vec![slots::PUBLISHER] } else { vec![] },
        },
        ..defaults
    }
}
