//! Rows 1 to 10: nothing that anybody sends keeps the chain from going on.

use super::super::chain::{
    ADMIN, Chain, GWEI, OTHER_TICKETER, ROLLUP, TICKETER, User, delay, deposit, name_of, transfer,
    transfer_of,
};
use millrace_block::TransactionFault;
use millrace_evm::transaction::Transaction;
use millrace_host::{FaultAt, RunEnd};
use millrace_layout::{attempt, delayed, events::Event, governance, world::World};
use millrace_primitives::{Address, BlockNumber, Gas, PreimageHash, Timestamp, U256};
use millrace_wire::{
    frame::Kind,
    governance::{Decision, KernelUpgrade},
    message::{self, Parameter},
    proxy,
};
use rlp::RlpStream;

/// A time that does not come.
const FAR: u64 = 1 << 40;

/// Whether governance still reaches the kernel in the next level.
fn assert_upgradable(chain: &mut Chain) {
    let root_hash = PreimageHash::new([0; 33]);
    let upgrade = KernelUpgrade { root_hash, activation: Timestamp::new(FAR + u64::from(chain.level)) };
    let bytes = Decision::KernelUpgrade(upgrade).encode();
    chain.run(&[transfer(ADMIN, Parameter::Governance(&bytes))]);
    let waiting = governance::upgrades().unwrap().read(&chain.host).unwrap().unwrap_or_default();
    assert!(waiting.0.iter().any(|waiting| waiting.activation == upgrade.activation));
}

/// The body of a chunk of format 0 with one field of another width.
fn legacy_body(field: usize, width: usize) -> Vec<u8> {
    let mut fields = [vec![1; 10], vec![0; 32], vec![1, 0], vec![0, 0], vec![0; 32], vec![0; 64]];
    fields[1][0] = 1;
    fields[field].resize(width, 0);
    let mut stream = RlpStream::new_list(fields.len());
    fields.iter().for_each(|field| {
        stream.append(field);
    });
    stream.out().to_vec()
}

#[test]
fn row_01_fields_of_any_width_are_refused_and_trap_nothing() {
    let chain = Chain::with_bridges();
    let garbage = (0..6).flat_map(|field| (0..=65).map(move |width| legacy_body(field, width)));
    let mut messages: Vec<_> =
        garbage.map(|body| message::external(&ROLLUP, Kind::LegacyBlueprintChunk, &body)).collect();
    // The same for the little-endian timestamp of governance.
    messages.extend((0..=64).map(|width| {
        let mut stream = RlpStream::new_list(2);
        stream.append(&vec![0u8; 33]).append(&vec![0xffu8; width]);
        transfer(ADMIN, Parameter::Governance(&stream.out()))
    }));
    let (mut quiet, mut noisy) = (chain.clone(), chain);
    quiet.run(&[]);
    noisy.run(&messages);
    assert_eq!(noisy.host.dump(), quiet.host.dump());
    noisy.block(vec![]);
    assert_upgradable(&mut noisy);
}

#[test]
fn row_03_a_delayed_transaction_that_cannot_be_applied_is_dropped_with_a_reason() {
    let mut chain = Chain::with_bridges();
    let (alice, bob) = (User::new(1), User::new(2));
    // An account that nothing can read: executing what touches it fails, and not because of the transaction.
    let broken = Address::repeat_byte(0xbb);
    let path = World::Committed.account(broken).unwrap().path().to_string();
    chain.host.set_value(&path, vec![1; 3]);
    let (bad, good) = (alice.transfer(0, broken, 1), bob.transfer(0, alice.address, 1));
    chain.run(&[delay(&bad), vec![deposit(TICKETER, &[0xca; 20], 1)], delay(&good)].concat());
    let named = chain.waiting();
    assert_eq!(named.len(), 3);

    // In a blueprint: the block is made without it, and it waits for an upgrade that mends the storage.
    let mut by_blueprint = chain.clone();
    let blueprint = by_blueprint.next_with(named.clone(), vec![]);
    by_blueprint.run(&by_blueprint.seal(&blueprint));
    // Forced: it goes.
    let mut forced = chain;
    forced.pass_deadline();
    forced.run(&[]);
    let number = BlockNumber::new(1);
    let skipped = Event::TransactionDropped { number, position: 0, reason: 13 };
    for chain in [&by_blueprint, &forced] {
        assert_eq!(chain.number(), 1, "{:?}", chain.host.debug_lines());
        assert_eq!(chain.body().transactions.len(), 2);
        assert_eq!(chain.balance(Address::repeat_byte(0xca)), U256::exp10(12));
    }
    assert_eq!((by_blueprint.waiting(), by_blueprint.events()), (named[..1].to_vec(), vec![skipped.clone()]));
    let gone = Event::DelayedDropped { name: named[0], number, reason: 13 };
    assert_eq!(
        (forced.waiting(), forced.events()),
        (vec![], vec![Event::Forced { number, items: 3 }, skipped, gone])
    );
}

#[test]
fn row_03_a_deposit_that_cannot_be_applied_waits_until_its_deadline() {
    let mut chain = Chain::with_bridges();
    let broken = Address::repeat_byte(0xbb);
    let path = World::Committed.account(broken).unwrap().path().to_string();
    chain.host.set_value(&path, vec![1; 3]);
    chain.run(&[deposit(TICKETER, broken.as_bytes(), 1), deposit(TICKETER, &[0xca; 20], 1)]);
    let named = chain.waiting();
    chain.run(&chain.seal(&chain.next_with(named.clone(), vec![])));
    assert_eq!((chain.number(), chain.waiting()), (1, named[..1].to_vec()));
    assert_eq!(chain.balance(Address::repeat_byte(0xca)), U256::exp10(12));
    chain.pass_deadline();
    chain.run(&[]);
    assert_eq!((chain.number(), chain.waiting()), (2, vec![]));
    let number = BlockNumber::new(2);
    assert!(chain.events().contains(&Event::DelayedDropped { name: named[0], number, reason: 13 }));
}

#[test]
fn row_04_a_delayed_transaction_of_a_type_that_cannot_be_is_dropped_with_a_reason() {
    // Type 4 with an empty list of authorizations breaks a rule; type 3 carries blobs, of which there are none.
    let mut stream = RlpStream::new_list(13);
    stream.append(&1337u64).append(&0u64).append(&0u64).append(&(2 * GWEI)).append(&100_000u64);
    stream.append(&vec![0xcau8; 20]).append(&0u64).append_empty_data();
    stream.begin_list(0).begin_list(0);
    stream.append(&0u8).append(&U256::one()).append(&U256::one());
    let fields = stream.out();
    for (kind, reason) in [(4, TransactionFault::Rule), (3, TransactionFault::Undecodable)] {
        let mut chain = Chain::with_bridges();
        let raw = [&[kind], &fields[..]].concat();
        chain.run(&delay(&raw));
        chain.run(&chain.seal(&chain.next_with(vec![name_of(&raw)], vec![])));
        assert_eq!((chain.number(), chain.waiting()), (1, vec![]));
        let (number, reason) = (BlockNumber::new(1), reason.code());
        let expected = [
            Event::TransactionDropped { number, position: 0, reason },
            Event::DelayedDropped { name: name_of(&raw), number, reason },
        ];
        assert_eq!(chain.events(), expected);
    }
}

/// Deposits and transactions, of which one makes the module trap: the chain, the path that traps, its name.
fn trapped() -> (Chain, String, Vec<u8>) {
    let mut chain = Chain::with_bridges();
    let (alice, bob) = (User::new(1), User::new(2));
    let cursed = Address::repeat_byte(0xbb);
    let bad = alice.transfer(0, cursed, 1);
    let messages = [
        vec![deposit(TICKETER, &[0xc1; 20], 1), deposit(TICKETER, &[0xc2; 20], 2)],
        delay(&bad),
        vec![deposit(OTHER_TICKETER, &[0xc3; 20], 3), deposit(TICKETER, &[0xc4; 20], 4)],
        delay(&bob.transfer(0, alice.address, 5)),
    ];
    chain.run(&messages.concat());
    assert_eq!(chain.waiting().len(), 6);
    (chain, World::Committed.account(cursed).unwrap().path().to_string(), bad)
}

#[test]
fn row_05_a_delayed_transaction_that_traps_is_found_and_dropped_and_the_rest_survives() {
    let (mut chain, path, bad) = trapped();
    // The sequencer names it: its blueprint goes, all items stay.
    let named = chain.waiting();
    let messages = chain.seal(&chain.next_with(named.clone(), vec![]));
    chain.run_trapping(path.clone(), &messages);
    chain.run_trapping(path.clone(), &[]);
    assert_eq!((chain.number(), chain.waiting()), (0, named.clone()));

    chain.pass_deadline();
    let mut levels = 0;
    while !chain.waiting().is_empty() {
        levels += 1;
        assert!(levels < 20, "{:?}", chain.host.debug_lines());
        chain.run_trapping(path.clone(), &[]);
        let of_bad =
            |event: &Event| matches!(event, Event::DelayedDropped { name, .. } if *name == name_of(&bad));
        if chain.events().iter().any(of_bad) {
            levels += 100;
            break;
        }
    }
    assert!(levels > 100, "no event says that it was dropped");
    chain.run_trapping(path, &[]);
    assert_eq!(chain.waiting(), []);
    let credited = |byte| chain.balance(Address::repeat_byte(byte));
    let mutez = |count: u64| U256::exp10(12) * count;
    assert_eq!((credited(0xc1), credited(0xc2), credited(0xc4)), (mutez(1), mutez(2), mutez(4)));
    assert_eq!((chain.nonce(User::new(2).address), chain.nonce(User::new(1).address)), (1, 0));
    // Forced blocks soon are as large as before.
    chain.run(&(0..40).map(|_| deposit(TICKETER, &[0xc5; 20], 1)).collect::<Vec<_>>());
    chain.pass_deadline();
    let before = chain.number();
    chain.run(&[]);
    assert_eq!(chain.waiting(), []);
    assert!(chain.number() - before <= 6, "{}", chain.number() - before);
    chain.block(vec![]);
    assert_upgradable(&mut chain);
}

#[test]
fn row_05_without_a_sequencer_a_transaction_that_traps_is_dropped_and_the_rest_is_not() {
    let mut chain = Chain::without_sequencer(&Chain::bridged());
    let (alice, bob) = (User::new(1), User::new(2));
    let cursed = Address::repeat_byte(0xbb);
    let path = World::Committed.account(cursed).unwrap().path().to_string();
    let bad = bob.transfer(0, cursed, 1);
    let queued = [alice.transfer(0, bob.address, 1), bad, alice.transfer(1, bob.address, 1)];
    let bodies = queued.iter().flat_map(|raw| proxy::cut(raw).unwrap());
    let messages: Vec<_> = bodies.map(|(kind, body)| message::external(&ROLLUP, kind, &body)).collect();
    chain.run_trapping(path.clone(), &[messages, vec![deposit(TICKETER, &[0xca; 20], 1)]].concat());
    let mut dropped = vec![];
    for _ in 0..20 {
        chain.run_trapping(path.clone(), &[]);
        dropped.extend(
            chain.events().into_iter().filter(|event| matches!(event, Event::TransactionDropped { .. })),
        );
    }
    assert_eq!((chain.nonce(alice.address), chain.nonce(bob.address)), (2, 0));
    assert_eq!(chain.balance(Address::repeat_byte(0xca)), U256::exp10(12));
    assert_eq!(dropped.len(), 1);
}

#[test]
fn row_06_a_trap_in_a_forced_block_loses_no_deposit() {
    let (mut chain, path, _) = trapped();
    let before = chain.supply();
    chain.pass_deadline();
    // It is over after one level: the trap was an accident.
    chain.run_trapping(path, &[]);
    chain.run(&[]);
    chain.run(&[]);
    assert_eq!(chain.waiting(), []);
    let burned = U256::from(2 * 21_000) * GWEI;
    assert_eq!(chain.supply() + burned, before + U256::exp10(12) * 7);
    assert_eq!(chain.nonce(User::new(1).address), 1);
}

#[test]
fn row_06_a_trap_in_the_inbox_loses_no_other_message() {
    let mut chain = Chain::with_bridges();
    let alice = User::new(1);
    let deposit = deposit(TICKETER, &[0xca; 20], 1);
    // Any name: looking one up is what traps.
    let name = delayed::name(name_of(&[])).unwrap().path().to_string();
    let names = name.rsplit_once('/').unwrap().0.to_string();
    let decision = Decision::RemoveSequencer.encode();
    let messages = [
        vec![deposit],
        chain.seal(&chain.next(vec![alice.transfer(0, Address::zero(), 1)])),
        vec![transfer(ADMIN, Parameter::Governance(&decision))],
    ];
    chain.run_trapping(names, &messages.concat());
    let waiting = governance::authorities().unwrap().read(&chain.host).unwrap();
    assert!(waiting.is_some(), "{:?}", chain.host.debug_lines());
    assert_eq!(chain.number(), 1);
    // Nobody is in charge from the next level on.
    chain.run(&[]);
    assert_eq!(chain.number(), 2);
}

#[test]
fn row_07_a_forced_block_that_dies_at_any_host_call_leaves_its_items_in_the_inbox() {
    let mut chain = Chain::with_bridges();
    let (alice, bob) = (User::new(1), User::new(2));
    let raw = alice.transfer(0, bob.address, 1);
    chain.run(&[vec![deposit(TICKETER, &[0xca; 20], 1)], delay(&raw)].concat());
    chain.pass_deadline();
    let mut undisturbed = chain.clone();
    undisturbed.host.reset_meter();
    undisturbed.run(&[]);
    let calls = undisturbed.host.fallible_calls();
    assert_eq!((undisturbed.number(), undisturbed.waiting().len()), (1, 0));
    for fatal in 0..calls {
        let mut chain = chain.clone();
        chain.open(&[]);
        chain.host.set_fault(Some(FaultAt::Dead(fatal)));
        chain.host.run_level(|host| {
            crate::run(host);
            RunEnd::Trapped
        });
        chain.host.set_fault(None);
        for _ in 0..3 {
            chain.run(&[]);
        }
        assert_eq!((chain.number(), chain.waiting().len()), (1, 0), "call {fatal}");
        assert_eq!(chain.balance(Address::repeat_byte(0xca)), U256::exp10(12), "call {fatal}");
        assert_eq!(chain.supply(), undisturbed.supply(), "call {fatal}");
        assert!(chain.is_tidy());
    }
}

#[test]
fn row_08_an_authentic_blueprint_of_nonsense_is_dropped_with_a_reason() {
    let chain = Chain::with_bridges();
    let blueprint = chain.next(vec![]);
    let mut version_1 = RlpStream::new_list(5);
    version_1.append(&1u8).append(&blueprint.parent.as_bytes().as_slice());
    version_1.begin_list(0).begin_list(0).append(&vec![0u8; 8]);
    let nonsense = [
        chain.seal_bytes(&[0xff; 100]),
        chain.seal_bytes(&[0xc0]),
        // An empty transaction.
        chain.seal_bytes(&[0xc3, 0xc0, 0xc1, 0x80]),
        chain.legacy_messages(blueprint.number, &version_1.out()),
        chain.legacy_messages(blueprint.number, &[0xff; 100]),
    ];
    for messages in nonsense {
        let mut chain = chain.clone();
        chain.run(&messages);
        let number = blueprint.number;
        assert_eq!(chain.events(), [Event::BlueprintDropped { number, reason: 1 }]);
        assert_upgradable(&mut chain);
        chain.block(vec![]);
    }
}

#[test]
fn row_08_a_world_that_is_damaged_keeps_no_decision_out() {
    let world =
        [World::Committed.head().unwrap().path().to_string(), attempt::key().unwrap().path().to_string()];
    for path in world {
        let mut chain = Chain::with_bridges();
        chain.block(vec![]);
        chain.host.set_value(&path, vec![0xff; 5]);
        chain.run(&[deposit(TICKETER, &[0xca; 20], 1)]);
        assert_eq!(chain.waiting().len(), 1);
        assert_upgradable(&mut chain);
    }
}

#[test]
fn row_08_an_undecodable_transaction_is_skipped() {
    let mut chain = Chain::started();
    let (alice, bob) = (User::new(1), User::new(2));
    let transactions = vec![vec![5, 0xc0], vec![0xff; 3], alice.transfer(0, bob.address, 1), vec![0xc0]];
    chain.run(&chain.seal_legacy(&chain.next(transactions)));
    let number = BlockNumber::new(1);
    let dropped = |position| Event::TransactionDropped { number, position, reason: 1 };
    assert_eq!((chain.number(), chain.body().transactions.len()), (1, 1));
    assert_eq!(chain.events(), [dropped(0), dropped(1), dropped(3)]);
}

#[test]
fn row_09_a_gas_limit_below_the_price_of_the_bytes_drops_the_transaction_alone() {
    let mut chain = Chain::started();
    let (alice, bob) = (User::new(1), User::new(2));
    let with_limit = |nonce, limit| {
        alice.sign(Transaction { gas_limit: Gas::new(limit), ..transfer_of(nonce, bob.address, 1) })
    };
    // 150 bytes at 4,000 gwei take 600,000 gas, the transfer 21,000.
    let limits = [0, 21_000, 599_999, 600_000, 620_999];
    let mut transactions: Vec<_> = limits.into_iter().map(|limit| with_limit(0, limit)).collect();
    transactions.push(with_limit(0, 621_000));
    chain.block(transactions);
    assert_eq!(chain.body().transactions.len(), 1);
    let number = BlockNumber::new(1);
    let expected: Vec<_> =
        (0..5).map(|position| Event::TransactionDropped { number, position, reason: 8 }).collect();
    assert_eq!(chain.events(), expected);
}

#[test]
fn row_10_a_deposit_for_nobody_is_ignored_and_the_others_are_not() {
    let mut chain = Chain::with_bridges();
    let messages = [
        deposit(TICKETER, &[0xc1; 20], 1),
        deposit(TICKETER, &[], 1),
        deposit(OTHER_TICKETER, &[], 1),
        deposit(TICKETER, &[1], 1),
        deposit(TICKETER, &[0xc2; 20], 1),
        deposit(OTHER_TICKETER, &[0xc3; 20], 1),
    ];
    chain.run(&messages);
    assert_eq!(chain.waiting().len(), 3);
    let named = chain.waiting();
    chain.run(&chain.seal(&chain.next_with(named, vec![])));
    let credited = [0xc1, 0xc2].map(|byte| chain.balance(Address::repeat_byte(byte)));
    assert_eq!(credited, [U256::exp10(12); 2]);
}
