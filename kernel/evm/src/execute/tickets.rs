//! Tickets of the layer 1 on the rollup: a table of balances by ticket and owner, and deposits into it.
//!
//! The table is storage of [`TICKET_TABLE`], slot `keccak256(ticket hash ‖ owner, left-padded to 32 bytes)`. It has
//! nonce 1, as contracts have, so that no rule about empty accounts concerns it.
//!
//! A deposit that names a proxy credits the proxy and calls `deposit(address receiver, uint256 amount, uint256
//! ticketHash)` on it, from the zero address as on Etherlink; when the call fails or the proxy has no code, all of that is undone and the
//! receiver itself owns the tickets. Nothing is ever lost or left over.

use super::BlockEnvironment;
use crate::keccak::keccak;
use crate::machine::{self, Host, Message};
use crate::state::{State, StateReader, word};
use crate::system::{LOCK, PROXY_CALLER, Withdrawal, hook_input};
use alloc::vec::Vec;
use millrace_primitives::{Address, EMPTY_CODE_HASH, Gas, H256, Log, U256};

pub use crate::system::{FA_BRIDGE, TICKET_TABLE};

/// `deposit(address receiver, uint256 amount, uint256 ticketHash)` of a proxy.
const DEPOSIT: [u8; 4] = [0x0e, 0xfe, 0x6a, 0x8b];

/// Gas of the call of a proxy.
pub const HOOK_GAS: Gas = Gas::new(100_000);

/// Tickets that arrive.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TicketDeposit {
    /// Which.
    pub ticket_hash: H256,
    /// How much.
    pub amount: U256,
    /// For whom.
    pub receiver: Address,
    /// The contract that is asked to take them for the receiver.
    pub proxy: Option<Address>,
    /// Level and position of the message that brought them.
    pub message: (u32, u32),
}

/// What became of tickets that arrived.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Credited {
    /// Who owns them.
    pub owner: Address,
    /// What the call of the proxy used.
    pub execution_gas: Gas,
    /// What it withdrew of its native tokens.
    pub withdrawals: Vec<Withdrawal>,
    /// What it emitted, and the event of the bridge.
    pub logs: Vec<Log>,
}

/// Credits tickets. `None` when the owner's balance would pass 2^256; the state is as before then.
///
/// # Errors
/// When the state cannot be read; it is as before.
pub fn deposit<R: StateReader>(
    state: &mut State<R>,
    block: &BlockEnvironment,
    deposit: &TicketDeposit,
) -> Result<Option<Credited>, R::Error> {
    state.begin();
    if state.nonce_of(TICKET_TABLE) == 0 {
        let _ = state.increment_nonce(TICKET_TABLE);
    }
    let (taken_by, execution_gas) = match deposit.proxy {
        Some(proxy) => offer(state, block, (deposit, proxy)),
        None => (None, Gas::ZERO),
    };
    let owner = match taken_by {
        Some(proxy) => Some(proxy),
        None => credit(state, deposit, deposit.receiver).then_some(deposit.receiver),
    };
    let failure = state.take_failure();
    let Some(owner) = owner.filter(|_| failure.is_none()) else {
        state.abandon();
        return failure.map_or(Ok(None), Err);
    };
    state.emit(event(deposit, owner));
    let withdrawals = state.take_withdrawals();
    Ok(Some(Credited { owner, execution_gas, withdrawals, logs: state.finish() }))
}

/// Offers the tickets to the proxy: it, if it took them, and the gas that this used.
fn offer<R: StateReader>(
    state: &mut State<R>,
    block: &BlockEnvironment,
    (deposit, proxy): (&TicketDeposit, Address),
) -> (Option<Address>, Gas) {
    if state.code_hash_of(proxy) == EMPTY_CODE_HASH {
        return (None, Gas::ZERO);
    }
    state.push_frame();
    let (mut is_taken, mut used) = (credit(state, deposit, proxy), 0);
    if is_taken {
        let message = Message {
            caller: PROXY_CALLER,
            address: proxy,
            creates: false,
            value: U256::zero(),
            input: hook_input(DEPOSIT, deposit.receiver, deposit.amount, deposit.ticket_hash),
            gas_limit: HOOK_GAS.get(),
            intrinsic_gas: 0,
            gas_price: block.base_fee,
        };
        state.warm(PROXY_CALLER);
        state.warm(proxy);
        // What it takes it may not give back at once: the bridge is not for use before it has spoken.
        let lock = |state: &mut State<R>, is_locked: bool| {
            let slot = U256::from_big_endian(LOCK.as_bytes());
            state.set_transient(FA_BRIDGE, slot, U256::from(u8::from(is_locked)));
        };
        lock(state, true);
        let ended = machine::run(message, &mut Host::new(state, block));
        lock(state, false);
        (is_taken, used) = (ended.result.is_ok(), ended.gas_used);
    }
    state.pop_frame(is_taken);
    (is_taken.then_some(proxy), Gas::new(used))
}

fn credit<R: StateReader>(state: &mut State<R>, deposit: &TicketDeposit, owner: Address) -> bool {
    let slot = balance_slot(deposit.ticket_hash, owner);
    match state.slot_now(TICKET_TABLE, slot).checked_add(deposit.amount) {
        Some(balance) => {
            state.set_slot(TICKET_TABLE, slot, balance);
            true
        }
        None => false,
    }
}

/// Where the balance of `owner` is.
pub(crate) fn balance_slot(ticket_hash: H256, owner: Address) -> U256 {
    let preimage = [ticket_hash.as_bytes(), padded(owner).as_bytes()].concat();
    U256::from_big_endian(keccak(&preimage).as_bytes())
}

/// How many tickets `owner` has.
///
/// # Errors
/// When the state cannot be read.
pub fn balance<R: StateReader>(
    state: &State<R>,
    ticket_hash: H256,
    owner: Address,
) -> Result<U256, R::Error> {
    let value = state.storage(TICKET_TABLE, word(balance_slot(ticket_hash, owner)))?;
    Ok(U256::from_big_endian(value.as_bytes()))
}

fn event(deposit: &TicketDeposit, owner: Address) -> Log {
    let (level, index) = deposit.message;
    let words = [
        padded(owner),
        padded(deposit.receiver),
        word(deposit.amount),
        word(U256::from(level)),
        word(U256::from(index)),
    ];
    Log {
        address: FA_BRIDGE,
        topics: Vec::from([
            keccak(b"Deposit(uint256,address,address,uint256,uint256,uint256)"),
            deposit.ticket_hash,
        ]),
        data: words.iter().flat_map(|word| word.0).collect(),
    }
}

fn padded(address: Address) -> H256 {
    let mut word = H256::zero();
    if let Some(tail) = word.0.last_chunk_mut::<20>() {
        *tail = address.0;
    }
    word
}
