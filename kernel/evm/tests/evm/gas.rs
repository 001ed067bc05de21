//! Gas against the numbers of the EIPs.

use crate::support::{Chain, Memory, address, code, deployer, dynamic, word};
use millrace_evm::{AccessListItem, Halt};
use millrace_primitives::{Gas, U256};

/// Runs code at an address with some storage and answers the execution gas beyond 21,000.
fn gas_of(text: &str, storage: &[(u64, u64)]) -> u64 {
    let mut memory = Memory::default();
    memory.install(address(0xc0de), &code(text));
    for (slot, value) in storage {
        memory.storage.insert((address(0xc0de), word(*slot)), word(*value));
    }
    let outcome = Chain::new(memory).call(address(0xc0de), &[]);
    assert!(outcome.succeeded, "{outcome:?}");
    outcome.gas_used.get() - 21_000
}

#[test]
fn a_transfer_takes_21_000() {
    let mut chain = Chain::new(Memory::default());
    assert_eq!(chain.call(address(0xb0b), &[]).gas_used, Gas::new(21_000));
    // Sixteen for a byte, four for a zero (EIP-2028).
    assert_eq!(chain.call(address(0xb0b), &[1, 0, 1]).gas_used, Gas::new(21_036));
}

#[test]
fn storage_costs_what_eip_2200_2929_and_3529_say() {
    // PUSH1 v PUSH0 SSTORE: five for the pushes.
    assert_eq!(gas_of("6001 5f 55", &[]), 5 + 22_100);
    assert_eq!(gas_of("6002 5f 55", &[(0, 1)]), 5 + 5_000);
    assert_eq!(gas_of("6001 5f 55", &[(0, 1)]), 5 + 2_200);
    // Warm: a second write to a slot that was changed already.
    assert_eq!(gas_of("6001 5f 55 6002 5f 55", &[]), 10 + 22_100 + 100);
    // SLOAD warms: 2,100 and a set without the surcharge; POP is two.
    assert_eq!(gas_of("5f 54 50 6001 5f 55", &[]), 2 + 2_100 + 2 + 5 + 20_000);
    assert_eq!(gas_of("5f 54 5f 54", &[]), 4 + 2_100 + 100);
}

#[test]
fn refunds_are_held_at_a_fifth() {
    // Clearing one slot refunds 4,800: 21,000 + 4 + 5,000 - 4,800.
    assert_eq!(gas_of("5f 5f 55", &[(0, 1)]), 4 + 5_000 - 4_800);
    // Clearing two gives back 9,600 of 31,008 + ..., which is above a fifth.
    let spent = 21_000 + (2 + 2 + 5_000) + (2 + 3 + 5_000);
    assert_eq!(gas_of("5f 5f 55 5f 6001 55", &[(0, 1), (1, 1)]), spent - spent / 5 - 21_000);
    // Set and unset in one transaction: 19,900 of refund, held at a fifth too.
    let spent = 21_000 + 5 + 22_100 + 4 + 100;
    assert_eq!(gas_of("6001 5f 55 5f 5f 55", &[]), spent - spent / 5 - 21_000);
}

#[test]
fn accounts_are_cold_once() {
    // PUSH2 BALANCE twice, each POPped.
    assert_eq!(gas_of("61 dead 31 50 61 dead 31", &[]), 3 + 2_600 + 2 + 3 + 100);
    // The caller, oneself, the beneficiary and precompiles are warm from the beginning.
    assert_eq!(gas_of("33 31", &[]), 2 + 100);
    assert_eq!(gas_of("30 31", &[]), 2 + 100);
    assert_eq!(gas_of("41 31", &[]), 2 + 100);
    assert_eq!(gas_of("6005 31", &[]), 3 + 100);
    // 0x0a is no precompile here.
    assert_eq!(gas_of("60aa 31", &[]), 3 + 2_600);
}

#[test]
fn access_lists_are_paid_and_warm() {
    let mut memory = Memory::default();
    memory.install(address(0xc0de), &code("5f 54 61 dead 31"));
    let mut chain = Chain::new(memory);
    let mut transaction = dynamic(0, Some(address(0xc0de)), 100_000, Vec::new());
    transaction.access_list = vec![
        AccessListItem { address: address(0xc0de), storage_keys: vec![word(0), word(1)] },
        AccessListItem { address: address(0xdead), storage_keys: Vec::new() },
    ];
    let outcome = chain.alice_sends(transaction).unwrap();
    assert_eq!(outcome.gas_used.get(), 21_000 + 2 * 2_400 + 2 * 1_900 + 2 + 100 + 3 + 100);
}

#[test]
fn creation_pays_for_words_and_bytes() {
    let initcode = deployer(&code("00"));
    let mut chain = Chain::new(Memory::default());
    let outcome = chain.create(&initcode);
    let data: u64 = initcode.iter().map(|byte| if *byte == 0 { 4 } else { 16 }).sum();
    // PUSH2 DUP1 PUSH1 PUSH0 CODECOPY(1 word, memory 1 word) PUSH0 RETURN, 200 a byte deployed.
    let run = 3 + 3 + 3 + 2 + (3 + 3 + 3) + 2;
    assert_eq!(outcome.gas_used.get(), 53_000 + data + 2 + run + 200);
}

#[test]
fn transient_storage_and_mcopy_cost_a_hundred_and_three() {
    assert_eq!(gas_of("6001 5f 5d 5f 5c", &[]), 5 + 100 + 2 + 100);
    // MSTORE (memory one word), MCOPY of 32 bytes to 32 (second word).
    assert_eq!(gas_of("6001 5f 52 6020 5f 6020 5e", &[]), 5 + 3 + 3 + 8 + 3 + 3 + 3);
}

#[test]
fn calls_cost_what_they_move() {
    // CALL to a stranger with one wei: cold 2,600, value 9,000, new account 25,000, stipend not used.
    let mut memory = Memory::default();
    memory.install(address(0xc0de), &code("5f 5f 5f 5f 6001 61 dead 5f f1"));
    memory.fund(address(0xc0de), U256::one());
    let outcome = Chain::new(memory).call(address(0xc0de), &[]);
    assert_eq!(outcome.gas_used.get() - 21_000, 5 * 2 + 3 + 3 + 2_600 + 9_000 + 25_000 - 2_300);
    // To an account that exists, without value.
    assert_eq!(gas_of("5f 5f 5f 5f 5f 33 5f f1", &[]), 6 * 2 + 2 + 100);
}

#[test]
fn out_of_gas_takes_all() {
    let mut memory = Memory::default();
    memory.install(address(0xc0de), &code("5b 5f 56"));
    let mut chain = Chain::new(memory);
    let outcome = chain.alice_sends(dynamic(0, Some(address(0xc0de)), 100_000, Vec::new())).unwrap();
    assert_eq!((outcome.succeeded, outcome.halt), (false, Some(Halt::OutOfGas)));
    assert_eq!(outcome.gas_used, Gas::new(100_000));
}
