use super::{slot::CHUNK, *};
use crate::{
    address::Curve,
    blueprint::legacy::{Chunk, LegacyError},
    signature::SecretKey,
};
use millrace_primitives::BlockNumber;
use proptest::prelude::*;

fn levels() -> Vec<PublishedSlots> {
    let at =
        |level, slots: &[u8]| PublishedSlots { published_level: L1Level::new(level), slots: slots.into() };
    vec![at(0x0102_0304, &[0, 5, 0x80]), at(7, &[])]
}

fn signal(levels: Vec<PublishedSlots>) -> Signal {
    Signal { levels, signature: Signature([0x22; 64]) }
}

#[test]
fn the_bytes_of_a_signal_are_pinned() {
    let first = ["ca", "8404030201", "c4", "80", "05", "8180"].concat();
    let entries = ["d2", &first, "c6", "8407000000", "c0"].concat();
    assert_eq!(hex::encode(Signal::signing_bytes(&levels())), entries);
    let golden = ["f855", &entries, "b840", &"22".repeat(64)].concat();
    assert_eq!(hex::encode(signal(levels()).encode()), golden);
    assert_eq!(Signal::decode(&hex::decode(golden).unwrap()), Ok(signal(levels())));
}

#[test]
fn a_signal_is_signed_over_its_levels() {
    for curve in [Curve::Ed25519, Curve::Secp256k1, Curve::P256] {
        let secret = SecretKey::from_bytes(curve, &[3; 32]).unwrap();
        let signature = secret.sign(&Signal::signing_bytes(&levels()));
        let signal = Signal { levels: levels(), signature };
        assert!(signal.is_signed_by(&secret.public_key()));
        let mut other = signal.clone();
        other.levels[0].slots.pop();
        assert!(!other.is_signed_by(&secret.public_key()));
        assert!(!signal.is_signed_by(&SecretKey::from_seed(&[4; 32]).public_key()));
    }
}

/// A signal with one level, made of any fields.
fn of(level: &[u8], indices: &[&[u8]], signature: &[u8]) -> Vec<u8> {
    let mut stream = RlpStream::new_list(2);
    stream.begin_list(1).begin_list(2).append(&level).begin_list(indices.len());
    indices.iter().for_each(|index| {
        stream.append(index);
    });
    stream.append(&signature);
    stream.out().to_vec()
}

#[test]
fn row_1_fields_of_any_other_width_are_errors() {
    let decode = |bytes: &[u8]| Signal::decode(bytes).map(|_| ());
    assert_eq!(decode(&of(&[1, 0, 0, 0], &[&[], &[1]], &[2; 64])), Ok(()));
    for width in (0..=70usize).filter(|width| *width != 4) {
        assert_eq!(decode(&of(&vec![1; width], &[], &[2; 64])), Err(DalError::Width), "{width}");
    }
    for width in (0..=70usize).filter(|width| *width != 64) {
        assert_eq!(decode(&of(&[1; 4], &[], &vec![1; width])), Err(DalError::Width), "{width}");
    }
    for width in 2..=70usize {
        assert_eq!(decode(&of(&[1; 4], &[&vec![1; width]], &[2; 64])), Err(DalError::Width), "{width}");
    }
}

#[test]
fn hostile_signals_are_refused_with_the_reason() {
    let good = signal(levels()).encode();
    let list_for_signature = [&[0xc2, 0xc0, 0xc0][..]].concat();
    let all: Vec<Vec<u8>> = (0..=255u8).map(|index| if index == 0 { vec![] } else { vec![index] }).collect();
    let all: Vec<&[u8]> = all.iter().map(Vec::as_slice).collect();
    let entry = PublishedSlots { published_level: L1Level::new(1), slots: vec![] };
    let table = [
        (vec![], Err(DalError::Malformed)),
        (vec![0xc0], Err(DalError::Malformed)),
        (list_for_signature, Err(DalError::Malformed)),
        (good[..good.len() - 1].to_vec(), Err(DalError::Malformed)),
        ([good.as_slice(), &[0]].concat(), Err(DalError::Malformed)),
        (of(&[1; 4], &[&[0]], &[2; 64]), Err(DalError::Malformed)),
        (of(&[1; 4], &[&[1], &[1]], &[2; 64]), Err(DalError::OutOfRange)),
        (of(&[1; 4], &[&[], &[]], &[2; 64]), Err(DalError::OutOfRange)),
        (of(&[0xff; 4], &[], &[2; 64]), Err(DalError::OutOfRange)),
        (of(&[0, 0, 0, 0x80], &[], &[2; 64]), Err(DalError::OutOfRange)),
        (of(&[0xff, 0xff, 0xff, 0x7f], &[], &[2; 64]), Ok(())),
        (of(&[1; 4], &all, &[2; 64]), Ok(())),
        (signal(vec![]).encode(), Ok(())),
        (signal(vec![entry.clone(); LEVELS_MAX]).encode(), Ok(())),
        (signal(vec![entry; LEVELS_MAX + 1]).encode(), Err(DalError::TooMany)),
    ];
    for (row, (bytes, expected)) in table.into_iter().enumerate() {
        assert_eq!(Signal::decode(&bytes).map(|_| ()), expected, "row {row}");
    }
}

fn chunk(index: u16) -> Chunk<'static> {
    Chunk { number: BlockNumber::new(7), chunk_count: 3, index, chain_id: None, piece: b"piece" }
}

fn tagged(chunk: &Chunk<'_>) -> Vec<u8> {
    [vec![CHUNK], chunk.encode()].concat()
}

fn read(slot: &[u8]) -> Vec<Result<u16, LegacyError>> {
    slot_chunks(slot).map(|chunk| chunk.map(|chunk| chunk.index)).collect()
}

#[test]
fn a_slot_is_read_up_to_its_padding() {
    let slot = slot(&[chunk(0), chunk(1), chunk(2)], 1_000).unwrap();
    assert_eq!(slot.len(), 1_000);
    assert_eq!(read(&slot), [Ok(0), Ok(1), Ok(2)]);
    let unpadded: Vec<u8> = [0, 1, 2].iter().flat_map(|index| tagged(&chunk(*index))).collect();
    assert_eq!(super::slot(&[chunk(0), chunk(1), chunk(2)], unpadded.len()), Some(unpadded.clone()));
    assert_eq!(super::slot(&[chunk(0), chunk(1), chunk(2)], unpadded.len() - 1), None);
    assert_eq!(read(&unpadded), [Ok(0), Ok(1), Ok(2)]);
    assert_eq!(read(&[]), []);
    assert_eq!(read(&[0; 1_000]), []);
    let after_padding = [tagged(&chunk(0)), vec![0], tagged(&chunk(1))].concat();
    assert_eq!(read(&after_padding), [Ok(0)]);
}

#[test]
fn the_front_of_a_slot_is_known_as_soon_as_all_of_it_is_there() {
    let first = tagged(&chunk(0));
    let slot = [first.as_slice(), &[0, 0]].concat();
    for end in 0..first.len() {
        assert_eq!(front(&slot[..end]), Front::Unfinished, "{end}");
    }
    let known = Front::Chunk { chunk: Ok(chunk(0)), size_bytes: first.len() };
    for end in first.len()..=slot.len() {
        assert_eq!(front(&slot[..end]), known, "{end}");
    }
    assert_eq!(front(&slot[first.len()..]), Front::End);
    // No list, whatever follows.
    assert_eq!(front(&[CHUNK, 0x83]), Front::End);
}

#[test]
fn row_38_garbage_ends_a_slot_and_bad_chunks_do_not() {
    let (first, last) = (tagged(&chunk(0)), tagged(&chunk(2)));
    let between = |garbage: &[u8]| read(&[first.as_slice(), garbage, &last].concat());
    let short_number = [&[CHUNK, 0xc5][..], &[1, 2, 3, 4, 5]].concat();
    let garbage: [&[u8]; 9] = [
        &[2],
        &[0xff; 10],
        &[CHUNK],
        &[CHUNK, 0],
        &[CHUNK, 0x83, 1, 2, 3],
        &[CHUNK, 0xc0],
        &short_number,
        // A length beyond the end, and one that is not minimal.
        &[CHUNK, 0xfa, 0xff, 0xff, 0xff],
        &[CHUNK, 0xf8, 2, 1, 2],
    ];
    for garbage in garbage {
        assert_eq!(between(garbage), [Ok(0)], "{garbage:?}");
    }
    let too_large = vec![7; crate::blueprint::legacy::PIECE_BYTES_MAX + 1];
    let bad = [
        (Chunk { chunk_count: 129, ..chunk(1) }, LegacyError::Count),
        (Chunk { chunk_count: 0, ..chunk(1) }, LegacyError::Count),
        (Chunk { index: 3, ..chunk(1) }, LegacyError::Index),
        (Chunk { piece: &too_large, ..chunk(1) }, LegacyError::PieceSize),
    ];
    for (chunk, error) in bad {
        assert_eq!(between(&tagged(&chunk)), [Ok(0), Err(error), Ok(2)]);
    }
}

fn attested(number_of_slots: u16, publishers: &[u8]) -> DalAttestedSlots<'_> {
    DalAttestedSlots {
        published_level: L1Level::new(7),
        number_of_slots,
        slot_size_bytes: 126_944,
        page_size_bytes: 3_967,
        publishers,
    }
}

fn publisher(bits: U256) -> PublisherSlots {
    PublisherSlots { publisher: PublicKeyHash { curve: Curve::P256, hash: [0x44; 20] }, bits }
}

#[test]
fn the_bytes_of_publishers_are_pinned() {
    let publishers = [publisher(U256::from(0b10_0000_0001)), publisher(U256::zero())];
    let account = ["02", &"44".repeat(20)].concat();
    // 513 = 1 + 8 × 64.
    let golden = [&account, "8108", &account, "00"].concat();
    let bytes = encode_publishers(&publishers);
    assert_eq!(hex::encode(&bytes), golden);
    let decoded = decode_publishers(&attested(32, &bytes)).unwrap();
    assert_eq!(decoded, publishers);
    assert_eq!(decoded[0].slots().collect::<Vec<_>>(), [0, 9]);
    assert_eq!(decode_publishers(&attested(32, &[])), Ok(vec![]));
}

#[test]
fn slots_that_the_layer_1_does_not_have_are_refused() {
    let of = |bits: U256, slots: u16| {
        decode_publishers(&attested(slots, &encode_publishers(&[publisher(bits)]))).map(|_| ())
    };
    let top = |bit: usize| U256::one() << bit;
    let table = [
        (top(31), 32, Ok(())),
        (top(32), 32, Err(DalError::OutOfRange)),
        (top(0), 0, Err(DalError::OutOfRange)),
        (U256::zero(), 0, Ok(())),
        (U256::MAX, 256, Ok(())),
        (U256::MAX, u16::MAX, Ok(())),
        (top(255), 255, Err(DalError::OutOfRange)),
    ];
    for (row, (bits, slots, expected)) in table.into_iter().enumerate() {
        assert_eq!(of(bits, slots), expected, "row {row}");
    }
    assert_eq!(publisher(U256::MAX).slots().count(), SLOTS_MAX);
}

#[test]
fn hostile_publishers_are_refused() {
    let good = encode_publishers(&[publisher(U256::from(513))]);
    let mut unknown_curve = good.clone();
    unknown_curve[0] = 4;
    let mut negative = good.clone();
    negative[21] |= 0x40;
    let too_wide = [&good[..21], &[0xff; 37], &[1]].concat();
    let not_minimal = [&good[..21], &[0x81, 0]].concat();
    let table = [
        (good[..20].to_vec(), DalError::Malformed),
        (good[..21].to_vec(), DalError::Malformed),
        (good[..22].to_vec(), DalError::Malformed),
        (unknown_curve, DalError::Malformed),
        (negative, DalError::OutOfRange),
        (too_wide, DalError::Malformed),
        (not_minimal, DalError::Malformed),
        (encode_publishers(&vec![publisher(U256::one()); PUBLISHERS_MAX + 1]), DalError::TooMany),
    ];
    for (row, (bytes, error)) in table.into_iter().enumerate() {
        assert_eq!(decode_publishers(&attested(32, &bytes)), Err(error), "row {row}");
    }
}

proptest! {
    #[test]
    fn any_signal_survives(
        entries in prop::collection::vec((0..=i32::MAX as u32, prop::collection::btree_set(any::<u8>(), 0..20)), 0..8),
    ) {
        let levels = entries.into_iter().map(|(level, slots)| PublishedSlots {
            published_level: L1Level::new(level),
            slots: slots.into_iter().rev().collect(),
        });
        let signal = signal(levels.collect());
        prop_assert_eq!(Signal::decode(&signal.encode()), Ok(signal));
    }

    #[test]
    fn any_publishers_survive(entries in prop::collection::vec((0u8..4, any::<[u8; 20]>(), any::<[u64; 4]>()), 0..8)) {
        let curves = [Curve::Ed25519, Curve::Secp256k1, Curve::P256, Curve::Bls];
        let publishers: Vec<_> = entries
            .into_iter()
            .map(|(curve, hash, bits)| PublisherSlots {
                publisher: PublicKeyHash { curve: curves[usize::from(curve)], hash },
                bits: U256(bits),
            })
            .collect();
        let bytes = encode_publishers(&publishers);
        prop_assert_eq!(decode_publishers(&attested(256, &bytes)), Ok(publishers));
    }

    #[test]
    fn what_decodes_has_one_encoding(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        let list = [&[0xf8, bytes.len() as u8][..], &bytes].concat();
        for bytes in [&bytes, &list] {
            if let Ok(signal) = Signal::decode(bytes) {
                prop_assert_eq!(&signal.encode(), bytes);
            }
        }
        if let Ok(publishers) = decode_publishers(&attested(256, &bytes)) {
            prop_assert_eq!(encode_publishers(&publishers), bytes.clone());
        }
        let _ = slot_chunks(&bytes).count();
        let _ = slot_chunks(&[&[CHUNK][..], &list].concat()).count();
    }
}
