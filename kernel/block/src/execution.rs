//! The items and transactions of a block, one after the other over one overlay, as far as the budget of the run
//! goes.

use crate::{
    BlockError, TransactionFault, cost, fees, key_change,
    pause::{self, Begun},
    reader::WorldReader,
    withdrawals,
};
use alloc::vec::Vec;
use millrace_evm::{
    execute::{
        BlockEnvironment, Outcome, TransactionError,
        history::record_parent,
        tickets::{self, TicketDeposit},
        transact_traced,
    },
    fees::Fees,
    state::{Changes, CreditError, State},
    system,
    trace::{NoTracer, Tracer},
    transaction::{DEPOSIT_SENDER, Recovered, SignedTransaction},
};
use millrace_host::{Budget, Store};
use millrace_layout::{
    LayoutError,
    attempt::OrderedBy,
    delayed::{Content, Item},
    parameters::{ExecutionFee, Parameters},
    world::{Head, KeyChange},
};
use millrace_primitives::{Gas, H256, Header, Log, Receipt, Timestamp, TransactionHash, U256};
use millrace_wire::{deposit::NativeDeposit, fa_deposit::FaDeposit};

/// Senders are recovered this many at a time: together is cheaper, and a pause wastes no more than these.
const RECOVERED_TOGETHER: usize = 128;

/// A transaction that is in the blueprint and not in the block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dropped {
    /// Its position in the blueprint, delayed items first.
    pub position: u32,
    /// Why.
    pub fault: TransactionFault,
    /// The name of the delayed item that left the delayed inbox with it.
    pub item: Option<TransactionHash>,
}

/// What the transactions of the block after `parent` see, given the backlog that is left at `timestamp`.
///
/// # Errors
/// [`BlockError::Overflow`] after block 2^64 − 1.
pub fn environment(
    parameters: &Parameters,
    parent: &Header,
    timestamp: Timestamp,
    backlog: Gas,
) -> Result<BlockEnvironment, BlockError> {
    Ok(BlockEnvironment {
        number: parent.number.checked_add(1).ok_or(BlockError::Overflow)?,
        timestamp,
        beneficiary: parameters.pool,
        gas_limit: parameters.gas_limit_header,
        base_fee: fees::base_fee(parameters, backlog),
        chain_id: parameters.chain_id,
        prev_randao: H256::zero(),
        blob_base_fee: U256::one(),
        fork: parameters.fork,
        ticketer: parameters.contracts.ticketer,
    })
}

/// What transactions are charged under these parameters.
pub fn charges(parameters: &Parameters) -> Fees {
    Fees {
        da_fee_per_byte: parameters.da_fee_per_byte,
        execution_gas_limit_max: parameters.execution_gas_transaction_max,
        execution_fee_to_beneficiary: parameters.execution_fee == ExecutionFee::Pool,
        ..Fees::default()
    }
}

/// A block that is being executed.
pub(crate) struct Execution<'a, S: Store> {
    pub(crate) state: State<WorldReader<'a, S>>,
    pub(crate) environment: BlockEnvironment,
    pub(crate) charges: Fees,
    pub(crate) delayed_charges: Fees,
    execution_gas_max: Gas,
    /// Whether an item that cannot be executed now may wait for better times.
    may_wait: bool,
    done: Executed,
}

/// A block that was executed, or a part of it.
#[derive(Clone, Default)]
pub(crate) struct Executed {
    /// Items and transactions that are through.
    pub(crate) position: u32,
    pub(crate) transactions: Vec<Vec<u8>>,
    pub(crate) receipts: Vec<Receipt>,
    pub(crate) consumed: Vec<TransactionHash>,
    pub(crate) dropped: Vec<Dropped>,
    /// Messages to the layer 1.
    pub(crate) outbox: Vec<Vec<u8>>,
    /// Another key that the sequencer asked for. It is in the changes too, so nothing of it is kept over a pause.
    pub(crate) key_change: Option<KeyChange>,
    pub(crate) gas_used: Gas,
    pub(crate) execution_gas: Gas,
}

/// Where an execution stopped.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Everything is through.
    Finished,
    /// The budget of the run does not cover the next one.
    Paused,
}

impl<'a, S: Store> Execution<'a, S> {
    /// Starts the block after `parent`, or goes on with what an earlier run made of it.
    pub(crate) fn begin(
        store: &'a S,
        parameters: &Parameters,
        parent: &Head,
        (timestamp, ordered_by): (Timestamp, OrderedBy),
        begun: Option<Begun>,
    ) -> Result<Self, BlockError> {
        let backlog = fees::backlog_at(parameters, parent.backlog, parent.header.timestamp, timestamp);
        let environment = environment(parameters, &parent.header, timestamp, backlog)?;
        let is_new = begun.is_none();
        let (mut state, done) = pause::resume(store, begun)?;
        if is_new {
            record_parent(&mut state, &environment, parent.hash)?;
        }
        Ok(Self::new(state, parameters, environment, ordered_by, done))
    }

    /// Starts on `state`, with what is done already when the block goes on after a pause.
    fn new(
        state: State<WorldReader<'a, S>>,
        parameters: &Parameters,
        environment: BlockEnvironment,
        ordered_by: OrderedBy,
        done: Executed,
    ) -> Self {
        Self {
            state,
            environment,
            charges: charges(parameters),
            delayed_charges: cost::delayed_charges(parameters),
            execution_gas_max: parameters.execution_gas_block_max,
            // At its deadline it is now or never. Without a sequencer, what waits for the base fee is not taken up at
            // all, and what waits for anything else would take the room of others, level after level.
            may_wait: ordered_by == OrderedBy::Authority,
            done,
        }
    }

    /// Goes on from where the block stands.
    pub(crate) fn run(
        &mut self,
        items: &[Item],
        transactions: &[Vec<u8>],
        budget: &mut Budget,
    ) -> Result<Step, LayoutError> {
        for item in items.iter().skip(self.done.position as usize) {
            if !self.delayed(item, budget)? {
                return Ok(Step::Paused);
            }
            self.done.position = self.done.position.saturating_add(1);
        }
        let begun = (self.done.position as usize).saturating_sub(items.len());
        let rest = transactions.get(begun..).unwrap_or_default();
        for together in rest.chunks(RECOVERED_TOGETHER) {
            if self.together(together, budget)? == Step::Paused {
                return Ok(Step::Paused);
            }
        }
        Ok(Step::Finished)
    }

    /// Executes a delayed item; false when the budget does not cover it.
    fn delayed(&mut self, item: &Item, budget: &mut Budget) -> Result<bool, LayoutError> {
        match &item.content {
            Content::Deposit(deposit) => {
                if !budget.covers(cost::ticks_deposit()) {
                    return Ok(false);
                }
                budget.spend(cost::ticks_deposit());
                let credited = self.deposit(deposit)?;
                self.close_item(item, credited);
                Ok(true)
            }
            Content::FaDeposit(deposit) => {
                let ticks = cost::ticks_fa_deposit(deposit.proxy.is_some());
                if !budget.covers(ticks) {
                    return Ok(false);
                }
                budget.spend(ticks);
                let credited = if self.has_room_for(deposit) {
                    self.fa_deposit(deposit)?
                } else {
                    Err(TransactionFault::BlockFull)
                };
                self.close_item(item, credited);
                Ok(true)
            }
            Content::Transaction(raw) => {
                let charges = self.delayed_charges;
                let recovered = SignedTransaction::decode(raw, self.environment.chain_id)
                    .map_err(|error| TransactionFault::from(&error))
                    .and_then(|signed| signed.recover().map_err(|_| TransactionFault::Signature));
                match self.execute(raw, recovered, &charges, budget)? {
                    Some(executed) => {
                        self.close_item(item, executed);
                        Ok(true)
                    }
                    None => Ok(false),
                }
            }
        }
    }

    /// An item leaves the delayed inbox, unless it may become valid yet and its deadline has not come.
    fn close_item(&mut self, item: &Item, executed: Result<(), TransactionFault>) {
        let waits = match executed {
            Ok(()) => false,
            Err(fault) => {
                let waits = self.may_wait && fault.may_pass();
                self.done.dropped.push(Dropped {
                    position: self.done.position,
                    fault,
                    item: (!waits).then_some(item.name),
                });
                waits
            }
        };
        if !waits {
            self.done.consumed.push(item.name);
        }
    }

    pub(crate) fn deposit(
        &mut self,
        deposit: &NativeDeposit,
    ) -> Result<Result<(), TransactionFault>, LayoutError> {
        match self.state.credit(deposit.receiver, deposit.amount.to_wei().get()) {
            Ok(()) => {
                self.include_deposit(deposit.transaction(), Vec::new());
                Ok(Ok(()))
            }
            // More than 2^256 wei: the layer 1 has nothing like it.
            Err(CreditError::Overflow) => Ok(Err(TransactionFault::Rule)),
            Err(CreditError::Reader(error)) => unreadable(error),
        }
    }

    /// Whether the block has gas for the call of the proxy.
    fn has_room_for(&self, deposit: &FaDeposit) -> bool {
        let hook = if deposit.proxy.is_some() { tickets::HOOK_GAS.get() } else { 0 };
        self.done.execution_gas.saturating_add(hook) <= self.execution_gas_max
    }

    pub(crate) fn fa_deposit(
        &mut self,
        deposit: &FaDeposit,
    ) -> Result<Result<(), TransactionFault>, LayoutError> {
        let tickets = TicketDeposit {
            ticket_hash: deposit.ticket_hash,
            amount: deposit.amount,
            receiver: deposit.receiver,
            proxy: deposit.proxy,
            message: (deposit.level.get(), deposit.index),
        };
        let credited = match tickets::deposit(&mut self.state, &self.environment, &tickets) {
            Ok(credited) => credited,
            Err(error) => return unreadable(error),
        };
        Ok(match credited {
            Some(credited) => {
                let gas = credited.execution_gas.get();
                self.done.execution_gas = self.done.execution_gas.saturating_add(gas);
                self.done.outbox.extend(credited.withdrawals.into_iter().map(withdrawals::message));
                self.include_deposit(deposit.transaction(), credited.logs);
                Ok(())
            }
            // More of a ticket than 2^256.
            None => Err(TransactionFault::Rule),
        })
    }

    /// A deposit uses no gas that anybody pays for.
    fn include_deposit(&mut self, transaction: Vec<u8>, logs: Vec<Log>) {
        self.done.transactions.push(transaction);
        self.done.receipts.push(Receipt {
            transaction_type: 0,
            succeeded: true,
            cumulative_gas_used: self.done.gas_used,
            logs,
            gas_used: Gas::ZERO,
            effective_gas_price: U256::zero(),
            sender: DEPOSIT_SENDER,
            created: None,
        });
    }

    /// Executes transactions whose senders are recovered together; drops the bad ones with a reason.
    fn together(&mut self, encoded: &[Vec<u8>], budget: &mut Budget) -> Result<Step, LayoutError> {
        let mut decoded = Vec::with_capacity(encoded.len());
        let mut faults = Vec::with_capacity(encoded.len());
        for bytes in encoded {
            match SignedTransaction::decode(bytes, self.environment.chain_id) {
                Ok(transaction) => {
                    decoded.push(transaction);
                    faults.push(None);
                }
                Err(error) => faults.push(Some(TransactionFault::from(&error))),
            }
        }
        let mut recovered = SignedTransaction::recover_all(decoded).into_iter();
        let charges = self.charges;
        for (bytes, fault) in encoded.iter().zip(faults) {
            let recovered = match fault {
                Some(fault) => Err(fault),
                None => recovered.next().and_then(Result::ok).ok_or(TransactionFault::Signature),
            };
            match self.execute(bytes, recovered, &charges, budget)? {
                Some(Ok(())) => {}
                Some(Err(fault)) => {
                    self.done.dropped.push(Dropped { position: self.done.position, fault, item: None });
                }
                None => return Ok(Step::Paused),
            }
            self.done.position = self.done.position.saturating_add(1);
        }
        Ok(Step::Finished)
    }

    /// Executes one transaction; `None` when the budget does not cover it.
    fn execute(
        &mut self,
        bytes: &[u8],
        recovered: Result<Recovered, TransactionFault>,
        charges: &Fees,
        budget: &mut Budget,
    ) -> Result<Option<Result<(), TransactionFault>>, LayoutError> {
        let limit = recovered.as_ref().map_or(Gas::ZERO, |recovered| {
            cost::execution_limit(charges, recovered.transaction(), self.environment.base_fee)
        });
        if !budget.covers(cost::ticks_transaction(bytes.len(), limit)) {
            return Ok(None);
        }
        let recovered = match recovered {
            Ok(_) if self.done.execution_gas.saturating_add(limit.get()) > self.execution_gas_max => {
                Err(TransactionFault::BlockFull)
            }
            recovered => recovered,
        };
        let outcome = match recovered {
            Ok(recovered) => self.transact(&recovered, charges, NoTracer)?,
            Err(fault) => Err(fault),
        };
        let used = outcome.as_ref().map_or(Gas::ZERO, |(outcome, _)| outcome.execution_gas);
        budget.spend(cost::ticks_transaction(bytes.len(), used));
        Ok(Some(outcome.map(|(outcome, transaction_type)| self.include(bytes, outcome, transaction_type))))
    }

    pub(crate) fn transact<T: Tracer>(
        &mut self,
        recovered: &Recovered,
        charges: &Fees,
        tracer: T,
    ) -> Result<Result<(Outcome, u8), TransactionFault>, LayoutError> {
        match transact_traced(&mut self.state, &self.environment, charges, recovered, tracer) {
            Ok(outcome) => Ok(Ok((outcome, recovered.transaction().transaction_type.byte()))),
            Err(TransactionError::Invalid(invalid)) => Ok(Err(TransactionFault::from(&invalid))),
            Err(TransactionError::Reader(error)) => unreadable(error),
        }
    }

    fn include(&mut self, bytes: &[u8], outcome: Outcome, transaction_type: u8) {
        let done = &mut self.done;
        done.gas_used = done.gas_used.saturating_add(outcome.gas_used.get());
        done.execution_gas = done.execution_gas.saturating_add(outcome.execution_gas.get());
        done.outbox.extend(outcome.withdrawals.into_iter().map(withdrawals::message));
        done.transactions.push(bytes.to_vec());
        done.receipts.push(Receipt {
            transaction_type,
            succeeded: outcome.succeeded,
            cumulative_gas_used: done.gas_used,
            logs: outcome.logs,
            gas_used: outcome.gas_used,
            effective_gas_price: outcome.effective_gas_price,
            sender: outcome.sender,
            created: outcome.created,
        });
    }

    /// What is done so far, and what it changed.
    pub(crate) fn into_parts(mut self) -> Result<(Executed, Changes), LayoutError> {
        let changes = self.state.changes();
        self.done.key_change = system::key_change(&self.state, &changes)?.and_then(key_change::of_block);
        Ok((self.done, changes))
    }
}

/// What is damaged stays so: a block that gave up over it would never be made. A host that refuses may not do so in
/// the next run.
fn unreadable<T>(error: LayoutError) -> Result<Result<T, TransactionFault>, LayoutError> {
    match error {
        LayoutError::Corrupt { .. } => Ok(Err(TransactionFault::Unreadable)),
        error => Err(error),
    }
}
