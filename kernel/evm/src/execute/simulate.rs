//! Calls that leave no trace: what `eth_call` asks.

use super::{
    BlockEnvironment, Halt, Invalid, TransactionError, created_address, delegation, output_of, validity,
};
use crate::fees::Fees;
use crate::machine::Message;
use crate::state::{State, StateReader};
use crate::trace::{NoTracer, Tracer};
use crate::transaction::{AccessListItem, Authorization, Shape};
use alloc::vec::Vec;
use millrace_primitives::{Address, Gas, Log, U256};

/// A transaction that nobody signed: what is left out is chosen so that the call runs.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Call {
    /// Zero when left out.
    pub from: Option<Address>,
    /// A contract is created when left out.
    pub to: Option<Address>,
    /// Gas offered, data availability included as in a transaction; as much as an execution may use when
    /// left out.
    pub gas: Option<Gas>,
    /// Most wei offered for a unit of gas: as in a transaction, what is paid is the base fee. When left out or
    /// zero, gas is free.
    pub gas_price: Option<U256>,
    /// In wei. The caller must have it.
    pub value: U256,
    /// Call data, or the code that makes the new contract.
    pub data: Vec<u8>,
    /// Accounts and slots that are warm from the beginning.
    pub access_list: Vec<AccessListItem>,
    /// Delegations that come first (EIP-7702).
    pub authorizations: Vec<Authorization>,
}

impl Call {
    /// What decides on its price before it runs.
    pub fn shape(&self) -> Shape<'_> {
        Shape {
            data: &self.data,
            access_list: &self.access_list,
            authorizations: self.authorizations.len(),
            creates: self.to.is_none(),
        }
    }
}

/// What became of a call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CallOutcome {
    /// False when it reverted or was halted.
    pub succeeded: bool,
    /// What it returned or reverted with.
    pub output: Vec<u8>,
    /// Gas that a transaction would have used, data availability included.
    pub gas_used: Gas,
    /// Gas of the execution alone.
    pub execution_gas: Gas,
    /// Those emitted, in order; empty when it failed.
    pub logs: Vec<Log>,
    /// The contract that was created for the time of the call.
    pub created: Option<Address>,
    /// Why it failed, when it did.
    pub halt: Option<Halt>,
}

/// What is settled before a call runs.
pub(super) struct Terms {
    /// Gas for the execution, the intrinsic part included.
    pub(super) execution_gas_limit: u64,
    /// Gas that pays for data availability.
    pub(super) da_gas: u64,
    /// What `GASPRICE` answers.
    pub(super) gas_price: U256,
    /// What becomes of the changes.
    pub(super) after: After,
}

/// What becomes of what a call changed.
#[derive(Clone, Copy)]
pub(super) enum After {
    /// It is undone.
    Undone,
    /// It stays, and what the gas cost is settled.
    Kept {
        /// Whether the beneficiary receives the price of the execution too.
        rewards_execution: bool,
    },
}

/// Executes a call on `state` and undoes it. Nonce, code and signature of the caller are not looked at; its
/// balance only for the value, and for gas when a price is given.
///
/// # Errors
/// When it asks for what no transaction may, or the state cannot be read.
pub fn simulate<R: StateReader>(
    state: &mut State<R>,
    block: &BlockEnvironment,
    fees: &Fees,
    call: &Call,
) -> Result<CallOutcome, TransactionError<R::Error>> {
    simulate_traced(state, block, fees, call, NoTracer)
}

/// The same, watched.
///
/// # Errors
/// Those of [`simulate`]. An execution that the tracer stops has an outcome, which means nothing.
pub fn simulate_traced<R: StateReader, T: Tracer>(
    state: &mut State<R>,
    block: &BlockEnvironment,
    fees: &Fees,
    call: &Call,
    tracer: T,
) -> Result<CallOutcome, TransactionError<R::Error>> {
    let terms = terms(state, block, fees, call)?;
    simulate_with(state, block, call, &terms, tracer)
}

/// Executes a call on `state` as [`simulate_traced`] does, and keeps what it changed: several calls one after the
/// other see each other. Never part of a block.
///
/// # Errors
/// Those of [`simulate`]; `state` is unchanged then.
pub fn perform<R: StateReader, T: Tracer>(
    state: &mut State<R>,
    block: &BlockEnvironment,
    fees: &Fees,
    call: &Call,
    tracer: T,
) -> Result<CallOutcome, TransactionError<R::Error>> {
    let after = After::Kept { rewards_execution: fees.execution_fee_to_beneficiary };
    let terms = Terms { after, ..terms(state, block, fees, call)? };
    simulate_with(state, block, call, &terms, tracer)
}

fn terms<R: StateReader>(
    state: &State<R>,
    block: &BlockEnvironment,
    fees: &Fees,
    call: &Call,
) -> Result<Terms, TransactionError<R::Error>> {
    let da_gas = da_gas(block, fees, call)?;
    let cap = fees.execution_gas_limit_max.get();
    let price = call.gas_price.unwrap_or_default();
    if !is_free(call) && price < block.base_fee {
        return Err(Invalid::FeeCapBelowBaseFee { base_fee: block.base_fee }.into());
    }
    let limit = match call.gas {
        // A call that offers less than data availability takes is not refused: it pays nothing anyway.
        Some(gas) if is_free(call) => gas.get().min(cap),
        Some(gas) => gas.get().saturating_sub(da_gas).min(cap),
        None if is_free(call) => cap,
        None => affordable(state, block, call, da_gas)?.min(cap),
    };
    // A transaction that pays sees what it pays, not what it offered.
    let gas_price = if is_free(call) { U256::zero() } else { block.base_fee };
    Ok(Terms { execution_gas_limit: limit, da_gas, gas_price, after: After::Undone })
}

/// Whether gas costs nothing in this call.
fn is_free(call: &Call) -> bool {
    call.gas_price.is_none_or(|price| price.is_zero())
}

/// Gas for the execution that the caller can pay for at the price it offers, besides the value and data
/// availability; at least what is spent before the first opcode, for which it may then lack the funds.
fn affordable<R: StateReader>(
    state: &State<R>,
    block: &BlockEnvironment,
    call: &Call,
    da_gas: u64,
) -> Result<u64, TransactionError<R::Error>> {
    let account = state.account(call.from.unwrap_or_default()).map_err(TransactionError::Reader)?;
    let left = account.unwrap_or_default().balance.saturating_sub(call.value);
    let gas = left.checked_div(call.gas_price.unwrap_or_default()).unwrap_or_default();
    let gas = u64::try_from(gas).unwrap_or(u64::MAX).saturating_sub(da_gas);
    Ok(gas.max(call.shape().upfront(block.fork).needed()))
}

/// Gas that a transaction of this shape pays for data availability.
pub(super) fn da_gas(block: &BlockEnvironment, fees: &Fees, call: &Call) -> Result<u64, Invalid> {
    fees.da_gas(fees.da_bytes(&call.shape()), block.base_fee)
        .ok_or(Invalid::GasLimitTooLow { needed: u64::MAX })
}

/// Runs on these terms.
pub(super) fn simulate_with<R: StateReader, T: Tracer>(
    state: &mut State<R>,
    block: &BlockEnvironment,
    call: &Call,
    terms: &Terms,
    tracer: T,
) -> Result<CallOutcome, TransactionError<R::Error>> {
    let &Terms { execution_gas_limit, da_gas, gas_price, after } = terms;
    let creates = call.to.is_none();
    if creates && call.data.len() > validity::INITCODE_BYTES_MAX {
        return Err(Invalid::InitcodeTooLarge.into());
    }
    let upfront = call.shape().upfront(block.fork);
    if upfront.needed() > execution_gas_limit {
        let needed = upfront.needed().saturating_add(da_gas);
        return Err(Invalid::GasLimitTooLow { needed }.into());
    }
    let gas = call.gas.map_or(execution_gas_limit.saturating_add(da_gas), Gas::get);
    let prepaid = check_funds(state, block, call, gas)?;

    let from = call.from.unwrap_or_default();
    state.begin();
    let nonce = state.nonce_of(from);
    let address = call.to.unwrap_or_else(|| created_address(from, nonce));
    // At the largest nonce a call goes on with it: nothing comes of it.
    let _ = state.increment_nonce(from);
    let _ = state.take_balance(from, prepaid);
    let refund = delegation::apply(state, block, &call.authorizations);
    let message = Message {
        caller: from,
        address,
        creates,
        value: call.value,
        input: call.data.clone(),
        gas_limit: execution_gas_limit,
        intrinsic_gas: upfront.intrinsic,
        gas_price,
    };
    let mut ended = super::execute(state, block, message, &call.access_list, tracer);
    ended.gas_used = delegation::settle_gas(ended.gas_spent, ended.gas_used, refund, upfront.floor);
    if let Some(error) = state.take_failure() {
        state.abandon();
        return Err(TransactionError::Reader(error));
    }
    let logs = match after {
        After::Undone => state.abandon(),
        After::Kept { rewards_execution } => {
            let used = ended.gas_used.saturating_add(da_gas);
            let price = prepaid.checked_div(U256::from(gas)).unwrap_or_default();
            let wei = |gas: u64| U256::from(gas).saturating_mul(price);
            // Neither can overflow: both are parts of what was taken from the caller.
            let _ = state.add_balance(from, wei(gas.saturating_sub(used)));
            let reward = if rewards_execution { used } else { da_gas };
            let _ = state.add_balance(block.beneficiary, wei(reward));
            state.finish()
        }
    };
    let succeeded = ended.result.is_ok();
    Ok(CallOutcome {
        succeeded,
        gas_used: Gas::new(ended.gas_used.saturating_add(da_gas)),
        execution_gas: Gas::new(ended.gas_used),
        logs,
        output: output_of(&ended.result, ended.output),
        created: (creates && succeeded).then_some(address),
        halt: ended.result.err().map(Halt::from),
    })
}

/// Whether the caller has what it offers, and what to take from it in advance: the base fee, or nothing when
/// gas is free.
fn check_funds<R: StateReader>(
    state: &State<R>,
    block: &BlockEnvironment,
    call: &Call,
    gas: u64,
) -> Result<U256, TransactionError<R::Error>> {
    let price = call.gas_price.unwrap_or_default();
    let offered = U256::from(gas).checked_mul(price).ok_or(Invalid::CostOverflow)?;
    let needed = offered.checked_add(call.value).ok_or(Invalid::CostOverflow)?;
    let account = state.account(call.from.unwrap_or_default()).map_err(TransactionError::Reader)?;
    let available = account.unwrap_or_default().balance;
    if available < needed {
        return Err(Invalid::InsufficientFunds { needed, available }.into());
    }
    // No more than was offered: a price below the base fee was refused, unless it is zero.
    Ok(U256::from(gas).saturating_mul(price.min(block.base_fee)))
}
