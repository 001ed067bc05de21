//! Rows 32 to 39: which blueprints count, and when.

use super::super::chain::{Chain, User};
use millrace_block::BlueprintFault;
use millrace_host::MemoryHost;
use millrace_layout::{events::Event, sequencers};
use millrace_primitives::{Address, BlockHash, BlockNumber, Epoch, RollupAddress, Timestamp, U256};
use millrace_wire::{
    MESSAGE_BYTES_MAX,
    address::Curve,
    authority::Authority,
    blueprint::{
        Blueprint, CHUNKS_MAX, Certificate, Header, PAYLOAD_BYTES_MAX, Payload, PayloadSize, legacy, prepare,
    },
    signature::SecretKey,
};
use std::collections::BTreeMap;

/// What is stored of blueprints.
fn stored(host: &MemoryHost) -> BTreeMap<String, Vec<u8>> {
    host.dump().into_iter().filter(|(key, _)| key.starts_with("/base/blueprints")).collect()
}

#[test]
fn row_32_a_timestamp_is_between_the_head_and_the_lookahead() {
    // Relative to the head, or to what the layer 1 told last.
    let rows = [
        (true, -1, Some(BlueprintFault::TimestampBeforeParent)),
        (true, 0, None),
        (false, 300, None),
        (false, 301, Some(BlueprintFault::TimestampAhead)),
    ];
    for (of_head, offset, fault) in rows {
        for format in [Chain::seal, Chain::seal_legacy] {
            let mut chain = Chain::started();
            chain.block(vec![]);
            let base = if of_head { chain.head().header.timestamp } else { chain.now() };
            let timestamp = Timestamp::new(base.get().saturating_add_signed(offset));
            let blueprint = Blueprint { timestamp, ..chain.next(vec![]) };
            chain.run(&format(&chain, &blueprint));
            let dropped = |fault: BlueprintFault| Event::BlueprintDropped {
                number: blueprint.number,
                reason: fault.code(),
            };
            let expected: Vec<_> = fault.into_iter().map(dropped).collect();
            assert_eq!(chain.events(), expected, "{of_head} {offset}");
            assert_eq!(chain.number(), if fault.is_none() { 2 } else { 1 });
            chain.block(vec![]);
        }
    }
}

#[test]
fn row_33_a_blueprint_of_the_past_is_ignored_and_stores_nothing() {
    let mut chain = Chain::started();
    let mut past = vec![];
    for nonce in 0..4 {
        let blueprint = chain.next(vec![User::new(1).transfer(nonce, Address::zero(), 1)]);
        past.extend(chain.seal(&blueprint));
        past.extend(chain.seal_legacy(&blueprint));
        chain.run(&past[past.len() - 2..past.len() - 1]);
    }
    assert_eq!(chain.number(), 4);
    let mut quiet = chain.clone();
    for _ in 0..3 {
        chain.run(&past);
        quiet.run(&[]);
        assert_eq!(chain.host.dump(), quiet.host.dump());
    }
}

#[test]
fn row_34_what_can_never_be_whole_is_not_stored() {
    let chain = Chain::started();
    let number = BlockNumber::new(1);
    let chunk = |number: u64, chunk_count: u16, index: u16| {
        let number = BlockNumber::new(number);
        chain.legacy_message(&legacy::Chunk { number, chunk_count, index, chain_id: None, piece: &[1; 100] })
    };
    let refused = [
        // Signed as it should be: the index, the count, the number.
        chunk(1, 2, 2),
        chunk(1, 2, u16::MAX),
        chunk(1, 0, 0),
        chunk(1, CHUNKS_MAX + 1, 0),
        chunk(1 + 1_000_000_000, 1, 0),
        chunk(u64::MAX, 1, 0),
        chain.seal(&chain.after(1_000_000_000, BlockHash::new([1; 32]), vec![])).remove(0),
    ];
    let (mut quiet, mut noisy) = (chain.clone(), chain.clone());
    quiet.run(&[]);
    noisy.run(&refused);
    assert_eq!(noisy.host.dump(), quiet.host.dump());

    // Chunks that disagree about their number: those of one blueprint are kept, and what is kept goes with it.
    let blueprint = chain.next((0..3u8).map(|byte| vec![0xf0 + byte; 3_000]).collect());
    let good = chain.seal_legacy(&blueprint);
    let mut chain = noisy;
    chain.run(&[good[0].clone(), chunk(1, 2, 1), chunk(1, 7, 5), chunk(1, 128, 127)]);
    chain.run(&good);
    chain.run(&good);
    assert_eq!((chain.head().header.number, stored(&chain.host).len()), (number, 0));
}

#[test]
fn row_35_the_first_whole_blueprint_of_a_number_wins() {
    let chain = Chain::started();
    let junk: Vec<_> = (0..3u8).map(|byte| vec![0xf0 + byte; 3_000]).collect();
    let with = |user: u8| [junk.clone(), vec![User::new(user).transfer(0, Address::zero(), 1)]].concat();
    let (a, b) = (chain.seal(&chain.next(with(1))), chain.seal(&chain.next(with(2))));
    assert_eq!((a.len(), b.len()), (3, 3));
    let pick = |order: &[(u8, usize)]| -> Vec<_> {
        let of = |&(user, index): &(u8, usize)| if user == 1 { a[index].clone() } else { b[index].clone() };
        order.iter().map(of).collect()
    };
    let rows = [
        (pick(&[(1, 0), (2, 0), (1, 1), (2, 1), (1, 2), (2, 2)]), 1),
        (pick(&[(1, 0), (2, 0), (2, 1), (2, 2), (1, 1), (1, 2)]), 2),
        (pick(&[(1, 0), (2, 1), (2, 2), (1, 1), (1, 2), (2, 0)]), 1),
        (pick(&[(2, 2), (1, 0), (1, 1), (1, 2), (2, 0), (2, 1)]), 1),
    ];
    for (messages, winner) in rows {
        // In one level, and one message a level.
        for size in [messages.len(), 1] {
            let mut chain = chain.clone();
            messages.chunks(size).for_each(|messages| {
                chain.run(messages);
            });
            assert_eq!(chain.number(), 1);
            let nonces = [1, 2].map(|user| chain.nonce(User::new(user).address));
            assert_eq!(nonces, if winner == 1 { [1, 0] } else { [0, 1] }, "{winner} {size}");
            assert!(stored(&chain.host).is_empty());
            chain.block(vec![]);
        }
    }
}

/// A chain whose sequencer has a key of this curve.
fn with_key(curve: Curve) -> Chain {
    let mut chain = Chain::started();
    chain.sequencer = SecretKey::from_bytes(curve, &[5; 32]).unwrap();
    let authority = Authority::single(Epoch::ZERO, chain.sequencer.public_key());
    sequencers::key().unwrap().write(&mut chain.host, &authority).unwrap();
    chain
}

/// The other signature of the same bytes: `order - s` in place of `s`.
fn other(curve: Curve, bytes: &[u8]) -> Vec<u8> {
    let order = match curve {
        Curve::Ed25519 => "1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3ed",
        Curve::Secp256k1 => "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141",
        Curve::P256 => "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
        Curve::Bls => unreachable!("no sequencer has such a key"),
    };
    let order = U256::from_str_radix(order, 16).unwrap();
    if curve == Curve::Ed25519 {
        // Twice the same number: s + order, little-endian.
        let sum = U256::from_little_endian(bytes) + order;
        let mut out = [0; 32];
        sum.to_little_endian(&mut out);
        return out.to_vec();
    }
    let mut out = [0; 32];
    (order - U256::from_big_endian(bytes)).to_big_endian(&mut out);
    out.to_vec()
}

#[test]
fn row_36_of_two_signatures_that_say_the_same_only_the_canonical_one_counts() {
    for curve in [Curve::Ed25519, Curve::Secp256k1, Curve::P256] {
        let chain = with_key(curve);
        let blueprint = chain.next(vec![User::new(1).transfer(0, Address::zero(), 1)]);
        let [good] = &chain.seal(&blueprint)[..] else { panic!("one chunk") };
        let [legacy] = &chain.seal_legacy(&blueprint)[..] else { panic!("one chunk") };
        // The second half of the signature: it ends a chunk of format 0, and follows header and tag in format 2.
        let legacy_at = legacy.len() - 32;
        let good_at = signature_at(good) + 32;
        for (message, at) in [(legacy, legacy_at), (good, good_at)] {
            let mut twin = message.clone();
            twin.splice(at..at + 32, other(curve, &message[at..at + 32]));
            let (mut quiet, mut noisy) = (chain.clone(), chain.clone());
            quiet.run(&[]);
            noisy.run(&[twin]);
            // A key that is prepared for later checks is no trace of the message.
            assert_eq!(stored(&noisy.host), stored(&quiet.host), "{curve:?}");
            assert_eq!(noisy.number(), 0, "{curve:?}");
            noisy.run(std::slice::from_ref(message));
            assert_eq!(noisy.number(), 1, "{curve:?}");
        }
    }
}

/// Where the signature of a chunk of format 2 begins.
fn signature_at(message: &[u8]) -> usize {
    // Outer tag, frame, rollup, kind; header; scheme.
    let at = 1 + 1 + 20 + 1 + Header::SIZE_BYTES + 1;
    assert!(message.len() > at + 64);
    at
}

#[test]
fn row_37_what_was_signed_for_another_rollup_or_chain_is_refused() {
    let mut chain = Chain::started();
    let blueprint = chain.next(vec![User::new(1).transfer(0, Address::zero(), 1)]);
    let elsewhere = RollupAddress::new([0x77; 20]);
    // Signed for the other rollup, in a frame for this one.
    let replayed = chain.seal_for(elsewhere, &blueprint);
    let payload = legacy::encode_payload(&blueprint);
    let of_chain = |id: u64| {
        let chunks = legacy::cut(&payload, blueprint.number, Some(U256::from(id))).unwrap();
        chunks.iter().map(|chunk| chain.legacy_message(chunk)).collect::<Vec<_>>()
    };
    let (wrong, right) = (of_chain(42_793), of_chain(1337));
    let mut quiet = chain.clone();
    quiet.run(&[]);
    chain.run(&[replayed, wrong].concat());
    assert_eq!(stored(&chain.host), stored(&quiet.host));
    assert_eq!(chain.number(), 0);
    chain.run(&right);
    assert_eq!(chain.number(), 1);
}

#[test]
fn row_39_producer_and_kernel_agree_on_what_fits() {
    let chain = Chain::started();
    let fill = |size: usize| Payload {
        delayed: vec![],
        transactions: vec![vec![0xff; 100_000]; 4].into_iter().chain([vec![0xff; size]]).collect(),
    };
    let fixed = fill(70_000).encode().len() - 70_000;
    let most = PAYLOAD_BYTES_MAX - fixed;
    for (size, fits) in [(most, true), (most + 1, false)] {
        let payload = fill(size);
        let mut counted = PayloadSize::default();
        payload.transactions.iter().for_each(|transaction| counted.add_transaction(transaction));
        assert_eq!((counted.fits(), counted.bytes()), (fits, payload.encode().len()));
        let blueprint = Blueprint { payload, ..chain.next(vec![]) };
        assert_eq!(prepare(Epoch::ZERO, &blueprint, Certificate::SINGLE_SIZE_BYTES).is_ok(), fits);
    }
    let mut chain = chain;
    let messages = chain.seal(&Blueprint { payload: fill(most), ..chain.next(vec![]) });
    assert_eq!(messages.len(), usize::from(CHUNKS_MAX));
    assert!(messages.iter().all(|message| message.len() <= MESSAGE_BYTES_MAX));
    chain.run(&messages);
    assert_eq!(chain.number(), 1);
}
