//! The operations that wait for a level. Pure: what is on disk is the business of the chain.

use super::ledger::Effect;
use super::operation::{NewCall, NewMessage, Origin, Pending, Place};
use crate::MessageId;
use crate::sandbox::codec::Writer;
use crate::sandbox::limits::{
    MEMPOOL_BYTES_MAX, MESSAGE_BYTES_MAX, MESSAGE_OVERHEAD_BYTES, OPERATION_MESSAGES_BYTES_MAX,
    OPERATION_OVERHEAD_BYTES,
};
use crate::text::blake2b_256;
use millrace_primitives::L1Level;
use millrace_wire::address::PublicKeyHash;
use std::collections::{BTreeMap, BTreeSet};

/// An operation that the mempool does not take.
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
    /// More messages than an operation can make.
    #[error("The operation is too large (max size of its messages is {limit_bytes})")]
    OperationTooLarge {
        /// Bytes allowed.
        limit_bytes: usize,
    },
    /// Too much is waiting already.
    #[error("The mempool is full ({limit_bytes} bytes)")]
    Full {
        /// Bytes that may wait.
        limit_bytes: usize,
    },
}

/// An operation of any kind, before it has a place.
pub(super) struct New {
    messages: Vec<Vec<u8>>,
    effects: Vec<Effect>,
    origin: Origin,
    order: Option<u64>,
    drop_duplicate: bool,
}

impl From<NewMessage> for New {
    fn from(message: NewMessage) -> Self {
        let NewMessage { bytes, origin, order, drop_duplicate } = message;
        Self { messages: vec![bytes], effects: Vec::new(), origin, order, drop_duplicate }
    }
}

impl From<NewCall> for New {
    fn from(call: NewCall) -> Self {
        let NewCall { source, messages, effects } = call;
        let origin = Origin::Account(source);
        Self { messages, effects, origin, order: None, drop_duplicate: false }
    }
}

/// What a level has room for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    /// The level.
    pub(super) level: L1Level,
    /// Bytes of operations.
    pub(super) bytes: usize,
    /// Keys of the batcher: it has as many operations at most.
    pub(super) batcher_keys: u32,
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

    /// What these operations become, without taking them in: for each its name, and the new ones to wait until
    /// `not_before` or longer.
    pub(super) fn prepare(
        &self,
        operations: Vec<New>,
        not_before: L1Level,
    ) -> Result<(Vec<MessageId>, Vec<Pending>), Refused> {
        let mut ids = Vec::with_capacity(operations.len());
        let mut added: Vec<Pending> = Vec::with_capacity(operations.len());
        let mut bytes = self.bytes;
        for (index, new) in operations.into_iter().enumerate() {
            check(index, &new)?;
            let counter = self.next_counter + added.len() as u64;
            let content = content(&new.messages);
            let id = message_id((!new.drop_duplicate).then_some(counter), &content);
            ids.push(id);
            let waits = |pending: &Pending| pending.id == id;
            if new.drop_duplicate && (self.pending.values().any(waits) || added.iter().any(waits)) {
                continue;
            }
            let New { messages, effects, origin, order, .. } = new;
            let pending = Pending { id, counter, order, origin, not_before, messages, effects };
            bytes += size_bytes(&pending);
            if bytes > MEMPOOL_BYTES_MAX {
                return Err(Refused::Full { limit_bytes: MEMPOOL_BYTES_MAX });
            }
            added.push(pending);
        }
        Ok((ids, added))
    }

    /// Takes in what [`Mempool::prepare`] made, or what was in a block before.
    pub(super) fn insert(&mut self, operation: Pending) {
        self.next_counter = self.next_counter.max(operation.counter + 1);
        self.bytes += size_bytes(&operation);
        if let Some(before) = self.pending.insert(operation.place(), operation) {
            self.bytes -= size_bytes(&before);
        }
    }

    /// The operations for the next level, from the front, as many as there is room for. The batcher's messages
    /// stay in their order, and so do the operations of an account; one that must wait does not hold up others.
    pub(super) fn next_level(&self, room: Room) -> Vec<&Pending> {
        let mut packing = Packing::new(room);
        self.pending.values().filter(|operation| packing.takes(operation)).collect()
    }

    /// Removes the operations at these places.
    pub(super) fn remove(&mut self, places: &[Place]) {
        for place in places {
            if let Some(operation) = self.pending.remove(place) {
                self.bytes -= size_bytes(&operation);
            }
        }
    }

    /// The operation with this name.
    pub(super) fn find(&self, id: MessageId) -> Option<&Pending> {
        self.pending.values().find(|operation| operation.id == id)
    }

    /// All that wait, in the order of the queue.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Pending> {
        self.pending.values()
    }
}

/// A level that is being filled.
struct Packing {
    room: Room,
    used_bytes: usize,
    /// Accounts that have their operation, or whose next one did not fit.
    accounts: BTreeSet<PublicKeyHash>,
    /// Operations of the batcher, and the messages in the last of them.
    batches: u32,
    batch_bytes: usize,
    /// The next message did not fit, so none after it may go first.
    batcher_full: bool,
    control_full: bool,
}

impl Packing {
    fn new(room: Room) -> Self {
        Self {
            room,
            used_bytes: 0,
            accounts: BTreeSet::new(),
            batches: 0,
            batch_bytes: 0,
            batcher_full: false,
            control_full: false,
        }
    }

    /// Whether this operation is in the level too.
    fn takes(&mut self, operation: &Pending) -> bool {
        if operation.not_before > self.room.level {
            return false;
        }
        match operation.origin {
            Origin::Batcher => {
                let takes = !self.batcher_full && self.takes_batched(operation.messages_bytes());
                self.batcher_full = !takes;
                takes
            }
            Origin::Account(account) => self.accounts.insert(account) && self.fits(size_bytes(operation)),
            Origin::Control | Origin::Protocol => {
                let takes = !self.control_full && self.fits(size_bytes(operation));
                self.control_full = !takes;
                takes
            }
        }
    }

    fn takes_batched(&mut self, bytes: usize) -> bool {
        if self.batches > 0 && self.batch_bytes + bytes <= OPERATION_MESSAGES_BYTES_MAX {
            let fits = self.fits(bytes);
            self.batch_bytes += if fits { bytes } else { 0 };
            return fits;
        }
        if self.batches >= self.room.batcher_keys || !self.fits(bytes + OPERATION_OVERHEAD_BYTES) {
            return false;
        }
        self.batches += 1;
        self.batch_bytes = bytes;
        true
    }

    /// Takes so many bytes if they are left.
    fn fits(&mut self, bytes: usize) -> bool {
        let fits = self.used_bytes + bytes <= self.room.bytes;
        self.used_bytes += if fits { bytes } else { 0 };
        fits
    }
}

fn check(index: usize, new: &New) -> Result<(), Refused> {
    new.messages.iter().try_for_each(|message| check_message(index, message))?;
    let operation = matches!(new.origin, Origin::Account(_));
    let bytes: usize = new.messages.iter().map(|message| message.len() + MESSAGE_OVERHEAD_BYTES).sum();
    if operation && bytes > OPERATION_MESSAGES_BYTES_MAX {
        return Err(Refused::OperationTooLarge { limit_bytes: OPERATION_MESSAGES_BYTES_MAX });
    }
    Ok(())
}

fn check_message(index: usize, message: &[u8]) -> Result<(), Refused> {
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

/// Bytes that an operation takes in a block. The batcher's share an envelope, which is not counted here.
pub(super) fn size_bytes(operation: &Pending) -> usize {
    let envelope = match operation.origin {
        Origin::Account(_) => OPERATION_OVERHEAD_BYTES,
        Origin::Batcher | Origin::Control | Origin::Protocol => 0,
    };
    envelope + operation.messages_bytes()
}

/// What an operation is named after: its messages without their tags.
fn content(messages: &[Vec<u8>]) -> Vec<u8> {
    messages.iter().flat_map(|message| message.iter().skip(1).copied()).collect()
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
    use crate::sandbox::limits::LEVEL_BYTES_MAX;
    use millrace_wire::address::Curve;

    /// The size of the largest message in an operation.
    const LARGEST_BYTES: usize = MESSAGE_BYTES_MAX + MESSAGE_OVERHEAD_BYTES;
    const ROOM: Room = Room { level: L1Level::new(9), bytes: LEVEL_BYTES_MAX, batcher_keys: 16 };

    fn take<T: Into<New>>(mempool: &mut Mempool, new: Vec<T>) -> Result<Vec<MessageId>, Refused> {
        let new = new.into_iter().map(Into::into).collect();
        let (ids, added) = mempool.prepare(new, L1Level::new(1))?;
        added.into_iter().for_each(|message| mempool.insert(message));
        Ok(ids)
    }

    fn call(account: u8, sizes_bytes: &[usize]) -> NewCall {
        let source = PublicKeyHash { curve: Curve::Ed25519, hash: [account; 20] };
        let messages = sizes_bytes.iter().map(|size| vec![1; *size]).collect();
        NewCall { source, messages, effects: Vec::new() }
    }

    /// The places of the next level, which are then free.
    fn level(mempool: &mut Mempool, room: Room) -> Vec<Pending> {
        let level: Vec<_> = mempool.next_level(room).into_iter().cloned().collect();
        mempool.remove(&level.iter().map(Pending::place).collect::<Vec<_>>());
        level
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
        let fits = OPERATION_MESSAGES_BYTES_MAX / LARGEST_BYTES;
        assert!(take(&mut mempool, vec![call(1, &vec![4_096; fits])]).is_ok());
        let refused = take(&mut mempool, vec![call(1, &vec![4_096; fits + 1])]);
        let limit_bytes = OPERATION_MESSAGES_BYTES_MAX;
        assert_eq!(refused, Err(Refused::OperationTooLarge { limit_bytes }));
        assert_eq!(limit_bytes + OPERATION_OVERHEAD_BYTES, 32 * 1_024);
    }

    #[test]
    fn a_level_takes_512_kib_and_the_rest_waits_in_order() {
        let mut mempool = Mempool::default();
        let full = LEVEL_BYTES_MAX / LARGEST_BYTES;
        take(&mut mempool, (0..=full).map(|n| NewMessage::raw(vec![n as u8; 4_096])).collect()).unwrap();
        take(&mut mempool, vec![NewMessage::raw(b"small".to_vec())]).unwrap();
        assert_eq!(level(&mut mempool, ROOM).len(), full, "the small one does not overtake the large one");
        let rest: Vec<_> = level(&mut mempool, ROOM).iter().map(|m| m.payload()[0]).collect();
        assert_eq!(rest, [full as u8, b'm']);
    }

    #[test]
    fn the_batcher_has_an_operation_a_key() {
        let batch = OPERATION_MESSAGES_BYTES_MAX / LARGEST_BYTES;
        let mut mempool = Mempool::default();
        let messages = |count| (0..count).map(|_| NewMessage::external(&[0; 4_095])).collect::<Vec<_>>();
        take(&mut mempool, messages(3 * batch)).unwrap();
        take(&mut mempool, vec![NewMessage::external(b"small")]).unwrap();
        let mut sizes = Vec::new();
        while mempool.iter().count() > 0 {
            sizes.push(level(&mut mempool, Room { batcher_keys: 2, ..ROOM }).len());
        }
        assert_eq!(sizes, [2 * batch, batch + 1], "the small one fits in the last operation");
        take(&mut mempool, messages(2)).unwrap();
        assert!(level(&mut mempool, Room { batcher_keys: 0, ..ROOM }).is_empty());
        let bytes = LARGEST_BYTES + OPERATION_OVERHEAD_BYTES;
        assert_eq!(level(&mut mempool, Room { bytes, ..ROOM }).len(), 1, "the envelope counts");
        assert!(level(&mut mempool, Room { bytes: bytes - 1, ..ROOM }).is_empty());
        take(&mut mempool, vec![NewMessage::raw(vec![9])]).unwrap();
        assert_eq!(level(&mut mempool, Room { bytes: 100, ..ROOM }).len(), 1, "others do not wait for it");
    }

    #[test]
    fn an_account_has_one_operation_a_level() {
        let mut mempool = Mempool::default();
        let calls = vec![call(1, &[1, 2]), call(2, &[3]), call(1, &[4]), call(1, &[5]), call(2, &[6])];
        take(&mut mempool, calls).unwrap();
        let mut levels = Vec::new();
        while mempool.iter().count() > 0 {
            let sizes =
                level(&mut mempool, ROOM).iter().map(|call| call.messages[0].len()).collect::<Vec<_>>();
            levels.push(sizes);
        }
        assert_eq!(levels, [vec![1, 3], vec![4, 6], vec![5]]);
        // What does not fit is not overtaken by the next of the same account.
        take(&mut mempool, vec![call(1, &[4_096]), call(1, &[1]), call(2, &[1])]).unwrap();
        let level = level(&mut mempool, Room { bytes: 1_000, ..ROOM });
        assert_eq!(level.iter().map(|call| call.origin).collect::<Vec<_>>().len(), 1);
        let Origin::Account(account) = level[0].origin else { panic!("no account") };
        assert_eq!(account.hash, [2; 20]);
    }

    #[test]
    fn what_is_to_wait_waits_and_holds_nobody_up() {
        let mut mempool = Mempool::default();
        let (_, late) =
            mempool.prepare(vec![NewMessage::external(b"late").into()], L1Level::new(11)).unwrap();
        late.into_iter().for_each(|operation| mempool.insert(operation));
        take(&mut mempool, vec![NewMessage::external(b"soon")]).unwrap();
        let payloads = |mempool: &mut Mempool, level_number| {
            let room = Room { level: L1Level::new(level_number), ..ROOM };
            level(mempool, room).iter().map(|m| m.payload().to_vec()).collect::<Vec<_>>()
        };
        assert_eq!(payloads(&mut mempool, 10), [b"soon"]);
        assert!(payloads(&mut mempool, 10).is_empty());
        assert_eq!(payloads(&mut mempool, 11), [b"late"]);
    }

    #[test]
    fn orders_go_first_and_duplicates_can_be_dropped() {
        let mut mempool = Mempool::default();
        let ordered = |payload: &[u8], order| NewMessage { order, ..NewMessage::external(payload) };
        take(&mut mempool, vec![ordered(b"c", None), ordered(b"b", Some(9)), ordered(b"a", Some(0))])
            .unwrap();
        take(&mut mempool, vec![NewMessage { origin: Origin::Protocol, ..NewMessage::raw(b"_0".to_vec()) }])
            .unwrap();
        let queue: Vec<_> = mempool.iter().map(|m| m.payload().to_vec()).collect();
        assert_eq!(queue, [b"0", b"a", b"b", b"c"]);

        let unique = NewMessage { drop_duplicate: true, ..NewMessage::external(b"d") };
        let ids = take(&mut mempool, vec![unique.clone(), unique.clone()]).unwrap();
        assert_eq!(ids[0], ids[1]);
        assert_eq!(take(&mut mempool, vec![unique]).unwrap(), ids[..1]);
        assert_eq!(mempool.iter().count(), 5);
        let twice = take(&mut mempool, vec![NewMessage::external(b"d"), NewMessage::external(b"d")]).unwrap();
        assert_ne!(twice[0], twice[1], "named apart by their counters");
        assert_eq!(mempool.iter().count(), 7);
        assert_eq!(mempool.find(ids[0]).map(Pending::payload), Some(b"d".as_slice()));
        assert_eq!(mempool.find(MessageId::new([0; 32])), None);
    }

    #[test]
    fn a_full_mempool_refuses_and_empties_again() {
        let mut mempool = Mempool::default();
        let messages = || (0..127).map(|_| NewMessage::external(&[0; 4_095])).collect::<Vec<_>>();
        while take(&mut mempool, messages()).is_ok() {}
        assert_eq!(take(&mut mempool, messages()), Err(Refused::Full { limit_bytes: MEMPOOL_BYTES_MAX }));
        while mempool.iter().count() > 0 {
            level(&mut mempool, ROOM);
        }
        assert_eq!(mempool.bytes, 0);
        assert!(take(&mut mempool, messages()).is_ok());
    }

    #[test]
    fn numbers_are_encoded_as_said() {
        assert_eq!([zarith(0), zarith(63), zarith(64)], [vec![0], vec![63], vec![0x80, 1]]);
        assert_eq!(zarith(8_191), [0xbf, 0x7f]);
    }
}
