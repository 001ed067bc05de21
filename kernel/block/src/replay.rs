//! A block that is executed again, a transaction at a time, for whoever wants to look into one of them. The kernel
//! itself never does.

use crate::{BlockError, TransactionFault, execution::Execution, reader::WorldReader};
use millrace_evm::{
    execute::{BlockEnvironment, Outcome},
    state::State,
    trace::Tracer,
    transaction::SignedTransaction,
};
use millrace_host::Store;
use millrace_layout::{LayoutError, attempt::OrderedBy, parameters::Parameters, world::World};
use millrace_primitives::Timestamp;
use millrace_wire::{deposit::NativeDeposit, fa_deposit::FaDeposit};

/// A block that is executed again on the world of its parent. It has to be given what is in the block, in order.
pub struct Replay<'a, S: Store> {
    execution: Execution<'a, S>,
}

impl<'a, S: Store> Replay<'a, S> {
    /// Starts the block after the head of `store` that was made at `timestamp`.
    ///
    /// # Errors
    /// [`BlockError`].
    pub fn start(store: &'a S, parameters: &Parameters, timestamp: Timestamp) -> Result<Self, BlockError> {
        let parent = World::Committed.head()?.read(store)?.ok_or(BlockError::NoHead)?;
        // Who asked for the block plays no role for what is in it.
        let order = (timestamp, OrderedBy::Authority);
        Ok(Self { execution: Execution::begin(store, parameters, &parent, order, None)? })
    }

    /// What its transactions see.
    pub const fn environment(&self) -> &BlockEnvironment {
        &self.execution.environment
    }

    /// The state as it is now.
    pub const fn state(&self) -> &State<WorldReader<'a, S>> {
        &self.execution.state
    }

    /// Executes a deposit of the native token.
    ///
    /// # Errors
    /// [`LayoutError`]. The inner result says why it cannot be in the block.
    pub fn deposit(&mut self, deposit: &NativeDeposit) -> Result<Result<(), TransactionFault>, LayoutError> {
        self.execution.deposit(deposit)
    }

    /// Executes a deposit of tickets.
    ///
    /// # Errors
    /// [`LayoutError`]. The inner result says why it cannot be in the block.
    pub fn fa_deposit(&mut self, deposit: &FaDeposit) -> Result<Result<(), TransactionFault>, LayoutError> {
        self.execution.fa_deposit(deposit)
    }

    /// Executes a transaction, watched; `is_delayed` when it came through the delayed inbox, where its bytes cost
    /// nothing.
    ///
    /// # Errors
    /// [`LayoutError`]. The inner result says why it cannot be in the block.
    pub fn transaction<T: Tracer>(
        &mut self,
        raw: &[u8],
        is_delayed: bool,
        tracer: T,
    ) -> Result<Result<Outcome, TransactionFault>, LayoutError> {
        let recovered = SignedTransaction::decode(raw, self.execution.environment.chain_id)
            .map_err(|error| TransactionFault::from(&error))
            .and_then(|signed| signed.recover().map_err(|_| TransactionFault::Signature));
        let recovered = match recovered {
            Ok(recovered) => recovered,
            Err(fault) => return Ok(Err(fault)),
        };
        let charges = if is_delayed { self.execution.delayed_charges } else { self.execution.charges };
        let transacted = self.execution.transact(&recovered, &charges, tracer)?;
        Ok(transacted.map(|(outcome, _)| outcome))
    }
}
