//! Ticks are those of the interpreter, and a run that has none left is stuck where it would be.

use millrace_pvm::inputs::{LevelInfo, external, level_inputs};
use millrace_pvm::{
    Constants, LevelReport, Machine, MachineConfig, Outcome, PreimageMap, Pvm, Rollup, RunTicks, Status,
    Stuck, Trap, Version,
};
use std::sync::{Arc, OnceLock};

const INFO: LevelInfo = LevelInfo { predecessor_timestamp: 0, predecessor: [0; 32] };

fn machine() -> Machine {
    static MACHINE: OnceLock<Machine> = OnceLock::new();
    let config = MachineConfig { counts_ticks: true, ..MachineConfig::default() };
    MACHINE.get_or_init(|| Machine::new(config).expect("a machine")).clone()
}

fn pvm(version: Version, kernel: Vec<u8>, constants: Constants) -> Pvm {
    let rollup = Rollup { address: [0; 20], origination_level: 0 };
    let preimages = Arc::new(PreimageMap::default());
    let mut pvm = Pvm::originate(machine(), rollup, preimages, version, kernel);
    pvm.set_constants(constants);
    pvm
}

fn level(pvm: &mut Pvm) -> LevelReport {
    pvm.run_level(0, &level_inputs(INFO, None, &[external(b"12345")])).expect("a level")
}

fn run(version: Version, wat: &str) -> LevelReport {
    level(&mut pvm(version, wat::parse_str(wat).expect("a kernel"), Constants::default()))
}

fn ticks(report: &LevelReport) -> RunTicks {
    report.runs[0].ticks.expect("they are counted")
}

/// A kernel that runs `body`; `$f` takes a number and gives two.
fn kernel(body: &str) -> String {
    format!(
        r#"(module
          (import "smart_rollup_core" "store_write" (func $store_write (param i32 i32 i32 i32 i32) (result i32)))
          (memory 1) (export "m" (memory 0)) (data (i32.const 0) "/a") (data (i32.const 8) "/b")
          (table 4 funcref) (elem (i32.const 0) $f)
          (func $f (param i32) (result i32 i32) (local i64) (local.get 0) (local.get 0))
          (func $write_a (drop (call $store_write
            (i32.const 0) (i32.const 2) (i32.const 0) (i32.const 0) (i32.const 1))))
          (func $write_b (drop (call $store_write
            (i32.const 8) (i32.const 2) (i32.const 0) (i32.const 0) (i32.const 1))))
          (func (export "kernel_run") (local $n i32) {body}))"#
    )
}

/// What `body` takes beyond a kernel that does nothing.
fn eval(body: &str) -> u64 {
    let idle = ticks(&run(Version::V5, &kernel(""))).eval;
    let [counted, deep] =
        [Version::V5, Version::V0].map(|version| ticks(&run(version, &kernel(body))).eval - idle);
    // The first version counts frames too, which must not disturb the count of ticks.
    assert_eq!(counted, deep, "{body}");
    counted
}

#[test]
fn a_kernel_that_does_nothing_takes_what_was_recorded() {
    let report =
        run(Version::V5, r#"(module (memory 1) (export "m" (memory 0)) (func (export "kernel_run")))"#);
    assert_eq!(ticks(&report), RunTicks { decode: 81, link: 1, init: 39, eval: 21 });
    assert_eq!(report.ticks(), Some(143));
}

#[test]
fn values_below_are_copied_when_a_label_is_closed() {
    // Six an operator; thirteen a block, one more for a result and for each value below it.
    assert_eq!(eval("(drop (block (result i32) (i32.const 1)))"), 6 + 6 + 13 + 1);
    assert_eq!(eval("(drop (i32.add (i32.const 1) (block (result i32) (i32.const 1))))"), 6 * 4 + 13 + 1 + 1);
    assert_eq!(
        eval("(i32.const 1) (i32.const 1) (i32.const 1) (block) (drop) (drop) (drop)"),
        6 * 6 + 13 + 3
    );
    // Inside of a block only what the block has put there.
    assert_eq!(eval("(i32.const 1) (block (block)) (drop)"), 6 * 2 + 13 + 13 + 1);
    // A call: 22, three for an argument and what it gives, two for a local; two results; one value below.
    assert_eq!(
        eval("(i32.const 1) (i32.const 2) (call $f) (drop) (drop) (drop)"),
        6 * 5 + 22 + 2 + 2 + 2 + 1 + 6 * 2
    );
    let indirect = "(i32.const 1) (i32.const 2) (call_indirect (param i32) (result i32 i32) (i32.const 0))
        (drop) (drop) (drop)";
    assert_eq!(eval(indirect), 6 * 6 + 22 + 2 + 2 + 2 + 1 + 6 * 2);
}

#[test]
fn a_branch_takes_three_for_each_label_that_it_leaves_however_it_is_chosen() {
    let out = |branch: &str| eval(&format!("(block (block (block (loop {branch}))))"));
    let opening = 4 * 6;
    for depth in 0..4u64 {
        // Labels that stay open are closed; a branch of its own opens no label again but the loop's.
        let left = if depth == 0 { 4 * 7 } else { 4 + 3 * depth + (3 - depth) * 7 };
        if depth > 0 {
            assert_eq!(out(&format!("(br {depth})")), opening + 6 + left, "{depth}");
            assert_eq!(out(&format!("(br_if {depth} (i32.const 1))")), opening + 6 + 6 + 3 + left, "{depth}");
        }
        assert_eq!(out(&format!("(br_if {depth} (i32.const 0))")), opening + 6 + 6 + 4 * 7, "{depth}");
        let table = format!("(br_table 1 2 3 1 (i32.const {depth}))");
        let target = [1, 2, 3, 1][depth as usize];
        let left = 4 + 3 * target + (3 - target) * 7;
        assert_eq!(out(&table), opening + 6 + 6 + 3 + left, "table at {depth}");
    }
    // Out of the function, which closes its body and takes six for that, a branch takes three for each label, a
    // return three in all.
    assert_eq!(eval("(block (br 1))"), 6 + 6 + 2 * 3 - 6);
    assert_eq!(eval("(block (return))"), 6 + 6 + 3 - 6);
    // Twice around a loop: it opens its label again.
    let around = "(loop (local.set $n (i32.add (local.get $n) (i32.const 1)))
        (br_if 0 (i32.lt_u (local.get $n) (i32.const 3))))";
    assert_eq!(eval(around), 6 + 3 * (4 * 6 + 4 * 6) + 2 * (3 + 4 + 3) + 7);
}

#[test]
fn what_a_run_traps_at_counts_and_what_comes_after_does_not() {
    let trapped = |body: &str, trap| {
        let report = run(Version::V5, &kernel(body));
        assert_eq!(report.runs[0].outcome, Outcome::Trapped(trap), "{body}");
        ticks(&report).eval
    };
    // Entering takes ten, with the only local; the trap five beside its operator.
    assert_eq!(trapped("(unreachable) (nop) (nop)", Trap::Unreachable), 10 + 6 + 5);
    assert_eq!(trapped("(block (block (unreachable)))", Trap::Unreachable), 10 + 12 + 6 + 5);
    let division = "(drop (i32.div_u (i32.const 1) (local.get $n))) (nop) (nop) (nop)";
    assert_eq!(trapped(division, Trap::DivisionByZero), 10 + 3 * 6 + 5);
    let fill = "(memory.fill (i32.const 0) (i32.const 0) (i32.const 70000)) (nop)";
    assert_eq!(trapped(fill, Trap::MemoryOutOfBounds), 10 + 4 * 6 + 5);
}

/// Writes, loops, traps or returns: with any number of ticks it is stuck exactly when that is too few, and has
/// written exactly what it had the ticks to write.
#[test]
fn a_run_ends_at_the_tick_where_there_are_no_more() {
    let spin = "(loop (local.set $n (i32.add (local.get $n) (i32.const 1)))
        (br_if 0 (i32.lt_u (local.get $n) (i32.const 3))))";
    for end in ["", "(unreachable)"] {
        let wat = kernel(&format!("(call $write_a) {spin} (call $write_b) {end}"));
        let wasm = wat::parse_str(wat).expect("a kernel");
        let run = |ticks_per_snapshot| {
            let constants = Constants { ticks_per_snapshot, ..Constants::default() };
            let mut pvm = pvm(Version::V5, wasm.clone(), constants);
            let report = level(&mut pvm);
            let started = pvm.durable().exists("/readonly/kernel/boot.wasm");
            (report, [started, pvm.durable().exists("/a"), pvm.durable().exists("/b")])
        };
        let (whole, all) = run(u64::MAX);
        assert_eq!(all, [true; 3]);
        let total = ticks(&whole).total();
        let mut written = [false; 3];
        for limit in 1..=total + 2 {
            let (report, has) = run(limit);
            let is_stuck = report.status == Status::Stuck(Stuck::TooManyTicks);
            assert_eq!(is_stuck, limit <= total, "{limit}");
            assert_eq!(ticks(&report).total(), if is_stuck { limit } else { total }, "{limit}");
            // What is written with fewer ticks is written with more, in the same order.
            assert!(has.iter().zip(&written).all(|(now, before)| now >= before), "{limit}");
            assert!(has.is_sorted_by(|earlier, later| earlier >= later), "{limit}");
            written = has;
        }
        assert_eq!(written, [true; 3]);
    }
}

#[test]
fn what_goes_on_for_ever_is_stuck_soon() {
    let constants = Constants { ticks_per_snapshot: 100_000, ..Constants::default() };
    let endless = [
        kernel("(loop (br 0))"),
        kernel("(loop (call $write_a) (br 0))"),
        r#"(module (memory 1) (export "m" (memory 0)) (func $s (loop (br 0))) (start $s) (func (export "kernel_run")))"#
            .to_owned(),
    ];
    for wat in endless {
        let mut pvm = pvm(Version::V5, wat::parse_str(&wat).expect("a kernel"), constants);
        let report = level(&mut pvm);
        assert_eq!(report.status, Status::Stuck(Stuck::TooManyTicks), "{wat}");
        assert_eq!(ticks(&report).total(), 100_000);
    }
}

#[test]
fn a_start_function_belongs_to_initialisation() {
    let wat = |start: &str| {
        format!(
            r#"(module (memory 1) (export "m" (memory 0)) (global $g (mut i32) (i32.const 0)) {start}
              (func (export "kernel_run") (if (i32.eqz (global.get $g)) (then (unreachable)))))"#
        )
    };
    let with = run(Version::V5, &wat("(func $s (global.set $g (i32.const 1))) (start $s)"));
    assert_eq!(with.runs[0].outcome, Outcome::Finished);
    let without = run(Version::V5, &wat("(func $s (global.set $g (i32.const 1)))"));
    assert_eq!(without.runs[0].outcome, Outcome::Trapped(Trap::Unreachable));
    // An entry, its copy when lists are joined, a call and two operators.
    assert_eq!(ticks(&with).init - ticks(&without).init, 3 + 1 + 16 + 2 * 6);
}

#[test]
fn constants_are_those_of_origination_until_a_protocol_changes_them() {
    let rebooting = r#"(module
        (import "smart_rollup_core" "store_write" (func $store_write (param i32 i32 i32 i32 i32) (result i32)))
        (import "smart_rollup_core" "write_output" (func $write_output (param i32 i32) (result i32)))
        (memory 1) (export "m" (memory 0)) (data (i32.const 0) "/kernel/env/reboot")
        (func (export "kernel_run")
          (drop (call $write_output (i32.const 0) (i32.const 1)))
          (drop (call $store_write (i32.const 0) (i32.const 18) (i32.const 0) (i32.const 0) (i32.const 0)))))"#;
    let constants = Constants {
        reboots_per_level_max: 3,
        outbox_messages_per_level_max: 2,
        ..Constants::at_origination(Version::V2)
    };
    assert_eq!((constants.ticks_per_snapshot, constants.outbox_validity_levels), (11_000_000_000, 80_640));
    let mut pvm = pvm(Version::V2, wat::parse_str(rebooting).expect("a kernel"), constants);
    let report = level(&mut pvm);
    assert_eq!((report.runs.len(), report.outbox.len()), (4, 2));
    let counter = pvm.durable().get("/readonly/kernel/env/reboot_counter").expect("a counter");
    assert_eq!(*counter.to_bytes(), [4, 0, 0, 0]);
    assert!(pvm.durable().exists("/readonly/kernel/env/too_many_reboot"));
    // Only the protocol that brought the change changes them, not a later one.
    let mut migrate = |protocol| {
        pvm.run_level(1, &level_inputs(INFO, Some(protocol), &[])).expect("a level");
        pvm.constants().ticks_per_snapshot
    };
    assert_eq!(migrate("quebec_021"), 11_000_000_000);
    assert_eq!(migrate("paris_019"), 50_000_000_000_000);
    assert_eq!(pvm.constants().reboots_per_level_max, 3);
}
