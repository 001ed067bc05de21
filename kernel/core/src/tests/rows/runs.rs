//! Rows 11 to 16: runs, reboots and levels leave no trace.

use super::super::chain::{
    Chain, GWEI, OTHER_TICKETER, TICKETER, User, delay, deposit, name_of, transfer_of,
};
use millrace_evm::transaction::{AccessListItem, Transaction, TransactionType};
use millrace_host::{Budget, FaultAt, RunEnd};
use millrace_layout::{blueprints, progress, world::World};
use millrace_primitives::{Address, BlockNumber, Gas, H256, Ticks, U256};

/// So small that every run does one step.
const ONE_STEP: Budget = Budget::new(Ticks::new(1));

/// So many transactions that they take three chunks of format 2 and two of format 0.
fn large(user: &User) -> Vec<Vec<u8>> {
    let data = |nonce| Transaction {
        data: vec![nonce as u8; 2_300],
        gas_limit: Gas::new(11_000_000),
        ..transfer_of(nonce, Address::zero(), 1)
    };
    (0..4).map(|nonce| user.sign(data(nonce))).collect()
}

#[test]
fn row_11_a_chunk_that_was_lost_may_come_later() {
    let chain = Chain::started();
    let blueprint = chain.next(large(&User::new(1)));
    for messages in [chain.seal(&blueprint), chain.seal_legacy(&blueprint)] {
        assert!(messages.len() > 2);
        let mut chain = chain.clone();
        chain.run(&messages[1..]);
        chain.run(&[]);
        assert_eq!(chain.number(), 0);
        chain.run(&messages[..1]);
        assert_eq!((chain.number(), chain.body().transactions.len()), (1, 4));
    }
}

#[test]
fn row_11_a_blueprint_that_never_becomes_whole_gives_way_to_another() {
    let chain = Chain::started();
    let (alice, bob) = (User::new(1), User::new(2));
    let (lost, other) = (chain.next(large(&alice)), chain.next(large(&bob)));
    let small = chain.next(vec![bob.transfer(0, alice.address, 1)]);
    let formats = [Chain::seal, Chain::seal_legacy];
    for (before, after) in [(0, 0), (1, 0), (1, 1), (0, 1)] {
        for blueprint in [&other, &small] {
            let mut chain = chain.clone();
            chain.run(&formats[before](&chain, &lost)[1..]);
            chain.run(&formats[after](&chain, blueprint));
            if (before, after) == (0, 1) {
                // Format 0 never takes the place of format 2; the sequencer has to send it in that.
                assert_eq!(chain.number(), 0);
                chain.run(&chain.seal(blueprint));
            }
            let made = (chain.number(), chain.body().transactions);
            assert_eq!(made, (1, blueprint.payload.transactions.clone()), "{before} {after}");
        }
    }
}

#[test]
fn row_12_more_chunks_than_a_run_can_read_are_all_stored_in_order() {
    let mut ahead = Chain::started();
    let mut small = ahead.clone();
    // A message of stage 1 may take half a billion ticks: a few of them fit.
    small.budget = Budget::new(Ticks::new(520_000_000));
    let (alice, mut messages) = (User::new(1), vec![]);
    for nonce in 0..3 {
        let junk = (0..40).map(|byte| vec![0x80 + byte; 3_000]);
        let transactions = junk.chain([alice.transfer(nonce, Address::zero(), 1)]).collect();
        let chunks = ahead.seal(&ahead.next(transactions));
        ahead.run(&chunks);
        messages.splice(0..0, chunks);
    }
    assert!(messages.len() > 90, "{}", messages.len());
    small.level = ahead.level - 1;
    let mut large = small.clone();
    large.budget = Budget::RUN;
    assert_eq!(large.run(&messages), 1);
    let runs = small.run(&messages);
    assert!(runs > 10, "{runs}");
    assert_eq!((small.number(), small.world()), (3, ahead.world()));
    assert_eq!(large.world(), ahead.world());
}

#[test]
fn row_12_the_budget_of_a_run_holds_for_chunks_that_are_each_signed() {
    let chain = Chain::started();
    let junk: Vec<_> = (0..128u8).map(|byte| vec![byte | 0x80; 3_900]).collect();
    let messages: Vec<_> = (1..=24)
        .flat_map(|number| chain.seal_legacy(&chain.after(number, chain.head().hash, junk.clone())))
        .collect();
    assert!(messages.len() > 3_000);
    let mut chain = chain;
    // A third of what a run may do: with all of it, ten thousand chunks would have to be signed here.
    chain.budget = Budget::new(Ticks::new(30_000_000_000));
    let runs = chain.run(&messages);
    assert!((2..=4).contains(&runs), "{runs}");
    let pieces = chain.host.dump().keys().filter(|key| key.contains("/chunks/")).count();
    assert_eq!(pieces, messages.len());
}

#[test]
fn row_13_a_delayed_transaction_comes_together_over_runs_and_levels() {
    let alice = User::new(1);
    let data = vec![7; 11_000];
    let raw =
        alice.sign(Transaction { data, gas_limit: Gas::new(500_000), ..transfer_of(0, Address::zero(), 1) });
    let messages = delay(&raw);
    assert_eq!(messages.len(), 4);
    // Every run reads one message.
    let mut chain = Chain::with_bridges();
    chain.budget = ONE_STEP;
    assert!(chain.run(&messages) > 4);
    assert_eq!(chain.waiting(), [name_of(&raw)]);
    // And every level.
    let mut chain = Chain::with_bridges();
    messages.iter().for_each(|message| {
        chain.run(std::slice::from_ref(message));
    });
    assert_eq!(chain.waiting(), [name_of(&raw)]);
    chain.run(&chain.seal(&chain.next_with(vec![name_of(&raw)], vec![])));
    assert_eq!(chain.body().transactions, [raw]);
}

/// Everything that a block can hold: the chain with its delayed inbox, and the transactions.
fn all_kinds() -> (Chain, Vec<Vec<u8>>) {
    let mut chain = Chain::with_bridges();
    let (alice, bob, proxy) = (User::new(1), User::new(2), Address::repeat_byte(0xee));
    // Emits a log, and keeps who called.
    chain.install(proxy, &[0x33, 0x5f, 0x55, 0x5f, 0x5f, 0xa0, 0x00]);
    let routed = [&[0xc2; 20], proxy.as_bytes()].concat();
    let messages = [
        vec![deposit(TICKETER, &[0xc1; 20], 1), deposit(OTHER_TICKETER, &[0xc2; 20], 2)],
        vec![deposit(OTHER_TICKETER, &routed, 3)],
        delay(&bob.transfer(0, alice.address, 4)),
        delay(&bob.transfer(7, alice.address, 4)),
        delay(&[0xc0]),
    ];
    chain.run(&messages.concat());
    let base = |nonce| transfer_of(nonce, bob.address, 5);
    let listed = AccessListItem { address: proxy, storage_keys: vec![H256::zero()] };
    let price = U256::from(GWEI);
    let transactions = [
        Transaction {
            transaction_type: TransactionType::Legacy,
            max_fee_per_gas: price,
            max_priority_fee_per_gas: price,
            ..base(0)
        },
        Transaction {
            transaction_type: TransactionType::AccessList,
            max_fee_per_gas: price,
            max_priority_fee_per_gas: price,
            access_list: vec![listed],
            authorizations: Vec::new(),
            gas_limit: Gas::new(1_000_000),
            to: Some(proxy),
            value: U256::zero(),
            ..base(1)
        },
        base(2),
        // Returns one byte of code; destroys itself; reverts.
        Transaction { to: None, data: vec![0x60, 1, 0x5f, 0xf3], gas_limit: Gas::new(700_000), ..base(3) },
        Transaction { to: None, data: vec![0x33, 0xff], gas_limit: Gas::new(700_000), ..base(4) },
        Transaction { to: None, data: vec![0x5f, 0x5f, 0xfd], gas_limit: Gas::new(700_000), ..base(5) },
        base(9),
    ];
    (chain, transactions.into_iter().map(|transaction| alice.sign(transaction)).chain([vec![5]]).collect())
}

#[test]
fn row_15_a_reboot_at_any_boundary_leaves_no_trace_whatever_is_in_the_block() {
    let (chain, transactions) = all_kinds();
    let named = chain.waiting();
    assert_eq!(named.len(), 6);
    let ordered = chain.seal(&chain.next_with(named, transactions.clone()));
    let mut overdue = chain.clone();
    overdue.pass_deadline();
    for (chain, messages) in [(chain, ordered), (overdue, vec![])] {
        let mut undisturbed = chain.clone();
        undisturbed.run(&messages);
        assert_eq!(undisturbed.number(), 1);
        // A step takes up to 12 billion ticks: each of these budgets breaks the block elsewhere.
        for ticks in [1, 1_000_000_000, 11_000_000_000, 13_000_000_000, 20_000_000_000] {
            let mut chain = chain.clone();
            chain.budget = Budget::new(Ticks::new(ticks));
            let runs = chain.run(&messages);
            assert!(ticks > 1 || runs > 6, "{runs}");
            assert_eq!(chain.head(), undisturbed.head(), "{ticks}");
            assert_eq!(chain.world(), undisturbed.world(), "{ticks}");
            assert_eq!(chain.events(), undisturbed.events(), "{ticks}");
        }
    }
}

#[test]
fn row_16_what_a_dead_run_left_behind_is_in_no_block() {
    let mut chain = Chain::started();
    let (alice, bob) = (User::new(1), User::new(2));
    let mut clean = chain.clone();
    let stale = World::Working.account(Address::repeat_byte(0xdd)).unwrap().path().to_string();
    let account = World::Committed.account(alice.address).unwrap().path().to_string();
    let rich = chain.host.value(&account).unwrap().to_vec();
    chain.host.set_value(&stale, rich);
    chain.host.set_value("/tmp/progress", vec![1, 2, 3]);
    for chain in [&mut chain, &mut clean] {
        chain.block(vec![alice.transfer(0, bob.address, 1)]);
    }
    assert_eq!((chain.head(), chain.world()), (clean.head(), clean.world()));
    assert!(chain.is_tidy());
    assert_eq!(chain.balance(Address::repeat_byte(0xdd)), U256::zero());
}

#[test]
fn row_16_a_block_whose_blueprint_is_gone_keeps_nothing_waiting() {
    let mut chain = Chain::with_bridges();
    let (alice, bob) = (User::new(1), User::new(2));
    chain.run(&[deposit(TICKETER, &[0xca; 20], 1)]);
    let messages =
        chain.seal(&chain.next((0..9).map(|nonce| alice.transfer(nonce, bob.address, 1)).collect()));
    chain.open(&messages);
    let mut runs = 0;
    chain.host.run_level(|host| {
        runs += 1;
        if runs == 8 {
            host.set_fault(Some(FaultAt::Dead(0)));
        }
        crate::run_within(host, ONE_STEP);
        RunEnd::Returned
    });
    chain.host.set_fault(None);
    assert!(progress::key().unwrap().exists(&chain.host).unwrap());
    blueprints::delete(&mut chain.host, BlockNumber::new(1)).unwrap();
    chain.pass_deadline();
    chain.run(&[]);
    assert_eq!((chain.number(), chain.waiting()), (1, vec![]));
    assert_eq!(chain.nonce(alice.address), 0);
    chain.block(vec![]);
}
