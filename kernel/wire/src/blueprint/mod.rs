//! Blueprint format 2: what the sequencer asks the kernel to make a block of, and how it travels.
//!
//! ```text
//! payload      RLP list of 2: list of delayed hashes (32 bytes each), list of raw transactions
//! pieces       the payload cut to the piece size of the header; every piece but the last is exactly full
//! header       92 bytes: epoch u32 | number u64 | parent 32 | timestamp u64
//!                        | payload size u32 | piece size u16 | chunk count u16 | payload root 32
//! certificate  scheme 0 | signature 64, or
//!              scheme 1 | count u8 | member u8 × count, ascending | signature 64 × count
//! chunk body   header | certificate | index u16 | Merkle proof (depth × 32) | piece
//! ```
//!
//! Fixed-width integers are big-endian. The header commits to every piece, so one check of the certificate
//! makes all chunks of a blueprint cost only hashes. What is signed is [`Domain::signing_bytes`]. The
//! certificate is in every chunk and comes after the header, so the header says how much room the pieces
//! leave for it: the producer takes [`piece_bytes_max`].
//!
//! **Bounds**: [`CHUNKS_MAX`], [`PIECE_BYTES_MIN`] to [`PIECE_BYTES_MAX`], [`PAYLOAD_BYTES_MAX`],
//! [`TRANSACTIONS_MAX`], [`DELAYED_MAX`]. The producer and the kernel share [`chunk_count`] and
//! [`PayloadSize`]. [`legacy`] is format 0.

mod certificate;
mod chunk;
mod header;
pub mod legacy;
mod merkle;
mod payload;
mod prepare;

pub use certificate::{Certificate, MemberSignature};
pub use chunk::{Announced, Chunk, ChunkError, assemble};
pub use header::{Domain, Header};
pub use merkle::PROOF_DEPTH_MAX;
pub use payload::{DELAYED_MAX, Payload, PayloadError, PayloadSize, TRANSACTIONS_MAX};
pub use prepare::{PrepareError, Prepared, prepare};

use crate::frame;
use millrace_primitives::{BlockHash, BlockNumber, Timestamp};

/// Most chunks of a blueprint.
pub const CHUNKS_MAX: u16 = 128;

/// What a chunk carries besides certificate and piece, when the proof is as long as it can be.
const CHUNK_OVERHEAD_BYTES: usize = Header::SIZE_BYTES + 2 + PROOF_DEPTH_MAX * 32;

/// Bytes of a message for certificate and piece. One size for all proofs, so that the number of chunks depends
/// on sizes alone.
const ROOM_BYTES: usize = frame::BODY_BYTES_MAX - CHUNK_OVERHEAD_BYTES;

/// Smallest size of pieces. With smaller ones a blueprint would hold too little to be worth its certificates:
/// 128 pieces of this size are 32 KiB.
pub const PIECE_BYTES_MIN: u16 = 256;

/// Largest size of pieces: what one signature leaves of a message.
pub const PIECE_BYTES_MAX: usize = ROOM_BYTES - Certificate::SINGLE_SIZE_BYTES;

/// Largest payload, with one signature.
pub const PAYLOAD_BYTES_MAX: usize = PIECE_BYTES_MAX * CHUNKS_MAX as usize;

/// What the kernel makes a block of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blueprint {
    /// The number of the block.
    pub number: BlockNumber,
    /// The hash of the block before.
    pub parent: BlockHash,
    /// When it was made.
    pub timestamp: Timestamp,
    /// What is in it.
    pub payload: Payload,
}

/// The largest piece that fits beside a certificate of this size, or `None` when that is less than
/// [`PIECE_BYTES_MIN`].
pub fn piece_bytes_max(certificate_size_bytes: usize) -> Option<u16> {
    let room = ROOM_BYTES.checked_sub(certificate_size_bytes)?.min(PIECE_BYTES_MAX);
    u16::try_from(room).ok().filter(|room| *room >= PIECE_BYTES_MIN)
}

/// How many chunks a payload takes in pieces of this size, or `None` when there is no such payload.
pub fn chunk_count(payload_size_bytes: usize, piece_size_bytes: u16) -> Option<u16> {
    let pieces = payload_size_bytes.checked_add(usize::from(piece_size_bytes).checked_sub(1)?)?;
    let count = u16::try_from(pieces.checked_div(usize::from(piece_size_bytes))?).ok()?;
    (1..=CHUNKS_MAX).contains(&count).then_some(count)
}

/// How many bytes piece `index` of the payload under `header` has, or `None` when there is no such piece.
pub fn piece_size_bytes(header: &Header, index: u16) -> Option<usize> {
    if index >= header.chunk_count {
        return None;
    }
    let full = usize::from(header.piece_size_bytes);
    let before = usize::from(index).checked_mul(full)?;
    let left = usize::try_from(header.payload_size_bytes).ok()?.checked_sub(before)?;
    Some(left.min(full))
}

#[cfg(test)]
mod tests;
