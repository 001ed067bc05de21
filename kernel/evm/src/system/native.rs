//! The bridge of the native token.

use super::abi::{Arguments, Event, Words};
use super::withdrawal::FastWithdrawal;
use super::{
    Answer, Call, Failure, NO_FUNCTION, WITHDRAWAL_GAS, Way, Withdrawal, WithdrawnTicket, account, charge,
    conclude, next_id,
};
use crate::machine::Backend;
use alloc::vec::Vec;
use evm::GasMutState;
use millrace_primitives::{ContractHash, Timestamp, U256};

/// `withdraw_base58(string target)`
pub(super) const WITHDRAW: [u8; 4] = [0xcd, 0xa4, 0xfe, 0xe2];
/// `fast_withdraw_base58(string target, string fast_withdrawal_contract, bytes payload)`
pub(super) const FAST_WITHDRAW: [u8; 4] = [0x67, 0xa3, 0x2c, 0xd7];

pub(super) const WITHDRAWAL: &[u8] = b"Withdrawal(uint256,address,bytes22,uint256)";
pub(super) const FAST_WITHDRAWAL: &[u8] = b"FastWithdrawal(bytes22,uint256,uint256,uint256,bytes,address)";

/// `Pair 0 None`: of what the tickets of the native token are.
const CONTENT: [u8; 6] = [7, 7, 0, 0, 3, 6];
/// Wei of a mutez.
const WEI_PER_MUTEZ: u64 = 1_000_000_000_000;

pub(super) fn call<H: Backend>(
    call: &Call<'_>,
    (selector, arguments): ([u8; 4], Arguments<'_>),
    gas: &mut impl GasMutState,
    host: &mut H,
) -> Result<Answer, Failure> {
    charge(gas, WITHDRAWAL_GAS)?;
    match selector {
        WITHDRAW => withdraw(call, arguments, gas, host),
        FAST_WITHDRAW => fast_withdraw(call, arguments, gas, host),
        _ => Err(NO_FUNCTION),
    }
}

fn withdraw<H: Backend>(
    call: &Call<'_>,
    arguments: Arguments<'_>,
    gas: &mut impl GasMutState,
    host: &mut H,
) -> Result<Answer, Failure> {
    let ticket = ticket(call.value, host.ticketer())?;
    let receiver = account::from_base58(arguments.bytes(0)?)?;
    let id = burn(call, host)?;
    let data = Words::default().number(call.value).address(call.caller).account(&receiver).number(id).done();
    let event = Event { signature: WITHDRAWAL, indexed: None, data };
    conclude(Withdrawal { ticket, receiver, way: Way::Ticketer }, (call.contract, event), gas, host)?;
    Ok(Answer::Done)
}

fn fast_withdraw<H: Backend>(
    call: &Call<'_>,
    arguments: Arguments<'_>,
    gas: &mut impl GasMutState,
    host: &mut H,
) -> Result<Answer, Failure> {
    let ticket = ticket(call.value, host.ticketer())?;
    let receiver = account::from_base58(arguments.bytes(0)?)?;
    let contract = account::contract_from_base58(arguments.bytes(1)?)?;
    let payload = payload(arguments.bytes(2)?)?;
    let id = burn(call, host)?;
    let timestamp = host.block_timestamp();
    let data = Words::default().account(&receiver).number(id).number(call.value).number(timestamp);
    // The payload stands behind the six words.
    let data = data.number(U256::from(6 * 32)).address(call.caller).bytes(&payload);
    let event = Event { signature: FAST_WITHDRAWAL, indexed: None, data };
    let timestamp = seconds(timestamp);
    let fast = FastWithdrawal { contract, id, timestamp, payload, caller: call.caller };
    conclude(Withdrawal { ticket, receiver, way: Way::Fast(fast) }, (call.contract, event), gas, host)?;
    Ok(Answer::Done)
}

/// What is withdrawn, to the mutez.
fn ticket(wei: U256, ticketer: Option<ContractHash>) -> Result<WithdrawnTicket, Failure> {
    let ticketer = ticketer.ok_or(Failure::Reverted("the native token has no ticketer"))?;
    if wei.is_zero() {
        return Err(Failure::Reverted("Amount is zero"));
    }
    match wei.div_mod(U256::from(WEI_PER_MUTEZ)) {
        (amount, rest) if rest.is_zero() => {
            Ok(WithdrawnTicket { ticketer, content: CONTENT.to_vec(), amount })
        }
        _ => Err(Failure::Reverted("Rounding would lose wei, amount must be multiple of 10^12 (1 mutez)")),
    }
}

/// Burns what the bridge has received, and counts.
fn burn<H: Backend>(call: &Call<'_>, host: &mut H) -> Result<U256, Failure> {
    host.withdrawal(call.contract, call.value)?;
    next_id(host)
}

/// Bytes that can be in a message, copied.
pub(super) fn payload(bytes: &[u8]) -> Result<Vec<u8>, Failure> {
    if bytes.len() > super::MESSAGE_BYTES_MAX {
        return Err(super::TOO_LONG);
    }
    Ok(bytes.to_vec())
}

/// The time of a block, which is a `u64`.
pub(super) fn seconds(timestamp: U256) -> Timestamp {
    Timestamp::new(u64::try_from(timestamp).unwrap_or(u64::MAX))
}
