//! One transaction: checked, executed, paid for.
//!
//! 1. *Validity* ([`Invalid`]): every rule is checked here, before anything is changed; an invalid
//!    transaction leaves no trace.
//! 2. The sender's nonce rises and `gas_limit × price` is taken from its balance, the price being the base fee.
//! 3. The engine runs with what the gas limit leaves after data availability, held at
//!    [`Fees::execution_gas_limit_max`].
//! 4. What was not used is given back; the price of data availability goes to the beneficiary, that of the
//!    execution to nobody, or to the beneficiary too ([`Fees::execution_fee_to_beneficiary`]).
//!
//! Where tips are paid, as on Ethereum ([`Fees::has_tips`]), the price has the tip on top of the base fee, and the
//! beneficiary receives it. So the sender pays exactly `gas_used × price`, and
//! `balances before = balances after + what is burned or withdrawn`.

mod delegation;
mod estimate;
pub mod history;
mod invalid;
mod simulate;
pub mod tickets;
mod validity;

pub use estimate::{EstimateError, Estimation, estimate};
pub use invalid::{Halt, Invalid};
pub use simulate::{Call, CallOutcome, perform, simulate, simulate_traced};

use crate::fees::Fees;
use crate::keccak::keccak;
use crate::machine::{self, Ended, Host, Message};
use crate::rlp;
use crate::state::{State, StateReader};
use crate::system::Withdrawal;
use crate::trace::{NoTracer, Tracer};
use crate::transaction::{AccessListItem, Recovered, Transaction};
use alloc::vec::Vec;
use evm::interpreter::ExitError;
use millrace_primitives::{Address, BlockNumber, ContractHash, Fork, Gas, H160, H256, Log, Timestamp, U256};

/// What a transaction can see of its block.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BlockEnvironment {
    /// Number of the block.
    pub number: BlockNumber,
    /// When it is made.
    pub timestamp: Timestamp,
    /// Receives the price of data availability.
    pub beneficiary: Address,
    /// Most gas that one transaction may offer; what `GASLIMIT` answers.
    pub gas_limit: Gas,
    /// Wei paid for a unit of gas.
    pub base_fee: U256,
    /// The chain.
    pub chain_id: U256,
    /// What `PREVRANDAO` answers: a rollup has no randomness, so zero in a header.
    pub prev_randao: H256,
    /// What `BLOBBASEFEE` answers: without blobs 1, which EIP-4844 gives for no excess blob gas.
    pub blob_base_fee: U256,
    /// The rules in force.
    pub fork: Fork,
    /// Whose tickets the native token is; nobody can withdraw it when there is none.
    pub ticketer: Option<ContractHash>,
}

/// What became of a valid transaction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outcome {
    /// False when it reverted or was halted.
    pub succeeded: bool,
    /// Gas used, the part for data availability included: what the sender paid for.
    pub gas_used: Gas,
    /// Gas used by the execution: burned, and what counts for the load of the chain.
    pub execution_gas: Gas,
    /// In order; empty when it failed.
    pub logs: Vec<Log>,
    /// What goes back to the layer 1, in order; empty when it failed.
    pub withdrawals: Vec<Withdrawal>,
    /// What a call returned or a failure reverted with.
    pub output: Vec<u8>,
    /// The contract created, if one was.
    pub created: Option<Address>,
    /// Who sent it.
    pub sender: Address,
    /// Wei paid for a unit of gas.
    pub effective_gas_price: U256,
    /// Why it failed, when it did.
    pub halt: Option<Halt>,
}

/// Why there is no [`Outcome`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TransactionError<E> {
    /// The transaction may not be in a block. The state is as before.
    Invalid(Invalid),
    /// The state could not be read. It is as before.
    Reader(E),
}

impl<E> From<Invalid> for TransactionError<E> {
    fn from(invalid: Invalid) -> Self {
        Self::Invalid(invalid)
    }
}

/// Checks every rule that a transaction must keep to be in this block, and executes nothing.
///
/// # Errors
/// When it is invalid or the state cannot be read.
pub fn validate<R: StateReader>(
    state: &State<R>,
    block: &BlockEnvironment,
    fees: &Fees,
    transaction: &Recovered,
) -> Result<(), TransactionError<R::Error>> {
    let parts = (transaction.transaction(), transaction.sender());
    validity::check(state, block, fees, parts).map(|_| ())
}

/// Executes a transaction on `state`.
///
/// # Errors
/// When it is invalid or the state cannot be read; `state` is unchanged then.
pub fn transact<R: StateReader>(
    state: &mut State<R>,
    block: &BlockEnvironment,
    fees: &Fees,
    transaction: &Recovered,
) -> Result<Outcome, TransactionError<R::Error>> {
    transact_traced(state, block, fees, transaction, NoTracer)
}

/// The same, watched.
///
/// # Errors
/// Those of [`transact`]. An execution that the tracer stops has an outcome, which means nothing.
pub fn transact_traced<R: StateReader, T: Tracer>(
    state: &mut State<R>,
    block: &BlockEnvironment,
    fees: &Fees,
    transaction: &Recovered,
    tracer: T,
) -> Result<Outcome, TransactionError<R::Error>> {
    transact_unsigned(state, block, fees, (transaction.transaction(), transaction.sender()), tracer)
}

/// The same of a transaction that nobody needs to have signed: for what is only tried out.
///
/// # Errors
/// Those of [`transact`].
pub fn transact_unsigned<R: StateReader, T: Tracer>(
    state: &mut State<R>,
    block: &BlockEnvironment,
    fees: &Fees,
    (transaction, sender): (&Transaction, Address),
    tracer: T,
) -> Result<Outcome, TransactionError<R::Error>> {
    let terms = validity::check(state, block, fees, (transaction, sender))?;
    state.begin();
    let address = match transaction.to {
        Some(address) => address,
        None => created_address(sender, transaction.nonce),
    };
    // Both were checked: the nonce is not the largest and the balance covers more than this.
    let _ = state.increment_nonce(sender) && state.take_balance(sender, terms.prepaid);
    let refund = delegation::apply(state, block, &transaction.authorizations);
    let message = Message {
        caller: sender,
        address,
        creates: transaction.to.is_none(),
        value: transaction.value,
        input: transaction.data.clone(),
        gas_limit: terms.execution_gas_limit,
        intrinsic_gas: terms.upfront.intrinsic,
        gas_price: terms.gas_price,
    };
    let mut ended = execute(state, block, message, &transaction.access_list, tracer);
    ended.gas_used = delegation::settle_gas(ended.gas_spent, ended.gas_used, refund, terms.upfront.floor);
    if let Some(error) = state.take_failure() {
        state.abandon();
        return Err(TransactionError::Reader(error));
    }
    Ok(settle(state, block, (transaction, sender), &terms, ended))
}

/// Warms what is warm from the beginning (EIP-2929, EIP-2930, EIP-3651) and runs the engine.
fn execute<R: StateReader, T: Tracer>(
    state: &mut State<R>,
    block: &BlockEnvironment,
    message: Message,
    access_list: &[AccessListItem],
    tracer: T,
) -> Ended {
    state.warm(block.beneficiary);
    state.warm(message.caller);
    state.warm(message.address);
    for item in access_list {
        state.warm(item.address);
        for key in &item.storage_keys {
            state.warm_slot(item.address, U256::from_big_endian(key.as_bytes()));
        }
    }
    if !message.creates {
        delegation::warm_delegate(state, message.address);
    }
    machine::run(message, &mut Host::traced(state, block, tracer))
}

/// Gives back what was not used, pays the beneficiary, and closes the transaction.
fn settle<R: StateReader>(
    state: &mut State<R>,
    block: &BlockEnvironment,
    (transaction, sender): (&Transaction, Address),
    terms: &validity::Terms,
    ended: Ended,
) -> Outcome {
    let execution_gas = ended.gas_used;
    let gas_used = execution_gas.saturating_add(terms.da_gas);
    let price = |gas: u64, wei: U256| U256::from(gas).saturating_mul(wei);
    let unused = transaction.gas_limit.get().saturating_sub(gas_used);
    // Neither can overflow: both are parts of what was just taken from the sender.
    let _ = state.add_balance(sender, price(unused, terms.gas_price));
    let paid_out = if terms.burns_execution { terms.da_gas } else { gas_used };
    let tip = price(gas_used, terms.gas_price.saturating_sub(block.base_fee));
    let reward = price(paid_out, block.base_fee).saturating_add(tip);
    let _ = state.add_balance(block.beneficiary, reward);
    let succeeded = ended.result.is_ok();
    let address = match transaction.to {
        Some(_) => None,
        None => Some(created_address(sender, transaction.nonce)),
    };
    Outcome {
        succeeded,
        gas_used: Gas::new(gas_used),
        execution_gas: Gas::new(execution_gas),
        withdrawals: state.take_withdrawals(),
        logs: state.finish(),
        output: output_of(&ended.result, ended.output),
        created: address.filter(|_| succeeded),
        sender,
        effective_gas_price: terms.gas_price,
        halt: ended.result.err().map(Halt::from),
    }
}

fn output_of<T>(result: &Result<T, ExitError>, output: Vec<u8>) -> Vec<u8> {
    match result {
        Ok(_) | Err(ExitError::Reverted) => output,
        Err(_) => Vec::new(),
    }
}

/// Where a contract created by a transaction, or by `CREATE`, stands: the last 20 bytes of the Keccak-256 of
/// the RLP of creator and nonce.
pub fn created_address(creator: Address, nonce: u64) -> Address {
    let mut out = Vec::with_capacity(31);
    rlp::write_list_header(&mut out, rlp::ADDRESS_SIZE.saturating_add(rlp::u64_size(nonce)));
    rlp::write_text(&mut out, creator.as_bytes());
    rlp::write_u64(&mut out, nonce);
    H160::from(keccak(&out))
}
