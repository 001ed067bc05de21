//! The data availability layer: which slots to import, and what is in them.
//!
//! ```text
//! signal (kind 0x04)  RLP [ [ [ published level u32 LE, [ slot index, … ] ], … ], signature 64 ]
//! slot                ( 0x01 | unsigned chunk of blueprint format 0 )* | 0x00 …
//! publishers          ( account 21 | bit set )*, in [`DalAttestedSlots`]
//! ```
//!
//! The sequencer signs the RLP of the list of levels. Slot indices are RLP integers: index 0 is an empty string.
//! A bit set is a signed integer of Octez (`Z.t` in `data_encoding`), bit *i* for slot *i*. Sources:
//! `dal_slot_import_signal.rs` and `dal.rs` of the Etherlink kernel, `sc_rollup_inbox_message_repr.ml` of Octez.
//!
//! **Bounds**: [`LEVELS_MAX`], [`SLOTS_MAX`], [`PUBLISHERS_MAX`]; a chunk as in [`crate::blueprint::legacy`]. The
//! number of chunks in a slot is bounded by its size alone. **Deliberately unknown**: which slots and which
//! publishers this rollup listens to, and whether the slots exist.

use crate::{
    MESSAGE_BYTES_MAX,
    address::PublicKeyHash,
    bytes::Reader,
    message::DalAttestedSlots,
    micheline::{self, Int},
    rlp_strict,
    signature::{PublicKey, Signature},
};
use alloc::vec::Vec;
use millrace_primitives::{L1Level, U256};
use rlp::RlpStream;

mod slot;

pub use slot::{Front, SlotChunks, front, slot, slot_chunks};

/// Most levels in a signal.
pub const LEVELS_MAX: usize = 64;
/// Most slots of a level: as many as an index of one byte tells apart, and as a bit set of 256 bits holds.
pub const SLOTS_MAX: usize = 256;
/// Most publishers in a message: each takes 22 bytes or more.
pub const PUBLISHERS_MAX: usize = MESSAGE_BYTES_MAX / (PublicKeyHash::SIZE_BYTES + 1);

/// Slots that were published at one level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedSlots {
    /// The level; a positive i32, as the layer 1 has it.
    pub published_level: L1Level,
    /// The indices of the slots, each once.
    pub slots: Vec<u8>,
}

/// Somebody's request to import slots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signal {
    /// The slots, by level; at most [`LEVELS_MAX`].
    pub levels: Vec<PublishedSlots>,
    /// Over [`Signal::signing_bytes`].
    pub signature: Signature,
}

/// Why bytes are no signal or no publishers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DalError {
    /// Not the lists in minimal RLP, or with bytes after them.
    Malformed,
    /// A field of another width than its type has.
    Width,
    /// A level above i32, a slot twice, or a slot that the layer 1 does not have.
    OutOfRange,
    /// More levels or publishers than there can be.
    TooMany,
}

impl Signal {
    /// Reads the body of an external message of kind [`crate::frame::Kind::DalSignal`].
    ///
    /// # Errors
    /// [`DalError`] says what is wrong with it.
    pub fn decode(body: &[u8]) -> Result<Self, DalError> {
        let mut items = rlp_strict::whole_list(body).ok_or(DalError::Malformed)?;
        let mut entries = rlp_strict::next_list(&mut items).ok_or(DalError::Malformed)?;
        let signature = rlp_strict::next_string(&mut items).ok_or(DalError::Malformed)?;
        if !items.is_empty() {
            return Err(DalError::Malformed);
        }
        let signature = signature.try_into().map(Signature).map_err(|_| DalError::Width)?;
        let mut levels = Vec::new();
        while !entries.is_empty() {
            if levels.len() >= LEVELS_MAX {
                return Err(DalError::TooMany);
            }
            levels.push(published_slots(rlp_strict::next_list(&mut entries).ok_or(DalError::Malformed)?)?);
        }
        Ok(Self { levels, signature })
    }

    /// The body of the message.
    pub fn encode(&self) -> Vec<u8> {
        let mut stream = RlpStream::new_list(2);
        append_levels(&self.levels, &mut stream);
        stream.append(&self.signature.0.as_slice());
        stream.out().to_vec()
    }

    /// What the sequencer signs.
    pub fn signing_bytes(levels: &[PublishedSlots]) -> Vec<u8> {
        let mut stream = RlpStream::new();
        append_levels(levels, &mut stream);
        stream.out().to_vec()
    }

    /// Whether it is signed by `key`. Costs a signature check.
    pub fn is_signed_by(&self, key: &PublicKey) -> bool {
        key.verify(&Self::signing_bytes(&self.levels), &self.signature)
    }
}

/// `[ level, [ index, … ] ]`.
fn published_slots(mut items: &[u8]) -> Result<PublishedSlots, DalError> {
    let level = rlp_strict::next_string(&mut items).ok_or(DalError::Malformed)?;
    let mut indices = rlp_strict::next_list(&mut items).ok_or(DalError::Malformed)?;
    if !items.is_empty() {
        return Err(DalError::Malformed);
    }
    let level = u32::from_le_bytes(level.try_into().map_err(|_| DalError::Width)?);
    if i32::try_from(level).is_err() {
        return Err(DalError::OutOfRange);
    }
    let mut slots = Vec::new();
    let mut seen = [false; SLOTS_MAX];
    while !indices.is_empty() {
        let index = match rlp_strict::next_string(&mut indices).ok_or(DalError::Malformed)? {
            [] => 0,
            [0] => return Err(DalError::Malformed),
            [index] => *index,
            _ => return Err(DalError::Width),
        };
        match seen.get_mut(usize::from(index)) {
            Some(seen) if !*seen => *seen = true,
            _ => return Err(DalError::OutOfRange),
        }
        slots.push(index);
    }
    Ok(PublishedSlots { published_level: L1Level::new(level), slots })
}

fn append_levels(levels: &[PublishedSlots], stream: &mut RlpStream) {
    stream.begin_list(levels.len());
    for PublishedSlots { published_level, slots } in levels {
        stream.begin_list(2).append(&published_level.get().to_le_bytes().as_slice());
        stream.begin_list(slots.len());
        slots.iter().for_each(|index| {
            stream.append(index);
        });
    }
}

/// The attested slots of one publisher.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublisherSlots {
    /// Who published them.
    pub publisher: PublicKeyHash,
    /// Bit *i* for slot *i*.
    pub bits: U256,
}

impl PublisherSlots {
    /// The indices of the slots, ascending.
    pub fn slots(&self) -> impl Iterator<Item = u8> {
        let bits = self.bits;
        (0..=u8::MAX).filter(move |index| bits.bit(usize::from(*index)))
    }
}

/// Reads who published the slots of a message.
///
/// # Errors
/// [`DalError::Malformed`] for an account on an unknown curve and bytes that are no integer;
/// [`DalError::OutOfRange`] for a slot that the layer 1 does not have; [`DalError::TooMany`].
pub fn decode_publishers(message: &DalAttestedSlots<'_>) -> Result<Vec<PublisherSlots>, DalError> {
    let mut reader = Reader::new(message.publishers);
    let mut publishers = Vec::new();
    while !reader.is_empty() {
        if publishers.len() >= PUBLISHERS_MAX {
            return Err(DalError::TooMany);
        }
        let account = reader.take(PublicKeyHash::SIZE_BYTES).ok_or(DalError::Malformed)?;
        let publisher = PublicKeyHash::from_bytes(account).ok_or(DalError::Malformed)?;
        let bits = micheline::decode_int(&mut reader).map_err(|_| DalError::Malformed)?;
        if bits.is_negative || bits.magnitude.bits() > usize::from(message.number_of_slots) {
            return Err(DalError::OutOfRange);
        }
        publishers.push(PublisherSlots { publisher, bits: bits.magnitude });
    }
    Ok(publishers)
}

/// The field [`DalAttestedSlots::publishers`].
pub fn encode_publishers(publishers: &[PublisherSlots]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for PublisherSlots { publisher, bits } in publishers {
        bytes.extend_from_slice(&publisher.to_bytes());
        micheline::append_int(&Int { is_negative: false, magnitude: *bits }, &mut bytes);
    }
    bytes
}

#[cfg(test)]
mod tests;
