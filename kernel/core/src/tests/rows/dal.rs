//! Row 38, and row 33 by way of the data availability layer: blueprints that come in slots.

use super::super::chain::{ADMIN, Chain, ROLLUP, User, transfer};
use crate::run_within;
use millrace_host::{Budget, Call, DalPage, DalParameters, FaultAt, RunEnd};
use millrace_inbox::SlotFault;
use millrace_layout::{
    blueprints, dal,
    events::Event,
    parameters::{Dal, Parameters},
};
use millrace_primitives::{Address, L1Level, PreimageHash, Ticks, Timestamp, U256};
use millrace_wire::{
    address::{Curve, PublicKeyHash},
    blueprint::{Blueprint, legacy},
    dal::{PublishedSlots, PublisherSlots, Signal, encode_publishers},
    frame::Kind,
    governance::{Decision, KernelUpgrade},
    message::{self, DalAttestedSlots, Parameter},
    signature::SecretKey,
};
use std::collections::BTreeMap;

const LAG: u32 = 2;
const PAGE_BYTES: u16 = 400;
const SLOT_BYTES: u32 = 16_000;
const CONSTANTS: DalParameters = DalParameters {
    number_of_slots: 160,
    attestation_lag: LAG as u64,
    slot_size_bytes: SLOT_BYTES as u64,
    page_size_bytes: PAGE_BYTES as u64,
};
const PUBLISHER: PublicKeyHash = PublicKeyHash { curve: Curve::Ed25519, hash: [0x9b; 20] };

/// The rollup listens to slots 0 and 3 and to one publisher.
fn parameters() -> Parameters {
    let dal = Dal { is_enabled: true, has_signals: true, slots: vec![0, 3], publishers: vec![PUBLISHER] };
    Parameters { dal, ..Chain::bridged() }
}

fn started_with(parameters: &Parameters) -> Chain {
    let mut chain = Chain::started_with(parameters);
    chain.host.set_dal_parameters(Some(CONSTANTS));
    chain.pass(1_000, 6_000);
    chain.run(&[]);
    chain
}

fn started() -> Chain {
    started_with(&parameters())
}

/// The latest level whose slots are settled in the next level.
fn settled(chain: &Chain) -> u32 {
    chain.level - LAG
}

/// Publishes a slot that begins with these bytes, in time for the next level.
fn publish(chain: &mut Chain, slot: u8, bytes: &[u8]) {
    let mut padded = bytes.to_vec();
    assert!(padded.len() <= SLOT_BYTES as usize);
    padded.resize(SLOT_BYTES as usize, 0);
    let level = L1Level::new(settled(chain));
    chain.host.add_dal_slot(level, slot, &padded);
}

fn tagged(chunk: &legacy::Chunk<'_>) -> Vec<u8> {
    [&[1], &chunk.encode()[..]].concat()
}

/// A blueprint as the chunks of a slot.
fn chunks(blueprint: &Blueprint) -> Vec<Vec<u8>> {
    let payload = legacy::encode_payload(blueprint);
    legacy::cut(&payload, blueprint.number, None).unwrap().iter().map(tagged).collect()
}

/// A signal of these slots.
fn signal_by(key: &SecretKey, slots: &[(u32, &[u8])]) -> Vec<u8> {
    let levels: Vec<_> = slots
        .iter()
        .map(|(level, slots)| PublishedSlots { published_level: L1Level::new(*level), slots: slots.to_vec() })
        .collect();
    let signature = key.sign(&Signal::signing_bytes(&levels));
    message::external(&ROLLUP, Kind::DalSignal, &Signal { levels, signature }.encode())
}

/// A signal of the sequencer for slots that are settled in the next level.
fn signal(chain: &Chain, slots: &[u8]) -> Vec<u8> {
    signal_by(&chain.sequencer, &[(settled(chain), slots)])
}

/// What the layer 1 says of such slots.
fn attested(chain: &Chain, publishers: &[(PublicKeyHash, U256)]) -> Vec<u8> {
    let slots =
        publishers.iter().map(|(publisher, bits)| PublisherSlots { publisher: *publisher, bits: *bits });
    message::dal_attested_slots(&DalAttestedSlots {
        published_level: L1Level::new(settled(chain)),
        number_of_slots: 160,
        slot_size_bytes: SLOT_BYTES,
        page_size_bytes: PAGE_BYTES,
        publishers: &encode_publishers(&slots.collect::<Vec<_>>()),
    })
}

/// One that takes a few chunks.
fn large(chain: &Chain) -> Blueprint {
    chain.next(vec![vec![0x80; 9_000], User::new(1).transfer(0, Address::zero(), 1)])
}

fn ignored(chain: &Chain, level: u32, slot: u8, fault: SlotFault) -> bool {
    let published_level = L1Level::new(level);
    chain.events().contains(&Event::SlotIgnored { published_level, slot, reason: fault.code() })
}

/// What is stored of blueprints and slots.
fn stored(chain: &Chain) -> BTreeMap<String, Vec<u8>> {
    let dump = chain.host.dump().into_iter();
    dump.filter(|(key, _)| key.starts_with("/base/blueprints") || key.starts_with("/base/dal")).collect()
}

#[test]
fn row_38_a_blueprint_comes_in_a_slot_that_is_signalled_or_attested() {
    for is_signalled in [true, false] {
        let mut chain = started();
        let blueprint = large(&chain);
        assert!(chunks(&blueprint).len() > 2);
        publish(&mut chain, 3, &chunks(&blueprint).concat());
        let message =
            if is_signalled { signal(&chain, &[3]) } else { attested(&chain, &[(PUBLISHER, U256::from(8))]) };
        chain.run(&[message]);
        assert_eq!(
            (chain.number(), chain.body().transactions),
            (1, blueprint.payload.transactions[1..].to_vec())
        );
        // The bytes that are no transaction are dropped from the block; the slot was not.
        assert!(!chain.events().iter().any(|event| matches!(event, Event::SlotIgnored { .. })));
    }
}

#[test]
fn row_38_garbage_ends_a_slot_and_bad_chunks_are_passed_over() {
    let chain = started();
    let blueprint = large(&chain);
    let whole = chunks(&blueprint);
    let payload = legacy::encode_payload(&blueprint);
    let bad = legacy::Chunk { index: 9, ..legacy::cut(&payload, blueprint.number, None).unwrap()[0] };
    let far = legacy::Chunk { number: blueprint.number.checked_add(5_000).unwrap(), index: 0, ..bad };
    let between = |bytes: &[u8]| [&whole[0], bytes, &whole[1..].concat()].concat();
    let rows = [
        (between(&tagged(&bad)), 1),
        (between(&tagged(&far)), 1),
        (between(&[2]), 0),
        (between(&[0]), 0),
        (between(&[1, 0xc0]), 0),
        (between(&[1, 0x85, 1, 2, 3, 4, 5]), 0),
    ];
    for (row, (slot, number)) in rows.into_iter().enumerate() {
        let mut chain = chain.clone();
        publish(&mut chain, 0, &slot);
        chain.run(&[signal(&chain, &[0])]);
        assert_eq!(chain.number(), number, "row {row}: {:?}", chain.host.debug_lines());
        let pieces = stored(&chain).keys().filter(|key| key.contains("/chunks/")).count();
        assert_eq!(pieces, if number == 0 { 1 } else { 0 }, "row {row}");
        if number == 0 {
            // What is missing may come in another way.
            chain.run(&chain.seal_legacy(&blueprint)[1..]);
            assert_eq!(chain.number(), 1, "row {row}");
        }
    }
}

#[test]
fn row_38_a_slot_that_lacks_a_page_leaves_nothing_and_is_not_asked_for_again() {
    let chain = started();
    let blueprint = large(&chain);
    let bytes = chunks(&blueprint).concat();
    let last = u16::try_from(bytes.len()).unwrap() / PAGE_BYTES;
    for page in [0, 1, last, last + 1] {
        let mut chain = chain.clone();
        let level = settled(&chain);
        publish(&mut chain, 0, &bytes);
        chain.host.remove_dal_page(&DalPage { published_level: L1Level::new(level), slot: 0, page });
        let message = signal(&chain, &[0]);
        chain.run(std::slice::from_ref(&message));
        if page > last {
            // Nothing of the slot is there.
            assert_eq!(chain.number(), 1);
            continue;
        }
        assert_eq!(chain.number(), 0);
        assert!(ignored(&chain, level, 0, SlotFault::PageMissing), "page {page}");
        assert!(!stored(&chain).keys().any(|key| key.starts_with("/base/blueprints")), "page {page}");
        chain.host.reset_meter();
        chain.run(&[message]);
        assert_eq!(chain.host.calls(Call::RevealDalPage), 0);
        publish(&mut chain, 0, &bytes);
        chain.run(&[signal(&chain, &[0])]);
        assert_eq!(chain.number(), 1);
    }
}

#[test]
fn row_38_a_blueprint_may_be_spread_over_two_slots() {
    let chain = started();
    let blueprint = large(&chain);
    let whole = chunks(&blueprint);
    for (first, second) in [(0, 3), (3, 0)] {
        let mut together = chain.clone();
        publish(&mut together, first, &whole[0]);
        publish(&mut together, second, &whole[1..].concat());
        let mut apart = together.clone();
        together.run(&[signal(&together, &[first, second])]);
        assert_eq!(together.number(), 1);
        // And over two levels.
        let messages = [signal(&apart, &[second]), signal(&apart, &[first])];
        apart.run(&messages[..1]);
        assert_eq!(apart.number(), 0);
        apart.run(&messages[1..]);
        assert_eq!(apart.head().hash, together.head().hash);
    }
}

#[test]
fn row_38_nobody_else_makes_the_kernel_write_a_byte() {
    let chain = started();
    let bytes = chunks(&large(&chain)).concat();
    let stranger = SecretKey::from_seed(&[0x66; 32]);
    let level = settled(&chain);
    let other = PublicKeyHash { hash: [0x9c; 20], ..PUBLISHER };
    let mut tampered = signal(&chain, &[0]);
    // The level is in front: 18 bytes of framing and lists at most.
    let at = tampered.windows(4).position(|window| window == level.to_le_bytes()).unwrap();
    tampered[at] ^= 1;
    let rows = [
        ("stranger", signal_by(&stranger, &[(level, &[0])])),
        ("tampered", tampered),
        ("unlisted slot", signal(&chain, &[1])),
        ("unlisted among listed", signal(&chain, &[0, 1])),
        ("too early", signal_by(&chain.sequencer, &[(level + 1, &[0])])),
        ("too old", signal_by(&chain.sequencer, &[(chain.level - dal::LEVELS_MAX, &[0])])),
        ("no slots", signal_by(&chain.sequencer, &[(level, &[])])),
        ("unlisted publisher", attested(&chain, &[(other, U256::from(1))])),
        ("no slot of the publisher", attested(&chain, &[(PUBLISHER, U256::zero()), (other, U256::from(1))])),
    ];
    for (row, message) in rows {
        let (mut quiet, mut noisy) = (chain.clone(), chain.clone());
        for slot in [0, 1] {
            publish(&mut noisy, slot, &bytes);
        }
        quiet.run(&[]);
        noisy.run(&[message]);
        assert_eq!(noisy.host.dump(), quiet.host.dump(), "{row}");
    }
}

#[test]
fn row_38_nothing_is_imported_unless_the_parameters_say_so() {
    let all = parameters().dal;
    // Whether a signal is heeded, and an attestation.
    let rows = [
        (Dal { is_enabled: false, ..all.clone() }, false, false),
        (Dal { has_signals: false, ..all.clone() }, false, true),
        (Dal { slots: vec![], ..all.clone() }, false, true),
        (Dal { publishers: vec![], ..all.clone() }, true, false),
        (all, true, true),
    ];
    for (row, (dal, signals, attestations)) in rows.into_iter().enumerate() {
        let chain = started_with(&Parameters { dal, ..parameters() });
        let bytes = chunks(&large(&chain)).concat();
        let messages =
            [(signal(&chain, &[0]), signals), (attested(&chain, &[(PUBLISHER, U256::one())]), attestations)];
        for (message, is_heeded) in messages {
            let (mut quiet, mut heard) = (chain.clone(), chain.clone());
            publish(&mut heard, 0, &bytes);
            quiet.run(&[]);
            heard.run(&[message]);
            assert_eq!(heard.number(), u64::from(is_heeded), "row {row}");
            assert_eq!(heard.host.dump() == quiet.host.dump(), !is_heeded, "row {row}");
        }
    }
}

#[test]
fn row_33_a_blueprint_of_the_past_in_a_slot_stores_nothing() {
    let mut chain = started();
    let mut past = vec![];
    for nonce in 0..3 {
        let blueprint = chain.next(vec![User::new(1).transfer(nonce, Address::zero(), 1)]);
        past.extend(chunks(&blueprint));
        chain.run(&chain.seal(&blueprint));
    }
    assert_eq!(chain.number(), 3);
    let mut quiet = chain.clone();
    publish(&mut chain, 0, &past.concat());
    chain.run(&[signal(&chain, &[0])]);
    quiet.run(&[]);
    let blueprints = |chain: &Chain| {
        let stored = stored(chain).into_iter();
        stored.filter(|(key, _)| key.starts_with("/base/blueprints")).collect::<Vec<_>>()
    };
    assert_eq!(blueprints(&chain), blueprints(&quiet));
    assert_eq!(chain.head(), quiet.head());
    chain.block(vec![]);
}

#[test]
fn row_38_a_slot_is_taken_up_once_and_a_level_takes_no_more_than_its_share() {
    let mut chain = started();
    let bytes = chunks(&large(&chain)).concat();
    publish(&mut chain, 0, &bytes);
    let message = signal(&chain, &[0]);
    let again = attested(&chain, &[(PUBLISHER, U256::one())]);
    chain.run(std::slice::from_ref(&message));
    assert_eq!(chain.number(), 1);
    chain.host.reset_meter();
    let before = stored(&chain);
    // By the sequencer and by whoever has seen it, as often as a level has room.
    chain.run(&[&vec![message; 500][..], &[again]].concat());
    assert_eq!((chain.host.calls(Call::RevealDalPage), stored(&chain)), (0, before));

    // Slots that nobody attested cost a page each, and no more than a level's share is asked for.
    let mut chain = started();
    let level = settled(&chain);
    let levels: Vec<_> = (level - 40..level).map(|level| (level, &[0u8, 3][..])).collect();
    let message = signal_by(&chain.sequencer, &levels);
    chain.host.reset_meter();
    chain.run(&[message.clone(), message.clone()]);
    let share = u64::from(dal::SLOTS_PER_LEVEL_MAX);
    assert_eq!(chain.host.calls(Call::RevealDalPage), share);
    chain.run(&[message]);
    assert_eq!(chain.host.calls(Call::RevealDalPage), 80);

    // What the layer 1 says is attested comes once: what is too much is reported.
    let mut chain = started();
    let level = settled(&chain);
    chain.run(&[attested(&chain, &[(PUBLISHER, (U256::one() << 70) - 1)])]);
    let (missing, surplus) = (SlotFault::PageMissing, SlotFault::TooMany);
    assert!((0..64).all(|slot| ignored(&chain, level, slot, missing)));
    assert!((64..70).all(|slot| ignored(&chain, level, slot, surplus)));
}

#[test]
fn row_38_a_slot_is_read_over_as_many_runs_as_it_takes() {
    let mut chain = started();
    let (alice, bob) = (User::new(1), User::new(2));
    let blueprint = large(&chain);
    let small: Vec<_> = (2..30)
        .map(|number| chain.after(number, chain.head().hash, vec![alice.transfer(number, bob.address, 1)]))
        .flat_map(|blueprint| chunks(&blueprint))
        .collect();
    publish(&mut chain, 3, &chunks(&blueprint).concat());
    publish(&mut chain, 0, &small.concat());
    // A message of format 2 behind the signal: it finds what is in the slots.
    let rival = chain.seal(&chain.next(vec![bob.transfer(0, alice.address, 1)]));
    let messages = [vec![signal(&chain, &[3, 0])], rival].concat();
    let mut whole = chain.clone();
    let runs = whole.run(&messages);
    assert!(runs < 3 && whole.number() == 1, "{runs}");
    for ticks in [1, 3_000_000, 8_000_000, 20_000_000, 515_000_000, 540_000_000] {
        let mut parts = chain.clone();
        parts.budget = Budget::new(Ticks::new(ticks));
        let runs = parts.run(&messages);
        assert!(ticks > 1 || runs > 30, "{runs}");
        assert_eq!((parts.head(), parts.world()), (whole.head(), whole.world()), "{ticks}");
        assert_eq!(parts.events(), whole.events(), "{ticks}");
    }
}

#[test]
fn row_38_a_run_that_dies_at_any_host_call_loses_no_more_than_the_signal() {
    let mut chain = started();
    let blueprint = large(&chain);
    publish(&mut chain, 0, &chunks(&blueprint).concat());
    let message = signal(&chain, &[0]);
    let mut whole = chain.clone();
    whole.host.set_fault(Some(FaultAt::Dead(u64::MAX)));
    whole.run(std::slice::from_ref(&message));
    let calls = whole.host.fallible_calls();
    assert_eq!(whole.number(), 1);
    for killed_at in 0..calls {
        let mut killed = chain.clone();
        killed.open(std::slice::from_ref(&message));
        killed.host.set_fault(Some(FaultAt::Dead(killed_at)));
        let mut is_dying = true;
        killed.host.run_level(|host| {
            run_within(host, Budget::RUN);
            host.set_fault(None);
            if core::mem::take(&mut is_dying) { RunEnd::Trapped } else { RunEnd::Returned }
        });
        killed.host.set_fault(None);
        // A signal that was lost is sent again, and a blueprint that was being executed.
        killed.run(std::slice::from_ref(&message));
        killed.run(&killed.seal_legacy(&blueprint));
        assert_eq!(
            killed.head().hash,
            whole.head().hash,
            "call {killed_at}: {:?}",
            killed.host.debug_lines()
        );
        assert!(!stored(&killed).keys().any(|key| key.starts_with("/base/blueprints")), "call {killed_at}");
    }
}

#[test]
fn row_38_a_slot_that_traps_goes_and_what_follows_is_read() {
    let mut chain = started();
    let level = settled(&chain);
    let blueprint = large(&chain);
    let whole = chunks(&blueprint);
    publish(&mut chain, 0, &whole.concat());
    let after = chunks(&chain.after(1, chain.head().hash, vec![])).concat();
    publish(&mut chain, 3, &after);
    let root_hash = PreimageHash::from_slice(&[&[0][..], &[1; 32]].concat()).unwrap();
    let upgrade = KernelUpgrade { root_hash, activation: Timestamp::new(u64::from(u32::MAX)) };
    let upgrade = transfer(ADMIN, Parameter::Governance(&Decision::KernelUpgrade(upgrade).encode()));
    let piece = blueprints::piece(blueprint.number, 1).unwrap().path().to_string();
    let runs = chain.run_trapping(piece, &[signal(&chain, &[0, 3]), upgrade]);
    assert!((3..6).contains(&runs), "{runs}");
    assert!(ignored(&chain, level, 0, SlotFault::Trapped), "{:?}", chain.events());
    assert!(!ignored(&chain, level, 3, SlotFault::Trapped));
    let second = blueprints::legacy_count(blueprint.number.checked_add(1).unwrap()).unwrap();
    assert!(second.exists(&chain.host).unwrap(), "the other slot was read");
    let is_announced = |event: &Event| matches!(event, Event::UpgradeAnnounced { .. });
    assert!(chain.events().iter().any(is_announced), "and the messages behind the signal");
    chain.run(&chain.seal_legacy(&blueprint));
    assert_eq!(chain.number(), 1);
}
