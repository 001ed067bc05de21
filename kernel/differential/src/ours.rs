//! Our side.

use crate::verdict::{End, Ended, Seen};
use anyhow::{Error, anyhow};
use millrace_evm::{BlockEnvironment, Fees, Halt, Outcome, Recovered, State, TransactionError, transact};

use crate::world::World;

/// Executes a transaction in the block.
///
/// # Errors
/// When the world cannot be read: it is broken.
pub fn run(
    state: &mut State<World>,
    block: &BlockEnvironment,
    transaction: &Recovered,
) -> Result<Seen, Error> {
    match transact(state, block, &Fees::ethereum(block.fork), transaction) {
        Ok(outcome) => Ok(Seen::Ended(ended(outcome))),
        Err(TransactionError::Invalid(invalid)) => Ok(Seen::Invalid(format!("{invalid:?}"))),
        Err(TransactionError::Reader(error)) => Err(anyhow!(error)),
    }
}

fn ended(outcome: Outcome) -> Ended {
    let Outcome { succeeded, gas_used, logs, output, created, halt, .. } = outcome;
    let end = match halt {
        None => End::Success,
        Some(Halt::Reverted) => End::Revert,
        Some(other) => End::Halt(format!("{other:?}")),
    };
    debug_assert_eq!(succeeded, end == End::Success);
    Ended { end, gas_used: gas_used.get(), logs, output, created }
}
