//! Calls that change nothing: `eth_call` and `eth_estimateGas`.

use crate::{Engine, EngineError, host::NativeHost};
use millrace_block::{WorldReader, charges};
use millrace_evm::{
    Fork,
    execute::{BlockEnvironment, EstimateError, Invalid, TransactionError, estimate, simulate},
    state::State,
};
use millrace_layout::LayoutError;
use millrace_primitives::{Gas, H256, U256};
use millrace_pvm::durable::Durable;

pub use millrace_evm::execute::{Call, CallOutcome};

/// Why a call has no outcome.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// It asks for what no transaction may do.
    #[error("{0:?}")]
    Invalid(Invalid),
    /// It fails whatever gas it has.
    #[error("the call fails")]
    Failed(Box<CallOutcome>),
    /// The state could not be read.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl From<TransactionError<LayoutError>> for CallError {
    fn from(error: TransactionError<LayoutError>) -> Self {
        match error {
            TransactionError::Invalid(invalid) => Self::Invalid(invalid),
            TransactionError::Reader(error) => Self::Engine(error.into()),
        }
    }
}

impl Engine {
    /// Executes a call on `state` as if it were in its last block.
    ///
    /// # Errors
    /// [`CallError::Invalid`], [`CallError::Engine`]; a call that reverts has an outcome.
    pub fn call(&self, state: &Durable, call: &Call) -> Result<CallOutcome, CallError> {
        let environment = self.environment_of_head(state)?;
        let host = NativeHost::new(state);
        let mut overlay = State::new(WorldReader::new(&host));
        Ok(simulate(&mut overlay, &environment, &charges(&self.parameters), Fork::default(), call)?)
    }

    /// The least gas limit with which the call succeeds as a transaction, now and whenever the base fee is
    /// lower: data availability takes the more gas the cheaper gas is.
    ///
    /// # Errors
    /// [`CallError::Failed`] when it fails whatever gas it has.
    pub fn estimate(&self, state: &Durable, call: &Call) -> Result<Gas, CallError> {
        let base_fee = self.parameters.base_fee_min;
        let environment = BlockEnvironment { base_fee, ..self.environment_of_head(state)? };
        let host = NativeHost::new(state);
        let mut overlay = State::new(WorldReader::new(&host));
        let charges = charges(&self.parameters);
        match estimate(&mut overlay, &environment, &charges, Fork::default(), call) {
            Ok(gas) => Ok(gas),
            Err(EstimateError::Failed(outcome)) => Err(CallError::Failed(outcome)),
            Err(EstimateError::Transaction(error)) => Err(error.into()),
        }
    }

    /// The base fee of a block that follows the head at `timestamp`.
    ///
    /// # Errors
    /// [`EngineError::Layout`].
    pub fn next_base_fee(
        &self,
        state: &Durable,
        timestamp: millrace_primitives::Timestamp,
    ) -> Result<U256, EngineError> {
        let head = millrace_layout::world::World::Committed.head()?.require(&NativeHost::new(state))?;
        let then = head.header.timestamp;
        let backlog = millrace_block::fees::backlog_at(&self.parameters, head.backlog, then, timestamp);
        Ok(millrace_block::fees::base_fee(&self.parameters, backlog))
    }

    fn environment_of_head(&self, state: &Durable) -> Result<BlockEnvironment, EngineError> {
        let head = self.head(state)?.header;
        Ok(BlockEnvironment {
            number: head.number,
            timestamp: head.timestamp,
            beneficiary: head.beneficiary,
            gas_limit: head.gas_limit,
            base_fee: head.base_fee_per_gas,
            chain_id: self.parameters.chain_id,
            prev_randao: H256::zero(),
        })
    }
}
