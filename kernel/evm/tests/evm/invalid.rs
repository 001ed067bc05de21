//! Each rule of validity, with its reason, and that nothing changes.

use crate::support::{BASE_FEE, Chain, DA_OVERHEAD_GAS, Memory, address, dynamic, invalid, user};
use millrace_evm::{AccessListItem, Fees, Invalid, Transaction};
use millrace_primitives::{Gas, U256};

/// Alice's transaction is refused for this reason and leaves nothing behind.
fn refused(chain: &mut Chain, transaction: Transaction, expected: Invalid) {
    let before = chain.state.changes();
    let recovered = chain.alice.recovered(transaction);
    assert_eq!(invalid(chain.transact(&recovered)), expected);
    assert_eq!(chain.state.changes(), before);
}

fn plain() -> Transaction {
    dynamic(0, Some(address(0xb0b)), 21_000, Vec::new())
}

#[test]
fn the_chain_is_checked_again() {
    let mut chain = Chain::new(Memory::default());
    let other = Transaction { chain_id: Some(U256::one()), ..plain() };
    refused(&mut chain, other, Invalid::WrongChainId);
}

#[test]
fn nonces_follow_one_another() {
    let mut chain = Chain::new(Memory::default());
    refused(&mut chain, Transaction { nonce: 1, ..plain() }, Invalid::NonceTooHigh { expected: 0 });
    chain.alice_sends(plain()).unwrap();
    refused(&mut chain, plain(), Invalid::NonceTooLow { expected: 1 });
    refused(&mut chain, Transaction { nonce: 2, ..plain() }, Invalid::NonceTooHigh { expected: 1 });
}

#[test]
fn the_largest_nonce_is_the_end() {
    let mut memory = Memory::default();
    memory.accounts.entry(user(1).address).or_default().nonce = u64::MAX;
    let mut chain = Chain::new(memory);
    refused(&mut chain, Transaction { nonce: u64::MAX, ..plain() }, Invalid::NonceMax);
    refused(&mut chain, plain(), Invalid::NonceMax);

    let mut memory = Memory::default();
    memory.accounts.entry(user(1).address).or_default().nonce = u64::MAX - 1;
    let mut chain = Chain::new(memory);
    assert!(chain.alice_sends(Transaction { nonce: u64::MAX - 1, ..plain() }).unwrap().succeeded);
}

#[test]
fn fee_caps_are_in_order_and_high_enough() {
    let mut chain = Chain::new(Memory::default());
    let base_fee = U256::from(BASE_FEE);
    let poor = Transaction { max_fee_per_gas: base_fee - 1, ..plain() };
    refused(&mut chain, poor, Invalid::FeeCapBelowBaseFee { base_fee });
    let tip = Transaction { max_priority_fee_per_gas: U256::from(10 * BASE_FEE + 1), ..plain() };
    refused(&mut chain, tip, Invalid::TipAboveFeeCap);
    let exact = Transaction { max_fee_per_gas: base_fee, max_priority_fee_per_gas: base_fee, ..plain() };
    let outcome = chain.alice_sends(exact).unwrap();
    assert_eq!(outcome.effective_gas_price, base_fee);
}

#[test]
fn the_most_it_may_cost_must_be_there() {
    let mut chain = Chain::new(Memory::default());
    let available = chain.balance(chain.alice.address);
    let fee = U256::from(21_000) * U256::from(10 * BASE_FEE);
    let value = available - fee;
    let rich = Transaction { value: value + 1, ..plain() };
    refused(&mut chain, rich, Invalid::InsufficientFunds { needed: available + 1, available });
    assert!(chain.alice_sends(Transaction { value, ..plain() }).unwrap().succeeded);

    let mut chain = Chain::new(Memory::default());
    refused(&mut chain, Transaction { value: U256::MAX, ..plain() }, Invalid::CostOverflow);
    let fees = Transaction { max_fee_per_gas: U256::MAX, ..plain() };
    refused(&mut chain, fees, Invalid::CostOverflow);
}

#[test]
fn gas_covers_what_is_spent_before_the_first_opcode() {
    let mut chain = Chain::new(Memory::default());
    let short = Transaction { gas_limit: Gas::new(20_999), ..plain() };
    refused(&mut chain, short, Invalid::GasLimitTooLow { needed: 21_000 });
    let data = Transaction { data: vec![1], ..plain() };
    refused(&mut chain, data, Invalid::GasLimitTooLow { needed: 21_016 });
    let item = AccessListItem { address: address(1), storage_keys: vec![crate::support::word(0)] };
    let listed = Transaction { access_list: vec![item], ..plain() };
    refused(&mut chain, listed, Invalid::GasLimitTooLow { needed: 21_000 + 2_400 + 1_900 });
    let creation = Transaction { to: None, data: vec![0; 33], ..plain() };
    refused(&mut chain, creation, Invalid::GasLimitTooLow { needed: 53_000 + 33 * 4 + 4 });

    chain.fees = Fees::default();
    let exact = Transaction { gas_limit: Gas::new(DA_OVERHEAD_GAS + 21_000), ..plain() };
    let short = Transaction { gas_limit: Gas::new(DA_OVERHEAD_GAS + 20_999), ..plain() };
    refused(&mut chain, short, Invalid::GasLimitTooLow { needed: DA_OVERHEAD_GAS + 21_000 });
    assert!(chain.alice_sends(exact).unwrap().succeeded);
}

#[test]
fn gas_has_caps() {
    let mut chain = Chain::new(Memory::default());
    chain.block.gas_limit = Gas::new(1_000_000);
    let much = Transaction { gas_limit: Gas::new(1_000_001), ..plain() };
    refused(&mut chain, much, Invalid::GasLimitAboveBlock);
    chain.fees.execution_gas_limit_max = Gas::new(20_999);
    refused(&mut chain, plain(), Invalid::IntrinsicGasAboveCap);
    chain.fees.da_fee_per_byte = U256::MAX;
    chain.fees.execution_gas_limit_max = Gas::new(30_000_000);
    refused(&mut chain, plain(), Invalid::GasLimitTooLow { needed: u64::MAX });
}

#[test]
fn contracts_send_nothing() {
    let mut memory = Memory::default();
    memory.install(user(1).address, &[0x00]);
    let mut chain = Chain::new(memory);
    refused(&mut chain, Transaction { nonce: 1, ..plain() }, Invalid::SenderHasCode);
}

#[test]
fn initialisation_code_is_bounded() {
    let mut chain = Chain::new(Memory::default());
    let creation = |size| dynamic(0, None, 10_000_000, vec![0; size]);
    refused(&mut chain, creation(49_153), Invalid::InitcodeTooLarge);
    assert!(chain.alice_sends(creation(49_152)).unwrap().succeeded);
}

#[test]
fn a_stranger_has_nothing_to_spend() {
    let mut chain = Chain::new(Memory::default());
    let before = chain.state.changes();
    let transaction = user(9).recovered(plain());
    let needed = U256::from(21_000u64 * 10) * U256::from(BASE_FEE);
    let reason = Invalid::InsufficientFunds { needed, available: U256::zero() };
    assert_eq!(invalid(chain.transact(&transaction)), reason);
    assert_eq!(chain.state.changes(), before);
}
