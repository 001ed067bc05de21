//! Blueprint format 2: what the sequencer asks the kernel to make a block of, and how it travels.
//!
//! ```text
//! payload      RLP list of 2: list of delayed hashes (32 bytes each), list of raw transactions
//! pieces       the payload cut to PIECE_BYTES_MAX; every piece but the last is exactly full
//! header       90 bytes: epoch u32 | number u64 | parent 32 | timestamp u64
//!                        | payload size u32 | chunk count u16 | payload root 32
//! certificate  65 bytes: scheme 0 | signature 64
//! chunk body   header | certificate | index u16 | Merkle proof (depth × 32) | piece
//! ```
//!
//! Fixed-width integers are big-endian. The header commits to every piece, so one signature check makes
//! all chunks of a blueprint cost only hashes. What is signed is [`Domain::signing_bytes`].
//!
//! **Bounds**: [`CHUNKS_MAX`], [`PAYLOAD_BYTES_MAX`], [`TRANSACTIONS_MAX`], [`DELAYED_MAX`]. The producer and
//! the kernel share [`chunk_count`] and [`PayloadSize`].

mod chunk;
mod header;
mod merkle;
mod payload;
mod prepare;

pub use chunk::{Announced, Certificate, Chunk, ChunkError, assemble};
pub use header::{Domain, Header};
pub use merkle::PROOF_DEPTH_MAX;
pub use payload::{DELAYED_MAX, Payload, PayloadError, PayloadSize, TRANSACTIONS_MAX};
pub use prepare::{PrepareError, Prepared, prepare};

use crate::frame;
use millrace_primitives::{BlockHash, BlockNumber, Timestamp};

/// Most chunks of a blueprint.
pub const CHUNKS_MAX: u16 = 128;

/// What a chunk carries besides its piece, when the proof is as long as it can be.
const CHUNK_OVERHEAD_BYTES: usize = Header::SIZE_BYTES + Certificate::SIZE_BYTES + 2 + PROOF_DEPTH_MAX * 32;

/// Bytes of every piece but the last: what is left of a message. One size for all proofs, so that the
/// number of chunks depends on the size of the payload alone.
pub const PIECE_BYTES_MAX: usize = frame::BODY_BYTES_MAX - CHUNK_OVERHEAD_BYTES;

/// Largest payload.
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

/// How many chunks a payload of this size takes, or `None` when there is no such payload.
pub fn chunk_count(payload_size_bytes: usize) -> Option<u16> {
    if payload_size_bytes == 0 || payload_size_bytes > PAYLOAD_BYTES_MAX {
        return None;
    }
    u16::try_from(payload_size_bytes.div_ceil(PIECE_BYTES_MAX)).ok()
}

/// How many bytes piece `index` of a payload of this size has, or `None` when there is no such piece.
pub fn piece_size_bytes(payload_size_bytes: usize, index: u16) -> Option<usize> {
    let count = chunk_count(payload_size_bytes)?;
    if index >= count {
        return None;
    }
    let before = usize::from(index).checked_mul(PIECE_BYTES_MAX)?;
    Some(payload_size_bytes.checked_sub(before)?.min(PIECE_BYTES_MAX))
}

#[cfg(test)]
mod tests;
