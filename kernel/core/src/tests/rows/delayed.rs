//! Rows 17 to 20 and 25 to 31: what waits in the delayed inbox, and what becomes of it.

use super::super::chain::{
    BRIDGE, Chain, GWEI, OTHER_TICKETER, ROLLUP, TICKETER, TIMEOUT_LEVELS, TIMEOUT_S, User, bridge, delay,
    deposit, name_of, tickets, transfer, transfer_of,
};
use millrace_block::fees::base_fee;
use millrace_evm::transaction::{Transaction, TransactionType};
use millrace_host::{Budget, FaultAt, RunEnd};
use millrace_layout::{delayed, events::Event, parameters::Parameters, world::World};
use millrace_primitives::{Address, BlockNumber, Gas, Ticks, TransactionHash, U256};
use millrace_wire::{
    TRANSACTION_BYTES_MAX,
    blueprint::{PAYLOAD_BYTES_MAX, Payload},
    frame::{self, Kind},
    message::Parameter,
    proxy,
};

fn mutez(count: u64) -> U256 {
    U256::exp10(12) * count
}

/// A chain with deposits of 1, 2, … mutez for 0xc1, 0xc2, …, and their names.
fn deposited(count: u8) -> (Chain, Vec<TransactionHash>) {
    let mut chain = Chain::with_bridges();
    let deposits: Vec<_> = (1..=count).map(|n| deposit(TICKETER, &[0xc0 + n; 20], u64::from(n))).collect();
    chain.run(&deposits);
    let named = chain.waiting();
    (chain, named)
}

fn include(chain: &mut Chain, named: &[TransactionHash]) {
    chain.run(&chain.seal(&chain.next_with(named.to_vec(), vec![])));
}

#[test]
fn row_17_items_leave_from_anywhere_and_are_never_replayed() {
    let (mut chain, named) = deposited(6);
    let mut left = named.clone();
    // The middle, the front, the back, one that is gone, the rest.
    for taken in [&named[2..4], &named[..1], &named[5..], &[named[1], named[4]]] {
        include(&mut chain, taken);
        left.retain(|name| !taken.contains(name));
        assert_eq!(chain.waiting(), left);
    }
    for n in 1..=6 {
        assert_eq!(chain.balance(Address::repeat_byte(0xc0 + n)), mutez(u64::from(n)));
    }
    let number = chain.number();
    include(&mut chain, &named[2..3]);
    assert_eq!(chain.number(), number, "a deposit was credited twice");
    // The queue is of use again: the same deposit at another time is another.
    chain.run(&[deposit(TICKETER, &[0xc3; 20], 3)]);
    let [again] = chain.waiting()[..] else { panic!("{:?}", chain.waiting()) };
    assert!(!named.contains(&again));
    include(&mut chain, &[again]);
    assert_eq!(chain.balance(Address::repeat_byte(0xc3)), mutez(6));
}

#[test]
fn row_17_a_delayed_transaction_that_comes_twice_is_executed_once() {
    let mut chain = Chain::with_bridges();
    let (alice, bob) = (User::new(1), User::new(2));
    let raw = alice.transfer(0, bob.address, 1);
    chain.run(&[delay(&raw), delay(&raw)].concat());
    assert_eq!(chain.waiting(), [name_of(&raw)]);
    include(&mut chain, &[name_of(&raw)]);
    chain.run(&delay(&raw));
    include(&mut chain, &[name_of(&raw)]);
    let number = BlockNumber::new(2);
    assert!(chain.events().contains(&Event::DelayedDropped { name: name_of(&raw), number, reason: 4 }));
    assert_eq!((chain.balance(bob.address), chain.waiting().len()), (U256::exp10(21) + 1, 0));
}

#[test]
fn row_18_an_item_named_twice_makes_the_blueprint_invalid() {
    let (mut chain, named) = deposited(2);
    for format in [Chain::seal, Chain::seal_legacy] {
        let blueprint = chain.next_with(vec![named[0], named[1], named[0]], vec![]);
        chain.run(&format(&chain, &blueprint));
        assert_eq!(chain.events(), [Event::BlueprintDropped { number: blueprint.number, reason: 7 }]);
        assert_eq!((chain.number(), chain.waiting()), (0, named.clone()));
    }
    include(&mut chain, &named);
    assert_eq!(chain.balance(Address::repeat_byte(0xc1)), mutez(1));
}

#[test]
fn row_19_items_leave_with_the_block_and_not_before() {
    let (mut chain, named) = deposited(4);
    // Every run does one step and dies after a few of them: the block is begun, not made.
    chain.budget = Budget::new(Ticks::new(1));
    let messages = chain.seal(&chain.next_with(named.clone(), vec![]));
    chain.open(&messages);
    let (budget, mut runs) = (chain.budget, 0);
    chain.host.run_level(|host| {
        runs += 1;
        if runs == 8 {
            host.set_fault(Some(FaultAt::Dead(0)));
        }
        crate::run_within(host, budget);
        RunEnd::Returned
    });
    chain.host.set_fault(None);
    assert_eq!((runs, chain.number(), chain.waiting()), (8, 0, named));
    assert_eq!(chain.supply(), U256::exp10(21) * 2);
    // The next level finishes it.
    chain.run(&[]);
    assert_eq!((chain.number(), chain.waiting()), (1, vec![]));
    assert_eq!(chain.supply(), U256::exp10(21) * 2 + mutez(1 + 2 + 3 + 4));
}

#[test]
fn row_20_items_are_where_the_golden_table_says() {
    let (chain, named) = deposited(1);
    let keys: Vec<_> = chain.host.dump().into_keys().filter(|key| key.starts_with("/base/delayed")).collect();
    let name: String = named[0].as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    let expected = ["/base/delayed/bounds", "/base/delayed/items/0", &format!("/base/delayed/names/{name}")]
        .map(String::from);
    assert_eq!(keys, expected);
}

#[test]
fn row_25_nobody_but_the_bridge_can_delay_a_transaction() {
    let chain = Chain::with_bridges();
    let raw = User::new(1).transfer(0, Address::zero(), 1);
    let internal = delay(&raw);
    let mut messages = vec![];
    for body in internal.iter().map(|message| &message[1..]).chain([&raw[..]]) {
        // The very bytes of the layer 1 after the tag of an external message, and in every frame.
        messages.push([&[1], body].concat());
        messages.extend((0..=255).filter_map(|kind| {
            let kind = Kind::from_byte(kind)?;
            Some(frame::encode(&ROLLUP, kind, body))
        }));
    }
    let proxied = proxy::cut(&raw).unwrap();
    messages.extend(proxied.iter().map(|(kind, body)| frame::encode(&ROLLUP, *kind, body)));
    for sender in [TICKETER, OTHER_TICKETER] {
        let bytes = [&[0, 1][..], &[&[1], &raw[..]].concat(), &raw];
        messages.extend(bytes.map(|bytes| transfer(sender, Parameter::DelayedBridge(bytes))));
    }
    // And as a decision of governance, by the bridge itself.
    messages.push(transfer(BRIDGE, Parameter::Governance(&raw)));
    let (mut quiet, mut noisy) = (chain.clone(), chain);
    quiet.run(&[]);
    noisy.run(&messages);
    assert_eq!(noisy.host.dump(), quiet.host.dump());
}

#[test]
fn row_26_the_largest_delayed_transaction_and_every_number_of_chunks() {
    let mut chain = Chain::with_bridges();
    // What is larger by a byte is refused when its last chunk comes, and its chunks go.
    let start = |chunks: u8| bridge(&[0, chunks]);
    let chunk = |size: usize| bridge(&[&[1][..], &vec![0xee; size]].concat());
    let rest = TRANSACTION_BYTES_MAX % 4_000;
    let of = |last: usize| {
        let full = std::iter::repeat_n(chunk(4_000), TRANSACTION_BYTES_MAX / 4_000);
        std::iter::once(start(33)).chain(full).chain([chunk(last)]).collect::<Vec<_>>()
    };
    let before = chain.host.dump();
    chain.run(&of(rest + 1));
    let left = chain.host.dump().into_keys().filter(|key| !before.contains_key(key)).collect::<Vec<_>>();
    assert_eq!(left, Vec::<String>::new());
    chain.run(&of(rest));
    let [name] = chain.waiting()[..] else { panic!("{:?}", chain.waiting()) };
    assert_eq!(name, name_of(&vec![0xee; TRANSACTION_BYTES_MAX]));
    include(&mut chain, &[name]);
    assert_eq!(chain.waiting(), []);

    // No chunks, more than the largest transaction takes, two bytes of count: nothing is begun.
    let raw = User::new(1).transfer(0, Address::zero(), 1);
    for bytes in [&[0, 0][..], &[0, 34], &[0, 255], &[0, 1, 0], &[0, 0, 1], &[0], &[]] {
        let mut chain = chain.clone();
        chain.run(&[bridge(bytes), bridge(&[&[1], &raw[..]].concat())]);
        assert_eq!(chain.waiting(), [], "{bytes:?}");
    }
    // Two starts: the second counts. A chunk too many is nothing.
    chain.run(&[start(2), chunk(7), start(1), bridge(&[&[1], &raw[..]].concat()), chunk(7)]);
    assert_eq!(chain.waiting(), [name_of(&raw)]);
}

#[test]
fn row_26_the_format_without_tags_is_read() {
    let mut chain = Chain::with_bridges();
    let alice = User::new(1);
    let price = U256::from(GWEI);
    let legacy = alice.sign(Transaction {
        transaction_type: TransactionType::Legacy,
        max_fee_per_gas: price,
        max_priority_fee_per_gas: price,
        ..transfer_of(0, Address::zero(), 1)
    });
    let typed = alice.transfer(1, Address::zero(), 1);
    chain.run(&[bridge(&legacy), bridge(&typed), bridge(&[0x7f; 100])]);
    assert_eq!(chain.waiting(), [name_of(&legacy), name_of(&typed)]);
    let named = chain.waiting();
    include(&mut chain, &named);
    assert_eq!(chain.body().transactions, [legacy, typed]);
}

/// A transaction for 100 wei per gas less than a busy chain asks for.
fn cheap(user: &User, nonce: u64, price: u64) -> Vec<u8> {
    user.sign(Transaction { max_fee_per_gas: U256::from(price), ..transfer_of(nonce, Address::zero(), 1) })
}

/// Makes the chain as busy as a price of a few gwei.
fn make_busy(chain: &mut Chain) {
    let key = World::Committed.head().unwrap();
    let mut head = key.require(&chain.host).unwrap();
    head.backlog = Gas::new(2_500_000_000);
    key.write(&mut chain.host, &head).unwrap();
    let fee = base_fee(&Parameters::default(), head.backlog);
    assert!(fee > U256::from(5 * GWEI), "{fee}");
}

#[test]
fn row_27_a_delayed_transaction_below_the_base_fee_waits_until_its_deadline() {
    let mut chain = Chain::with_bridges();
    let raw = cheap(&User::new(1), 0, 2 * GWEI);
    chain.run(&delay(&raw));
    make_busy(&mut chain);
    let named = vec![name_of(&raw)];
    include(&mut chain, &named);
    let number = BlockNumber::new(1);
    let too_cheap = |number| Event::TransactionDropped { number, position: 0, reason: 7 };
    assert_eq!(
        (chain.number(), chain.waiting(), chain.events()),
        (1, named.clone(), vec![too_cheap(number)])
    );

    // The price falls: it is executed.
    let mut later = chain.clone();
    later.pass(100, 600);
    include(&mut later, &named);
    assert_eq!((later.waiting(), later.body().transactions), (vec![], vec![raw]));

    // It does not: at the deadline the item goes, with a reason.
    chain.pass_deadline();
    make_busy(&mut chain);
    let key = World::Committed.head().unwrap();
    let mut head = key.require(&chain.host).unwrap();
    head.header.timestamp = chain.now();
    key.write(&mut chain.host, &head).unwrap();
    chain.run(&[]);
    let number = BlockNumber::new(2);
    let gone = Event::DelayedDropped { name: named[0], number, reason: 7 };
    assert_eq!(chain.events(), [Event::Forced { number, items: 1 }, too_cheap(number), gone]);
    assert_eq!(chain.waiting(), []);
}

#[test]
fn row_27_a_delayed_transaction_that_cannot_become_valid_is_consumed_with_a_reason() {
    let (alice, poor) = (User::new(1), User::new(3));
    let of_another_chain =
        alice.sign(Transaction { chain_id: Some(U256::from(1)), ..transfer_of(0, Address::zero(), 1) });
    let no_gas =
        alice.sign(Transaction { gas_limit: Gas::new(20_999), ..transfer_of(0, Address::zero(), 1) });
    let rows = [
        (vec![2, 0xc0], 1, true),
        (of_another_chain, 3, true),
        (no_gas, 8, true),
        // These may become valid until their deadline.
        (alice.transfer(1, Address::zero(), 1), 5, false),
        (poor.transfer(0, Address::zero(), 1), 6, false),
    ];
    for (raw, reason, is_final) in rows {
        let mut chain = Chain::with_bridges();
        chain.run(&delay(&raw));
        let name = name_of(&raw);
        include(&mut chain, &[name]);
        let dropped = |number| Event::TransactionDropped { number, position: 0, reason };
        let gone = |number| Event::DelayedDropped { name, number, reason };
        let number = BlockNumber::new(1);
        let expected = if is_final { vec![dropped(number), gone(number)] } else { vec![dropped(number)] };
        assert_eq!((chain.number(), chain.events()), (1, expected));
        assert_eq!(chain.waiting().is_empty(), is_final);
        if !is_final {
            chain.pass(TIMEOUT_LEVELS, TIMEOUT_S);
            chain.run(&[]);
            let number = BlockNumber::new(2);
            let forced = Event::Forced { number, items: 1 };
            assert_eq!(chain.events(), [forced, dropped(number), gone(number)]);
            assert_eq!(chain.waiting(), []);
        }
    }
}

#[test]
fn row_28_a_delayed_transaction_keeps_its_type_and_pays_no_data_fee() {
    let mut chain = Chain::with_bridges();
    let (alice, bob) = (User::new(1), User::new(2));
    let raw = alice.transfer(0, bob.address, 5);
    chain.run(&delay(&raw));
    include(&mut chain, &[name_of(&raw)]);
    let body = chain.body();
    assert_eq!(body.transactions, [raw]);
    assert_eq!((body.receipts[0].transaction_type, body.receipts[0].gas_used.get()), (2, 21_000));
    let paid = U256::from(21_000) * GWEI;
    assert_eq!(chain.balance(alice.address), U256::exp10(21) - paid - 5);
}

#[test]
fn row_29_names_count_for_what_they_stand_for_to_the_byte() {
    let mut chain = Chain::with_bridges();
    let junk: Vec<_> = (0..3u8).map(|byte| vec![0xf0 + byte; TRANSACTION_BYTES_MAX]).collect();
    chain.run(&junk.iter().flat_map(|raw| delay(raw)).collect::<Vec<_>>());
    let named = chain.waiting();
    let items: usize =
        delayed::oldest(&chain.host, 9).unwrap().iter().map(|item| item.size_bytes() as usize).sum();
    let with = |size: usize| Payload { delayed: named.clone(), transactions: vec![vec![0xff; size]] };
    let fixed = with(70_000).encode().len() - 70_000;
    let fits = PAYLOAD_BYTES_MAX - items - fixed;
    for (size, reason) in [(fits + 1, Some(9)), (fits, None)] {
        let blueprint = chain.next_with(named.clone(), with(size).transactions);
        chain.run(&chain.seal(&blueprint));
        let dropped = Event::BlueprintDropped { number: blueprint.number, reason: 9 };
        assert_eq!(chain.events().contains(&dropped), reason.is_some(), "{size}");
        assert_eq!(chain.number(), u64::from(reason.is_none()));
    }
    assert_eq!(chain.waiting(), []);
}

#[test]
fn row_30_an_item_of_a_kind_that_another_kernel_knows_is_passed_over_and_kept() {
    let (mut chain, named) = deposited(3);
    let key = delayed::item(delayed::Position(1)).unwrap();
    let path = key.path().to_string();
    let mut bytes = chain.host.value(&path).unwrap().to_vec();
    // Its kind stands after name, level and timestamp.
    let kind = bytes.len() - 1 - (1 + 1 + 20 + 1 + 1) - 1;
    assert_eq!(bytes[kind], 1, "{bytes:?}");
    bytes[kind] = 9;
    chain.host.set_value(&path, bytes.clone());
    chain.pass_deadline();
    chain.run(&[]);
    assert_eq!((chain.number(), chain.waiting()), (1, vec![]));
    assert_eq!(chain.balance(Address::repeat_byte(0xc3)), mutez(3));
    // The kernel that knows it finds it where it was.
    assert_eq!(chain.host.value(&path), Some(&bytes[..]));
    bytes[kind] = 1;
    chain.host.set_value(&path, bytes);
    assert_eq!(chain.waiting(), named[1..2]);
    chain.run(&[]);
    assert_eq!(chain.balance(Address::repeat_byte(0xc2)), mutez(2));
}

#[test]
fn row_31_an_fa_deposit_needs_no_code_that_could_be_missing() {
    let mut chain = Chain::with_bridges();
    chain.run(&[tickets(OTHER_TICKETER, &[0xca; 20], U256::MAX), deposit(OTHER_TICKETER, &[0xca; 20], 1)]);
    let named = chain.waiting();
    include(&mut chain, &named);
    // The second is more than there can be of a ticket: it goes with a reason, and does not block the queue.
    let number = BlockNumber::new(1);
    let expected = [
        Event::TransactionDropped { number, position: 1, reason: 11 },
        Event::DelayedDropped { name: named[1], number, reason: 11 },
    ];
    assert_eq!((chain.events(), chain.waiting()), (expected.to_vec(), vec![]));
}
