//! Runs that die: at any host call, at any time, nothing is lost and nothing half done is visible.

use super::chain::{Chain, TICKETER, User, deposit};
use crate::run;
use millrace_host::{FaultAt, RunEnd};
use millrace_layout::{pvm, world::World};
use millrace_primitives::{Address, U256};

/// The calls of the level that the deaths below go through.
fn prepared() -> (Chain, Vec<Vec<u8>>) {
    let mut chain = Chain::started();
    let carol = Address::repeat_byte(0xca);
    chain.run(&[deposit(TICKETER, carol.as_bytes(), 3)]);
    let name = millrace_layout::delayed::oldest(&chain.host, 1).unwrap()[0].name;
    let (alice, bob) = (User::new(1), User::new(2));
    let transactions = vec![alice.transfer(0, bob.address, 1), bob.transfer(0, carol, 2)];
    let messages = chain.seal(&chain.next_with(vec![name], transactions));
    (chain, messages)
}

#[test]
fn a_run_that_dies_at_any_host_call_is_made_good_by_the_next_level() {
    let (chain, messages) = prepared();
    let mut undisturbed = chain.clone();
    undisturbed.host.reset_meter();
    undisturbed.run(&messages);
    undisturbed.run(&[]);
    let calls = undisturbed.host.fallible_calls();
    assert!(calls > 40, "{calls}");

    for fatal in 0..calls {
        let mut chain = chain.clone();
        let before = chain.head();
        chain.open(&messages);
        chain.host.reset_meter();
        chain.host.set_fault(Some(FaultAt::Dead(fatal)));
        chain.host.run_level(|host| {
            run(host);
            RunEnd::Trapped
        });
        chain.host.set_fault(None);
        let head = chain.head();
        assert!(head == before || head == undisturbed.head(), "a head that nobody made, call {fatal}");
        // The publisher sends what the rollup node has not confirmed.
        for _ in 0..3 {
            chain.run(&messages);
        }
        assert_eq!(chain.head(), undisturbed.head(), "call {fatal}: {:?}", chain.host.debug_lines());
        assert_eq!(chain.world(), undisturbed.world(), "call {fatal}");
        assert!(chain.is_tidy(), "call {fatal}");
    }
}

#[test]
fn one_refused_host_call_loses_nothing() {
    let (chain, messages) = prepared();
    let mut undisturbed = chain.clone();
    undisturbed.host.reset_meter();
    undisturbed.run(&messages);
    let calls = undisturbed.host.fallible_calls();
    undisturbed.run(&[]);
    for refused in 0..calls {
        let mut chain = chain.clone();
        chain.open(&messages);
        chain.host.reset_meter();
        chain.host.set_fault(Some(FaultAt::Once(refused)));
        chain.host.run_level(|host| {
            run(host);
            RunEnd::Returned
        });
        chain.host.set_fault(None);
        for _ in 0..3 {
            chain.run(&messages);
        }
        assert_eq!(chain.world(), undisturbed.world(), "call {refused}: {:?}", chain.host.debug_lines());
    }
}

#[test]
fn a_blueprint_whose_run_trapped_is_dropped() {
    let mut chain = Chain::started();
    let (alice, bob) = (User::new(1), User::new(2));
    let messages = chain.seal(&chain.next(vec![alice.transfer(0, bob.address, 1)]));
    let (last, first) = messages.split_last().unwrap();
    assert!(first.is_empty());
    // Reading the account of the sender makes the module trap: the PVM sets its flag.
    let account = World::Committed.account(alice.address).unwrap();
    chain.host.set_trap(Some(account.path().to_string()));
    chain.run(std::slice::from_ref(last));
    chain.host.set_trap(None);
    assert!(chain.host.value(pvm::STUCK.as_str()).is_some());
    chain.run(&[]);
    assert_eq!(chain.number(), 0);
    assert_eq!(chain.events().len(), 1);
    // The sequencer sends it again: it was no fault of the blueprint after all.
    chain.run(&messages);
    assert_eq!(chain.number(), 1);
    assert_eq!(chain.balance(bob.address), U256::exp10(21) + 1);
}
