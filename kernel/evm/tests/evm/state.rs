//! The cache: what is read, what is told to have changed, and what a failing reader does.

use crate::support::{Broken, Chain, Memory, address, code, dynamic, user, word};
use millrace_evm::{AccountChange, Changes, CreditError, State, StateReader, TransactionError};
use millrace_primitives::{Account, EMPTY_CODE_HASH, U256};
use std::collections::BTreeMap;

/// SLOAD 0, add one, SSTORE 0, three times over; then the size of the code of 0xc.
fn busy() -> Vec<u8> {
    code("5f 54 6001 01 5f 55 5f 54 6001 01 5f 55 5f 54 6001 01 5f 55 60cc 3b 50 00")
}

fn chain() -> Chain {
    let mut memory = Memory::default();
    memory.install(address(0xbb), &busy());
    memory.install(address(0xcc), &code("00"));
    Chain::new(memory)
}

#[test]
fn everything_is_read_once_a_block() {
    let mut chain = chain();
    chain.call(address(0xbb), &[]);
    // Alice, the beneficiary, 0xb and its code, its slot, 0xc and its code.
    assert_eq!(chain.state.reader().reads.get(), 7);
    for _ in 0..5 {
        chain.call(address(0xbb), &[]);
    }
    assert_eq!(chain.state.reader().reads.get(), 7);
    assert_eq!(chain.slot(address(0xbb), 0), U256::from(18));
}

#[test]
fn a_failing_reader_is_an_error_and_leaves_no_trace() {
    for failing in 1..=7 {
        let mut chain = chain();
        chain.state.reader().fails_at.set(Some(failing));
        let transaction = chain.alice.recovered(dynamic(0, Some(address(0xbb)), 1_000_000, Vec::new()));
        assert_eq!(chain.transact(&transaction), Err(TransactionError::Reader(Broken)), "read {failing}");
        assert_eq!(chain.state.changes(), Changes::default());
        // Once it can be read again, it goes on as if nothing had been.
        chain.state.reader().fails_at.set(None);
        assert!(chain.transact(&transaction).unwrap().succeeded);
        assert_eq!(chain.slot(address(0xbb), 0), U256::from(3));
    }
}

#[test]
fn a_failing_reader_is_no_revert_of_an_inner_call() {
    // A calls B, which reads its slot, and goes on whatever comes of it.
    let mut memory = Memory::default();
    memory.install(address(0xbb), &code("5f 54 00"));
    memory.install(address(0xaa), &code("5f 5f 5f 5f 5f 60bb 5a f1 50 6001 5f 55 00"));
    let mut chain = Chain::new(memory);
    // Alice, beneficiary, A, its code, B, its code, the slot of B.
    chain.state.reader().fails_at.set(Some(7));
    let transaction = chain.alice.recovered(dynamic(0, Some(address(0xaa)), 1_000_000, Vec::new()));
    assert_eq!(chain.transact(&transaction), Err(TransactionError::Reader(Broken)));
    assert_eq!(chain.state.changes(), Changes::default());
}

#[test]
fn only_what_differs_is_told() {
    let mut memory = Memory::default();
    // Sets slot 0 to the call data.
    memory.install(address(0xbb), &code("5f 35 5f 55"));
    memory.storage.insert((address(0xbb), word(0)), word(5));
    let mut chain = Chain::new(memory);
    chain.call(address(0xbb), &word(6).0);
    let changes = chain.state.changes();
    let change = &changes.accounts[&address(0xbb)];
    assert_eq!(change.slots, BTreeMap::from([(word(0), word(6))]));
    assert_eq!(change.account, Some(chain.state.reader().accounts[&address(0xbb)]));
    assert!(!change.storage_cleared);
    assert_eq!(changes.accounts.len(), 2, "Alice and the contract: {changes:?}");
    assert!(changes.codes.is_empty());
    // Back to what it was.
    chain.call(address(0xbb), &word(5).0);
    assert_eq!(chain.state.changes().accounts.keys().collect::<Vec<_>>(), [&chain.alice.address]);
}

#[test]
fn a_credit_makes_an_account() {
    let mut state = State::new(Memory::default());
    assert_eq!(state.credit(address(1), U256::from(5)), Ok(()));
    assert_eq!(state.credit(address(1), U256::from(6)), Ok(()));
    assert_eq!(state.credit(address(2), U256::zero()), Ok(()));
    let account = Account { nonce: 0, balance: U256::from(11), code_hash: EMPTY_CODE_HASH };
    assert_eq!(state.account(address(1)), Ok(Some(account)));
    assert_eq!(state.account(address(2)), Ok(None));
    assert_eq!(state.changes().accounts.keys().collect::<Vec<_>>(), [&address(1)]);
    assert_eq!(state.credit(address(1), U256::MAX), Err(CreditError::Overflow));
    assert_eq!(state.account(address(1)), Ok(Some(account)));
}

#[test]
fn an_emptied_account_is_gone() {
    let mut memory = Memory::default();
    memory.fund(user(2).address, U256::from(21_000) * U256::exp10(10));
    let mut chain = Chain::new(memory);
    // An account that was in the state though empty goes when it is touched, and only then (EIP-161).
    let transaction = dynamic(0, Some(address(0xb0b)), 21_000, Vec::new());
    chain.transact(&user(2).recovered(transaction)).unwrap();
    let left = chain.state.account(user(2).address).unwrap().unwrap();
    assert_eq!(left.nonce, 1);

    let mut memory = Memory::default();
    memory.accounts.insert(address(0xee), Account::default());
    memory.accounts.insert(address(0xff), Account::default());
    let mut chain = Chain::new(memory);
    chain.call(address(0xee), &[]);
    chain.state.account(address(0xff)).unwrap();
    let changes = chain.state.changes();
    assert_eq!(changes.accounts[&address(0xee)].account, None);
    assert!(!changes.accounts.contains_key(&address(0xff)));
}

fn sample() -> Changes {
    let mut chain = chain();
    chain.create(&crate::support::deployer(&code("6001 5f 55")));
    chain.call(address(0xbb), &[]);
    let mut changes = chain.state.changes();
    changes
        .accounts
        .insert(address(1), AccountChange { account: None, storage_cleared: true, slots: BTreeMap::new() });
    changes
}

#[test]
fn changes_have_one_encoding() {
    let changes = sample();
    let bytes = changes.encode();
    assert_eq!(Changes::decode(&bytes), Ok(changes.clone()));
    for length in 0..bytes.len() {
        assert!(Changes::decode(&bytes[..length]).is_err());
    }
    assert!(Changes::decode(&[bytes.as_slice(), &[0]].concat()).is_err());
    // What is not refused spells something else.
    for index in 0..bytes.len() {
        let mut other = bytes.clone();
        other[index] ^= 0x08;
        if let Ok(decoded) = Changes::decode(&other) {
            assert_ne!(decoded, changes);
            assert_eq!(decoded.encode(), other);
        }
    }
}

#[test]
fn the_digest_covers_accounts_in_the_documented_spelling() {
    let mut changes = Changes::default();
    assert_eq!(changes.digest(), millrace_evm::keccak(&[0; 4]));
    changes.accounts.insert(
        address(0xab),
        AccountChange {
            account: Some(Account { nonce: 2, balance: U256::from(3), code_hash: EMPTY_CODE_HASH }),
            storage_cleared: false,
            slots: BTreeMap::from([(word(4), word(5))]),
        },
    );
    changes.accounts.insert(
        address(0xcd),
        AccountChange { account: None, storage_cleared: true, slots: BTreeMap::new() },
    );
    let spelt = [
        &2u32.to_be_bytes()[..],
        &address(0xab).0,
        &[1],
        &2u64.to_be_bytes(),
        &word(3).0,
        &EMPTY_CODE_HASH.0,
        &1u32.to_be_bytes(),
        &word(4).0,
        &word(5).0,
        &address(0xcd).0,
        &[2],
        &0u32.to_be_bytes(),
    ]
    .concat();
    assert_eq!(changes.digest(), millrace_evm::keccak(&spelt));
    assert_eq!(changes.encode(), [spelt, vec![0; 4]].concat());
}

#[test]
fn a_reader_behind_a_reference_is_a_reader() {
    fn balance<R: StateReader>(reader: R) -> Option<U256> {
        reader.account(address(1)).ok().flatten().map(|account| account.balance)
    }
    let mut memory = Memory::default();
    memory.fund(address(1), U256::from(4));
    assert_eq!(balance(&memory), Some(U256::from(4)));
    assert_eq!(balance(std::rc::Rc::new(memory)), Some(U256::from(4)));
}
