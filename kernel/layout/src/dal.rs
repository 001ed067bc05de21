//! Slots of the data availability layer: which are being imported, and which are done.
//!
//! A slot is taken up once. That it is done is noted by the level at which it was published, for as many levels as a
//! slot may be old; what is in it becomes blueprints that wait, like any other.

use crate::{
    Key, LayoutError, Value,
    catalog::{DAL_DONE, DAL_IMPORT},
    codec,
};
use alloc::{string::ToString, vec::Vec};
use millrace_host::Store;
use millrace_primitives::L1Level;
use rlp::{Rlp, RlpStream};

/// How many levels ago a slot may have been published.
pub const LEVELS_MAX: u32 = 512;

/// Most slots that are taken up in one level.
pub const SLOTS_PER_LEVEL_MAX: u16 = 64;

const FIELDS: usize = 7;

/// A slot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Slot {
    /// The level whose block published it.
    pub published_level: L1Level,
    /// Its index.
    pub index: u8,
}

/// The slots that are being imported, one after the other.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Import {
    /// The level in which slots were last taken up,
    pub level: L1Level,
    /// and how many in that level; at most [`SLOTS_PER_LEVEL_MAX`].
    pub taken: u16,
    /// Bytes of each slot.
    pub slot_size_bytes: u32,
    /// Bytes of each page.
    pub page_size_bytes: u16,
    /// Where in the first slot to go on, in bytes.
    pub offset: u32,
    /// A run trapped since the import was last noted.
    pub has_trapped: bool,
    /// What is left, the one that is being read first; at most [`SLOTS_PER_LEVEL_MAX`].
    pub slots: Vec<Slot>,
}

impl Import {
    /// How many slots may still be taken up in `level`.
    pub fn room(&self, level: L1Level) -> usize {
        let taken = if self.level == level { self.taken } else { 0 };
        usize::from(SLOTS_PER_LEVEL_MAX.saturating_sub(taken))
    }

    /// Drops the first slot: the next one is read from its beginning.
    pub fn finish_first(&mut self) {
        if !self.slots.is_empty() {
            self.slots.remove(0);
        }
        (self.offset, self.has_trapped) = (0, false);
    }
}

impl Value for Import {
    const SIZE_BYTES_MAX: usize = 768;
    const IS_FIXED: bool = false;

    fn encode(&self) -> Vec<u8> {
        let mut stream = RlpStream::new_list(FIELDS);
        stream.append(&self.level.get()).append(&self.taken);
        stream.append(&self.slot_size_bytes).append(&self.page_size_bytes).append(&self.offset);
        stream.append(&self.has_trapped);
        stream.begin_list(self.slots.len());
        for slot in &self.slots {
            stream.begin_list(2).append(&slot.published_level.get()).append(&slot.index);
        }
        stream.out().to_vec()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let rlp = codec::list(bytes, FIELDS)?;
        let slots = rlp.at(6).ok()?;
        if !slots.is_list() {
            return None;
        }
        Some(Self {
            level: L1Level::new(rlp.val_at(0).ok()?),
            taken: rlp.val_at(1).ok()?,
            slot_size_bytes: rlp.val_at(2).ok()?,
            page_size_bytes: rlp.val_at(3).ok()?,
            offset: rlp.val_at(4).ok()?,
            has_trapped: rlp.val_at(5).ok()?,
            slots: slots.iter().map(|slot| slot_of(&slot)).collect::<Option<_>>()?,
        })
    }
}

fn slot_of(rlp: &Rlp<'_>) -> Option<Slot> {
    codec::has_items(rlp, 2).then_some(())?;
    Some(Slot { published_level: L1Level::new(rlp.val_at(0).ok()?), index: rlp.val_at(1).ok()? })
}

/// Which slots that were published at a level are done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Done {
    /// The level.
    pub published_level: L1Level,
    /// Bit *i* mod 8, from the lowest, of byte *i* / 8 for slot *i*.
    pub bits: [u8; 32],
}

impl Done {
    /// Whether this slot is.
    pub fn has(&self, index: u8) -> bool {
        let (byte, bit) = place(index);
        self.bits.get(byte).is_some_and(|byte| byte & bit != 0)
    }

    fn insert(&mut self, index: u8) {
        let (byte, bit) = place(index);
        if let Some(byte) = self.bits.get_mut(byte) {
            *byte |= bit;
        }
    }
}

/// The byte of a slot, and its bit.
const fn place(index: u8) -> (usize, u8) {
    ((index / 8) as usize, 1u8.rotate_left((index % 8) as u32))
}

impl Value for Done {
    const SIZE_BYTES_MAX: usize = 36;
    const IS_FIXED: bool = true;

    fn encode(&self) -> Vec<u8> {
        [&self.published_level.get().to_be_bytes()[..], &self.bits].concat()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (level, bits) = bytes.split_first_chunk::<4>()?;
        Some(Self { published_level: L1Level::new(u32::from_be_bytes(*level)), bits: bits.try_into().ok()? })
    }
}

/// The key of the import.
///
/// # Errors
/// Never, short of a bug in this crate.
pub fn import() -> Result<Key<Import>, LayoutError> {
    Key::new(DAL_IMPORT.pattern.to_string())
}

/// The key of what is done of the slots that were published at `level`, and [`LEVELS_MAX`] levels before and after.
///
/// # Errors
/// Never, short of a bug in this crate.
pub fn done(level: L1Level) -> Result<Key<Done>, LayoutError> {
    Key::new(DAL_DONE.fill(&[&(level.get() % LEVELS_MAX)]))
}

/// What is done of the slots that were published at `level`, which is less than [`LEVELS_MAX`] levels ago.
///
/// # Errors
/// As [`Key::read`].
pub fn done_at(store: &impl Store, level: L1Level) -> Result<Done, LayoutError> {
    let stored = done(level)?.read(store)?.filter(|done| done.published_level == level);
    Ok(stored.unwrap_or(Done { published_level: level, bits: [0; 32] }))
}

/// Notes that a slot is done.
///
/// # Errors
/// As [`Key::read`] and [`Key::write`].
pub fn set_done(store: &mut impl Store, slot: Slot) -> Result<(), LayoutError> {
    let mut record = done_at(store, slot.published_level)?;
    record.insert(slot.index);
    done(slot.published_level)?.write(store, &record)
}
