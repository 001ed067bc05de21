//! A withdrawal, as the outcome of a transaction gives it out.

use alloc::vec::Vec;
use millrace_primitives::{Address, ContractHash, L1Account, Timestamp, U256};

/// A withdrawal: tickets of the rollup that a contract of the layer 1 is to take and pay out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Withdrawal {
    /// What.
    pub ticket: WithdrawnTicket,
    /// Who gets it.
    pub receiver: L1Account,
    /// By which contract.
    pub way: Way,
}

/// Tickets that are withdrawn.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WithdrawnTicket {
    /// Who made them.
    pub ticketer: ContractHash,
    /// Of what: binary Micheline of `Pair nat (option bytes)`.
    pub content: Vec<u8>,
    /// How many; mutez when they are the native token.
    pub amount: U256,
}

/// Who pays a withdrawal out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Way {
    /// The ticketer.
    Ticketer,
    /// A contract that deals with the ticketer.
    Proxy(ContractHash),
    /// A contract that settles with whoever advanced the money.
    Fast(FastWithdrawal),
}

/// What the contract of a fast withdrawal is told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FastWithdrawal {
    /// The contract.
    pub contract: ContractHash,
    /// Number of the withdrawal.
    pub id: U256,
    /// Time of the block.
    pub timestamp: Timestamp,
    /// For whoever advances the money.
    pub payload: Vec<u8>,
    /// Who called the bridge, as the event says.
    pub caller: Address,
}

impl Withdrawal {
    /// Bytes of the message to the layer 1: its fixed parts (`wire::outbox` spells them), and what varies. A test
    /// of `block` holds both together.
    pub fn message_size_bytes(&self) -> usize {
        let (fixed, varying) = match &self.way {
            Way::Ticketer => (TICKETER_BYTES, 0),
            Way::Proxy(_) => (PROXY_BYTES, 0),
            Way::Fast(fast) => {
                let timestamp = int_size_bytes(U256::from(fast.timestamp.get()));
                let numbers = int_size_bytes(fast.id).saturating_add(timestamp);
                (FAST_BYTES, numbers.saturating_add(fast.payload.len()))
            }
        };
        let ticket = int_size_bytes(self.ticket.amount).saturating_add(self.ticket.content.len());
        ticket.saturating_add(varying).saturating_add(fixed)
    }
}

/// Of a message: its tag, its size, destination, size of the entrypoint; receiver and ticketer; three pairs; the tag of
/// the amount.
const COMMON_BYTES: usize = 1 + 4 + 22 + 4 + 2 * 27 + 3 * 2 + 1;
/// The same, and `burn`.
const TICKETER_BYTES: usize = COMMON_BYTES + 4;
/// The same, and `withdraw`.
const PROXY_BYTES: usize = COMMON_BYTES + 8;
/// The same, `default`, four pairs more, the tags of two numbers, the header of the payload, and the caller.
const FAST_BYTES: usize = COMMON_BYTES + 7 + 4 * 2 + 2 + 5 + 25;

/// Bytes of an integer of Micheline behind its tag: six bits in the first, seven in each other.
fn int_size_bytes(number: U256) -> usize {
    number.bits().saturating_sub(6).div_ceil(7).saturating_add(1)
}
