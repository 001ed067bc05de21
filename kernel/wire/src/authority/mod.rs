//! Who orders transactions, and when a certificate is theirs.
//!
//! An authority of one member certifies with one signature of any curve. A committee, two members or more,
//! certifies with signatures of exactly its quorum; its keys are Ed25519, which is the cheapest to check.

use crate::{
    address::Curve,
    blueprint::{Certificate, Domain, Header, MemberSignature},
    signature::Signature,
};
use alloc::vec::Vec;
use core::fmt;
use millrace_primitives::Epoch;

pub use crate::signature::PublicKey;

/// Most members of an authority: as many keys as fit a governance message
/// ([`crate::governance::CommitteeChange`]), with room to spare.
pub const MEMBERS_MAX: usize = 100;

/// Largest quorum of a committee: as many signatures as leave a message room for the longest proof and a piece
/// of [`crate::blueprint::PIECE_BYTES_MIN`]. It is more than two thirds of 79 members.
pub const QUORUM_MAX: u16 = 53;

/// A sequencer committee; one member with quorum 1 is the single sequencer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authority {
    /// Its number: each change adds one.
    pub epoch: Epoch,
    /// The members, in the order in which certificates refer to them; at most [`MEMBERS_MAX`].
    pub members: Vec<PublicKey>,
    /// How many of them must sign; at most [`QUORUM_MAX`].
    pub quorum: u16,
}

/// Why a certificate is not this authority's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateError {
    /// The header names another epoch.
    Epoch,
    /// This authority does not certify with this scheme: one signature is for one member with quorum 1, a list
    /// of signatures for a committee.
    Scheme,
    /// Not signatures of exactly a quorum of members, each once and in order.
    Signers,
    /// A signature is not the member's over this header in this domain.
    Signature,
}

/// Why an authority cannot take office. Members are counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthorityError {
    /// No members.
    Empty,
    /// More than [`MEMBERS_MAX`].
    TooManyMembers,
    /// A quorum of zero, above the number of members, or above [`QUORUM_MAX`].
    Quorum,
    /// A key that is not a point of its curve, or of small order.
    InvalidKey(u16),
    /// A member of a committee with a key that is not Ed25519.
    OtherCurve(u16),
    /// A member that is one before it.
    DuplicateMember(u16),
}

impl fmt::Display for AuthorityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("no members"),
            Self::TooManyMembers => write!(f, "more than {MEMBERS_MAX} members"),
            Self::Quorum => {
                write!(f, "the quorum is not between 1 and the number of members, or above {QUORUM_MAX}")
            }
            Self::InvalidKey(member) => write!(f, "the key of member {member} is not a point of its curve"),
            Self::OtherCurve(member) => write!(f, "the key of member {member} is not Ed25519"),
            Self::DuplicateMember(member) => write!(f, "member {member} is in the list twice"),
        }
    }
}

impl core::error::Error for AuthorityError {}

impl Authority {
    /// The authority of one sequencer.
    pub fn single(epoch: Epoch, member: PublicKey) -> Self {
        Self { epoch, members: Vec::from([member]), quorum: 1 }
    }

    /// Checks that this authority can take office: for the installer and for governance. Costs one
    /// [`PublicKey::is_valid`] a member.
    ///
    /// # Errors
    /// [`AuthorityError`] says what is wrong with it.
    pub fn validate(&self) -> Result<(), AuthorityError> {
        let count = u16::try_from(self.members.len()).map_err(|_| AuthorityError::TooManyMembers)?;
        if count == 0 {
            return Err(AuthorityError::Empty);
        }
        if usize::from(count) > MEMBERS_MAX {
            return Err(AuthorityError::TooManyMembers);
        }
        if !(1..=count.min(QUORUM_MAX)).contains(&self.quorum) {
            return Err(AuthorityError::Quorum);
        }
        for (index, member) in (0..count).zip(&self.members) {
            if count > 1 && member.curve() != Curve::Ed25519 {
                return Err(AuthorityError::OtherCurve(index));
            }
            if self.members.iter().take(usize::from(index)).any(|before| before == member) {
                return Err(AuthorityError::DuplicateMember(index));
            }
            if !member.is_valid() {
                return Err(AuthorityError::InvalidKey(index));
            }
        }
        Ok(())
    }

    /// Bytes of the certificates of this authority: what [`crate::blueprint::prepare`] leaves room for.
    pub fn certificate_size_bytes(&self) -> usize {
        match self.members.as_slice() {
            [_] => Certificate::SINGLE_SIZE_BYTES,
            _ => Certificate::quorum_size_bytes(self.quorum),
        }
    }

    /// Checks that this authority certified `header` in `domain`. Cheap checks come first. At most `quorum`
    /// signatures are checked, and none after the first that is wrong.
    ///
    /// # Errors
    /// [`CertificateError`] says what is wrong with it.
    pub fn check(
        &self,
        domain: &Domain,
        header: &Header,
        certificate: &Certificate,
    ) -> Result<(), CertificateError> {
        self.check_by(domain, header, certificate, PublicKey::verify)
    }

    /// The same with the caller's way of checking one signature over bytes, which may know more about the key.
    ///
    /// # Errors
    /// As [`Authority::check`].
    pub fn check_by(
        &self,
        domain: &Domain,
        header: &Header,
        certificate: &Certificate,
        mut verify: impl FnMut(&PublicKey, &[u8], &Signature) -> bool,
    ) -> Result<(), CertificateError> {
        if header.epoch != self.epoch {
            return Err(CertificateError::Epoch);
        }
        match certificate {
            Certificate::Single(signature) => {
                let ([member], 1) = (self.members.as_slice(), self.quorum) else {
                    return Err(CertificateError::Scheme);
                };
                let is_signed = verify(member, &domain.signing_bytes(header), signature);
                if is_signed { Ok(()) } else { Err(CertificateError::Signature) }
            }
            Certificate::Quorum(signatures) => {
                if !self.is_committee() {
                    return Err(CertificateError::Scheme);
                }
                let signers = self.signers(signatures).ok_or(CertificateError::Signers)?;
                let bytes = domain.signing_bytes(header);
                let is_signed = |(member, signed): &(&PublicKey, &MemberSignature)| {
                    verify(member, &bytes, &signed.signature)
                };
                if signers.iter().all(is_signed) { Ok(()) } else { Err(CertificateError::Signature) }
            }
        }
    }

    /// Whether certificates are lists of signatures.
    fn is_committee(&self) -> bool {
        (2..=MEMBERS_MAX).contains(&self.members.len())
            && (1..=QUORUM_MAX).contains(&self.quorum)
            && self.members.iter().all(|member| member.curve() == Curve::Ed25519)
    }

    /// Each signature with the key of its member, if they are a quorum.
    fn signers<'a>(
        &'a self,
        signatures: &'a [MemberSignature],
    ) -> Option<Vec<(&'a PublicKey, &'a MemberSignature)>> {
        let is_quorum = signatures.len() == usize::from(self.quorum);
        if !is_quorum || !signatures.is_sorted_by(|one, next| one.member < next.member) {
            return None;
        }
        signatures
            .iter()
            .map(|signed| Some((self.members.get(usize::from(signed.member))?, signed)))
            .collect()
    }
}

#[cfg(test)]
mod tests;
