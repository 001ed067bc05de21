//! Where a kernel that is no sound module fails: Octez decodes without validating, so what does not validate may
//! still decode, link and initialise.

use millrace_pvm::inputs::{LevelInfo, level_inputs};
use millrace_pvm::{
    BootPhase, Machine, MachineConfig, PreimageMap, Pvm, Rollup, Status, Stuck, Version, accept,
};
use std::sync::{Arc, OnceLock};

fn status(kernel: Vec<u8>) -> Status {
    static MACHINE: OnceLock<Machine> = OnceLock::new();
    let config = MachineConfig { counts_ticks: true, ..MachineConfig::default() };
    let machine = MACHINE.get_or_init(|| Machine::new(config).expect("a machine")).clone();
    let rollup = Rollup { address: [0; 20], origination_level: 0 };
    let mut pvm = Pvm::originate(machine, rollup, Arc::new(PreimageMap::default()), Version::V5, kernel);
    let info = LevelInfo { predecessor_timestamp: 0, predecessor: [0; 32] };
    let report = pvm.run_level(0, &level_inputs(info, None, &[])).expect("a level");
    assert!(report.runs[0].ticks.is_some_and(|ticks| ticks.decode > 0));
    report.status
}

fn phase(kernel: Vec<u8>) -> Option<BootPhase> {
    match status(kernel) {
        Status::WaitingForInput => None,
        Status::Stuck(Stuck::NoFallbackKernel { phase, .. }) => Some(phase),
        Status::Stuck(other) => panic!("{other}"),
    }
}

fn module(text: &str) -> Vec<u8> {
    wat::parse_str(text).expect("a module")
}

/// The rest of a module that boots.
const SOUND: &str = r#"(memory 1) (export "m" (memory 0)) (func (export "kernel_run"))"#;

#[test]
fn what_decodes_and_does_not_validate_fails_to_initialise() {
    let cases = [
        // A global of another type than its value, a memory beyond what there can be, one smaller than itself.
        format!("(module {SOUND} (global i32 (i64.const 1)))"),
        r#"(module (memory 65537) (export "m" (memory 0)) (func (export "kernel_run")))"#.to_owned(),
        r#"(module (memory 2 1) (export "m" (memory 0)) (func (export "kernel_run")))"#.to_owned(),
        // A start function that takes something, an export of nothing, elements that are no functions.
        format!("(module {SOUND} (func $s (param i32)) (start $s))"),
        format!("(module {SOUND} (export \"x\" (func 7)))"),
        format!("(module {SOUND} (table 1 funcref) (elem (i32.const 0) 9))"),
    ];
    for text in cases {
        let module = module(&text);
        assert!(accept(&module).is_err(), "{text}");
        assert_eq!(phase(module), Some(BootPhase::Init), "{text}");
    }
}

#[test]
fn links_are_looked_for_before_anything_is_initialised() {
    let text =
        format!(r#"(module (import "smart_rollup_core" "unknown" (func)) {SOUND} (export "x" (func 7)))"#);
    assert_eq!(phase(module(&text)), Some(BootPhase::Link));
    let text = r#"(module (import "smart_rollup_core" "store_has" (func)) (export "m" (memory 0)) (memory 1)
        (func (export "kernel_run")))"#;
    assert_eq!(phase(module(text)), Some(BootPhase::Init));
}

#[test]
fn what_validates_and_does_not_decode_is_refused() {
    let cases = [
        // Instructions on a memory other than the first.
        format!("(module {SOUND} (memory 1) (func (drop (memory.size 1))))"),
        format!("(module {SOUND} (memory 1) (func (drop (i32.load 1 (i32.const 0)))))"),
        format!(
            "(module {SOUND} (memory 1) (func (memory.copy 1 0 (i32.const 0) (i32.const 0) (i32.const 0))))"
        ),
        format!(
            "(module {SOUND} (memory 1) (func (memory.fill 1 (i32.const 0) (i32.const 0) (i32.const 0))))"
        ),
        format!("(module {SOUND} (memory 1) (func (drop (v128.load 1 (i32.const 0)))))"),
    ];
    for text in cases {
        assert_eq!(phase(module(&text)), Some(BootPhase::Decode), "{text}");
    }
    // With a second memory that no instruction names it boots.
    assert_eq!(phase(module(&format!("(module {SOUND} (memory 1))"))), None);
}

/// `memory.init` needs the section that says how many segments there are, which comes before the code.
#[test]
fn data_operators_need_the_count_of_segments() {
    let text = format!(
        "(module {SOUND} (data $d \"abc\") (func (memory.init $d (i32.const 0) (i32.const 0) (i32.const 1))))"
    );
    let whole = module(&text);
    assert_eq!(phase(whole.clone()), None);
    let count = [12, 1, 1];
    let at = whole.windows(3).position(|window| window == count).expect("the section");
    let without = [&whole[..at], &whole[at + 3..]].concat();
    assert_eq!(phase(without), Some(BootPhase::Decode));
    let wrong = [&whole[..at], &[12, 1, 2], &whole[at + 3..]].concat();
    assert_eq!(phase(wrong), Some(BootPhase::Decode));
}

#[test]
fn an_entry_that_is_no_function_is_none() {
    let text = r#"(module (memory 1) (export "kernel_run" (memory 0)))"#;
    assert_eq!(status(module(text)), Status::Stuck(Stuck::NoEntry));
    let imported = r#"(module (import "smart_rollup_core" "write_debug" (func $d (param i32 i32))) (memory 1)
        (export "m" (memory 0)) (export "kernel_run" (func $d)))"#;
    assert_eq!(status(module(imported)), Status::Stuck(Stuck::EntryWithParameters));
}

#[test]
fn a_module_that_is_cut_boots_only_without_its_last_section() {
    let text = format!(
        "(module (import \"smart_rollup_core\" \"store_has\" (func (param i32 i32) (result i32))) {SOUND}
           (table 2 funcref) (elem (i32.const 0) 0) (data (i32.const 0) \"abc\") (global i32 (i32.const 1))
           (func (local i32 i64) (if (local.get 0) (then (nop)) (else (loop (br 0))))))"
    );
    let whole = module(&text);
    assert_eq!(phase(whole.clone()), None);
    let boots = |end: &usize| status(whole[..*end].to_vec()) == Status::WaitingForInput;
    let data_section = whole.len() - "abc".len() - 8;
    assert_eq!((0..whole.len()).filter(boots).collect::<Vec<_>>(), [data_section]);
}
