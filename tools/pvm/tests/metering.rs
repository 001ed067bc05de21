//! Operators and host calls are counted exactly, on both tiers.

use millrace_pvm::inputs::{LevelInfo, external, level_inputs};
use millrace_pvm::{
    LevelReport, Machine, MachineConfig, PreimageMap, Pvm, Refused, Rollup, Status, Stuck, Version, accept,
    with_operator_count,
};
use std::sync::Arc;

fn kernel(body: &str) -> Vec<u8> {
    let wat = format!(
        r#"(module
          (import "smart_rollup_core" "store_write" (func $store_write (param i32 i32 i32 i32 i32) (result i32)))
          (import "smart_rollup_core" "store_read" (func $store_read (param i32 i32 i32 i32 i32) (result i32)))
          (import "smart_rollup_core" "read_input" (func $read_input (param i32 i32 i32) (result i32)))
          (import "smart_rollup_core" "write_output" (func $write_output (param i32 i32) (result i32)))
          (memory 1) (export "memory" (memory 0)) (data (i32.const 0) "/a")
          (table 1 funcref) (elem (i32.const 0) $two)
          (func $two (drop (i64.const 1)))
          (func $early (param i32) (result i32)
            (if (local.get 0) (then (return (i32.const 5)))) (i32.const 6))
          (global $g (mut i32) (i32.const 0))
          (func $start (global.set $g (i32.const 1))) (start $start)
          (func (export "kernel_run") (local $n i32) {body}))"#
    );
    wat::parse_str(wat).expect("a kernel")
}

fn run(metered: bool, version: Version, kernel: Vec<u8>) -> LevelReport {
    let machine = Machine::new(MachineConfig { metered, ..MachineConfig::default() }).expect("a machine");
    let rollup = Rollup { address: [0; 20], origination_level: 0 };
    let mut pvm = Pvm::originate(machine, rollup, Arc::new(PreimageMap::default()), version, kernel);
    let info = LevelInfo { predecessor_timestamp: 0, predecessor: [0; 32] };
    pvm.run_level(0, &level_inputs(info, None, &[external(b"12345")])).expect("a level")
}

#[test]
fn operators_are_counted_block_by_block() {
    let cases = [
        ("", 0),
        ("(nop) (block (nop))", 0),
        ("(drop (i32.const 1))", 2),
        (
            "(loop $l (br_if $l (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 10))))",
            70,
        ),
        ("(if (i32.const 1) (then (drop (i32.const 1))) (else (nop)))", 4),
        ("(if (i32.const 0) (then (drop (i32.const 1))) (else (call $two)))", 5),
        ("(if (i32.const 0) (then (drop (i32.const 1))))", 2),
        ("(block (br 0) (drop (i32.const 1)))", 1),
        ("(block (block (br_table 0 1 (i32.const 0))) (drop (i32.const 1)))", 4),
        ("(block (block (br_table 0 1 (i32.const 1))) (drop (i32.const 1)))", 2),
        ("(memory.fill (i32.const 64) (i32.const 0) (i32.const 1000))", 4),
        ("(drop (i32.const 1)) (unreachable)", 3),
        ("(call_indirect (i32.const 0))", 4),
        ("(drop (call $early (i32.const 1)))", 7),
        ("(drop (call $early (i32.const 0)))", 6),
        (
            "(drop (call $store_read (i32.const 0) (i32.const 2) (i32.const 0) (i32.const 0) (i32.const 0)))",
            7,
        ),
    ];
    for (body, operators) in cases {
        // The first version counts frames too, which must not disturb the count of operators.
        for version in [Version::V0, Version::V5] {
            let report = run(true, version, kernel(body));
            assert_eq!(report.runs[0].operators, Some(operators), "{body} at {version:?}");
        }
        assert_eq!(run(false, Version::V5, kernel(body)).runs[0].operators, None);
        assert!(with_operator_count(&kernel(body)).is_ok());
    }
}

#[test]
fn host_calls_and_their_bytes_are_counted() {
    let body =
        "(drop (call $store_write (i32.const 0) (i32.const 2) (i32.const 0) (i32.const 0) (i32.const 100)))
        (drop (call $store_read (i32.const 0) (i32.const 2) (i32.const 40) (i32.const 0) (i32.const 2048)))
        (drop (call $store_read (i32.const 0) (i32.const 1) (i32.const 40) (i32.const 0) (i32.const 2048)))
        (drop (call $read_input (i32.const 4096) (i32.const 5000) (i32.const 4096)))
        (drop (call $write_output (i32.const 0) (i32.const 7)))";
    let host_use = run(false, Version::V5, kernel(body)).runs[0].host_use.clone();
    let calls: Vec<_> = host_use.calls.iter().map(|(name, calls)| (*name, *calls)).collect();
    assert_eq!(calls, [("read_input", 1), ("store_read", 2), ("store_write", 1), ("write_output", 1)]);
    assert_eq!(host_use.calls_total(), 5);
    assert_eq!((host_use.store_written_bytes, host_use.store_read_bytes), (100, 60));
    assert_eq!((host_use.input_bytes, host_use.output_bytes), (2, 7));
}

#[test]
fn floats_are_refused_by_the_name_of_their_function() {
    let refused = |wat: &str| accept(&wat::parse_str(wat).expect("a module")).expect_err("floats");
    assert_eq!(
        refused("(module (func) (func $guilty (drop (f64.add (f64.const 1) (f64.const 2)))))"),
        Refused::Float { place: "function 1 (guilty)".into() }
    );
    for wat in [
        "(module (type (func (param f32))))",
        "(module (global f64 (f64.const 0)))",
        "(module (func (local f32)))",
        "(module (func (result i32) (block (result f32) (unreachable)) (unreachable)))",
        "(module (func (drop (f32x4.add (v128.const i32x4 0 0 0 0) (v128.const i32x4 0 0 0 0)))))",
        "(module (func (drop (i32.trunc_f32_s (f32.const 1)))))",
    ] {
        assert!(matches!(refused(wat), Refused::Float { .. }), "{wat}");
    }
    for wat in [
        "(module (memory i64 1))",
        "(module (func $f (return_call $f)))",
        "(module (memory 1 1 shared))",
        "(module (tag))",
    ] {
        assert!(matches!(refused(wat), Refused::Invalid { .. }), "{wat}");
    }
    for wat in [
        "(module (func (unreachable) (i32.trunc_sat_f32_s) (drop)))",
        "(module (func (drop (i32x4.add (v128.const i32x4 0 0 0 0) (v128.const i32x4 0 0 0 0)))))",
        "(module (table 1 externref) (func (result i32 i64) (i32.const 1) (i64.const 2)))",
    ] {
        assert!(accept(&wat::parse_str(wat).expect("a module")).is_ok(), "{wat}");
    }
}

#[test]
fn bytes_of_bulk_memory_and_pages_are_counted() {
    let cases = [
        ("", 0, 1),
        ("(memory.fill (i32.const 64) (i32.const 0) (i32.const 1000))", 1_000, 1),
        ("(memory.copy (i32.const 64) (i32.const 0) (i32.const 0))", 0, 1),
        (
            "(memory.copy (i32.const 64) (i32.const 0) (i32.const 30)) (drop (memory.grow (i32.const 3)))
             (memory.fill (i32.const 100000) (i32.const 7) (i32.const 100000))",
            100_030,
            4,
        ),
    ];
    for (body, bytes, pages) in cases {
        for version in [Version::V0, Version::V5] {
            let report = run(true, version, kernel(body));
            let run = &report.runs[0];
            assert_eq!((run.bulk_bytes, run.memory_pages), (Some(bytes), Some(pages)), "{body}");
        }
        let report = run(false, Version::V5, kernel(body));
        assert_eq!((report.runs[0].bulk_bytes, report.runs[0].memory_pages), (None, Some(pages)), "{body}");
    }
}

#[test]
fn a_machine_can_be_told_to_stop_at_fewer_frames() {
    let deepest = |call_depth_limit| {
        let config = MachineConfig { call_depth_limit, ..MachineConfig::default() };
        let rollup = Rollup { address: [0; 20], origination_level: 0 };
        let preimages = Arc::new(PreimageMap::default());
        let machine = Machine::new(config).expect("a machine");
        let mut pvm = Pvm::originate(
            machine,
            rollup,
            preimages,
            Version::V5,
            kernel("(drop (call $early (i32.const 1)))"),
        );
        let info = LevelInfo { predecessor_timestamp: 0, predecessor: [0; 32] };
        pvm.run_level(0, &level_inputs(info, None, &[])).expect("a level").status
    };
    assert_eq!(deepest(Some(3)), Status::WaitingForInput);
    assert_eq!(deepest(Some(2)), Status::Stuck(Stuck::CallStackExhausted));
    assert_eq!(deepest(None), Status::WaitingForInput);
}
