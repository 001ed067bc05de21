//! The transactions of a block, one after the other over one overlay.

use crate::{BlockError, TransactionFault, fees, reader::WorldReader};
use alloc::vec::Vec;
use millrace_evm::{
    Fork,
    execute::{BlockEnvironment, Invalid, TransactionError, transact},
    fees::Fees,
    state::{Changes, CreditError, State},
    transaction::{DEPOSIT_SENDER, DecodeError, Recovered, SignedTransaction, Transaction},
};
use millrace_host::Store;
use millrace_layout::{
    LayoutError,
    delayed::{Content, Item},
    parameters::Parameters,
};
use millrace_primitives::{Gas, H256, Header, Receipt, Timestamp, TransactionHash, U256};

/// A transaction that is in the blueprint and not in the block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dropped {
    /// Its position in the blueprint, delayed items first.
    pub position: u32,
    /// Why.
    pub fault: TransactionFault,
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
    })
}

/// What transactions are charged under these parameters.
pub fn charges(parameters: &Parameters) -> Fees {
    Fees {
        da_fee_per_byte: parameters.da_fee_per_byte,
        execution_gas_limit_max: parameters.execution_gas_transaction_max,
        ..Fees::default()
    }
}

/// A block that is being executed.
pub(crate) struct Execution<'a, S: Store> {
    state: State<WorldReader<'a, S>>,
    environment: BlockEnvironment,
    charges: Fees,
    execution_gas_max: Gas,
    done: Executed,
    position: u32,
}

/// A block that was executed and not yet written.
#[derive(Default)]
pub(crate) struct Executed {
    pub(crate) changes: Changes,
    pub(crate) transactions: Vec<Vec<u8>>,
    pub(crate) receipts: Vec<Receipt>,
    pub(crate) consumed: Vec<TransactionHash>,
    pub(crate) dropped: Vec<Dropped>,
    pub(crate) gas_used: Gas,
    pub(crate) execution_gas: Gas,
    pub(crate) base_fee: U256,
}

impl<'a, S: Store> Execution<'a, S> {
    pub(crate) fn new(
        reader: WorldReader<'a, S>,
        parameters: &Parameters,
        environment: BlockEnvironment,
    ) -> Self {
        let done = Executed { base_fee: environment.base_fee, ..Executed::default() };
        Self {
            state: State::new(reader),
            environment,
            charges: charges(parameters),
            execution_gas_max: parameters.execution_gas_block_max,
            done,
            position: 0,
        }
    }

    /// Executes a delayed item. It leaves the delayed inbox whatever comes of it.
    pub(crate) fn delayed(&mut self, item: &Item) -> Result<(), LayoutError> {
        let Content::Deposit(deposit) = &item.content;
        self.done.consumed.push(item.name);
        match self.state.credit(deposit.receiver, deposit.amount.to_wei().get()) {
            Ok(()) => {
                self.done.transactions.push(deposit.transaction());
                self.done.receipts.push(Receipt {
                    transaction_type: 0,
                    succeeded: true,
                    cumulative_gas_used: self.done.gas_used,
                    logs: Vec::new(),
                    gas_used: Gas::ZERO,
                    effective_gas_price: U256::zero(),
                    sender: DEPOSIT_SENDER,
                    created: None,
                });
            }
            // More than 2^256 wei: the layer 1 has nothing like it.
            Err(CreditError::Overflow) => self.drop(TransactionFault::Rule),
            Err(CreditError::Reader(error)) => return Err(error),
        }
        self.position = self.position.saturating_add(1);
        Ok(())
    }

    /// Executes transactions in their order; drops the bad ones with a reason. All senders are recovered
    /// together, which is the cheapest way; a payload bounds how many there are.
    pub(crate) fn transactions(&mut self, encoded: &[Vec<u8>]) -> Result<(), LayoutError> {
        let mut decoded = Vec::with_capacity(encoded.len());
        let mut faults = Vec::with_capacity(encoded.len());
        for bytes in encoded {
            match SignedTransaction::decode(bytes, self.environment.chain_id) {
                Ok(transaction) => {
                    decoded.push(transaction);
                    faults.push(None);
                }
                Err(DecodeError::WrongChainId(_)) => faults.push(Some(TransactionFault::ChainId)),
                Err(_) => faults.push(Some(TransactionFault::Undecodable)),
            }
        }
        let mut recovered = SignedTransaction::recover_all(decoded).into_iter();
        for (bytes, fault) in encoded.iter().zip(faults) {
            let executed = match (fault, fault.is_none().then(|| recovered.next()).flatten()) {
                (Some(fault), _) => Err(fault),
                (None, Some(Ok(recovered))) => self.execute(bytes, &recovered)?,
                (None, _) => Err(TransactionFault::Signature),
            };
            if let Err(fault) = executed {
                self.drop(fault);
            }
            self.position = self.position.saturating_add(1);
        }
        Ok(())
    }

    fn execute(
        &mut self,
        bytes: &[u8],
        recovered: &Recovered,
    ) -> Result<Result<(), TransactionFault>, LayoutError> {
        if !self.has_room(recovered.transaction()) {
            return Ok(Err(TransactionFault::BlockFull));
        }
        match self.transact(recovered) {
            Ok(receipt) => {
                self.done.transactions.push(bytes.to_vec());
                self.done.receipts.push(receipt);
                Ok(Ok(()))
            }
            Err(TransactionError::Invalid(invalid)) => Ok(Err(fault_of(&invalid))),
            Err(TransactionError::Reader(error)) => Err(error),
        }
    }

    fn transact(&mut self, recovered: &Recovered) -> Result<Receipt, TransactionError<LayoutError>> {
        let outcome =
            transact(&mut self.state, &self.environment, &self.charges, Fork::default(), recovered)?;
        let done = &mut self.done;
        done.gas_used = done.gas_used.saturating_add(outcome.gas_used.get());
        done.execution_gas = done.execution_gas.saturating_add(outcome.execution_gas.get());
        Ok(Receipt {
            transaction_type: recovered.transaction().transaction_type.byte(),
            succeeded: outcome.succeeded,
            cumulative_gas_used: done.gas_used,
            logs: outcome.logs,
            gas_used: outcome.gas_used,
            effective_gas_price: outcome.effective_gas_price,
            sender: outcome.sender,
            created: outcome.created,
        })
    }

    /// Whether the block has the execution gas that the transaction may use.
    fn has_room(&self, transaction: &Transaction) -> bool {
        let bytes = self.charges.da_bytes(&transaction.data, &transaction.access_list);
        let da_gas = self.charges.da_gas(bytes, self.environment.base_fee).unwrap_or(u64::MAX);
        let limit = transaction.gas_limit.saturating_sub(da_gas).min(self.charges.execution_gas_limit_max);
        self.done.execution_gas.saturating_add(limit.get()) <= self.execution_gas_max
    }

    fn drop(&mut self, fault: TransactionFault) {
        self.done.dropped.push(Dropped { position: self.position, fault });
    }

    /// The outcome, once all transactions are through.
    pub(crate) fn finish(mut self) -> Executed {
        self.done.changes = self.state.changes();
        self.done
    }
}

const fn fault_of(invalid: &Invalid) -> TransactionFault {
    match invalid {
        Invalid::WrongChainId => TransactionFault::ChainId,
        Invalid::NonceTooLow { .. } => TransactionFault::NonceTooLow,
        Invalid::NonceTooHigh { .. } => TransactionFault::NonceTooHigh,
        Invalid::InsufficientFunds { .. } => TransactionFault::Funds,
        Invalid::FeeCapBelowBaseFee { .. } => TransactionFault::FeeCap,
        Invalid::GasLimitTooLow { .. } => TransactionFault::IntrinsicGas,
        Invalid::SenderHasCode => TransactionFault::SenderHasCode,
        _ => TransactionFault::Rule,
    }
}
