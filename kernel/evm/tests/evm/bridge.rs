//! The bridge of the native token: what it gives out, what it refuses, and that nothing is left of what was undone.

use crate::support::{Chain, Memory, TICKETER, address, code, dynamic, word};
use millrace_evm::{
    Fork, Halt, Outcome, Transaction, keccak,
    system::{
        CODE, FA_BRIDGE, FastWithdrawal, MESSAGE_BYTES_MAX, NATIVE_BRIDGE, WITHDRAWAL_COUNTER, Way,
        Withdrawal, WithdrawnTicket,
    },
};
use millrace_primitives::{Address, ContractHash, H256, L1Account, Log, Timestamp, U256};

pub(crate) const RECEIVER: &str = "tz1Ke2h7sDdakHJQh8WX4Z372du1KChsksyU";
pub(crate) const CONTRACT: &str = "KT18amZmM5W7qDWVt2pH6uj7sCEd3kbzLrHT";
pub(crate) const MUTEZ: u64 = 1_000_000_000_000;
const RELAY: Address = millrace_primitives::H160([0xe1; 20]);

/// An argument of the contract ABI.
pub(crate) enum Argument<'a> {
    Word(H256),
    Bytes(&'a [u8]),
}

pub(crate) fn text(text: &str) -> Argument<'_> {
    Argument::Bytes(text.as_bytes())
}

pub(crate) fn number(number: impl Into<U256>) -> Argument<'static> {
    let mut word = H256::zero();
    number.into().to_big_endian(&mut word.0);
    Argument::Word(word)
}

/// Call data as any library makes it.
pub(crate) fn abi(signature: &str, arguments: &[Argument<'_>]) -> Vec<u8> {
    let (mut head, mut tail) = (vec![], vec![]);
    for argument in arguments {
        match argument {
            Argument::Word(word) => head.extend(word.0),
            Argument::Bytes(bytes) => {
                head.extend(word((arguments.len() * 32 + tail.len()) as u64).0);
                tail.extend(word(bytes.len() as u64).0);
                tail.extend_from_slice(bytes);
                tail.resize(tail.len().next_multiple_of(32), 0);
            }
        }
    }
    [&keccak(signature.as_bytes()).0[..4], &head, &tail].concat()
}

fn withdraw(receiver: &str) -> Vec<u8> {
    abi("withdraw_base58(string)", &[text(receiver)])
}

fn fast(receiver: &str, contract: &str, payload: &[u8]) -> Vec<u8> {
    let arguments = [text(receiver), text(contract), Argument::Bytes(payload)];
    abi("fast_withdraw_base58(string,string,bytes)", &arguments)
}

/// Passes call data and value on to `to` by this opcode, and gives back what it gets.
pub(crate) fn relay(opcode: u8, to: Address) -> Vec<u8> {
    let value: &[u8] = if matches!(opcode, 0xf1 | 0xf2) { &[0x34] } else { &[] };
    let parts: [&[u8]; 5] =
        [&[0x36, 0x5f, 0x5f, 0x37, 0x5f, 0x5f, 0x36, 0x5f], value, &[0x73], to.as_bytes(), &[0x5a, opcode]];
    let call = parts.concat();
    let end = call.len() as u8 + 11;
    let answer = [0x3d, 0x5f, 0x5f, 0x3e, 0x60, end - 1, 0x57, 0x3d, 0x5f, 0xfd, 0x5b, 0x3d, 0x5f, 0xf3];
    [&call[..], &answer].concat()
}

/// Passes call data and value on to `to` and reverts, or stops.
pub(crate) fn relay_and(end: &[u8], to: Address) -> Vec<u8> {
    let to = to.as_bytes();
    [&code("36 5f 5f 37 5f 5f 36 5f 34 73"), to, &code("5a f1 50"), end].concat()
}

pub(crate) fn send(chain: &mut Chain, to: Address, wei: U256, data: Vec<u8>) -> Outcome {
    let nonce = chain.nonce();
    let transaction = Transaction { value: wei, ..dynamic(nonce, Some(to), 10_000_000, data) };
    chain.alice_sends(transaction).unwrap()
}

fn mutez(amount: u64) -> U256 {
    U256::from(amount) * U256::from(MUTEZ)
}

pub(crate) fn reason(outcome: &Outcome) -> String {
    assert_eq!(outcome.halt, Some(Halt::Reverted));
    let size = U256::from_big_endian(&outcome.output[36..68]).as_usize();
    String::from_utf8(outcome.output[68..68 + size].to_vec()).unwrap()
}

pub(crate) fn counter(chain: &Chain) -> U256 {
    chain.slot(WITHDRAWAL_COUNTER, 0)
}

fn native(amount: u64, way: Way) -> Withdrawal {
    let ticket =
        WithdrawnTicket { ticketer: TICKETER, content: vec![7, 7, 0, 0, 3, 6], amount: U256::from(amount) };
    Withdrawal { ticket, receiver: L1Account::new([0; 22]), way }
}

#[test]
fn a_withdrawal_burns_the_wei_and_comes_out_with_the_event_of_the_deployed_bridge() {
    let mut chain = Chain::new(Memory::default());
    let before = chain.balance(chain.alice.address);
    let outcome = send(&mut chain, NATIVE_BRIDGE, mutez(3), withdraw(RECEIVER));
    assert!(outcome.succeeded && outcome.output.is_empty(), "{outcome:?}");
    assert_eq!(outcome.withdrawals, [native(3, Way::Ticketer)]);
    let data = [
        format!("{:064x}", mutez(3)),
        format!("{:0>64}", hex::encode(chain.alice.address)),
        "00".repeat(32),
        "00".repeat(32),
    ];
    // keccak("Withdrawal(uint256,address,bytes22,uint256)")
    let topic = hex::decode("2d5ad793181f5b6bd727c0c216461e019ecfe466353fdde9ccf813f45b84fa82").unwrap();
    let topics = vec![H256::from_slice(&topic)];
    assert_eq!(
        outcome.logs,
        [Log { address: NATIVE_BRIDGE, topics, data: hex::decode(data.concat()).unwrap() }]
    );
    let paid = outcome.effective_gas_price * U256::from(outcome.gas_used.get());
    assert_eq!(chain.balance(chain.alice.address), before - mutez(3) - paid);
    assert_eq!(chain.state.account(NATIVE_BRIDGE), Ok(None));
    // 21,000 and the call data; 24,700, 16 for each of 103 bytes of the message, and the log.
    let data_gas: u64 = withdraw(RECEIVER).iter().map(|byte| if *byte == 0 { 4 } else { 16 }).sum();
    assert_eq!(outcome.gas_used.get(), 21_000 + data_gas + 24_700 + 103 * 16 + 375 + 375 + 8 * 128);
    // Numbers follow each other, and a contract of the layer 1 may receive.
    let outcome = send(&mut chain, NATIVE_BRIDGE, mutez(70_000_000), withdraw(CONTRACT));
    assert_eq!(outcome.logs[0].data[64..96], [&[1][..], &[0; 31]].concat());
    assert_eq!(outcome.logs[0].data[96..], [&[0; 31][..], &[1]].concat());
    assert_eq!(counter(&chain), U256::from(2));
}

#[test]
fn a_fast_withdrawal_names_its_contract_and_carries_its_payload() {
    let mut chain = Chain::new(Memory::default());
    chain.block.timestamp = Timestamp::new(1_700_000_000);
    send(&mut chain, NATIVE_BRIDGE, mutez(1), withdraw(RECEIVER));
    // The caller of the bridge, not the sender of the transaction, in the event and on the layer 1.
    chain = with_code(chain, &[(RELAY, relay(0xf1, NATIVE_BRIDGE))]);
    let outcome = send(&mut chain, RELAY, mutez(5), fast(RECEIVER, CONTRACT, b"\xbe\xef"));
    let details = FastWithdrawal {
        contract: ContractHash::new([0; 20]),
        id: U256::one(),
        timestamp: chain.block.timestamp,
        payload: vec![0xbe, 0xef],
        caller: RELAY,
    };
    assert_eq!(outcome.withdrawals, [native(5, Way::Fast(details))]);
    let data = [
        "00".repeat(32),
        format!("{:064x}", 1),
        format!("{:064x}", mutez(5)),
        format!("{:064x}", 1_700_000_000),
        format!("{:064x}", 192),
        format!("{:0>64}", "e1".repeat(20)),
        format!("{:064x}", 2),
        format!("{:0<64}", "beef"),
    ];
    let log = &outcome.logs[0];
    // keccak("FastWithdrawal(bytes22,uint256,uint256,uint256,bytes,address)")
    let topic = "62e8e01e31b83084b97c32b1b11ad5a2042382f5f65ee4106ad4a0d0f8b9942c";
    assert_eq!((log.topics.len(), hex::encode(log.topics[0])), (1, topic.to_owned()));
    assert_eq!(hex::encode(&log.data), data.concat());
}

pub(crate) fn with_code(chain: Chain, contracts: &[(Address, Vec<u8>)]) -> Chain {
    let mut memory = chain.state.reader().clone();
    memory.apply(&chain.state.changes());
    for (address, code) in contracts {
        memory.install(*address, code);
    }
    Chain { block: chain.block.clone(), ..Chain::new(memory) }
}

#[test]
fn what_the_layer_1_would_refuse_is_refused_with_a_reason() {
    let mut chain = Chain::new(Memory::default());
    let flipped = RECEIVER.replace("Ke2h", "Ke2i");
    let table: Vec<(U256, Vec<u8>, &str)> = vec![
        (U256::zero(), withdraw(RECEIVER), "Amount is zero"),
        (mutez(1) + 1, withdraw(RECEIVER), "Rounding would lose wei"),
        (mutez(1) - 1, fast(RECEIVER, CONTRACT, &[]), "Rounding would lose wei"),
        (mutez(1), withdraw(&flipped), "not an account"),
        (mutez(1), withdraw(""), "not an account"),
        (mutez(1), withdraw(&format!("{CONTRACT}%burn")), "not an account"),
        (mutez(1), fast(RECEIVER, RECEIVER, &[]), "not a contract"),
        (mutez(1), fast(RECEIVER, CONTRACT, &[0; 5_000]), "too long"),
        (mutez(1), vec![], "no such function"),
        (mutez(1), vec![0xcd, 0xa4, 0xfe], "no such function"),
        (mutez(1), abi("withdraw(address)", &[number(1)]), "no such function"),
        (mutez(1), vec![0xcd, 0xa4, 0xfe, 0xe2], "malformed"),
        (mutez(1), abi("withdraw_base58(string)", &[number(U256::MAX)]), "malformed"),
        (mutez(1), withdraw(RECEIVER)[..100].to_vec(), "malformed"),
    ];
    for (wei, data, expected) in table {
        let before = chain.balance(chain.alice.address);
        let outcome = send(&mut chain, NATIVE_BRIDGE, wei, data);
        let reason = reason(&outcome);
        assert!(reason.contains(expected), "{reason} is not {expected}");
        assert!(outcome.withdrawals.is_empty() && outcome.logs.is_empty());
        let paid = outcome.effective_gas_price * U256::from(outcome.gas_used.get());
        assert_eq!(chain.balance(chain.alice.address), before - paid, "{expected}");
    }
    chain.block.ticketer = None;
    let outcome = send(&mut chain, NATIVE_BRIDGE, mutez(1), withdraw(RECEIVER));
    assert!(reason(&outcome).contains("no ticketer"));
    assert_eq!(counter(&chain), U256::zero());
    assert_eq!(chain.state.account(WITHDRAWAL_COUNTER), Ok(None));
}

#[test]
fn a_message_is_as_long_as_the_layer_1_takes_and_no_longer() {
    for (excess, fits) in [(-1, true), (0, true), (1, false)] {
        let mut chain = Chain::new(Memory::default());
        // Everything but the payload: 93 bytes and the entrypoint, the ticket, numbers.
        let fixed = {
            let outcome = send(&mut chain, NATIVE_BRIDGE, mutez(1), fast(RECEIVER, CONTRACT, &[]));
            outcome.withdrawals[0].message_size_bytes()
        };
        let size = (MESSAGE_BYTES_MAX - fixed).checked_add_signed(excess).unwrap();
        let outcome = send(&mut chain, NATIVE_BRIDGE, mutez(1), fast(RECEIVER, CONTRACT, &vec![7; size]));
        assert_eq!(outcome.succeeded, fits, "{excess}");
        let sizes = outcome.withdrawals.iter().map(Withdrawal::message_size_bytes);
        assert_eq!(
            sizes.sum::<usize>(),
            if fits { 4_096usize.checked_add_signed(excess).unwrap() } else { 0 }
        );
        assert_eq!(counter(&chain), U256::from(1 + u64::from(fits)));
    }
}

#[test]
fn only_a_plain_call_withdraws() {
    for (opcode, works) in [(0xf1, true), (0xf2, false), (0xf4, false), (0xfa, false)] {
        let mut memory = Memory::default();
        memory.install(RELAY, &relay(opcode, NATIVE_BRIDGE));
        let mut chain = Chain::new(memory);
        let outcome = send(&mut chain, RELAY, mutez(1), withdraw(RECEIVER));
        assert_eq!(outcome.succeeded, works, "{opcode:x}");
        assert_eq!(outcome.withdrawals.len(), usize::from(works));
        assert_eq!(counter(&chain), U256::from(u8::from(works)));
        if !works {
            assert_eq!(reason(&outcome), "only a plain call may withdraw");
        }
    }
    // A plain call inside a static one.
    let mut memory = Memory::default();
    memory.install(RELAY, &relay(0xf1, NATIVE_BRIDGE));
    memory.install(address(0xaa), &relay(0xfa, RELAY));
    let mut chain = Chain::new(memory);
    let outcome = send(&mut chain, address(0xaa), U256::zero(), withdraw(RECEIVER));
    assert_eq!(reason(&outcome), "only a plain call may withdraw");
}

#[test]
fn nothing_is_left_of_a_withdrawal_that_is_undone() {
    let (stop, revert) = (code("00"), code("5f 5f fd"));
    for (end, kept) in [(&stop, 2), (&revert, 0)] {
        // A call that withdraws and ends so, and a creation whose code does; both inside one that goes on.
        let inner = relay_and(end, NATIVE_BRIDGE);
        let data = withdraw(RECEIVER);
        let size = data.len() as u8;
        let offset = (9 + 27 + end.len()) as u8;
        let initcode = [
            &[0x60, size, 0x60, offset, 0x5f, 0x39, 0x5f, 0x5f, 0x60, size, 0x5f, 0x34, 0x73][..],
            NATIVE_BRIDGE.as_bytes(),
            &[0x5a, 0xf1, 0x50],
            end,
            &data,
        ]
        .concat();
        let mut memory = Memory::default();
        memory.install(RELAY, &inner);
        // create(half of the value, call data)
        let create = code("36 5f 5f 37 36 5f 34 f0 50 00");
        memory.install(address(0xc0), &create);
        let mut chain = Chain::new(memory);
        let outer = relay_and(&stop, RELAY);
        chain = with_code(chain, &[(address(0xaa), outer)]);
        let called = send(&mut chain, address(0xaa), mutez(4), data.clone());
        let created = send(&mut chain, address(0xc0), mutez(6), initcode);
        assert!(called.succeeded && created.succeeded);
        assert_eq!(called.withdrawals.len() + created.withdrawals.len(), kept);
        assert_eq!(called.logs.len() + created.logs.len(), kept);
        assert_eq!(counter(&chain), U256::from(kept));
        let left = if kept == 0 { [mutez(4), mutez(6)] } else { [U256::zero(); 2] };
        assert_eq!([address(0xaa), address(0xc0)].map(|contract| chain.balance(contract)), left);
        assert_eq!(chain.balance(NATIVE_BRIDGE), U256::zero());
    }
}

#[test]
fn a_withdrawal_without_enough_gas_is_none() {
    let mut chain = Chain::new(Memory::default());
    let data = withdraw(RECEIVER);
    let used = send(&mut chain, NATIVE_BRIDGE, mutez(1), data.clone()).gas_used.get();
    for (missing, expected) in [(0, None), (1, Some(Halt::OutOfGas)), (3_000, Some(Halt::OutOfGas))] {
        let nonce = chain.nonce();
        let transaction = dynamic(nonce, Some(NATIVE_BRIDGE), used - missing, data.clone());
        let outcome = chain.alice_sends(Transaction { value: mutez(1), ..transaction }).unwrap();
        assert_eq!(outcome.halt, expected, "{missing}");
        assert_eq!(outcome.withdrawals.len(), usize::from(missing == 0));
    }
    assert_eq!(counter(&chain), U256::from(2));
}

#[test]
fn the_bridges_look_like_contracts() {
    for fork in [Fork::Shanghai, Fork::Cancun, Fork::Prague, Fork::Osaka] {
        for bridge in [NATIVE_BRIDGE, FA_BRIDGE] {
            let mut memory = Memory::default();
            // Slots 0 to 2: size and hash of the code of the bridge, and its first word.
            let push = [&[0x73][..], bridge.as_bytes()].concat();
            let asks = [
                &push[..],
                &code("3b 5f 55"),
                &push,
                &code("3f 6001 55"),
                &code("6020 5f 5f"),
                &push,
                &code("3c 5f 51 6002 55 00"),
            ]
            .concat();
            memory.install(address(0xaa), &asks);
            let mut chain = Chain::new(memory);
            chain.block.fork = fork;
            assert!(chain.call(address(0xaa), &[]).succeeded);
            assert_eq!(chain.slot(address(0xaa), 0), U256::from(CODE.len()));
            assert_eq!(chain.slot(address(0xaa), 1), U256::from_big_endian(keccak(CODE).as_bytes()));
            assert_eq!(chain.slot(address(0xaa), 2), U256::from(0xfe) << 248);
        }
    }
}

#[test]
fn gas_bounds_how_many_withdrawals_a_transaction_makes() {
    // Withdraws a mutez as long as there is gas for one more.
    let code = [
        &code("36 5f 5f 37 5b 5f 5f 36 5f 64 e8d4a51000 73")[..],
        NATIVE_BRIDGE.as_bytes(),
        &code("5a f1 50 5a 62 00ea60 10 6004 57 00"),
    ]
    .concat();
    let mut memory = Memory::default();
    memory.install(RELAY, &code);
    memory.fund(RELAY, mutez(10_000));
    let mut chain = Chain::new(memory);
    let transaction = dynamic(0, Some(RELAY), 30_000_000, withdraw(RECEIVER));
    let outcome = chain.alice_sends(transaction).unwrap();
    assert!(outcome.succeeded, "{:?}", outcome.halt);
    // `docs/bridge.md` has this figure.
    assert_eq!((outcome.withdrawals.len(), outcome.logs.len()), (856, 856));
    assert_eq!(chain.balance(RELAY), mutez(10_000 - 856));
}
