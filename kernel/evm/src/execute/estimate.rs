//! How much gas a transaction needs: what `eth_estimateGas` asks.

use super::simulate::{After, Terms, da_gas, simulate_with};
use super::{BlockEnvironment, Call, CallOutcome, TransactionError};
use crate::fees::Fees;
use crate::state::{State, StateReader};
use crate::trace::NoTracer;
use alloc::boxed::Box;
use millrace_primitives::{Gas, U256};

/// Runs of the search, at most: each halves what 64 bits can hold.
const ATTEMPTS_MAX: u32 = 64;

/// What is asked.
#[derive(Clone, Copy)]
pub struct Estimation<'a> {
    /// The transaction to be. Its gas, if it names some, bounds the search; its price does not matter.
    pub call: &'a Call,
    /// The lowest base fee at which the gas must suffice: data availability takes the more gas the cheaper gas
    /// is. No higher than that of the block.
    pub base_fee_min: U256,
    /// Asked before each run but the first; false ends the search.
    pub goes_on: &'a dyn Fn() -> bool,
}

/// Why there is no estimate.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum EstimateError<E> {
    /// The caller no longer wants it.
    Interrupted,
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

/// The least gas limit with which this call succeeds as a transaction, data availability included. The
/// execution sees what it would see in `block`, its base fee as the price of gas included.
///
/// # Errors
/// When it fails even with the most gas, cannot be tried, or is interrupted.
pub fn estimate<R: StateReader>(
    state: &mut State<R>,
    block: &BlockEnvironment,
    fees: &Fees,
    estimation: &Estimation<'_>,
) -> Result<Gas, EstimateError<R::Error>> {
    let &Estimation { call, base_fee_min, goes_on } = estimation;
    let cheapest = BlockEnvironment { base_fee: base_fee_min.min(block.base_fee), ..block.clone() };
    let da_gas = da_gas(&cheapest, fees, call).map_err(TransactionError::Invalid)?;
    let cap = fees.execution_gas_limit_max.get();
    let offered = call.gas.map_or(cap, |gas| gas.get().saturating_sub(da_gas)).min(cap);
    // Whether the caller can pay is no part of the question, so gas is free below.
    let call = Call { gas: None, gas_price: None, ..call.clone() };
    let mut attempt = |execution_gas_limit: u64| {
        let gas_price = block.base_fee;
        let terms = Terms { execution_gas_limit, da_gas, gas_price, after: After::Undone };
        simulate_with(state, block, &call, &terms, NoTracer)
    };

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
        if !goes_on() {
            return Err(EstimateError::Interrupted);
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
