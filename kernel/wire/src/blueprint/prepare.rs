//! The producer's side: cutting a blueprint into chunks.

use super::{
    Announced, Blueprint, Certificate, Chunk, Domain, Header, PIECE_BYTES_MAX, chunk_count, merkle::Tree,
};
use crate::{
    frame::{self, Kind},
    signature::Signature,
};
use alloc::vec::Vec;
use core::fmt;
use millrace_primitives::{Epoch, RollupAddress};

/// Why a blueprint cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrepareError {
    /// [`super::PayloadSize::fits`] is false for its payload.
    TooLarge,
    /// A transaction without bytes.
    EmptyTransaction,
}

impl fmt::Display for PrepareError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLarge => "the payload does not fit a blueprint",
            Self::EmptyTransaction => "a transaction is empty",
        })
    }
}

impl core::error::Error for PrepareError {}

/// A blueprint cut into pieces, waiting for its signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    /// What is signed.
    pub header: Header,
    /// The payload, cut.
    pub pieces: Vec<Vec<u8>>,
    /// The Merkle proof of each piece.
    proofs: Vec<Vec<u8>>,
}

/// Cuts `blueprint` into pieces under a header for the authority of `epoch`.
///
/// # Errors
/// [`PrepareError`]: the kernel would refuse it.
pub fn prepare(epoch: Epoch, blueprint: &Blueprint) -> Result<Prepared, PrepareError> {
    let payload = &blueprint.payload;
    if !payload.size().fits() {
        return Err(PrepareError::TooLarge);
    }
    if payload.transactions.iter().any(Vec::is_empty) {
        return Err(PrepareError::EmptyTransaction);
    }
    let bytes = payload.encode();
    let pieces: Vec<Vec<u8>> = bytes.chunks(PIECE_BYTES_MAX).map(<[u8]>::to_vec).collect();
    let chunk_count = chunk_count(bytes.len()).ok_or(PrepareError::TooLarge)?;
    let tree = Tree::new(&pieces).ok_or(PrepareError::TooLarge)?;
    let header = Header {
        epoch,
        number: blueprint.number,
        parent: blueprint.parent,
        timestamp: blueprint.timestamp,
        payload_size_bytes: u32::try_from(bytes.len()).map_err(|_| PrepareError::TooLarge)?,
        chunk_count,
        payload_root: tree.root(),
    };
    let proofs = (0..chunk_count).map(|index| tree.proof(index)).collect();
    Ok(Prepared { header, pieces, proofs })
}

impl Prepared {
    /// What the authority signs.
    pub fn signing_bytes(&self, domain: &Domain) -> Vec<u8> {
        domain.signing_bytes(&self.header)
    }

    /// The blueprint as complete external messages, outer tag included, in the order of their indices.
    pub fn seal(&self, signature: Signature, rollup: &RollupAddress) -> Vec<Vec<u8>> {
        let announced = Announced { header: self.header, certificate: Certificate::Single(signature) };
        let announced_bytes = announced.encode();
        (0..self.header.chunk_count)
            .zip(self.pieces.iter().zip(&self.proofs))
            .map(|(index, (piece, proof))| {
                let chunk = Chunk { announced, announced_bytes: &announced_bytes, index, proof, piece };
                frame::encode(rollup, Kind::BlueprintChunk, &chunk.encode())
            })
            .collect()
    }
}
