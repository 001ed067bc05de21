use super::*;
use crate::address::Curve;
use proptest::prelude::*;

const ROLLUP: RollupAddress = RollupAddress::new([0x11; 20]);
const TICKETER: ContractHash = ContractHash::new([0x22; 20]);
const SENDER: ContractHash = ContractHash::new([0x33; 20]);
const SOURCE: PublicKeyHash = PublicKeyHash { curve: Curve::Secp256k1, hash: [0x44; 20] };

fn ticket() -> Ticket<'static> {
    Ticket { ticketer: TICKETER, token_id: U256::zero(), metadata: None, amount: U256::from(1_000_000) }
}

fn of(parameter: Parameter<'_>) -> Transfer<'_> {
    Transfer { sender: SENDER, source: SOURCE, parameter }
}

#[test]
fn the_bytes_of_each_message_are_pinned() {
    let info = InfoPerLevel { predecessor_timestamp: Timestamp::new(0x6600_0000), predecessor: [0x55; 32] };
    let slots = DalAttestedSlots {
        published_level: L1Level::new(7),
        number_of_slots: 32,
        slot_size_bytes: 126_944,
        page_size_bytes: 3_967,
        publishers: &[1, 2, 3],
    };
    let deposit = of(Parameter::Deposit { routing: &[0xab; 20], ticket: ticket() });
    let tail = ["33".repeat(20), ["01", &"44".repeat(20)].concat(), "11".repeat(20)].concat();
    let payload = [
        "0505",
        "0505",
        "0707",
        "0a00000014",
        &"ab".repeat(20),
        "0707",
        "0a00000016",
        "01",
        &"22".repeat(20),
        "00",
        "0707",
        "0707",
        "0000",
        "0306",
        "0080897a",
    ]
    .concat();
    let table = [
        (start_of_level(), "0001".to_string(), Message::StartOfLevel),
        (end_of_level(), "0002".to_string(), Message::EndOfLevel),
        (
            info_per_level(&info),
            ["0003", "0000000066000000", &"55".repeat(32)].concat(),
            Message::InfoPerLevel(info),
        ),
        (
            protocol_migration(b"t024_024"),
            ["0004", "00000008", "743032345f303234"].concat(),
            Message::ProtocolMigration(b"t024_024"),
        ),
        (
            dal_attested_slots(&slots),
            ["0005", "00000007", "0020", "0001efe0", "0f7f", "00000003", "010203"].concat(),
            Message::DalAttestedSlots(slots),
        ),
        (transfer(&ROLLUP, &deposit), ["0000", &payload, &tail].concat(), Message::Transfer(deposit)),
        (
            transfer(&ROLLUP, &of(Parameter::DelayedBridge(&[1]))),
            ["0000", "05050508", "0a0000000101", &tail].concat(),
            Message::Transfer(of(Parameter::DelayedBridge(&[1]))),
        ),
        (
            transfer(&ROLLUP, &of(Parameter::Governance(&[]))),
            ["0000", "0508", "0a00000000", &tail].concat(),
            Message::Transfer(of(Parameter::Governance(&[]))),
        ),
        (
            external(&ROLLUP, Kind::BlueprintChunk, &[9, 9]),
            ["01", "00", &"11".repeat(20), "05", "0909"].concat(),
            Message::External(External { kind: Kind::BlueprintChunk, body: &[9, 9] }),
        ),
    ];
    for (bytes, golden, message) in &table {
        assert_eq!(hex::encode(bytes), *golden);
        assert_eq!(parse(bytes, &ROLLUP), Ok(message.clone()), "{golden}");
    }
}

#[test]
fn hostile_messages_are_ignored_with_the_reason() {
    let good = transfer(&ROLLUP, &of(Parameter::Deposit { routing: &[0xab; 20], ticket: ticket() }));
    let elsewhere = RollupAddress::new([0x12; 20]);
    let of_payload = |payload: &[u8]| transfer_of(&ROLLUP, SENDER, SOURCE, payload);
    let mut unknown_curve = good.clone();
    let curve_at = good.len() - 41;
    unknown_curve[curve_at] = 9;
    let mut before_1970 =
        info_per_level(&InfoPerLevel { predecessor_timestamp: Timestamp::ZERO, predecessor: [0; 32] });
    before_1970[2] = 0x80;
    let other_kind = |kind| [&[1, 0][..], ROLLUP.as_bytes(), &[kind]].concat();
    let table = [
        (vec![], Ignored::Empty),
        (vec![0], Ignored::Truncated),
        (vec![2], Ignored::UnknownTag),
        (vec![0xff], Ignored::UnknownTag),
        (vec![0xff; 4_096], Ignored::UnknownTag),
        (vec![0, 6], Ignored::UnknownTag),
        (vec![0, 0xff], Ignored::UnknownTag),
        (vec![0, 1, 0], Ignored::TrailingBytes),
        (vec![0, 2, 0], Ignored::TrailingBytes),
        (vec![0, 3], Ignored::Truncated),
        (before_1970, Ignored::OutOfRange),
        ([protocol_migration(b"a"), vec![0]].concat(), Ignored::TrailingBytes),
        (vec![0, 4, 0xff, 0xff, 0xff, 0xff], Ignored::Truncated),
        (vec![0, 5, 0x80], Ignored::Truncated),
        ([vec![0, 5, 0x80], vec![0; 15]].concat(), Ignored::OutOfRange),
        (vec![1], Ignored::Truncated),
        (vec![1, 1], Ignored::UnknownFrame),
        (vec![1, 0, 0x11], Ignored::Truncated),
        (external(&elsewhere, Kind::BlueprintChunk, &[]), Ignored::OtherRollup),
        (other_kind(6), Ignored::UnknownKind),
        (other_kind(0xfe), Ignored::UnknownKind),
        (external(&ROLLUP, Kind::BlueprintChunk, &[0; 4_074]), Ignored::TooLong),
        (vec![0; 2 + 60], Ignored::Truncated),
        (transfer(&elsewhere, &of(Parameter::Governance(&[1]))), Ignored::OtherRollup),
        (unknown_curve, Ignored::OutOfRange),
        (of_payload(&[]), Ignored::Micheline(MichelineError::Truncated)),
        (of_payload(&[0x0b]), Ignored::Micheline(MichelineError::Unsupported)),
        (of_payload(&[3, 6]), Ignored::OtherType),
        (of_payload(&Node::left(Node::None).encode()), Ignored::OtherType),
        (of_payload(&Node::right(Node::String(b"text")).encode()), Ignored::OtherType),
        (of_payload(&Node::left(Node::left(Node::Bytes(&[]))).encode()), Ignored::OtherType),
        (good[..good.len() - 1].to_vec(), Ignored::OtherRollup),
    ];
    for (row, (bytes, ignored)) in table.into_iter().enumerate() {
        assert_eq!(parse(&bytes, &ROLLUP), Err(ignored), "row {row}");
    }
}

#[test]
fn tickets_are_read_in_every_spelling() {
    let amount = || Node::nat(U256::from(7));
    let content = || Node::pair(Node::nat(U256::one()), Node::Some(Box::new(Node::Bytes(b"meta"))));
    let expected =
        Ticket { ticketer: TICKETER, token_id: U256::one(), metadata: Some(b"meta"), amount: U256::from(7) };
    let (bytes, text) = (contract_to_bytes(&TICKETER), TICKETER.to_base58());
    for ticketer in [Node::Bytes(&bytes), Node::String(text.as_bytes())] {
        let ticket = Node::pair(ticketer, Node::pair(content(), amount()));
        assert_eq!(parse_ticket(&ticket), Some(expected));
    }
    // `Pair ticketer content amount`.
    let mut arguments = Node::Bytes(&bytes).encode();
    arguments.extend(content().encode());
    arguments.extend(amount().encode());
    let mut long = vec![9, 7];
    append_sized(&arguments, &mut long);
    append_sized(&[], &mut long);
    assert_eq!(parse_ticket(&Node::decode(&long).unwrap()), Some(expected));
    let negative = Node::decode(&[0, 0x41]).unwrap();
    let refused = [
        Node::pair(Node::Bytes(&bytes[1..]), Node::pair(content(), amount())),
        Node::pair(Node::String(b"KT1"), Node::pair(content(), amount())),
        Node::pair(Node::String(&[0xff]), Node::pair(content(), amount())),
        Node::pair(Node::None, Node::pair(content(), amount())),
        Node::pair(Node::Bytes(&bytes), Node::pair(content(), negative.clone())),
        Node::pair(Node::Bytes(&bytes), Node::pair(Node::pair(negative, Node::None), amount())),
        Node::pair(Node::Bytes(&bytes), Node::pair(Node::nat(U256::zero()), amount())),
        Node::pair(Node::Bytes(&bytes), amount()),
    ];
    for ticket in refused {
        assert_eq!(parse_ticket(&ticket), None, "{ticket:?}");
    }
}

#[test]
fn reasons_have_distinct_stable_codes() {
    let all = [
        Ignored::Empty,
        Ignored::TooLong,
        Ignored::UnknownTag,
        Ignored::Truncated,
        Ignored::TrailingBytes,
        Ignored::UnknownFrame,
        Ignored::OtherRollup,
        Ignored::UnknownKind,
        Ignored::OutOfRange,
        Ignored::Micheline(MichelineError::TooDeep),
        Ignored::OtherType,
    ];
    assert_eq!(all.map(Ignored::code).to_vec(), (1..=11).collect::<Vec<_>>());
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), tag in 0u8..2, kind in 0u8..7) {
        let framed = [&[tag, kind][..], &bytes].concat();
        let for_us = [&[0, 0][..], &bytes, &[0; 41], ROLLUP.as_bytes()].concat();
        let _ = parse(&bytes, &ROLLUP);
        let _ = parse(&framed, &ROLLUP);
        let _ = parse(&for_us, &ROLLUP);
    }

    #[test]
    fn any_deposit_survives(
        routing in prop::collection::vec(any::<u8>(), 0..100),
        metadata in prop::option::of(prop::collection::vec(any::<u8>(), 0..100)),
        token_id: [u64; 4],
        amount: [u64; 4],
        ticketer: [u8; 20],
    ) {
        let ticket = Ticket {
            ticketer: ContractHash::new(ticketer),
            token_id: U256(token_id),
            metadata: metadata.as_deref(),
            amount: U256(amount),
        };
        let sent = of(Parameter::Deposit { routing: &routing, ticket });
        let bytes = transfer(&ROLLUP, &sent);
        prop_assert_eq!(parse(&bytes, &ROLLUP), Ok(Message::Transfer(sent)));
    }
}
