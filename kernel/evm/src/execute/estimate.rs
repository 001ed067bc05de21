//! How much gas a transaction needs: what `eth_estimateGas` asks.

use super::simulate::{da_gas, simulate_with};
use super::{BlockEnvironment, Call, CallOutcome, TransactionError};
use crate::fees::Fees;
use crate::fork::Fork;
use crate::state::{State, StateReader};
use alloc::boxed::Box;
use millrace_primitives::Gas;

/// Runs of the search, at most: each halves what 64 bits can hold.
const ATTEMPTS_MAX: u32 = 64;

/// Why there is no estimate.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum EstimateError<E> {
    /// It fails with all the gas it may have; this is how.
    Failed(Box<CallOutcome>),
    /// It cannot be tried.
    Transaction(TransactionError<E>),
}

impl<E> From<TransactionError<E>> for EstimateError<E> {
    fn from(error: TransactionError<E>) -> Self {
        Self::Transaction(error)
    }
}

/// The least gas limit with which this call succeeds as a transaction, data availability included. A limit
/// of the call itself (`gas`) bounds the search.
///
/// # Errors
/// When it fails even with the most gas, or cannot be tried.
pub fn estimate<R: StateReader>(
    state: &mut State<R>,
    block: &BlockEnvironment,
    fees: &Fees,
    fork: Fork,
    call: &Call,
) -> Result<Gas, EstimateError<R::Error>> {
    let da_gas = da_gas(block, fees, call).map_err(TransactionError::Invalid)?;
    let cap = fees.execution_gas_limit_max.get();
    let offered = call.gas.map_or(cap, |gas| gas.get().saturating_sub(da_gas)).min(cap);
    // Whether the caller can pay is no part of the question, so gas is free below.
    let call = Call { gas: None, gas_price: None, ..call.clone() };
    let mut attempt = |limit: u64| simulate_with(state, block, fork, &call, (limit, da_gas));

    let first = attempt(offered)?;
    if !first.succeeded {
        return Err(EstimateError::Failed(Box::new(first)));
    }
    // What was used may be too little: refunds come only at the end, and a call keeps back a 64th.
    let mut fails = first.execution_gas.get().saturating_sub(1);
    let mut succeeds = offered;
    for _ in 0..ATTEMPTS_MAX {
        let gap = succeeds.saturating_sub(fails);
        if gap <= 1 {
            break;
        }
        // Mostly the answer is close above what was used: look there first.
        let middle = if fails < first.execution_gas.get() && gap > 1 {
            first.execution_gas.get()
        } else {
            fails.saturating_add(gap / 2)
        };
        match attempt(middle) {
            Ok(outcome) if outcome.succeeded => succeeds = middle,
            Ok(_) | Err(TransactionError::Invalid(_)) => fails = middle,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(Gas::new(succeeds.saturating_add(da_gas)))
}
