//! At the limits: depth, stack, memory, sizes that do not fit a 32-bit machine.

use crate::support::{Chain, Memory, address, code, dynamic};
use millrace_evm::{Halt, Transaction};
use millrace_primitives::{Gas, U256};

/// Calls itself with all its gas, then counts in slot 0 of its storage.
const RECURSIVE: &str = "5f 5f 5f 5f 5f 30 5a f1 50 5f 54 6001 01 5f 55 00";

fn at(text: &str) -> Chain {
    let mut memory = Memory::default();
    memory.install(address(0xaa), &code(text));
    Chain::new(memory)
}

/// So much gas that a 64th kept back at each of a thousand calls leaves enough.
const PLENTY: u64 = 1 << 50;

/// Sends a transaction in a thread whose stack is as small as that of the kernel; the contract at 0xa has
/// this code. Looks at the chain afterwards.
fn on_a_small_stack<T: Send + 'static>(contract: &str, transaction: Transaction, look: fn(&Chain) -> T) -> T {
    const STACK_BYTES: usize = 1 << 20;
    let contract = contract.to_owned();
    let run = move || {
        let mut chain = at(&contract);
        chain.fees.execution_gas_limit_max = Gas::new(PLENTY);
        chain.state.credit(chain.alice.address, U256::exp10(40)).unwrap();
        assert!(chain.alice_sends(transaction).unwrap().succeeded);
        look(&chain)
    };
    std::thread::Builder::new().stack_size(STACK_BYTES).spawn(run).unwrap().join().unwrap()
}

#[test]
fn calls_nest_1024_deep_and_no_deeper() {
    let transaction = dynamic(0, Some(address(0xaa)), PLENTY, Vec::new());
    let count = on_a_small_stack(RECURSIVE, transaction, |chain| chain.slot(address(0xaa), 0));
    assert_eq!(count, U256::from(1_025));
}

#[test]
fn creations_nest_1024_deep_and_no_deeper() {
    // CODECOPY of all, CREATE of it, STOP.
    let transaction = dynamic(0, None, PLENTY, code("38 5f 5f 39 38 5f 5f f0 00"));
    let count = on_a_small_stack("00", transaction, |chain| chain.state.changes().accounts.len());
    assert_eq!(count, 1 + 1_025, "the sender and what was created");
}

#[test]
fn the_stack_holds_1024_words() {
    let pushes = |count| ["5f"; 1025][..count].concat();
    assert!(at(&pushes(1024)).call(address(0xaa), &[]).succeeded);
    assert_eq!(at(&pushes(1025)).call(address(0xaa), &[]).halt, Some(Halt::StackOverflow));
    assert_eq!(at("01").call(address(0xaa), &[]).halt, Some(Halt::StackUnderflow));
}

/// Every opcode that takes an offset or a size, with what does not fit 32 or 64 bits: the frame ends for
/// want of gas, never the transaction for want of a type.
#[test]
fn sizes_beyond_any_memory_run_out_of_gas() {
    let opcodes = [
        ("20", 2), // KECCAK256
        ("37", 3), // CALLDATACOPY
        ("39", 3), // CODECOPY
        ("51", 1), // MLOAD
        ("52", 2), // MSTORE
        ("53", 2), // MSTORE8
        ("5e", 3), // MCOPY
        ("a0", 2), // LOG0
        ("f0", 3), // CREATE
        ("f1", 7), // CALL
        ("f3", 2), // RETURN
        ("f4", 6), // DELEGATECALL
        ("f5", 4), // CREATE2
        ("fd", 2), // REVERT
        ("3c", 4), // EXTCODECOPY
    ];
    for bits in [33, 64, 255] {
        for (opcode, arguments) in opcodes {
            let huge = crate::support::push(U256::one() << bits);
            let mut inner = huge.repeat(arguments);
            inner.extend(code(opcode));
            let mut memory = Memory::default();
            memory.install(address(0xbb), &inner);
            // Calls it with a bounded gas and stores one more than whether it succeeded.
            memory.install(address(0xaa), &code("5f 5f 5f 5f 5f 60bb 62 0fffff f1 6001 01 5f 55 00"));
            let mut chain = Chain::new(memory);
            let outcome = chain.call(address(0xaa), &[]);
            assert!(outcome.succeeded, "{opcode} with 2^{bits}: {outcome:?}");
            assert_eq!(chain.slot(address(0xaa), 0), U256::one(), "{opcode} with 2^{bits}");
        }
    }
}

#[test]
fn nothing_of_size_zero_costs_or_grows_memory() {
    // Offsets of 2^200 with size zero, then MSIZE to slot 0.
    let huge = hex::encode(crate::support::push(U256::one() << 200));
    for (before, opcode) in [
        (format!("5f {huge}"), "20 50"),
        (format!("5f {huge} {huge}"), "37"),
        (format!("5f {huge} {huge}"), "39"),
        (format!("5f {huge} {huge}"), "5e"),
        (format!("5f {huge}"), "a0"),
        (format!("5f {huge} 5f"), "f0 50"),
        (format!("5f 5f {huge} 5f"), "f5 50"),
        (format!("5f {huge} 5f {huge} 5f 30 5f"), "f1 50"),
    ] {
        let mut chain = at(&format!("{before} {opcode} 59 5f 55 00"));
        // Calling oneself would go on for ever: the call above passes no gas.
        let outcome = chain.call(address(0xaa), &[]);
        assert!(outcome.succeeded, "{opcode}: {outcome:?}");
        assert_eq!(chain.slot(address(0xaa), 0), U256::zero(), "{opcode}");
    }
    let mut chain = at(&format!("5f {huge} f3"));
    assert!(chain.call(address(0xaa), &[]).succeeded);
}

#[test]
fn as_much_memory_as_30_million_gas_can_buy() {
    // MSTORE at 3,800,000: 28.7 million.
    let mut chain = at("6001 62 39fbc0 52 62 39fbc0 51 5f 55");
    let outcome = chain.alice_sends(dynamic(0, Some(address(0xaa)), 30_000_000, Vec::new())).unwrap();
    assert!(outcome.succeeded, "{outcome:?}");
    assert!(outcome.gas_used > Gas::new(25_000_000));
    assert_eq!(chain.slot(address(0xaa), 0), U256::one());
}

#[test]
fn an_execution_is_held_at_its_cap() {
    let mut chain = at("5b 5f 56");
    let outcome = chain.alice_sends(dynamic(0, Some(address(0xaa)), 40_000_000, Vec::new())).unwrap();
    assert_eq!(outcome.halt, Some(Halt::OutOfGas));
    assert_eq!(outcome.gas_used, Gas::new(30_000_000), "what is above the cap is given back");
}
