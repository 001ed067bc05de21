//! What is done on the layer 1: messages for rollups, and what they cost and move.

use super::ledger::Effect;
use crate::MessageId;
use crate::sandbox::codec::{Damaged, Reader, Writer};
use crate::sandbox::limits::{FEE_MIN_MUTEZ, MESSAGE_OVERHEAD_BYTES, OPERATION_OVERHEAD_BYTES};
use millrace_primitives::{L1Level, Mutez};
use millrace_wire::address::PublicKeyHash;
use millrace_wire::frame::EXTERNAL_TAG;

/// Who does it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Origin {
    /// The batcher of the rollup node: an external message, shown in its queue. It packs several into an operation
    /// and has a number of keys to sign with.
    Batcher,
    /// A test of the sandbox: any inbox message, of nobody.
    Control,
    /// An account that calls a contract. It has one operation a block.
    Account(PublicKeyHash),
    /// The layer 1 itself, before everybody else in the block.
    Protocol,
}

/// A message before it has a level.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewMessage {
    /// The complete inbox message, its tag included.
    pub bytes: Vec<u8>,
    /// Who sends it.
    pub origin: Origin,
    /// Messages with an order go before those without, lowest first.
    pub order: Option<u64>,
    /// Take it only if the same message does not wait already.
    pub drop_duplicate: bool,
}

impl NewMessage {
    /// An external message of the batcher: `payload` without the tag.
    pub fn external(payload: &[u8]) -> Self {
        let bytes = [&[EXTERNAL_TAG], payload].concat();
        Self { bytes, origin: Origin::Batcher, order: None, drop_duplicate: false }
    }

    /// Any inbox message, its tag included.
    pub fn raw(bytes: Vec<u8>) -> Self {
        Self { bytes, origin: Origin::Control, order: None, drop_duplicate: false }
    }
}

/// An operation of an account, before it has a level.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewCall {
    /// Whose operation it is; it pays the fee.
    pub source: PublicKeyHash,
    /// The inbox messages that it makes, all in one level and one after the other.
    pub messages: Vec<Vec<u8>>,
    /// What it moves besides. If that cannot be done, the operation fails and makes no message.
    pub effects: Vec<Effect>,
}

/// An operation that waits.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pending {
    /// Its name, as Octez's batcher makes it of a message.
    pub id: MessageId,
    /// Arrival number, unique in this chain.
    pub counter: u64,
    /// The order that was asked for.
    pub order: Option<u64>,
    /// Whose it is.
    pub origin: Origin,
    /// The first level that may have it; 0 for any.
    pub not_before: L1Level,
    /// The complete inbox messages.
    pub messages: Vec<Vec<u8>>,
    /// What it moves.
    pub effects: Vec<Effect>,
}

/// A place in the queue: the layer 1 itself, then explicit orders, then arrival.
pub(in crate::sandbox) type Place = (u64, u64);

impl Pending {
    /// The place in the queue.
    pub(super) fn place(&self) -> Place {
        let order = match (self.origin, self.order) {
            (Origin::Protocol, _) => 0,
            (_, Some(order)) => order.saturating_add(1),
            (_, None) => u64::MAX,
        };
        (order, self.counter)
    }

    /// What follows the tag of the first message.
    pub fn payload(&self) -> &[u8] {
        self.messages.first().and_then(|message| message.get(1..)).unwrap_or_default()
    }

    /// Bytes that its messages take in an operation.
    pub(super) fn messages_bytes(&self) -> usize {
        self.messages.iter().map(|message| message.len() + MESSAGE_OVERHEAD_BYTES).sum()
    }

    /// The least fee that bakers take: a constant and one mutez a byte. Gas is left out, for nothing here burns any.
    pub(super) fn fee(&self) -> Mutez {
        match self.origin {
            Origin::Account(_) => {
                let size_bytes = (self.messages_bytes() + OPERATION_OVERHEAD_BYTES) as u64;
                Mutez::new(FEE_MIN_MUTEZ + size_bytes)
            }
            Origin::Batcher | Origin::Control | Origin::Protocol => Mutez::ZERO,
        }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let origin = match self.origin {
            Origin::Batcher => vec![0],
            Origin::Control => vec![1],
            Origin::Account(key) => [&[2], key.to_bytes().as_slice()].concat(),
            Origin::Protocol => vec![3],
        };
        let order = match self.order {
            None => vec![0],
            Some(order) => [&[1], order.to_be_bytes().as_slice()].concat(),
        };
        let head = Writer::default().fixed(self.id.as_bytes()).fixed(&self.counter.to_be_bytes());
        let head = head.fixed(&order).fixed(&origin).fixed(&self.not_before.get().to_be_bytes());
        let head = head.fixed(&(self.messages.len() as u32).to_be_bytes());
        let messages = self.messages.iter().fold(head, |writer, message| writer.string(message));
        let effects = messages.fixed(&(self.effects.len() as u32).to_be_bytes());
        self.effects.iter().fold(effects, |writer, effect| effect.write(writer)).finish()
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Damaged> {
        let mut reader = Reader::new(bytes);
        let id = MessageId::new(reader.fixed()?);
        let counter = reader.u64()?;
        let order = match reader.u8()? {
            0 => None,
            1 => Some(reader.u64()?),
            _ => return Err(Damaged),
        };
        let origin = match reader.u8()? {
            0 => Origin::Batcher,
            1 => Origin::Control,
            2 => {
                let key = reader.fixed::<{ PublicKeyHash::SIZE_BYTES }>()?;
                Origin::Account(PublicKeyHash::from_bytes(&key).ok_or(Damaged)?)
            }
            3 => Origin::Protocol,
            _ => return Err(Damaged),
        };
        let not_before = L1Level::new(reader.u32()?);
        let messages = (0..reader.u32()?).map(|_| Ok(reader.string()?.to_vec())).collect::<Result<_, _>>()?;
        let effects = (0..reader.u32()?).map(|_| Effect::read(&mut reader)).collect::<Result<_, _>>()?;
        reader.end()?;
        Ok(Self { id, counter, order, origin, not_before, messages, effects })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use millrace_primitives::L1Account;
    use millrace_wire::address::Curve;

    #[test]
    fn operations_are_read_back_as_they_were() {
        let key = PublicKeyHash { curve: Curve::P256, hash: [9; 20] };
        let account = L1Account::new([3; 22]);
        let effects = vec![
            Effect::Pay { from: account, to: None, amount: Mutez::new(7) },
            Effect::Execute { level: L1Level::new(5), index: 2 },
        ];
        let call = Pending {
            id: MessageId::new([3; 32]),
            counter: 77,
            order: Some(0),
            origin: Origin::Account(key),
            not_before: L1Level::new(4),
            messages: vec![vec![1, 2, 3], vec![]],
            effects,
        };
        assert_eq!(Pending::decode(&call.encode()), Ok(call.clone()));
        for origin in [Origin::Batcher, Origin::Control, Origin::Protocol] {
            let plain = Pending { order: None, origin, effects: Vec::new(), ..call.clone() };
            assert_eq!(Pending::decode(&plain.encode()), Ok(plain));
        }
        assert_eq!(Pending::decode(b"xyz"), Err(Damaged));
        assert_eq!(Pending::decode(&[call.encode().as_slice(), &[0]].concat()), Err(Damaged));
    }

    #[test]
    fn a_fee_counts_bytes() {
        let key = PublicKeyHash { curve: Curve::Ed25519, hash: [9; 20] };
        let mut call = Pending {
            id: MessageId::new([3; 32]),
            counter: 0,
            order: None,
            origin: Origin::Account(key),
            not_before: L1Level::ZERO,
            messages: vec![vec![0; 100]],
            effects: Vec::new(),
        };
        assert_eq!(call.fee().get(), 100 + 104 + OPERATION_OVERHEAD_BYTES as u64);
        call.origin = Origin::Batcher;
        assert_eq!(call.fee(), Mutez::ZERO);
    }
}
