//! A case: what there is, and what is sent.

use crate::{
    cast::{self, CHAIN_ID},
    input,
    program::{self, PRECOMPILES, Pieces},
    world::{Holder, World},
};
use anyhow::Result;
use fastrand::Rng;
use millrace_evm::{AccessListItem, Authorization, BlockEnvironment, TransactionType};
use millrace_primitives::{Address, BlockNumber, Fork, Gas, H160, H256, Timestamp, U256};

/// Most gas of a random transaction.
pub const GAS_MAX: u64 = 3_000_000;

/// Everything that decides on what happens.
#[derive(Clone, Debug)]
pub struct Case {
    /// The rules.
    pub fork: Fork,
    /// Wei for a unit of gas.
    pub base_fee: u64,
    /// Who receives tips.
    pub beneficiary: Address,
    /// The code of each contract.
    pub contracts: Vec<Pieces>,
    /// In order, in one block.
    pub transactions: Vec<Plan>,
}

/// A transaction before nonce and signature.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Its envelope.
    pub kind: TransactionType,
    /// Number of a user.
    pub sender: usize,
    /// Added to the right nonce.
    pub nonce_skew: i64,
    /// The chain it names.
    pub chain_id: Option<u64>,
    /// Whom it calls; a contract is created by nobody.
    pub to: Option<Address>,
    /// In wei.
    pub value: U256,
    /// Call data or code, in pieces.
    pub data: Pieces,
    /// How much gas it offers.
    pub gas: GasPlan,
    /// Wei for a unit of gas at most.
    pub fee_cap: u64,
    /// Of which so much on top of the base fee.
    pub tip: u64,
    /// Warm from the beginning.
    pub access_list: Vec<AccessListItem>,
    /// Delegations.
    pub authorizations: Vec<AuthorizationPlan>,
}

/// How much gas a transaction offers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum GasPlan {
    /// So much.
    Fixed(u64),
    /// What is needed before the first opcode, and so much more.
    Intrinsic(i64),
}

/// An authorization before nonce and signature.
#[derive(Clone, Debug)]
pub struct AuthorizationPlan {
    /// Number of a user.
    pub signer: usize,
    /// The chain it names.
    pub chain_id: U256,
    /// Whose code is to run.
    pub address: Address,
    /// Added to the right nonce; `None` for the largest of all.
    pub nonce_skew: Option<i64>,
    /// What is wrong with the signature.
    pub flaw: Option<Flaw>,
}

/// What can be wrong with a signature.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flaw {
    /// A parity that is none.
    Parity,
    /// `s` in the upper half.
    High,
    /// `r` of zero.
    Zero,
    /// A bit of `s` flipped: somebody else signed.
    Other,
}

impl Case {
    /// The case of a seed.
    pub fn of_seed(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let rng = &mut rng;
        let fork = Fork::ALL[rng.usize(0..Fork::ALL.len())];
        let size = [3, 10, 40][rng.usize(0..3)];
        Self {
            fork,
            base_fee: [0, 7, 1_000_000_000][rng.usize(0..3)],
            beneficiary: match rng.u8(0..5) {
                0 => cast::contract(1),
                1 => cast::nobody(),
                _ => H160::repeat_byte(0xfe),
            },
            contracts: (0..cast::CONTRACTS).map(|_| program::program(rng, size)).collect(),
            transactions: (0..rng.usize(1..4)).map(|_| Plan::random(rng, fork)).collect(),
        }
    }

    /// The block in which the transactions are.
    pub fn block(&self) -> BlockEnvironment {
        BlockEnvironment {
            number: BlockNumber::new(300),
            timestamp: Timestamp::new(1_800_000_000),
            beneficiary: self.beneficiary,
            gas_limit: Gas::new(1 << 50),
            base_fee: U256::from(self.base_fee),
            chain_id: U256::from(CHAIN_ID),
            prev_randao: H256::repeat_byte(9),
            blob_base_fee: U256::one(),
            fork: self.fork,
            ticketer: None,
        }
    }

    /// What there is before.
    ///
    /// # Errors
    /// Never, as the keys of the users are fixed.
    pub fn world(&self) -> Result<World> {
        let mut world = World::default();
        let users = cast::users()?;
        let riches = [U256::exp10(24), U256::from(5) * U256::exp10(15), U256::exp10(24)];
        for (user, balance) in users.iter().zip(riches) {
            world.put(user.address, Holder { balance, ..Holder::default() });
        }
        world.put(cast::rich(), Holder { balance: U256::from(5), ..Holder::default() });
        for (index, code) in self.contracts.iter().enumerate() {
            let slot = |key: u8| (word(key), word(key));
            let storage = (1..4).map(slot).collect();
            let balance = U256::from(1_000 * index);
            world.put(cast::contract(index), Holder { nonce: 1, balance, code: code.concat(), storage });
        }
        // Before Prague nobody delegates.
        if self.fork >= Fork::Prague {
            let delegates =
                [cast::contract(0), cast::delegated(0), cast::delegated(2), cast::small(4), cast::nobody()];
            for (index, delegate) in delegates.into_iter().enumerate() {
                world.put(cast::delegated(index), delegating(delegate));
            }
            if let Some(user) = users.get(2) {
                world.put(
                    user.address,
                    Holder { balance: U256::exp10(24), nonce: 1, ..delegating(cast::contract(1)) },
                );
            }
        }
        Ok(world)
    }
}

fn delegating(delegate: Address) -> Holder {
    let code = [&[0xef, 0x01, 0x00], delegate.as_bytes()].concat();
    Holder { nonce: 1, balance: U256::from(77), code, ..Holder::default() }
}

fn word(value: u8) -> H256 {
    let mut word = H256::zero();
    word.0[31] = value;
    word
}

/// True once in `one_in`.
fn rarely(rng: &mut Rng, one_in: u8) -> bool {
    rng.u8(0..one_in) == 0
}

impl Plan {
    fn random(rng: &mut Rng, fork: Fork) -> Self {
        let kind = match rng.u8(0..10) {
            0..2 => TransactionType::Legacy,
            2..4 => TransactionType::AccessList,
            4..7 => TransactionType::DynamicFee,
            _ if fork < Fork::Prague && !rarely(rng, 10) => TransactionType::DynamicFee,
            _ => TransactionType::SetCode,
        };
        let (to, data) = receiver(rng, kind);
        let fee_cap = if rarely(rng, 15) { rng.u64(0..20) } else { 3_000_000_000 };
        let has_tip = matches!(kind, TransactionType::DynamicFee | TransactionType::SetCode);
        let authorizations = match kind {
            TransactionType::SetCode => {
                let count = if rarely(rng, 20) { 0 } else { rng.usize(1..4) };
                (0..count).map(|_| AuthorizationPlan::random(rng)).collect()
            }
            _ => vec![],
        };
        Self {
            kind,
            sender: if rarely(rng, 30) { rng.usize(0..cast::USERS) } else { rng.usize(0..cast::FUNDED) },
            nonce_skew: if rarely(rng, 30) { rng.i64(-1..3) } else { 0 },
            chain_id: match rng.u8(0..30) {
                0 => Some(1),
                1..10 if kind == TransactionType::Legacy => None,
                _ => Some(CHAIN_ID),
            },
            to,
            value: match rng.u8(0..20) {
                0..10 => U256::zero(),
                10..19 => U256::from(rng.u64(1..1_000)),
                _ => U256::exp10([15, 24][rng.usize(0..2)]),
            },
            data,
            gas: match rng.u8(0..20) {
                0 => GasPlan::Intrinsic(rng.i64(-1..4)),
                1..5 => GasPlan::Intrinsic(rng.i64(0..20_000)),
                5 if rarely(rng, 3) => GasPlan::Fixed((1 << 24) + rng.u64(0..3)),
                5..14 => GasPlan::Fixed(rng.u64(50_000..400_000)),
                _ => GasPlan::Fixed(rng.u64(400_000..GAS_MAX)),
            },
            fee_cap,
            tip: if has_tip { [0, 1, 2_000_000_000, 3_000_000_000][rng.usize(0..4)] } else { fee_cap },
            access_list: match kind {
                TransactionType::Legacy => vec![],
                _ => (0..rng.usize(0..3)).map(|_| listed(rng)).collect(),
            },
            authorizations,
        }
    }
}

fn receiver(rng: &mut Rng, kind: TransactionType) -> (Option<Address>, Pieces) {
    let data = |rng: &mut Rng| vec![input::random(rng, 300)];
    match rng.u8(0..20) {
        // One that sets code and creates a contract has no encoding; revm does not look.
        0..3 if kind != TransactionType::SetCode => (None, program::initialisation(rng, 20)),
        3 => {
            let number = PRECOMPILES[rng.usize(0..PRECOMPILES.len())];
            (Some(cast::small(number)), vec![input::of_precompile(rng, number)])
        }
        4..7 => (Some(cast::delegated(rng.usize(0..cast::DELEGATED))), data(rng)),
        7 => (Some(cast::nobody()), data(rng)),
        8 => {
            let user = cast::users().ok().and_then(|users| users.get(rng.usize(0..cast::USERS)));
            (user.map(|user| user.address), data(rng))
        }
        _ => (Some(cast::contract(rng.usize(0..cast::CONTRACTS))), data(rng)),
    }
}

fn listed(rng: &mut Rng) -> AccessListItem {
    let address = if rarely(rng, 4) { cast::nobody() } else { cast::contract(rng.usize(0..cast::CONTRACTS)) };
    AccessListItem { address, storage_keys: (0..rng.usize(0..3)).map(|_| word(rng.u8(0..5))).collect() }
}

impl AuthorizationPlan {
    fn random(rng: &mut Rng) -> Self {
        Self {
            signer: rng.usize(0..cast::USERS),
            chain_id: match rng.u8(0..8) {
                0 => U256::from(1),
                1 => U256::MAX,
                2..4 => U256::zero(),
                _ => U256::from(CHAIN_ID),
            },
            address: match rng.u8(0..8) {
                0 => Address::zero(),
                1 => cast::delegated(rng.usize(0..cast::DELEGATED)),
                2 => cast::small(PRECOMPILES[rng.usize(0..PRECOMPILES.len())]),
                _ => cast::contract(rng.usize(0..cast::CONTRACTS)),
            },
            nonce_skew: if rarely(rng, 20) {
                None
            } else {
                Some(if rarely(rng, 4) { rng.i64(-1..3) } else { 0 })
            },
            flaw: match rng.u8(0..24) {
                0 => Some(Flaw::Parity),
                1 => Some(Flaw::High),
                2 => Some(Flaw::Zero),
                3 => Some(Flaw::Other),
                _ => None,
            },
        }
    }

    /// Nothing signed yet.
    pub fn claim(&self, nonce: u64) -> Authorization {
        Authorization {
            chain_id: self.chain_id,
            address: self.address,
            nonce: self.nonce_skew.map_or(u64::MAX, |skew| nonce.saturating_add_signed(skew)),
            y_parity: 0,
            r: U256::zero(),
            s: U256::zero(),
        }
    }
}
