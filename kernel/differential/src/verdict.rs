//! Runs a case on both sides and compares.

use crate::{
    case::{AuthorizationPlan, Case, Flaw, GasPlan, Plan},
    cast::{self, User},
    ours, theirs,
    world::World,
};
use anyhow::{Context as _, Result, anyhow};
use millrace_evm::{Authorization, Recovered, State, Transaction};
use millrace_primitives::{Address, Fork, Gas, Log, U256};
use std::fmt;

/// What became of a transaction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Seen {
    /// It may not be in a block, and why: in words of its side, so not compared.
    Invalid(String),
    /// It may.
    Ended(Ended),
}

/// How it ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ended {
    /// Well or not.
    pub end: End,
    /// As in a receipt.
    pub gas_used: u64,
    /// In order.
    pub logs: Vec<Log>,
    /// Of a call or a revert; empty for a creation.
    pub output: Vec<u8>,
    /// The contract that was made.
    pub created: Option<Address>,
}

/// Well or not.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum End {
    /// It stopped or returned.
    Success,
    /// By its own will.
    Revert,
    /// All gas is gone; why, in words of its side.
    Halt(String),
}

impl Ended {
    fn agrees(&self, other: &Self) -> bool {
        let same_end = match (&self.end, &other.end) {
            (End::Halt(_), End::Halt(_)) => true,
            (ours, theirs) => ours == theirs,
        };
        let both = |of: &Self| (of.gas_used, of.logs.clone(), of.output.clone(), of.created);
        same_end && both(self) == both(other)
    }
}

/// The sides do not agree.
#[derive(Clone, Debug)]
pub struct Difference {
    /// Which transaction, from 0.
    pub transaction: usize,
    /// What differs.
    pub what: What,
}

/// What differs.
#[derive(Clone, Debug)]
pub enum What {
    /// How the transaction ended: ours, theirs.
    End(Box<(Seen, Seen)>),
    /// An account after it: ours, theirs.
    State(String),
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.what {
            What::End(sides) => {
                write!(f, "transaction {}:\n ours   {:?}\n theirs {:?}", self.transaction, sides.0, sides.1)
            }
            What::State(text) => write!(f, "after transaction {}:\n{text}", self.transaction),
        }
    }
}

/// Runs a case. What became of each transaction, for statistics, or the first difference.
///
/// # Errors
/// When the case is broken.
pub fn check(case: &Case) -> Result<Result<Vec<Seen>, Difference>> {
    let (users, block) = (cast::users()?, case.block());
    let start = case.world()?;
    let mut state = State::new(start.clone());
    let mut world = start.clone();
    let mut all = vec![];
    for (transaction, plan) in case.transactions.iter().enumerate() {
        let recovered = sign(plan, case.fork, users, &world)?;
        let seen = ours::run(&mut state, &block, &recovered)?;
        let parts = (recovered.transaction(), recovered.sender());
        let (other, after) = theirs::run(&world, &block, parts)?;
        let agrees = match (&seen, &other) {
            (Seen::Invalid(_), Seen::Invalid(_)) => true,
            (Seen::Ended(ours), Seen::Ended(theirs)) => ours.agrees(theirs),
            _ => false,
        };
        if !agrees {
            let what = What::End(Box::new((seen, other)));
            return Ok(Err(Difference { transaction, what }));
        }
        world = after.unwrap_or(world);
        let ours = start.after(&state.changes())?;
        if ours.holders != world.holders {
            let what = What::State(differing(&ours, &world));
            return Ok(Err(Difference { transaction, what }));
        }
        all.push(seen);
    }
    Ok(Ok(all))
}

fn differing(ours: &World, theirs: &World) -> String {
    let all = ours.holders.keys().chain(theirs.holders.keys()).collect::<std::collections::BTreeSet<_>>();
    let differ = all.into_iter().filter(|address| ours.holders.get(address) != theirs.holders.get(address));
    let lines = differ.map(|address| {
        let side = |world: &World| format!("{:?}", world.holders.get(address));
        format!("{address:?}\n ours   {}\n theirs {}", side(ours), side(theirs))
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The transaction of a plan, as the world is now.
fn sign(plan: &Plan, fork: Fork, users: &[User], world: &World) -> Result<Recovered> {
    let sender = users.get(plan.sender).context("no such user")?;
    let nonce = world.nonce(sender.address).saturating_add_signed(plan.nonce_skew);
    let authorizations = plan
        .authorizations
        .iter()
        .map(|one| {
            let signer = users.get(one.signer).context("no such user")?;
            let raised = u64::from(signer.address == sender.address);
            authorize(one, signer, world.nonce(signer.address).saturating_add(raised))
        })
        .collect::<Result<Vec<_>>>()?;
    let mut transaction = Transaction {
        transaction_type: plan.kind,
        chain_id: plan.chain_id.map(U256::from),
        nonce,
        gas_limit: Gas::ZERO,
        max_fee_per_gas: U256::from(plan.fee_cap),
        max_priority_fee_per_gas: U256::from(plan.tip),
        to: plan.to,
        value: plan.value,
        data: plan.data.concat(),
        access_list: plan.access_list.clone(),
        authorizations,
    };
    transaction.gas_limit = Gas::new(match plan.gas {
        GasPlan::Fixed(gas) => gas,
        GasPlan::Intrinsic(more) => intrinsic(&transaction, fork).saturating_add_signed(more),
    });
    let signature = sender.sign(transaction.signing_hash().0)?;
    transaction.sign(signature).recover().map_err(|error| anyhow!("{error:?}"))
}

fn authorize(plan: &AuthorizationPlan, signer: &User, nonce: u64) -> Result<Authorization> {
    let mut signed = signer.authorize(plan.claim(nonce))?;
    match plan.flaw {
        Some(Flaw::Parity) => signed.y_parity += 2,
        Some(Flaw::High) => {
            let order = [0xbfd2_5e8c_d036_4141, 0xbaae_dce6_af48_a03b, 0xffff_ffff_ffff_fffe, u64::MAX];
            (signed.s, signed.y_parity) = (U256(order) - signed.s, 1 - signed.y_parity);
        }
        Some(Flaw::Zero) => signed.r = U256::zero(),
        Some(Flaw::Other) => signed.s ^= U256::one(),
        None => {}
    }
    Ok(signed)
}

/// The gas that must be there before the first opcode, worked out once more.
fn intrinsic(transaction: &Transaction, fork: Fork) -> u64 {
    let tokens: u64 = transaction.data.iter().map(|byte| if *byte == 0 { 1 } else { 4 }).sum();
    let listed: u64 =
        transaction.access_list.iter().map(|item| 2_400 + 1_900 * item.storage_keys.len() as u64).sum();
    let words = (transaction.data.len() as u64).div_ceil(32);
    let creation = if transaction.to.is_none() { 32_000 + 2 * words } else { 0 };
    let authorized = 25_000 * transaction.authorizations.len() as u64;
    let gas = 21_000 + 4 * tokens + listed + creation + authorized;
    let floor = if fork >= Fork::Prague { 21_000 + 10 * tokens } else { 0 };
    gas.max(floor)
}
