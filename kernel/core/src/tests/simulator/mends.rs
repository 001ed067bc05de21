//! What the simulator has found, each in its smallest form.

use super::{
    layer1::transfer,
    rollup::{Level, Rollup},
    sequencer::{Sequencer, sealed, sealed_legacy},
    setup::{ADMIN, BRIDGE, Mode, SECURITY_GOVERNANCE, Setup},
};
use crate::tests::chain::{TICKETER, deposit};
use fastrand::Rng;
use millrace_evm::transaction::{Transaction, TransactionType};
use millrace_host::Budget;
use millrace_layout::{
    attempt::OrderedBy,
    delayed::{self, Content, Item},
    governance,
    progress::{self, Progress},
    queue,
    world::Body,
};
use millrace_primitives::{BlockNumber, Gas, H256, L1Level, PreimageHash, Ticks, Timestamp, U256};
use millrace_wire::{
    blueprint::{Blueprint, PAYLOAD_BYTES_MAX, Payload},
    delayed::name,
    governance::{Decision, KernelUpgrade},
    message::Parameter,
};

/// A rollup whose delayed items are overdue at once, after its first level.
fn started(mode: Mode) -> (Setup, Rollup) {
    let mut setup = Setup::random(&mut Rng::with_seed(0), mode);
    let defaults = millrace_layout::parameters::Parameters::default();
    setup.parameters.delayed.timeout_s = 0;
    setup.parameters.delayed.timeout_levels = 0;
    setup.parameters.delayed.forced_items_max = defaults.delayed.forced_items_max;
    setup.parameters.gas_target_per_s = defaults.gas_target_per_s;
    let mut rollup = Rollup::new(&setup);
    run(&mut rollup, 0, vec![]);
    (setup, rollup)
}

fn level(number: u32, messages: Vec<Vec<u8>>) -> Level {
    let start = crate::tests::chain::START;
    Level::new(number, start.saturating_add(u64::from(number)), messages)
}

fn run(rollup: &mut Rollup, number: u32, messages: Vec<Vec<u8>>) {
    rollup.run(&level(number, messages), &Budget::RUN, None);
}

/// Puts something of this size into the delayed inbox.
fn push(rollup: &mut Rollup, seed: u8, size_bytes: u64) {
    let raw = vec![seed; usize::try_from(size_bytes).unwrap() - 32];
    let item = Item {
        name: name(&raw),
        level: L1Level::ZERO,
        timestamp: Timestamp::ZERO,
        content: Content::Transaction(raw),
    };
    assert_eq!(item.size_bytes(), size_bytes);
    delayed::push(&mut rollup.host, &item).unwrap();
}

#[test]
fn a_forced_block_of_items_that_just_fit_is_made() {
    let (_, mut rollup) = started(Mode::Single);
    let quarter = PAYLOAD_BYTES_MAX as u64 / 4;
    (0xe0..0xe4).for_each(|seed| push(&mut rollup, seed, quarter));
    run(&mut rollup, 1, vec![]);
    assert_eq!(rollup.waiting(), [], "{:?}", rollup.host.debug_lines());
    assert!(rollup.number() > 0);
}

#[test]
fn a_full_block_without_sequencer_is_made() {
    let (mut setup, _) = started(Mode::Nobody);
    (setup.parameters.delayed.timeout_s, setup.parameters.delayed.timeout_levels) = (u64::MAX, u32::MAX);
    let mut rollup = Rollup::new(&setup);
    run(&mut rollup, 0, vec![]);
    (0xe0..0xe2).for_each(|seed| push(&mut rollup, seed, 1_000));
    // The rest of the room, to the byte.
    let rest = PAYLOAD_BYTES_MAX - 2_000;
    for size_bytes in [rest / 4, rest / 4, rest / 4, rest - rest / 4 * 3] {
        queue::push(&mut rollup.host, &vec![0xe5; size_bytes]).unwrap();
    }
    let before = rollup.number();
    run(&mut rollup, 1, vec![]);
    assert_eq!((rollup.number(), rollup.waiting().len()), (before + 1, 0), "{:?}", rollup.host.debug_lines());
    run(&mut rollup, 2, vec![]);
    assert_eq!(rollup.keys("/base/queue/transactions"), [""; 0]);
}

#[test]
fn what_died_on_its_way_into_the_delayed_inbox_can_come_again() {
    let (mut setup, _) = started(Mode::Single);
    (setup.parameters.delayed.timeout_s, setup.parameters.delayed.timeout_levels) = (u64::MAX, u32::MAX);
    let mut started = Rollup::new(&setup);
    run(&mut started, 0, vec![]);
    let whole = |seed: u8| transfer(BRIDGE, Parameter::DelayedBridge(&[0xf8, seed, seed]));
    let calls = started.clone().run(&level(1, vec![whole(1)]), &Budget::RUN, None).calls;
    for killed_at in 0..calls {
        let mut rollup = started.clone();
        rollup.run(&level(1, vec![whole(1)]), &Budget::RUN, Some(killed_at));
        run(&mut rollup, 2, vec![whole(2)]);
        run(&mut rollup, 3, vec![whole(1)]);
        let mut names: Vec<_> = rollup.waiting().iter().map(|item| item.name).collect();
        names.sort_unstable();
        let mut expected = [1, 2].map(|seed| name(&[0xf8, seed, seed]));
        expected.sort_unstable();
        assert_eq!(names, expected, "call {killed_at}: {:?}", rollup.host.debug_lines());
    }
}

#[test]
fn events_can_be_read_after_a_death_while_one_was_written() {
    let (_, started) = started(Mode::Single);
    let decision = |decision: Decision| transfer(ADMIN, Parameter::Governance(&decision.encode()));
    let root_hash = PreimageHash::from_slice(&[&[0][..], &[1; 32]].concat()).unwrap();
    let upgrade = KernelUpgrade { root_hash, activation: Timestamp::new(u64::from(u32::MAX)) };
    // A long event, then a short one.
    let messages = vec![decision(Decision::KernelUpgrade(upgrade)), decision(Decision::RemoveSequencer)];
    let calls = started.clone().run(&level(1, messages.clone()), &Budget::RUN, None).calls;
    for killed_at in 0..calls {
        let mut rollup = started.clone();
        rollup.run(&level(1, messages.clone()), &Budget::RUN, Some(killed_at));
        assert!(rollup.events().len() <= 2, "call {killed_at}");
    }
}

#[test]
fn decisions_that_wait_survive_a_death_while_others_are_noted() {
    let (_, mut started) = started(Mode::Single);
    let upgrade = |seed: u8| {
        let root_hash = PreimageHash::from_slice(&[&[0][..], &[seed; 32]].concat()).unwrap();
        let activation = Timestamp::new(u64::from(seed));
        transfer(
            SECURITY_GOVERNANCE,
            Parameter::Governance(&Decision::KernelUpgrade(KernelUpgrade { root_hash, activation }).encode()),
        )
    };
    run(&mut started, 1, vec![upgrade(1)]);
    let further = level(2, vec![upgrade(2)]);
    let calls = started.clone().run(&further, &Budget::RUN, None).calls;
    for killed_at in 0..calls {
        let mut rollup = started.clone();
        rollup.run(&further, &Budget::RUN, Some(killed_at));
        let waiting = governance::upgrades().unwrap().read(&rollup.host).unwrap().unwrap_or_default().0;
        assert!(matches!(waiting.len(), 1 | 2), "call {killed_at}: {waiting:?}");
        assert_eq!(waiting[0].root_hash[1], 1);
    }
}

fn blueprint(rollup: &Rollup, size_bytes: usize) -> Blueprint {
    let head = rollup.head();
    Blueprint {
        number: BlockNumber::new(head.header.number.get() + 1),
        parent: head.hash,
        timestamp: head.header.timestamp,
        payload: Payload { delayed: vec![], transactions: vec![vec![0xe0; size_bytes]] },
    }
}

#[test]
fn leftovers_of_format_0_are_not_in_the_way_of_format_2() {
    let (setup, started) = started(Mode::Single);
    let mut rng = Rng::with_seed(1);
    let chunks = sealed_legacy(&setup, setup.authority.as_ref().unwrap(), &blueprint(&started, 9_000), None);
    for (index, left) in chunks.iter().enumerate() {
        let mut rollup = started.clone();
        run(&mut rollup, 1, vec![left.clone()]);
        let mut other = rollup.clone();
        let empty = Sequencer::empty(&mut rng, &setup, &rollup, Timestamp::ZERO);
        run(&mut rollup, 2, empty);
        assert_eq!(rollup.number(), 1, "chunk {index}: {:?}", rollup.host.debug_lines());
        let messages = sealed(&mut rng, &setup, setup.authority.as_ref().unwrap(), &blueprint(&other, 5_000));
        run(&mut other, 2, messages);
        assert_eq!(other.number(), 1, "chunk {index}: {:?}", other.host.debug_lines());
        assert_eq!(other.keys("/base/blueprints"), [""; 0]);
    }
}

#[test]
fn a_block_larger_than_a_run_is_made_all_the_same() {
    let (setup, started) = started(Mode::Single);
    let mut rng = Rng::with_seed(1);
    let mut blueprint = blueprint(&started, 100);
    blueprint.payload.transactions.push(vec![0xe1; 200]);
    let messages = sealed(&mut rng, &setup, setup.authority.as_ref().unwrap(), &blueprint);
    for ticks in [0, 1, 9_999_999, 10_000_000, 10_000_001, 12_000_000, 510_000_000] {
        let mut rollup = started.clone();
        rollup.run(&level(1, messages.clone()), &Budget::new(Ticks::new(ticks)), None);
        assert_eq!(rollup.number(), 1, "{ticks} ticks: {:?}", rollup.host.debug_lines());
    }
}

#[test]
fn a_begun_blueprint_that_is_gone_does_not_hold_up_what_is_overdue() {
    let (_, mut rollup) = started(Mode::Single);
    let begun = Progress {
        number: BlockNumber::new(1),
        timestamp: Timestamp::ZERO,
        ordered_by: OrderedBy::Authority,
        items: 0,
        transactions: 0,
        content: H256::zero(),
        position: 0,
        gas_used: Gas::ZERO,
        execution_gas: Gas::ZERO,
        consumed: vec![],
        dropped: vec![],
        outbox: vec![],
        body: Body::default(),
        changes: vec![],
    };
    progress::save(&mut rollup.host, &begun).unwrap();
    push(&mut rollup, 0xe0, 100);
    run(&mut rollup, 1, vec![]);
    assert_eq!((rollup.number(), rollup.waiting().len()), (1, 0), "{:?}", rollup.host.debug_lines());
    assert_eq!(rollup.keys("/base/progress"), [""; 0]);
}

/// The same level in one run and in as many as it takes.
fn assert_same_in_small_runs(started: &Rollup, level: &Level) -> Rollup {
    let (mut whole, mut parts) = (started.clone(), started.clone());
    let runs = whole.run(level, &Budget::RUN, None).runs;
    assert!(parts.run(level, &Budget::new(Ticks::new(1)), None).runs > runs);
    assert_eq!(whole.host.dump(), parts.host.dump(), "{:?}", parts.host.debug_lines());
    whole
}

#[test]
fn a_begun_block_without_sequencer_goes_on_with_the_items_it_was_made_of() {
    let (mut setup, _) = started(Mode::Nobody);
    (setup.parameters.delayed.timeout_s, setup.parameters.delayed.timeout_levels) = (u64::MAX, u32::MAX);
    let mut rollup = Rollup::new(&setup);
    run(&mut rollup, 0, vec![]);
    // One that waits for a lower base fee, then some that do not.
    let cheap = setup.users[0].sign(Transaction {
        transaction_type: TransactionType::DynamicFee,
        chain_id: Some(setup.parameters.chain_id),
        nonce: 0,
        gas_limit: Gas::new(100_000),
        max_fee_per_gas: setup.parameters.base_fee_min - 1,
        max_priority_fee_per_gas: U256::zero(),
        to: Some(setup.users[1].address),
        value: U256::one(),
        data: vec![],
        access_list: vec![],
        authorizations: Vec::new(),
    });
    let mut messages = vec![transfer(BRIDGE, Parameter::DelayedBridge(&cheap))];
    messages.extend((1..4).map(|byte| deposit(TICKETER, &[byte; 20], u64::from(byte))));
    let rollup = assert_same_in_small_runs(&rollup, &level(1, messages));
    assert_eq!(rollup.waiting().iter().map(|item| item.name).collect::<Vec<_>>(), [name(&cheap)]);
}

#[test]
fn a_header_that_format_0_replaced_is_forgotten() {
    let (setup, started) = started(Mode::Single);
    let mut rng = Rng::with_seed(1);
    let new = sealed(&mut rng, &setup, setup.authority.as_ref().unwrap(), &blueprint(&started, 5_000));
    let old = sealed_legacy(&setup, setup.authority.as_ref().unwrap(), &blueprint(&started, 5_001), None);
    // Every order of two chunks of each.
    for order in
        [[0, 2, 1, 3], [0, 2, 3, 1], [0, 1, 2, 3], [2, 0, 3, 1], [2, 3, 0, 1], [2, 0, 1, 3], [0, 3, 2, 1]]
    {
        let chunks = [&new[0], &new[1], &old[0], &old[1]];
        let messages = order.iter().map(|chunk| chunks[*chunk].clone()).collect();
        assert_same_in_small_runs(&started, &level(1, messages));
    }
}
