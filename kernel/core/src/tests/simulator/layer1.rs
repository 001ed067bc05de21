//! What the contracts of the layer 1 bring, and what strangers send.

use super::{
    setup::{
        ADMIN, BRIDGE, CANDIDATES, KERNEL_GOVERNANCE, KERNELS, ROLLUP, SECURITY_GOVERNANCE,
        SEQUENCER_GOVERNANCE, Setup, candidate, upgrade,
    },
    users::{Nonces, Site, large, transaction},
};
use crate::tests::chain::{TICKETER, deposit};
use fastrand::Rng;
use millrace_primitives::{Address, ContractHash, Timestamp, U256};
use millrace_wire::{
    TRANSACTION_BYTES_MAX,
    address::PublicKeyHash,
    delayed,
    frame::Kind,
    governance::{CancelUpgrade, CommitteeChange, Decision, KernelUpgrade, SequencerUpgrade},
    message::{self, Parameter, Ticket, Transfer},
    proxy,
};

const SENDERS: [ContractHash; 6] = [
    BRIDGE,
    ADMIN,
    KERNEL_GOVERNANCE,
    SECURITY_GOVERNANCE,
    SEQUENCER_GOVERNANCE,
    ContractHash::new([0x5f; 20]),
];

pub(super) fn transfer(sender: ContractHash, parameter: Parameter<'_>) -> Vec<u8> {
    let source = PublicKeyHash::from_bytes(&[0; 21]).unwrap();
    message::transfer(&ROLLUP, &Transfer { sender, source, parameter })
}

/// Whether only the layer 1 itself can have sent it.
pub(super) fn is_internal(message: &[u8]) -> bool {
    message.first() == Some(&0)
}

/// A transaction on its way through the delayed bridge: the messages in which it comes.
pub(super) fn delayed_transaction(
    rng: &mut Rng,
    site: &Site<'_>,
    nonces: &mut Nonces,
    is_bridge_wild: bool,
) -> Vec<Vec<u8>> {
    let raw = match rng.u8(0..30) {
        0 => {
            let sizes = [3_800, 3_990, 7_990, 30_000, TRANSACTION_BYTES_MAX - 300, TRANSACTION_BYTES_MAX];
            let size_bytes = *rng.choice(&sizes).unwrap();
            large(rng, site, nonces, size_bytes)
        }
        1 => (0..rng.usize(1..9_000)).map(|_| rng.u8(..)).collect(),
        _ => transaction(rng, site, nonces),
    };
    let mut bytes: Vec<_> = match delayed::cut(&raw) {
        Some(chunks) => chunks.iter().map(delayed::BridgeMessage::encode).collect(),
        None => vec![raw.clone()],
    };
    match rng.u8(0..20) {
        // Interrupted.
        0 => bytes.truncate(rng.usize(1..=bytes.len())),
        // Announced otherwise than it comes.
        1 if is_bridge_wild => bytes[0] = vec![0, rng.u8(..)],
        2 if is_bridge_wild => bytes.push(vec![1, 2, 3]),
        3 if is_bridge_wild => {
            bytes.remove(0);
        }
        // As the first version of the contract sent it.
        4..8 if raw.len() < 4_000 && (is_bridge_wild || raw[0] != 1) => bytes = vec![raw],
        _ => {}
    }
    bytes.retain(|bytes| bytes.len() <= 4_001);
    let sender = if rng.u8(0..20) == 0 { *rng.choice(&SENDERS).unwrap() } else { BRIDGE };
    bytes.iter().map(|bytes| transfer(sender, Parameter::DelayedBridge(bytes))).collect()
}

/// A deposit of tez or of something else.
pub(super) fn any_deposit(rng: &mut Rng, setup: &Setup) -> Vec<u8> {
    let receiver = match rng.u8(0..3) {
        0 => Address::repeat_byte(rng.u8(0x20..0x40)),
        1 => *rng.choice(&setup.contracts).unwrap(),
        _ => rng.choice(&setup.users).unwrap().address,
    };
    let amount = [0, 1, 2_500_000, 1_000_000_000, u64::MAX][rng.usize(0..5)];
    if rng.bool() {
        let routing = match rng.u8(0..4) {
            0 => [receiver.as_bytes(), &[0x39; 32]].concat(),
            1 => [&[1, 0xd6, 0x94][..], receiver.as_bytes(), &[0xc0]].concat(),
            2 => (0..rng.usize(0..60)).map(|_| rng.u8(..)).collect(),
            _ => receiver.as_bytes().to_vec(),
        };
        return deposit(TICKETER, &routing, amount);
    }
    let mut routing = receiver.as_bytes().to_vec();
    match rng.u8(0..4) {
        0 => routing.extend_from_slice(rng.choice(&setup.contracts).unwrap().as_bytes()),
        1 => routing.extend_from_slice(&[0x77; 52]),
        2 => routing.extend((0..rng.usize(0..60)).map(|_| rng.u8(..))),
        _ => {}
    }
    let ticket = Ticket {
        ticketer: if rng.u8(0..8) == 0 { TICKETER } else { ContractHash::new([rng.u8(1..4); 20]) },
        token_id: U256::from(rng.u8(0..3)),
        metadata: rng.bool().then_some(&[7, 7]),
        amount: if rng.u8(0..9) == 0 { U256::MAX } else { U256::from(amount) },
    };
    transfer(ticket.ticketer, Parameter::Deposit { routing: &routing, ticket })
}

/// A decision of governance, or of somebody who would like to be.
///
/// What becomes of a blueprint that is sent again after a change of authority depends on the level: only for `is_wild`.
pub(super) fn decision(rng: &mut Rng, now: Timestamp, is_wild: bool) -> Vec<u8> {
    let root_hash = upgrade(rng.u8(0..KERNELS)).0;
    let activation = Timestamp::new(rng.u64(now.get() - 100_000..now.get() + 100_000));
    let key = candidate(rng.u8(0..CANDIDATES)).public_key();
    let decision = match rng.u8(0..if is_wild { 8 } else { 5 }) {
        0..3 => Decision::KernelUpgrade(KernelUpgrade { root_hash, activation }),
        3 | 4 => Decision::CancelUpgrade(CancelUpgrade { root_hash, timestamp: activation }),
        5 => Decision::SequencerUpgrade(SequencerUpgrade { key, pool: Address::zero(), activation }),
        6 => {
            let members = (1..=rng.u8(2..5)).map(|index| candidate(index).public_key()).collect();
            Decision::CommitteeChange(CommitteeChange {
                members,
                quorum: 2,
                pool: Address::zero(),
                activation,
            })
        }
        _ => Decision::RemoveSequencer,
    };
    let mut bytes = decision.encode();
    // A committee with a key that nobody has would be the end of any chain, and so would pages that nobody has.
    let meant = match decision {
        Decision::CommitteeChange(_) => bytes.len(),
        Decision::KernelUpgrade(_) => 35,
        _ => 0,
    };
    if rng.u8(0..5) == 0 && meant < bytes.len() {
        let at = rng.usize(meant..bytes.len());
        bytes[at] ^= 1 << rng.u8(0..8);
    }
    transfer(*rng.choice(&SENDERS).unwrap(), Parameter::Governance(&bytes))
}

/// A transaction for a rollup without sequencer, in the messages in which it comes.
pub(super) fn queued_transaction(rng: &mut Rng, site: &Site<'_>, nonces: &mut Nonces) -> Vec<Vec<u8>> {
    let raw = match rng.u8(0..30) {
        0 => {
            let size_bytes = rng.usize(3_900..20_000);
            large(rng, site, nonces, size_bytes)
        }
        _ => transaction(rng, site, nonces),
    };
    let bodies = proxy::cut(&raw).unwrap_or_default();
    let mut messages: Vec<_> =
        bodies.iter().map(|(kind, body)| message::external(&ROLLUP, *kind, body)).collect();
    match rng.u8(0..12) {
        0 => messages.truncate(rng.usize(0..=messages.len())),
        1 if messages.len() > 1 => rng.shuffle(&mut messages[1..]),
        _ => {}
    }
    messages
}

/// A message of anybody's; `seen` is what others sent.
pub(super) fn stranger(rng: &mut Rng, seen: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = match rng.u8(0..6) {
        0 => (0..rng.usize(0..200)).map(|_| rng.u8(..)).collect(),
        1 => {
            let body: Vec<u8> = (0..rng.usize(0..400)).map(|_| rng.u8(..)).collect();
            message::external(&ROLLUP, *rng.choice(&Kind::ALL).unwrap(), &body)
        }
        2 => rng.choice(seen).cloned().unwrap_or_default(),
        _ => {
            let message = rng.choice(seen).cloned().unwrap_or_default();
            let other = rng.choice(seen).cloned().unwrap_or_default();
            mutated(rng, message, &other)
        }
    };
    // What starts with 0 comes from the layer 1 itself.
    match bytes.first_mut() {
        Some(first) if *first == 0 => *first = 1,
        _ => {}
    }
    bytes.truncate(4_096);
    bytes
}

fn mutated(rng: &mut Rng, mut bytes: Vec<u8>, other: &[u8]) -> Vec<u8> {
    for _ in 0..rng.u8(1..4) {
        if bytes.is_empty() {
            return bytes;
        }
        let reach = if rng.bool() { bytes.len().min(260) } else { bytes.len() };
        let at = rng.usize(0..reach);
        match rng.u8(0..6) {
            0 => bytes[at] ^= 1 << rng.u8(0..8),
            1 => bytes[at] = *rng.choice(&[0, 1, 0x7f, 0x80, 0xff]).unwrap(),
            2 => bytes.truncate(at),
            3 => bytes.extend(other.iter().take(rng.usize(0..64)).copied().collect::<Vec<_>>()),
            4 => {
                bytes.truncate(at);
                bytes.extend_from_slice(other.get(at..).unwrap_or_default());
            }
            _ => {
                let end = (at + rng.usize(1..40)).min(bytes.len());
                bytes.drain(at..end);
            }
        }
    }
    bytes
}
