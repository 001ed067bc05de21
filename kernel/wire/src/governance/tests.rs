use super::*;
use crate::{
    MESSAGE_BYTES_MAX,
    address::{Curve, PublicKeyHash},
    message::{self, Message, Parameter, Transfer},
    signature::SecretKey,
};
use millrace_primitives::{ContractHash, RollupAddress};
use proptest::prelude::*;

const KEY: &str = "edpkuBknW28nW72KG6RoHtYW7p12T6GKc7nAbwYX5m8Wd9sDVC9yav";
const ACTIVATION: Timestamp = Timestamp::new(0x6600_0001);
const ROLLUP: RollupAddress = RollupAddress::new([0x11; 20]);

fn root_hash() -> PreimageHash {
    let mut bytes = [0xcd; 33];
    bytes[0] = 0;
    PreimageHash::new(bytes)
}

fn member(seed: u8) -> PublicKey {
    SecretKey::from_seed(&[seed; 32]).public_key()
}

fn committee(count: u8, quorum: u16) -> CommitteeChange {
    CommitteeChange {
        members: (1..=count).map(member).collect(),
        quorum,
        pool: Address::repeat_byte(0xee),
        activation: ACTIVATION,
    }
}

fn sequencer(key: PublicKey) -> SequencerUpgrade {
    SequencerUpgrade { key, pool: Address::repeat_byte(0xee), activation: ACTIVATION }
}

#[test]
fn the_bytes_of_each_decision_are_pinned() {
    let time = "880100006600000000";
    let pool = ["94", &"ee".repeat(20)].concat();
    let key = PublicKey::from_base58(KEY).unwrap();
    let members = [1, 2].map(|seed| ["a100", &hex::encode(&member(seed).to_bytes()[1..])].concat()).concat();
    let table = [
        (Decision::RemoveSequencer, String::new()),
        (
            Decision::KernelUpgrade(KernelUpgrade { root_hash: root_hash(), activation: ACTIVATION }),
            ["eb", "a100", &"cd".repeat(32), time].concat(),
        ),
        (
            Decision::CancelUpgrade(CancelUpgrade { root_hash: root_hash(), timestamp: ACTIVATION }),
            ["eb", "a1ff", &"cd".repeat(32), time].concat(),
        ),
        (Decision::SequencerUpgrade(sequencer(key)), ["f855", "b6", &hex::encode(KEY), &pool, time].concat()),
        (
            Decision::CommitteeChange(committee(2, 2)),
            ["f867", "f844", &members, "820200", &pool, time].concat(),
        ),
    ];
    for (decision, golden) in table {
        assert_eq!(hex::encode(decision.encode()), golden);
        assert_eq!(Decision::decode(&hex::decode(golden).unwrap()), Ok(decision));
    }
}

#[test]
fn sequencers_have_keys_of_three_curves() {
    for curve in [Curve::Ed25519, Curve::Secp256k1, Curve::P256] {
        let key = SecretKey::from_bytes(curve, &[5; 32]).unwrap().public_key();
        let decision = Decision::SequencerUpgrade(sequencer(key));
        assert_eq!(Decision::decode(&decision.encode()), Ok(decision.clone()));
        assert_eq!(sequencer(key).authority(Epoch::new(4)), Authority::single(Epoch::new(4), key));
    }
}

/// A list of these strings, whatever their widths.
fn list(fields: &[&[u8]]) -> Vec<u8> {
    let mut stream = RlpStream::new_list(fields.len());
    fields.iter().for_each(|field| {
        stream.append(field);
    });
    stream.out().to_vec()
}

#[test]
fn row_52_keys_that_cannot_sign_are_refused_on_receipt() {
    let of = |text: &str| list(&[text.as_bytes(), &[0xee; 20], &[1; 8]]);
    assert!(Decision::decode(&of(KEY)).is_ok());
    let off_curve = [PublicKey::Ed25519([2; 32]), PublicKey::Secp256k1([5; 33]), PublicKey::P256([5; 33])];
    let small_order = PublicKey::Ed25519([0; 32]);
    let mut texts: Vec<String> =
        off_curve.into_iter().chain([small_order]).map(|key| key.to_base58()).collect();
    texts.push("BLpk1nuQ6M54P2zN2gX2maUUzRa3QVX2eSnXZa184g2sfu2qB2XCGYJdZezkgb7ozbbfYUny1gcP".into());
    texts.extend(["", "edpk", "tz1KqTpEZ7Yob7QbPE4Hy4Wo8fHG8LhKxZSx", &KEY[..53]].map(String::from));
    texts.push([KEY, "a"].concat());
    texts.push("a".repeat(2_000));
    for text in &texts {
        assert_eq!(Decision::decode(&of(text)), Err(GovernanceError::Key), "{text}");
    }
    let not_text = list(&[&[0xff; 54], &[0xee; 20], &[0; 8]]);
    assert_eq!(Decision::decode(&not_text), Err(GovernanceError::Key));
}

#[test]
fn row_52_committees_that_cannot_certify_are_refused_on_receipt() {
    let tz2 = SecretKey::from_bytes(Curve::Secp256k1, &[9; 32]).unwrap().public_key();
    let with = |key| CommitteeChange { members: vec![member(1), member(2), key], ..committee(3, 2) };
    let table = [
        (committee(0, 0), AuthorityError::Empty),
        (committee(3, 0), AuthorityError::Quorum),
        (committee(3, 4), AuthorityError::Quorum),
        (committee(101, 53), AuthorityError::TooManyMembers),
        (committee(60, 54), AuthorityError::Quorum),
        (with(member(1)), AuthorityError::DuplicateMember(2)),
        (with(tz2), AuthorityError::OtherCurve(2)),
        (with(PublicKey::Ed25519([2; 32])), AuthorityError::InvalidKey(2)),
        (with(PublicKey::Ed25519([0; 32])), AuthorityError::InvalidKey(2)),
    ];
    for (row, (change, error)) in table.into_iter().enumerate() {
        let bytes = Decision::CommitteeChange(change).encode();
        assert_eq!(Decision::decode(&bytes), Err(GovernanceError::Authority(error)), "row {row}");
    }
}

#[test]
fn the_largest_committee_fits_a_message() {
    let decision = Decision::CommitteeChange(committee(MEMBERS_MAX as u8, 53));
    let bytes = decision.encode();
    let sender = ContractHash::new([3; 20]);
    let source = PublicKeyHash { curve: Curve::Ed25519, hash: [4; 20] };
    let transfer = Transfer { sender, source, parameter: Parameter::Governance(&bytes) };
    let message = message::transfer(&ROLLUP, &transfer);
    assert!(message.len() <= MESSAGE_BYTES_MAX, "{}", message.len());
    assert_eq!(message::parse(&message, &ROLLUP), Ok(Message::Transfer(transfer)));
    assert_eq!(Decision::decode(&bytes), Ok(decision));
}

#[test]
fn row_1_fields_of_any_other_width_are_errors() {
    use GovernanceError::{Key, Width};
    let root = root_hash();
    let root = root.as_bytes().as_slice();
    for width in (0..=64usize).filter(|width| *width != 8) {
        let field = vec![1; width];
        assert_eq!(Decision::decode(&list(&[root, &field])), Err(Width), "{width}");
        let sequencer = list(&[KEY.as_bytes(), &[0xee; 20], &field]);
        assert_eq!(Decision::decode(&sequencer), Err(Width), "{width}");
    }
    for width in (0..=64usize).filter(|width| *width != 20) {
        let field = vec![1; width];
        assert_eq!(Decision::decode(&list(&[KEY.as_bytes(), &field, &[0; 8]])), Err(Width), "{width}");
    }
    // A root hash of another width is the key of a sequencer upgrade, which has one field more.
    for width in (0..=64usize).filter(|width| *width != 33) {
        let field = vec![b'1'; width];
        let error = Decision::decode(&list(&[&field, &[0; 8]]));
        assert!(matches!(error, Err(Width | GovernanceError::Malformed)), "{width} {error:?}");
        assert_eq!(Decision::decode(&list(&[&field, &[0xee; 20], &[0; 8]])), Err(Key), "{width}");
    }
    for width in (0..=4usize).filter(|width| *width != 2) {
        let mut stream = RlpStream::new_list(4);
        stream.begin_list(1).append(&member(1).to_bytes());
        stream.append(&vec![1u8; width]).append(&Address::zero()).append(&vec![0u8; 8]);
        assert_eq!(Decision::decode(&stream.out()), Err(Width), "{width}");
    }
}

#[test]
fn other_bytes_decide_nothing() {
    use GovernanceError::{Key, Malformed, RootHash, Timestamp};
    let root = root_hash();
    let root = root.as_bytes().as_slice();
    let good =
        Decision::KernelUpgrade(KernelUpgrade { root_hash: root_hash(), activation: ACTIVATION }).encode();
    let of_tag = |tag: u8| list(&[&[&[tag][..], &root[1..]].concat(), &[0; 8]]);
    let committee = Decision::CommitteeChange(committee(2, 2)).encode();
    let mut nested = RlpStream::new_list(4);
    nested.begin_list(1).begin_list(0);
    nested.append(&vec![1u8, 0]).append(&Address::zero()).append(&vec![0u8; 8]);
    let mut short_key = RlpStream::new_list(4);
    short_key.begin_list(1).append(&vec![0u8; 32]);
    short_key.append(&vec![1u8, 0]).append(&Address::zero()).append(&vec![0u8; 8]);
    let table = [
        (vec![0], Malformed),
        (vec![0x80], Malformed),
        (vec![0xc0], Malformed),
        (good[..good.len() - 1].to_vec(), Malformed),
        ([good.as_slice(), &[0]].concat(), Malformed),
        (list(&[root]), Malformed),
        (list(&[root, &[0; 8], &[]]), Malformed),
        (list(&[root, &[0xee; 20], &[0; 8]]), Malformed),
        (list(&[KEY.as_bytes(), &[0xee; 20], &[0; 8], &[]]), Malformed),
        ([committee.as_slice(), &[0]].concat(), Malformed),
        (nested.out().to_vec(), Malformed),
        (short_key.out().to_vec(), Key),
        (list(&[root, &[0xff; 8]]), Timestamp),
        (list(&[root, &[0, 0, 0, 0, 0, 0, 0, 0x80]]), Timestamp),
        (list(&[KEY.as_bytes(), &[0xee; 20], &[0xff; 8]]), Timestamp),
        (of_tag(1), RootHash),
        (of_tag(0xfe), RootHash),
    ];
    for (row, (bytes, error)) in table.into_iter().enumerate() {
        assert_eq!(Decision::decode(&bytes), Err(error), "row {row}");
    }
    let last = list(&[root, &i64::MAX.to_le_bytes()]);
    assert!(Decision::decode(&last).is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_upgrade_survives(digest: [u8; 32], seconds in 0..i64::MAX as u64, pool: [u8; 20], seed: u8) {
        let root_hash = PreimageHash::from_slice(&[&[0], &digest[..]].concat()).unwrap();
        let activation = Timestamp::new(seconds);
        let decisions = [
            Decision::KernelUpgrade(KernelUpgrade { root_hash, activation }),
            Decision::CancelUpgrade(CancelUpgrade { root_hash, timestamp: activation }),
            Decision::SequencerUpgrade(SequencerUpgrade { key: member(seed), pool: pool.into(), activation }),
        ];
        for decision in decisions {
            prop_assert_eq!(Decision::decode(&decision.encode()), Ok(decision));
        }
    }

    #[test]
    fn what_decodes_has_one_encoding(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        let list = [&[0xf8, bytes.len() as u8][..], &bytes].concat();
        for bytes in [&bytes, &list] {
            if let Ok(decision) = Decision::decode(bytes) {
                prop_assert_eq!(&decision.encode(), bytes);
            }
        }
    }
}
