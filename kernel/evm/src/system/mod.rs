//! The contracts of the rollup itself: the bridges through which money goes back to the layer 1, and the one by which
//! a sequencer hands its key over.
//!
//! ```text
//! 0xff…01  the bridge of the native token: withdraw_base58, fast_withdraw_base58
//! 0xff…02  the bridge of tickets of others: withdraw, fa_fast_withdraw, claim
//! 0xff…04  storage: who owns which tickets
//! 0xff…05  storage: the number of the next withdrawal
//! 0xff…06  the key of the sequencer: change_sequencer_key, sequencer_key_change_counter; storage: what was asked for
//! ```
//! Addresses, functions and events are those of Etherlink, so that what was written for them works
//! unchanged. They are Rust, not bytecode: there is nothing to deploy and nothing to refresh after an
//! upgrade. So that they look like contracts, those that are called answer for one byte of code, [`CODE`], which no
//! account holds.
//!
//! What is withdrawn is a [`Withdrawal`] in the journal of the state: undone with the frame that made it, and
//! given out with the outcome of the transaction. The wei are burned, the tickets taken from their owner.
//! Everything that the layer 1 would refuse is refused here, by a revert with a reason.
//!
//! **Gas**: [`WITHDRAWAL_GAS`]; for tickets [`TICKET_GAS`] and the access to a contract that owns them (EIP-2929);
//! [`GAS_PER_BYTE`] of the message; the log at the price of `LOG`; of another key [`KEY_CHANGE_GAS`] and [`SIGNATURE_GAS`].
//! **Bounds**: [`MESSAGE_BYTES_MAX`].

mod abi;
mod account;
mod key_change;
mod native;
mod tickets;
mod withdrawal;

pub(crate) use abi::error;
pub use key_change::{
    Approval, COUNTER_GAS, KEY_CHANGE_GAS, KeyChange, KeyChangeFault, KeyChangeRequest, SIGNATURE_GAS,
    key_change,
};
pub(crate) use tickets::{LOCK, hook_input};
pub use withdrawal::{FastWithdrawal, Way, Withdrawal, WithdrawnTicket};

use crate::keccak::keccak;
use crate::machine::Backend;
use crate::state::word;
use alloc::vec::Vec;
use evm::GasMutState;
use evm::interpreter::ExitError;
use evm::interpreter::runtime::Log;
use millrace_primitives::{Address, H160, H256, U256};

/// The bridge of the native token, 0xff…01.
pub const NATIVE_BRIDGE: Address = at(1);
/// The bridge of tickets of others, 0xff…02.
pub const FA_BRIDGE: Address = at(2);
/// Where balances of tickets are, 0xff…04.
pub const TICKET_TABLE: Address = at(4);
/// Where the number of the next withdrawal is, in slot 0, 0xff…05.
pub const WITHDRAWAL_COUNTER: Address = at(5);
/// Takes another key of the sequencer, 0xff…06.
pub const KEY_CHANGES: Address = at(6);
/// Who calls the contracts that own tickets: on Etherlink it is the zero address, and they check it.
pub const PROXY_CALLER: Address = H160([0; 20]);

/// The code that the contracts answer for: the opcode that is invalid for ever (EIP-141).
pub const CODE: &[u8] = &[0xfe];

/// Bytes of one outbox message (protocol constant of the layer 1).
pub const MESSAGE_BYTES_MAX: usize = 4_096;

const NO_FUNCTION: Failure = Failure::Reverted("no such function");
const TOO_LONG: Failure = Failure::Reverted("the message to the layer 1 would be too long");

/// Gas of any withdrawal: Etherlink's counter (a cold slot read and set) and its outbox.
pub const WITHDRAWAL_GAS: u64 = 24_700;
/// Gas of taking tickets from their owner: Etherlink's ticket table (a cold slot read and set).
pub const TICKET_GAS: u64 = 24_200;
/// Gas of a byte of the message, as much as a byte of call data (EIP-2028): it is decoded, stored until the layer 1 has
/// room, and sent.
pub const GAS_PER_BYTE: u64 = 16;

const fn at(last_byte: u8) -> Address {
    let mut bytes = [0; 20];
    let [first, .., last] = &mut bytes;
    (*first, *last) = (0xff, last_byte);
    H160(bytes)
}

/// The code that a contract of the rollup itself answers for.
pub fn system_code(address: Address) -> Option<&'static [u8]> {
    is_system(address).then_some(CODE)
}

/// Whether calls of this address end here.
pub(crate) fn is_system(address: Address) -> bool {
    address == NATIVE_BRIDGE || address == FA_BRIDGE || address == KEY_CHANGES
}

/// A call of a contract.
pub(crate) struct Call<'a> {
    /// The contract.
    pub(crate) contract: Address,
    pub(crate) caller: Address,
    /// Wei that the contract has received with it.
    pub(crate) value: U256,
    pub(crate) input: &'a [u8],
    /// Whether it is a plain `CALL`, in a context that may change the state.
    pub(crate) is_plain: bool,
    /// Whether it is a `CALL` or a `STATICCALL`: nobody else's context is borrowed.
    pub(crate) is_direct: bool,
}

/// How far a call came.
pub(crate) enum Answer {
    /// It is done.
    Done,
    /// It is done, and this is returned.
    Returns(Vec<u8>),
    /// A contract has to agree first: it is called by [`PROXY_CALLER`], and if that fails, so does the call.
    Asks { contract: Address, input: Vec<u8> },
}

/// Why a call failed.
#[derive(Debug, PartialEq)]
pub(crate) enum Failure {
    /// It was refused; what is left of the gas is not.
    Reverted(&'static str),
    /// It ran out of gas, or the engine has to stop.
    Exit(ExitError),
}

impl From<ExitError> for Failure {
    fn from(error: ExitError) -> Self {
        Self::Exit(error)
    }
}

/// Runs a call of a contract. When it fails, what it did is left to the caller to undo.
pub(crate) fn call<H: Backend>(
    call: &Call<'_>,
    gas: &mut impl GasMutState,
    host: &mut H,
) -> Result<Answer, Failure> {
    if call.contract == KEY_CHANGES {
        return key_change::call(call, gas, host);
    }
    if !call.is_plain {
        return Err(Failure::Reverted("only a plain call may withdraw"));
    }
    let (selector, arguments) = call.input.split_first_chunk::<4>().ok_or(NO_FUNCTION)?;
    let arguments = abi::Arguments(arguments);
    if call.contract == NATIVE_BRIDGE {
        native::call(call, (*selector, arguments), gas, host)
    } else {
        tickets::call(call, (*selector, arguments), gas, host)
    }
}

fn charge(gas: &mut impl GasMutState, amount: u64) -> Result<(), Failure> {
    Ok(gas.record_gas(U256::from(amount))?)
}

/// Gives an account that has only storage nonce 1, as contracts have, so that no rule about empty accounts concerns it.
fn hold<H: Backend>(host: &mut H, address: Address) -> Result<(), Failure> {
    if host.nonce(address).is_zero() {
        host.inc_nonce(address)?;
    }
    Ok(())
}

/// The number of this withdrawal.
fn next_id<H: Backend>(host: &mut H) -> Result<U256, Failure> {
    let slot = H256::zero();
    let id = U256::from_big_endian(host.storage(WITHDRAWAL_COUNTER, slot).as_bytes());
    // A counter that passes 2^256 is a world that ended before.
    let next = id.checked_add(U256::one()).ok_or(Failure::Reverted("too many withdrawals"))?;
    host.set_storage(WITHDRAWAL_COUNTER, slot, word(next))?;
    hold(host, WITHDRAWAL_COUNTER)?;
    Ok(id)
}

/// Journals a withdrawal that fits a message, and pays for it and its event.
fn conclude<H: Backend>(
    withdrawal: Withdrawal,
    (bridge, event): (Address, abi::Event),
    gas: &mut impl GasMutState,
    host: &mut H,
) -> Result<(), Failure> {
    let size = withdrawal.message_size_bytes();
    if size > MESSAGE_BYTES_MAX {
        return Err(TOO_LONG);
    }
    emit(bridge, event, (size as u64).saturating_mul(GAS_PER_BYTE), gas, host)?;
    host.withdraw(withdrawal);
    Ok(())
}

/// Emits an event of `contract`, for its price and `more` gas.
fn emit<H: Backend>(
    contract: Address,
    event: abi::Event,
    more: u64,
    gas: &mut impl GasMutState,
    host: &mut H,
) -> Result<(), Failure> {
    let abi::Event { signature, indexed, data } = event;
    let topics: Vec<H256> = core::iter::once(keccak(signature)).chain(indexed).collect();
    charge(gas, log_gas(&topics, &data).saturating_add(more))?;
    Ok(host.log(Log { address: contract, topics, data })?)
}

/// What `LOG` costs (Yellow Paper, appendix G).
const fn log_gas(topics: &[H256], data: &[u8]) -> u64 {
    let of_topics = (topics.len() as u64).saturating_mul(375);
    (data.len() as u64).saturating_mul(8).saturating_add(of_topics).saturating_add(375)
}

#[cfg(test)]
mod tests;
