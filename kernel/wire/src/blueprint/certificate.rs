//! Certificates: the proof that an authority certified a header.

use super::ChunkError;
use crate::{authority::QUORUM_MAX, bytes::Reader, signature::Signature};
use alloc::vec::Vec;

/// The proof that an authority certified a header. Later schemes are added with a tag of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Certificate {
    /// Scheme 0: one signature, of the only member.
    Single(Signature),
    /// Scheme 1: signatures of a quorum, by ascending member; one to [`QUORUM_MAX`].
    Quorum(Vec<MemberSignature>),
}

/// What one member of a committee signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemberSignature {
    /// The position of the member in [`crate::authority::Authority::members`].
    pub member: u8,
    /// Its signature.
    pub signature: Signature,
}

/// The tag of [`Certificate::Single`].
const SINGLE: u8 = 0;
/// The tag of [`Certificate::Quorum`].
const QUORUM: u8 = 1;

/// Bytes of a member and its signature.
const MEMBER_BYTES: usize = 65;

impl Certificate {
    /// Bytes of the encoding of [`Certificate::Single`].
    pub const SINGLE_SIZE_BYTES: usize = 65;

    /// Bytes of the encoding of [`Certificate::Quorum`] with so many signatures.
    pub const fn quorum_size_bytes(quorum: u16) -> usize {
        (quorum as usize).saturating_mul(MEMBER_BYTES).saturating_add(2)
    }

    /// Bytes of the encoding.
    pub fn size_bytes(&self) -> usize {
        match self {
            Self::Single(_) => Self::SINGLE_SIZE_BYTES,
            Self::Quorum(_) => Self::quorum_size_bytes(self.signature_count()),
        }
    }

    /// How many signatures it has: what checking it costs at most.
    pub fn signature_count(&self) -> u16 {
        match self {
            Self::Single(_) => 1,
            Self::Quorum(signatures) => u16::try_from(signatures.len()).unwrap_or(u16::MAX),
        }
    }

    /// The encoding.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.size_bytes());
        match self {
            Self::Single(signature) => {
                bytes.push(SINGLE);
                bytes.extend_from_slice(&signature.0);
            }
            Self::Quorum(signatures) => {
                bytes.push(QUORUM);
                bytes.push(u8::try_from(signatures.len()).unwrap_or(u8::MAX));
                bytes.extend(signatures.iter().map(|signed| signed.member));
                signatures.iter().for_each(|signed| bytes.extend_from_slice(&signed.signature.0));
            }
        }
        bytes
    }

    /// Takes a certificate off the front.
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, ChunkError> {
        match reader.u8().ok_or(ChunkError::Truncated)? {
            SINGLE => reader.array().map(Signature).map(Self::Single).ok_or(ChunkError::Truncated),
            QUORUM => read_quorum(reader),
            _ => Err(ChunkError::UnknownScheme),
        }
    }
}

fn read_quorum(reader: &mut Reader<'_>) -> Result<Certificate, ChunkError> {
    let count = reader.u8().ok_or(ChunkError::Truncated)?;
    if !(1..=QUORUM_MAX).contains(&u16::from(count)) {
        return Err(ChunkError::Certificate);
    }
    let members = reader.take(usize::from(count)).ok_or(ChunkError::Truncated)?;
    if !members.is_sorted_by(|one, next| one < next) {
        return Err(ChunkError::Certificate);
    }
    let signatures = reader.take(usize::from(count).saturating_mul(64)).ok_or(ChunkError::Truncated)?;
    let (signatures, _) = signatures.as_chunks::<64>();
    let signed = |(member, signature): (&u8, &[u8; 64])| MemberSignature {
        member: *member,
        signature: Signature(*signature),
    };
    Ok(Certificate::Quorum(members.iter().zip(signatures).map(signed).collect()))
}
