use super::*;
use crate::{MESSAGE_BYTES_MAX, frame::Kind, message, message::Message, signature::Signature};
use millrace_primitives::{Epoch, RollupAddress, TransactionHash, U256};
use proptest::prelude::*;

const ROLLUP: RollupAddress = RollupAddress::new([0x11; 20]);
const SIGNATURE: Signature = Signature([0x22; 64]);

fn blueprint(payload: Payload) -> Blueprint {
    Blueprint {
        number: BlockNumber::new(0x0102),
        parent: BlockHash::new([0x33; 32]),
        timestamp: Timestamp::new(0x6600_0000),
        payload,
    }
}

/// A payload with one transaction, whose encoding has `size_bytes`.
fn payload_of_size(size_bytes: usize) -> Payload {
    let candidates = size_bytes.saturating_sub(16)..size_bytes;
    candidates
        .map(|length| Payload { delayed: vec![], transactions: vec![vec![0xee; length]] })
        .find(|payload| payload.size().bytes() == size_bytes)
        .unwrap()
}

fn body(message: &[u8]) -> &[u8] {
    match message::parse(message, &ROLLUP) {
        Ok(Message::External(external)) => {
            assert_eq!(external.kind, Kind::BlueprintChunk);
            external.body
        }
        other => panic!("{other:?}"),
    }
}

const SINGLE: usize = Certificate::SINGLE_SIZE_BYTES;

fn sealed(payload: Payload) -> (Prepared, Vec<Vec<u8>>) {
    sealed_with(payload, Certificate::Single(SIGNATURE))
}

fn sealed_with(payload: Payload, certificate: Certificate) -> (Prepared, Vec<Vec<u8>>) {
    let prepared = prepare(Epoch::new(4), &blueprint(payload), certificate.size_bytes()).unwrap();
    let messages = prepared.seal(certificate, &ROLLUP).unwrap();
    (prepared, messages)
}

/// A certificate of the first members.
fn quorum(count: u8) -> Certificate {
    let signed = |member| MemberSignature { member, signature: Signature([member; 64]) };
    Certificate::Quorum((0..count).map(signed).collect())
}

#[test]
fn sizes_are_pinned() {
    assert_eq!(PROOF_DEPTH_MAX, 7);
    assert_eq!(PIECE_BYTES_MAX, 3_690);
    assert_eq!(PAYLOAD_BYTES_MAX, 472_320);
    let rooms =
        [(0, Some(3_690)), (65, Some(3_690)), (67, Some(3_688)), (132, Some(3_623)), (3_447, Some(308))];
    for (certificate, room) in rooms {
        assert_eq!(piece_bytes_max(certificate), room, "{certificate}");
    }
    for (certificate, room) in [(3_499, Some(256)), (3_500, None), (3_755, None), (usize::MAX, None)] {
        assert_eq!(piece_bytes_max(certificate), room, "{certificate}");
    }
    let table = [
        (0, 3_690, None),
        (1, 3_690, Some(1)),
        (3_690, 3_690, Some(1)),
        (3_691, 3_690, Some(2)),
        (472_320, 3_690, Some(128)),
        (472_321, 3_690, None),
        (usize::MAX, 3_690, None),
        (256, 256, Some(1)),
        (257, 256, Some(2)),
        (32_768, 256, Some(128)),
        (32_769, 256, None),
        (1, 0, None),
    ];
    for (size, piece, count) in table {
        assert_eq!(chunk_count(size, piece), count, "{size} {piece}");
    }
    let header = |payload_size_bytes: u32| Header {
        payload_size_bytes,
        chunk_count: 2,
        ..prepare(Epoch::ZERO, &blueprint(Payload::default()), SINGLE).unwrap().header
    };
    let pieces =
        [(7_000, 0, Some(3_690)), (7_000, 1, Some(3_310)), (7_000, 2, None), (7_380, 1, Some(3_690))];
    for (size, index, piece) in pieces {
        assert_eq!(piece_size_bytes(&header(size), index), piece, "{size} {index}");
    }
}

#[test]
fn the_bytes_of_a_chunk_are_pinned() {
    let payload = Payload {
        delayed: vec![TransactionHash::new([0xdd; 32])],
        transactions: vec![vec![0x02, 0x03], vec![0x7f]],
    };
    let (prepared, messages) = sealed(payload);
    // Blake2b-256 of 0x00, count 1, index 0 and the payload.
    let root = "12a7917f08f4bbab128a13a2a89589e6268e084d03e076ce92714155eaecf72e";
    let expected = [
        "01",
        "00",
        &"11".repeat(20),
        "05",
        "00000004",
        "0000000000000102",
        &"33".repeat(32),
        "0000000066000000",
        "00000028",
        "0e6a",
        "0001",
        root,
        "00",
        &"22".repeat(64),
        "0000",
        "e7",
        "e1",
        "a0",
        &"dd".repeat(32),
        "c4",
        "820203",
        "7f",
    ]
    .concat();
    assert_eq!(messages.len(), 1);
    assert_eq!(hex::encode(&messages[0]), expected);
    let domain = Domain { rollup: ROLLUP, chain_id: U256::from(1337) };
    let signed = [
        "14",
        &hex::encode("millrace/blueprint/2"),
        &"11".repeat(20),
        &"00".repeat(30),
        "0539",
        &hex::encode(prepared.header.encode()),
    ]
    .concat();
    assert_eq!(hex::encode(prepared.signing_bytes(&domain)), signed);
}

#[test]
fn an_empty_payload_travels() {
    let (prepared, messages) = sealed(Payload::default());
    assert_eq!(prepared.pieces, [vec![0xc2, 0xc0, 0xc0]]);
    let chunk = Chunk::decode(body(&messages[0])).unwrap();
    assert!(chunk.proves_piece());
    assert_eq!(assemble(&prepared.header, &[chunk.piece.to_vec()]), Ok(blueprint(Payload::default())));
}

#[test]
fn the_largest_blueprint_fits_and_one_byte_more_does_not() {
    let largest = payload_of_size(PAYLOAD_BYTES_MAX);
    let (_, messages) = sealed(largest);
    assert_eq!(messages.len(), 128);
    assert_eq!(messages.iter().map(Vec::len).max(), Some(MESSAGE_BYTES_MAX));
    let too_large = payload_of_size(PAYLOAD_BYTES_MAX + 1);
    assert_eq!(prepare(Epoch::ZERO, &blueprint(too_large), SINGLE), Err(PrepareError::TooLarge));
    let empty = Payload { delayed: vec![], transactions: vec![vec![]] };
    assert_eq!(prepare(Epoch::ZERO, &blueprint(empty), SINGLE), Err(PrepareError::EmptyTransaction));
}

#[test]
fn counts_are_bounded_on_both_sides() {
    let delayed =
        |count| Payload { delayed: vec![TransactionHash::new([1; 32]); count], transactions: vec![] };
    let transactions = |count| Payload { delayed: vec![], transactions: vec![vec![1]; count] };
    for (fits, too_many) in [
        (delayed(DELAYED_MAX), delayed(DELAYED_MAX + 1)),
        (transactions(TRANSACTIONS_MAX), transactions(TRANSACTIONS_MAX + 1)),
    ] {
        assert_eq!(Payload::decode(&fits.encode()), Ok(fits));
        assert_eq!(Payload::decode(&too_many.encode()), Err(PayloadError::TooMany));
        assert_eq!(prepare(Epoch::ZERO, &blueprint(too_many), SINGLE), Err(PrepareError::TooLarge));
    }
}

#[test]
fn every_number_of_chunks_is_proved_and_put_together() {
    for count in [1, 2, 3, 4, 5, 7, 8, 9, 31, 64, 65, 127, 128usize] {
        let payload = payload_of_size((count - 1) * PIECE_BYTES_MAX + 100);
        let (prepared, messages) = sealed(payload.clone());
        assert_eq!(messages.len(), count);
        let mut pieces = Vec::new();
        for (index, message) in messages.iter().enumerate() {
            let chunk = Chunk::decode(body(message)).unwrap();
            assert_eq!(usize::from(chunk.index), index);
            assert!(chunk.proves_piece(), "{index} of {count}");
            assert_eq!(chunk.encode(), body(message));
            assert_eq!(Announced::decode(chunk.announced_bytes), Ok(chunk.announced.clone()));
            pieces.push(chunk.piece.to_vec());
        }
        assert_eq!(assemble(&prepared.header, &pieces), Ok(blueprint(payload)));
        if count > 1 {
            assert_eq!(assemble(&prepared.header, &pieces[1..]), Err(PayloadError::Malformed));
        }
    }
}

#[test]
fn a_piece_is_proved_at_its_own_place_only() {
    let (_, messages) = sealed(payload_of_size(5 * PIECE_BYTES_MAX));
    let bodies: Vec<_> = messages.iter().map(|message| body(message).to_vec()).collect();
    let chunks: Vec<_> = bodies.iter().map(|body| Chunk::decode(body).unwrap()).collect();
    for (index, chunk) in (0u16..).zip(&chunks) {
        for other in (0..5).filter(|other| *other != index) {
            assert!(!Chunk { index: other, ..chunk.clone() }.proves_piece());
            assert!(!Chunk { proof: chunks[usize::from(other)].proof, ..chunk.clone() }.proves_piece());
        }
        let mut piece = chunk.piece.to_vec();
        piece[17] ^= 1;
        assert!(!Chunk { piece: &piece, ..chunk.clone() }.proves_piece());
    }
    // The same pieces under a header that claims fewer of them.
    let mut fewer = chunks[0].clone();
    fewer.announced.header.chunk_count = 4;
    assert!(!fewer.proves_piece());
    // An index of the filled-up part of the tree, and proofs of the wrong length.
    assert!(!Chunk { index: 7, ..chunks[4].clone() }.proves_piece());
    assert!(!Chunk { proof: &chunks[0].proof[32..], ..chunks[0].clone() }.proves_piece());
    assert!(!Chunk { proof: &chunks[0].proof[1..], ..chunks[0].clone() }.proves_piece());
}

#[test]
fn hostile_chunks_are_refused_with_the_reason() {
    let (_, messages) = sealed(payload_of_size(2 * PIECE_BYTES_MAX + 50));
    let good = body(&messages[2]);
    let with = |at: usize, bytes: &[u8]| {
        let mut body = good.to_vec();
        body[at..at + bytes.len()].copy_from_slice(bytes);
        body
    };
    const SIZE_AT: usize = 52;
    const PIECE_AT: usize = 56;
    const COUNT_AT: usize = 58;
    const SCHEME_AT: usize = 92;
    const INDEX_AT: usize = 157;
    let table = [
        (vec![], ChunkError::Truncated),
        (good[..91].to_vec(), ChunkError::Truncated),
        (good[..92].to_vec(), ChunkError::Truncated),
        (good[..156].to_vec(), ChunkError::Truncated),
        (good[..158].to_vec(), ChunkError::Truncated),
        (good[..159 + 63].to_vec(), ChunkError::Truncated),
        (good[..good.len() - 1].to_vec(), ChunkError::PieceSize),
        ([good, &[0]].concat(), ChunkError::PieceSize),
        (with(COUNT_AT, &[0, 0]), ChunkError::Header),
        (with(COUNT_AT, &[0, 129]), ChunkError::Header),
        (with(COUNT_AT, &[0, 2]), ChunkError::Header),
        (with(COUNT_AT, &[0xff, 0xff]), ChunkError::Header),
        (with(SIZE_AT, &[0, 0, 0, 0]), ChunkError::Header),
        (with(SIZE_AT, &[0xff; 4]), ChunkError::Header),
        (with(SIZE_AT + 3, &[good[SIZE_AT + 3] + 1]), ChunkError::PieceSize),
        (with(PIECE_AT, &[0, 0]), ChunkError::Header),
        (with(PIECE_AT, &[0, 255]), ChunkError::Header),
        (with(PIECE_AT, &[0x0e, 0x6b]), ChunkError::Header),
        (with(PIECE_AT, &[0xff, 0xff]), ChunkError::Header),
        (with(PIECE_AT, &[0x0e, 0x69]), ChunkError::PieceSize),
        (with(SCHEME_AT, &[2]), ChunkError::UnknownScheme),
        (with(SCHEME_AT, &[0xff]), ChunkError::UnknownScheme),
        (with(INDEX_AT, &[0, 3]), ChunkError::Index),
        (with(INDEX_AT, &[0xff, 0xff]), ChunkError::Index),
        // The last piece is shorter than the others.
        (with(INDEX_AT, &[0, 1]), ChunkError::PieceSize),
    ];
    assert!(Chunk::decode(good).unwrap().proves_piece());
    for (row, (body, error)) in table.into_iter().enumerate() {
        assert_eq!(Chunk::decode(&body), Err(error), "row {row}");
    }
    assert_eq!(Announced::decode(&good[..158]), Err(ChunkError::PieceSize));
}

#[test]
fn the_bytes_of_a_certificate_are_pinned() {
    let single = Certificate::Single(SIGNATURE);
    assert_eq!(hex::encode(single.encode()), ["00", &"22".repeat(64)].concat());
    let signed = |member: u8| MemberSignature { member, signature: Signature([member; 64]) };
    let quorum = Certificate::Quorum(vec![signed(1), signed(0x45)]);
    let golden = ["01", "02", "0145", &"01".repeat(64), &"45".repeat(64)].concat();
    assert_eq!(hex::encode(quorum.encode()), golden);
    for certificate in [single, quorum, self::quorum(1), self::quorum(53)] {
        let bytes = certificate.encode();
        assert_eq!(bytes.len(), certificate.size_bytes());
        let mut reader = crate::bytes::Reader::new(&bytes);
        assert_eq!(Certificate::read(&mut reader), Ok(certificate));
        assert!(reader.is_empty());
        for cut in 0..bytes.len() {
            let mut reader = crate::bytes::Reader::new(&bytes[..cut]);
            assert_eq!(Certificate::read(&mut reader), Err(ChunkError::Truncated), "{cut}");
        }
    }
}

#[test]
fn hostile_lists_of_signatures_are_refused() {
    let members = |members: &[u8]| {
        let signatures = vec![7; members.len() * 64];
        [&[1, members.len() as u8][..], members, &signatures].concat()
    };
    let all: Vec<u8> = (0..=53).collect();
    let read = |bytes: &[u8]| Certificate::read(&mut crate::bytes::Reader::new(bytes)).map(|_| ());
    let table = [
        (members(&[]), Err(ChunkError::Certificate)),
        (members(&[0]), Ok(())),
        (members(&[0xff]), Ok(())),
        (members(&all[..53]), Ok(())),
        (members(&all), Err(ChunkError::Certificate)),
        (vec![1, 255], Err(ChunkError::Certificate)),
        (members(&[0, 0]), Err(ChunkError::Certificate)),
        (members(&[1, 0]), Err(ChunkError::Certificate)),
        (members(&[0, 2, 1]), Err(ChunkError::Certificate)),
        (members(&[0, 1, 2]), Ok(())),
    ];
    for (row, (bytes, expected)) in table.into_iter().enumerate() {
        assert_eq!(read(&bytes), expected, "row {row}");
    }
}

#[test]
fn row_39_pieces_leave_room_for_every_certificate() {
    for count in [1, 2, 20, 53] {
        let certificate = quorum(count);
        let piece = piece_bytes_max(certificate.size_bytes()).unwrap();
        let payload = payload_of_size(usize::from(piece) * 128);
        assert!(payload.size_in_pieces_of(piece).fits());
        assert_eq!(payload.size_in_pieces_of(piece).bytes_left(), 0);
        let (prepared, messages) = sealed_with(payload.clone(), certificate.clone());
        assert_eq!((prepared.header.piece_size_bytes, messages.len()), (piece, 128));
        assert_eq!(messages.iter().map(Vec::len).max(), Some(MESSAGE_BYTES_MAX));
        let mut pieces = Vec::new();
        for message in &messages {
            let chunk = Chunk::decode(body(message)).unwrap();
            assert!(chunk.proves_piece());
            assert_eq!(chunk.announced.certificate, certificate);
            pieces.push(chunk.piece.to_vec());
        }
        assert_eq!(assemble(&prepared.header, &pieces), Ok(blueprint(payload)));
        let larger = payload_of_size(usize::from(piece) * 128 + 1);
        let refused = prepare(Epoch::ZERO, &blueprint(larger), certificate.size_bytes());
        assert_eq!(refused, Err(PrepareError::TooLarge));
    }
    let too_many = Certificate::quorum_size_bytes(54);
    let payload = blueprint(Payload::default());
    assert_eq!(prepare(Epoch::ZERO, &payload, too_many), Err(PrepareError::CertificateSize));
}

#[test]
fn a_certificate_of_another_size_does_not_fit_the_pieces() {
    let (prepared, messages) = sealed_with(payload_of_size(5_000), quorum(3));
    for other in [Certificate::Single(SIGNATURE), quorum(2), quorum(4)] {
        assert_eq!(prepared.seal(other, &ROLLUP), Err(PrepareError::CertificateSize));
    }
    // The same header, whose pieces leave room for three signatures, with a fourth.
    let chunk = Chunk::decode(body(&messages[0])).unwrap();
    let announced = |certificate| Announced { certificate, ..chunk.announced.clone() };
    assert_eq!(Announced::decode(&announced(quorum(4)).encode()), Err(ChunkError::Header));
    let fewer = announced(quorum(2));
    assert_eq!(Announced::decode(&fewer.encode()), Ok(fewer));
}

#[test]
fn hostile_payloads_are_refused() {
    let bad: [&[u8]; 12] = [
        &[],
        &[0x80],
        &[0xc0],
        &[0xc1, 0xc0],
        &[0xc2, 0xc0, 0xc0, 0x00],
        &[0xc3, 0xc0, 0xc0, 0xc0],
        &[0xc2, 0x80, 0xc0],
        &[0xc2, 0xc0, 0x80],
        // A delayed hash of one byte, an empty transaction, a list for a transaction.
        &[0xc3, 0xc1, 0x01, 0xc0],
        &[0xc3, 0xc0, 0xc1, 0x80],
        &[0xc3, 0xc0, 0xc1, 0xc0],
        // A length that is not minimal.
        &[0xf8, 0x02, 0xc0, 0xc0],
    ];
    for payload in bad {
        assert_eq!(Payload::decode(payload), Err(PayloadError::Malformed), "{payload:?}");
    }
    assert_eq!(Payload::decode(&[0xc2, 0xc0, 0xc0]), Ok(Payload::default()));
}

fn any_payload() -> impl Strategy<Value = Payload> {
    let hash = any::<[u8; 32]>().prop_map(TransactionHash::new);
    let transaction = prop_oneof![
        prop::collection::vec(any::<u8>(), 1..4),
        prop::collection::vec(any::<u8>(), 50..300),
        (1usize..9_000).prop_map(|length| vec![0xab; length]),
    ];
    (prop::collection::vec(hash, 0..5), prop::collection::vec(transaction, 0..12))
        .prop_map(|(delayed, transactions)| Payload { delayed, transactions })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_blueprint_survives_the_journey(payload in any_payload(), epoch: u32, number: u64, time: u64) {
        let blueprint = Blueprint {
            number: BlockNumber::new(number),
            timestamp: Timestamp::new(time),
            ..blueprint(payload)
        };
        let prepared = prepare(Epoch::new(epoch), &blueprint, SINGLE).unwrap();
        let size = blueprint.payload.size();
        prop_assert_eq!(size.bytes(), blueprint.payload.encode().len());
        prop_assert_eq!(size.chunk_count(), Some(prepared.header.chunk_count));
        prop_assert_eq!(Header::decode(&prepared.header.encode()), Some(prepared.header));
        let messages = prepared.seal(Certificate::Single(SIGNATURE), &ROLLUP).unwrap();
        let mut pieces = Vec::new();
        for message in &messages {
            prop_assert!(message.len() <= MESSAGE_BYTES_MAX);
            let chunk = Chunk::decode(body(message)).unwrap();
            prop_assert!(chunk.proves_piece());
            pieces.push(chunk.piece.to_vec());
        }
        prop_assert_eq!(assemble(&prepared.header, &pieces), Ok(blueprint));
    }

    #[test]
    fn decoding_a_payload_has_one_encoding(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        if let Ok(payload) = Payload::decode(&bytes) {
            prop_assert_eq!(payload.encode(), bytes);
        }
    }
}
