//! Rows 21 to 24: when the kernel forces what waits, and what it makes of it. And blocks that nobody ordered, of rows 5,
//! 24 and 27.

use super::super::chain::{
    Chain, GWEI, ROLLUP, START, TICKETER, TIMEOUT_LEVELS, TIMEOUT_S, User, delay, deposit, name_of,
    transfer_of,
};
use millrace_evm::transaction::Transaction;
use millrace_host::Budget;
use millrace_layout::{
    events::Event,
    parameters::{DelayedInbox, Parameters},
    world::World,
};
use millrace_primitives::{Address, BlockHash, BlockNumber, Gas, Ticks, Timestamp, U256};
use millrace_wire::{
    TRANSACTION_BYTES_MAX,
    blueprint::{Blueprint, PAYLOAD_BYTES_MAX},
    frame, proxy,
};

/// An item that waits, and the level after its arrival not yet run.
fn with_item() -> Chain {
    let mut chain = Chain::with_bridges();
    chain.run(&[deposit(TICKETER, &[0xca; 20], 1)]);
    chain
}

#[test]
fn row_21_a_timeout_takes_both_seconds_and_levels() {
    // The next level is one later than the item's, and six seconds.
    let (levels, seconds) = (TIMEOUT_LEVELS - 1, TIMEOUT_S - 6);
    let rows = [
        (levels, seconds, true),
        (levels - 1, seconds, false),
        (levels, seconds - 1, false),
        (levels - 1, seconds * 10, false),
        (levels * 10, seconds - 1, false),
        (0, seconds * 10, false),
        (levels + 1, seconds + 1, true),
    ];
    for (levels, seconds, is_overdue) in rows {
        let mut chain = with_item();
        chain.pass(levels, seconds);
        chain.run(&[]);
        assert_eq!((chain.number(), chain.waiting().len()), if is_overdue { (1, 0) } else { (0, 1) });
        let forced = Event::Forced { number: BlockNumber::new(1), items: 1 };
        assert_eq!(chain.events(), if is_overdue { vec![forced] } else { vec![] });
    }
}

#[test]
fn row_21_both_come_from_the_parameters() {
    let terms = DelayedInbox { timeout_s: 12, timeout_levels: 3, ..DelayedInbox::default() };
    let mut chain = Chain::started_with(&Parameters { delayed: terms, ..Chain::bridged() });
    chain.run(&[deposit(TICKETER, &[0xca; 20], 1)]);
    chain.run(&[]);
    chain.run(&[]);
    assert_eq!(chain.number(), 0);
    chain.run(&[]);
    assert_eq!(chain.number(), 1);
}

#[test]
fn row_21_an_outage_of_the_layer_1_makes_nothing_overdue_by_itself() {
    let mut chain = with_item();
    // A day without levels, then a burst of them.
    chain.pass(0, 86_400);
    for _ in 0..TIMEOUT_LEVELS - 1 {
        chain.run(&[]);
        chain.pass(0, 0);
    }
    assert_eq!(chain.number(), 0);
    chain.run(&[]);
    assert_eq!(chain.number(), 1);
}

#[test]
fn row_21_only_the_overdue_prefix_is_forced() {
    let mut chain = with_item();
    chain.pass(TIMEOUT_LEVELS / 2, TIMEOUT_S / 2);
    chain.run(&[deposit(TICKETER, &[0xcb; 20], 1)]);
    let young = chain.waiting()[1];
    chain.pass(TIMEOUT_LEVELS / 2, TIMEOUT_S / 2);
    chain.run(&[]);
    assert_eq!((chain.number(), chain.waiting()), (1, vec![young]));
}

#[test]
fn row_22_only_the_time_that_the_layer_1_told_counts() {
    let mut chain = with_item();
    chain.pass(TIMEOUT_LEVELS, TIMEOUT_S - 6 - 301);
    // As far ahead as the head may be: that much later the item would be overdue.
    let mut blueprint = chain.next(vec![]);
    blueprint.timestamp = chain.now().saturating_add(300);
    let messages = chain.seal(&blueprint);
    chain.run(&messages);
    assert_eq!((chain.number(), chain.waiting().len()), (1, 1));
    assert_eq!(chain.head().header.timestamp, blueprint.timestamp);
    // The level after the outage: six seconds later, and not 300.
    chain.run(&[]);
    assert_eq!((chain.number(), chain.waiting().len()), (1, 1));
}

#[test]
fn row_23_a_forced_block_is_never_older_than_the_head() {
    for ahead in [0, 300] {
        let mut chain = with_item();
        chain.pass(TIMEOUT_LEVELS - 2, TIMEOUT_S - 12);
        let mut blueprint = chain.next(vec![]);
        blueprint.timestamp = chain.now().saturating_add(ahead);
        let messages = chain.seal(&blueprint);
        chain.run(&messages);
        let now = chain.now();
        chain.run(&[]);
        assert_eq!((chain.number(), chain.waiting().len()), (2, 0));
        assert_eq!(chain.head().header.timestamp, blueprint.timestamp.max(now));
    }
}

/// More items than two forced blocks hold, overdue, and the first blueprints of a sequencer that does not know.
fn overdue() -> (Chain, Vec<Vec<u8>>) {
    let terms = DelayedInbox { forced_items_max: 10, ..DelayedInbox::default() };
    let mut chain = Chain::started_with(&Parameters { delayed: terms, ..Chain::bridged() });
    chain.block(vec![]);
    let deposits: Vec<_> = (0..25).map(|_| deposit(TICKETER, &[0xca; 20], 1)).collect();
    chain.run(&deposits);
    chain.pass_deadline();
    let mut parent: BlockHash = chain.head().hash;
    let mut old = vec![];
    for number in 1..8 {
        let transaction = User::new(1).transfer(number - 1, Address::zero(), 1);
        let blueprint =
            Blueprint { timestamp: chain.now(), ..chain.after(number, parent, vec![transaction]) };
        old.extend(chain.seal(&blueprint));
        parent = BlockHash::new([number as u8; 32]);
    }
    (chain, old)
}

#[test]
fn row_24_many_items_make_blocks_in_a_row_and_the_old_branch_is_refused() {
    let (mut chain, old) = overdue();
    chain.run(&old);
    assert_eq!((chain.number(), chain.waiting().len()), (4, 0));
    let forced = |number, items| Event::Forced { number: BlockNumber::new(number), items };
    let dropped = Event::BlueprintDropped { number: BlockNumber::new(5), reason: 3 };
    assert_eq!(chain.events(), [forced(2, 10), forced(3, 10), forced(4, 5), dropped]);
    assert_eq!(chain.balance(Address::repeat_byte(0xca)), U256::exp10(12) * 25);
    assert_eq!(chain.nonce(User::new(1).address), 0);
    assert!(!chain.host.dump().keys().any(|key| key.starts_with("/base/blueprints")));

    // The sequencer goes on with its old branch, then learns.
    chain.run(&old);
    assert_eq!(chain.number(), 4);
    let messages =
        [old, chain.seal(&chain.next(vec![User::new(1).transfer(0, Address::zero(), 1)]))].concat();
    chain.run(&messages);
    assert_eq!((chain.number(), chain.nonce(User::new(1).address)), (5, 1));
}

#[test]
fn row_24_the_old_branch_in_pieces_does_not_stand_in_the_way_of_the_new_one() {
    let (mut chain, _) = overdue();
    // Of each old blueprint only a part has come.
    let junk: Vec<_> = (0..4u8).map(|byte| vec![0xf0 + byte; 3_000]).collect();
    let mut old = vec![];
    for number in 1..8 {
        let blueprint = chain.after(number, BlockHash::new([number as u8; 32]), junk.clone());
        old.extend(chain.seal(&Blueprint { timestamp: chain.now(), ..blueprint }).into_iter().skip(1));
    }
    chain.run(&old);
    assert_eq!(chain.number(), 4);
    // The new branch of several blocks, in one level.
    let (mut ahead, mut new) = (chain.clone(), vec![]);
    for nonce in 0..3 {
        let chunks = ahead.seal(&ahead.next(vec![User::new(1).transfer(nonce, Address::zero(), 1)]));
        ahead.run(&chunks);
        new.extend(chunks);
    }
    chain.level = ahead.level - 1;
    chain.run(&new);
    for _ in 0..2 {
        if chain.number() < 7 {
            chain.run(&new);
        }
    }
    assert_eq!((chain.number(), chain.nonce(User::new(1).address)), (7, 3));
}

#[test]
fn row_24_a_replay_of_the_old_branch_takes_no_place_from_what_is_arriving() {
    let (mut chain, old) = overdue();
    chain.run(&old);
    let junk: Vec<_> = (0..4u8).map(|byte| vec![0xf0 + byte; 3_000]).collect();
    let new = chain.seal(&chain.next(junk));
    chain.run(&[&new[..2], &old].concat());
    assert_eq!((chain.number(), chain.events()), (4, vec![]));
    chain.run(&[&old[..], &new[2..]].concat());
    assert_eq!(chain.number(), 5);
}

#[test]
fn row_24_forced_blocks_leave_most_of_a_level_to_the_sequencer() {
    let mut chain = Chain::with_bridges();
    let alice = User::new(1);
    let heavy = |nonce| {
        alice.sign(Transaction { gas_limit: Gas::new(30_000_000), ..transfer_of(nonce, Address::zero(), 1) })
    };
    let raw: Vec<_> = (0..12).map(heavy).collect();
    chain.run(&raw.iter().flat_map(|raw| delay(raw)).collect::<Vec<_>>());
    chain.pass_deadline();
    // Ten seconds of target: five of these limits.
    chain.run(&[]);
    assert_eq!((chain.number(), chain.waiting().len()), (5, 7));
    // A sequencer that knows what the next level forces has its turn in that very level.
    let mut ahead = chain.clone();
    ahead.run(&[]);
    let timestamp = ahead.head().header.timestamp;
    let blueprint = ahead.next(vec![User::new(2).transfer(0, Address::zero(), 1)]);
    chain.run(&ahead.seal(&Blueprint { timestamp, ..blueprint }));
    assert_eq!((chain.number(), chain.waiting().len()), (11, 2), "{:?}", chain.events());
    assert_eq!(chain.body().receipts[0].sender, User::new(2).address);
}

#[test]
fn row_24_items_that_fill_a_blueprint_to_the_brim_are_forced_all_the_same() {
    let fitting = |count: usize| PAYLOAD_BYTES_MAX / count - 32;
    let fields = [(fitting(1_000), 1_100), (fitting(500), 510), (fitting(4), 6), (TRANSACTION_BYTES_MAX, 5)];
    for (size, count) in fields {
        let mut chain = Chain::with_bridges();
        let junk = |n: u32| [&n.to_be_bytes()[..], &vec![0xee; size - 4]].concat();
        let items: Vec<_> = (0..count).map(|n| [vec![0xf0], junk(n)[1..].to_vec()].concat()).collect();
        chain.run(&items.iter().flat_map(|raw| delay(raw)).collect::<Vec<_>>());
        assert_eq!(chain.waiting().len(), count as usize);
        chain.pass_deadline();
        for _ in 0..6 {
            chain.run(&[]);
        }
        let lines = chain.host.debug_lines();
        assert_eq!(chain.waiting(), [], "{size}: {lines:?}");
        // None was refused and tried again with fewer.
        assert!(!lines.iter().any(|line| line.contains("of the kernel's own")), "{size}: {lines:?}");
    }
}

/// The messages of a transaction for a rollup without sequencer.
fn proxied(raw: &[u8]) -> Vec<Vec<u8>> {
    let bodies = proxy::cut(raw).unwrap();
    bodies.iter().map(|(kind, body)| frame::encode(&ROLLUP, *kind, body)).collect()
}

#[test]
fn row_24_without_a_sequencer_every_level_makes_a_block_of_what_waits() {
    let mut chain = Chain::without_sequencer(&Chain::bridged());
    let (alice, bob) = (User::new(1), User::new(2));
    assert_eq!(chain.number(), 1);
    let delayed = alice.transfer(0, bob.address, 1);
    let large = alice.sign(Transaction {
        data: vec![1; 9_000],
        gas_limit: Gas::new(40_000_000),
        ..transfer_of(1, bob.address, 1)
    });
    let messages = [delay(&delayed), proxied(&large), vec![deposit(TICKETER, &[0xca; 20], 1)]].concat();
    chain.budget = Budget::new(Ticks::new(1));
    chain.run(&messages);
    assert_eq!((chain.number(), chain.waiting().len()), (2, 0));
    assert_eq!(chain.body().transactions.len(), 3, "{:?}", chain.events());
    assert_eq!(chain.head().header.timestamp, Timestamp::new(START.get() + 6));
    chain.run(&[]);
    assert_eq!((chain.number(), chain.body().transactions.len()), (3, 0));
}

#[test]
fn row_27_without_a_sequencer_what_waits_does_not_keep_others_waiting() {
    let mut chain = Chain::without_sequencer(&Chain::bridged());
    let (alice, bob) = (User::new(1), User::new(2));
    // Far from valid, with a limit as large as a block; and too cheap, with a limit as large as a block.
    let large = |transaction| Transaction { gas_limit: Gas::new(30_000_000), ..transaction };
    let price = U256::from(1_000 * GWEI);
    let gap = Transaction { max_fee_per_gas: price, ..large(transfer_of(9, Address::zero(), 1)) };
    let gap = alice.sign(gap);
    let cheap = alice.sign(Transaction {
        max_fee_per_gas: U256::from(2 * GWEI),
        ..large(transfer_of(0, Address::zero(), 1))
    });
    let key = World::Committed.head().unwrap();
    let mut head = key.require(&chain.host).unwrap();
    head.backlog = Gas::new(5_000_000_000);
    key.write(&mut chain.host, &head).unwrap();
    let dear = bob.sign(Transaction { max_fee_per_gas: price, ..transfer_of(0, Address::zero(), 1) });
    let queued = bob.sign(Transaction { max_fee_per_gas: price, ..transfer_of(1, Address::zero(), 1) });
    chain.run(&[delay(&cheap), delay(&gap), delay(&dear), proxied(&queued)].concat());
    chain.run(&[]);
    chain.run(&[]);
    assert_eq!(chain.nonce(bob.address), 2, "{:?}", chain.host.debug_lines());
    // The one waits for a lower base fee, the other is consumed.
    assert_eq!(chain.waiting(), [name_of(&cheap)]);
    chain.pass(100, 2_000);
    chain.run(&[]);
    assert_eq!((chain.waiting(), chain.nonce(alice.address)), (vec![], 1));
}

#[test]
fn row_05_what_waits_for_a_lower_fee_is_not_dropped_for_what_traps_behind_it() {
    let mut chain = Chain::without_sequencer(&Chain::bridged());
    let (alice, bob) = (User::new(1), User::new(2));
    let key = World::Committed.head().unwrap();
    let mut head = key.require(&chain.host).unwrap();
    head.backlog = Gas::new(5_000_000_000);
    key.write(&mut chain.host, &head).unwrap();
    let cheap = alice.transfer(0, Address::zero(), 1);
    let price = U256::from(1_000 * GWEI);
    let cursed = Address::repeat_byte(0xbb);
    let bad = bob.sign(Transaction { max_fee_per_gas: price, ..transfer_of(0, cursed, 1) });
    let path = World::Committed.account(cursed).unwrap().path().to_string();
    chain.run_trapping(path.clone(), &[delay(&cheap), delay(&bad)].concat());
    for _ in 0..15 {
        chain.run_trapping(path.clone(), &[]);
    }
    assert_eq!(chain.waiting(), [name_of(&cheap)]);
    assert_eq!(chain.nonce(bob.address), 0);
}
