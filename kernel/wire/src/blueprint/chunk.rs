//! Chunks: how a blueprint travels, and how it is put together again.

use super::{
    Blueprint, Certificate, Header, Payload, PayloadError, merkle, piece_bytes_max, piece_size_bytes,
};
use crate::bytes::Reader;
use alloc::vec::Vec;

/// Why the body of a message is not a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChunkError {
    /// The bytes end too early.
    Truncated,
    /// No chunks, more than [`super::CHUNKS_MAX`], or not the number that the sizes of payload and pieces ask
    /// for; pieces that are too small, or that leave no room for this certificate.
    Header,
    /// A certificate of an unknown scheme.
    UnknownScheme,
    /// A certificate without signatures, with more than [`crate::authority::QUORUM_MAX`], or whose members are
    /// not in ascending order.
    Certificate,
    /// An index that is not below the number of chunks.
    Index,
    /// A piece of another size than its index asks for.
    PieceSize,
}

/// What all chunks of a blueprint have in common: a header and its certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announced {
    /// The header.
    pub header: Header,
    /// Somebody's claim to have certified it.
    pub certificate: Certificate,
}

impl Announced {
    /// The encoding: header, certificate.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = self.header.encode();
        bytes.extend_from_slice(&self.certificate.encode());
        bytes
    }

    /// Reads an encoding.
    ///
    /// # Errors
    /// [`ChunkError`] says what is wrong with it; trailing bytes are [`ChunkError::PieceSize`].
    pub fn decode(bytes: &[u8]) -> Result<Self, ChunkError> {
        let mut reader = Reader::new(bytes);
        let announced = Self::read(&mut reader)?;
        if reader.is_empty() { Ok(announced) } else { Err(ChunkError::PieceSize) }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, ChunkError> {
        let header = reader.take(Header::SIZE_BYTES).ok_or(ChunkError::Truncated)?;
        let header = Header::decode(header).ok_or(ChunkError::Header)?;
        let certificate = Certificate::read(reader)?;
        let leaves_room = piece_bytes_max(certificate.size_bytes())
            .is_some_and(|piece_size_bytes_max| header.piece_size_bytes <= piece_size_bytes_max);
        if leaves_room { Ok(Self { header, certificate }) } else { Err(ChunkError::Header) }
    }
}

/// One chunk of a blueprint, well-formed. Whether it is authentic takes two more checks:
/// [`crate::authority::Authority::check`] once for a blueprint, and [`Chunk::proves_piece`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk<'a> {
    /// Header and certificate.
    pub announced: Announced,
    /// The same as bytes: equal bytes need no second signature check.
    pub announced_bytes: &'a [u8],
    /// Which piece this is; below the number of chunks.
    pub index: u16,
    /// The siblings of the piece in the Merkle tree, from the leaves up.
    pub proof: &'a [u8],
    /// The piece, of the size that its index asks for.
    pub piece: &'a [u8],
}

impl<'a> Chunk<'a> {
    /// Reads the body of an external message of kind [`crate::frame::Kind::BlueprintChunk`].
    ///
    /// # Errors
    /// [`ChunkError`] says what is wrong with it.
    pub fn decode(body: &'a [u8]) -> Result<Self, ChunkError> {
        let mut reader = Reader::new(body);
        let announced = Announced::read(&mut reader)?;
        let announced_size = body.len().saturating_sub(reader.len());
        let announced_bytes = body.get(..announced_size).ok_or(ChunkError::Truncated)?;
        let index = reader.u16().ok_or(ChunkError::Truncated)?;
        let piece_size = piece_size_bytes(&announced.header, index).ok_or(ChunkError::Index)?;
        let proof_size = merkle::depth(announced.header.chunk_count).saturating_mul(32);
        let proof = reader.take(proof_size).ok_or(ChunkError::Truncated)?;
        let piece = reader.rest();
        if piece.len() != piece_size {
            return Err(ChunkError::PieceSize);
        }
        Ok(Self { announced, announced_bytes, index, proof, piece })
    }

    /// The body of the message.
    pub fn encode(&self) -> Vec<u8> {
        [&self.announced.encode(), &self.index.to_be_bytes()[..], self.proof, self.piece].concat()
    }

    /// Whether the header commits to this piece at this index. It costs one hash of the piece and one for
    /// each level of the tree.
    pub fn proves_piece(&self) -> bool {
        let Header { payload_root, chunk_count, .. } = &self.announced.header;
        merkle::verify(payload_root, *chunk_count, self.index, self.proof, self.piece)
    }
}

/// Puts the pieces that a header commits to together again, in the order of their indices.
///
/// # Errors
/// [`PayloadError::Malformed`] when the pieces are not as large as the header says or not a payload;
/// [`PayloadError::TooMany`].
pub fn assemble(header: &Header, pieces: &[Vec<u8>]) -> Result<Blueprint, PayloadError> {
    let payload = pieces.concat();
    let size_is_right = u32::try_from(payload.len()) == Ok(header.payload_size_bytes);
    if !size_is_right || pieces.len() != usize::from(header.chunk_count) {
        return Err(PayloadError::Malformed);
    }
    Ok(Blueprint {
        number: header.number,
        parent: header.parent,
        timestamp: header.timestamp,
        payload: Payload::decode(&payload)?,
    })
}
