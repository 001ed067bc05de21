//! What users withdraw, right and wrong, and that each withdrawal is sent to the layer 1, once and in its turn.

use super::{super::bridge, rollup::Rollup, setup::Setup};
use fastrand::Rng;
use millrace_evm::{
    system::{FA_BRIDGE, NATIVE_BRIDGE},
    transaction::Transaction,
};
use millrace_layout::events::Event;
use millrace_primitives::{ContractHash, Log, U256};
use millrace_wire::{
    message::Ticket,
    outbox::{Call, Withdrawal},
};
use std::collections::BTreeSet;

/// Makes a withdrawal of a transaction, or what one would be but for a detail.
pub(super) fn make(rng: &mut Rng, setup: &Setup, transaction: &mut Transaction) {
    if rng.u8(0..3) > 0 {
        transaction.to = Some(NATIVE_BRIDGE);
        transaction.value =
            U256::from(bridge::MUTEZ) * rng.u64(0..4) + U256::from(u8::from(rng.u8(0..6) == 0));
        transaction.data = match rng.u8(0..3) {
            0 => bridge::withdraw(),
            // A payload that fits or does not.
            1 => bridge::fast(&vec![7; *rng.choice(&[0, 33, 3_900, 4_000]).unwrap()]),
            _ => {
                // By a contract, which sends half of it back to the layer 1.
                transaction.to = setup.contracts.last().copied();
                bridge::withdraw()
            }
        };
    } else {
        transaction.to = Some(FA_BRIDGE);
        transaction.value = U256::zero();
        let owner = match rng.u8(0..4) {
            0 => *rng.choice(&setup.contracts).unwrap(),
            _ => rng.choice(&setup.users[..3]).unwrap().address,
        };
        let ticketer = ContractHash::new([rng.u8(1..4); 20]);
        let (token_id, metadata) = (U256::from(rng.u8(0..3)), rng.bool().then_some(&[7u8, 7][..]));
        let ticket = Ticket { ticketer, token_id, metadata, amount: U256::one() };
        let content = ticket.content().encode();
        transaction.data = bridge::withdraw_tickets(owner, rng.u64(1..1_000), (&ticketer, &content));
    }
    if rng.u8(0..10) == 0 {
        let size = rng.usize(0..transaction.data.len());
        transaction.data.truncate(size);
    }
}

/// What an event of a bridge says is owed to somebody on the layer 1.
#[derive(Clone, PartialEq)]
struct Owed {
    amount: U256,
    receiver: Vec<u8>,
    /// Whether it was paid in wei.
    is_native: bool,
}

/// Every withdrawal there ever was, and how many of them have left.
#[derive(Default, Clone)]
pub(super) struct Debts {
    owed: Vec<Owed>,
    next: usize,
    /// Those that were put aside, because nobody knows whether they left.
    uncertain: BTreeSet<usize>,
}

impl Debts {
    pub(super) fn count(&self) -> usize {
        self.owed.len()
    }

    /// Enters the withdrawals of a receipt; answers the wei that left with them.
    pub(super) fn enter(&mut self, logs: &[Log]) -> U256 {
        let mut wei = U256::zero();
        for log in logs {
            let Some((id, owed)) = read(log) else { continue };
            // Numbers have no gap, whatever was undone.
            assert_eq!(id, U256::from(self.owed.len()), "a withdrawal out of turn");
            if owed.is_native {
                wei += owed.amount * bridge::MUTEZ;
            }
            self.owed.push(owed);
        }
        wei
    }

    /// Enters what a level sent.
    pub(super) fn settle(&mut self, rollup: &Rollup, events: &[Event]) {
        self.uncertain.extend(events.iter().filter_map(|event| match event {
            Event::OutboxUncertain { number } => usize::try_from(*number).ok(),
            _ => None,
        }));
        for message in rollup.host.outbox() {
            let sent = Withdrawal::decode(message).unwrap();
            let is_native = !matches!(sent.call, Call::Withdraw { .. });
            let receiver = sent.receiver.as_bytes().to_vec();
            let sent = Owed { amount: sent.ticket.amount, receiver, is_native };
            // What is passed over was put aside.
            while self.owed[self.next] != sent {
                assert!(self.uncertain.contains(&self.next), "withdrawal {} was not sent", self.next);
                self.next += 1;
            }
            self.next += 1;
        }
    }

    /// When nothing waits any more.
    pub(super) fn check_paid(&self) {
        for number in self.next..self.owed.len() {
            assert!(self.uncertain.contains(&number), "withdrawal {number} was never sent");
        }
    }
}

/// An event of a bridge: number, and what is owed.
fn read(log: &Log) -> Option<(U256, Owed)> {
    let number = |word: usize| U256::from_big_endian(&log.data[word * 32..word * 32 + 32]);
    let account = |word: usize| log.data[word * 32..word * 32 + 22].to_vec();
    let mutez = |wei: U256| wei / U256::from(bridge::MUTEZ);
    let is_native = log.address == NATIVE_BRIDGE;
    if !is_native && log.address != FA_BRIDGE {
        return None;
    }
    let topic = format!("{:x}", log.topics.first()?);
    let (id, amount, receiver) = match &topic[..8] {
        // Amount, sender, receiver, number.
        "2d5ad793" => (number(3), mutez(number(0)), account(2)),
        // Receiver, number, amount, ….
        "62e8e01e" => (number(1), mutez(number(2)), account(0)),
        // Sender, owner, receiver, proxy, amount, number.
        "ab68450c" => (number(5), number(4), account(2)),
        _ => return None,
    };
    Some((id, Owed { amount, receiver, is_native }))
}
