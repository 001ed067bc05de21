//! Blueprint format 0: Etherlink's, accepted so that one stream of messages can feed both kernels.
//!
//! ```text
//! payload         RLP list of 4: parent hash 32 | delayed hashes (32 each) | raw transactions | timestamp i64
//! unsigned chunk  RLP list of 4 or 5: piece | number 32 | chunk count u16 | index u16 | [chain id 32]
//! signed chunk    the same list with one more item at its end: signature 64
//! ```
//!
//! Fixed-width fields are little-endian. Each chunk is signed for itself, over the RLP of the unsigned chunk.
//! Neither the rollup nor, mostly, the chain is signed: what stops a replay elsewhere is the parent hash.
//! Source: `sequencer_blueprint.rs` of the Etherlink kernel.
//!
//! **Bounds**: [`super::CHUNKS_MAX`] chunks, [`PIECE_BYTES_MAX`]; the payload as in format 2.
//! **Failure**: a field of another width is an error like any other, found before a signature is checked.
//! **Deliberately unknown**: whether the chunks of one number agree with each other, which nothing in them
//! says.

use super::{Blueprint, CHUNKS_MAX, PayloadError, payload};
use crate::{
    frame::{self, Kind},
    little_endian,
    rlp_strict::{self, Item},
    signature::{PublicKey, Signature},
};
use alloc::vec::Vec;
use millrace_primitives::{BlockHash, BlockNumber, RollupAddress, U256};
use rlp::RlpStream;

/// Largest piece that is accepted, from a message or from the data availability layer.
pub const PIECE_BYTES_MAX: usize = frame::BODY_BYTES_MAX;

/// The size of pieces that producers cut: what Etherlink's node leaves of a message for number (32), count (2),
/// index (2), signature (64) and 16 bytes of RLP.
pub const PIECE_BYTES: usize = 3_957;

/// The same with a chain id, which takes 33 bytes.
pub const PIECE_BYTES_WITH_CHAIN_ID: usize = 3_924;

/// Why bytes are not a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LegacyError {
    /// Not a list of strings in minimal RLP, of another length, or with bytes after it.
    Malformed,
    /// A field of another width than its type has.
    Width,
    /// A block number of more than 64 bits.
    Number,
    /// No chunks or more than [`CHUNKS_MAX`].
    Count,
    /// An index that is not below the number of chunks.
    Index,
    /// A piece of more than [`PIECE_BYTES_MAX`].
    PieceSize,
}

/// A chunk without signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunk<'a> {
    /// The number of the block.
    pub number: BlockNumber,
    /// How many chunks the blueprint has; 1 to [`CHUNKS_MAX`].
    pub chunk_count: u16,
    /// Which one this is; below `chunk_count`.
    pub index: u16,
    /// For which chain it is, if it says. The caller compares.
    pub chain_id: Option<U256>,
    /// The part of the payload; at most [`PIECE_BYTES_MAX`].
    pub piece: &'a [u8],
}

impl<'a> Chunk<'a> {
    /// Reads an unsigned chunk that spans all of `bytes`.
    ///
    /// # Errors
    /// [`LegacyError`] says what is wrong with it.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, LegacyError> {
        let items = rlp_strict::whole_list(bytes).ok_or(LegacyError::Malformed)?;
        match strings(items)?.as_slice() {
            [piece, number, count, index] => Self::new([piece, number, count, index], None),
            [piece, number, count, index, chain_id] => {
                Self::new([piece, number, count, index], Some(chain_id))
            }
            _ => Err(LegacyError::Malformed),
        }
    }

    /// Widths first: what has the wrong shape is not looked into.
    fn new(
        [piece, number, count, index]: [&'a [u8]; 4],
        chain_id: Option<&[u8]>,
    ) -> Result<Self, LegacyError> {
        let number = little_endian::word(number).ok_or(LegacyError::Width)?;
        let chunk_count = little_endian::u16(count).ok_or(LegacyError::Width)?;
        let index = little_endian::u16(index).ok_or(LegacyError::Width)?;
        let chain_id = match chain_id {
            Some(field) => Some(little_endian::word(field).ok_or(LegacyError::Width)?),
            None => None,
        };
        let number = u64::try_from(number).map_err(|_| LegacyError::Number)?;
        if !(1..=CHUNKS_MAX).contains(&chunk_count) {
            return Err(LegacyError::Count);
        }
        if index >= chunk_count {
            return Err(LegacyError::Index);
        }
        if piece.len() > PIECE_BYTES_MAX {
            return Err(LegacyError::PieceSize);
        }
        Ok(Self { number: BlockNumber::new(number), chunk_count, index, chain_id, piece })
    }

    /// The encoding, which is also what is signed.
    pub fn encode(&self) -> Vec<u8> {
        self.append(None)
    }

    /// The body of a message of kind [`Kind::LegacyBlueprintChunk`].
    pub fn signed(&self, signature: Signature) -> SignedChunk<'a> {
        SignedChunk { chunk: *self, signature }
    }

    fn append(&self, signature: Option<&Signature>) -> Vec<u8> {
        let options = [self.chain_id.is_some(), signature.is_some()];
        let options = options.into_iter().filter(|is_there| *is_there).count();
        let mut stream = RlpStream::new_list(options.saturating_add(4));
        stream.append(&self.piece);
        stream.append(&little_endian::word_field(self.number.get().into()).as_slice());
        stream.append(&self.chunk_count.to_le_bytes().as_slice());
        stream.append(&self.index.to_le_bytes().as_slice());
        if let Some(chain_id) = self.chain_id {
            stream.append(&little_endian::word_field(chain_id).as_slice());
        }
        if let Some(signature) = signature {
            stream.append(&signature.0.as_slice());
        }
        stream.out().to_vec()
    }
}

/// A chunk with the signature of somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignedChunk<'a> {
    /// What is signed.
    pub chunk: Chunk<'a>,
    /// Over [`Chunk::encode`].
    pub signature: Signature,
}

impl<'a> SignedChunk<'a> {
    /// Reads the body of an external message of kind [`Kind::LegacyBlueprintChunk`].
    ///
    /// # Errors
    /// [`LegacyError`] says what is wrong with it.
    pub fn decode(body: &'a [u8]) -> Result<Self, LegacyError> {
        let items = rlp_strict::whole_list(body).ok_or(LegacyError::Malformed)?;
        let (chunk, signature) = match strings(items)?.as_slice() {
            [piece, number, count, index, signature] => {
                (Chunk::new([piece, number, count, index], None)?, *signature)
            }
            [piece, number, count, index, chain_id, signature] => {
                (Chunk::new([piece, number, count, index], Some(chain_id))?, *signature)
            }
            _ => return Err(LegacyError::Malformed),
        };
        let signature = signature.try_into().map(Signature).map_err(|_| LegacyError::Width)?;
        Ok(Self { chunk, signature })
    }

    /// The body of the message.
    pub fn encode(&self) -> Vec<u8> {
        self.chunk.append(Some(&self.signature))
    }

    /// The whole external message, outer tag included.
    pub fn message(&self, rollup: &RollupAddress) -> Vec<u8> {
        frame::encode(rollup, Kind::LegacyBlueprintChunk, &self.encode())
    }

    /// Whether it is signed by `key`. Costs a signature check.
    pub fn is_signed_by(&self, key: &PublicKey) -> bool {
        key.verify(&self.chunk.encode(), &self.signature)
    }
}

/// The items of a list of at most six strings.
fn strings(mut items: &[u8]) -> Result<Vec<&[u8]>, LegacyError> {
    const ITEMS_MAX: usize = 6;
    let mut strings = Vec::with_capacity(ITEMS_MAX);
    while !items.is_empty() {
        let Some((Item::String(string), rest)) = rlp_strict::split(items) else {
            return Err(LegacyError::Malformed);
        };
        if strings.len() >= ITEMS_MAX {
            return Err(LegacyError::Malformed);
        }
        strings.push(string);
        items = rest;
    }
    Ok(strings)
}

/// Reads the payload of blueprint `number`: all its pieces, one after the other.
///
/// # Errors
/// [`PayloadError::Malformed`] when it is not the list of four in minimal RLP, for fields of another width, an
/// empty transaction or a timestamp before 1970; [`PayloadError::TooMany`].
pub fn decode_payload(number: BlockNumber, bytes: &[u8]) -> Result<Blueprint, PayloadError> {
    let mut items = rlp_strict::whole_list(bytes).ok_or(PayloadError::Malformed)?;
    let parent = rlp_strict::next_string(&mut items).and_then(BlockHash::from_slice);
    let parent = parent.ok_or(PayloadError::Malformed)?;
    let payload = payload::decode_lists(&mut items)?;
    let timestamp = rlp_strict::next_string(&mut items).and_then(little_endian::timestamp);
    let timestamp = timestamp.ok_or(PayloadError::Malformed)?;
    if !items.is_empty() {
        return Err(PayloadError::Malformed);
    }
    Ok(Blueprint { number, parent, timestamp, payload })
}

/// The payload of a blueprint; its number is in the chunks.
pub fn encode_payload(blueprint: &Blueprint) -> Vec<u8> {
    let mut stream = RlpStream::new_list(4);
    stream.append(&blueprint.parent.as_bytes().as_slice());
    payload::append_lists(&blueprint.payload, &mut stream);
    stream.append(&little_endian::timestamp_field(blueprint.timestamp).as_slice());
    stream.out().to_vec()
}

/// Cuts a payload into unsigned chunks, or answers `None` when it takes more than [`CHUNKS_MAX`].
pub fn cut(payload: &[u8], number: BlockNumber, chain_id: Option<U256>) -> Option<Vec<Chunk<'_>>> {
    let piece_bytes = if chain_id.is_some() { PIECE_BYTES_WITH_CHAIN_ID } else { PIECE_BYTES };
    let chunk_count = u16::try_from(payload.len().div_ceil(piece_bytes)).ok()?;
    if !(1..=CHUNKS_MAX).contains(&chunk_count) {
        return None;
    }
    let pieces = (0..chunk_count).zip(payload.chunks(piece_bytes));
    Some(pieces.map(|(index, piece)| Chunk { number, chunk_count, index, chain_id, piece }).collect())
}

#[cfg(test)]
mod tests;
