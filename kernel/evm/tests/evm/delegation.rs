//! Accounts that run the code of others (EIP-7702).

use crate::support::{CHAIN_ID, Chain, Memory, address, code, dynamic, user, word};
use millrace_evm::{Authorization, Fork, Invalid, Transaction, TransactionError, TransactionType};
use millrace_primitives::{Address, U256};

fn chain_id() -> U256 {
    U256::from(CHAIN_ID)
}

fn designator(address: Address) -> Vec<u8> {
    [code("ef0100"), address.0.to_vec()].concat()
}

fn set_code(nonce: u64, to: Address, authorizations: Vec<Authorization>) -> Transaction {
    Transaction {
        transaction_type: TransactionType::SetCode,
        authorizations,
        ..dynamic(nonce, Some(to), 1_000_000, Vec::new())
    }
}

fn prague(memory: Memory) -> Chain {
    let mut chain = Chain::new(memory);
    chain.block.fork = Fork::Prague;
    chain
}

fn code_of(chain: &Chain, address: Address) -> Vec<u8> {
    chain.state.code(address).unwrap().bytes().to_vec()
}

fn nonce_of(chain: &Chain, address: Address) -> u64 {
    chain.state.account(address).unwrap().map_or(0, |account| account.nonce)
}

#[test]
fn a_delegated_account_runs_foreign_code_on_its_own_storage() {
    let (bob, wallet) = (user(2), address(0xc0de));
    let mut memory = Memory::default();
    // SSTORE(0, ADDRESS)
    memory.install(wallet, &code("30 5f 55"));
    let mut chain = prague(memory);
    let transaction = set_code(0, bob.address, vec![bob.authorize(chain_id(), wallet, 0)]);
    let outcome = chain.alice_sends(transaction).unwrap();
    assert!(outcome.succeeded, "{outcome:?}");
    // 21,000 and 25,000 for an account that is new; ADDRESS, PUSH0 and a slot that is set. The account called is warm.
    assert_eq!(outcome.gas_used.get(), 21_000 + 25_000 + 2 + 2 + 22_100);
    assert_eq!(chain.slot(bob.address, 0), U256::from_big_endian(bob.address.as_bytes()));
    assert_eq!(chain.slot(wallet, 0), U256::zero());
    assert_eq!((code_of(&chain, bob.address), nonce_of(&chain, bob.address)), (designator(wallet), 1));

    // Taken back: the code is gone, the nonce goes on, and half of the price comes back for an account that exists.
    let back = set_code(1, address(1), vec![bob.authorize(chain_id(), Address::zero(), 1)]);
    let outcome = chain.alice_sends(back).unwrap();
    let spent: u64 = 21_000 + 25_000 + 3_000;
    assert_eq!(outcome.gas_used.get(), spent - (spent / 5).min(12_500));
    assert_eq!((code_of(&chain, bob.address), nonce_of(&chain, bob.address)), (Vec::new(), 2));
}

#[test]
fn an_authorization_stays_when_the_call_reverts() {
    let (bob, wallet) = (user(2), address(0xc0de));
    let mut memory = Memory::default();
    memory.install(wallet, &code("5f 5f fd"));
    let mut chain = prague(memory);
    let outcome =
        chain.alice_sends(set_code(0, bob.address, vec![bob.authorize(chain_id(), wallet, 0)])).unwrap();
    assert!(!outcome.succeeded);
    assert_eq!(code_of(&chain, bob.address), designator(wallet));
}

#[test]
fn row_69_an_authorization_that_is_stale_or_wrong_changes_nothing() {
    let bob = user(2);
    let wallet = address(0xc0de);
    let good = bob.authorize(chain_id(), wallet, 0);
    let order =
        U256::from_str_radix("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141", 16).unwrap();
    let contract = user(3);
    for wrong in [
        bob.authorize(U256::from(1), wallet, 0),
        bob.authorize(chain_id(), wallet, 1),
        bob.authorize(chain_id(), wallet, u64::MAX),
        Authorization { y_parity: 2, ..good },
        Authorization { r: U256::zero(), ..good },
        Authorization { s: order - good.s, y_parity: 1 - good.y_parity, ..good },
        contract.authorize(chain_id(), wallet, 1),
    ] {
        let mut memory = Memory::default();
        memory.install(contract.address, &code("00"));
        memory.fund(bob.address, U256::one());
        let mut chain = prague(memory);
        let outcome = chain.alice_sends(set_code(0, address(0xb0b), vec![wrong])).unwrap();
        assert!(outcome.succeeded);
        assert_eq!(outcome.gas_used.get(), 46_000, "{wrong:?}");
        assert_eq!((code_of(&chain, bob.address), nonce_of(&chain, bob.address)), (Vec::new(), 0));
        assert_eq!(code_of(&chain, contract.address), code("00"));
    }
}

#[test]
fn row_69_of_delegations_in_a_row_the_last_one_counts() {
    let bob = user(2);
    let mut chain = prague(Memory::default());
    let list = vec![
        bob.authorize(U256::zero(), address(1), 0),
        bob.authorize(chain_id(), address(2), 0),
        bob.authorize(chain_id(), address(3), 1),
    ];
    chain.alice_sends(set_code(0, address(0xb0b), list)).unwrap();
    assert_eq!((code_of(&chain, bob.address), nonce_of(&chain, bob.address)), (designator(address(3)), 2));
}

#[test]
fn the_sender_counts_its_own_transaction_first_and_may_go_on_sending() {
    let mut chain = prague(Memory::default());
    let alice = chain.alice.address;
    let list = vec![chain.alice.authorize(chain_id(), address(0xc0de), 1)];
    chain.alice_sends(set_code(0, address(0xb0b), list)).unwrap();
    assert_eq!((code_of(&chain, alice), nonce_of(&chain, alice)), (designator(address(0xc0de)), 2));
    // EIP-3607 lets an account with a delegation send.
    assert!(chain.call(address(0xb0b), &[]).succeeded);
}

#[test]
fn calls_pay_for_the_account_whose_code_runs() {
    let (wallet, delegated, looped) = (address(0xc0de), address(0xde1e), address(0x1009));
    // CALL, CALLCODE, DELEGATECALL, STATICCALL of an account, with 50,000 gas.
    let call = |kind: &str, target: u64| {
        let value = if kind == "f1" || kind == "f2" { "5f" } else { "" };
        code(&format!("5f 5f 5f 5f {value} 61 {target:04x} 61 c350 {kind} 50"))
    };
    for kind in ["f1", "f2", "f4", "fa"] {
        let run = |target: u64, twice: bool| {
            let mut memory = Memory::default();
            memory.install(wallet, &code("00"));
            memory.install(delegated, &designator(wallet));
            memory.install(looped, &designator(looped));
            let program =
                if twice { [call(kind, target), call(kind, target)].concat() } else { call(kind, target) };
            memory.install(address(0xca11), &program);
            let mut chain = prague(memory);
            let outcome = chain.call(address(0xca11), &[]);
            assert!(outcome.succeeded);
            outcome.gas_used.get()
        };
        let plain = run(0xc0de, false);
        assert_eq!(run(0xde1e, false), plain + 2_600, "{kind}: cold");
        assert_eq!(run(0xde1e, true) - run(0xde1e, false), run(0xc0de, true) - plain + 100, "{kind}: warm");
        // A delegation to itself is not followed: the designator is no code, and all of the gas is gone.
        assert_eq!(run(0x1009, false), plain + 100 + 50_000, "{kind}: itself");
    }
}

#[test]
fn a_delegation_to_a_precompile_runs_nothing() {
    let bob = user(2);
    let mut chain = prague(Memory::default());
    // 0x04 would give back its input.
    let list = vec![bob.authorize(chain_id(), address(4), 0)];
    let mut transaction = set_code(0, bob.address, list);
    transaction.data = vec![1, 2, 3];
    let outcome = chain.alice_sends(transaction).unwrap();
    assert!(outcome.succeeded);
    assert!(outcome.output.is_empty());
}

#[test]
fn accounts_are_looked_at_as_they_are() {
    let bob = address(0xb0b);
    let mut memory = Memory::default();
    memory.install(bob, &designator(address(0xc0de)));
    // EXTCODESIZE to slot 0, EXTCODEHASH to slot 1.
    memory.install(address(0xca11), &code("61 0b0b 3b 5f 55 61 0b0b 3f 6001 55"));
    let mut chain = prague(memory);
    assert!(chain.call(address(0xca11), &[]).succeeded);
    assert_eq!(chain.slot(address(0xca11), 0), U256::from(23));
    let hash = millrace_evm::keccak(&designator(address(0xc0de)));
    assert_eq!(chain.slot(address(0xca11), 1), U256::from_big_endian(hash.as_bytes()));
}

#[test]
fn set_code_transactions_have_rules_of_their_own() {
    let invalid = |fork: Fork, transaction: Transaction| {
        let mut chain = Chain::new(Memory::default());
        chain.block.fork = fork;
        match chain.alice_sends(transaction) {
            Err(TransactionError::Invalid(invalid)) => invalid,
            other => panic!("{other:?}"),
        }
    };
    let list = vec![user(2).authorize(chain_id(), address(1), 0)];
    let good = set_code(0, address(1), list.clone());
    assert_eq!(invalid(Fork::Cancun, good.clone()), Invalid::TypeNotInFork);
    assert_eq!(invalid(Fork::Prague, set_code(0, address(1), Vec::new())), Invalid::NoAuthorizations);
    assert_eq!(invalid(Fork::Prague, Transaction { to: None, ..good.clone() }), Invalid::SetCodeCreates);
    let gas = Transaction { gas_limit: millrace_primitives::Gas::new(45_999), ..good };
    assert_eq!(invalid(Fork::Prague, gas), Invalid::GasLimitTooLow { needed: 46_000 });
}

#[test]
fn a_reader_that_fails_while_authorizations_are_applied_leaves_no_trace() {
    let bob = user(2);
    let mut failed = 0;
    for failing in 1..40 {
        let mut memory = Memory::default();
        memory.install(bob.address, &designator(address(5)));
        memory.install(address(0xc0de), &code("5f 5f 55"));
        memory.storage.insert((bob.address, word(0)), word(1));
        let mut chain = prague(memory);
        chain.state.reader().fails_at.set(Some(failing));
        let before = chain.state.changes();
        let transaction = set_code(0, bob.address, vec![bob.authorize(chain_id(), address(0xc0de), 1)]);
        if let Err(error) = chain.alice_sends(transaction.clone()) {
            assert!(matches!(error, TransactionError::Reader(_)), "{error:?}");
            assert_eq!(chain.state.changes(), before, "read {failing}");
            failed += 1;
        }
    }
    assert!(failed >= 4, "{failed}");
}
