use super::*;
use millrace_wire::blueprint::{PAYLOAD_BYTES_MAX, PayloadSize};
use proptest::prelude::*;
use std::collections::BTreeSet;

fn address(sender: u8) -> Address {
    Address::repeat_byte(sender)
}

/// A transaction that costs one wei at most; its hash follows from the other fields.
fn transaction(sender: u8, nonce: u64, fee: u64) -> Transaction {
    let mut hash = [sender; 32];
    hash[..8].copy_from_slice(&nonce.to_be_bytes());
    hash[8..16].copy_from_slice(&fee.to_be_bytes());
    Transaction {
        hash: TransactionHash::new(hash),
        sender: address(sender),
        nonce,
        execution_gas: Gas::new(21_000),
        max_fee_per_gas: U256::from(fee),
        cost_max: U256::one(),
        raw: vec![0; 96],
    }
}

fn rich(nonce: u64) -> Account {
    Account { nonce, balance: U256::exp10(20) }
}

fn add(pool: &mut Pool, transaction: Transaction) -> Result<Accepted, Refused> {
    pool.insert(transaction, rich(0), Moment::ZERO)
}

fn plenty() -> Budget {
    Budget {
        payload: PayloadSize::default(),
        execution_gas: Gas::new(30_500_000),
        base_fee_per_gas: U256::one(),
        transactions: 10_000,
    }
}

/// A payload with room for so many bytes of transactions, more or less.
fn nearly_full(room_bytes: usize) -> PayloadSize {
    let mut payload = PayloadSize::default();
    payload.add_transaction(&vec![1; PAYLOAD_BYTES_MAX - room_bytes]);
    payload
}

fn selected(pool: &Pool, budget: Budget) -> Vec<(u8, u64)> {
    pool.select(budget).iter().map(|taken| (taken.sender.0[0], taken.nonce)).collect()
}

#[test]
fn a_gap_queues_and_filling_it_makes_all_pending() {
    let mut pool = Pool::new(Limits::default());
    for nonce in [2, 1, 4] {
        let accepted = add(&mut pool, transaction(1, nonce, 10)).unwrap();
        assert_eq!(accepted, Accepted { is_pending: false, replaced: None });
    }
    assert_eq!((pool.pending_count(), pool.queued_count()), (0, 3));
    assert_eq!(pool.pending_nonce(address(1), 0), 0);
    assert!(add(&mut pool, transaction(1, 0, 10)).unwrap().is_pending);
    assert_eq!((pool.pending_count(), pool.queued_count()), (3, 1));
    assert_eq!(pool.pending_nonce(address(1), 0), 3);
    assert_eq!(selected(&pool, plenty()), [(1, 0), (1, 1), (1, 2)]);
}

#[test]
fn a_replacement_must_offer_a_tenth_more() {
    let mut pool = Pool::new(Limits::default());
    add(&mut pool, transaction(1, 0, 95)).unwrap();
    let needed = U256::from(105);
    assert_eq!(add(&mut pool, transaction(1, 0, 104)), Err(Refused::ReplacementUnderpriced { needed }));
    assert_eq!(add(&mut pool, transaction(1, 0, 95)), Err(Refused::AlreadyKnown));
    let replaced = Some(transaction(1, 0, 95).hash);
    assert_eq!(add(&mut pool, transaction(1, 0, 105)), Ok(Accepted { is_pending: true, replaced }));
    assert_eq!(pool.get(transaction(1, 0, 95).hash), None);
    assert_eq!((pool.pending_count(), pool.size_bytes()), (1, 96));
}

#[test]
fn nonces_out_of_reach_are_refused() {
    let mut pool = Pool::new(Limits { nonce_gap_max: 5, ..Limits::default() });
    let low = pool.insert(transaction(1, 6, 10), rich(7), Moment::ZERO);
    assert_eq!(low, Err(Refused::NonceTooLow { next: 7, got: 6 }));
    let high = pool.insert(transaction(1, 13, 10), rich(7), Moment::ZERO);
    assert_eq!(high, Err(Refused::NonceTooHigh { next: 7, got: 13, gap_max: 5 }));
    assert!(pool.insert(transaction(1, 12, 10), rich(7), Moment::ZERO).is_ok());
}

#[test]
fn a_balance_covers_all_that_waits_of_its_sender() {
    let mut pool = Pool::new(Limits::default());
    let account = Account { nonce: 0, balance: U256::from(100) };
    let costing = |nonce, fee, cost| Transaction { cost_max: U256::from(cost), ..transaction(1, nonce, fee) };
    pool.insert(costing(0, 10, 60), account, Moment::ZERO).unwrap();
    let (balance, queued, cost) = (U256::from(100), U256::from(60), U256::from(41));
    let refused = pool.insert(costing(1, 10, 41), account, Moment::ZERO);
    assert_eq!(refused, Err(Refused::Funds { balance, queued, cost }));
    // A replacement counts instead of what it replaces.
    pool.insert(costing(0, 20, 100), account, Moment::ZERO).unwrap();
}

#[test]
fn a_full_pool_refuses_and_keeps_what_it_has() {
    let small = Limits { transactions_max: 4, queued_max: 1, per_sender_max: 2, ..Limits::default() };
    let mut pool = Pool::new(small);
    add(&mut pool, transaction(1, 0, 10)).unwrap();
    add(&mut pool, transaction(1, 1, 10)).unwrap();
    assert_eq!(add(&mut pool, transaction(1, 2, 99)), Err(Refused::SenderFull { count_max: 2 }));
    add(&mut pool, transaction(2, 5, 10)).unwrap();
    assert_eq!(add(&mut pool, transaction(3, 5, 99)), Err(Refused::QueuedFull { count: 1 }));
    add(&mut pool, transaction(3, 0, 10)).unwrap();
    assert_eq!(add(&mut pool, transaction(4, 0, 99)), Err(Refused::Full { count: 4, size_bytes: 384 }));
    assert!(add(&mut pool, transaction(3, 0, 99)).is_ok(), "a replacement needs no room");
    assert_eq!((pool.pending_count(), pool.queued_count()), (3, 1));

    let mut pool = Pool::new(Limits { size_bytes_max: 100, ..Limits::default() });
    add(&mut pool, transaction(1, 0, 10)).unwrap();
    assert_eq!(add(&mut pool, transaction(2, 0, 10)), Err(Refused::Full { count: 1, size_bytes: 96 }));
    let huge = Transaction { raw: vec![0; 200_000], ..transaction(2, 0, 10) };
    let size_bytes_max = Limits::default().transaction_size_bytes_max;
    assert_eq!(add(&mut pool, huge), Err(Refused::TooLarge { size_bytes: 200_000, size_bytes_max }));
}

#[test]
fn senders_take_turns_in_the_order_of_arrival() {
    let mut pool = Pool::new(Limits::default());
    for (sender, nonce) in [(9, 0), (9, 1), (9, 2), (1, 0), (5, 0), (1, 1)] {
        add(&mut pool, transaction(sender, nonce, 10)).unwrap();
    }
    assert_eq!(selected(&pool, plenty()), [(9, 0), (1, 0), (5, 0), (9, 1), (1, 1), (9, 2)]);
    assert_eq!(selected(&pool, Budget { transactions: 2, ..plenty() }), [(9, 0), (1, 0)]);
}

#[test]
fn a_block_takes_what_fits_and_what_can_pay() {
    let mut pool = Pool::new(Limits::default());
    add(&mut pool, transaction(1, 0, 10)).unwrap();
    add(&mut pool, Transaction { raw: vec![0; 50_000], ..transaction(2, 0, 10) }).unwrap();
    add(&mut pool, transaction(3, 0, 4)).unwrap();
    add(&mut pool, Transaction { execution_gas: Gas::new(90_000), ..transaction(4, 0, 10) }).unwrap();
    add(&mut pool, transaction(5, 0, 10)).unwrap();
    let budget = Budget {
        payload: nearly_full(1_000),
        execution_gas: Gas::new(100_000),
        base_fee_per_gas: U256::from(5),
        transactions: 10,
    };
    assert_eq!(selected(&pool, budget), [(1, 0), (5, 0)]);
    // One transaction is taken even if its limit is above that of a block: execution decides.
    pool.settle([(address(1), 1), (address(5), 1)]);
    let tight = Budget { execution_gas: Gas::new(80_000), ..budget };
    assert_eq!(selected(&pool, tight), [(4, 0)]);
}

#[test]
fn a_block_settles_what_it_used_and_an_invalid_one_opens_a_gap() {
    let mut pool = Pool::new(Limits::default());
    for nonce in 0..5 {
        add(&mut pool, transaction(1, nonce, 10)).unwrap();
    }
    let used = pool.settle([(address(1), 2), (address(7), 3)]);
    assert_eq!(used.iter().map(|gone| gone.nonce).collect::<Vec<_>>(), [0, 1]);
    assert!(pool.remove(transaction(1, 3, 10).hash).is_some());
    assert_eq!(selected(&pool, plenty()), [(1, 2)]);
    assert_eq!((pool.pending_count(), pool.queued_count()), (1, 1));
    // The state went back, as after a reorganisation: the first nonces are missing.
    pool.settle([(address(1), 1)]);
    assert_eq!((pool.pending_count(), pool.queued_count()), (0, 2));
}

#[test]
fn queued_transactions_expire_and_pending_ones_do_not() {
    let mut pool = Pool::new(Limits { queued_lifetime_ms: 1_000, ..Limits::default() });
    pool.insert(transaction(1, 0, 10), rich(0), Moment::from_ms(100)).unwrap();
    pool.insert(transaction(1, 3, 10), rich(0), Moment::from_ms(200)).unwrap();
    assert!(pool.expire(Moment::from_ms(1_199)).is_empty());
    let expired = pool.expire(Moment::from_ms(1_200));
    assert_eq!(expired.iter().map(|gone| gone.nonce).collect::<Vec<_>>(), [3]);
    assert_eq!((pool.pending_count(), pool.queued_count()), (1, 0));
}

/// What a simulated world does to a pool.
#[derive(Clone, Debug)]
enum Act {
    Insert { sender: u8, nonce: u64, fee: u64 },
    Block { transactions: usize },
    Drop { pick: usize },
    Reorganise { sender: u8, nonce: u64 },
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        8 => (0..4u8, 0..12u64, 1..40u64).prop_map(|(sender, nonce, fee)| Act::Insert { sender, nonce, fee }),
        2 => (0..6usize).prop_map(|transactions| Act::Block { transactions }),
        1 => (0..20usize).prop_map(|pick| Act::Drop { pick }),
        1 => (0..4u8, 0..4u64).prop_map(|(sender, nonce)| Act::Reorganise { sender, nonce }),
    ]
}

/// All that must hold of a pool whose accounts have these nonces.
fn check(pool: &Pool, nonces: &[u64; 4], limits: &Limits) {
    let all: Vec<_> = pool.pending().chain(pool.queued()).cloned().collect();
    assert_eq!(all.len(), pool.pending_count() + pool.queued_count());
    assert_eq!(pool.pending().count(), pool.pending_count());
    assert_eq!(all.iter().map(|one| one.raw.len()).sum::<usize>(), pool.size_bytes());
    assert!(all.len() <= limits.transactions_max);
    let places: BTreeSet<_> = all.iter().map(|one| (one.sender, one.nonce)).collect();
    assert_eq!(places.len(), all.len(), "one transaction for each nonce");
    for one in &all {
        assert_eq!(pool.get(one.hash), Some(one));
        assert!(one.nonce >= nonces[usize::from(one.sender.0[0])]);
    }
    // A block takes exactly the runs without a gap, in the order of the nonces.
    let mut next = *nonces;
    for one in pool.select(plenty()) {
        let expected = &mut next[usize::from(one.sender.0[0])];
        assert_eq!(one.nonce, *expected);
        *expected += 1;
    }
    for (sender, next) in (0..4u8).zip(next) {
        assert!(!places.contains(&(address(sender), next)));
        assert_eq!(pool.pending_nonce(address(sender), nonces[usize::from(sender)]), next);
    }
    assert_eq!(next.iter().sum::<u64>() - nonces.iter().sum::<u64>(), pool.pending_count() as u64);
}

proptest! {
    #[test]
    fn the_pool_is_consistent_whatever_happens(acts in prop::collection::vec(act(), 1..200)) {
        let limits = Limits { transactions_max: 20, queued_max: 8, per_sender_max: 8, ..Limits::default() };
        let mut pool = Pool::new(limits);
        let mut nonces = [0u64; 4];
        for act in acts {
            match act {
                Act::Insert { sender, nonce, fee } => {
                    let before: Vec<_> = pool.pending().chain(pool.queued()).cloned().collect();
                    let account = rich(nonces[usize::from(sender)]);
                    let accepted = pool.insert(transaction(sender, nonce, fee), account, Moment::ZERO);
                    let replaced = accepted.as_ref().ok().and_then(|accepted| accepted.replaced);
                    let lost = before.iter().filter(|one| pool.get(one.hash).is_none());
                    let lost: Vec<_> = lost.map(|one| one.hash).collect();
                    prop_assert_eq!(lost, replaced.into_iter().collect::<Vec<_>>());
                }
                Act::Block { transactions } => {
                    for one in pool.select(Budget { transactions, ..plenty() }) {
                        nonces[usize::from(one.sender.0[0])] = one.nonce + 1;
                    }
                    pool.settle((0..4u8).map(address).zip(nonces));
                }
                Act::Drop { pick } => {
                    let hash = pool.pending().chain(pool.queued()).nth(pick).map(|one| one.hash);
                    if let Some(hash) = hash {
                        prop_assert!(pool.remove(hash).is_some());
                        prop_assert!(pool.remove(hash).is_none());
                    }
                }
                Act::Reorganise { sender, nonce } => {
                    nonces[usize::from(sender)] = nonce;
                    pool.settle([(address(sender), nonce)]);
                }
            }
            check(&pool, &nonces, &limits);
        }
    }
}

#[test]
fn a_banned_transaction_leaves_and_does_not_come_back() {
    let mut pool = Pool::new(Limits::default());
    let (culprit, next) = (transaction(1, 0, 10), transaction(1, 1, 10));
    add(&mut pool, culprit.clone()).unwrap();
    add(&mut pool, next).unwrap();
    assert_eq!(pool.ban(culprit.hash).map(|gone| gone.hash), Some(culprit.hash));
    assert_eq!(add(&mut pool, culprit.clone()), Err(Refused::Banned));
    assert_eq!((pool.pending_count(), pool.queued_count()), (0, 1));
    // Another one with its nonce may come.
    assert!(add(&mut pool, transaction(1, 0, 11)).unwrap().is_pending);
    // Only so many are remembered.
    for nonce in 0..BANNED_MAX as u64 {
        pool.ban(transaction(2, nonce, 1).hash);
    }
    pool.remove(transaction(1, 0, 11).hash);
    assert!(add(&mut pool, culprit).is_ok());
}
