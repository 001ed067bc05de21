//! The header of a blueprint and what is signed of it.

use super::{PIECE_BYTES_MAX, PIECE_BYTES_MIN, chunk_count};
use crate::bytes::Reader;
use alloc::vec::Vec;
use millrace_primitives::{Blake2bHash, BlockHash, BlockNumber, Epoch, RollupAddress, Timestamp, U256};

/// The fixed part of a blueprint, repeated in each of its chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The authority that certified it.
    pub epoch: Epoch,
    /// The number of the block.
    pub number: BlockNumber,
    /// The hash of the block before.
    pub parent: BlockHash,
    /// When it was made.
    pub timestamp: Timestamp,
    /// Size of the payload.
    pub payload_size_bytes: u32,
    /// Size of every piece but the last; [`PIECE_BYTES_MIN`] to [`PIECE_BYTES_MAX`].
    pub piece_size_bytes: u16,
    /// How many pieces the payload is cut into; [`chunk_count`] of both sizes.
    pub chunk_count: u16,
    /// Root of the Merkle tree over the pieces.
    pub payload_root: Blake2bHash,
}

impl Header {
    /// Bytes of the encoding.
    pub const SIZE_BYTES: usize = 92;

    /// The encoding.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(Self::SIZE_BYTES);
        bytes.extend_from_slice(&self.epoch.get().to_be_bytes());
        bytes.extend_from_slice(&self.number.get().to_be_bytes());
        bytes.extend_from_slice(self.parent.as_bytes());
        bytes.extend_from_slice(&self.timestamp.get().to_be_bytes());
        bytes.extend_from_slice(&self.payload_size_bytes.to_be_bytes());
        bytes.extend_from_slice(&self.piece_size_bytes.to_be_bytes());
        bytes.extend_from_slice(&self.chunk_count.to_be_bytes());
        bytes.extend_from_slice(self.payload_root.as_bytes());
        bytes
    }

    /// Reads an encoding. `None` when its size is wrong, when the size of the pieces is out of bounds, or when
    /// the number of chunks is not the one that the sizes ask for.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        let header = Self {
            epoch: Epoch::new(reader.u32()?),
            number: BlockNumber::new(reader.u64()?),
            parent: BlockHash::new(reader.array()?),
            timestamp: Timestamp::new(reader.u64()?),
            payload_size_bytes: reader.u32()?,
            piece_size_bytes: reader.u16()?,
            chunk_count: reader.u16()?,
            payload_root: Blake2bHash::new(reader.array()?),
        };
        let pieces_are_bounded = header.piece_size_bytes >= PIECE_BYTES_MIN
            && usize::from(header.piece_size_bytes) <= PIECE_BYTES_MAX;
        let is_consistent = pieces_are_bounded && header.expected_chunk_count() == Some(header.chunk_count);
        (reader.is_empty() && is_consistent).then_some(header)
    }

    fn expected_chunk_count(&self) -> Option<u16> {
        chunk_count(usize::try_from(self.payload_size_bytes).ok()?, self.piece_size_bytes)
    }
}

/// For which chain a signature is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Domain {
    /// The rollup on the layer 1.
    pub rollup: RollupAddress,
    /// The EIP-155 chain id.
    pub chain_id: U256,
}

/// The protocol tag of the signed bytes, behind its length.
const TAG: &[u8; 20] = b"millrace/blueprint/2";

/// Bytes of what is signed.
const SIGNING_BYTES: usize = 1 + TAG.len() + 20 + 32 + Header::SIZE_BYTES;

impl Domain {
    /// What an authority signs: `length of tag u8 | tag | rollup 20 | chain id 32 | header 92`. No other
    /// message of the protocol starts with this tag.
    pub fn signing_bytes(&self, header: &Header) -> Vec<u8> {
        let mut chain_id = [0; 32];
        self.chain_id.to_big_endian(&mut chain_id);
        let mut bytes = Vec::with_capacity(SIGNING_BYTES);
        bytes.push(TAG.len() as u8);
        bytes.extend_from_slice(TAG);
        bytes.extend_from_slice(self.rollup.as_bytes());
        bytes.extend_from_slice(&chain_id);
        bytes.extend_from_slice(&header.encode());
        bytes
    }
}
