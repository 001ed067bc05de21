//! What begins with which fork.

use crate::support::{Chain, Memory, address, code, dynamic};
use millrace_evm::{Fees, Fork, Halt, Invalid, Transaction, TransactionError};
use millrace_primitives::{Gas, U256};

fn run(fork: Fork, program: &str) -> (millrace_evm::Outcome, Chain) {
    let mut memory = Memory::default();
    memory.install(address(0xc0de), &code(program));
    let mut chain = Chain::new(memory);
    chain.block.fork = fork;
    let outcome = chain.call(address(0xc0de), &[]);
    (outcome, chain)
}

#[test]
fn opcodes_begin_with_their_fork() {
    for (program, first) in [
        ("5f 5c", Fork::Cancun),
        ("5f 5f 5f 5e", Fork::Cancun),
        ("5f 49", Fork::Cancun),
        ("4a", Fork::Cancun),
        ("5f 1e", Fork::Osaka),
    ] {
        for fork in Fork::ALL {
            let (outcome, _) = run(fork, program);
            assert_eq!(outcome.succeeded, fork >= first, "{program} in {fork:?}");
            if !outcome.succeeded {
                assert!(matches!(outcome.halt, Some(Halt::InvalidOpcode(_))), "{:?}", outcome.halt);
            }
        }
    }
}

#[test]
fn leading_zeros_are_counted() {
    for (word, zeros) in [("5f", 256u64), ("6001", 255), ("5f 19", 0), ("7f 7f", 1), ("60ff 6080 1b", 120)] {
        let word = if word == "7f 7f" { format!("7f 7f{}", "ff".repeat(31)) } else { word.to_owned() };
        let (outcome, chain) = run(Fork::Osaka, &format!("{word} 1e 5f 55"));
        assert!(outcome.succeeded, "{word}");
        assert_eq!(chain.slot(address(0xc0de), 0), U256::from(zeros), "{word}");
    }
    let (outcome, _) = run(Fork::Osaka, "5f 1e");
    assert_eq!(outcome.gas_used.get(), 21_000 + 2 + 5);
    assert_eq!(run(Fork::Osaka, "1e").0.halt, Some(Halt::StackUnderflow));
}

#[test]
fn call_data_has_a_floor_from_prague_on() {
    for (fork, used) in
        [(Fork::Cancun, 21_000 + 16 * 100 + 4 * 10), (Fork::Prague, 21_000 + 40 * 100 + 10 * 10)]
    {
        let mut chain = Chain::new(Memory::default());
        chain.block.fork = fork;
        let data = [vec![1; 100], vec![0; 10]].concat();
        let outcome = chain.alice_sends(dynamic(0, Some(address(0xb0b)), 100_000, data.clone())).unwrap();
        assert_eq!(outcome.gas_used, Gas::new(used), "{fork:?}");
        // And a gas limit must cover it.
        let exact = dynamic(1, Some(address(0xb0b)), used, data.clone());
        assert!(chain.alice_sends(exact).is_ok());
        let less = chain.alice_sends(dynamic(2, Some(address(0xb0b)), used - 1, data));
        assert_eq!(less, Err(TransactionError::Invalid(Invalid::GasLimitTooLow { needed: used })));
    }
}

#[test]
fn an_execution_above_the_floor_pays_what_it_uses() {
    let mut memory = Memory::default();
    // Writes a slot: 22,100 and more, far above the floor of a hundred bytes.
    memory.install(address(0xc0de), &code("6001 5f 55"));
    let mut chain = Chain::new(memory);
    chain.block.fork = Fork::Prague;
    let outcome = chain.call(address(0xc0de), &[1; 100]);
    assert_eq!(outcome.gas_used.get(), 21_000 + 1_600 + 5 + 22_100);
}

#[test]
fn the_rules_of_ethereum_pay_tips_and_cap_gas() {
    let mut chain = Chain::new(Memory::default());
    chain.fees = Fees::ethereum(Fork::Osaka);
    let base_fee = chain.block.base_fee;
    let tip = U256::from(7);
    let transaction = Transaction {
        max_fee_per_gas: base_fee + 5,
        max_priority_fee_per_gas: tip,
        ..dynamic(0, Some(address(0xb0b)), 21_000, Vec::new())
    };
    let before = chain.balance(chain.alice.address);
    let outcome = chain.alice_sends(transaction).unwrap();
    // The cap leaves five of the seven.
    assert_eq!(outcome.effective_gas_price, base_fee + 5);
    assert_eq!(chain.balance(chain.block.beneficiary), U256::from(5 * 21_000));
    assert_eq!(before - chain.balance(chain.alice.address), (base_fee + 5) * 21_000);

    let at_cap = dynamic(1, Some(address(0xb0b)), 1 << 24, Vec::new());
    let above = Transaction { gas_limit: Gas::new((1 << 24) + 1), ..at_cap.clone() };
    assert_eq!(chain.alice_sends(above), Err(TransactionError::Invalid(Invalid::GasLimitAboveCap)));
    assert!(chain.alice_sends(at_cap).is_ok());
    assert_eq!(Fees::ethereum(Fork::Prague).gas_limit_max, None);
}
