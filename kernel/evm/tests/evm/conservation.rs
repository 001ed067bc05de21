//! Wei is neither made nor lost: whatever transactions do, what the accounts hold together falls by the
//! price of execution and by nothing else; the price of data availability is with the beneficiary.

use crate::support::{Chain, Memory, address, code, deployer, dynamic, user};
use millrace_evm::{Changes, Fees, State, Transaction};
use millrace_primitives::{Address, Gas, U256};
use proptest::prelude::*;

const USERS: u8 = 3;

/// What one step does.
#[derive(Clone, Debug)]
struct Step {
    sender: u8,
    target: u8,
    value: u64,
    gas: u64,
    tip: u64,
    data: Vec<u8>,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step =
        (1..=USERS, 0u8..8, any::<u64>(), 0u64..120_000, 0u64..20, prop::collection::vec(any::<u8>(), 0..40))
            .prop_map(|(sender, target, value, gas, tip, data)| Step {
                sender,
                target,
                value: value % 1_000_000_000_000_000_000,
                gas: gas + 630_000,
                tip,
                data,
            });
    prop::collection::vec(step, 1..12)
}

/// Pays what it got on to the address in the first word and reverts if the second word is odd.
fn forwarder() -> Vec<u8> {
    code("5f 5f 5f 5f 34 5f 35 5a f1 50 6020 35 6001 16 6014 57 00 00 00 00 5b 5f 5f fd")
}

fn target(index: u8) -> Option<Address> {
    match index {
        0 => None,
        1..=3 => Some(user(index).address),
        4 => Some(address(0xf0)),
        5 => Some(address(0xde)),
        6 => Some(address(0x02)),
        _ => Some(address(0x5555)),
    }
}

fn world() -> Memory {
    let mut memory = Memory::default();
    memory.install(address(0xf0), &forwarder());
    // Destroys itself in favour of the caller.
    memory.install(address(0xde), &code("33 ff"));
    memory.fund(address(0xde), U256::from(12_345));
    for index in 1..=USERS {
        memory.fund(user(index).address, U256::exp10(19));
    }
    memory
}

fn transaction(step: &Step, nonce: u64) -> Transaction {
    let to = target(step.target);
    let data = if to.is_none() { deployer(&step.data) } else { step.data.clone() };
    Transaction {
        value: U256::from(step.value),
        max_priority_fee_per_gas: U256::from(step.tip),
        ..dynamic(nonce, to, step.gas, data)
    }
}

fn after(memory: &Memory, changes: &Changes) -> Memory {
    let mut memory = memory.clone();
    memory.apply(changes);
    memory
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_supply_falls_by_what_is_burned(steps in steps()) {
        let mut chain = Chain::new(world());
        chain.fees = Fees::default();
        let start = chain.state.reader().clone();
        let beneficiary = chain.block.beneficiary;
        let (mut burned, mut paid) = (U256::zero(), U256::zero());
        for step in &steps {
            let sender = user(step.sender);
            let nonce = chain.state.account(sender.address).unwrap().unwrap().nonce;
            let before = chain.state.changes();
            match chain.transact(&sender.recovered(transaction(step, nonce))) {
                Ok(outcome) => {
                    let da_gas = outcome.gas_used.get() - outcome.execution_gas.get();
                    burned += U256::from(outcome.execution_gas.get()) * chain.block.base_fee;
                    paid += U256::from(da_gas) * chain.block.base_fee;
                    prop_assert!(outcome.gas_used <= Gas::new(step.gas));
                    prop_assert_eq!(outcome.sender, sender.address);
                }
                Err(_) => prop_assert_eq!(chain.state.changes(), before),
            }
        }
        let end = after(&start, &chain.state.changes());
        prop_assert_eq!(end.total() + burned, start.total());
        prop_assert_eq!(chain.balance(beneficiary), paid);
    }

    #[test]
    fn a_pause_after_any_transaction_leaves_no_trace(steps in steps(), pause in 0usize..12) {
        let mut straight = Chain::new(world());
        straight.fees = Fees::default();
        let mut paused = Chain::new(world());
        paused.fees = Fees::default();
        for (index, step) in steps.iter().enumerate() {
            let sender = user(step.sender);
            let nonce = straight.state.account(sender.address).unwrap().unwrap().nonce;
            let recovered = sender.recovered(transaction(step, nonce));
            prop_assert_eq!(straight.transact(&recovered), paused.transact(&recovered));
            if index == pause {
                let bytes = paused.state.changes().encode();
                let changes = Changes::decode(&bytes).unwrap();
                prop_assert_eq!(&changes, &paused.state.changes());
                let reader = paused.state.reader().clone();
                paused.state = State::resume(reader, &changes).unwrap();
            }
        }
        prop_assert_eq!(straight.state.changes(), paused.state.changes());
        prop_assert_eq!(straight.state.changes().digest(), paused.state.changes().digest());
    }
}
