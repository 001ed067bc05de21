//! The rules a transaction must keep to be in a block.

use super::{BlockEnvironment, Invalid, TransactionError};
use crate::fees::Fees;
use crate::state::{State, StateReader};
use crate::transaction::{Transaction, TransactionType, Upfront};
use millrace_primitives::{Address, EMPTY_CODE_HASH, Fork, U256};

/// Most bytes of initialisation code (EIP-3860).
pub(super) const INITCODE_BYTES_MAX: usize = 49_152;

/// What was worked out of a valid transaction.
pub(super) struct Terms {
    /// Gas that pays for data availability.
    pub(super) da_gas: u64,
    /// Gas of what comes before the first opcode.
    pub(super) upfront: Upfront,
    /// Gas for the execution, the intrinsic part included.
    pub(super) execution_gas_limit: u64,
    /// Wei paid for a unit of gas.
    pub(super) gas_price: U256,
    /// Wei taken in advance.
    pub(super) prepaid: U256,
    /// Whether nobody receives the price of the execution.
    pub(super) burns_execution: bool,
}

/// Checks every rule, cheapest first, the state last.
pub(super) fn check<R: StateReader>(
    state: &State<R>,
    block: &BlockEnvironment,
    fees: &Fees,
    (transaction, sender): (&Transaction, Address),
) -> Result<Terms, TransactionError<R::Error>> {
    if transaction.chain_id.is_some_and(|chain_id| chain_id != block.chain_id) {
        return Err(Invalid::WrongChainId.into());
    }
    check_set_code(block.fork, transaction)?;
    if transaction.to.is_none() && transaction.data.len() > INITCODE_BYTES_MAX {
        return Err(Invalid::InitcodeTooLarge.into());
    }
    if fees.gas_limit_max.is_some_and(|most| transaction.gas_limit > most) {
        return Err(Invalid::GasLimitAboveCap.into());
    }
    if transaction.gas_limit > block.gas_limit {
        return Err(Invalid::GasLimitAboveBlock.into());
    }
    if transaction.max_priority_fee_per_gas > transaction.max_fee_per_gas {
        return Err(Invalid::TipAboveFeeCap.into());
    }
    if transaction.max_fee_per_gas < block.base_fee {
        return Err(Invalid::FeeCapBelowBaseFee { base_fee: block.base_fee }.into());
    }
    let terms = gas_terms(block, fees, transaction)?;

    let account = state.account(sender).map_err(TransactionError::Reader)?.unwrap_or_default();
    if account.code_hash != EMPTY_CODE_HASH {
        let code = state.code(sender).map_err(TransactionError::Reader)?;
        if code.delegate().is_none() {
            return Err(Invalid::SenderHasCode.into());
        }
    }
    if account.nonce == u64::MAX {
        return Err(Invalid::NonceMax.into());
    }
    if transaction.nonce < account.nonce {
        return Err(Invalid::NonceTooLow { expected: account.nonce }.into());
    }
    if transaction.nonce > account.nonce {
        return Err(Invalid::NonceTooHigh { expected: account.nonce }.into());
    }
    let needed = U256::from(transaction.gas_limit.get())
        .checked_mul(transaction.max_fee_per_gas)
        .and_then(|fee| fee.checked_add(transaction.value))
        .ok_or(Invalid::CostOverflow)?;
    if account.balance < needed {
        return Err(Invalid::InsufficientFunds { needed, available: account.balance }.into());
    }
    Ok(terms)
}

/// Rules of EIP-7702 that need no state.
fn check_set_code(fork: Fork, transaction: &Transaction) -> Result<(), Invalid> {
    if transaction.transaction_type != TransactionType::SetCode {
        return Ok(());
    }
    if fork < Fork::Prague {
        return Err(Invalid::TypeNotInFork);
    }
    if transaction.to.is_none() {
        return Err(Invalid::SetCodeCreates);
    }
    if transaction.authorizations.is_empty() {
        return Err(Invalid::NoAuthorizations);
    }
    Ok(())
}

/// Splits the gas limit into data availability and execution.
fn gas_terms(block: &BlockEnvironment, fees: &Fees, transaction: &Transaction) -> Result<Terms, Invalid> {
    let (shape, gas_limit) = (transaction.shape(), transaction.gas_limit);
    let upfront = shape.upfront(block.fork);
    if upfront.needed() > fees.execution_gas_limit_max.get() {
        return Err(Invalid::IntrinsicGasAboveCap);
    }
    let da_gas = fees
        .da_gas(fees.da_bytes(&shape), block.base_fee)
        .ok_or(Invalid::GasLimitTooLow { needed: u64::MAX })?;
    let needed = da_gas.saturating_add(upfront.needed());
    let left = gas_limit.get().checked_sub(da_gas).filter(|left| *left >= upfront.needed());
    let left = left.ok_or(Invalid::GasLimitTooLow { needed })?;
    let gas_price = if fees.has_tips { transaction.price_with_tip(block.base_fee) } else { block.base_fee };
    let prepaid = U256::from(gas_limit.get()).checked_mul(gas_price).ok_or(Invalid::CostOverflow)?;
    Ok(Terms {
        da_gas,
        upfront,
        execution_gas_limit: left.min(fees.execution_gas_limit_max.get()),
        gas_price,
        prepaid,
        burns_execution: !fees.execution_fee_to_beneficiary,
    })
}
