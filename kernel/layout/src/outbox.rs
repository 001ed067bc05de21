//! Messages that wait for room in the outbox of a level, which takes a hundred.
//!
//! A block appends them where everything else of it is, so they are there when the block is, and once. What was sent
//! since is told by a [`Cursor`] outside of the world, because levels pass without blocks. Numbers count from 0 and are
//! never used again.
//!
//! **Bounds**: a message has at most [`MESSAGE_BYTES_MAX`] bytes. How many wait is bounded by what was paid for them: each
//! cost its sender the gas of a withdrawal, and nothing else can put one here.

use crate::{
    Key, LayoutError, Value,
    catalog::{OUTBOX_COUNT, OUTBOX_CURSOR, OUTBOX_MESSAGE, OUTBOX_UNCERTAIN},
    codec::raw_bytes,
    events::Count,
    world::World,
};
use alloc::{string::ToString, vec::Vec};
use millrace_host::Store;
use millrace_primitives::L1Level;
use millrace_wire::outbox::MESSAGE_BYTES_MAX;

/// A message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Message(pub Vec<u8>);

// A number is used once, so a message is written once.
raw_bytes!(Message, MESSAGE_BYTES_MAX, is_fixed: true);

/// How far the messages have come.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Cursor {
    /// The next to be sent.
    pub next: u64,
    /// The oldest that is still stored: those from here to `next` were sent and are to be deleted.
    pub oldest: u64,
    /// The level in which some were sent last,
    pub level: L1Level,
    /// and how many.
    pub in_level: u8,
    /// Whether `next` is being sent. In a run that did not do it, nobody knows whether it was.
    pub is_sending: bool,
}

impl Value for Cursor {
    const SIZE_BYTES_MAX: usize = 22;
    const IS_FIXED: bool = true;

    fn encode(&self) -> Vec<u8> {
        let mut bytes = self.next.to_be_bytes().to_vec();
        bytes.extend_from_slice(&self.oldest.to_be_bytes());
        bytes.extend_from_slice(&self.level.get().to_be_bytes());
        bytes.extend_from_slice(&[self.in_level, u8::from(self.is_sending)]);
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (next, rest) = bytes.split_first_chunk::<8>()?;
        let (oldest, rest) = rest.split_first_chunk::<8>()?;
        let (level, rest) = rest.split_first_chunk::<4>()?;
        let [in_level, is_sending @ 0..=1] = rest else { return None };
        Some(Self {
            next: u64::from_be_bytes(*next),
            oldest: u64::from_be_bytes(*oldest),
            level: L1Level::new(u32::from_be_bytes(*level)),
            in_level: *in_level,
            is_sending: *is_sending == 1,
        })
    }
}

impl World {
    /// The key of the number of messages that there ever were.
    ///
    /// # Errors
    /// Never, short of a bug in this crate.
    pub fn outbox_count(self) -> Result<Key<Count>, LayoutError> {
        self.below(OUTBOX_COUNT.pattern)
    }

    /// The key of message `number`.
    ///
    /// # Errors
    /// Never, short of a bug in this crate.
    pub fn outbox_message(self, number: u64) -> Result<Key<Message>, LayoutError> {
        self.below(&OUTBOX_MESSAGE.fill(&[&number]))
    }
}

/// The key of the cursor.
///
/// # Errors
/// Never, short of a bug in this crate.
pub fn cursor() -> Result<Key<Cursor>, LayoutError> {
    Key::new(OUTBOX_CURSOR.pattern.to_string())
}

/// The key of a message of which nobody knows whether it was sent.
///
/// # Errors
/// Never, short of a bug in this crate.
pub fn uncertain(number: u64) -> Result<Key<Message>, LayoutError> {
    Key::new(OUTBOX_UNCERTAIN.fill(&[&number]))
}

/// Appends the messages of a block to the working copy.
///
/// # Errors
/// As [`Key::read`] and [`Key::write`].
pub fn append(store: &mut impl Store, messages: Vec<Vec<u8>>) -> Result<(), LayoutError> {
    if messages.is_empty() {
        return Ok(());
    }
    let Count(mut count) = World::Working.outbox_count()?.read(store)?.unwrap_or_default();
    for message in messages {
        World::Working.outbox_message(count)?.write(store, &Message(message))?;
        count = count.saturating_add(1);
    }
    World::Working.outbox_count()?.write(store, &Count(count))
}

/// Where the messages that wait begin and end; `None` when there is nothing to do.
///
/// # Errors
/// As [`Key::read`].
pub fn waiting(store: &impl Store) -> Result<Option<(Cursor, u64)>, LayoutError> {
    let Some(Count(count)) = World::Committed.outbox_count()?.read(store)? else { return Ok(None) };
    let cursor = cursor()?.read(store)?.unwrap_or_default();
    let is_idle = cursor.next >= count && cursor.oldest >= cursor.next && !cursor.is_sending;
    Ok((!is_idle).then_some((cursor, count)))
}

/// Deletes what was sent, and says so.
///
/// # Errors
/// As [`Key::write`].
pub fn forget_sent(store: &mut impl Store, at: Cursor) -> Result<Cursor, LayoutError> {
    for number in at.oldest..at.next {
        World::Committed.outbox_message(number)?.delete(store)?;
    }
    let at = Cursor { oldest: at.next, ..at };
    cursor()?.write(store, &at)?;
    Ok(at)
}

/// Drops everything that waits: what a node does, whose messages nobody reads.
///
/// # Errors
/// As [`Key::read`] and [`Key::write`].
pub fn discard(store: &mut impl Store) -> Result<(), LayoutError> {
    if let Some((cursor, count)) = waiting(store)? {
        forget_sent(store, Cursor { next: count, is_sending: false, ..cursor })?;
    }
    Ok(())
}

/// Puts aside the message that was being sent in a run that died: sent twice it would be paid out twice, and dropped it
/// would be lost. It stays in durable storage until an upgrade decides.
///
/// # Errors
/// As [`Key::write`].
pub fn put_aside(store: &mut impl Store, at: Cursor) -> Result<Cursor, LayoutError> {
    let (from, to) = (World::Committed.outbox_message(at.next)?, uncertain(at.next)?);
    if from.exists(store)? {
        store.store_move(from.path(), to.path()).map_err(|error| to.host(error))?;
    }
    let at = Cursor { next: at.next.saturating_add(1), is_sending: false, ..at };
    cursor()?.write(store, &at)?;
    Ok(at)
}
