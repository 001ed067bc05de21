//! Who orders transactions, and when a certificate is theirs.

use crate::blueprint::{Certificate, Domain, Header};
use alloc::vec::Vec;
use millrace_primitives::Epoch;

pub use crate::signature::PublicKey;

/// Most members of an authority.
pub const MEMBERS_MAX: usize = 128;

/// A sequencer committee; one member with quorum 1 is the single sequencer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authority {
    /// Its number: each change adds one.
    pub epoch: Epoch,
    /// The members, in the order in which certificates refer to them; at most [`MEMBERS_MAX`].
    pub members: Vec<PublicKey>,
    /// How many of them must sign.
    pub quorum: u16,
}

/// Why a certificate is not this authority's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateError {
    /// The header names another epoch.
    Epoch,
    /// This authority does not certify with this scheme: one signature is for one member with quorum 1.
    Scheme,
    /// The signature is not the member's over this header in this domain.
    Signature,
}

impl Authority {
    /// The authority of one sequencer.
    pub fn single(epoch: Epoch, member: PublicKey) -> Self {
        Self { epoch, members: Vec::from([member]), quorum: 1 }
    }

    /// Checks that this authority certified `header` in `domain`. Cheap checks come first; at most one
    /// signature is checked.
    ///
    /// # Errors
    /// [`CertificateError`] says what is wrong with it.
    pub fn check(
        &self,
        domain: &Domain,
        header: &Header,
        certificate: &Certificate,
    ) -> Result<(), CertificateError> {
        if header.epoch != self.epoch {
            return Err(CertificateError::Epoch);
        }
        let Certificate::Single(signature) = certificate;
        let ([member], 1) = (self.members.as_slice(), self.quorum) else {
            return Err(CertificateError::Scheme);
        };
        if member.verify(&domain.signing_bytes(header), signature) {
            Ok(())
        } else {
            Err(CertificateError::Signature)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::SecretKey;
    use millrace_primitives::{Blake2bHash, BlockHash, BlockNumber, RollupAddress, Timestamp, U256};

    fn header() -> Header {
        Header {
            epoch: Epoch::new(3),
            number: BlockNumber::new(7),
            parent: BlockHash::new([1; 32]),
            timestamp: Timestamp::new(9),
            payload_size_bytes: 3,
            chunk_count: 1,
            payload_root: Blake2bHash::new([2; 32]),
        }
    }

    fn domain() -> Domain {
        Domain { rollup: RollupAddress::new([5; 20]), chain_id: U256::from(1337) }
    }

    #[test]
    fn a_certificate_is_for_one_header_in_one_domain() {
        let secret = SecretKey::from_seed(&[1; 32]);
        let authority = Authority::single(Epoch::new(3), secret.public_key());
        let certificate = Certificate::Single(secret.sign(&domain().signing_bytes(&header())));
        assert_eq!(authority.check(&domain(), &header(), &certificate), Ok(()));
        let other_rollup = Domain { rollup: RollupAddress::new([6; 20]), ..domain() };
        let other_chain = Domain { chain_id: U256::from(1338), ..domain() };
        for other in [other_rollup, other_chain] {
            assert_eq!(authority.check(&other, &header(), &certificate), Err(CertificateError::Signature));
        }
        let others = [
            Header { number: BlockNumber::new(8), ..header() },
            Header { parent: BlockHash::new([2; 32]), ..header() },
            Header { timestamp: Timestamp::new(10), ..header() },
            Header { payload_size_bytes: 4, ..header() },
            Header { payload_root: Blake2bHash::new([3; 32]), ..header() },
        ];
        for other in others {
            assert_eq!(authority.check(&domain(), &other, &certificate), Err(CertificateError::Signature));
        }
        let later = Header { epoch: Epoch::new(4), ..header() };
        assert_eq!(authority.check(&domain(), &later, &certificate), Err(CertificateError::Epoch));
    }

    #[test]
    fn one_signature_does_not_speak_for_a_committee() {
        let secret = SecretKey::from_seed(&[1; 32]);
        let certificate = Certificate::Single(secret.sign(&domain().signing_bytes(&header())));
        let single = Authority::single(Epoch::new(3), secret.public_key());
        let committees = [
            Authority { quorum: 0, ..single.clone() },
            Authority { quorum: 2, ..single.clone() },
            Authority { members: Vec::new(), ..single.clone() },
            Authority { members: vec![secret.public_key(); 2], ..single },
        ];
        for committee in committees {
            assert_eq!(committee.check(&domain(), &header(), &certificate), Err(CertificateError::Scheme));
        }
    }
}
