//! The messages that wait for a level. Pure: what is on disk is the business of the chain.

use crate::MessageId;
use crate::sandbox::codec::{Damaged, Reader, Writer};
use crate::sandbox::limits::{LEVEL_BYTES_MAX, MEMPOOL_BYTES_MAX, MESSAGE_BYTES_MAX, MESSAGE_OVERHEAD_BYTES};
use crate::text::blake2b_256;
use millrace_wire::frame::EXTERNAL_TAG;
use std::collections::BTreeMap;

/// Who put a message in the mempool.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Origin {
    /// The batcher: an external message, shown in its queue.
    Batcher,
    /// A contract or a test of the sandbox: any inbox message.
    Control,
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

/// A message that the mempool does not take.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refused {
    /// Larger than the protocol allows.
    #[error("Message {index} is too large (max size is {limit_bytes})")]
    TooLarge {
        /// Position in the list.
        index: usize,
        /// Bytes allowed, tag included.
        limit_bytes: usize,
    },
    /// No tag: not even an inbox message.
    #[error("Message {index} is empty")]
    Empty {
        /// Position in the list.
        index: usize,
    },
    /// The end of a level, or a migration that does not decode: no layer 1 makes these in a level, and the
    /// PVM does not survive them.
    #[error("Message {index} cannot be part of a level")]
    Impossible {
        /// Position in the list.
        index: usize,
    },
    /// Too much is waiting already.
    #[error("The mempool is full ({limit_bytes} bytes)")]
    Full {
        /// Bytes that may wait.
        limit_bytes: usize,
    },
}

/// A place in the queue: explicit orders first, then arrival.
pub(super) type Place = (u64, u64);

/// A message that waits.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pending {
    /// Its name, as Octez makes it.
    pub id: MessageId,
    /// Arrival number, unique in this chain.
    pub counter: u64,
    /// The order that was asked for.
    pub order: Option<u64>,
    /// Who sent it.
    pub origin: Origin,
    /// The complete inbox message.
    pub bytes: Vec<u8>,
}

impl Pending {
    /// The place in the queue.
    pub(super) fn place(&self) -> Place {
        (self.order.unwrap_or(u64::MAX), self.counter)
    }

    /// What follows the tag.
    pub fn payload(&self) -> &[u8] {
        self.bytes.get(1..).unwrap_or_default()
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let order = self.order.unwrap_or_default().to_be_bytes();
        let flags = u8::from(self.order.is_some()) | (u8::from(self.origin == Origin::Control) << 1);
        let head = Writer::default().fixed(&[flags]).fixed(self.id.as_bytes());
        head.fixed(&self.counter.to_be_bytes()).fixed(&order).string(&self.bytes).finish()
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Damaged> {
        let mut reader = Reader::new(bytes);
        let flags = reader.u8()?;
        let id = MessageId::new(reader.fixed()?);
        let counter = reader.u64()?;
        let order = reader.u64()?;
        let bytes = reader.string()?.to_vec();
        reader.end()?;
        let origin = if flags & 2 == 0 { Origin::Batcher } else { Origin::Control };
        Ok(Self { id, counter, order: (flags & 1 == 1).then_some(order), origin, bytes })
    }
}

/// The queue.
#[derive(Clone, Default)]
pub(super) struct Mempool {
    pending: BTreeMap<Place, Pending>,
    bytes: usize,
    next_counter: u64,
}

impl Mempool {
    /// A queue as it was left; `next_counter` is larger than any counter ever used.
    pub(super) fn restore(pending: impl IntoIterator<Item = Pending>, next_counter: u64) -> Self {
        let mut mempool = Self { next_counter, ..Self::default() };
        pending.into_iter().for_each(|message| mempool.insert(message));
        mempool
    }

    /// What these messages become, without taking them in: for each its name, and the new ones to wait.
    pub(super) fn prepare(
        &self,
        messages: Vec<NewMessage>,
    ) -> Result<(Vec<MessageId>, Vec<Pending>), Refused> {
        let mut ids = Vec::with_capacity(messages.len());
        let mut added: Vec<Pending> = Vec::with_capacity(messages.len());
        let mut bytes = self.bytes;
        for (index, message) in messages.into_iter().enumerate() {
            check(index, &message.bytes)?;
            let counter = self.next_counter + added.len() as u64;
            let id = message_id((!message.drop_duplicate).then_some(counter), &message.bytes[1..]);
            ids.push(id);
            let waits = |pending: &Pending| pending.id == id;
            if message.drop_duplicate && (self.pending.values().any(waits) || added.iter().any(waits)) {
                continue;
            }
            bytes += cost_bytes(&message.bytes);
            if bytes > MEMPOOL_BYTES_MAX {
                return Err(Refused::Full { limit_bytes: MEMPOOL_BYTES_MAX });
            }
            let NewMessage { bytes, origin, order, .. } = message;
            added.push(Pending { id, counter, order, origin, bytes });
        }
        Ok((ids, added))
    }

    /// Takes in what [`Mempool::prepare`] made.
    pub(super) fn insert(&mut self, message: Pending) {
        self.next_counter = self.next_counter.max(message.counter + 1);
        self.bytes += cost_bytes(&message.bytes);
        self.pending.insert(message.place(), message);
    }

    /// The messages for the next level: from the front, as many as fit.
    pub(super) fn next_level(&self) -> Vec<&Pending> {
        let mut bytes = 0;
        let fits = |message: &&Pending| {
            bytes += cost_bytes(&message.bytes);
            bytes <= LEVEL_BYTES_MAX
        };
        self.pending.values().take_while(fits).collect()
    }

    /// Removes the messages at these places.
    pub(super) fn remove(&mut self, places: &[Place]) {
        for place in places {
            if let Some(message) = self.pending.remove(place) {
                self.bytes -= cost_bytes(&message.bytes);
            }
        }
    }

    /// All that wait, in the order of the queue.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Pending> {
        self.pending.values()
    }
}

fn check(index: usize, message: &[u8]) -> Result<(), Refused> {
    if message.len() > MESSAGE_BYTES_MAX {
        return Err(Refused::TooLarge { index, limit_bytes: MESSAGE_BYTES_MAX });
    }
    match message {
        [] => Err(Refused::Empty { index }),
        [0, 2] => Err(Refused::Impossible { index }),
        [0, 4, body @ ..] if !is_sized(body) => Err(Refused::Impossible { index }),
        _ => Ok(()),
    }
}

/// Whether it is a 32-bit length and as many bytes.
fn is_sized(body: &[u8]) -> bool {
    body.split_first_chunk::<4>()
        .is_some_and(|(length, rest)| u32::from_be_bytes(*length) as usize == rest.len())
}

fn cost_bytes(message: &[u8]) -> usize {
    message.len() + MESSAGE_OVERHEAD_BYTES
}

/// The name of a message as Octez's batcher gives it: Blake2b-256 of an optional counter and the content.
/// Without the counter, equal contents have equal names.
fn message_id(counter: Option<u64>, content: &[u8]) -> MessageId {
    let head = match counter {
        None => Writer::default().fixed(&[0x00]),
        Some(counter) => Writer::default().fixed(&[0xff]).fixed(&zarith(counter)),
    };
    MessageId::new(blake2b_256(&head.string(content).finish()))
}

/// Octez's encoding of a non-negative integer of any size: six bits and a sign, then groups of seven.
fn zarith(value: u64) -> Vec<u8> {
    let mut rest = value >> 6;
    let mut bytes = vec![(value & 0x3f) as u8];
    while rest > 0 {
        *bytes.last_mut().expect("one byte at least") |= 0x80;
        bytes.push((rest & 0x7f) as u8);
        rest >>= 7;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(mempool: &mut Mempool, messages: Vec<NewMessage>) -> Result<Vec<MessageId>, Refused> {
        let (ids, added) = mempool.prepare(messages)?;
        added.into_iter().for_each(|message| mempool.insert(message));
        Ok(ids)
    }

    #[test]
    fn sizes_are_those_of_the_layer_1() {
        let mut mempool = Mempool::default();
        assert!(take(&mut mempool, vec![NewMessage::external(&[0; 4_095])]).is_ok());
        let refused = take(&mut mempool, vec![NewMessage::external(b"x"), NewMessage::external(&[0; 4_096])]);
        assert_eq!(refused, Err(Refused::TooLarge { index: 1, limit_bytes: 4_096 }));
        assert_eq!(take(&mut mempool, vec![NewMessage::raw(vec![])]), Err(Refused::Empty { index: 0 }));
        for impossible in [vec![0, 2], vec![0, 4], vec![0, 4, 0, 0, 0, 2, b'x']] {
            let refused = take(&mut mempool, vec![NewMessage::raw(impossible)]);
            assert_eq!(refused, Err(Refused::Impossible { index: 0 }));
        }
        assert_eq!(mempool.iter().count(), 1, "all or none");
        for possible in [vec![0, 1], vec![0], vec![0, 2, 0], vec![0, 4, 0, 0, 0, 1, b'x']] {
            assert!(take(&mut mempool, vec![NewMessage::raw(possible)]).is_ok());
        }
    }

    #[test]
    fn a_level_takes_512_kib_and_the_rest_waits_in_order() {
        let mut mempool = Mempool::default();
        let full = LEVEL_BYTES_MAX / (MESSAGE_BYTES_MAX + MESSAGE_OVERHEAD_BYTES);
        let messages = (0..=full).map(|n| NewMessage::external(&vec![n as u8; 4_095])).collect();
        take(&mut mempool, messages).unwrap();
        take(&mut mempool, vec![NewMessage::external(b"small")]).unwrap();
        let places: Vec<_> = mempool.next_level().iter().map(|m| m.place()).collect();
        assert_eq!(places.len(), full, "the small one does not overtake the large one");
        mempool.remove(&places);
        let rest: Vec<_> = mempool.next_level().iter().map(|m| m.payload()[0]).collect();
        assert_eq!(rest, [full as u8, b's']);
    }

    #[test]
    fn orders_go_first_and_duplicates_can_be_dropped() {
        let mut mempool = Mempool::default();
        let ordered = |payload: &[u8], order| NewMessage { order, ..NewMessage::external(payload) };
        take(&mut mempool, vec![ordered(b"c", None), ordered(b"b", Some(9)), ordered(b"a", Some(2))])
            .unwrap();
        let queue: Vec<_> = mempool.iter().map(|m| m.payload().to_vec()).collect();
        assert_eq!(queue, [b"a", b"b", b"c"]);

        let unique = NewMessage { drop_duplicate: true, ..NewMessage::external(b"d") };
        let ids = take(&mut mempool, vec![unique.clone(), unique.clone()]).unwrap();
        assert_eq!(ids[0], ids[1]);
        assert_eq!(take(&mut mempool, vec![unique]).unwrap(), ids[..1]);
        assert_eq!(mempool.iter().count(), 4);
        let twice = take(&mut mempool, vec![NewMessage::external(b"d"), NewMessage::external(b"d")]).unwrap();
        assert_ne!(twice[0], twice[1], "named apart by their counters");
        assert_eq!(mempool.iter().count(), 6);
    }

    #[test]
    fn a_full_mempool_refuses_and_empties_again() {
        let mut mempool = Mempool::default();
        let level = || (0..127).map(|_| NewMessage::external(&[0; 4_095])).collect::<Vec<_>>();
        while take(&mut mempool, level()).is_ok() {}
        assert_eq!(take(&mut mempool, level()), Err(Refused::Full { limit_bytes: MEMPOOL_BYTES_MAX }));
        let places: Vec<_> = mempool.next_level().iter().map(|m| m.place()).collect();
        mempool.remove(&places);
        assert!(take(&mut mempool, level()).is_ok());
    }

    #[test]
    fn records_and_numbers_are_encoded_as_said() {
        let pending = Pending {
            id: MessageId::new([3; 32]),
            counter: 77,
            order: Some(0),
            origin: Origin::Control,
            bytes: vec![1, 2, 3],
        };
        assert_eq!(Pending::decode(&pending.encode()), Ok(pending.clone()));
        let plain = Pending { order: None, origin: Origin::Batcher, ..pending };
        assert_eq!(Pending::decode(&plain.encode()), Ok(plain));
        assert_eq!(Pending::decode(b"xyz"), Err(Damaged));
        assert_eq!([zarith(0), zarith(63), zarith(64)], [vec![0], vec![63], vec![0x80, 1]]);
        assert_eq!(zarith(8_191), [0xbf, 0x7f]);
    }
}
