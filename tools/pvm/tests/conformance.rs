//! One kernel, one run, all host functions: the codes that the Octez PVM gave, call by call.

use millrace_pvm::inputs::{LevelInfo, external, level_inputs};
use millrace_pvm::{Machine, MachineConfig, Outcome, PreimageMap, Pvm, Rollup, Version};
use std::fmt::Write;
use std::sync::Arc;

/// Where literals begin.
const LITERALS: usize = 2_000;
/// Where host functions put bytes.
const BUFFER: usize = 16_384;
/// Where results are collected.
const RESULTS: usize = 40_960;
/// The memory is one page.
const MEMORY_BYTES: usize = 65_536;

/// A list of host calls with the result that each must have.
#[derive(Default)]
struct Script {
    literals: String,
    literal_bytes: usize,
    calls: Vec<(String, String, i32)>,
}

impl Script {
    /// Address and size of some bytes in memory, as two operands.
    fn literal(&mut self, bytes: &str) -> String {
        let at = LITERALS + self.literal_bytes;
        write!(self.literals, "(data (i32.const {at}) \"{bytes}\")").unwrap();
        self.literal_bytes += bytes.len();
        assert!(LITERALS + self.literal_bytes < BUFFER);
        format!("(i32.const {at}) (i32.const {})", bytes.len())
    }

    fn expect(&mut self, label: &str, expression: String, result: i32) {
        self.calls.push((label.to_owned(), expression, result));
    }

    /// A function of a key alone, or of a key and further integers.
    fn on(&mut self, function: &str, key: &str, arguments: &[i32], result: i32) {
        let operands = self.literal(key);
        let arguments: String = arguments.iter().map(|n| format!(" (i32.const {n})")).collect();
        let label = format!("{function} {} {arguments}", &key[..key.len().min(30)]);
        self.expect(&label, format!("(call ${function} {operands}{arguments})"), result);
    }

    fn on_two(&mut self, function: &str, from: &str, to: &str, result: i32) {
        let operands = format!("{} {}", self.literal(from), self.literal(to));
        self.expect(&format!("{function} {from} {to}"), format!("(call ${function} {operands})"), result);
    }

    fn write(&mut self, key: &str, offset: i32, size: i32, result: i32) {
        self.on("store_write", key, &[offset, 0, size], result);
    }

    fn read(&mut self, key: &str, offset: i32, max: i32, result: i32) {
        self.on("store_read", key, &[offset, BUFFER as i32, max], result);
    }

    fn list(&mut self, key: &str, result: i32) {
        let operands = self.literal(key);
        self.expect(
            &format!("list {key}"),
            format!("(i32.wrap_i64 (call $store_list_size {operands}))"),
            result,
        );
    }

    fn child(&mut self, key: &str, index: i64, max: i32) -> String {
        let operands = self.literal(key);
        format!(
            "(call $store_get_nth_key {operands} (i64.const {index}) (i32.const {BUFFER}) (i32.const {max}))"
        )
    }

    /// 1,000 × the length of a child's name + its first byte.
    fn nth(&mut self, index: i64, result: i32) {
        let call = self.child("/o", index, 64);
        let value = format!("(i32.add (i32.mul (i32.const 1000) {call}) (i32.load8_u (i32.const {BUFFER})))");
        self.expect(&format!("nth {index}"), value, result);
    }

    fn output(&mut self, from: i32, size: i32, result: i32) {
        let call = format!("(call $write_output (i32.const {from}) (i32.const {size}))");
        self.expect(&format!("output {size}"), call, result);
    }

    fn input(&mut self, label: &str, (info, to, max): (i32, i32, i32), result: i32) {
        let call = format!("(call $read_input (i32.const {info}) (i32.const {to}) (i32.const {max}))");
        self.expect(label, call, result);
    }

    fn loaded(&mut self, label: &str, at: usize, result: i32) {
        self.expect(label, format!("(i32.load (i32.const {at}))"), result);
    }

    fn wat(&self) -> String {
        let mut calls = String::new();
        for (index, (_, expression, _)) in self.calls.iter().enumerate() {
            writeln!(calls, "(i32.store (i32.const {}) {expression})", RESULTS + 4 * index).unwrap();
        }
        format!(
            r#"(module {IMPORTS} (memory 1) (export "memory" (memory 0)) (data (i32.const 1500) "/results")
            {} (func (export "kernel_run") {calls}
            (drop (call $store_write (i32.const 1500) (i32.const 8) (i32.const 0) (i32.const {RESULTS}) (i32.const {})))))"#,
            self.literals,
            4 * self.calls.len()
        )
    }
}

const IMPORTS: &str = r#"
  (import "smart_rollup_core" "store_write" (func $store_write (param i32 i32 i32 i32 i32) (result i32)))
  (import "smart_rollup_core" "store_read" (func $store_read (param i32 i32 i32 i32 i32) (result i32)))
  (import "smart_rollup_core" "store_has" (func $store_has (param i32 i32) (result i32)))
  (import "smart_rollup_core" "store_exists" (func $store_exists (param i32 i32) (result i32)))
  (import "smart_rollup_core" "store_value_size" (func $store_value_size (param i32 i32) (result i32)))
  (import "smart_rollup_core" "store_delete" (func $store_delete (param i32 i32) (result i32)))
  (import "smart_rollup_core" "store_delete_value" (func $store_delete_value (param i32 i32) (result i32)))
  (import "smart_rollup_core" "store_copy" (func $store_copy (param i32 i32 i32 i32) (result i32)))
  (import "smart_rollup_core" "store_move" (func $store_move (param i32 i32 i32 i32) (result i32)))
  (import "smart_rollup_core" "store_create" (func $store_create (param i32 i32 i32) (result i32)))
  (import "smart_rollup_core" "store_list_size" (func $store_list_size (param i32 i32) (result i64)))
  (import "smart_rollup_core" "store_get_nth_key" (func $store_get_nth_key (param i32 i32 i64 i32 i32) (result i32)))
  (import "smart_rollup_core" "__internal_store_get_hash" (func $get_hash (param i32 i32 i32 i32) (result i32)))
  (import "smart_rollup_core" "write_output" (func $write_output (param i32 i32) (result i32)))
  (import "smart_rollup_core" "read_input" (func $read_input (param i32 i32 i32) (result i32)))"#;

fn values(script: &mut Script) {
    for (offset, size, code) in
        [(0, 2048, 0), (0, 2049, -7), (2048, 10, 0), (2059, 1, -4), (-1, 1, -8), (0, -1, -5)]
    {
        script.write("/a", offset, size, code);
    }
    script.write("/e", 0, 0, 0);
    script.write("/n", 1, 1, -4);
    script.on("store_has", "/n", &[], 0);
    script.on("store_value_size", "/a", &[], 2058);
    script.on("store_value_size", "/e", &[], 0);
    script.on("store_value_size", "/miss", &[], -3);
    script.read("/a", 0, 2048, 2048);
    script.read("/a", 0, 2049, -7);
    script.read("/miss", 0, 2049, -7);
    script.read("/miss", 0, 10, -3);
    script.read("/a", 2058, 10, -4);
    script.read("/a", 2057, 10, 1);
    script.read("/a", 0, 0, 0);
    script.read("/a", 0, -1, -8);
    script.read("/a", -1, 10, -4);
    script.read("/e", 0, 10, -4);
    script.on("store_read", "/a", &[0, MEMORY_BYTES as i32 - 5, 10], -6);
}

fn keys(script: &mut Script) {
    script.write(&format!("/{}", "k".repeat(239)), 0, 1, 0);
    script.write(&format!("/{}", "k".repeat(240)), 0, 1, -1);
    for (key, code) in [("", -9), ("a", -2), ("/", -2), ("/a/", -2), ("//a", -2), ("/ ", -2), ("/@", -2)] {
        script.write(key, 0, 1, code);
    }
    script.write("/AZaz09._-", 0, 1, 0);
    script.expect("key of size -1", "(call $store_has (i32.const 0) (i32.const -1))".into(), -8);
    script.expect("key out of memory", "(call $store_has (i32.const 65530) (i32.const 10))".into(), -6);
    script.write("/.", 0, 1, 0);
}

fn nodes(script: &mut Script) {
    script.on("store_has", "/a", &[], 1);
    script.write("/d/x", 0, 1, 0);
    script.on("store_has", "/d", &[], 2);
    script.write("/d", 0, 1, 0);
    for (key, kind) in [("/d", 3), ("/miss", 0)] {
        script.on("store_has", key, &[], kind);
        script.on("store_exists", key, &[], i32::from(kind != 0));
    }
    script.list("/d", 2);
    script.list("/miss", 0);
    script.list("bad", -2);
    for (key, code) in [("/miss", 0), ("/readonly/x", -9), ("/readonly", -9)] {
        script.on("store_delete", key, &[], code);
    }
    script.write("/readonly/x", 0, 1, -9);
    script.write("/readonly/x", 0, 2049, -9);
    script.write("/readonlyx", 0, 1, 0);
    script.on("store_delete_value", "/readonly/x", &[], -9);
    script.on("store_has", "/readonly", &[], 2);
}

fn copies_and_moves(script: &mut Script) {
    script.on_two("store_copy", "/miss", "/x", -10);
    script.on_two("store_copy", "/a", "/readonly/x", -9);
    script.on_two("store_copy", "/miss", "/readonly/x", -9);
    script.on_two("store_copy", "/readonly/wasm_version", "/v", 0);
    script.on("store_value_size", "/v", &[], 8);
    script.on_two("store_copy", "/d", "/d", 0);
    script.on_two("store_copy", "/d", "/d/sub", 0);
    script.on("store_has", "/d/sub/x", &[], 1);
    script.on("store_has", "/d/sub/sub", &[], 0);
    script.write("/t/z", 0, 1, 0);
    script.on_two("store_copy", "/d", "/t", 0);
    script.on("store_has", "/t/z", &[], 0);
    script.on_two("store_move", "/miss", "/x", -10);
    script.on_two("store_move", "/readonly/wasm_version", "/x", -9);
    script.on_two("store_move", "/a", "/readonly/x", -9);
    script.on_two("store_move", "/t", "/u", 0);
    script.on("store_has", "/t", &[], 0);
    script.on_two("store_move", "/u", "/u", 0);
    script.on("store_has", "/u", &[], 3);
    script.on_two("store_move", "/u", "/u/c", 0);
    for (key, kind) in [("/u", 2), ("/u/c", 3), ("/u/c/x", 1)] {
        script.on("store_has", key, &[], kind);
    }
    script.on_two("store_move", "/u/c", "/u", 0);
    script.on("store_has", "/u/x", &[], 1);
}

fn children(script: &mut Script) {
    for name in ["/b", "/a", "/B", "/9", "/-", "/_", "/.", ""] {
        script.write(&format!("/o{name}"), 0, 1, 0);
    }
    script.list("/o", 8);
    // The value itself has no name, so the byte of the name before is still there.
    let first_bytes = [1045, 1046, 1057, 57, 1066, 1095, 1097, 1098, -11_902];
    for (index, value) in first_bytes.into_iter().enumerate() {
        script.nth(index as i64, value);
    }
    let call = script.child("/o", -1, 64);
    script.expect("nth negative", call, -12);
    let call = script.child("/miss", 0, 64);
    script.expect("nth of nothing", call, -10);
    let call = script.child("/o", 0, 0);
    script.expect("nth with max 0", call, 0);
    script.on("store_delete_value", "/o", &[], 0);
    script.on("store_has", "/o", &[], 2);
    script.on("store_delete", "/o/a", &[], 0);
}

fn creations_and_hashes(script: &mut Script) {
    for (key, size, code) in [("/c", 10, 0), ("/c", 10, -13), ("/neg", -1, -5), ("/readonly/c", 10, -9)] {
        script.on("store_create", key, &[size], code);
    }
    script.on("store_value_size", "/c", &[], 10);
    script.read("/c", 0, 100, 10);
    script.on("store_create", "/c0", &[0], 0);
    script.on("store_has", "/c0", &[], 1);
    script.on("store_create", "/cm", &[i32::MAX], 0);
    script.on("store_value_size", "/cm", &[], i32::MAX);
    script.write("/cm", i32::MAX, 1, -5);
    script.write("/cm", 0, 1, -5);
    script.write("/cm", 0, 0, 0);
    for (max, result) in [(32, 32), (100, 32), (5, 5)] {
        script.on("get_hash", "/d", &[BUFFER as i32, max], result);
    }
    script.on("get_hash", "/miss", &[BUFFER as i32, 32], -10);
}

fn messages(script: &mut Script) {
    for (from, size, code) in [(0, 4096, 0), (0, 4097, -7), (0, 0, 0), (0, -1, -8), (65_530, 10, -6)] {
        script.output(from, size, code);
    }
    for _ in 0..98 {
        script.output(0, 1, 0);
    }
    script.output(0, 1, -11);
    let (info, to) = (BUFFER as i32, BUFFER as i32 + 16);
    script.input("buffer that ends with the memory", (info, (MEMORY_BYTES - 4096) as i32, 4096), -6);
    script.input("info that ends with the memory", ((MEMORY_BYTES - 8) as i32, to, 4096), -6);
    script.input("negative size", (info, to, -1), -6);
    script.input("start of level", (info, to, 4096), 2);
    script.loaded("its level", BUFFER, 0);
    script.loaded("its index", BUFFER + 4, 0);
    script.input("info per level, cut", (info, to, 5), 5);
    script.loaded("its index", BUFFER + 4, 1);
    script.input("external message, size 0", (info, to, 0), 0);
    script.input("end of level", (info, to, 4096), 2);
    script.loaded("its index", BUFFER + 4, 3);
    script.input("nothing more", (info, to, 4096), 0);
    script.on("store_read", "/readonly/kernel/env/reboot_counter", &[0, BUFFER as i32, 10], 4);
    script.loaded("reboots left", BUFFER, 1000);
    script.on("store_has", "/kernel/env/reboot", &[], 0);
    script.on("store_has", "/readonly/kernel/boot.wasm", &[], 1);
}

#[test]
fn every_host_function_answers_as_octez_did() {
    let mut script = Script::default();
    for part in [values, keys, nodes, copies_and_moves, children, creations_and_hashes, messages] {
        part(&mut script);
    }
    let kernel = wat::parse_str(script.wat()).expect("a kernel");
    for version in [Version::V5, Version::V6] {
        let rollup = Rollup { address: [0; 20], origination_level: 0 };
        let machine = Machine::new(MachineConfig::default()).expect("a machine");
        let mut pvm =
            Pvm::originate(machine, rollup, Arc::new(PreimageMap::default()), version, kernel.clone());
        let info = LevelInfo { predecessor_timestamp: 0, predecessor: [0; 32] };
        let inputs = level_inputs(info, None, &[external(b"hello")]);
        let report = pvm.run_level(0, &inputs).expect("a level");
        assert_eq!(report.runs[0].outcome, Outcome::Finished);
        assert_eq!(report.outbox.len(), 100);
        let results = pvm.durable().get("/results").expect("results").to_bytes().into_owned();
        assert_eq!(results.len(), 4 * script.calls.len());
        for ((label, _, expected), result) in script.calls.iter().zip(results.chunks(4)) {
            let result = i32::from_le_bytes(result.try_into().expect("4 bytes"));
            assert_eq!(result, *expected, "{label} at {version:?}");
        }
    }
}
