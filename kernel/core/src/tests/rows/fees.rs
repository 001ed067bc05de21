//! Rows 59 to 70: what transactions cost, and what the EVM leaves behind.

use super::super::chain::{
    Chain, GWEI, OTHER_TICKETER, TICKETER, User, delay, deposit, name_of, tickets, transfer_of,
};
use millrace_block::{WorldReader, fees};
use millrace_evm::{
    execute::{
        created_address,
        tickets::{FA_BRIDGE, HOOK_GAS, TICKET_TABLE, balance},
    },
    state::State,
    transaction::{AccessListItem, Signature, Transaction, TransactionType},
};
use millrace_layout::{events::Event, parameters::Parameters, world::World};
use millrace_primitives::{Address, BlockNumber, Gas, H256, Timestamp, U256};
use millrace_wire::{blueprint::Blueprint, fa_deposit::ticket_hash, message::Ticket};

const CONTRACT: Address = millrace_primitives::H160([0xee; 20]);
const SIDE: Address = millrace_primitives::H160([0x51; 20]);

/// Calls `to` without data, leaving whether it succeeded on the stack.
fn call(to: Address) -> Vec<u8> {
    [&[0x5f, 0x5f, 0x5f, 0x5f, 0x5f, 0x73], to.as_bytes(), &[0x5a, 0xf1]].concat()
}

/// A call of `CONTRACT` with this limit of execution gas.
fn calling(user: &User, nonce: u64, execution_gas: u64) -> Vec<u8> {
    let gas_limit = Gas::new(execution_gas + 600_000);
    user.sign(Transaction { gas_limit, max_fee_per_gas: U256::from(GWEI), ..transfer_of(nonce, CONTRACT, 0) })
}

fn ticket_balance(chain: &Chain, owner: Address) -> U256 {
    let ticketer = OTHER_TICKETER;
    let ticket = Ticket { ticketer, token_id: U256::zero(), metadata: None, amount: U256::one() };
    balance(&State::new(WorldReader::new(&chain.host)), ticket_hash(&ticket), owner).unwrap()
}

#[test]
fn row_58_a_sender_whose_code_gives_everything_away_has_paid_before() {
    let mut chain = Chain::started();
    let (alice, bob) = (User::new(1), User::new(2));
    let dave = Address::repeat_byte(0xda);
    // Sends the whole balance of whoever runs it to dave.
    let drain = [&[0x5f, 0x5f, 0x5f, 0x5f, 0x47, 0x73][..], dave.as_bytes(), &[0x5a, 0xf1, 0x00]].concat();
    chain.install(CONTRACT, &drain);
    let calling = |to: Address, nonce: u64| Transaction {
        gas_limit: Gas::new(2_000_000),
        max_fee_per_gas: U256::from(GWEI),
        ..transfer_of(nonce, to, 0)
    };
    // Alice calls herself, and bob calls alice, in one block: she has nothing left but what her first call gave back.
    let authorizing = Transaction {
        transaction_type: TransactionType::SetCode,
        authorizations: vec![alice.authorize(CONTRACT, 1)],
        ..calling(alice.address, 0)
    };
    let before = chain.supply();
    chain.block(vec![alice.sign(authorizing), bob.sign(calling(alice.address, 0))]);
    let receipts = chain.body().receipts;
    assert_eq!(receipts.iter().map(|receipt| receipt.succeeded).collect::<Vec<_>>(), [true, true]);
    let da = [(150 + 125) * 4_000, 150 * 4_000];
    let execution: u64 = receipts.iter().zip(da).map(|(receipt, da)| receipt.gas_used.get() - da).sum();
    assert_eq!(before - chain.supply(), U256::from(execution) * GWEI);
    let paid = U256::from(receipts.iter().map(|receipt| receipt.gas_used.get()).sum::<u64>()) * GWEI;
    assert_eq!(chain.balance(dave) + chain.balance(bob.address) + paid, U256::exp10(18) * 2_000);
    assert_eq!(chain.balance(alice.address), U256::zero());
}

#[test]
fn row_59_every_authorization_is_paid_for() {
    let mut chain = Chain::started();
    let (alice, bob) = (User::new(1), User::new(2));
    let setting = |nonce: u64, count: u64| Transaction {
        transaction_type: TransactionType::SetCode,
        authorizations: (0..count).map(|index| bob.authorize(SIDE, index)).collect(),
        gas_limit: Gas::new(3_000_000),
        ..transfer_of(nonce, CONTRACT, 0)
    };
    chain.block(vec![alice.sign(setting(0, 1)), alice.sign(setting(1, 3))]);
    let used: Vec<_> = chain.body().receipts.iter().map(|receipt| receipt.gas_used.get()).collect();
    // 125 bytes and 25,000 gas each, of which half comes back, up to a fifth of all, for bob exists. Of the three, the
    // first is used already and the second is the next.
    let execution = |count: u64, refund: u64| {
        let spent = 21_000 + 25_000 * count;
        spent - refund.min(spent / 5)
    };
    assert_eq!(
        used,
        [(150 + 125) * 4_000 + execution(1, 12_500), (150 + 375) * 4_000 + execution(3, 25_000)]
    );
}

#[test]
fn row_59_every_byte_of_an_access_list_is_paid_for() {
    let mut chain = Chain::started();
    let alice = User::new(1);
    let item = |keys| AccessListItem { address: SIDE, storage_keys: vec![H256::zero(); keys] };
    let lists = [vec![], vec![item(0)], vec![item(3), item(1)]];
    let transactions = (0..).zip(&lists).map(|(nonce, list)| {
        let gas_limit = Gas::new(2_000_000);
        alice.sign(Transaction { access_list: list.clone(), gas_limit, ..transfer_of(nonce, SIDE, 0) })
    });
    let before = chain.supply();
    chain.block(transactions.collect());
    let used: Vec<_> = chain.body().receipts.iter().map(|receipt| receipt.gas_used.get()).collect();
    // 4,000 gas a byte; 2,400 for each address and 1,900 for each key.
    let expected = [621_000, 621_000 + 80_000 + 2_400, 621_000 + (40 + 128) * 4_000 + 2 * 2_400 + 4 * 1_900];
    assert_eq!(used, expected);
    let execution = 3 * 21_000 + 3 * 2_400 + 4 * 1_900;
    assert_eq!(before - chain.supply(), U256::from(execution) * GWEI);
}

#[test]
fn row_60_nothing_survives_a_frame_that_reverts_be_it_a_call_or_a_creation() {
    let mut chain = Chain::started();
    // Without data: storage, transient storage, a log. With data: tells what is there of the first two.
    let side = [
        0x36, 0x60, 0x10, 0x57, 0x60, 1, 0x5f, 0x55, 0x60, 1, 0x5f, 0x5d, 0x5f, 0x5f, 0xa0, 0x00, 0x5b, 0x5f,
        0x5c, 0x5f, 0x54, 0x01, 0x5f, 0x52, 0x60, 0x20, 0x5f, 0xf3,
    ];
    chain.install(SIDE, &side);
    // Calls it and reverts: the code of a contract, and the code that makes one.
    let reverting = [&call(SIDE)[..], &[0x50, 0x5f, 0x5f, 0xfd]].concat();
    assert_eq!(reverting.len(), 32);
    let thrower = Address::repeat_byte(0x77);
    chain.install(thrower, &reverting);
    let code = [
        &[0x7f][..],
        &reverting,
        // create(1 wei, that code); slot 1 = it failed
        &[0x5f, 0x52, 0x60, 0x20, 0x5f, 0x60, 1, 0xf0, 0x15, 0x60, 1, 0x55],
        &call(thrower),
        // slot 2 = it failed
        &[0x15, 0x60, 2, 0x55],
        // slot 3 = 7 + what is left
        &[0x60, 0x20, 0x60, 0x20, 0x60, 1, 0x5f, 0x5f, 0x73],
        SIDE.as_bytes(),
        &[0x5a, 0xf1, 0x50, 0x60, 0x20, 0x51, 0x60, 7, 0x01, 0x60, 3, 0x55, 0x00],
    ]
    .concat();
    chain.install(CONTRACT, &code);
    let alice = User::new(1);
    chain.block(vec![
        alice.sign(Transaction { gas_limit: Gas::new(2_000_000), ..transfer_of(0, CONTRACT, 5) }),
    ]);
    let body = chain.body();
    assert!(body.receipts[0].succeeded && body.receipts[0].logs.is_empty());
    assert_eq!([1, 2, 3].map(|slot| chain.slot(CONTRACT, slot)), [1, 1, 7].map(U256::from));
    assert_eq!(chain.slot(SIDE, 0), U256::zero());
    // The creator keeps its nonce raised and its wei; what was to be created does not exist.
    assert_eq!((chain.nonce(CONTRACT), chain.balance(CONTRACT)), (2, U256::from(5)));
    let created = World::Committed.account(created_address(CONTRACT, 1)).unwrap();
    assert_eq!(created.read(&chain.host), Ok(None));
}

#[test]
fn row_61_deposits_make_exactly_what_they_bring() {
    let mut chain = Chain::with_bridges();
    // A proxy that reverts, with wei sent to nobody on the way.
    chain.install(CONTRACT, &[0x5f, 0x5f, 0xfd]);
    let routed = [&[0xca; 20], CONTRACT.as_bytes()].concat();
    chain.run(&[
        deposit(TICKETER, &[0xca; 20], 3),
        tickets(OTHER_TICKETER, &routed, U256::from(9)),
        deposit(TICKETER, CONTRACT.as_bytes(), 4),
    ]);
    let before = chain.supply();
    let named = chain.waiting();
    chain.run(&chain.seal(&chain.next_with(named, vec![])));
    assert_eq!(chain.supply(), before + U256::exp10(12) * 7);
    // Tez for a contract do not run it.
    assert_eq!(chain.balance(CONTRACT), U256::exp10(12) * 4);
}

#[test]
fn row_62_a_proxy_that_fails_leaves_nothing_and_the_receiver_owns_the_tickets() {
    let store = [0x60, 1, 0x5f, 0x55, 0x5f, 0x5f, 0xa0];
    let receiver = Address::repeat_byte(0xca);
    let failing = [
        // Reverts; is no code; never ends; calls itself for ever.
        [&store[..], &[0x5f, 0x5f, 0xfd]].concat(),
        [&store[..], &[0xfe]].concat(),
        [&store[..], &[0x5b, 0x60, 7, 0x56]].concat(),
        [&store[..], &call(CONTRACT), &[0x60, 7, 0x56]].concat(),
    ];
    let run = |code: Option<&[u8]>| {
        let mut chain = Chain::with_bridges();
        if let Some(code) = code {
            chain.install(CONTRACT, code);
        }
        let routed = [receiver.as_bytes(), CONTRACT.as_bytes()].concat();
        chain.run(&[tickets(OTHER_TICKETER, &routed, U256::from(9)), deposit(TICKETER, &[0xcb; 20], 1)]);
        let named = chain.waiting();
        chain.run(&chain.seal(&chain.next_with(named, vec![])));
        assert_eq!((chain.number(), chain.waiting()), (1, vec![]));
        assert_eq!(chain.balance(Address::repeat_byte(0xcb)), U256::exp10(12));
        let logs = chain.body().receipts[0].logs.clone();
        assert_eq!(logs.last().map(|log| log.address), Some(FA_BRIDGE));
        let owners = [receiver, CONTRACT].map(|owner| ticket_balance(&chain, owner).as_u64());
        (owners, chain.slot(CONTRACT, 0).as_u64(), logs.len())
    };
    assert_eq!(run(None), ([9, 0], 0, 1));
    for code in &failing {
        assert_eq!(run(Some(code)), ([9, 0], 0, 1), "{code:?}");
    }
    // One that takes them, and calls the bridge and its table on the way.
    let taking = [&store[..], &call(FA_BRIDGE), &call(TICKET_TABLE), &[0x00]].concat();
    assert_eq!(run(Some(&taking)), ([0, 9], 1, 2));
}

#[test]
fn row_62_proxies_that_burn_all_their_gas_do_not_make_a_block_larger_than_it_may_be() {
    let mut chain = Chain::with_bridges();
    chain.install(CONTRACT, &[0x5b, 0x5f, 0x56]);
    let routed = [&[0xca; 20], CONTRACT.as_bytes()].concat();
    let deposits: Vec<_> = (0..310).map(|_| tickets(OTHER_TICKETER, &routed, U256::one())).collect();
    chain.run(&deposits);
    let named = chain.waiting();
    chain.run(&chain.seal(&chain.next_with(named.clone(), vec![])));
    // 30.5 million gas are 305 calls; the other deposits wait for the next block.
    let number = BlockNumber::new(1);
    let full = |position| Event::TransactionDropped { number, position, reason: 10 };
    assert_eq!((chain.waiting(), chain.events()), (named[305..].to_vec(), (305..310).map(full).collect()));
    assert_eq!(ticket_balance(&chain, Address::repeat_byte(0xca)), U256::from(305));
    chain.run(&chain.seal(&chain.next_with(named[305..].to_vec(), vec![])));
    assert_eq!(ticket_balance(&chain, Address::repeat_byte(0xca)), U256::from(310));
}

/// A chain whose contract burns all the gas that it gets.
fn burning() -> Chain {
    let mut chain = Chain::started();
    chain.install(CONTRACT, &[0x5b, 0x5f, 0x56]);
    chain
}

#[test]
fn row_66_the_base_fee_follows_the_backlog_and_everybody_pays_it_to_the_wei() {
    let mut chain = burning();
    let parameters = Chain::parameters();
    let (alice, cap) = (User::new(1), U256::from(1_000 * GWEI));
    let timestamp = chain.now();
    let mut previous = (Gas::ZERO, U256::zero());
    // All at once, then after more and more seconds.
    let times = (0..8).map(|_| 0).chain([1, 10, 60, 3_600, 86_400]);
    for (nonce, later_s) in (0..).zip(times) {
        let parent = chain.head();
        let timestamp = timestamp.saturating_add(later_s);
        if chain.now() < timestamp {
            chain.pass(0, timestamp.since(chain.now()));
        }
        let gas_limit = Gas::new(30_600_000);
        let burn = |nonce| Transaction { gas_limit, max_fee_per_gas: cap, ..transfer_of(nonce, CONTRACT, 0) };
        let (before, balance) = (chain.supply(), chain.balance(alice.address));
        let blueprint = Blueprint { timestamp, ..chain.next(vec![alice.sign(burn(nonce))]) };
        chain.run(&chain.seal(&blueprint));

        let (head, body) = (chain.head(), chain.body());
        let [receipt] = &body.receipts[..] else { panic!("{:?}", chain.events()) };
        let backlog = fees::backlog_at(&parameters, parent.backlog, parent.header.timestamp, timestamp);
        let fee = head.header.base_fee_per_gas;
        assert_eq!(fee, fees::base_fee(&parameters, backlog));
        assert!(fee >= parameters.base_fee_min);
        assert!(if backlog >= previous.0 { fee >= previous.1 } else { fee <= previous.1 }, "{later_s}");
        previous = (backlog, fee);
        // Limits of the cap are held there, and what was executed is the backlog.
        assert_eq!(head.backlog, backlog.saturating_add(30_000_000));
        assert_eq!(balance - chain.balance(alice.address), fee * receipt.gas_used.get());
        let data = receipt.gas_used.get() - 30_000_000;
        assert_eq!(before - chain.supply(), fee * 30_000_000u64);
        assert!(fee * data >= parameters.da_fee_per_byte * 150);
        assert!(fee * (data - 1) < parameters.da_fee_per_byte * 150);
    }
    assert_eq!(previous.1, parameters.base_fee_min);
}

#[test]
fn row_66_no_price_is_below_the_minimum_or_overflows() {
    for backlog in [0, 1, 134_999_999, 135_000_000, 135_000_001, 1 << 40, u64::MAX] {
        let mut chain = Chain::started();
        let key = World::Committed.head().unwrap();
        let mut head = key.require(&chain.host).unwrap();
        (head.backlog, head.header.timestamp) = (Gas::new(backlog), Timestamp::new(chain.now().get()));
        key.write(&mut chain.host, &head).unwrap();
        let raw = User::new(1).transfer(0, SIDE, 1);
        chain.block(vec![raw]);
        let fee = chain.head().header.base_fee_per_gas;
        assert!(fee >= Parameters::default().base_fee_min, "{backlog}");
        let is_affordable = fee <= U256::from(2 * GWEI);
        assert_eq!(chain.body().transactions.len(), usize::from(is_affordable), "{backlog}");
        // A day later it is as cheap as ever, unless the backlog is absurd.
        chain.pass(0, 365 * 86_400);
        chain.block(vec![]);
        let fee = chain.head().header.base_fee_per_gas;
        assert_eq!(fee == Parameters::default().base_fee_min, backlog < u64::MAX);
    }
}

#[test]
fn row_67_gas_is_counted_once_whoever_brought_it() {
    let chain = {
        let mut chain = Chain::with_bridges();
        chain.install(CONTRACT, &[0x5f, 0x5f, 0xa0, 0x00]);
        chain
    };
    let (alice, bob) = (User::new(1), User::new(2));
    let delayed = bob.transfer(0, SIDE, 1);
    let routed = [&[0xca; 20], CONTRACT.as_bytes()].concat();
    let backlog = |messages: &[Vec<u8>], transactions: Vec<Vec<u8>>| {
        let mut chain = chain.clone();
        chain.run(messages);
        let named = chain.waiting();
        chain.run(&chain.seal(&chain.next_with(named, transactions)));
        assert_eq!((chain.number(), chain.waiting()), (1, vec![]));
        chain.head().backlog.get()
    };
    let hook = [tickets(OTHER_TICKETER, &routed, U256::one())];
    let native = [deposit(TICKETER, &[0xca; 20], 1)];
    let transfer = vec![alice.transfer(0, SIDE, 1)];
    assert_eq!(backlog(&native, vec![]), 0);
    assert_eq!(backlog(&[], transfer.clone()), 21_000);
    assert_eq!(backlog(&delay(&delayed), vec![]), 21_000);
    let hooked = backlog(&hook, vec![]);
    assert!(hooked > 0 && hooked <= HOOK_GAS.get());
    let all = [&hook[..], &native, &delay(&delayed)].concat();
    assert_eq!(backlog(&all, transfer), hooked + 42_000);
}

#[test]
fn row_68_a_transaction_has_one_encoding_and_one_hash() {
    let mut chain = Chain::with_bridges();
    let alice = User::new(1);
    let transaction = transfer_of(0, SIDE, 1);
    let good = alice.signature(&transaction);
    let order = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
    let order = U256::from_str_radix(order, 16).unwrap();
    let twins = [
        Signature { s: order - good.s, y_parity: !good.y_parity, ..good },
        Signature { s: order, ..good },
        Signature { s: U256::zero(), ..good },
        Signature { r: U256::zero(), ..good },
        Signature { r: order, ..good },
    ];
    let raw = transaction.encode(&good);
    let mut all: Vec<_> = twins.iter().map(|twin| transaction.encode(twin)).collect();
    // A zero byte before `s`, the last 32 bytes: the same number, other bytes.
    assert_eq!(raw[raw.len() - 33], 0xa0);
    let mut padded = raw.clone();
    padded[raw.len() - 33] = 0xa1;
    padded.insert(raw.len() - 32, 0);
    assert_eq!(padded[..2], [2, 0xf8]);
    padded[2] += 1;
    all.push(padded);
    all.push([&raw[..], &[0]].concat());
    let bad = all.len();
    // By both ways.
    chain.run(&all.iter().flat_map(|raw| delay(raw)).collect::<Vec<_>>());
    let named: Vec<_> = all.iter().map(|raw| name_of(raw)).collect();
    assert_eq!(chain.waiting(), named);
    all.push(raw.clone());
    chain.run(&chain.seal(&chain.next_with(named, all)));
    assert_eq!((chain.body().transactions, chain.waiting()), (vec![raw], vec![]));
    let dropped = |event: &&Event| matches!(event, Event::TransactionDropped { reason: 1 | 2, .. });
    assert_eq!(chain.events().iter().filter(dropped).count(), 2 * bad);
}

#[test]
fn row_70_the_deepest_calls_and_the_largest_memory_trap_nothing() {
    // As much gas as it takes: each call keeps a 64th back, and its own 400 64 times over.
    let most = Gas::new(500_000_000_000);
    let parameters = Parameters {
        execution_gas_transaction_max: most,
        execution_gas_block_max: most,
        ..Chain::parameters()
    };
    let mut chain = Chain::started_with(&parameters);
    // Counts itself in slot 0, calls itself.
    let code = [&[0x5f, 0x54, 0x60, 1, 0x01, 0x5f, 0x55][..], &call(CONTRACT), &[0x00]].concat();
    chain.install(CONTRACT, &code);
    // Creates what runs itself again.
    let creating = [0x38, 0x5f, 0x5f, 0x39, 0x38, 0x5f, 0x5f, 0xf0, 0x00];
    let alice = User::new(1);
    let creation = Transaction {
        to: None,
        data: creating.to_vec(),
        gas_limit: most,
        max_fee_per_gas: U256::from(GWEI),
        ..transfer_of(1, SIDE, 0)
    };
    // `mload(2^64)`, and as much memory as 30 million gas buy.
    let memory = |offset: &[u8]| [&[0x5f + offset.len() as u8], offset, &[0x51, 0x00]].concat();
    let buying = |nonce, code: Vec<u8>, gas| Transaction {
        to: None,
        data: code,
        gas_limit: Gas::new(gas),
        ..transfer_of(nonce, SIDE, 0)
    };
    let transactions = vec![
        calling(&alice, 0, 400_000_000_000),
        alice.sign(creation),
        alice.sign(buying(2, memory(&[1, 0, 0, 0, 0, 0, 0, 0, 0]), 1_000_000)),
        alice.sign(buying(3, memory(&[0xff, 0xff, 0xff, 0xf0]), 1_000_000)),
        alice.sign(buying(4, memory(&[0x3b, 0, 0]), 31_000_000)),
    ];
    chain.block(transactions);
    let succeeded: Vec<_> = chain.body().receipts.iter().map(|receipt| receipt.succeeded).collect();
    assert_eq!(succeeded, [true, true, false, false, true], "{:?}", chain.events());
    // The outermost, and 1,024 below it.
    assert_eq!(chain.slot(CONTRACT, 0), U256::from(1_025));
}
