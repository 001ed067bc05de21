//! What users, the sequencer and strangers can do.

use super::chain::{Chain, GWEI, ROLLUP, START, TICKETER, User, deposit, transfer_of};
use millrace_evm::{block, execute::history::HISTORY_CONTRACT, keccak, transaction::Transaction};
use millrace_layout::{
    delayed,
    events::Event,
    parameters::Parameters,
    world::{Head, World},
};
use millrace_primitives::{Address, BlockHash, BlockNumber, Fork, Gas, Timestamp, TransactionHash, U256};
use millrace_wire::{frame::Kind, message};

#[test]
fn the_first_run_makes_the_genesis_block() {
    let chain = Chain::started();
    let Head { header, hash, .. } = chain.head();
    assert_eq!((header.number, header.timestamp), (BlockNumber::ZERO, START));
    assert_eq!(header.parent_hash, BlockHash::new([0; 32]));
    assert_eq!(keccak(&block::encode_header(&header)).as_bytes(), hash.as_bytes());
    assert_eq!(chain.balance(User::new(1).address), U256::exp10(21));
}

#[test]
fn a_transfer_moves_value_and_is_paid_for_to_the_wei() {
    let mut chain = Chain::started();
    let (alice, bob) = (User::new(1), User::new(2));
    let raw = alice.transfer(0, bob.address, 5);
    chain.block(vec![raw.clone()]);

    let body = chain.body();
    assert_eq!(body.transactions, [raw]);
    let [receipt] = &body.receipts[..] else { panic!("one receipt") };
    assert!(receipt.succeeded);
    assert_eq!((receipt.sender, receipt.gas_used.get()), (alice.address, 621_000));
    let paid = receipt.effective_gas_price * U256::from(receipt.gas_used.get());
    assert_eq!(chain.balance(alice.address), U256::exp10(21) - paid - 5);
    assert_eq!(chain.balance(bob.address), U256::exp10(21) + 5);

    let header = chain.head().header;
    assert_eq!(header.gas_used, receipt.gas_used);
    assert_eq!(header.transactions_root, block::transactions_root(&body.transactions));
    assert_eq!((header.receipts_root, header.logs_bloom), block::receipts_root(&body.receipts));
    assert_eq!(chain.balance(header.beneficiary), U256::from(600_000) * U256::from(GWEI));
}

#[test]
fn only_the_execution_is_burned() {
    let mut chain = Chain::started();
    let (alice, bob) = (User::new(1), User::new(2));
    let before = chain.supply();
    chain.block(vec![alice.transfer(0, bob.address, 5), bob.transfer(0, alice.address, 7)]);
    assert_eq!(before - chain.supply(), U256::from(2 * 21_000) * U256::from(GWEI));
}

#[test]
fn chunks_come_in_any_order_and_over_several_levels() {
    let mut chain = Chain::started();
    let (alice, bob) = (User::new(1), User::new(2));
    let transactions: Vec<_> = (0..100).map(|nonce| alice.transfer(nonce, bob.address, 1)).collect();
    let mut chunks = chain.seal(&chain.next(transactions));
    assert!(chunks.len() > 2, "{}", chunks.len());
    chunks.reverse();
    let last = chunks.pop().unwrap();
    for chunk in chunks {
        chain.run(&[chunk.clone(), chunk]);
        assert_eq!(chain.number(), 0);
    }
    chain.run(&[last]);
    assert_eq!((chain.number(), chain.body().receipts.len()), (1, 100));
}

#[test]
fn several_blueprints_of_a_level_become_blocks_in_their_order() {
    let mut chain = Chain::started();
    let (alice, bob) = (User::new(1), User::new(2));
    let mut ahead = chain.clone();
    let mut messages = vec![];
    for nonce in 0..5 {
        let blueprint = ahead.next(vec![alice.transfer(nonce, bob.address, 1)]);
        let chunks = ahead.seal(&blueprint);
        // The clone makes the block in a level of its own; the timestamps must agree with one level.
        ahead.run(&chunks);
        messages.extend(chunks);
    }
    messages.reverse();
    chain.level = ahead.level - 1;
    chain.run(&messages);
    assert_eq!(chain.head(), ahead.head());
    assert_eq!(chain.world(), ahead.world());
}

#[test]
fn a_deposit_waits_for_a_blueprint_and_is_credited_once() {
    let mut chain = Chain::started();
    let carol = Address::repeat_byte(0xca);
    chain.run(&[deposit(TICKETER, carol.as_bytes(), 1_500_000)]);
    let [Event::DelayedItem { name }] = chain.events()[..] else { panic!("{:?}", chain.events()) };
    assert_eq!(chain.balance(carol), U256::zero());

    let blueprint = chain.next_with(vec![name], vec![]);
    chain.run(&chain.seal(&blueprint));
    let credited = U256::from(1_500_000_000_000_000_000u64);
    assert_eq!((chain.number(), chain.balance(carol)), (1, credited));
    let transaction = &chain.body().transactions[0];
    assert_eq!(keccak(transaction).as_bytes(), name.as_bytes());
    assert_eq!(delayed::oldest(&chain.host, 1).unwrap(), []);

    let again = chain.next_with(vec![name], vec![]);
    chain.run(&chain.seal(&again));
    assert_eq!((chain.number(), chain.balance(carol)), (1, credited));
    assert_eq!(chain.events(), [Event::BlueprintDropped { number: BlockNumber::new(2), reason: 6 }]);
}

#[test]
fn a_deposit_named_twice_makes_the_blueprint_invalid() {
    let mut chain = Chain::started();
    chain.run(&[deposit(TICKETER, &[0xca; 20], 1)]);
    let [Event::DelayedItem { name }] = chain.events()[..] else { panic!("{:?}", chain.events()) };
    chain.run(&chain.seal(&chain.next_with(vec![name, name], vec![])));
    assert_eq!(chain.events(), [Event::BlueprintDropped { number: BlockNumber::new(1), reason: 7 }]);
    chain.run(&chain.seal(&chain.next_with(vec![name], vec![])));
    assert_eq!(chain.balance(Address::repeat_byte(0xca)), U256::from(1_000_000_000_000u64));
}

#[test]
fn the_timestamp_of_a_block_stays_between_its_parent_and_the_lookahead() {
    let rows = [(-1, Some(4)), (0, None), (300, None), (301, Some(5))];
    for (offset, reason) in rows {
        let mut chain = Chain::started();
        chain.block(vec![]);
        let mut blueprint = chain.next(vec![]);
        let base = if offset < 0 { chain.head().header.timestamp } else { chain.now() };
        blueprint.timestamp = Timestamp::new(base.get().saturating_add_signed(offset));
        chain.run(&chain.seal(&blueprint));
        let number = BlockNumber::new(2);
        let expected: Vec<_> =
            reason.map(|reason| Event::BlueprintDropped { number, reason }).into_iter().collect();
        assert_eq!(chain.events(), expected, "{offset}");
        // Whatever it was, the next good one is taken.
        chain.block(vec![]);
    }
}

#[test]
fn a_blueprint_on_another_parent_is_dropped_and_can_be_sent_anew() {
    let mut chain = Chain::started();
    let blueprint = chain.after(0, BlockHash::new([3; 32]), vec![]);
    chain.run(&chain.seal(&blueprint));
    assert_eq!(chain.events(), [Event::BlueprintDropped { number: BlockNumber::new(1), reason: 3 }]);
    chain.block(vec![]);
}

#[test]
fn a_bad_transaction_is_dropped_and_the_rest_goes_on() {
    let mut chain = Chain::started();
    let (alice, bob) = (User::new(1), User::new(2));
    let poor = User::new(3);
    let transactions = vec![
        vec![0xff; 40],
        alice.transfer(0, bob.address, 1),
        alice.transfer(0, bob.address, 1),
        alice.transfer(9, bob.address, 1),
        poor.transfer(0, bob.address, 1),
        alice.transfer(1, bob.address, 1),
    ];
    chain.block(transactions);
    assert_eq!(chain.body().receipts.len(), 2);
    let dropped =
        |position, reason| Event::TransactionDropped { number: BlockNumber::new(1), position, reason };
    assert_eq!(chain.events(), [dropped(0, 1), dropped(2, 4), dropped(3, 5), dropped(4, 6)]);
}

#[test]
fn strangers_cannot_write_a_byte() {
    let chain = Chain::started();
    let good = chain.seal(&chain.next(vec![User::new(1).transfer(0, Address::zero(), 1)])).remove(0);
    let mut forged = good.clone();
    forged[23 + 95] ^= 1;
    let mut elsewhere = good.clone();
    elsewhere[5] ^= 1;
    let messages = [
        vec![0xff],
        vec![1],
        vec![1, 0],
        good[..good.len() / 2].to_vec(),
        [&good[..], &[0]].concat(),
        forged,
        elsewhere,
        message::external(&ROLLUP, Kind::BlueprintChunk, &[0; 64]),
        message::external(&ROLLUP, Kind::BlueprintChunk, &[0xff; 4_000]),
        deposit(TICKETER, &[], 1),
        deposit(millrace_primitives::ContractHash::new([1; 20]), &[1; 20], 1),
    ];
    let (mut quiet, mut noisy) = (chain.clone(), chain);
    quiet.run(&[]);
    noisy.run(&messages);
    assert_eq!(noisy.host.dump(), quiet.host.dump());
    // A reason for each, but for what is meant for another rollup: the inbox is full of that.
    assert_eq!(noisy.host.debug_lines().len(), quiet.host.debug_lines().len() + messages.len() - 1);
    noisy.run(&[good]);
    assert_eq!(noisy.number(), 1);
}

#[test]
fn the_hashes_of_recent_blocks_are_kept() {
    let mut chain = Chain::started();
    let mut hashes = vec![chain.head().hash];
    for _ in 0..4 {
        chain.block(vec![]);
        hashes.push(chain.head().hash);
    }
    for (number, hash) in (0..).zip(hashes) {
        let kept = World::Committed.block_hash(BlockNumber::new(number)).unwrap().read(&chain.host);
        assert_eq!(kept, Ok(Some(hash)));
    }
}

#[test]
fn an_unknown_delayed_item_is_named_in_vain() {
    let mut chain = Chain::started();
    let blueprint = chain.next_with(vec![TransactionHash::new([5; 32])], vec![]);
    chain.run(&chain.seal(&blueprint));
    assert_eq!(chain.events(), [Event::BlueprintDropped { number: BlockNumber::new(1), reason: 6 }]);
}

#[test]
fn contracts_can_ask_for_hashes_of_blocks_long_past() {
    let mut chain = Chain::started();
    let asker = Address::repeat_byte(0xa5);
    // Slot 0 = the hash of block 2, asked of the contract of EIP-2935.
    let code = [
        &[0x60, 2, 0x5f, 0x52, 0x60, 0x20, 0x5f, 0x60, 0x20, 0x5f, 0x73][..],
        HISTORY_CONTRACT.as_bytes(),
        &[0x5a, 0xfa, 0x50, 0x5f, 0x51, 0x5f, 0x55],
    ]
    .concat();
    chain.install(asker, &code);
    chain.block(vec![]);
    chain.block(vec![]);
    let second = chain.head().hash;
    chain.block(vec![]);
    let call = Transaction { gas_limit: Gas::new(700_000), ..transfer_of(0, asker, 0) };
    chain.block(vec![User::new(1).sign(call)]);
    assert_eq!(chain.slot(asker, 0), U256::from_big_endian(second.as_bytes()));
    // Before Prague there is no such contract.
    let parameters = Parameters { fork: Fork::Cancun, ..Chain::parameters() };
    let mut chain = Chain::started_with(&parameters);
    chain.block(vec![]);
    assert_eq!((chain.number(), chain.nonce(HISTORY_CONTRACT)), (1, 0));
}
