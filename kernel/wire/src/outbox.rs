//! Messages to the layer 1: withdrawals, as calls of the contracts that pay them out.
//!
//! Each message is a batch of one transaction with untyped parameters, as Etherlink's kernel sends it
//! (`sc_rollup_outbox_message_repr.ml` of Octez):
//!
//! ```text
//! 00 | size of the batch u32 | parameters, Micheline | destination 22 | size of the entrypoint u32 | entrypoint
//! ```
//!
//! | call | destination | entrypoint | parameters |
//! | --- | --- | --- | --- |
//! | [`Call::Burn`] | ticketer | `burn` | `Pair receiver ticket` |
//! | [`Call::Withdraw`] | proxy | `withdraw` | `Pair receiver ticket` |
//! | [`Call::Settle`] | contract of fast withdrawals | `default` | `Pair id (Pair ticket (Pair timestamp (Pair receiver (Pair payload caller))))` |
//!
//! A ticket is `Pair ticketer (Pair content amount)`; accounts and contracts are bytes, timestamps are seconds.
//!
//! **Bounds**: [`MESSAGE_BYTES_MAX`], which the encoder does not enforce: whoever makes a withdrawal does.

use crate::{
    address::{contract_from_bytes, contract_to_bytes},
    bytes::Reader,
    micheline::Node,
};
use alloc::vec::Vec;
use millrace_primitives::{Address, ContractHash, L1Account, Timestamp, U256};

/// Bytes of one outbox message (protocol constant of the layer 1).
pub const MESSAGE_BYTES_MAX: usize = 4_096;

/// A batch of transactions that succeed together; kind 1 has a type beside each of the parameters.
const ATOMIC_BATCH: u8 = 0;
const BURN: &[u8] = b"burn";
const WITHDRAW: &[u8] = b"withdraw";
const DEFAULT: &[u8] = b"default";

/// A withdrawal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Withdrawal {
    /// What is withdrawn.
    pub ticket: Ticket,
    /// Who gets it.
    pub receiver: L1Account,
    /// Which contract pays it out.
    pub call: Call,
}

/// A ticket of the layer 1 that the rollup owns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// Who made it.
    pub ticketer: ContractHash,
    /// Of what: `Pair nat (option bytes)` in binary Micheline.
    pub content: Vec<u8>,
    /// How much; mutez when it is the native token.
    pub amount: U256,
}

/// What is called with the ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// The ticketer itself, which gives tez for it.
    Burn,
    /// A contract that gives for it what the ticketer wrapped.
    Withdraw {
        /// The contract.
        proxy: ContractHash,
    },
    /// A contract that settles with whoever advanced the money.
    Settle(Fast),
}

/// What a contract of fast withdrawals is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fast {
    /// The contract.
    pub contract: ContractHash,
    /// Number of the withdrawal on the rollup.
    pub id: U256,
    /// When it was made.
    pub timestamp: Timestamp,
    /// For whoever advances the money.
    pub payload: Vec<u8>,
    /// Who made it.
    pub caller: Address,
}

impl Withdrawal {
    /// The message.
    pub fn encode(&self) -> Vec<u8> {
        let (destination, entrypoint) = match &self.call {
            Call::Burn => (&self.ticket.ticketer, BURN),
            Call::Withdraw { proxy } => (proxy, WITHDRAW),
            Call::Settle(fast) => (&fast.contract, DEFAULT),
        };
        let mut batch = self.parameters();
        batch.extend_from_slice(&contract_to_bytes(destination));
        append_sized(entrypoint, &mut batch);
        let mut message = Vec::with_capacity(batch.len().saturating_add(5));
        message.push(ATOMIC_BATCH);
        append_sized(&batch, &mut message);
        message
    }

    fn parameters(&self) -> Vec<u8> {
        let receiver = Node::Bytes(self.receiver.as_bytes()).encode();
        let ticket = self.ticket.encode();
        match &self.call {
            Call::Burn | Call::Withdraw { .. } => comb(&[receiver, ticket]),
            Call::Settle(fast) => comb(&[
                Node::nat(fast.id).encode(),
                ticket,
                Node::nat(U256::from(fast.timestamp.get())).encode(),
                receiver,
                Node::Bytes(&fast.payload).encode(),
                Node::Bytes(fast.caller.as_bytes()).encode(),
            ]),
        }
    }

    /// Reads back what [`Withdrawal::encode`] wrote: what a layer 1 that is not Octez executes. Anything else is
    /// `None`.
    pub fn decode(message: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(message);
        let is_batch = reader.u8()? == ATOMIC_BATCH;
        let batch = reader.sized()?;
        if !(is_batch && reader.is_empty()) {
            return None;
        }
        let [entrypoint_size, destination_size] = [4usize, 22];
        let names = [(BURN, 0u8), (WITHDRAW, 1), (DEFAULT, 2)];
        let (name, kind) = names
            .into_iter()
            .find(|(name, _)| batch.strip_suffix(*name).is_some_and(|rest| rest.ends_with(&size_of(name))))?;
        let tail = name.len().checked_add(entrypoint_size)?.checked_add(destination_size)?;
        let (parameters, tail) = batch.split_at_checked(batch.len().checked_sub(tail)?)?;
        let destination = contract_from_bytes(tail.get(..destination_size)?)?;
        let parameters = Node::decode(parameters).ok()?;
        let withdrawal = match kind {
            2 => Self::settled(&parameters, destination)?,
            _ => {
                let (receiver, ticket) = parameters.as_pair()?;
                let ticket = Ticket::of(ticket)?;
                let call = if kind == 0 { Call::Burn } else { Call::Withdraw { proxy: destination } };
                Self { ticket, receiver: account_of(receiver)?, call }
            }
        };
        // One spelling only, and a burn is a burn at the ticketer.
        (withdrawal.encode() == message).then_some(withdrawal)
    }

    fn settled(parameters: &Node<'_>, contract: ContractHash) -> Option<Self> {
        let (id, rest) = parameters.as_pair()?;
        let (ticket, rest) = rest.as_pair()?;
        let (timestamp, rest) = rest.as_pair()?;
        let (receiver, rest) = rest.as_pair()?;
        let (payload, caller) = rest.as_pair()?;
        let fast = Fast {
            contract,
            id: id.as_nat()?,
            timestamp: Timestamp::new(u64::try_from(timestamp.as_nat()?).ok()?),
            payload: payload.as_bytes()?.to_vec(),
            caller: Address::from(<[u8; 20]>::try_from(caller.as_bytes()?).ok()?),
        };
        Some(Self { ticket: Ticket::of(ticket)?, receiver: account_of(receiver)?, call: Call::Settle(fast) })
    }
}

impl Ticket {
    fn encode(&self) -> Vec<u8> {
        let ticketer = Node::Bytes(&contract_to_bytes(&self.ticketer)).encode();
        comb(&[ticketer, self.content.clone(), Node::nat(self.amount).encode()])
    }

    fn of(node: &Node<'_>) -> Option<Self> {
        let (ticketer, rest) = node.as_pair()?;
        let (content, amount) = rest.as_pair()?;
        Some(Self {
            ticketer: contract_from_bytes(ticketer.as_bytes()?)?,
            content: content.encode(),
            amount: amount.as_nat()?,
        })
    }
}

fn account_of(node: &Node<'_>) -> Option<L1Account> {
    L1Account::from_slice(node.as_bytes()?)
}

/// `Pair a (Pair b c)` of what is Micheline already.
fn comb(parts: &[Vec<u8>]) -> Vec<u8> {
    // The tag of a primitive with two arguments, and the code of `Pair`.
    const PAIR: [u8; 2] = [7, 7];
    let mut out = Vec::new();
    for (index, part) in parts.iter().enumerate() {
        if index.saturating_add(1) < parts.len() {
            out.extend_from_slice(&PAIR);
        }
        out.extend_from_slice(part);
    }
    out
}

/// Bytes behind their length. Nothing here comes near 2^32.
fn append_sized(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&size_of(bytes));
    out.extend_from_slice(bytes);
}

fn size_of(bytes: &[u8]) -> [u8; 4] {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes()
}

#[cfg(test)]
mod tests;
