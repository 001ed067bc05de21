//! A kernel called outside of levels.

use millrace_pvm::durable::{Durable, Key};
use millrace_pvm::{
    BOOT_KEY, BootPhase, Caller, FALLBACK_KEY, KERNEL_ENTRY, Machine, MachineConfig, NODE_ENTRY, Outcome,
    PreimageMap, PvmError, Rollup, Trap, reveal::reveal_hash,
};
use std::sync::{Arc, OnceLock};

const VERSION_KEY: Key<'static> = Key::constant("/readonly/wasm_version");

/// Imports and data that the kernels below share.
const PRELUDE: &str = r#"
  (import "smart_rollup_core" "store_write" (func $store_write (param i32 i32 i32 i32 i32) (result i32)))
  (import "smart_rollup_core" "read_input" (func $read_input (param i32 i32 i32) (result i32)))
  (import "smart_rollup_core" "reveal_preimage" (func $reveal (param i32 i32 i32 i32) (result i32)))
  (import "smart_rollup_core" "write_debug" (func $write_debug (param i32 i32)))
  (memory 1) (export "memory" (memory 0))
  (data (i32.const 0) "/node") (data (i32.const 16) "/rollup")
  (func $note (param $key i32) (param $n i32) (param $value i32)
    (i32.store (i32.const 1024) (local.get $value))
    (drop (call $store_write (local.get $key) (local.get $n) (i32.const 0) (i32.const 1024) (i32.const 1))))
  (func (export "kernel_run") (call $note (i32.const 16) (i32.const 7) (i32.const 1)))
"#;

fn kernel(rest: &str) -> Vec<u8> {
    wat::parse_str(format!("(module {PRELUDE} {rest})")).unwrap()
}

/// One whose function for nodes has this body.
fn for_nodes(body: &str) -> Vec<u8> {
    kernel(&format!("(func (export \"node_run\") {body})"))
}

fn caller(preimages: PreimageMap) -> Caller {
    static MACHINE: OnceLock<Machine> = OnceLock::new();
    let machine = MACHINE.get_or_init(|| Machine::new(MachineConfig::default()).unwrap()).clone();
    Caller::new(machine, Rollup { address: [7; 20], origination_level: 0 }, Arc::new(preimages))
}

fn booted(kernel: Vec<u8>) -> Durable {
    let mut durable = Durable::new();
    durable.set(VERSION_KEY, b"2.0.0-r5".as_slice());
    durable.set(BOOT_KEY, kernel);
    durable
}

fn call(durable: &mut Durable, debug: &mut Vec<u8>) -> Result<Outcome, PvmError> {
    caller(PreimageMap::default()).call(NODE_ENTRY, durable, debug)
}

fn has(durable: &Durable, key: &str) -> bool {
    durable.get(key).is_some()
}

#[test]
fn each_function_is_called_by_its_name() {
    let mut durable = booted(for_nodes("(call $note (i32.const 0) (i32.const 5) (i32.const 2))"));
    let start = durable.clone();
    assert_eq!(call(&mut durable, &mut Vec::new()), Ok(Outcome::Finished));
    assert_eq!((has(&durable, "/node"), has(&durable, "/rollup")), (true, false));
    assert_eq!(durable.get(FALLBACK_KEY.as_str()), durable.get(BOOT_KEY.as_str()), "it has started");
    durable = start;
    let called = caller(PreimageMap::default()).call(KERNEL_ENTRY, &mut durable, &mut Vec::new());
    assert_eq!(called, Ok(Outcome::Finished));
    assert_eq!((has(&durable, "/node"), has(&durable, "/rollup")), (false, true));
}

#[test]
fn there_is_no_inbox_and_debug_output_is_gathered() {
    let body = "(call $note (i32.const 0) (i32.const 5)
                    (call $read_input (i32.const 2048) (i32.const 4096) (i32.const 100)))
                (call $write_debug (i32.const 0) (i32.const 5))";
    let mut durable = booted(for_nodes(body));
    let mut debug = b"before ".to_vec();
    assert_eq!(call(&mut durable, &mut debug), Ok(Outcome::Finished));
    assert_eq!(durable.get("/node").unwrap().to_bytes().as_ref(), [0]);
    assert_eq!(debug, b"before /node");
}

#[test]
fn a_trap_leaves_what_was_written() {
    let mut durable = booted(for_nodes("(call $note (i32.const 0) (i32.const 5) (i32.const 1)) unreachable"));
    assert_eq!(call(&mut durable, &mut Vec::new()), Ok(Outcome::Trapped(Trap::Unreachable)));
    assert!(has(&durable, "/node"));
}

#[test]
fn a_kernel_without_the_function_is_an_error_and_nothing_changes() {
    let mut durable = booted(kernel(""));
    let before = durable.clone();
    let missing = PvmError::FunctionMissing { function: NODE_ENTRY };
    assert_eq!(call(&mut durable, &mut Vec::new()), Err(missing));
    assert!(durable.is_same(&before));
}

#[test]
fn one_that_does_not_start_gives_way_to_the_last_that_did() {
    let good = for_nodes("");
    let mut durable = booted(good.clone());
    assert_eq!(call(&mut durable, &mut Vec::new()), Ok(Outcome::Finished));
    durable.set(BOOT_KEY, b"no module".as_slice());
    let outcome = call(&mut durable, &mut Vec::new()).unwrap();
    assert!(matches!(outcome, Outcome::FellBack { phase: BootPhase::Decode, .. }), "{outcome:?}");
    assert_eq!(durable.get(BOOT_KEY.as_str()).unwrap().to_bytes().as_ref(), good);
}

#[test]
fn a_missing_preimage_is_an_error_and_a_found_one_is_not() {
    let page = b"a page";
    let hash: String = reveal_hash(page).iter().map(|byte| format!("\\{byte:02x}")).collect();
    let body = format!(
        "(func (export \"node_run\") (call $note (i32.const 0) (i32.const 5)
            (call $reveal (i32.const 64) (i32.const 33) (i32.const 2048) (i32.const 100))))
         (data (i32.const 64) \"{hash}\")"
    );
    let mut durable = booted(kernel(&body));
    let missing = PvmError::PreimageMissing { hash: reveal_hash(page) };
    assert_eq!(call(&mut durable, &mut Vec::new()), Err(missing));
    assert!(!has(&durable, "/node"));
    let mut preimages = PreimageMap::default();
    preimages.insert(page.to_vec());
    assert_eq!(caller(preimages).call(NODE_ENTRY, &mut durable, &mut Vec::new()), Ok(Outcome::Finished));
    assert_eq!(durable.get("/node").unwrap().to_bytes().as_ref(), [page.len() as u8]);
}
