//! What a tracer is told, against costs worked out by hand, and that watching changes nothing.

use crate::support::{Chain, Memory, address, code, deployer, dynamic};
use millrace_evm::trace::{Enter, Exit, SelfDestruct, Step, StepEnd, Tracer};
use millrace_evm::{Call, Halt, created_address, simulate, simulate_traced, transact_traced};
use millrace_primitives::{Address, Log, U256};

/// Writes everything down, a line each.
#[derive(Default)]
struct Notes {
    lines: Vec<String>,
    steps: Vec<String>,
    /// Stops after so many opcodes.
    steps_max: Option<usize>,
}

fn short(address: Address) -> String {
    hex::encode(address).trim_start_matches('0').to_owned()
}

impl Tracer for Notes {
    fn enter(&mut self, enter: &Enter<'_>) {
        let &Enter { scheme, caller, target, value, gas, input } = enter;
        let value = value.map_or("-".to_owned(), |value| value.to_string());
        let (caller, target, input) = (short(caller), short(target), hex::encode(input));
        self.lines.push(format!("{scheme:?} {caller} > {target} value {value} gas {gas} input {input}"));
    }

    fn exit(&mut self, exit: &Exit<'_>) {
        let &Exit { gas_left, output, halt } = exit;
        self.lines.push(format!("exit left {gas_left} output {} {halt:?}", hex::encode(output)));
    }

    fn step(&mut self, step: &Step<'_>) {
        let stack: Vec<_> = (0..step.stack_size()).rev().filter_map(|index| step.peek(index)).collect();
        let memory = step.memory().len();
        self.steps.push(format!("{} {:02x} {stack:?} m{memory}", step.position, step.opcode));
    }

    fn step_end(&mut self, end: &StepEnd) {
        let step = self.steps.last_mut().unwrap();
        step.push_str(&format!(" cost {}", end.gas_cost));
        if let Some(halt) = end.halt {
            step.push_str(&format!(" {halt:?}"));
        }
    }

    fn log(&mut self, log: &Log) {
        self.lines.push(format!("log of {}", short(log.address)));
    }

    fn self_destruct(&mut self, end: &SelfDestruct) {
        let (contract, beneficiary) = (short(end.contract), short(end.beneficiary));
        self.lines.push(format!("{contract} destroys itself for {beneficiary}, {} wei", end.balance));
    }

    fn goes_on(&self) -> bool {
        self.steps_max.is_none_or(|most| self.steps.len() < most)
    }
}

const GAS: u64 = 1_000_000;
/// What is left of it at the first opcode of a call without data.
const GAS_INSIDE: u64 = GAS - 21_000;

/// Alice calls 0xc, which has this code.
fn watched(program: &str, others: &[(u64, &str)]) -> Notes {
    let mut notes = Notes::default();
    let mut memory = Memory::default();
    memory.install(address(0xc), &code(program));
    for (at, program) in others {
        memory.install(address(*at), &code(program));
    }
    let mut plain = Chain::new(memory.clone());
    let expected = plain.alice_sends(dynamic(0, Some(address(0xc)), GAS, Vec::new())).unwrap();

    let mut chain = Chain::new(memory);
    let transaction = chain.alice.recovered(dynamic(0, Some(address(0xc)), GAS, Vec::new()));
    let outcome =
        transact_traced(&mut chain.state, &chain.block, &chain.fees, &transaction, &mut notes).unwrap();
    assert_eq!(outcome, expected, "watching changes the outcome");
    assert_eq!(chain.state.changes(), plain.state.changes(), "watching changes the state");
    let alice = short(chain.alice.address);
    for line in &mut notes.lines {
        *line = line.replace(&alice, "alice");
    }
    notes
}

#[test]
fn each_opcode_has_its_cost_and_what_it_finds() {
    let notes = watched("5f 54 6001 01 80 5f 55 5f 52 5f 5f a0 6020 5f f3", &[]);
    let expected = [
        "0 5f [] m0 cost 2",
        "1 54 [0] m0 cost 2100",
        "2 60 [0] m0 cost 3",
        "4 01 [0, 1] m0 cost 3",
        "5 80 [1] m0 cost 3",
        "6 5f [1, 1] m0 cost 2",
        "7 55 [1, 1, 0] m0 cost 20000",
        "8 5f [1] m0 cost 2",
        "9 52 [1, 0] m0 cost 6",
        "10 5f [] m32 cost 2",
        "11 5f [0] m32 cost 2",
        "12 a0 [0, 0] m32 cost 375",
        "13 60 [] m32 cost 3",
        "15 5f [32] m32 cost 2",
        "16 f3 [32, 0] m32 cost 0",
    ];
    assert_eq!(notes.steps, expected);
    let left = GAS_INSIDE - 22_505;
    let expected = [
        format!("Call alice > c value 0 gas {GAS_INSIDE} input "),
        "log of c".to_owned(),
        format!("exit left {left} output {}01 None", "00".repeat(31)),
    ];
    assert_eq!(notes.lines, expected);
}

#[test]
fn calls_show_their_schemes_gas_and_ends() {
    // STATICCALL 0xd with 5,000 gas, DELEGATECALL 0xd with all, CALL 0xe with 1 wei that is not there.
    let program = "5f 5f 5f 5f 600d 611388 fa 5f 5f 5f 5f 600d 5a f4 5f 5f 5f 5f 6001 600e 5f f1 00";
    let notes = watched(program, &[(0xd, "602a 5f 53 6001 5f fd")]);
    // Inside 0xd: PUSH1 3, PUSH0 2, MSTORE8 3 and 3 for memory, PUSH1 3, PUSH0 2, REVERT 0.
    let inside = 16;
    // Four PUSH0, PUSH1, PUSH2: 14; a cold account: 2,600.
    let after_first = GAS_INSIDE - 14 - 2_600 - inside;
    // Four PUSH0, PUSH1, GAS: 13; a warm account: 100.
    let before_second = after_first - 13 - 100;
    let handed_on = before_second - before_second / 64;
    let expected = [
        format!("Call alice > c value 0 gas {GAS_INSIDE} input "),
        "StaticCall c > d value - gas 5000 input ".to_owned(),
        format!("exit left {} output 2a Some(Reverted)", 5_000 - inside),
        format!("DelegateCall c > d value 0 gas {handed_on} input "),
        format!("exit left {} output 2a Some(Reverted)", handed_on - inside),
        "Call c > e value 1 gas 2300 input ".to_owned(),
        "exit left 2300 output  Some(InsufficientBalance)".to_owned(),
        // Four PUSH0, two PUSH1, PUSH0: 16; cold 2,600, value 9,000, a new account 25,000, less the stipend.
        format!("exit left {} output  None", before_second - inside - 16 - 2_600 - 9_000 - 25_000 + 2_300),
    ];
    assert_eq!(notes.lines, expected);
    let of_calls: Vec<_> = notes.steps.iter().filter_map(|step| step.split_once(" cost ")).collect();
    let costs: Vec<_> = of_calls
        .iter()
        .filter(|(step, _)| [" fa ", " f4 ", " f1 "].iter().any(|opcode| step.contains(opcode)))
        .map(|(_, cost)| cost.parse::<u64>().unwrap())
        .collect();
    assert_eq!(costs, [2_600 + 5_000, 100 + handed_on, 2_600 + 9_000 + 25_000]);
}

#[test]
fn creations_show_what_they_deploy_or_why_not() {
    // MSTOREs initialisation code at 32 - size and CREATEs with it.
    let creation = |initcode: &str| {
        let bytes = code(initcode);
        let size = bytes.len();
        format!("{:02x}{} 5f 52 60{size:02x} 60{:02x} 5f f0 00", 0x5f + size, hex::encode(bytes), 32 - size)
    };
    let made = short(created_address(address(0xc), 1));
    let last = |notes: &Notes| notes.lines[2].clone();

    // Deploys one byte, 00: PUSH1 1, PUSH0, RETURN cost 5 and 3 of memory, the byte 200.
    let notes = watched(&creation("6001 5f f3"), &[]);
    // PUSH4, PUSH0, MSTORE 6, two PUSH1, PUSH0; CREATE 32,000 and 2 for a word of initialisation code.
    let before = GAS_INSIDE - 3 - 2 - 6 - 6 - 2 - 32_002;
    let gas = before - before / 64;
    assert_eq!(notes.lines[1], format!("Create c > {made} value 0 gas {gas} input 60015ff3"));
    assert_eq!(last(&notes), format!("exit left {} output 00 None", gas - 5 - 3 - 200));
    // Code that begins with 0xef.
    let notes = watched(&creation("60ef 5f 53 6001 5f f3"), &[]);
    assert_eq!(last(&notes), "exit left 0 output  Some(InvalidOpcode(239))");
    // Longer than 24,576 bytes.
    let notes = watched(&creation("616001 5f f3"), &[]);
    assert_eq!(last(&notes), "exit left 0 output  Some(CodeTooLarge)");
    // Of 24,000 bytes: 4.8 million gas.
    let notes = watched(&creation("615dc0 5f f3"), &[]);
    assert_eq!(last(&notes), "exit left 0 output  Some(OutOfGas)");
    // By a transaction.
    let mut chain = Chain::new(Memory::default());
    let transaction = chain.alice.recovered(dynamic(0, None, GAS, deployer(&[0x5f])));
    let mut notes = Notes::default();
    transact_traced(&mut chain.state, &chain.block, &chain.fees, &transaction, &mut notes).unwrap();
    let made = short(created_address(chain.alice.address, 0));
    assert!(notes.lines[0].starts_with("Create ") && notes.lines[0].contains(&format!("> {made} ")));
    assert!(notes.lines[1].ends_with(" output 5f None"), "{}", notes.lines[1]);
}

#[test]
fn destruction_and_failure_are_told() {
    let notes = watched("600a ff", &[]);
    assert_eq!(notes.lines[1], "c destroys itself for a, 0 wei");
    // An opcode that does not exist, on a stack with one word.
    let notes = watched("6001 0c", &[]);
    assert_eq!(notes.steps[1], "2 0c [1] m0 cost 0 InvalidOpcode(12)");
    assert_eq!(notes.lines[1], "exit left 0 output  Some(InvalidOpcode(12))");
    // Beyond the end of the code there is STOP.
    let notes = watched("5f", &[]);
    assert_eq!(notes.steps, ["0 5f [] m0 cost 2", "1 00 [0] m0 cost 0"]);
}

#[test]
fn every_enter_has_its_exit_at_any_depth() {
    // Calls itself with all gas until the depth or the gas ends.
    let notes = watched("5f 5f 5f 5f 5f 600c 5a f1 00", &[]);
    let enters = notes.lines.iter().filter(|line| line.starts_with("Call ")).count();
    assert!(enters > 100, "{enters}");
    assert_eq!(notes.lines.len(), 2 * enters);
}

#[test]
fn a_tracer_stops_an_endless_execution() {
    let mut memory = Memory::default();
    memory.install(address(0xc), &code("5b 5f 56"));
    let mut chain = Chain::new(memory);
    let mut notes = Notes { steps_max: Some(1_000), ..Notes::default() };
    let call = Call { to: Some(address(0xc)), ..Call::default() };
    let outcome = simulate_traced(&mut chain.state, &chain.block, &chain.fees, &call, &mut notes).unwrap();
    assert_eq!(notes.steps.len(), 1_000);
    assert_eq!(outcome.halt, Some(Halt::Internal));
    // And again, unwatched.
    let outcome = simulate(&mut chain.state, &chain.block, &chain.fees, &call).unwrap();
    assert_eq!((outcome.halt, outcome.succeeded), (Some(Halt::OutOfGas), false));
    assert_eq!(chain.balance(address(0xc)), U256::zero());
}
