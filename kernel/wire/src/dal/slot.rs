//! What is in a slot of the data availability layer: chunks, one after the other.

use crate::{
    blueprint::legacy::{Chunk, LegacyError},
    rlp_strict::{self, ListSize},
};
use alloc::vec::Vec;

/// The end of a slot: what follows is padding.
const PADDING: u8 = 0;
/// A chunk in a slot.
pub(super) const CHUNK: u8 = 1;

/// What the rest of a slot begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Front<'a> {
    /// A chunk, or one whose number, count, index or size is out of bounds.
    Chunk {
        /// What it says.
        chunk: Result<Chunk<'a>, LegacyError>,
        /// The bytes that it takes, tag included. What comes next is behind them.
        size_bytes: usize,
    },
    /// More bytes of the slot are needed to tell.
    Unfinished,
    /// Padding, an unknown tag, or what does not have the shape of a chunk: nobody knows where the next one would
    /// start.
    End,
}

/// Reads the front of what is left of a slot, of which more may come.
pub fn front(rest: &[u8]) -> Front<'_> {
    let Some((&tag, list)) = rest.split_first() else { return Front::Unfinished };
    if tag != CHUNK {
        return Front::End;
    }
    let size_bytes = match rlp_strict::list_size(list) {
        ListSize::Bytes(size_bytes) => size_bytes,
        ListSize::Unknown => return Front::Unfinished,
        ListSize::NoList => return Front::End,
    };
    let Some(chunk) = list.get(..size_bytes) else { return Front::Unfinished };
    match Chunk::decode(chunk) {
        Err(LegacyError::Malformed | LegacyError::Width) => Front::End,
        chunk => Front::Chunk { chunk, size_bytes: size_bytes.saturating_add(1) },
    }
}

/// The chunks of a whole slot, in their order, up to its [`Front::End`].
#[derive(Clone, Copy, Debug)]
pub struct SlotChunks<'a> {
    rest: &'a [u8],
}

/// Reads a whole slot: its pages, one after the other.
pub const fn slot_chunks(slot: &[u8]) -> SlotChunks<'_> {
    SlotChunks { rest: slot }
}

impl<'a> Iterator for SlotChunks<'a> {
    type Item = Result<Chunk<'a>, LegacyError>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = core::mem::take(&mut self.rest);
        let Front::Chunk { chunk, size_bytes } = front(rest) else { return None };
        self.rest = rest.get(size_bytes..).unwrap_or_default();
        Some(chunk)
    }
}

/// A slot with these chunks, padded to `slot_size_bytes`; `None` when they do not fit.
pub fn slot(chunks: &[Chunk<'_>], slot_size_bytes: usize) -> Option<Vec<u8>> {
    let mut slot = Vec::new();
    for chunk in chunks {
        slot.push(CHUNK);
        slot.extend_from_slice(&chunk.encode());
    }
    if slot.len() > slot_size_bytes {
        return None;
    }
    slot.resize(slot_size_bytes, PADDING);
    Some(slot)
}
