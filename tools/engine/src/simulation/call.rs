//! A call that is tried out.

use super::{SimulateError, SimulatedCall, unreadable};
use crate::overrides::ReadFault;
use crate::{Call, Offered, Transaction, TransactionType};
use millrace_evm::Fees;
use millrace_evm::execute::{BlockEnvironment, CallOutcome, TransactionError, perform, transact_unsigned};
use millrace_evm::state::{State, StateReader};
use millrace_evm::trace::Tracer;
use millrace_primitives::{Address, Gas, Receipt, U256};

/// What a call came to, as a transaction or not.
pub(super) struct Performed {
    pub(super) call: SimulatedCall,
    pub(super) transaction: Transaction,
    pub(super) receipt: Receipt,
    pub(super) execution_gas: Gas,
}

impl Performed {
    /// Who sent it, and what was paid for a unit of gas, come beside the outcome.
    fn of(transaction: Transaction, outcome: CallOutcome, (sender, price): (Address, U256)) -> Self {
        let call = SimulatedCall {
            output: outcome.output,
            logs: outcome.logs.clone(),
            gas_used: outcome.gas_used,
            halt: outcome.halt,
        };
        let receipt = Receipt {
            transaction_type: transaction.transaction_type.byte(),
            succeeded: outcome.succeeded,
            cumulative_gas_used: Gas::ZERO,
            logs: outcome.logs,
            gas_used: outcome.gas_used,
            effective_gas_price: price,
            sender,
            created: outcome.created,
        };
        Self { call, transaction, receipt, execution_gas: outcome.execution_gas }
    }
}

/// A call as a transaction that nobody signed.
pub(super) struct Unsigned {
    pub(super) call: Call,
    pub(super) nonce: Option<u64>,
}

impl Unsigned {
    fn sender(&self) -> Address {
        self.call.from.unwrap_or_default()
    }

    fn transaction(&self, chain_id: U256, nonce: u64) -> Transaction {
        let call = &self.call;
        let sets_code = !call.authorizations.is_empty();
        Transaction {
            transaction_type: if sets_code { TransactionType::SetCode } else { TransactionType::DynamicFee },
            chain_id: Some(chain_id),
            nonce,
            gas_limit: call.gas.unwrap_or_default(),
            max_fee_per_gas: call.gas_price.unwrap_or_default(),
            max_priority_fee_per_gas: U256::zero(),
            to: call.to,
            value: call.value,
            data: call.data.clone(),
            access_list: call.access_list.clone(),
            authorizations: call.authorizations.clone(),
        }
    }

    fn refused(&self, nonce: u64, error: TransactionError<ReadFault>) -> SimulateError {
        match error {
            TransactionError::Invalid(invalid) => {
                let offered = Offered {
                    sender: self.sender(),
                    nonce,
                    gas_limit: self.call.gas.unwrap_or_default(),
                    max_fee_per_gas: self.call.gas_price.unwrap_or_default(),
                };
                SimulateError::Invalid { invalid, offered: Box::new(offered) }
            }
            TransactionError::Reader(fault) => unreadable(fault),
        }
    }

    fn nonce<R: StateReader<Error = ReadFault>>(&self, state: &State<R>) -> Result<u64, SimulateError> {
        match self.nonce {
            Some(nonce) => Ok(nonce),
            None => Ok(state.account(self.sender()).map_err(unreadable)?.unwrap_or_default().nonce),
        }
    }

    /// Every rule of a transaction counts.
    pub(super) fn transact<R: StateReader<Error = ReadFault>>(
        &self,
        state: &mut State<R>,
        environment: &BlockEnvironment,
        fees: &Fees,
        tracer: &mut impl Tracer,
    ) -> Result<Performed, SimulateError> {
        let nonce = self.nonce(state)?;
        let transaction = self.transaction(environment.chain_id, nonce);
        let parts = (&transaction, self.sender());
        let outcome = transact_unsigned(state, environment, fees, parts, tracer);
        let outcome = outcome.map_err(|error| self.refused(nonce, error))?;
        let paid = (outcome.sender, outcome.effective_gas_price);
        let outcome = CallOutcome {
            succeeded: outcome.succeeded,
            output: outcome.output,
            gas_used: outcome.gas_used,
            execution_gas: outcome.execution_gas,
            logs: outcome.logs,
            created: outcome.created,
            halt: outcome.halt,
        };
        Ok(Performed::of(transaction, outcome, paid))
    }

    /// Only what its execution needs counts.
    pub(super) fn perform<R: StateReader<Error = ReadFault>>(
        &self,
        state: &mut State<R>,
        environment: &BlockEnvironment,
        fees: &Fees,
        tracer: &mut impl Tracer,
    ) -> Result<Performed, SimulateError> {
        let nonce = self.nonce(state)?;
        let transaction = self.transaction(environment.chain_id, nonce);
        let outcome = perform(state, environment, fees, &self.call, tracer);
        let outcome = outcome.map_err(|error| self.refused(nonce, error))?;
        let price = environment.base_fee.min(self.call.gas_price.unwrap_or_default());
        Ok(Performed::of(transaction, outcome, (self.sender(), price)))
    }
}
