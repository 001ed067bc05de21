//! The bridge of tickets of others.

use super::abi::{Arguments, Event, Words, selector_and};
use super::native::{payload, seconds};
use super::withdrawal::FastWithdrawal;
use super::{
    Answer, Call, FA_BRIDGE, Failure, NO_FUNCTION, TICKET_GAS, TICKET_TABLE, WITHDRAWAL_GAS, Way, Withdrawal,
    WithdrawnTicket, account, charge, conclude, next_id,
};
use crate::execute::tickets::balance_slot;
use crate::keccak::keccak_of;
use crate::machine::Backend;
use crate::state::word;
use alloc::vec::Vec;
use evm::GasMutState;
use millrace_primitives::{Address, ContractHash, H256, L1Account, U256};

/// `withdraw(address ticketOwner, bytes routingInfo, uint256 amount, bytes22 ticketer, bytes content)`
pub(super) const WITHDRAW: [u8; 4] = [0x80, 0xfc, 0x1f, 0xe3];
/// The same, and `string fastWithdrawalContract, bytes payload`: `fa_fast_withdraw`.
pub(super) const FAST_WITHDRAW: [u8; 4] = [0xff, 0xf7, 0xca, 0x5f];
/// `claim(uint256 depositId)`
pub(super) const CLAIM: [u8; 4] = [0x37, 0x96, 0x07, 0xf5];
/// `withdraw(address target, uint256 amount, uint256 ticketHash)` of a contract that owns tickets.
pub(super) const ASK: [u8; 4] = [0xb5, 0xc5, 0xf6, 0x72];

pub(super) const WITHDRAWAL: &[u8] = b"Withdrawal(uint256,address,address,bytes22,bytes22,uint256,uint256)";
pub(super) const FAST_WITHDRAWAL: &[u8] =
    b"FastFaWithdrawal(uint256,address,address,bytes22,bytes22,uint256,uint256,uint256,bytes)";

/// Transient slot of the bridge that is set while it calls a contract.
pub(crate) const LOCK: H256 = H256::zero();

/// What a call of an account costs (EIP-2929).
const COLD_GAS: u64 = 2_600;
const WARM_GAS: u64 = 100;

pub(super) fn call<H: Backend>(
    call: &Call<'_>,
    (selector, arguments): ([u8; 4], Arguments<'_>),
    gas: &mut impl GasMutState,
    host: &mut H,
) -> Result<Answer, Failure> {
    charge(gas, WITHDRAWAL_GAS.saturating_add(TICKET_GAS))?;
    if !host.transient_storage(FA_BRIDGE, LOCK).is_zero() {
        return Err(Failure::Reverted("the bridge is waiting for a contract"));
    }
    // Nobody could get it back.
    if !call.value.is_zero() {
        return Err(Failure::Reverted("the bridge of tickets takes no wei"));
    }
    match selector {
        WITHDRAW | FAST_WITHDRAW => {
            let request = Request::read(selector, arguments)?;
            request.authorise(call, gas, host)?;
            request.take_tickets(host)?;
            request.withdraw(call, gas, host)?;
            request.ask(call, host)
        }
        // Deposits are never queued here: they are credited when they arrive.
        CLAIM => Err(Failure::Reverted("Could not find deposit")),
        _ => Err(NO_FUNCTION),
    }
}

/// What is asked for.
struct Request<'a> {
    owner: Address,
    receiver: L1Account,
    proxy: ContractHash,
    amount: U256,
    ticketer: ContractHash,
    content: &'a [u8],
    ticket_hash: H256,
    /// Contract and payload of a fast withdrawal.
    fast: Option<(ContractHash, Vec<u8>)>,
}

impl<'a> Request<'a> {
    fn read(selector: [u8; 4], arguments: Arguments<'a>) -> Result<Self, Failure> {
        let owner = arguments.address(0)?;
        let (receiver, proxy) = routing(arguments.bytes(1)?)?;
        let amount = arguments.number(2)?;
        if amount.is_zero() {
            return Err(Failure::Reverted("Empty withdrawals are not allowed"));
        }
        let ticketer_bytes = arguments.account(3)?;
        let ticketer = account::contract(&L1Account::new(ticketer_bytes))?;
        let content = arguments.bytes(4)?;
        if content.len() > super::MESSAGE_BYTES_MAX {
            return Err(super::TOO_LONG);
        }
        let ticket_hash = keccak_of(&[&ticketer_bytes, content]);
        let fast = if selector == FAST_WITHDRAW {
            Some((account::contract_from_base58(arguments.bytes(5)?)?, payload(arguments.bytes(6)?)?))
        } else {
            None
        };
        Ok(Self { owner, receiver, proxy, amount, ticketer, content, ticket_hash, fast })
    }

    /// A wallet withdraws what is its own; a contract is asked, later.
    fn authorise<H: Backend>(
        &self,
        call: &Call<'_>,
        gas: &mut impl GasMutState,
        host: &H,
    ) -> Result<(), Failure> {
        charge(gas, if host.is_cold(self.owner, None) { COLD_GAS } else { WARM_GAS })?;
        if self.owner != call.caller && is_wallet(host, self.owner) {
            return Err(Failure::Reverted("only their owner may withdraw the tickets of a wallet"));
        }
        Ok(())
    }

    fn take_tickets<H: Backend>(&self, host: &mut H) -> Result<(), Failure> {
        let slot = word(balance_slot(self.ticket_hash, self.owner));
        let balance = U256::from_big_endian(host.storage(TICKET_TABLE, slot).as_bytes());
        let left =
            balance.checked_sub(self.amount).ok_or(Failure::Reverted("the owner has fewer tickets"))?;
        Ok(host.set_storage(TICKET_TABLE, slot, word(left))?)
    }

    fn withdraw<H: Backend>(
        &self,
        call: &Call<'_>,
        gas: &mut impl GasMutState,
        host: &mut H,
    ) -> Result<(), Failure> {
        let id = next_id(host)?;
        let data = Words::default()
            .address(call.caller)
            .address(self.owner)
            .account(&self.receiver)
            .account(&account::of_contract(&self.proxy))
            .number(self.amount)
            .number(id);
        let indexed = Some(self.ticket_hash);
        let (event, way) = match &self.fast {
            None => (Event { signature: WITHDRAWAL, indexed, data: data.done() }, Way::Proxy(self.proxy)),
            Some((contract, payload)) => {
                let timestamp = host.block_timestamp();
                // The payload stands behind the eight words.
                let data = data.number(timestamp).number(U256::from(8 * 32)).bytes(payload);
                let (contract, payload, timestamp) = (*contract, payload.clone(), seconds(timestamp));
                let fast = FastWithdrawal { contract, id, timestamp, payload, caller: call.caller };
                (Event { signature: FAST_WITHDRAWAL, indexed, data }, Way::Fast(fast))
            }
        };
        // Tickets were credited under the hash of this content, so it is what the layer 1 wrote.
        let (ticketer, content, amount) = (self.ticketer, self.content.to_vec(), self.amount);
        let ticket = WithdrawnTicket { ticketer, content, amount };
        conclude(Withdrawal { ticket, receiver: self.receiver, way }, (call.contract, event), gas, host)
    }

    /// Leaves the last word to a contract that owns the tickets. Nobody can use the bridge until it has spoken.
    fn ask<H: Backend>(&self, call: &Call<'_>, host: &mut H) -> Result<Answer, Failure> {
        if is_wallet(host, self.owner) {
            return Ok(Answer::Done);
        }
        host.set_transient_storage(FA_BRIDGE, LOCK, word(U256::one()))?;
        Ok(Answer::Asks {
            contract: self.owner,
            input: hook_input(ASK, call.caller, self.amount, self.ticket_hash),
        })
    }
}

/// Receiver and proxy: two accounts in the bytes of Michelson.
fn routing(bytes: &[u8]) -> Result<(L1Account, ContractHash), Failure> {
    match bytes.split_first_chunk::<22>().map(|(receiver, proxy)| (receiver, <&[u8; 22]>::try_from(proxy))) {
        Some((receiver, Ok(proxy))) => {
            Ok((account::from_bytes(receiver)?, account::contract(&L1Account::new(*proxy))?))
        }
        _ => Err(Failure::Reverted("routing is a receiver and a proxy of 22 bytes each")),
    }
}

/// Whether an account belongs to a key: it has no code, or delegates to that of another (EIP-7702).
fn is_wallet<H: Backend>(host: &H, address: Address) -> bool {
    let code = host.code_of(address);
    code.bytes().is_empty() || code.delegate().is_some()
}

/// Call data of a function `(address, uint256, uint256)` of contracts that own tickets.
pub(crate) fn hook_input(selector: [u8; 4], account: Address, amount: U256, ticket_hash: H256) -> Vec<u8> {
    let ticket_hash = U256::from_big_endian(ticket_hash.as_bytes());
    selector_and(selector, &Words::default().address(account).number(amount).number(ticket_hash).done())
}
