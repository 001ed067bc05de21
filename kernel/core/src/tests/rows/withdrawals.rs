//! Rows 2, 14, 57 and 60 to 65: what goes back to the layer 1, and what does not.

use super::super::bridge::{self, MUTEZ, PROXY, fast, withdraw};
use super::super::chain::{Chain, OTHER_TICKETER, TICKETER, User, delay, name_of, tickets, transfer_of};
use millrace_block::WorldReader;
use millrace_evm::{
    execute::tickets::balance,
    keccak,
    state::State,
    system::{CODE, FA_BRIDGE, NATIVE_BRIDGE, WITHDRAWAL_COUNTER},
    transaction::Transaction,
};
use millrace_host::{Budget, FaultAt, RunEnd};
use millrace_layout::{events::Event, outbox, parameters::Parameters, world::World};
use millrace_primitives::{Address, Gas, H160, L1Account, Receipt, U256};
use millrace_wire::{
    fa_deposit::ticket_hash,
    message::Ticket,
    outbox::{Call, Withdrawal},
};

const CONTRACT: Address = H160([0xee; 20]);
/// `Pair 0 None`
const CONTENT: [u8; 6] = [7, 7, 0, 0, 3, 6];

/// With all bridges, and nothing to pay for bytes.
fn chain() -> Chain {
    Chain::started_with(&parameters())
}

fn parameters() -> Parameters {
    Parameters { da_fee_per_byte: U256::zero(), ..Chain::bridged() }
}

fn withdraw_tickets(owner: Address, amount: u64) -> Vec<u8> {
    bridge::withdraw_tickets(owner, amount, (&OTHER_TICKETER, &CONTENT))
}

fn calling(user: &User, nonce: u64, to: Address, wei: U256, data: Vec<u8>) -> Vec<u8> {
    let call = Transaction { value: wei, data, gas_limit: Gas::new(400_000), ..transfer_of(nonce, to, 0) };
    user.sign(call)
}

/// A withdrawal of so many mutez.
fn withdrawing(user: &User, nonce: u64, mutez: u64) -> Vec<u8> {
    let raw = Transaction {
        value: U256::from(mutez) * MUTEZ,
        data: withdraw(),
        gas_limit: Gas::new(100_000),
        ..transfer_of(nonce, NATIVE_BRIDGE, 0)
    };
    user.sign(raw)
}

fn succeeded(chain: &Chain) -> Vec<bool> {
    chain.body().receipts.iter().map(|receipt| receipt.succeeded).collect()
}

/// The amounts that the level sent.
fn amounts(chain: &Chain) -> Vec<u64> {
    let read = |message: &Vec<u8>| Withdrawal::decode(message).unwrap().ticket.amount.as_u64();
    chain.host.outbox().iter().map(read).collect()
}

fn ticket_balance(chain: &Chain, owner: Address) -> U256 {
    let ticket =
        Ticket { ticketer: OTHER_TICKETER, token_id: U256::zero(), metadata: None, amount: U256::one() };
    balance(&State::new(WorldReader::new(&chain.host)), ticket_hash(&ticket), owner).unwrap()
}

/// Deposits so many tickets for this owner, in a block.
fn give(chain: &mut Chain, owner: Address, amount: u64) {
    chain.run(&[tickets(OTHER_TICKETER, owner.as_bytes(), U256::from(amount))]);
    let named = chain.waiting();
    chain.run(&chain.seal(&chain.next_with(named, vec![])));
    assert_eq!(ticket_balance(chain, owner), U256::from(amount));
}

fn used(receipt: &Receipt) -> U256 {
    receipt.effective_gas_price * U256::from(receipt.gas_used.get())
}

#[test]
fn row_02_a_delayed_withdrawal_whose_message_would_be_too_long_reverts_and_blocks_go_on() {
    let alice = User::new(1);
    // All of the message but the payload: numbers of one byte, and a timestamp of five.
    let fixed = 5 + 22 + 4 + 7 + 2 * 27 + 7 * 2 + CONTENT.len() + 2 + 2 + 6 + 5 + 25;
    for (size, fits) in [(4_095, true), (4_096, true), (4_097, false)] {
        let mut chain = chain();
        let data = fast(&vec![7; size - fixed]);
        let raw = calling(&alice, 0, NATIVE_BRIDGE, U256::from(MUTEZ), data);
        chain.run(&delay(&raw));
        let before = chain.supply();
        chain.run(&chain.seal(&chain.next_with(vec![name_of(&raw)], vec![])));
        assert_eq!((chain.number(), chain.waiting(), succeeded(&chain)), (1, vec![], vec![fits]));
        let sent: Vec<_> = chain.host.outbox().iter().map(Vec::len).collect();
        assert_eq!(sent, if fits { vec![size] } else { vec![] });
        let withdrawn = if fits { U256::from(MUTEZ) } else { U256::zero() };
        assert_eq!(before - chain.supply(), withdrawn + used(&chain.body().receipts[0]));
        chain.block(vec![]);
    }
}

#[test]
fn row_14_withdrawals_leave_in_their_order_as_levels_have_room() {
    let mut chain = chain();
    let alice = User::new(1);
    chain.block((0..250).map(|nonce| withdrawing(&alice, nonce, nonce + 1)).collect());
    assert_eq!(succeeded(&chain), [true; 250]);
    assert_eq!(amounts(&chain), (1..=100).collect::<Vec<_>>());
    // Levels without blocks.
    chain.run(&[]);
    assert_eq!(amounts(&chain), (101..=200).collect::<Vec<_>>());
    // What comes later waits behind what is there.
    chain.block(vec![withdrawing(&alice, 250, 251)]);
    assert_eq!(amounts(&chain), (201..=251).collect::<Vec<_>>());
    chain.run(&[]);
    assert_eq!(amounts(&chain), [0u64; 0]);
    // Nothing of them is left but how many there were.
    let outbox = chain.host.dump().into_keys().filter(|key| key.contains("/outbox"));
    assert_eq!(outbox.collect::<Vec<_>>(), ["/base/outbox/cursor", "/evm/world/outbox/count"]);
    let first = Withdrawal {
        ticket: millrace_wire::outbox::Ticket {
            ticketer: TICKETER,
            content: CONTENT.to_vec(),
            amount: U256::from(252),
        },
        receiver: L1Account::new([0; 22]),
        call: Call::Burn,
    };
    chain.block(vec![withdrawing(&alice, 251, 252)]);
    assert_eq!(chain.host.outbox(), [first.encode()]);
}

#[test]
fn row_14_a_pause_anywhere_sends_the_same() {
    let alice = User::new(1);
    let start = chain();
    let transactions: Vec<_> = (0..12).map(|nonce| withdrawing(&alice, nonce, nonce + 1)).collect();
    let messages = start.seal(&start.next(transactions));
    let mut whole = start.clone();
    assert_eq!(whole.run(&messages), 1);
    let mut paused = start;
    // A run has room for one transaction or two.
    paused.budget = Budget::new(millrace_primitives::Ticks::new(90_000_000));
    assert!(paused.run(&messages) > 5);
    assert_eq!(paused.host.outbox(), whole.host.outbox());
    assert_eq!(paused.world(), whole.world());
    assert_eq!(amounts(&paused), (1..=12).collect::<Vec<_>>());
}

/// What became of the messages when the run in which they were to leave went wrong at host call `fault`.
fn interrupted(chain: &Chain, fault: FaultAt) -> (Vec<u64>, Vec<u64>) {
    let mut chain = chain.clone();
    chain.open(&[]);
    chain.host.set_fault(Some(fault));
    chain.host.run_level(|host| {
        crate::run(host);
        if matches!(fault, FaultAt::Dead(_)) { RunEnd::Trapped } else { RunEnd::Returned }
    });
    chain.host.set_fault(None);
    let (mut sent, mut aside) = (amounts(&chain), vec![]);
    for _ in 0..3 {
        chain.run(&[]);
        sent.extend(amounts(&chain));
        aside.extend(chain.events().iter().filter_map(|event| match event {
            Event::OutboxUncertain { number } => Some(*number),
            _ => None,
        }));
    }
    assert_eq!(outbox::waiting(&chain.host), Ok(None), "{fault:?}");
    for number in &aside {
        assert!(outbox::uncertain(*number).unwrap().exists(&chain.host).unwrap(), "{fault:?}");
    }
    (sent, aside)
}

#[test]
fn row_14_a_run_that_dies_anywhere_sends_nothing_twice_and_loses_nothing() {
    let mut chain = chain();
    let alice = User::new(1);
    // A hundred leave with the block, three wait.
    chain.block((0..103).map(|nonce| withdrawing(&alice, nonce, nonce + 1)).collect());
    let mut undisturbed = chain.clone();
    undisturbed.host.reset_meter();
    undisturbed.run(&[]);
    assert_eq!(amounts(&undisturbed), [101, 102, 103]);
    let (mut put_aside, mut in_doubt) = (0, 0);
    for position in 0..undisturbed.host.fallible_calls() {
        for fault in [FaultAt::Dead(position), FaultAt::Once(position)] {
            let (sent, aside) = interrupted(&chain, fault);
            // In order, once each; message n is of n + 1 mutez.
            assert!(sent.is_sorted_by(|a, b| a < b), "{fault:?}: {sent:?}");
            assert!(aside.len() <= 1, "{fault:?}: {aside:?}");
            for number in 100..103 {
                assert!(
                    sent.contains(&(number + 1)) || aside.contains(&number),
                    "{fault:?}: {number} is lost"
                );
            }
            put_aside += aside.len();
            in_doubt += aside.iter().filter(|number| sent.contains(&(**number + 1))).count();
        }
    }
    // Either of the two that nobody can tell apart has happened.
    assert!(in_doubt > 0 && put_aside > in_doubt, "{in_doubt} of {put_aside}");
}

#[test]
fn row_57_nobody_withdraws_the_tickets_of_a_wallet_but_itself() {
    let mut chain = chain();
    let (alice, bob) = (User::new(1), User::new(2));
    give(&mut chain, alice.address, 9);
    let zero = U256::zero();
    chain.block(vec![
        calling(&bob, 0, FA_BRIDGE, zero, withdraw_tickets(alice.address, 9)),
        calling(&alice, 0, FA_BRIDGE, zero, withdraw_tickets(alice.address, 4)),
    ]);
    assert_eq!(succeeded(&chain), [false, true]);
    assert_eq!(ticket_balance(&chain, alice.address), U256::from(5));
    let sent = Withdrawal::decode(&chain.host.outbox()[0]).unwrap();
    assert_eq!((sent.ticket.ticketer, sent.ticket.amount), (OTHER_TICKETER, U256::from(4)));
    assert_eq!((sent.ticket.content, sent.call), (CONTENT.to_vec(), Call::Withdraw { proxy: PROXY }));
}

#[test]
fn row_60_a_withdrawal_in_a_frame_that_reverts_is_none() {
    let mut chain = chain();
    let alice = User::new(1);
    // Passes all it gets on to the bridge and reverts; the other calls it with half of its value and stops.
    let passing = |to: Address, value: &[u8], end: &[u8]| {
        let call =
            [&[0x36, 0x5f, 0x5f, 0x37, 0x5f, 0x5f, 0x36, 0x5f], value, &[0x73], to.as_bytes()].concat();
        [&call[..], &[0x5a, 0xf1, 0x50], end].concat()
    };
    let reverting = Address::repeat_byte(0x77);
    chain.install(reverting, &passing(NATIVE_BRIDGE, &[0x34], &[0x5f, 0x5f, 0xfd]));
    chain.install(CONTRACT, &passing(reverting, &[0x34], &[0x00]));
    let before = chain.supply();
    let tez = U256::from(MUTEZ) * 1_000_000;
    chain.block(vec![calling(&alice, 0, CONTRACT, tez, withdraw()), withdrawing(&alice, 1, 3)]);
    assert_eq!(succeeded(&chain), [true, true]);
    assert!(chain.body().receipts[0].logs.is_empty());
    assert_eq!(amounts(&chain), [3]);
    assert_eq!((chain.balance(CONTRACT), chain.slot(WITHDRAWAL_COUNTER, 0)), (tez, U256::one()));
    let fees = chain.body().receipts.iter().fold(U256::zero(), |sum, receipt| sum + used(receipt));
    assert_eq!(before - chain.supply(), fees + U256::from(3 * MUTEZ));
}

#[test]
fn row_61_what_is_withdrawn_leaves_the_supply_to_the_wei() {
    let mut chain = chain();
    let alice = User::new(1);
    let before = chain.supply();
    let (good, bad) = (U256::from(5 * MUTEZ), U256::from(5 * MUTEZ + 1));
    chain.block(vec![
        calling(&alice, 0, NATIVE_BRIDGE, good, withdraw()),
        calling(&alice, 1, NATIVE_BRIDGE, bad, withdraw()),
        // Wei that come without a call stay where they are.
        calling(&alice, 2, NATIVE_BRIDGE, good, vec![]),
    ]);
    assert_eq!(succeeded(&chain), [true, false, false]);
    let fees = chain.body().receipts.iter().fold(U256::zero(), |sum, receipt| sum + used(receipt));
    assert_eq!(before - chain.supply(), fees + good);
    assert_eq!(chain.balance(NATIVE_BRIDGE), U256::zero());
}

#[test]
fn row_62_a_contract_is_asked_before_its_tickets_leave_and_cannot_use_the_bridge_meanwhile() {
    // Says no; calls the bridge for the rest and insists; says yes.
    let inner = withdraw_tickets(CONTRACT, 1);
    let size = u16::try_from(inner.len()).unwrap().to_be_bytes();
    let mut insisting = vec![0x61, size[0], size[1], 0x60, 0x31, 0x5f, 0x39, 0x5f, 0x5f];
    insisting.extend([0x61, size[0], size[1], 0x5f, 0x5f, 0x73]);
    insisting.extend(FA_BRIDGE.as_bytes());
    // jumpi(the end, it worked); revert
    insisting.extend([0x5a, 0xf1, 0x60, 0x2b, 0x57, 0x5f, 0x5f, 0xfd, 0x5b, 0x00, 0x00, 0x00, 0x00]);
    insisting.resize(0x31, 0);
    let codes = [(vec![0x5f, 0x5f, 0xfd], false), ([insisting, inner].concat(), false), (vec![0x00], true)];
    for (code, agrees) in codes {
        let mut chain = chain();
        chain.install(CONTRACT, &code);
        give(&mut chain, CONTRACT, 9);
        let bob = User::new(2);
        chain.block(vec![calling(&bob, 0, FA_BRIDGE, U256::zero(), withdraw_tickets(CONTRACT, 4))]);
        assert_eq!(succeeded(&chain), [agrees]);
        assert_eq!(ticket_balance(&chain, CONTRACT), U256::from(if agrees { 5 } else { 9 }));
        assert_eq!(amounts(&chain), if agrees { vec![4] } else { vec![] });
        assert_eq!(chain.slot(WITHDRAWAL_COUNTER, 0), U256::from(u8::from(agrees)));
    }
}

#[test]
fn row_63_no_other_call_than_a_plain_one_withdraws_and_no_wei_is_rounded_away() {
    let mut chain = chain();
    let alice = User::new(1);
    let relays = [(0xf1u8, true), (0xf2, false), (0xf4, false), (0xfa, false)];
    let mut transactions = vec![];
    for (nonce, (opcode, _)) in (0..).zip(relays) {
        let relay = Address::repeat_byte(opcode);
        let value: &[u8] = if opcode < 0xf4 { &[0x34] } else { &[] };
        let call = [&[0x36, 0x5f, 0x5f, 0x37, 0x5f, 0x5f, 0x36, 0x5f], value, &[0x73]].concat();
        // slot 0 = 1 + whether it worked
        let end = [0x5a, opcode, 0x60, 1, 0x01, 0x5f, 0x55, 0x00];
        chain.install(relay, &[&call[..], NATIVE_BRIDGE.as_bytes(), &end].concat());
        transactions.push(calling(&alice, nonce, relay, U256::from(MUTEZ), withdraw()));
    }
    for (nonce, wei) in (4..).zip([0, 1, MUTEZ - 1, MUTEZ + 1]) {
        transactions.push(calling(&alice, nonce, NATIVE_BRIDGE, U256::from(wei), withdraw()));
    }
    chain.block(transactions);
    assert_eq!(succeeded(&chain), [true, true, true, true, false, false, false, false]);
    for (opcode, works) in relays {
        let relay = Address::repeat_byte(opcode);
        assert_eq!(chain.slot(relay, 0), U256::from(1 + u8::from(works)), "{opcode:x}");
        let kept = if works { U256::zero() } else { U256::from(MUTEZ) };
        assert_eq!(chain.balance(relay), kept, "{opcode:x}");
    }
    assert_eq!((amounts(&chain), chain.slot(WITHDRAWAL_COUNTER, 0)), (vec![1], U256::one()));
}

#[test]
fn row_64_events_have_the_addresses_and_topics_of_the_deployed_bridges() {
    let mut chain = chain();
    let alice = User::new(1);
    give(&mut chain, alice.address, 9);
    let deposited = chain.body().receipts[0].logs[0].clone();
    let zero = U256::zero();
    chain.block(vec![
        withdrawing(&alice, 0, 1),
        calling(&alice, 1, NATIVE_BRIDGE, U256::from(MUTEZ), fast(&[])),
        calling(&alice, 2, FA_BRIDGE, zero, withdraw_tickets(alice.address, 1)),
    ]);
    let logs: Vec<_> = chain.body().receipts.iter().map(|receipt| receipt.logs[0].clone()).collect();
    // Topics as an indexer of the deployed bridges asks for them.
    let topics = [
        "2d5ad793181f5b6bd727c0c216461e019ecfe466353fdde9ccf813f45b84fa82",
        "62e8e01e31b83084b97c32b1b11ad5a2042382f5f65ee4106ad4a0d0f8b9942c",
        "ab68450c9e546f6062a861eebf8ec5bbd41b4425e26b20199c91227c7f9038ca",
    ];
    let shown: Vec<_> = logs.iter().map(|log| (log.address, format!("{:x}", log.topics[0]))).collect();
    let addresses = [NATIVE_BRIDGE, NATIVE_BRIDGE, FA_BRIDGE];
    let expected: Vec<_> = addresses.into_iter().zip(topics.map(str::to_owned)).collect();
    assert_eq!(shown, expected);
    // Tickets leave under the hash under which they came.
    assert_eq!((deposited.address, deposited.topics[1]), (FA_BRIDGE, logs[2].topics[1]));
}

#[test]
fn row_65_no_account_holds_the_code_of_a_bridge_so_there_is_nothing_to_refresh() {
    let mut chain = chain();
    let alice = User::new(1);
    // slot 0, 1 = the hashes of the code of the bridges
    let hash_of =
        |address: Address, slot: u8| [&[0x73], address.as_bytes(), &[0x3f, 0x60, slot, 0x55]].concat();
    chain.install(CONTRACT, &[hash_of(NATIVE_BRIDGE, 0), hash_of(FA_BRIDGE, 1)].concat());
    chain.block(vec![withdrawing(&alice, 0, 1), calling(&alice, 1, CONTRACT, U256::zero(), vec![])]);
    let hash = U256::from_big_endian(keccak(CODE).as_bytes());
    assert_eq!([0, 1].map(|slot| chain.slot(CONTRACT, slot)), [hash; 2]);
    for bridge in [NATIVE_BRIDGE, FA_BRIDGE] {
        assert_eq!(World::Committed.account(bridge).unwrap().read(&chain.host), Ok(None));
    }
}
