use super::*;
use crate::{
    blueprint::{PIECE_BYTES_MIN, piece_bytes_max},
    signature::SecretKey,
};
use millrace_primitives::{Blake2bHash, BlockHash, BlockNumber, RollupAddress, Timestamp, U256};

fn header() -> Header {
    Header {
        epoch: Epoch::new(3),
        number: BlockNumber::new(7),
        parent: BlockHash::new([1; 32]),
        timestamp: Timestamp::new(9),
        payload_size_bytes: 3,
        piece_size_bytes: 3_690,
        chunk_count: 1,
        payload_root: Blake2bHash::new([2; 32]),
    }
}

fn domain() -> Domain {
    Domain { rollup: RollupAddress::new([5; 20]), chain_id: U256::from(1337) }
}

#[test]
fn row_37_a_certificate_is_for_one_header_in_one_domain() {
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
        Header { piece_size_bytes: 3_689, ..header() },
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

fn secret(seed: u8) -> SecretKey {
    SecretKey::from_seed(&[seed; 32])
}

fn committee(count: u8, quorum: u16) -> Authority {
    let members = (1..=count).map(|seed| secret(seed).public_key()).collect();
    Authority { epoch: Epoch::new(3), members, quorum }
}

/// What these members of [`committee`] sign.
fn signed(members: &[u8]) -> Vec<MemberSignature> {
    let bytes = domain().signing_bytes(&header());
    let sign = |member: &u8| MemberSignature { member: *member, signature: secret(member + 1).sign(&bytes) };
    members.iter().map(sign).collect()
}

fn check(authority: &Authority, signatures: Vec<MemberSignature>) -> Result<(), CertificateError> {
    authority.check(&domain(), &header(), &Certificate::Quorum(signatures))
}

#[test]
fn one_member_of_any_curve_certifies() {
    for curve in [Curve::Ed25519, Curve::Secp256k1, Curve::P256] {
        let secret = SecretKey::from_bytes(curve, &[9; 32]).unwrap();
        let authority = Authority::single(Epoch::new(3), secret.public_key());
        assert_eq!(authority.validate(), Ok(()));
        let certificate = Certificate::Single(secret.sign(&domain().signing_bytes(&header())));
        assert_eq!(authority.check(&domain(), &header(), &certificate), Ok(()));
        assert_eq!(certificate.size_bytes(), authority.certificate_size_bytes());
    }
}

#[test]
fn exactly_a_quorum_certifies() {
    let authority = committee(5, 3);
    assert_eq!(authority.validate(), Ok(()));
    for members in [[0, 1, 2], [0, 2, 4], [2, 3, 4]] {
        assert_eq!(check(&authority, signed(&members)), Ok(()), "{members:?}");
    }
    assert_eq!(authority.certificate_size_bytes(), Certificate::Quorum(signed(&[0, 1, 2])).encode().len());
    let mut not_a_member = signed(&[0, 1, 2]);
    not_a_member[2].member = 5;
    for signers in [
        vec![],
        signed(&[0, 1]),
        signed(&[0, 1, 2, 3]),
        signed(&[0, 0, 1]),
        signed(&[0, 1, 1]),
        signed(&[2, 1, 0]),
        signed(&[0, 2, 1]),
        not_a_member,
    ] {
        assert_eq!(check(&authority, signers), Err(CertificateError::Signers));
    }
    for wrong in 0..3 {
        let mut signatures = signed(&[0, 2, 4]);
        signatures[wrong].member += 1;
        if wrong == 2 {
            signatures[wrong].member = 3;
        }
        assert_eq!(check(&authority, signatures), Err(CertificateError::Signature), "{wrong}");
        let mut signatures = signed(&[0, 2, 4]);
        signatures[wrong].signature.0[3] ^= 1;
        assert_eq!(check(&authority, signatures), Err(CertificateError::Signature), "{wrong}");
    }
}

#[test]
fn a_list_of_signatures_is_for_committees_only() {
    let good = committee(5, 3);
    let tz2 = SecretKey::from_bytes(Curve::Secp256k1, &[9; 32]).unwrap().public_key();
    let mut mixed = good.clone();
    mixed.members[4] = tz2;
    let others = [
        committee(1, 1),
        committee(0, 3),
        committee(101, 3),
        Authority { quorum: 0, ..good.clone() },
        Authority { quorum: 54, ..committee(60, 54) },
        mixed,
    ];
    for authority in others {
        assert_eq!(check(&authority, signed(&[0, 1, 2])), Err(CertificateError::Scheme));
    }
    let later = Authority { epoch: Epoch::new(4), ..good };
    assert_eq!(check(&later, signed(&[0, 1, 2])), Err(CertificateError::Epoch));
}

#[test]
fn the_largest_quorum_leaves_room_for_the_smallest_piece() {
    let room = |quorum| piece_bytes_max(Certificate::quorum_size_bytes(quorum));
    assert_eq!(room(QUORUM_MAX), Some(308));
    assert!(room(QUORUM_MAX) >= Some(PIECE_BYTES_MIN));
    assert_eq!(room(QUORUM_MAX + 1), None);
    let authority = committee(79, QUORUM_MAX);
    assert_eq!(authority.validate(), Ok(()));
    let signers: Vec<u8> = (26..79).collect();
    assert_eq!(check(&authority, signed(&signers)), Ok(()));
}

#[test]
fn an_authority_that_cannot_certify_never_takes_office() {
    let good = committee(5, 3);
    let with = |index: usize, member: PublicKey| {
        let mut authority = good.clone();
        authority.members[index] = member;
        authority
    };
    let tz3 = SecretKey::from_bytes(Curve::P256, &[9; 32]).unwrap().public_key();
    let table = [
        (committee(0, 0), Err(AuthorityError::Empty)),
        (committee(0, 1), Err(AuthorityError::Empty)),
        (committee(100, 53), Ok(())),
        (committee(101, 53), Err(AuthorityError::TooManyMembers)),
        (committee(1, 0), Err(AuthorityError::Quorum)),
        (committee(1, 1), Ok(())),
        (committee(1, 2), Err(AuthorityError::Quorum)),
        (committee(5, 0), Err(AuthorityError::Quorum)),
        (committee(5, 1), Ok(())),
        (committee(5, 5), Ok(())),
        (committee(5, 6), Err(AuthorityError::Quorum)),
        (committee(100, 54), Err(AuthorityError::Quorum)),
        (with(3, good.members[1]), Err(AuthorityError::DuplicateMember(3))),
        (with(4, tz3), Err(AuthorityError::OtherCurve(4))),
        (with(0, PublicKey::Ed25519([2; 32])), Err(AuthorityError::InvalidKey(0))),
        (with(2, PublicKey::Ed25519([0; 32])), Err(AuthorityError::InvalidKey(2))),
        (Authority::single(Epoch::ZERO, tz3), Ok(())),
        (Authority::single(Epoch::ZERO, PublicKey::P256([0; 33])), Err(AuthorityError::InvalidKey(0))),
    ];
    for (row, (authority, expected)) in table.into_iter().enumerate() {
        assert_eq!(authority.validate(), expected, "row {row}");
    }
}
