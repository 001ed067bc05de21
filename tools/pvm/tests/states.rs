//! The states of the machine, each reached by a small kernel.

use millrace_pvm::durable::Durable;
use millrace_pvm::inputs::{LevelInfo, external, level_inputs};
use millrace_pvm::{
    BootPhase, LevelReport, Machine, MachineConfig, Outcome, PreimageFolder, PreimageMap, Preimages, Pvm,
    PvmError, Rollup, State, Status, Stuck, Trap, Version,
};
use std::sync::{Arc, Mutex, OnceLock};

const ROLLUP: Rollup = Rollup { address: [7; 20], origination_level: 42 };
const INFO: LevelInfo = LevelInfo { predecessor_timestamp: 0, predecessor: [0; 32] };

/// Imports and data that the kernels below share. `$set` writes one byte at a key, `$has` asks for one.
const PRELUDE: &str = r#"
  (import "smart_rollup_core" "store_write" (func $store_write (param i32 i32 i32 i32 i32) (result i32)))
  (import "smart_rollup_core" "store_read" (func $store_read (param i32 i32 i32 i32 i32) (result i32)))
  (import "smart_rollup_core" "store_has" (func $store_has (param i32 i32) (result i32)))
  (import "smart_rollup_core" "store_delete" (func $store_delete (param i32 i32) (result i32)))
  (import "smart_rollup_core" "store_move" (func $store_move (param i32 i32 i32 i32) (result i32)))
  (import "smart_rollup_core" "write_output" (func $write_output (param i32 i32) (result i32)))
  (import "smart_rollup_core" "read_input" (func $read_input (param i32 i32 i32) (result i32)))
  (import "smart_rollup_core" "write_debug" (func $write_debug (param i32 i32)))
  (memory 1) (export "memory" (memory 0))
  (data (i32.const 0) "/runs") (data (i32.const 16) "/kernel/env/reboot") (data (i32.const 48) "/mark")
  (data (i32.const 64) "/kernel/boot.wasm") (data (i32.const 96) "/next") (data (i32.const 112) "/left")
  (func $reboot (drop (call $store_write (i32.const 16) (i32.const 18) (i32.const 0) (i32.const 0) (i32.const 0))))
  (func $mark (drop (call $store_write (i32.const 48) (i32.const 5) (i32.const 0) (i32.const 48) (i32.const 1))))
  (func $install (drop (call $store_move (i32.const 96) (i32.const 5) (i32.const 64) (i32.const 17))))
  ;; Counts runs at /runs; answers how many there were before.
  (func $count (result i32)
    (i32.store (i32.const 1024) (i32.const 0))
    (drop (call $store_read (i32.const 0) (i32.const 5) (i32.const 0) (i32.const 1024) (i32.const 4)))
    (i32.store (i32.const 1024) (i32.add (i32.load (i32.const 1024)) (i32.const 1)))
    (drop (call $store_write (i32.const 0) (i32.const 5) (i32.const 0) (i32.const 1024) (i32.const 4)))
    (i32.sub (i32.load (i32.const 1024)) (i32.const 1)))
"#;

fn kernel(rest: &str) -> Vec<u8> {
    wat::parse_str(format!("(module {PRELUDE} {rest})")).expect("a kernel")
}

/// A kernel whose run is these instructions.
fn running(body: &str) -> Vec<u8> {
    kernel(&format!("(func (export \"kernel_run\") {body})"))
}

fn machine() -> Machine {
    static MACHINE: OnceLock<Machine> = OnceLock::new();
    MACHINE.get_or_init(|| Machine::new(MachineConfig::default()).expect("a machine")).clone()
}

fn pvm(version: Version, kernel: Vec<u8>) -> Pvm {
    Pvm::originate(machine(), ROLLUP, Arc::new(PreimageMap::default()), version, kernel)
}

fn run(pvm: &mut Pvm, level: u32) -> LevelReport {
    pvm.run_level(level, &level_inputs(INFO, None, &[external(b"m")])).expect("a level")
}

fn outcomes(report: &LevelReport) -> Vec<Outcome> {
    report.runs.iter().map(|run| run.outcome.clone()).collect()
}

fn bytes(durable: &Durable, key: &str) -> Option<Vec<u8>> {
    durable.get(key).map(|value| value.to_bytes().into_owned())
}

fn has(pvm: &Pvm, key: &str) -> bool {
    pvm.durable().exists(key)
}

fn set_next_kernel(pvm: &mut Pvm, next: Vec<u8>) {
    let mut state = pvm.state().clone();
    state.durable.set(millrace_pvm::durable::Key::constant("/next"), next);
    pvm.set_state(state);
}

#[test]
fn a_level_runs_once_and_rests_with_the_flag_set() {
    let mut pvm = pvm(Version::V5, running("(drop (call $count))"));
    for level in 0..3 {
        let report = run(&mut pvm, level);
        assert_eq!(outcomes(&report), [Outcome::Finished]);
        assert_eq!(report.status, Status::WaitingForInput);
    }
    assert_eq!(bytes(pvm.durable(), "/runs"), Some(vec![3, 0, 0, 0]));
    assert_eq!(bytes(pvm.durable(), "/kernel/env/reboot"), Some(vec![]));
    assert_eq!(bytes(pvm.durable(), "/readonly/kernel/env/reboot_counter"), Some(vec![0xe9, 3, 0, 0]));
}

#[test]
fn inputs_survive_a_reboot_and_memory_does_not() {
    // Reads one message a run into memory that must be zero before.
    let mut pvm = pvm(
        Version::V5,
        running(
            "(if (i32.load (i32.const 5000)) (then (unreachable)))
             (drop (call $read_input (i32.const 4990) (i32.const 5000) (i32.const 100)))
             (if (i32.lt_u (call $count) (i32.const 3)) (then (call $reboot)))
             (drop (call $write_output (i32.const 5000) (i32.const 2)))",
        ),
    );
    let report = run(&mut pvm, 0);
    assert_eq!(outcomes(&report), vec![Outcome::Finished; 4]);
    assert_eq!(report.outbox, [vec![0, 1], vec![0, 3], vec![1, b'm'], vec![0, 2]]);
}

#[test]
fn a_level_has_at_most_1001_runs() {
    let mut pvm = pvm(Version::V5, running("(call $reboot) (drop (call $count))"));
    for level in 1..=2u32 {
        let report = run(&mut pvm, level);
        assert_eq!(report.runs.len(), 1001);
        assert_eq!(report.status, Status::WaitingForInput);
        assert!(has(&pvm, "/readonly/kernel/env/too_many_reboot"));
        assert_eq!(bytes(pvm.durable(), "/runs"), Some((1001 * level).to_le_bytes().to_vec()));
    }
}

#[test]
fn traps_keep_what_was_done_and_the_next_level_runs() {
    let traps = [
        ("(unreachable)", Trap::Unreachable),
        ("(drop (i32.load (i32.const -4)))", Trap::MemoryOutOfBounds),
        ("(memory.fill (i32.const 65530) (i32.const 0) (i32.const 10))", Trap::MemoryOutOfBounds),
        ("(drop (i32.div_u (i32.const 1) (i32.const 0)))", Trap::DivisionByZero),
        ("(drop (i64.div_s (i64.const 0x8000000000000000) (i64.const -1)))", Trap::IntegerOverflow),
        ("(drop (call_indirect (result i32) (i32.const 0)))", Trap::IndirectCallTypeMismatch),
        ("(drop (table.get (i32.const 9)))", Trap::TableOutOfBounds),
    ];
    for (instruction, trap) in traps {
        let mut pvm = pvm(
            Version::V5,
            kernel(&format!(
                "(table 2 funcref) (elem (i32.const 0) $mark)
                 (func (export \"kernel_run\")
                   (drop (call $write_output (i32.const 0) (i32.const 1)))
                   (call $write_debug (i32.const 0) (i32.const 5))
                   (if (i32.eqz (call $count)) (then {instruction})))"
            )),
        );
        let report = run(&mut pvm, 0);
        assert_eq!(outcomes(&report), [Outcome::Trapped(trap)], "{instruction}");
        assert_eq!((report.outbox.len(), report.debug.as_slice()), (1, b"/runs".as_slice()));
        assert_eq!(bytes(pvm.durable(), "/runs"), Some(vec![1, 0, 0, 0]));
        assert!(has(&pvm, "/readonly/kernel/env/stuck"));
        assert_eq!(outcomes(&run(&mut pvm, 1)), [Outcome::Finished]);
        assert!(!has(&pvm, "/readonly/kernel/env/stuck"));
    }
}

#[test]
fn a_trap_after_the_flag_reboots() {
    let body = "(call $reboot) (if (i32.eqz (call $count)) (then (unreachable)))
                (drop (call $store_delete (i32.const 16) (i32.const 18)))";
    let mut pvm = pvm(Version::V5, running(body));
    assert_eq!(outcomes(&run(&mut pvm, 0)), [Outcome::Trapped(Trap::Unreachable), Outcome::Finished]);
}

#[test]
fn a_kernel_is_replaced_at_the_next_run() {
    let mut pvm = pvm(Version::V5, running("(call $install) (call $reboot)"));
    set_next_kernel(&mut pvm, running("(call $mark)"));
    assert_eq!(outcomes(&run(&mut pvm, 0)), [Outcome::Finished, Outcome::Finished]);
    assert!(has(&pvm, "/mark"));
    assert_eq!(pvm.durable().get("/kernel/boot.wasm"), pvm.durable().get("/readonly/kernel/boot.wasm"));
}

#[test]
fn a_kernel_that_does_not_boot_is_replaced_by_the_one_before() {
    let prelude_without_memory = r#"(module (func (export "kernel_run")))"#;
    let bad = [
        (b"garbage".to_vec(), BootPhase::Decode),
        (Vec::new(), BootPhase::Decode),
        (kernel(r#"(func (export "kernel_run")) (func (drop (f32.const 0)))"#), BootPhase::Decode),
        (
            wat::parse_str(
                r#"(module (import "smart_rollup_core" "store_fly" (func)) (func (export "kernel_run")))"#,
            )
            .expect("a module"),
            BootPhase::Link,
        ),
        (
            wat::parse_str(r#"(module (import "env" "store_has" (func)) (func (export "kernel_run")))"#)
                .expect("a module"),
            BootPhase::Link,
        ),
        (
            wat::parse_str(
                r#"(module (import "smart_rollup_core" "store_has" (func)) (func (export "kernel_run")))"#,
            )
            .expect("a module"),
            BootPhase::Init,
        ),
        (wat::parse_str(prelude_without_memory).expect("a module"), BootPhase::Init),
        (kernel(r#"(func (export "kernel_run")) (data (i32.const 65536) "x")"#), BootPhase::Init),
        (kernel(r#"(func (export "kernel_run")) (func $s (unreachable)) (start $s)"#), BootPhase::Init),
        (kernel(r#"(func (export "kernel_run")) (start $mark)"#), BootPhase::Init),
    ];
    for (next, expected) in bad {
        let mut pvm =
            pvm(Version::V5, running("(if (i32.eqz (call $count)) (then (call $install) (call $reboot)))"));
        set_next_kernel(&mut pvm, next.clone());
        let report = run(&mut pvm, 0);
        assert_eq!(report.status, Status::WaitingForInput);
        match &outcomes(&report)[..] {
            [Outcome::Finished, Outcome::FellBack { phase, .. }] => assert_eq!(*phase, expected),
            other => panic!("{expected:?}: {other:?}"),
        }
        assert!(has(&pvm, "/readonly/kernel/env/upgrade_error"));
        assert_eq!(outcomes(&run(&mut pvm, 1)), [Outcome::Finished]);
        assert!(!has(&pvm, "/readonly/kernel/env/upgrade_error"));
        // At origination there is nothing to fall back on.
        let mut pvm = self::pvm(Version::V5, next);
        let report = run(&mut pvm, 0);
        assert!(
            matches!(&report.status, Status::Stuck(Stuck::NoFallbackKernel { phase, .. }) if *phase == expected),
            "{:?}",
            report.status
        );
    }
}

#[test]
fn a_deleted_kernel_is_put_back() {
    let body =
        "(if (i32.eqz (call $count)) (then (drop (call $store_delete (i32.const 64) (i32.const 17)))))";
    let mut pvm = pvm(Version::V5, running(body));
    assert_eq!(outcomes(&run(&mut pvm, 0)), [Outcome::Finished]);
    assert!(matches!(&outcomes(&run(&mut pvm, 1))[..], [Outcome::FellBack { phase: BootPhase::Decode, .. }]));
    assert_eq!(outcomes(&run(&mut pvm, 2)), [Outcome::Finished]);
}

fn stuck_at_once(version: Version, kernel: Vec<u8>) -> (Pvm, Stuck) {
    let mut pvm = pvm(version, kernel);
    let report = run(&mut pvm, 0);
    let Status::Stuck(stuck) = report.status else { panic!("not stuck: {report:?}") };
    assert_eq!(report.runs.last().map(|run| &run.outcome), Some(&Outcome::Stuck(stuck.clone())));
    let durable = pvm.durable().clone();
    let swallowed = run(&mut pvm, 1);
    assert_eq!((swallowed.runs.len(), &swallowed.status), (0, &Status::Stuck(stuck.clone())));
    assert!(pvm.durable().is_same(&durable), "a stuck machine changes nothing");
    (pvm, stuck)
}

#[test]
fn fatal_errors_are_for_ever_and_keep_what_was_done() {
    let cases = [
        ("(call_indirect (i32.const 1))", "uninitialized"),
        ("(call_indirect (i32.const 7))", "beyond the table"),
        (
            "(drop (call $nth (i32.const 48) (i32.const 5) (i64.const 0) (i32.const 0) (i32.const -1)))",
            "negative size",
        ),
    ];
    for (instruction, expected) in cases {
        let wat = format!(
            "(module (import \"smart_rollup_core\" \"store_get_nth_key\" (func $nth (param i32 i32 i64 i32 i32) (result i32)))
             {PRELUDE} (table 2 funcref) (elem (i32.const 0) $mark)
             (func (export \"kernel_run\") (call $mark) {instruction}))"
        );
        let (pvm, stuck) = stuck_at_once(Version::V5, wat::parse_str(wat).expect("a kernel"));
        assert!(matches!(&stuck, Stuck::Fatal { detail } if detail.contains(expected)), "{stuck:?}");
        assert!(has(&pvm, "/mark"));
    }
    let (_, stuck) = stuck_at_once(Version::V5, kernel(""));
    assert_eq!(stuck, Stuck::NoEntry);
    let (_, stuck) = stuck_at_once(Version::V5, kernel(r#"(func (export "kernel_run") (param i32))"#));
    assert_eq!(stuck, Stuck::EntryWithParameters);
    let two_memories = kernel(r#"(memory $second 1) (func (export "kernel_run") (call $mark))"#);
    let (_, stuck) = stuck_at_once(Version::V5, two_memories);
    assert!(matches!(&stuck, Stuck::Fatal { detail } if detail.contains("exactly 1 memory")), "{stuck:?}");
}

#[test]
fn a_missing_entry_is_fatal_even_with_a_fallback() {
    let mut pvm = pvm(Version::V5, running("(call $install) (call $reboot)"));
    set_next_kernel(&mut pvm, kernel(""));
    let report = run(&mut pvm, 0);
    assert_eq!(report.status, Status::Stuck(Stuck::NoEntry));
    assert_eq!(outcomes(&report), [Outcome::Finished, Outcome::Stuck(Stuck::NoEntry)]);
}

fn recursing(depth: u32, locals: usize) -> Vec<u8> {
    // The locals are alive over the call, so they are in the frame.
    let declared = "(local i64)".repeat(locals);
    let set: String = (0..locals)
        .map(|n| format!("(local.set {} (i64.load offset={} (i32.const 0)))", n + 1, 8 * n))
        .collect();
    let used: String = (0..locals)
        .map(|n| format!("(i64.store offset={} (i32.const 0) (local.get {}))", 8 * n, n + 1))
        .collect();
    kernel(&format!(
        "(func $f (param $n i32) {declared} {set}
           (if (local.get $n) (then (call $f (i32.sub (local.get $n) (i32.const 1))) {used})))
         (func (export \"kernel_run\") (call $mark) (call $f (i32.const {depth})))"
    ))
}

#[test]
fn the_call_depth_is_exact() {
    let cases = [
        (Version::V0, 297, true),
        (Version::V0, 298, false),
        (Version::V5, 1_000, true),
        (Version::V5, 59_997, true),
        (Version::V5, 59_998, false),
        (Version::V5, 10_000_000, false),
    ];
    for (version, depth, fits) in cases {
        for locals in [0, 60] {
            if fits {
                assert_eq!(
                    outcomes(&run(&mut pvm(version, recursing(depth, locals)), 0)),
                    [Outcome::Finished]
                );
            } else {
                let (pvm, stuck) = stuck_at_once(version, recursing(depth, locals));
                assert_eq!(stuck, Stuck::CallStackExhausted);
                assert!(has(&pvm, "/mark"));
            }
        }
    }
}

#[test]
fn frames_too_large_for_any_stack_do_not_end_the_process() {
    let (pvm, stuck) = stuck_at_once(Version::V5, recursing(59_000, 4_000));
    assert_eq!(stuck, Stuck::CallStackExhausted);
    assert!(has(&pvm, "/mark"));
}

#[test]
fn returns_and_branches_leave_their_frames() {
    // 100,000 calls one after the other, each left in another way, are no depth.
    let mut pvm = pvm(
        Version::V0,
        kernel(
            "(func $several (param i32) (result i32 i64)
               (if (result i32 i64) (local.get 0)
                 (then (return (i32.const 1) (i64.const 2)))
                 (else (block (result i32 i64) (i32.const 3) (i64.const 4) (br 2)))))
             (func $one (param i32) (result i32) (block (br_if 1 (i32.const 7) (local.get 0)) (drop)) (i32.const 8))
             (func $none (param i32) (if (local.get 0) (then (return))) (loop (br 1)))
             (func (export \"kernel_run\") (local $n i32)
               (loop $again
                 (call $several (i32.and (local.get $n) (i32.const 1))) (drop) (drop)
                 (drop (call $one (i32.and (local.get $n) (i32.const 1))))
                 (call $none (i32.and (local.get $n) (i32.const 1)))
                 (br_if $again (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 100000)))))",
        ),
    );
    assert_eq!(outcomes(&run(&mut pvm, 0)), [Outcome::Finished]);
}

#[test]
fn an_endless_run_is_stopped() {
    for body in ["(call $mark) (loop (br 0))", "(loop (call $mark) (br 0))"] {
        let machine = Machine::new(MachineConfig { run_time_ms_max: Some(100), ..MachineConfig::default() })
            .expect("a machine");
        let mut pvm =
            Pvm::originate(machine, ROLLUP, Arc::new(PreimageMap::default()), Version::V5, running(body));
        assert_eq!(run(&mut pvm, 0).status, Status::Stuck(Stuck::TooManyTicks));
        assert!(has(&pvm, "/mark"));
    }
}

#[test]
fn functions_that_do_not_validate_are_fatal_when_called() {
    let mut good = kernel("(func $dead (drop (i32.const 0x1234567))) (func (export \"kernel_run\"))");
    let mut called = kernel(
        "(func $dead (drop (i32.const 0x1234567))) (func (export \"kernel_run\") (call $mark) (call $dead))",
    );
    for module in [&mut good, &mut called] {
        // The constant becomes one of 64 bits that nothing drops: add instead of drop.
        let at = module
            .windows(5)
            .position(|window| window == [0xe7, 0x8a, 0x8d, 0x09, 0x1a])
            .expect("the constant");
        module[at + 4] = 0x6a;
    }
    assert_eq!(outcomes(&run(&mut pvm(Version::V5, good), 0)), [Outcome::Finished]);
    let (pvm, stuck) = stuck_at_once(Version::V5, called);
    assert!(matches!(stuck, Stuck::Fatal { .. }));
    assert!(has(&pvm, "/mark"));
}

#[test]
fn imports_come_with_their_version() {
    let importing = |name: &str, ty: &str| {
        wat::parse_str(format!(
            "(module (import \"smart_rollup_core\" \"{name}\" (func {ty})) (memory 1) (export \"m\" (memory 0))
             (func (export \"kernel_run\")))"
        ))
        .expect("a kernel")
    };
    let cases = [
        ("store_create", "(param i32 i32 i32) (result i32)", Version::V0, Version::V1),
        ("store_exists", "(param i32 i32) (result i32)", Version::V1, Version::V2),
        ("reveal", "(param i32 i32 i32 i32) (result i32)", Version::V2, Version::V3),
        ("nds_store_exists", "(param i64 i32 i32) (result i32)", Version::V5, Version::V6),
    ];
    for (name, ty, without, with) in cases {
        let (_, stuck) = stuck_at_once(without, importing(name, ty));
        assert!(matches!(stuck, Stuck::NoFallbackKernel { phase: BootPhase::Link, .. }), "{name}");
        assert_eq!(outcomes(&run(&mut pvm(with, importing(name, ty)), 0)), [Outcome::Finished], "{name}");
    }
}

#[test]
fn a_migration_switches_the_version_at_once() {
    let mut pvm = pvm(Version::V2, running("(call $install) (call $reboot)"));
    let next = wat::parse_str(
        "(module (import \"smart_rollup_core\" \"reveal\" (func (param i32 i32 i32 i32) (result i32))) (memory 1)
         (export \"m\" (memory 0)) (func (export \"kernel_run\")))",
    );
    set_next_kernel(&mut pvm, next.expect("a kernel"));
    let report = pvm.run_level(5, &level_inputs(INFO, Some("t024_024"), &[])).expect("a level");
    assert_eq!(outcomes(&report), [Outcome::Finished, Outcome::Finished]);
    assert_eq!(pvm.version(), Ok(Version::V5));
    pvm.run_level(6, &level_inputs(INFO, Some("unheard_of"), &[])).expect("a level");
    assert_eq!(pvm.version(), Ok(Version::V5));
    let mut inputs = level_inputs(INFO, Some("t024_024"), &[]);
    inputs[2].push(0);
    let report = pvm.run_level(7, &inputs).expect("a level");
    assert_eq!(report.status, Status::Stuck(Stuck::MalformedMigration));
}

/// Reveals the 33 bytes at /mark and writes the data to /left.
fn revealing() -> Vec<u8> {
    let wat = format!(
        r#"(module (import "smart_rollup_core" "reveal_preimage" (func $reveal (param i32 i32 i32 i32) (result i32)))
        {PRELUDE} (func (export "kernel_run")
          (drop (call $count))
          (drop (call $store_read (i32.const 96) (i32.const 5) (i32.const 0) (i32.const 2000) (i32.const 33)))
          (drop (call $store_write (i32.const 112) (i32.const 5) (i32.const 0) (i32.const 3000)
            (call $reveal (i32.const 2000) (i32.const 33) (i32.const 3000) (i32.const 4096))))))"#
    );
    wat::parse_str(wat).expect("a kernel")
}

#[test]
fn preimages_come_from_a_folder_and_are_checked() {
    let folder = tempfile::tempdir().expect("a folder");
    let preimages: Arc<dyn Preimages> = Arc::new(PreimageFolder::new(folder.path()));
    let mut pvm = Pvm::originate(machine(), ROLLUP, preimages, Version::V5, revealing());
    let hash = millrace_pvm::reveal::reveal_hash(b"what was asked for");
    set_next_kernel(&mut pvm, hash.to_vec());
    let before = pvm.durable().clone();
    let inputs = level_inputs(INFO, None, &[]);
    assert_eq!(pvm.run_level(0, &inputs), Err(PvmError::PreimageMissing { hash }));
    assert!(pvm.durable().is_same(&before), "a level that could not be run leaves no trace");
    let file = folder.path().join(hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    std::fs::write(&file, b"something else").expect("a file");
    assert_eq!(pvm.run_level(0, &inputs), Err(PvmError::PreimageCorrupt { hash }));
    std::fs::write(&file, b"what was asked for").expect("a file");
    let report = pvm.run_level(0, &inputs).expect("a level");
    assert_eq!(report.reveal_requests, [[[0].as_slice(), &hash].concat()]);
    assert_eq!(bytes(pvm.durable(), "/left"), Some(b"what was asked for".to_vec()));
    assert_eq!(bytes(pvm.durable(), "/runs"), Some(vec![1, 0, 0, 0]));
}

#[test]
fn a_machine_goes_on_from_a_state_that_was_taken_apart() {
    let mut first = pvm(Version::V5, running("(drop (call $count))"));
    run(&mut first, 0);
    let values: Vec<_> = first.durable().values().map(|(key, value)| (key, value.clone())).collect();
    let durable = Durable::from_values(values).expect("good keys");
    assert_eq!(durable.hash(), first.durable().hash());
    let status =
        serde_json::from_str(&serde_json::to_string(&first.state().status).expect("JSON")).expect("a status");
    let mut second =
        Pvm::restore(machine(), ROLLUP, Arc::new(PreimageMap::default()), State::of(durable, status));
    assert_eq!(run(&mut first, 1), run(&mut second, 1));
    assert_eq!(first.durable().hash(), second.durable().hash());
}

#[test]
fn inputs_must_end_with_the_end_of_the_level() {
    let mut pvm = pvm(Version::V5, running(""));
    let mut inputs = level_inputs(INFO, None, &[]);
    assert_eq!(pvm.run_level(0, &[]), Err(PvmError::Inputs));
    assert_eq!(pvm.run_level(0, &inputs[..2]), Err(PvmError::Inputs));
    inputs.push(external(b"late"));
    assert_eq!(pvm.run_level(0, &inputs), Err(PvmError::Inputs));
}

#[test]
fn debug_output_is_streamed_once_even_when_a_run_is_done_again() {
    let streamed: Arc<Mutex<Vec<u8>>> = Arc::default();
    let mut pvm = pvm(Version::V5, talking_and_recursing());
    let sink = streamed.clone();
    pvm.stream_debug(Arc::new(move |piece| sink.lock().expect("a lock").extend_from_slice(piece)));
    let report = run(&mut pvm, 0);
    assert_eq!(outcomes(&report), [Outcome::Finished]);
    assert_eq!(report.debug, b"/runs/mark");
    assert_eq!(*streamed.lock().expect("a lock"), b"/runs/mark");
}

/// Says something before and after calls too deep for the shallow tier.
fn talking_and_recursing() -> Vec<u8> {
    kernel(
        "(func $f (param $n i32) (result i64) (local $x i64)
           (local.set $x (i64.load (i32.const 0)))
           (if (result i64) (local.get $n)
             (then (i64.add (local.get $x) (call $f (i32.sub (local.get $n) (i32.const 1)))))
             (else (local.get $x))))
         (func (export \"kernel_run\")
           (call $write_debug (i32.const 0) (i32.const 5))
           (drop (call $f (i32.const 50000)))
           (call $write_debug (i32.const 48) (i32.const 5)))",
    )
}

#[test]
fn a_table_that_no_host_has_room_for_is_a_kernel_that_does_not_boot() {
    let table = |elements: u32| {
        format!(
            "(table {elements} funcref) (func (export \"kernel_run\") (drop (table.grow (ref.null func) (i32.const -1))))"
        )
    };
    // Nor does a table grow so large; the kernel is told.
    let mut fits = pvm(Version::V5, kernel(&table(10_000_000)));
    assert_eq!(outcomes(&run(&mut fits, 0)), [Outcome::Finished]);
    let mut pvm = pvm(Version::V5, kernel(&table(u32::MAX)));
    let report = run(&mut pvm, 0);
    let detail = "a table of 4294967295 elements".to_owned();
    assert_eq!(report.status, Status::Stuck(Stuck::NoFallbackKernel { phase: BootPhase::Init, detail }));
}

#[test]
fn a_level_of_many_runs_keeps_what_each_of_them_wrote() {
    let mut pvm = pvm(
        Version::V5,
        running(
            "(drop (call $count)) (call $reboot) (drop (call $write_output (i32.const 1024) (i32.const 4)))
             (call $write_debug (i32.const 1024) (i32.const 4))",
        ),
    );
    let report = run(&mut pvm, 0);
    let runs: Vec<_> = (1..=1_001u32).map(u32::to_le_bytes).collect();
    assert_eq!(report.outbox, runs[..100], "a level has a hundred messages, whichever runs wrote them");
    assert_eq!(report.debug, runs.concat());
    assert_eq!(report.debug_call_sizes, [4; 1_001]);
}
