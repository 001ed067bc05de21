//! Which transactions the next block takes.
//!
//! Senders take turns: first the next transaction of each, then the second of each, and so on, so that
//! nobody crowds out the others. Within a turn the earlier arrival goes first. The fee cap decides only who
//! can pay the price of the block at all: every transaction pays that same price, so a higher cap costs
//! nothing and must not buy a place in front of others.

use super::{Pool, Transaction, queue::Entry};
use millrace_primitives::{Gas, U256};
use millrace_wire::blueprint::PayloadSize;
use std::{cmp::Reverse, collections::BinaryHeap, sync::Arc};

/// What a block has room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// What is in the payload already: its delayed items.
    pub payload: PayloadSize,
    /// Execution gas that the limits of the transactions may sum up to.
    pub execution_gas: Gas,
    /// The price: who does not offer it waits.
    pub base_fee_per_gas: U256,
    /// Transactions.
    pub transactions: usize,
}

/// No transaction executes with less gas: a block with less left is full.
const EXECUTION_GAS_MIN: u64 = 21_000;

/// A sender whose turn comes: the round, the arrival of its transaction, its place among the senders.
type Turn = Reverse<(u64, u64, usize)>;

impl Pool {
    /// The transactions of the next block, in their order. They stay in the pool until
    /// [`Pool::settle`] or [`Pool::remove`]. At least one transaction is taken however large it is, as long
    /// as its size fits and its sender can pay the price.
    pub fn select(&self, budget: Budget) -> Vec<Arc<Transaction>> {
        let mut runs: Vec<_> = self.senders.values().map(|queue| queue.pending().peekable()).collect();
        let mut turns: BinaryHeap<Turn> = BinaryHeap::with_capacity(runs.len());
        for (index, run) in runs.iter_mut().enumerate() {
            turns.extend(run.peek().map(|entry| turn(0, entry, index)));
        }
        let mut selected = Vec::new();
        let (mut payload, mut gas) = (budget.payload, Gas::ZERO);
        while let Some(Reverse((round, _, index))) = turns.pop() {
            let is_out_of_gas = gas.saturating_add(EXECUTION_GAS_MIN) > budget.execution_gas;
            if selected.len() >= budget.transactions || (is_out_of_gas && !selected.is_empty()) {
                break;
            }
            let Some(run) = runs.get_mut(index) else { continue };
            let Some(entry) = run.next() else { continue };
            let transaction = &entry.transaction;
            let mut new_payload = payload;
            new_payload.add_transaction(&transaction.raw);
            let new_gas = gas.saturating_add(transaction.execution_gas.get());
            let is_affordable = transaction.max_fee_per_gas >= budget.base_fee_per_gas;
            let has_gas = new_gas <= budget.execution_gas || selected.is_empty();
            if !is_affordable || !new_payload.fits() || !has_gas {
                // This sender waits for the next block; smaller ones may still fit.
                continue;
            }
            (payload, gas) = (new_payload, new_gas);
            selected.push(Arc::clone(transaction));
            turns.extend(run.peek().map(|entry| turn(round.saturating_add(1), entry, index)));
        }
        selected
    }
}

fn turn(round: u64, entry: &Entry, index: usize) -> Turn {
    Reverse((round, entry.arrival, index))
}
