//! Calls that change nothing: `eth_call` and `eth_estimateGas`.

use crate::overrides::{CallReader, Overrides, ReadFault};
use crate::{Engine, EngineError, admission::next_environment, host::NativeHost, states::parameters};
use millrace_block::{charges, fees};
use millrace_evm::{
    Fees,
    execute::{BlockEnvironment, EstimateError, Estimation, Invalid, TransactionError, estimate, simulate},
    state::State,
};
use millrace_layout::{
    parameters::Parameters,
    world::{Head, World},
};
use millrace_primitives::{Gas, H256, Timestamp, U256};
use millrace_pvm::durable::Durable;

pub use millrace_evm::execute::{Call, CallOutcome};

/// The block that a call believes to be in. The state is that after the head in either case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The head: what a client sees that looks back.
    Head,
    /// The block after the head, made at this time or at that of the head, whichever is later: what a
    /// transaction will see.
    Next(Timestamp),
}

/// A call and where it runs.
#[derive(Clone, Copy)]
pub struct Simulation<'a> {
    /// The call.
    pub call: &'a Call,
    /// The block it is in.
    pub stage: Stage,
    /// What it pretends.
    pub overrides: &'a Overrides,
    /// Most gas of its execution; the chain may allow less.
    pub gas_max: Gas,
    /// Asked at every read of the state and between the runs of an estimate: false ends the call. An execution
    /// that reads nothing goes on until its gas is used up.
    pub goes_on: &'a dyn Fn() -> bool,
}

/// Why a call has no outcome.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// It asks for what no transaction may do.
    #[error("{0:?}")]
    Invalid(Invalid),
    /// It fails whatever gas it has.
    #[error("the call fails")]
    Failed(Box<CallOutcome>),
    /// The record of it would be larger than [`millrace_trace::RECORD_BYTES_MAX`].
    #[error("the trace is too large")]
    TraceTooLarge,
    /// Nobody waits for it any more.
    #[error("the call was interrupted")]
    Interrupted,
    /// The state could not be read.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl From<TransactionError<ReadFault>> for CallError {
    fn from(error: TransactionError<ReadFault>) -> Self {
        match error {
            TransactionError::Invalid(invalid) => Self::Invalid(invalid),
            TransactionError::Reader(ReadFault::Layout(error)) => Self::Engine(error.into()),
            TransactionError::Reader(ReadFault::Interrupted) => Self::Interrupted,
        }
    }
}

impl Engine {
    /// Executes a call on `state`.
    ///
    /// # Errors
    /// [`CallError`]; a call that reverts has an outcome.
    pub fn call(&self, state: &Durable, simulation: &Simulation<'_>) -> Result<CallOutcome, CallError> {
        let environment = self.environment(state, simulation)?;
        let host = NativeHost::reading(state)?;
        let reader = CallReader::new(&host, simulation.overrides, simulation.goes_on);
        let fees = fees_of(&parameters(state)?, simulation);
        Ok(simulate(&mut State::new(reader), &environment, &fees, simulation.call)?)
    }

    /// The least gas limit with which the call succeeds as a transaction, now and whenever the base fee is
    /// lower: data availability takes the more gas the cheaper gas is.
    ///
    /// # Errors
    /// [`CallError::Failed`] when it fails whatever gas it has.
    pub fn estimate(&self, state: &Durable, simulation: &Simulation<'_>) -> Result<Gas, CallError> {
        let environment = self.environment(state, simulation)?;
        let host = NativeHost::reading(state)?;
        let reader = CallReader::new(&host, simulation.overrides, simulation.goes_on);
        let parameters = parameters(state)?;
        let fees = fees_of(&parameters, simulation);
        let &Simulation { call, goes_on, .. } = simulation;
        let estimation = Estimation { call, base_fee_min: parameters.base_fee_min, goes_on };
        match estimate(&mut State::new(reader), &environment, &fees, &estimation) {
            Ok(gas) => Ok(gas),
            Err(EstimateError::Failed(outcome)) => Err(CallError::Failed(outcome)),
            Err(EstimateError::Interrupted) => Err(CallError::Interrupted),
            Err(EstimateError::Transaction(error)) => Err(error.into()),
        }
    }

    /// The base fee of a block that follows the head at `timestamp`.
    ///
    /// # Errors
    /// [`EngineError::Layout`].
    pub fn next_base_fee(&self, state: &Durable, timestamp: Timestamp) -> Result<U256, EngineError> {
        let head = World::Committed.head()?.require(&NativeHost::reading(state)?)?;
        Ok(base_fee_after(&head, &parameters(state)?, timestamp))
    }

    pub(crate) fn environment(
        &self,
        state: &Durable,
        simulation: &Simulation<'_>,
    ) -> Result<BlockEnvironment, EngineError> {
        let environment = match simulation.stage {
            Stage::Head => self.environment_of_head(state)?,
            Stage::Next(timestamp) => {
                let head = self.head(state)?.header.timestamp;
                next_environment(&NativeHost::reading(state)?, &parameters(state)?, timestamp.max(head))?
            }
        };
        Ok(simulation.overrides.block.apply(environment))
    }

    fn environment_of_head(&self, state: &Durable) -> Result<BlockEnvironment, EngineError> {
        let head = self.head(state)?.header;
        let parameters = parameters(state)?;
        Ok(BlockEnvironment {
            number: head.number,
            timestamp: head.timestamp,
            beneficiary: head.beneficiary,
            gas_limit: head.gas_limit,
            base_fee: head.base_fee_per_gas,
            chain_id: parameters.chain_id,
            prev_randao: H256::zero(),
            blob_base_fee: U256::one(),
            fork: parameters.fork,
            ticketer: parameters.contracts.ticketer,
        })
    }
}

/// The base fee of a block that follows `head` at `timestamp`.
pub(crate) fn base_fee_after(head: &Head, parameters: &Parameters, timestamp: Timestamp) -> U256 {
    let backlog = fees::backlog_at(parameters, head.backlog, head.header.timestamp, timestamp);
    fees::base_fee(parameters, backlog)
}

/// What a call is charged.
pub(crate) fn fees_of(parameters: &Parameters, simulation: &Simulation<'_>) -> Fees {
    let fees = charges(parameters);
    Fees { execution_gas_limit_max: fees.execution_gas_limit_max.min(simulation.gas_max), ..fees }
}

#[cfg(test)]
pub(crate) mod tests;
