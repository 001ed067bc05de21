//! Levels through stage 1 on the host in memory.

use crate::{
    BLUEPRINTS_AHEAD_MAX, Progress, Reason, Summary, read_inbox,
    scenario::{self, EPOCH, FIRST_LEVEL, HEAD, ROLLUP, Scenario, TICKETER},
};
use millrace_host::{Budget, Call, FAULT, FaultAt};
use millrace_layout::{
    blueprints, clock, delayed,
    events::{self, Event},
    parameters, sequencers,
};
use millrace_primitives::{
    Address, BlockNumber, ContractHash, Epoch, L1Level, Mutez, RollupAddress, Ticks, U256,
};
use millrace_wire::{
    authority::{Authority, CertificateError},
    blueprint::{Announced, Blueprint, ChunkError, Domain, PIECE_BYTES_MAX, assemble},
    deposit::RoutingError,
    frame::Kind,
    message::{self, Ignored, Parameter, Ticket},
    micheline::MichelineError,
    signature::{PublicKey, SecretKey},
};
use std::collections::BTreeMap;

const NEXT: u64 = HEAD.get() + 1;

fn scenario() -> Scenario {
    Scenario::new().unwrap()
}

/// What the block stage would find for `number`.
fn stored(scenario: &Scenario, number: u64) -> Option<Blueprint> {
    let number = BlockNumber::new(number);
    let announced = blueprints::announced(number).unwrap().read(&scenario.host).unwrap()?;
    let header = Announced::decode(&announced.0).unwrap().header;
    let pieces: Option<Vec<_>> = (0..header.chunk_count)
        .map(|index| blueprints::piece(number, index).unwrap().read(&scenario.host).unwrap())
        .map(|piece| piece.map(|piece| piece.0))
        .collect();
    Some(assemble(&header, &pieces?).unwrap())
}

/// Only what `messages` do, without the level around them.
fn run(scenario: &mut Scenario, messages: &[Vec<u8>]) -> Summary {
    scenario.run_messages(messages).unwrap()
}

/// Runs one message that must change nothing, and checks the reason that is given.
fn refuse(scenario: &mut Scenario, message: Vec<u8>, reason: Reason) {
    let before = scenario.dump();
    scenario.host.reset_meter();
    let summary = run(scenario, &[message]);
    assert_eq!((summary.kept, summary.ignored, summary.failed), (0, 1, 0), "{reason}");
    assert_eq!(scenario.dump(), before, "{reason}");
    assert_eq!(scenario.host.bytes_written(), 0, "{reason}");
    let lines = scenario.host.debug_lines();
    if reason == Reason::Message(Ignored::OtherRollup) {
        assert_eq!(lines, [""; 0]);
    } else {
        assert_eq!(lines.len(), 1, "{reason}");
        assert!(lines[0].ends_with(&reason.to_string()), "{} instead of {reason}", lines[0]);
    }
}

fn three_chunks(scenario: &Scenario, number: u64, seed: u8) -> Vec<Vec<u8>> {
    let chunks = scenario.blueprint(number, scenario::payload(2 * PIECE_BYTES_MAX + 100, seed));
    assert_eq!(chunks.len(), 3);
    chunks
}

fn patched(message: &[u8], at: usize, xor: u8) -> Vec<u8> {
    let mut message = message.to_vec();
    message[at] ^= xor;
    message
}

/// Positions within a chunk message.
const KIND_AT: usize = 22;
const NUMBER_AT: usize = 23 + 4;
const SIGNATURE_AT: usize = 23 + 93;
const INDEX_AT: usize = 23 + 157;
const PROOF_AT: usize = 23 + 159;

#[test]
fn a_level_moves_the_clock_and_forgets_the_events_before() {
    let mut scenario = scenario();
    events::push(&mut scenario.host, &Event::BlueprintDropped { number: HEAD, reason: 1 }).unwrap();
    let summaries = scenario.run_level(&[], &Budget::RUN);
    let expected = Summary {
        progress: Progress::Done,
        messages: 3,
        kept: 0,
        ignored: 0,
        failed: 0,
        signature_checks: 0,
    };
    assert_eq!(summaries, [expected]);
    let clock = clock::read(&scenario.host).unwrap().unwrap();
    assert_eq!(clock.level, FIRST_LEVEL);
    assert_eq!(clock.timestamp, scenario::timestamp(FIRST_LEVEL));
    assert_eq!(events::all(&scenario.host).unwrap(), []);
    scenario.run_level(&[], &Budget::RUN);
    assert_eq!(clock::read(&scenario.host).unwrap().unwrap().level, L1Level::new(101));
}

#[test]
fn an_empty_level_takes_few_host_calls() {
    let mut scenario = scenario();
    scenario.run_level(&[], &Budget::RUN);
    let calls = scenario.host.calls_by_kind();
    // The reads: whether the authority changes, at the beginning of a run and of a level, and slots that an earlier run
    // has left.
    let expected = [
        (Call::ReadInput, 3),
        (Call::Read, 3),
        (Call::Write, 1),
        (Call::Delete, 1),
        (Call::RevealMetadata, 1),
    ];
    assert_eq!(calls, BTreeMap::from(expected));
}

#[test]
fn chunks_arrive_in_any_order_and_over_levels() {
    let blueprint = scenario::blueprint(NEXT, scenario::payload(2 * PIECE_BYTES_MAX + 100, 1));
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        for levels in 1..=3usize {
            let mut scenario = scenario();
            let chunks = three_chunks(&scenario, NEXT, 1);
            let ordered = order.map(|index| chunks[index].clone());
            for level in ordered.chunks(3usize.div_ceil(levels)) {
                assert_eq!(stored(&scenario, NEXT), None);
                let summaries = scenario.run_level(level, &Budget::RUN);
                assert_eq!(usize::try_from(summaries[0].kept).unwrap(), level.len());
            }
            assert_eq!(stored(&scenario, NEXT), Some(blueprint.clone()), "{order:?} in {levels} levels");
        }
    }
}

#[test]
fn a_blueprint_of_128_chunks_costs_one_signature_check() {
    let mut scenario = scenario();
    let chunks = scenario.blueprint(NEXT, scenario::payload(127 * PIECE_BYTES_MAX + 9, 1));
    assert_eq!(chunks.len(), 128);
    let summary = run(&mut scenario, &chunks);
    assert_eq!((summary.kept, summary.signature_checks), (128, 1));
    assert!(stored(&scenario, NEXT).is_some());
    // Chunk after chunk: ask how large the piece is, and write it in two parts. Besides the header, the key of the
    // sequencer is prepared for the blueprints to come.
    assert_eq!(scenario.host.calls(Call::ValueSize), 127);
    assert_eq!(scenario.host.calls(Call::Write), 1 + 1 + 127 * 2 + 1);
}

#[test]
fn a_key_is_prepared_once_and_only_for_a_member() {
    let mut scenario = scenario();
    let key = match scenario.sequencer.public_key() {
        PublicKey::Ed25519(key) => sequencers::prepared(&key).unwrap(),
        other => panic!("{other:?}"),
    };
    let stranger = SecretKey::from_seed(&[66; 32]);
    let forged = scenario.sealed(
        &scenario::blueprint(NEXT, scenario::payload(100, 1)),
        EPOCH,
        &scenario.domain(),
        &stranger,
    );
    run(&mut scenario, &forged);
    assert_eq!(key.read(&scenario.host), Ok(None));
    let mut kept = None;
    for number in NEXT..NEXT + 3 {
        let chunks = scenario.blueprint(number, scenario::payload(100, 1));
        assert_eq!(run(&mut scenario, &chunks).kept, 1);
        let prepared = key.read(&scenario.host).unwrap().unwrap();
        assert_eq!(kept.get_or_insert_with(|| prepared.clone()), &prepared);
    }
    // What is prepared answers as the key does.
    let chunks = scenario.blueprint(NEXT + 3, scenario::payload(100, 1));
    let wrong = patched(&chunks[0], SIGNATURE_AT, 1);
    refuse(&mut scenario, wrong, Reason::Certificate(CertificateError::Signature));
}

#[test]
fn blueprints_of_several_numbers_are_kept_apart() {
    let mut scenario = scenario();
    let mut messages = Vec::new();
    for (first, second) in
        three_chunks(&scenario, NEXT, 1).into_iter().zip(three_chunks(&scenario, NEXT + 1, 2))
    {
        messages.extend([second, first]);
    }
    let summary = run(&mut scenario, &messages);
    assert_eq!((summary.kept, summary.signature_checks), (6, 2));
    for (number, seed) in [(NEXT, 1), (NEXT + 1, 2)] {
        let payload = scenario::payload(2 * PIECE_BYTES_MAX + 100, seed);
        assert_eq!(stored(&scenario, number), Some(scenario::blueprint(number, payload)));
    }
}

#[test]
fn a_piece_is_stored_once() {
    let mut scenario = scenario();
    let chunks = three_chunks(&scenario, NEXT, 1);
    run(&mut scenario, &chunks);
    for chunk in chunks {
        refuse(&mut scenario, chunk, Reason::DuplicatePiece);
    }
}

#[test]
fn a_half_written_piece_is_written_again() {
    let mut scenario = scenario();
    let chunks = three_chunks(&scenario, NEXT, 1);
    run(&mut scenario, &chunks);
    let whole = scenario.dump();
    let key = blueprints::piece(BlockNumber::new(NEXT), 1).unwrap().path().to_string();
    let half = whole[&key][..2_048].to_vec();
    scenario.host.set_value(&key, half);
    assert_eq!(run(&mut scenario, &chunks).kept, 1);
    assert_eq!(scenario.dump(), whole);
}

#[test]
fn garbage_writes_nothing() {
    let mut scenario = scenario();
    scenario.run_level(&[], &Budget::RUN);
    let good = three_chunks(&scenario, NEXT, 1).swap_remove(2);
    let other_rollup = patched(&good, 2, 1);
    let truncated = |size| good[..size].to_vec();
    let chunk = Reason::Chunk;
    let ignored = Reason::Message;
    let table = [
        (vec![], ignored(Ignored::Empty)),
        (vec![0xff], ignored(Ignored::UnknownTag)),
        (vec![0xff; 4_096], ignored(Ignored::UnknownTag)),
        (vec![0; 4_097], ignored(Ignored::TooLong)),
        ([good.clone(), vec![0; 4_097]].concat(), ignored(Ignored::TooLong)),
        (vec![1; 40], ignored(Ignored::UnknownFrame)),
        (vec![0, 9], ignored(Ignored::UnknownTag)),
        (vec![0, 1, 7], ignored(Ignored::TrailingBytes)),
        (other_rollup, ignored(Ignored::OtherRollup)),
        (patched(&good, KIND_AT, 3), ignored(Ignored::UnknownKind)),
        (patched(&good, KIND_AT, 0xf8), ignored(Ignored::UnknownKind)),
        (truncated(20), ignored(Ignored::Truncated)),
        (truncated(23), chunk(ChunkError::Truncated)),
        (truncated(23 + 90), chunk(ChunkError::Truncated)),
        (truncated(PROOF_AT + 63), chunk(ChunkError::Truncated)),
        (truncated(good.len() - 1), chunk(ChunkError::PieceSize)),
        ([good.clone(), vec![0]].concat(), chunk(ChunkError::PieceSize)),
        (patched(&good, SIGNATURE_AT - 1, 2), chunk(ChunkError::UnknownScheme)),
        (patched(&good, INDEX_AT, 0x80), chunk(ChunkError::Index)),
        (patched(&good, INDEX_AT + 1, 1), chunk(ChunkError::Index)),
        (patched(&good, NUMBER_AT, 0x80), Reason::TooFarAhead),
        (patched(&good, NUMBER_AT + 7, 1), Reason::Stale),
        (patched(&good, 23 + 3, 1), Reason::Certificate(CertificateError::Epoch)),
        (patched(&good, PROOF_AT, 1), Reason::WrongProof),
        (patched(&good, PROOF_AT + 63, 1), Reason::WrongProof),
        (patched(&good, good.len() - 1, 1), Reason::WrongProof),
        (patched(&good, SIGNATURE_AT, 1), Reason::Certificate(CertificateError::Signature)),
        (patched(&good, SIGNATURE_AT + 63, 1), Reason::Certificate(CertificateError::Signature)),
        // The parent is signed, not proved.
        (patched(&good, NUMBER_AT + 8, 1), Reason::Certificate(CertificateError::Signature)),
        (message::protocol_migration(b"t024_024"), Reason::Unsupported),
        (scenario::transfer(Parameter::DelayedBridge(&[0, 1])), Reason::OtherSender),
        (scenario::transfer(Parameter::Governance(&[])), Reason::OtherSender),
    ];
    for (message, reason) in table {
        refuse(&mut scenario, message, reason);
    }
    // And none of it is in the way of the real one.
    assert_eq!(run(&mut scenario, &[good]).kept, 1);
}

#[test]
fn signatures_of_others_or_for_others_are_refused() {
    let mut scenario = scenario();
    let blueprint = scenario::blueprint(NEXT, scenario::payload(100, 1));
    let sequencer = scenario.sequencer.clone();
    let domain = scenario.domain();
    let other_rollup = Domain { rollup: RollupAddress::new([0x12; 20]), ..domain };
    let other_chain = Domain { chain_id: U256::from(1), ..domain };
    let stranger = SecretKey::from_seed(&[8; 32]);
    for (domain, signer) in [(domain, &stranger), (other_rollup, &sequencer), (other_chain, &sequencer)] {
        let messages = scenario.sealed(&blueprint, EPOCH, &domain, signer);
        refuse(&mut scenario, messages[0].clone(), Reason::Certificate(CertificateError::Signature));
    }
    let later = scenario.sealed(&blueprint, Epoch::new(4), &domain, &sequencer);
    refuse(&mut scenario, later[0].clone(), Reason::Certificate(CertificateError::Epoch));
}

#[test]
fn cheap_checks_come_before_signatures() {
    let mut scenario = scenario();
    let good = three_chunks(&scenario, NEXT, 1);
    let cheap = [
        patched(&good[0], NUMBER_AT, 0x80),
        patched(&good[0], NUMBER_AT + 7, 1),
        patched(&good[0], 26, 1),
        patched(&good[0], PROOF_AT, 1),
    ];
    assert_eq!(run(&mut scenario, &cheap).signature_checks, 0);
    run(&mut scenario, &good[..1]);
    let known = [good[0].clone(), patched(&good[1], PROOF_AT, 1), patched(&good[0], SIGNATURE_AT, 1)];
    assert_eq!(run(&mut scenario, &known).signature_checks, 0);
    assert_eq!(run(&mut scenario, &[patched(&good[1], SIGNATURE_AT, 1)]).signature_checks, 1);
}

#[test]
fn what_waits_is_bounded() {
    let mut scenario = scenario();
    let first = HEAD.get();
    let table = [
        (0, Some(Reason::Stale)),
        (first, Some(Reason::Stale)),
        (first + 1, None),
        (first + BLUEPRINTS_AHEAD_MAX, None),
        (first + BLUEPRINTS_AHEAD_MAX + 1, Some(Reason::TooFarAhead)),
        (first + 1_000_000_000, Some(Reason::TooFarAhead)),
        (u64::MAX, Some(Reason::TooFarAhead)),
    ];
    for (number, reason) in table {
        let message = scenario.blueprint(number, scenario::payload(100, 1)).swap_remove(0);
        match reason {
            Some(reason) => refuse(&mut scenario, message, reason),
            None => assert_eq!(run(&mut scenario, &[message]).kept, 1, "{number}"),
        }
    }
}

#[test]
fn the_first_whole_blueprint_of_a_number_wins() {
    let mut scenario = scenario();
    let [first, second, third] = [1, 2, 3].map(|seed| three_chunks(&scenario, NEXT, seed));
    let payload = |seed| scenario::payload(2 * PIECE_BYTES_MAX + 100, seed);
    let whole = |seed| Some(scenario::blueprint(NEXT, payload(seed)));
    run(&mut scenario, &[first[0].clone(), second[0].clone(), first[1].clone(), third[0].clone()]);
    assert_eq!(stored(&scenario, NEXT), None);
    // Of three, the second gave way to the third: its pieces come again.
    run(&mut scenario, &[second[1].clone(), second[2].clone(), second[0].clone()]);
    assert_eq!(stored(&scenario, NEXT), whole(2));
    // Now that one is whole, the others are refused without a signature check.
    for message in first.iter().chain(&third) {
        refuse(&mut scenario, message.clone(), Reason::CompetingHeader);
    }
    assert_eq!(run(&mut scenario, &first).signature_checks, 0);
    assert_eq!(stored(&scenario, NEXT), whole(2));
    assert!(!scenario.dump().keys().any(|key| key.contains("rival")));
}

#[test]
fn the_first_wins_if_it_is_whole_before_its_rival() {
    let mut scenario = scenario();
    let [first, second] = [1, 2].map(|seed| three_chunks(&scenario, NEXT, seed));
    run(&mut scenario, &[&first[..1], &second[1..], &first[1..]].concat());
    let payload = scenario::payload(2 * PIECE_BYTES_MAX + 100, 1);
    assert_eq!(stored(&scenario, NEXT), Some(scenario::blueprint(NEXT, payload)));
    refuse(&mut scenario, second[0].clone(), Reason::CompetingHeader);
}

#[test]
fn a_new_authority_replaces_what_the_old_one_left() {
    let mut scenario = scenario();
    let old = three_chunks(&scenario, NEXT, 1);
    run(&mut scenario, &old);
    let successor = SecretKey::from_seed(&[9; 32]);
    let authority = Authority::single(Epoch::new(4), successor.public_key());
    sequencers::key().unwrap().write(&mut scenario.host, &authority).unwrap();
    let blueprint = scenario::blueprint(NEXT, scenario::payload(100, 2));
    let domain = scenario.domain();
    let forged = scenario.sealed(&blueprint, Epoch::new(4), &domain, &scenario.sequencer);
    refuse(&mut scenario, forged[0].clone(), Reason::Certificate(CertificateError::Signature));
    refuse(&mut scenario, old[0].clone(), Reason::Certificate(CertificateError::Epoch));
    let new = scenario.sealed(&blueprint, Epoch::new(4), &domain, &successor);
    assert_eq!(run(&mut scenario, &new).kept, 1);
    assert_eq!(stored(&scenario, NEXT), Some(blueprint));
    assert_eq!(blueprints::pieces_count(&scenario.host, BlockNumber::new(NEXT)).unwrap(), 1);
}

#[test]
fn without_an_authority_no_blueprint_is_stored() {
    let mut scenario = scenario();
    let messages = scenario.blueprint(NEXT, scenario::payload(100, 1));
    sequencers::key().unwrap().delete(&mut scenario.host).unwrap();
    refuse(&mut scenario, messages[0].clone(), Reason::NoAuthority);
}

#[test]
fn a_deposit_enters_the_delayed_inbox_with_an_event() {
    let mut scenario = scenario();
    let receiver = Address::repeat_byte(0xab);
    let long_routing = [vec![0xab; 20], vec![0; 32]].concat();
    let messages = [
        scenario::deposit(TICKETER, receiver.as_bytes(), U256::from(1_500_000)),
        scenario::deposit(TICKETER, &long_routing, U256::from(u64::MAX)),
    ];
    let summaries = scenario.run_level(&messages, &Budget::RUN);
    assert_eq!(summaries[0].kept, 2);
    let items = delayed::oldest(&scenario.host, 10).unwrap();
    assert_eq!(items.len(), 2);
    for (item, (index, amount)) in items.iter().zip([(2, 1_500_000), (3, u64::MAX)]) {
        let delayed::Content::Deposit(deposit) = &item.content else { panic!("{item:?}") };
        assert_eq!((deposit.receiver, deposit.amount), (receiver, Mutez::new(amount)));
        assert_eq!((deposit.level, deposit.index), (FIRST_LEVEL, index));
        assert_eq!((item.level, item.timestamp), (FIRST_LEVEL, scenario::timestamp(FIRST_LEVEL)));
        assert_eq!(item.name, deposit.hash());
        assert_eq!(delayed::find(&scenario.host, item.name).unwrap().as_ref(), Some(item));
    }
    let expected: Vec<_> = items.iter().map(|item| Event::DelayedItem { name: item.name }).collect();
    assert_eq!(events::all(&scenario.host).unwrap(), expected);
    // The events go with the level, the items stay.
    scenario.run_level(&[], &Budget::RUN);
    assert_eq!(events::all(&scenario.host).unwrap(), []);
    assert_eq!(delayed::oldest(&scenario.host, 10).unwrap(), items);
}

#[test]
fn deposits_that_are_not_tez_for_somebody_are_refused() {
    let mut scenario = scenario();
    scenario.run_level(&[], &Budget::RUN);
    let routing = [0xab; 20];
    let one = U256::one();
    let other = ContractHash::new([0x23; 20]);
    let content = |token_id: u64, metadata| {
        let ticket = Ticket { ticketer: TICKETER, token_id: U256::from(token_id), metadata, amount: one };
        scenario::transfer(Parameter::Deposit { routing: &routing, ticket })
    };
    let deposit = |routing: &[u8], amount| scenario::deposit(TICKETER, routing, amount);
    let table = [
        (scenario::deposit(other, &routing, one), Reason::OtherTicketer),
        (content(1, None), Reason::TicketContent),
        (content(0, Some(&[][..])), Reason::TicketContent),
        (deposit(&routing, U256::zero()), Reason::AmountZero),
        (deposit(&routing, U256::from(u64::MAX) + 1), Reason::AmountTooLarge),
        (deposit(&routing, U256::MAX), Reason::AmountTooLarge),
        (deposit(&[], one), Reason::Routing(RoutingError::Empty)),
        (deposit(&[0xab; 21], one), Reason::Routing(RoutingError::UnknownVersion)),
        (deposit(&[1, 0xc0], one), Reason::Routing(RoutingError::Malformed)),
    ];
    for (message, reason) in &table {
        refuse(&mut scenario, message.clone(), *reason);
    }
    // A bad one among good ones is the only one that is left out.
    let level = [deposit(&routing, one), deposit(&[], one), deposit(&routing, one)];
    assert_eq!(scenario.run_level(&level, &Budget::RUN)[0].kept, 2);
    assert_eq!(delayed::oldest(&scenario.host, 10).unwrap().len(), 2);
    // Without a ticketer nothing is tez.
    let parameters = parameters::Parameters::default();
    parameters::key().unwrap().write(&mut scenario.host, &parameters).unwrap();
    refuse(&mut scenario, deposit(&routing, one), Reason::OtherTicketer);
}

#[test]
fn an_amount_beyond_256_bits_is_refused() {
    let mut scenario = scenario();
    scenario.run_level(&[], &Budget::RUN);
    let mut message = scenario::deposit(TICKETER, &[0xab; 20], U256::MAX);
    let last_of_amount = message.len() - 61 - 1;
    message[last_of_amount] |= 0x80;
    message.splice(last_of_amount + 1..last_of_amount + 1, [0x01]);
    let reason = Reason::Message(Ignored::Micheline(MichelineError::IntTooLarge));
    refuse(&mut scenario, message, reason);
}

/// Messages of every kind, good and bad.
fn mixture(scenario: &Scenario) -> Vec<Vec<u8>> {
    let mut messages = three_chunks(scenario, NEXT, 1);
    messages.push(scenario::deposit(TICKETER, &[0xab; 20], U256::from(5)));
    messages.push(vec![0xff; 100]);
    messages.extend(three_chunks(scenario, NEXT + 1, 2));
    messages.push(patched(&messages[0], SIGNATURE_AT, 1));
    messages.push(scenario::deposit(TICKETER, &[], U256::from(5)));
    messages.extend(scenario.blueprint(NEXT + 2, scenario::payload(50, 3)));
    messages.push(message::external(&ROLLUP, Kind::BlueprintChunk, &[0; 10]));
    messages.push(scenario::deposit(TICKETER, &[0xcd; 20], U256::from(6)));
    messages
}

#[test]
fn any_budget_gives_the_same_storage() {
    let mut reference = scenario();
    let messages = mixture(&reference);
    let whole = reference.run_level(&messages, &Budget::RUN);
    assert_eq!(whole.len(), 1);
    // The first message of a run is always read, so the smallest budget reads one at a time.
    for ticks in [1, 501_000_000, 505_000_000, 510_000_000, 520_000_000] {
        let mut scenario = scenario();
        let runs = scenario.run_level(&messages, &Budget::new(Ticks::new(ticks)));
        assert!(runs.len() > 1, "{ticks}");
        assert_eq!(scenario.dump(), reference.dump(), "{ticks}");
        assert_eq!(runs.iter().map(|run| run.kept).sum::<u32>(), whole[0].kept);
        if ticks == 1 {
            assert!(runs.iter().all(|run| run.messages == 1));
        }
    }
}

/// Durable storage without what a level forgets anyway and without the clock.
fn lasting(scenario: &Scenario) -> BTreeMap<String, Vec<u8>> {
    let mut dump = scenario.dump();
    dump.retain(|key, _| !key.starts_with("/base/events") && key != "/base/l1");
    dump
}

#[test]
fn dying_at_any_host_call_is_repaired_by_sending_again() {
    let mut reference = scenario();
    let chunks: Vec<_> = [three_chunks(&reference, NEXT, 1), three_chunks(&reference, NEXT + 1, 2)].concat();
    reference.run_level(&chunks, &Budget::RUN);
    let calls = reference.host.fallible_calls();
    assert!(calls > 30, "{calls}");
    for call in 0..calls {
        for fault in [FaultAt::Dead(call), FaultAt::Once(call)] {
            let mut scenario = scenario();
            scenario.host.set_fault(Some(fault));
            scenario.run_level(&chunks, &Budget::RUN);
            scenario.host.set_fault(None);
            scenario.run_level(&chunks, &Budget::RUN);
            assert_eq!(lasting(&scenario), lasting(&reference), "{fault:?}");
        }
    }
}

#[test]
fn dying_within_a_deposit_does_not_hurt_the_others() {
    let deposits = |from: u64| -> Vec<_> {
        (from..from + 3).map(|n| scenario::deposit(TICKETER, &[0xab; 20], U256::from(n))).collect()
    };
    let mut started = scenario();
    started.run_level(&[], &Budget::RUN);
    let mut reference = started.clone();
    reference.host.set_fault(None);
    reference.run_level(&deposits(1), &Budget::RUN);
    let calls = reference.host.fallible_calls();
    assert!(calls > 30, "{calls}");
    for call in 0..calls {
        let mut scenario = started.clone();
        scenario.host.set_fault(Some(FaultAt::Once(call)));
        let runs = scenario.run_level(&deposits(1), &Budget::RUN);
        scenario.host.set_fault(None);
        scenario.run_level(&deposits(4), &Budget::RUN);
        let items = delayed::oldest(&scenario.host, 10).unwrap();
        let amounts: Vec<_> = items
            .iter()
            .map(|item| {
                let delayed::Content::Deposit(deposit) = &item.content else { panic!("{item:?}") };
                deposit.amount.get()
            })
            .collect();
        assert!(amounts.ends_with(&[4, 5, 6]), "call {call}: {amounts:?}");
        // At most the deposit that met the fault is lost, and none is credited twice.
        assert!(amounts.is_sorted_by(|one, next| one < next), "call {call}: {amounts:?}");
        assert!(amounts.len() >= 5 || runs.is_empty(), "call {call}: {amounts:?}");
        for item in &items[items.len() - 3..] {
            assert_eq!(delayed::find(&scenario.host, item.name).unwrap().as_ref(), Some(item), "call {call}");
        }
    }
}

#[test]
fn corrupt_storage_does_not_keep_messages_from_being_read() {
    let healthy = scenario();
    let messages = mixture(&healthy);
    for key in ["/base/parameters", "/base/authority", "/evm/world/head"] {
        let mut scenario = healthy.clone();
        let sound = scenario.host.value(key).unwrap().to_vec();
        scenario.host.set_value(key, vec![0xde, 0xad]);
        let summary = scenario.run_level(&messages, &Budget::RUN)[0];
        assert_eq!(summary.progress, Progress::Done, "{key}");
        assert!(summary.failed > 0, "{key}");
        assert_eq!(usize::try_from(summary.messages).unwrap(), messages.len() + 3, "{key}");
        assert_eq!(clock::read(&scenario.host).unwrap().unwrap().level, FIRST_LEVEL, "{key}");
        scenario.host.set_value(key, sound);
        assert_eq!(scenario.run_level(&messages, &Budget::RUN)[0].failed, 0, "{key}");
        assert!(stored(&scenario, NEXT + 1).is_some(), "{key}");
    }
}

#[test]
fn a_host_that_gives_no_message_ends_the_stage() {
    let mut scenario = scenario();
    scenario.host.open_level(FIRST_LEVEL, [message::start_of_level()]);
    scenario.host.set_fault(Some(FaultAt::Once(0)));
    assert_eq!(
        read_inbox(&mut scenario.host, &mut Budget::RUN.clone()),
        Err(crate::InboxError::Metadata(FAULT))
    );
    // After the change of authority that may wait, and the slots that an earlier run may have left.
    scenario.host.set_fault(Some(FaultAt::Once(3)));
    assert_eq!(read_inbox(&mut scenario.host, &mut Budget::RUN.clone()), Err(crate::InboxError::Read(FAULT)));
    scenario.host.set_fault(None);
    let summary = read_inbox(&mut scenario.host, &mut Budget::RUN.clone());
    assert_eq!(summary.map(|summary| summary.progress), Ok(Progress::Done));
}
