use super::*;
use crate::{
    MESSAGE_BYTES_MAX, address::Curve, blueprint::Payload, message, message::Message, signature::SecretKey,
};
use millrace_primitives::{Timestamp, TransactionHash};
use proptest::prelude::*;

const ROLLUP: RollupAddress = RollupAddress::new([0x11; 20]);
const PIECE: &[u8] = &[0xaa, 0xbb, 0xcc];

fn chunk() -> Chunk<'static> {
    Chunk { number: BlockNumber::new(0x0102), chunk_count: 3, index: 1, chain_id: None, piece: PIECE }
}

fn blueprint() -> Blueprint {
    let payload = Payload {
        delayed: vec![TransactionHash::new([0xdd; 32])],
        transactions: vec![vec![0x02, 0x03], vec![0x7f]],
    };
    Blueprint {
        number: BlockNumber::new(5),
        parent: BlockHash::new([0x33; 32]),
        timestamp: Timestamp::new(0x6600_0001),
        payload,
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
fn the_bytes_of_a_chunk_are_pinned() {
    let number = ["a0", "0201", &"00".repeat(30)].concat();
    let fields = ["83aabbcc", &number, "820300", "820100"].concat();
    let signature = ["b840", &"22".repeat(64)].concat();
    let unsigned = ["eb", &fields].concat();
    assert_eq!(hex::encode(chunk().encode()), unsigned);
    assert_eq!(Chunk::decode(&hex::decode(unsigned).unwrap()), Ok(chunk()));
    let signed = ["f86d", &fields, &signature].concat();
    let signed_chunk = chunk().signed(Signature([0x22; 64]));
    assert_eq!(hex::encode(signed_chunk.encode()), signed);
    assert_eq!(SignedChunk::decode(&hex::decode(signed).unwrap()), Ok(signed_chunk));
    let with_chain_id = Chunk { chain_id: Some(U256::from(0xa729)), ..chunk() };
    let chain_id = ["a0", "29a7", &"00".repeat(30)].concat();
    assert_eq!(hex::encode(with_chain_id.encode()), ["f84c", &fields, &chain_id].concat());
    let signed_chunk = with_chain_id.signed(Signature([0x22; 64]));
    assert_eq!(hex::encode(signed_chunk.encode()), ["f88e", &fields, &chain_id, &signature].concat());
    assert_eq!(SignedChunk::decode(&signed_chunk.encode()), Ok(signed_chunk));
}

#[test]
fn the_bytes_of_a_payload_are_pinned() {
    let expected = [
        "f851",
        "a0",
        &"33".repeat(32),
        "e1",
        "a0",
        &"dd".repeat(32),
        "c4",
        "820203",
        "7f",
        "88",
        "0100006600000000",
    ]
    .concat();
    let bytes = encode_payload(&blueprint());
    assert_eq!(hex::encode(&bytes), expected);
    assert_eq!(decode_payload(BlockNumber::new(5), &bytes), Ok(blueprint()));
}

/// Fields of a good signed chunk: piece, number, count, index, chain id, signature.
fn fields() -> [Vec<u8>; 6] {
    let number = little_endian::word_field(7.into()).to_vec();
    let chain_id = little_endian::word_field(1337.into()).to_vec();
    [PIECE.to_vec(), number, vec![3, 0], vec![1, 0], chain_id, vec![0x22; 64]]
}

fn with(at: usize, field: Vec<u8>) -> Result<(), LegacyError> {
    let mut fields = fields();
    fields[at] = field;
    let fields = fields.each_ref().map(Vec::as_slice);
    let signed = SignedChunk::decode(&list(&fields)).map(|_| ());
    if at < 5 {
        let unsigned = Chunk::decode(&list(&fields[..5])).map(|_| ());
        assert_eq!(unsigned, signed);
        if at < 4 {
            let without_chain_id = Chunk::decode(&list(&fields[..4])).map(|_| ());
            assert_eq!(without_chain_id, signed);
        }
    }
    signed
}

#[test]
fn row_1_a_field_of_any_other_width_is_an_error() {
    for (at, right_width) in [(1, 32), (2, 2), (3, 2), (4, 32), (5, 64)] {
        for width in (0..=70usize).filter(|width| *width != right_width) {
            for fill in [0, 1, 0x80, 0xff] {
                assert_eq!(with(at, vec![fill; width]), Err(LegacyError::Width), "{at} {width}");
            }
        }
    }
    assert_eq!(with(0, PIECE.to_vec()), Ok(()));
}

#[test]
fn row_34_numbers_counts_and_indices_are_bounded() {
    let number = |word: U256| little_endian::word_field(word).to_vec();
    let u16 = |value: u16| value.to_le_bytes().to_vec();
    let table = [
        (1, number(U256::zero()), Ok(())),
        (1, number(u64::MAX.into()), Ok(())),
        (1, number(U256::from(u64::MAX) + 1), Err(LegacyError::Number)),
        (1, number(U256::MAX), Err(LegacyError::Number)),
        (2, u16(0), Err(LegacyError::Count)),
        (2, u16(1), Err(LegacyError::Index)),
        (2, u16(2), Ok(())),
        (2, u16(128), Ok(())),
        (2, u16(129), Err(LegacyError::Count)),
        (2, u16(u16::MAX), Err(LegacyError::Count)),
        (3, u16(2), Ok(())),
        (3, u16(3), Err(LegacyError::Index)),
        (3, u16(u16::MAX), Err(LegacyError::Index)),
        (4, number(U256::MAX), Ok(())),
        (0, vec![], Ok(())),
        (0, vec![1; PIECE_BYTES_MAX], Ok(())),
        (0, vec![1; PIECE_BYTES_MAX + 1], Err(LegacyError::PieceSize)),
    ];
    for (row, (at, field, expected)) in table.into_iter().enumerate() {
        assert_eq!(with(at, field), expected, "row {row}");
    }
}

#[test]
fn what_is_not_the_list_is_malformed() {
    let fields = fields();
    let fields = fields.each_ref().map(Vec::as_slice);
    for count in [0, 1, 2, 3, 4] {
        assert_eq!(SignedChunk::decode(&list(&fields[..count])), Err(LegacyError::Malformed), "{count}");
    }
    let seven = [&fields[..], &[&[0u8; 64][..]]].concat();
    let good = list(&fields);
    let cut = &good[..good.len() - 1];
    let trailing = [good.as_slice(), &[0]].concat();
    // A list for the piece; a string for the list; a length that is not minimal.
    let mut nested = RlpStream::new_list(5);
    nested.begin_list(0);
    fields[1..5].iter().for_each(|field| {
        nested.append(field);
    });
    let string = [&[0xb8, 100][..], &[0; 100]].concat();
    let bad = [vec![], list(&seven), cut.to_vec(), trailing, nested.out().to_vec(), string];
    for (row, bytes) in bad.iter().enumerate() {
        assert_eq!(SignedChunk::decode(bytes), Err(LegacyError::Malformed), "row {row}");
        assert_eq!(Chunk::decode(bytes), Err(LegacyError::Malformed), "row {row}");
    }
    // Six items are a signed chunk with chain id, and no unsigned one.
    assert_eq!(Chunk::decode(&good), Err(LegacyError::Malformed));
    // Five items are both; widths tell them apart.
    assert_eq!(SignedChunk::decode(&list(&fields[..5])), Err(LegacyError::Width));
}

#[test]
fn each_chunk_is_signed_over_its_unsigned_list() {
    for curve in [Curve::Ed25519, Curve::Secp256k1, Curve::P256] {
        let secret = SecretKey::from_bytes(curve, &[3; 32]).unwrap();
        for chain_id in [None, Some(U256::from(1337))] {
            let chunk = Chunk { chain_id, ..chunk() };
            let signed = chunk.signed(secret.sign(&chunk.encode()));
            assert!(signed.is_signed_by(&secret.public_key()));
            let others = [
                Chunk { number: BlockNumber::new(9), ..chunk },
                Chunk { index: 2, ..chunk },
                Chunk { chunk_count: 4, ..chunk },
                Chunk { chain_id: Some(U256::from(1)), ..chunk },
                Chunk { piece: &[], ..chunk },
            ];
            for other in others {
                assert!(!other.signed(signed.signature).is_signed_by(&secret.public_key()));
            }
        }
    }
}

#[test]
fn row_39_full_chunks_fit_a_message() {
    for (chain_id, piece_bytes) in [(None, 3_957), (Some(U256::MAX), 3_924)] {
        let payload = vec![0xee; piece_bytes * 128];
        let chunks = cut(&payload, BlockNumber::MAX, chain_id).unwrap();
        assert_eq!(chunks.len(), 128);
        for chunk in &chunks {
            let message = chunk.signed(Signature([0xff; 64])).message(&ROLLUP);
            assert!(message.len() <= MESSAGE_BYTES_MAX, "{}", message.len());
            let Ok(Message::External(external)) = message::parse(&message, &ROLLUP) else {
                panic!("not external");
            };
            assert_eq!(external.kind, Kind::LegacyBlueprintChunk);
            assert_eq!(SignedChunk::decode(external.body).map(|signed| signed.chunk), Ok(*chunk));
        }
        let pieces: Vec<u8> = chunks.iter().flat_map(|chunk| chunk.piece).copied().collect();
        assert_eq!(pieces, payload);
        assert_eq!(cut(&vec![0; piece_bytes * 128 + 1], BlockNumber::ZERO, chain_id), None);
        assert_eq!(cut(&[], BlockNumber::ZERO, chain_id), None);
    }
}

#[test]
fn hostile_payloads_are_refused() {
    let number = BlockNumber::new(5);
    let of = |parent: &[u8], timestamp: &[u8]| {
        let mut stream = RlpStream::new_list(4);
        stream.append(&parent);
        payload::append_lists(&Payload::default(), &mut stream);
        stream.append(&timestamp);
        stream.out().to_vec()
    };
    assert!(decode_payload(number, &of(&[1; 32], &[0; 8])).is_ok());
    for width in (0..=64).filter(|width| *width != 32) {
        assert_eq!(decode_payload(number, &of(&vec![1; width], &[0; 8])), Err(PayloadError::Malformed));
    }
    for width in (0..=64).filter(|width| *width != 8) {
        assert_eq!(decode_payload(number, &of(&[1; 32], &vec![1; width])), Err(PayloadError::Malformed));
    }
    assert_eq!(decode_payload(number, &of(&[1; 32], &[0xff; 8])), Err(PayloadError::Malformed));
    let good = of(&[1; 32], &[0; 8]);
    let trailing = [good.as_slice(), &[0]].concat();
    let versioned = list(&[&[1], &[1; 32], &[], &[], &[0; 8]]);
    let strings = list(&[&[1; 32], &[], &[], &[0; 8]]);
    for bytes in
        [&[][..], &good[..good.len() - 1], &trailing, &versioned, &strings, &[0xc0], &[0xc2, 0xc0, 0xc0]]
    {
        assert_eq!(decode_payload(number, bytes), Err(PayloadError::Malformed));
    }
    let empty = Blueprint { payload: Payload { delayed: vec![], transactions: vec![vec![]] }, ..blueprint() };
    assert_eq!(decode_payload(number, &encode_payload(&empty)), Err(PayloadError::Malformed));
}

proptest! {
    #[test]
    fn any_chunk_survives(
        number: u64,
        count in 1u16..=128,
        index: u16,
        chain_id in prop::option::of(any::<[u64; 4]>()),
        piece in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let chunk = Chunk {
            number: BlockNumber::new(number),
            chunk_count: count,
            index: index % count,
            chain_id: chain_id.map(U256),
            piece: &piece,
        };
        let bytes = chunk.encode();
        prop_assert_eq!(Chunk::decode(&bytes), Ok(chunk));
        let signed = chunk.signed(Signature([7; 64]));
        let bytes = signed.encode();
        prop_assert_eq!(SignedChunk::decode(&bytes), Ok(signed));
    }

    #[test]
    fn what_decodes_has_one_encoding(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let list = [&[0xf8, bytes.len() as u8][..], &bytes].concat();
        for bytes in [&bytes, &list] {
            if let Ok(chunk) = SignedChunk::decode(bytes) {
                prop_assert_eq!(&chunk.encode(), bytes);
            }
            if let Ok(blueprint) = decode_payload(BlockNumber::ZERO, bytes) {
                prop_assert_eq!(&encode_payload(&blueprint), bytes);
            }
        }
    }
}
