//! Calls without a trace, and estimates.

use crate::support::{BASE_FEE, Chain, DA_OVERHEAD_GAS, Memory, address, code, dynamic, user, word};
use millrace_evm::{
    Call, CallOutcome, EstimateError, Estimation, Fees, Halt, Invalid, TransactionError, estimate, perform,
    simulate,
};
use millrace_primitives::{Gas, U256};
use std::cell::Cell;

fn chain() -> Chain {
    let mut memory = Memory::default();
    // Counts in slot 0, logs, returns the count.
    memory.install(address(0xc), &code("5f 54 6001 01 80 5f 55 5f 52 5f 5f a0 6020 5f f3"));
    memory.install(address(0xd), &code("6001 5f 52 6020 5f fd"));
    // Needs much more than it uses: a call that keeps back a 64th, with 500,000 wanted inside.
    memory.install(
        address(0xe),
        &code("5f 5f 5f 5f 5f 600f 5a f1 6016 57 5f 5f fd 00 00 00 00 00 00 00 5b 00"),
    );
    memory.install(address(0xf), &code("62 07a120 5a 11 600d 57 5f 5f fd 00 5b 00"));
    // Returns the price of gas and what its caller has.
    memory.install(address(0x10), &code("3a 5f 52 33 31 6020 52 6040 5f f3"));
    // Reverts unless the price of gas is the base fee.
    memory.install(address(0x11), &code("3a 48 14 6009 57 5f 5f fd 5b 00"));
    let mut chain = Chain::new(memory);
    chain.fees = Fees::default();
    chain
}

fn run(chain: &mut Chain, call: &Call) -> Result<CallOutcome, TransactionError<crate::support::Broken>> {
    simulate(&mut chain.state, &chain.block, &chain.fees, call)
}

fn estimated(chain: &mut Chain, call: &Call) -> Result<Gas, EstimateError<crate::support::Broken>> {
    let estimation = Estimation { call, base_fee_min: chain.block.base_fee, goes_on: &|| true };
    estimate(&mut chain.state, &chain.block, &chain.fees, &estimation)
}

fn to(target: u64) -> Call {
    Call { to: Some(address(target)), ..Call::default() }
}

#[test]
fn a_call_leaves_no_trace() {
    let mut chain = chain();
    let before = chain.state.changes();
    for _ in 0..2 {
        let outcome = run(&mut chain, &to(0xc)).unwrap();
        assert!(outcome.succeeded);
        assert_eq!(outcome.output, word(1).0);
        assert_eq!(outcome.logs.len(), 1);
        assert_eq!(outcome.gas_used.get() - outcome.execution_gas.get(), DA_OVERHEAD_GAS);
        assert_eq!(chain.state.changes(), before);
    }
}

#[test]
fn a_performed_call_stays_and_is_paid_for() {
    let mut chain = chain();
    let alice = user(1).address;
    let beneficiary = chain.block.beneficiary;
    let call = Call {
        from: Some(alice),
        gas: Some(Gas::new(1_000_000)),
        gas_price: Some(U256::from(2 * BASE_FEE)),
        value: U256::from(7),
        ..to(0xc)
    };
    let before = chain.balance(alice);
    for count in 1..=2 {
        let outcome =
            perform(&mut chain.state, &chain.block, &chain.fees, &call, millrace_evm::NoTracer).unwrap();
        assert_eq!(outcome.output, word(count).0);
        assert_eq!((chain.nonce(), chain.slot(address(0xc), 0)), (count, U256::from(count)));
        assert_eq!(outcome.logs.len(), 1);
    }
    // What an equal call uses that is undone: the slot is not new any more.
    let simulated = run(&mut chain, &call).unwrap();
    let first = simulated.gas_used.get() + 17_100;
    let paid = U256::from((first + simulated.gas_used.get()) * BASE_FEE);
    assert_eq!(before - chain.balance(alice), paid + 14);
    // Data availability goes to the beneficiary, the execution to nobody.
    assert_eq!(chain.balance(beneficiary), U256::from(2 * DA_OVERHEAD_GAS * BASE_FEE));
    // What may not run changes nothing.
    let changes = chain.state.changes();
    let poor = Call { from: Some(address(0x77)), ..call };
    let refused = perform(&mut chain.state, &chain.block, &chain.fees, &poor, millrace_evm::NoTracer);
    assert!(matches!(refused, Err(TransactionError::Invalid(Invalid::InsufficientFunds { .. }))));
    assert_eq!(chain.state.changes(), changes);
}

#[test]
fn a_call_uses_the_gas_of_a_transaction() {
    let mut chain = chain();
    let simulated = run(&mut chain, &Call { from: Some(user(1).address), ..to(0xc) }).unwrap();
    let outcome = chain.call(address(0xc), &[]);
    assert_eq!((simulated.gas_used, simulated.output), (outcome.gas_used, outcome.output));
}

#[test]
fn a_call_shows_why_it_failed() {
    let mut chain = chain();
    let outcome = run(&mut chain, &to(0xd)).unwrap();
    assert_eq!((outcome.succeeded, outcome.halt), (false, Some(Halt::Reverted)));
    assert_eq!(outcome.output, word(1).0);
    let short = Call { gas: Some(Gas::new(22_000)), ..to(0xc) };
    assert_eq!(run(&mut chain, &short).unwrap().halt, Some(Halt::OutOfGas));
    let shorter = Call { gas: Some(Gas::new(20_000)), ..to(0xc) };
    let refused = run(&mut chain, &shorter);
    let needed = DA_OVERHEAD_GAS + 21_000;
    assert_eq!(refused, Err(TransactionError::Invalid(Invalid::GasLimitTooLow { needed })));
}

#[test]
fn money_is_looked_at_only_where_it_is_offered() {
    let mut chain = chain();
    let stranger = Some(user(9).address);
    assert!(run(&mut chain, &Call { from: stranger, ..to(0xc) }).unwrap().succeeded);
    let none = U256::zero();
    let gift = Call { from: stranger, value: U256::one(), ..to(0xc) };
    let reason = Invalid::InsufficientFunds { needed: U256::one(), available: none };
    assert_eq!(run(&mut chain, &gift), Err(TransactionError::Invalid(reason)));
    let base_fee = U256::from(BASE_FEE);
    let cheap = Call { gas_price: Some(base_fee - 1), ..to(0xc) };
    let reason = Invalid::FeeCapBelowBaseFee { base_fee };
    assert_eq!(run(&mut chain, &cheap), Err(TransactionError::Invalid(reason)));
    let broke = Call { from: stranger, gas_price: Some(base_fee), ..to(0xc) };
    let needed = U256::from(DA_OVERHEAD_GAS + 21_000) * base_fee;
    let reason = Invalid::InsufficientFunds { needed, available: none };
    assert_eq!(run(&mut chain, &broke), Err(TransactionError::Invalid(reason)));
    let paid = Call { from: Some(user(1).address), gas_price: Some(base_fee), ..to(0xc) };
    assert!(run(&mut chain, &paid).unwrap().succeeded);
}

#[test]
fn who_pays_sees_the_base_fee_and_no_more_is_taken() {
    let mut chain = chain();
    let base_fee = U256::from(BASE_FEE);
    let alice = user(1).address;
    let before = chain.state.account(alice).unwrap().unwrap().balance;
    let gas = 1_000_000;
    let call =
        Call { from: Some(alice), gas_price: Some(base_fee * 7), gas: Some(Gas::new(gas)), ..to(0x10) };
    let seen = run(&mut chain, &call).unwrap().output;
    assert_eq!(U256::from_big_endian(&seen[..32]), base_fee);
    assert_eq!(U256::from_big_endian(&seen[32..]), before - base_fee * gas);
    // The whole offer must be there all the same, as in a transaction.
    let price = before / gas + 1;
    let reason = Invalid::InsufficientFunds { needed: price * gas, available: before };
    let greedy = Call { gas_price: Some(price), ..call };
    assert_eq!(run(&mut chain, &greedy), Err(TransactionError::Invalid(reason)));

    let free = run(&mut chain, &Call { from: Some(alice), ..to(0x10) }).unwrap().output;
    assert_eq!(U256::from_big_endian(&free[..32]), U256::zero());
    assert_eq!(U256::from_big_endian(&free[32..]), before);
}

#[test]
fn an_estimate_sees_the_price_of_a_transaction() {
    let mut chain = chain();
    assert!(estimated(&mut chain, &to(0x11)).is_ok());
    assert_eq!(run(&mut chain, &to(0x11)).unwrap().halt, Some(Halt::Reverted), "a free call does not");
}

#[test]
fn an_estimate_suffices_when_gas_is_cheaper() {
    let mut chain = chain();
    let now = estimated(&mut chain, &to(0x11)).unwrap();
    let base_fee_min = chain.block.base_fee / 2;
    let call = to(0x11);
    let estimation = Estimation { call: &call, base_fee_min, goes_on: &|| true };
    let gas = estimate(&mut chain.state, &chain.block, &chain.fees, &estimation).unwrap();
    assert_eq!(gas.get(), now.get() + DA_OVERHEAD_GAS, "twice the data availability, the same execution");
}

#[test]
fn a_search_ends_when_nobody_waits_for_it() {
    let mut chain = chain();
    let left = Cell::new(3);
    let goes_on = || left.replace(left.get() - 1) > 0;
    let call = to(0xe);
    let estimation = Estimation { call: &call, base_fee_min: chain.block.base_fee, goes_on: &goes_on };
    let before = chain.state.changes();
    let ended = estimate(&mut chain.state, &chain.block, &chain.fees, &estimation);
    assert_eq!(ended, Err(EstimateError::Interrupted));
    assert_eq!(left.get(), -1, "asked again after no more than that");
    assert_eq!(chain.state.changes(), before);
}

#[test]
fn a_creation_tells_where() {
    let mut chain = chain();
    let call = Call { data: crate::support::deployer(&[0]), from: Some(user(1).address), ..Call::default() };
    let outcome = run(&mut chain, &call).unwrap();
    assert_eq!(outcome.created, Some(millrace_evm::created_address(user(1).address, 0)));
    assert_eq!(chain.state.account(outcome.created.unwrap()), Ok(None));
}

#[test]
fn an_estimate_is_the_least_that_suffices() {
    for target in [0xc, 0xe, 0x1234] {
        let mut chain = chain();
        let call = Call { from: Some(user(1).address), ..to(target) };
        let gas = estimated(&mut chain, &call).unwrap();
        let one_less = dynamic(0, Some(address(target)), gas.get() - 1, Vec::new());
        let failed = chain.alice_sends(one_less);
        let (succeeded, nonce) = match failed {
            Ok(outcome) => (outcome.succeeded, 1),
            Err(TransactionError::Invalid(_)) => (false, 0),
            Err(error) => panic!("{error:?}"),
        };
        assert!(!succeeded, "{target:x}");
        let enough = dynamic(nonce, Some(address(target)), gas.get(), Vec::new());
        assert!(chain.alice_sends(enough).unwrap().succeeded, "{target:x}");
    }
}

#[test]
fn what_cannot_succeed_has_no_estimate() {
    let mut chain = chain();
    let error = estimated(&mut chain, &to(0xd)).unwrap_err();
    let EstimateError::Failed(outcome) = error else { panic!("{error:?}") };
    assert_eq!((outcome.output, outcome.halt), (word(1).0.to_vec(), Some(Halt::Reverted)));
}

#[test]
fn a_failing_reader_fails_the_call() {
    let mut chain = chain();
    chain.state.reader().fails_at.set(Some(chain.state.reader().reads.get() + 4));
    assert!(matches!(run(&mut chain, &to(0xc)), Err(TransactionError::Reader(_))));
    assert!(run(&mut chain, &to(0xc)).unwrap().succeeded);
}
