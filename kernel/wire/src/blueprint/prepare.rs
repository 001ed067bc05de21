//! The producer's side: cutting a blueprint into chunks.

use super::{
    Announced, Blueprint, Certificate, Chunk, Domain, Header, chunk_count, merkle::Tree, piece_bytes_max,
};
use crate::frame::{self, Kind};
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
    /// A certificate so large that no piece fits beside it, or not of the size that was prepared for.
    CertificateSize,
}

impl fmt::Display for PrepareError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLarge => "the payload does not fit a blueprint",
            Self::EmptyTransaction => "a transaction is empty",
            Self::CertificateSize => "the certificate is not of the size that was prepared for",
        })
    }
}

impl core::error::Error for PrepareError {}

/// A blueprint cut into pieces, waiting for its certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    /// What is signed.
    pub header: Header,
    /// The payload, cut.
    pub pieces: Vec<Vec<u8>>,
    /// The Merkle proof of each piece.
    proofs: Vec<Vec<u8>>,
    certificate_size_bytes: usize,
}

/// Cuts `blueprint` into pieces under a header for the authority of `epoch`, the largest pieces that leave room
/// for a certificate of this size: [`crate::authority::Authority::certificate_size_bytes`].
///
/// # Errors
/// [`PrepareError`]: the kernel would refuse it.
pub fn prepare(
    epoch: Epoch,
    blueprint: &Blueprint,
    certificate_size_bytes: usize,
) -> Result<Prepared, PrepareError> {
    let payload = &blueprint.payload;
    let piece_size_bytes = piece_bytes_max(certificate_size_bytes).ok_or(PrepareError::CertificateSize)?;
    if !payload.size_in_pieces_of(piece_size_bytes).fits() {
        return Err(PrepareError::TooLarge);
    }
    if payload.transactions.iter().any(Vec::is_empty) {
        return Err(PrepareError::EmptyTransaction);
    }
    let bytes = payload.encode();
    let pieces: Vec<Vec<u8>> = bytes.chunks(usize::from(piece_size_bytes)).map(<[u8]>::to_vec).collect();
    let chunk_count = chunk_count(bytes.len(), piece_size_bytes).ok_or(PrepareError::TooLarge)?;
    let tree = Tree::new(&pieces).ok_or(PrepareError::TooLarge)?;
    let header = Header {
        epoch,
        number: blueprint.number,
        parent: blueprint.parent,
        timestamp: blueprint.timestamp,
        payload_size_bytes: u32::try_from(bytes.len()).map_err(|_| PrepareError::TooLarge)?,
        piece_size_bytes,
        chunk_count,
        payload_root: tree.root(),
    };
    let proofs = (0..chunk_count).map(|index| tree.proof(index)).collect();
    Ok(Prepared { header, pieces, proofs, certificate_size_bytes })
}

impl Prepared {
    /// What the authority signs.
    pub fn signing_bytes(&self, domain: &Domain) -> Vec<u8> {
        domain.signing_bytes(&self.header)
    }

    /// The blueprint as complete external messages, outer tag included, in the order of their indices.
    ///
    /// # Errors
    /// [`PrepareError::CertificateSize`]: the pieces were cut for a certificate of another size.
    pub fn seal(
        &self,
        certificate: Certificate,
        rollup: &RollupAddress,
    ) -> Result<Vec<Vec<u8>>, PrepareError> {
        if certificate.size_bytes() != self.certificate_size_bytes {
            return Err(PrepareError::CertificateSize);
        }
        let announced = Announced { header: self.header, certificate };
        let announced_bytes = announced.encode();
        let bodies = (0..self.header.chunk_count).zip(self.pieces.iter().zip(&self.proofs));
        Ok(bodies
            .map(|(index, (piece, proof))| {
                let announced = announced.clone();
                let chunk = Chunk { announced, announced_bytes: &announced_bytes, index, proof, piece };
                frame::encode(rollup, Kind::BlueprintChunk, &chunk.encode())
            })
            .collect())
    }
}
