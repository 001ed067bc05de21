//! Who may have slots taken up, and of which size. What comes of slots is in `kernel/core`.

use super::*;
use crate::scenario::{HEAD, ROLLUP, Scenario, blueprint, payload};
use millrace_host::{Budget, DalParameters};
use millrace_layout::{blueprints, parameters, sequencers};
use millrace_primitives::Epoch;
use millrace_wire::{
    address::Curve,
    authority::Authority,
    blueprint::legacy,
    frame::Kind,
    message,
    signature::{PublicKey, SecretKey},
};

const CONSTANTS: DalParameters =
    DalParameters { number_of_slots: 32, attestation_lag: 8, slot_size_bytes: 8_192, page_size_bytes: 4_096 };
/// What was published and is settled in the first level.
const SLOT: Slot = Slot { published_level: L1Level::new(92), index: 5 };

/// A rollup that listens to a slot, in which there is a blueprint of one chunk.
fn scenario() -> Scenario {
    let mut scenario = Scenario::new().unwrap();
    let mut parameters = parameters::read(&scenario.host).unwrap();
    parameters.dal = Dal { is_enabled: true, has_signals: true, slots: vec![SLOT.index], publishers: vec![] };
    parameters::key().unwrap().write(&mut scenario.host, &parameters).unwrap();
    scenario.host.set_dal_parameters(Some(CONSTANTS));
    let blueprint = blueprint(HEAD.get() + 1, payload(500, 1));
    let bytes = legacy::encode_payload(&blueprint);
    let chunks = legacy::cut(&bytes, blueprint.number, None).unwrap();
    let slot = millrace_wire::dal::slot(&chunks, 8_192).unwrap();
    scenario.host.add_dal_slot(SLOT.published_level, SLOT.index, &slot);
    scenario
}

fn signal(key: &SecretKey) -> Vec<u8> {
    let levels = vec![PublishedSlots { published_level: SLOT.published_level, slots: vec![SLOT.index] }];
    let signature = key.sign(&Signal::signing_bytes(&levels));
    message::external(&ROLLUP, Kind::DalSignal, &Signal { levels, signature }.encode())
}

/// Runs a level with a signal; answers whether it was heeded, and the last line for the operator.
fn run(scenario: &mut Scenario, key: &SecretKey) -> (bool, String) {
    let message = signal(key);
    let summary = scenario.run_level(&[message], &Budget::RUN)[0];
    let piece = blueprints::piece(HEAD.checked_add(1).unwrap(), 0).unwrap();
    let is_stored = piece.exists(&scenario.host).unwrap();
    assert_eq!(summary.kept == 1, is_stored);
    (is_stored, scenario.host.debug_lines().pop().unwrap_or_default())
}

fn set_authority(scenario: &mut Scenario, members: Vec<PublicKey>, quorum: u16) {
    let authority = Authority { epoch: Epoch::ZERO, members, quorum };
    sequencers::key().unwrap().write(&mut scenario.host, &authority).unwrap();
}

#[test]
fn a_sequencer_signs_with_a_key_of_any_of_three_curves() {
    let stranger = SecretKey::from_seed(&[0x55; 32]);
    for curve in [Curve::Ed25519, Curve::Secp256k1, Curve::P256] {
        let key = SecretKey::from_bytes(curve, &[3; 32]).unwrap();
        let mut scenario = scenario();
        set_authority(&mut scenario, vec![key.public_key()], 1);
        let (is_heeded, line) = run(&mut scenario.clone(), &stranger);
        assert!(!is_heeded && line.contains("reason 117"), "{curve:?}: {line}");
        let (is_heeded, line) = run(&mut scenario, &key);
        assert!(is_heeded && line.contains("slot 5 of level 92: 1 of 1 chunks stored"), "{curve:?}: {line}");
    }
}

#[test]
fn a_committee_and_nobody_have_no_slots() {
    let keys: Vec<_> = (1..4).map(|seed| SecretKey::from_seed(&[seed; 32])).collect();
    let members: Vec<_> = keys.iter().map(SecretKey::public_key).collect();
    let mut committee = scenario();
    set_authority(&mut committee, members, 2);
    let (is_heeded, line) = run(&mut committee, &keys[0]);
    assert!(!is_heeded && line.contains("reason 120"), "{line}");
    let mut nobody = scenario();
    sequencers::key().unwrap().delete(&mut nobody.host).unwrap();
    let (is_heeded, line) = run(&mut nobody, &keys[0]);
    assert!(!is_heeded && line.contains("reason 112"), "{line}");
}

#[test]
fn slots_of_another_size_than_a_run_can_hold_are_refused() {
    let sizes =
        |slot_size_bytes, page_size_bytes| DalParameters { slot_size_bytes, page_size_bytes, ..CONSTANTS };
    let rows = [
        (None, false),
        (Some(sizes(8_192, 0)), false),
        (Some(sizes(8_192, 4_097)), false),
        (Some(sizes(SLOT_BYTES_MAX + 1, 4_096)), false),
        (Some(sizes(4_096 * (PAGES_MAX / 2), 7)), false),
        (Some(sizes(u64::MAX, 4_096)), false),
        (Some(DalParameters { attestation_lag: u64::MAX, ..CONSTANTS }), false),
        (Some(DalParameters { attestation_lag: 9, ..CONSTANTS }), false),
        (Some(DalParameters { attestation_lag: 8, ..CONSTANTS }), true),
        (Some(sizes(SLOT_BYTES_MAX, 4_096)), true),
    ];
    for (row, (parameters, expected)) in rows.into_iter().enumerate() {
        let mut scenario = scenario();
        scenario.host.set_dal_parameters(parameters);
        let key = scenario.sequencer.clone();
        assert_eq!(run(&mut scenario, &key).0, expected, "row {row}");
    }
}

#[test]
fn an_import_that_cannot_be_read_is_none() {
    let mut scenario = scenario();
    scenario.host.set_value("/base/dal/import", vec![1, 2, 3]);
    let key = scenario.sequencer.clone();
    assert!(run(&mut scenario, &key).0);
}
