//! The contract by which a sequencer hands its key over: what it takes, what it refuses, and that nothing is left of what was
//! undone. Signatures are checked elsewhere (`kernel/wire`, `kernel/core`).

use crate::bridge::{Argument, abi, number, reason, relay, relay_and, send, with_code};
use crate::support::{Broken, CHAIN_ID, Chain, Memory, Office, address, code, dynamic, word};
use millrace_evm::{
    Halt, Outcome, State, TransactionError,
    system::{
        CODE, COUNTER_GAS, KEY_CHANGE_GAS, KEY_CHANGES, KeyChange, KeyChangeFault, SIGNATURE_GAS, key_change,
        system_code,
    },
};
use millrace_primitives::{Account, Address, Epoch, H160, H256, U256};
use proptest::prelude::*;

const RELAY: Address = H160([0xe1; 20]);
const EPOCH: Epoch = Epoch::new(5);
const SIGNATURE: [u8; 64] = [0xcd; 64];

fn change_of(key: &[u8], signature: &[u8]) -> Vec<u8> {
    abi("change_sequencer_key(bytes,bytes)", &[Argument::Bytes(key), Argument::Bytes(signature)])
}

fn change() -> Vec<u8> {
    change_of(&[0xab; 33], &SIGNATURE)
}

fn counter() -> Vec<u8> {
    abi("sequencer_key_change_counter()", &[])
}

fn memory() -> Memory {
    Memory { office: Office { epoch: EPOCH, ..Office::default() }, ..Memory::default() }
}

fn chain() -> Chain {
    Chain::new(memory())
}

fn ask(chain: &mut Chain, data: Vec<u8>) -> Outcome {
    send(chain, KEY_CHANGES, U256::zero(), data)
}

/// What the block asks for so far.
fn asked(state: &State<Memory>) -> Option<KeyChange> {
    key_change(state, &state.changes()).unwrap()
}

/// The next block after this one.
fn next(chain: Chain) -> Chain {
    with_code(chain, &[])
}

fn is_untouched(chain: &Chain) -> bool {
    chain.state.account(KEY_CHANGES) == Ok(None) && asked(&chain.state).is_none()
}

#[test]
fn a_request_is_kept_told_and_counted() {
    let mut chain = chain();
    assert_eq!(system_code(KEY_CHANGES), Some(CODE));
    let outcome = ask(&mut chain, change());
    assert!(outcome.succeeded && outcome.output.is_empty());
    let question = (vec![0xab; 33], SIGNATURE, 0, U256::from(CHAIN_ID));
    assert_eq!(*chain.state.reader().office.asked.borrow(), [question]);
    assert_eq!(asked(&chain.state), Some(KeyChange { number: 0, epoch: EPOCH, key: vec![0xab; 33] }));
    assert_eq!([0, 1, 2].map(|slot| chain.slot(KEY_CHANGES, slot)), {
        let key = U256::from_big_endian(&[0xab; 32]);
        [U256::one(), U256::from(0x05_01_00_abu64), key]
    });
    // keccak("ChangeSequencerKeyEvent(string,string,string)")
    let topic = "3a1203c89fe6cc2374f2b29125db8047972bd67b9dd6a334e791ffacdedc9b4e";
    let text = |size: u64, text: &str| format!("{size:064x}{:0<64}", hex::encode(text));
    let data = [
        format!("{:064x}{:064x}{:064x}", 96, 160, 224),
        text(3, "old"),
        text(3, "new"),
        text(9, "signature"),
    ];
    let log = &outcome.logs[0];
    assert_eq!((outcome.logs.len(), log.address, log.topics.len()), (1, KEY_CHANGES, 1));
    assert_eq!((hex::encode(log.topics[0]), hex::encode(&log.data)), (topic.to_owned(), data.concat()));
    // A longer key, in the same block: the last one counts.
    let longer = [&[1, 3][..], &[0xee; 32]].concat();
    assert!(ask(&mut chain, change_of(&longer, &SIGNATURE)).succeeded);
    assert_eq!(asked(&chain.state), Some(KeyChange { number: 1, epoch: EPOCH, key: longer.clone() }));
    // A block without a request has none, whatever there was before; the same key may be asked for again.
    chain = next(chain);
    assert_eq!(asked(&chain.state), None);
    assert!(ask(&mut chain, change_of(&longer, &SIGNATURE)).succeeded);
    assert_eq!(asked(&chain.state), Some(KeyChange { number: 2, epoch: EPOCH, key: longer }));
    assert!(ask(&mut chain, counter()).succeeded);
}

#[test]
fn the_counter_is_that_of_requests_and_epochs() {
    let mut chain = chain();
    for expected in [5, 6, 7] {
        assert_eq!(U256::from_big_endian(&ask(&mut chain, counter()).output), U256::from(expected));
        assert!(ask(&mut chain, change()).succeeded);
    }
    assert_eq!(ask(&mut chain, counter()).output.len(), 32);
    let mut memory = memory();
    memory.accounts.insert(KEY_CHANGES, Account { nonce: 1, ..Account::default() });
    memory.storage.insert((KEY_CHANGES, H256::zero()), H256(U256::from(u64::MAX).into()));
    let mut last = Chain::new(memory.clone());
    assert!(ask(&mut last, change()).succeeded);
    assert_eq!(asked(&last.state).map(|change| change.number), Some(u64::MAX));
    assert_eq!(reason(&ask(&mut last, change())), "too many changes");
}

#[test]
fn gas_is_what_the_page_says() {
    let mut chain = chain();
    let data_gas = |data: &[u8]| -> u64 {
        data.iter().map(|byte| if *byte == 0 { 4 } else { 16 }).sum::<u64>() + 21_000
    };
    let log_gas = 375 + 375 + 8 * (3 * 32 + 3 * 64);
    let outcome = ask(&mut chain, change());
    let expected = data_gas(&change()) + KEY_CHANGE_GAS + SIGNATURE_GAS + log_gas;
    assert_eq!(outcome.gas_used.get(), expected);
    assert_eq!(ask(&mut chain, counter()).gas_used.get(), data_gas(&counter()) + COUNTER_GAS);
    for (missing, succeeds) in [(0, true), (1, false), (SIGNATURE_GAS + log_gas, false)] {
        let transaction = dynamic(chain.nonce(), Some(KEY_CHANGES), expected - missing, change());
        let outcome = chain.alice_sends(transaction).unwrap();
        assert_eq!(outcome.halt, (!succeeds).then_some(Halt::OutOfGas), "{missing}");
    }
    assert_eq!(chain.slot(KEY_CHANGES, 0), U256::from(2));
}

#[test]
fn what_is_not_right_is_refused_with_a_reason() {
    let mut offset_beyond = change();
    offset_beyond[4..36].copy_from_slice(&word(10_000).0);
    let mut endless = change();
    endless[68..100].copy_from_slice(&[0xff; 32]);
    let table: Vec<(Vec<u8>, &str)> = vec![
        (vec![], "no such function"),
        (vec![0xb8, 0x9a, 0xa2], "no such function"),
        (abi("change_sequencer_key(bytes)", &[Argument::Bytes(&[0xab; 33])]), "no such function"),
        (change()[..4].to_vec(), "malformed call data"),
        (change()[..67].to_vec(), "malformed call data"),
        (change()[..change().len() - 1].to_vec(), "malformed call data"),
        (offset_beyond, "malformed call data"),
        (endless, "malformed call data"),
        (abi("change_sequencer_key(bytes,bytes)", &[number(U256::MAX), number(64)]), "malformed call data"),
        (change_of(&[0xab; 35], &SIGNATURE), "not a public key of a sequencer"),
        (change_of(&[0xab; 5_000], &SIGNATURE), "not a public key of a sequencer"),
        (change_of(&[], &SIGNATURE), "not a public key of a sequencer"),
        (change_of(&[0xab; 32], &SIGNATURE), "not a public key of a sequencer"),
        (change_of(&[0xab; 33], &[0xcd; 63]), "a signature has 64 bytes"),
        (change_of(&[0xab; 33], &[0xcd; 65]), "a signature has 64 bytes"),
        (change_of(&[0xab; 33], &[]), "a signature has 64 bytes"),
    ];
    for (data, expected) in table {
        let mut chain = chain();
        let outcome = ask(&mut chain, data);
        assert_eq!(reason(&outcome), expected);
        assert!(outcome.logs.is_empty() && is_untouched(&chain), "{expected}");
    }
    let faults = [
        (KeyChangeFault::Nobody, "nobody is in charge of ordering"),
        (KeyChangeFault::Committee, "only governance changes a committee"),
        (KeyChangeFault::Key, "not a public key of a sequencer"),
        (KeyChangeFault::SameKey, "the key is in office already"),
        (KeyChangeFault::Signature, "the sequencer has not signed this"),
    ];
    for (fault, expected) in faults {
        let office = Office { refusal: Some(fault), ..Office::default() };
        let mut chain = Chain::new(Memory { office, ..Memory::default() });
        assert_eq!(reason(&ask(&mut chain, change())), expected);
        assert!(is_untouched(&chain), "{expected}");
    }
    for data in [change(), counter()] {
        let mut chain = chain();
        assert_eq!(reason(&send(&mut chain, KEY_CHANGES, U256::one(), data)), "the contract takes no wei");
        assert!(is_untouched(&chain));
    }
}

#[test]
fn only_a_plain_call_asks_and_only_a_call_of_the_contract_is_answered() {
    for (opcode, asks, answers) in
        [(0xf1, true, true), (0xf2, false, false), (0xf4, false, false), (0xfa, false, true)]
    {
        let mut memory = memory();
        memory.install(RELAY, &relay(opcode, KEY_CHANGES));
        let mut chain = Chain::new(memory);
        let answered = chain.call(RELAY, &counter());
        let asked_for = chain.call(RELAY, &change());
        assert_eq!((asked_for.succeeded, answered.succeeded), (asks, answers), "{opcode:x}");
        assert_eq!(asked(&chain.state).is_some(), asks, "{opcode:x}");
        if answers {
            assert_eq!(answered.output, word(5).0, "{opcode:x}");
        } else {
            assert_eq!(reason(&answered), "only a call of the contract is answered");
        }
        if !asks {
            assert_eq!(reason(&asked_for), "only a plain call may change the key");
        }
    }
    // A plain call inside a static one.
    let mut memory = memory();
    memory.install(RELAY, &relay(0xf1, KEY_CHANGES));
    memory.install(address(0xaa), &relay(0xfa, RELAY));
    let mut chain = Chain::new(memory);
    assert_eq!(reason(&chain.call(address(0xaa), &change())), "only a plain call may change the key");
    assert_eq!(chain.call(address(0xaa), &counter()).output, word(5).0);
}

#[test]
fn nothing_is_left_of_a_request_that_is_undone() {
    for (end, is_kept) in [(code("00"), true), (code("5f 5f fd"), false), (code("fe"), false)] {
        let mut memory = memory();
        memory.install(RELAY, &relay_and(&end, KEY_CHANGES));
        memory.install(address(0xaa), &relay_and(&code("00"), RELAY));
        let mut chain = Chain::new(memory);
        let outcome = chain.call(address(0xaa), &change());
        assert!(outcome.succeeded);
        assert_eq!(outcome.logs.len(), usize::from(is_kept));
        assert_eq!(asked(&chain.state).is_some(), is_kept);
        assert_eq!(is_untouched(&chain), !is_kept);
    }
    // After one that stays, the last one that stays counts.
    let mut memory = memory();
    memory.install(RELAY, &relay_and(&code("5f 5f fd"), KEY_CHANGES));
    let mut chain = Chain::new(memory);
    assert!(ask(&mut chain, change()).succeeded);
    assert!(!chain.call(RELAY, &change_of(&[0xee; 34], &SIGNATURE)).succeeded);
    assert_eq!(asked(&chain.state), Some(KeyChange { number: 0, epoch: EPOCH, key: vec![0xab; 33] }));
}

#[test]
fn a_state_that_cannot_be_read_refuses_nothing_and_changes_nothing() {
    let reads = {
        let mut chain = chain();
        assert!(ask(&mut chain, change()).succeeded);
        chain.state.reader().reads.get()
    };
    for fails_at in 1..=reads {
        let memory = memory();
        let mut chain = Chain::new(memory);
        chain.state.reader().fails_at.set(Some(fails_at));
        let transaction = dynamic(0, Some(KEY_CHANGES), 10_000_000, change());
        assert_eq!(chain.alice_sends(transaction), Err(TransactionError::Reader(Broken)), "{fails_at}");
        chain.state.reader().fails_at.set(None);
        assert!(is_untouched(&chain), "{fails_at}");
    }
}

proptest! {
    #[test]
    fn any_call_data_that_nobody_signed_leaves_nothing(bytes: Vec<u8>, at in 0usize..230, byte: u8, cut in 0usize..230) {
        let office = Office { refusal: Some(KeyChangeFault::Signature), ..Office::default() };
        let mut chain = Chain::new(Memory { office, ..Memory::default() });
        let selector = change()[..4].to_vec();
        let mut mutated = change();
        if let Some(place) = mutated.get_mut(at) {
            *place = byte;
        }
        let mut short = mutated.clone();
        short.truncate(cut);
        for data in [bytes.clone(), [selector, bytes.clone()].concat(), mutated, short] {
            let outcome = ask(&mut chain, data);
            prop_assert!(outcome.halt == Some(Halt::Reverted) && outcome.logs.is_empty());
            prop_assert!(is_untouched(&chain));
        }
    }
}
