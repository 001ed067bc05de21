//! Each rule, broken once.

use crate::{ArtifactError, ImportFault, Purpose, PvmVersion, check};

/// A module with a memory and an entry, and `more`.
fn module(more: &str) -> Vec<u8> {
    // Imports must come before everything else.
    let text = format!(r#"(module {more} (memory (export "memory") 2) (func (export "kernel_run")))"#);
    wat::parse_str(text).expect("the test's module")
}

fn refusal(module: &[u8]) -> ArtifactError {
    check(module, Purpose::Kernel).expect_err("the module breaks a rule")
}

fn text(text: &str) -> Vec<u8> {
    wat::parse_str(text).expect("the test's module")
}

#[test]
fn a_plain_kernel_passes_and_is_measured() {
    let module = module(
        r#"(import "smart_rollup_core" "store_has" (func (param i32 i32) (result i32)))
           (import "smart_rollup_core" "store_exists" (func (param i32 i32) (result i32)))
           (global (mut i32) (i32.const 1024))
           (func (drop (call 0 (i32.const 1) (i32.const 2))) (memory.copy (i32.const 0) (i32.const 1) (i32.const 2))
                 (drop (i32.extend8_s (i32.const 1))))"#,
    );
    let report = check(&module, Purpose::Kernel).expect("a good module");
    assert_eq!(report.size_bytes, module.len());
    assert_eq!(report.imports.iter().map(|i| i.name).collect::<Vec<_>>(), ["store_has", "store_exists"]);
    assert_eq!(report.pvm_version, PvmVersion::V2);
    assert_eq!(report.functions, 2);
    // 4 of the host call, 4 of the copy, 3 of the extension, 2 ends.
    assert_eq!(report.operators, 13);
    assert_eq!(report.memory_pages, 2);
    let names: Vec<&str> = report.sections.iter().map(|s| s.name.as_str()).collect();
    assert_eq!(names, ["type", "import", "function", "memory", "global", "export", "code"]);
    let headers: usize = module.len() - report.sections.iter().map(|s| s.size_bytes).sum::<usize>();
    // 8 bytes of the module's header; one byte of kind and one of size for each section.
    assert_eq!(headers, 8 + 2 * names.len());
    assert!(report.to_string().contains("2.0.0-r2 or later"));
}

#[test]
fn floats_are_refused_wherever_they_are() {
    let error = refusal(&module("(type (func (param f64)))"));
    assert_eq!(error, ArtifactError::ValueType { section: "type", index: 0, value_type: "f64".to_owned() });
    let error = refusal(&module("(global f32 (f32.const 0))"));
    assert!(matches!(error, ArtifactError::ValueType { section: "global", index: 0, .. }), "{error}");
    let error = refusal(&module("(func (local f32))"));
    assert!(matches!(error, ArtifactError::Local { function: 0, .. }), "{error}");
    // Dead code counts: what the PVM's own check lets through in dead code is refused here all the same.
    for (body, name) in [
        ("(drop (f64.const 1))", "F64Const"),
        ("unreachable i32.reinterpret_f32 drop", "I32ReinterpretF32"),
        ("unreachable i32.trunc_sat_f32_s drop", "I32TruncSatF32S"),
        ("(drop (f32.load (i32.const 0)))", "F32Load"),
    ] {
        let error = refusal(&module(&format!("(func) (func {body})")));
        let ArtifactError::Instruction { function, instruction, .. } = &error else { panic!("{error}") };
        assert_eq!((*function, instruction.as_str()), (1, name));
    }
}

#[test]
fn features_that_an_executor_lacks_are_refused() {
    for (more, section) in [
        ("(func (result i32 i32) (i32.const 1) (i32.const 2))", "type"),
        ("(memory i64 1)", "memory"),
        ("(tag)", "tag"),
    ] {
        let text = format!(r#"(module {more} (func (export "kernel_run")))"#);
        let error = refusal(&wat::parse_str(text).expect("the test's module"));
        assert!(matches!(&error, ArtifactError::Section { section: s, .. } if s == section), "{error}");
    }
    for body in [
        "(drop (v128.const i32x4 1 2 3 4))",
        "(i32.const 1) (i32.const 2) (block (param i32 i32) drop drop)",
        "(return_call 0)",
        "(drop (i32.atomic.load (i32.const 0)))",
    ] {
        let error = refusal(&module(&format!("(func {body})")));
        let refused = matches!(error, ArtifactError::Instruction { .. } | ArtifactError::Section { .. });
        assert!(refused, "{body}: {error}");
    }
}

#[test]
fn only_host_functions_with_their_own_type_can_be_imported() {
    let fault = |import: &str| match refusal(&module(import)) {
        ArtifactError::Import { fault, .. } => fault,
        other => panic!("{other}"),
    };
    assert_eq!(
        fault(r#"(import "env" "store_has" (func (param i32 i32) (result i32)))"#),
        ImportFault::ForeignModule
    );
    assert_eq!(fault(r#"(import "smart_rollup_core" "nds_store_exists" (func))"#), ImportFault::Unknown);
    assert_eq!(fault(r#"(import "smart_rollup_core" "store_has" (global i32))"#), ImportFault::NotAFunction);
    assert_eq!(
        fault(r#"(import "smart_rollup_core" "write_debug" (func (param i32 i32) (result i32)))"#),
        ImportFault::Signature {
            expected: "(i32, i32) -> ()".to_owned(),
            found: "(i32, i32) -> (i32)".to_owned()
        }
    );
}

#[test]
fn one_exported_memory_and_one_entry() {
    let run = r#"(func (export "kernel_run"))"#;
    assert_eq!(refusal(&text(&format!("(module {run})"))), ArtifactError::Memories(0));
    assert_eq!(refusal(&text(&format!("(module (memory 1) {run})"))), ArtifactError::MemoryNotExported);
    let two = text(&format!(r#"(module (memory (export "memory") 1) (memory 1) {run})"#));
    assert_eq!(refusal(&two), ArtifactError::Memories(2));
    let memory = r#"(memory (export "memory") 1)"#;
    assert_eq!(refusal(&text(&format!("(module {memory})"))), ArtifactError::EntryMissing);
    let global = format!(r#"(module {memory} (global (export "kernel_run") i32 (i32.const 0)))"#);
    assert_eq!(refusal(&text(&global)), ArtifactError::EntryMissing);
    let parameter = format!(r#"(module {memory} (func (export "kernel_run") (param i32)))"#);
    assert_eq!(refusal(&text(&parameter)), ArtifactError::EntrySignature { found: "(i32) -> ()".to_owned() });
    let start = format!("(module {memory} {run} (func) (start 1))");
    assert_eq!(refusal(&text(&start)), ArtifactError::StartFunction);
    let long = format!(r#"(module {memory} {run} (func (export "{}")))"#, "x".repeat(513));
    assert_eq!(refusal(&text(&long)), ArtifactError::NameTooLong { size_bytes: 513 });
}

#[test]
fn custom_sections_depend_on_the_purpose() {
    let custom = |names: &[&str]| {
        let sections: String = names.iter().map(|name| format!(r#"(@custom "{name}" "x")"#)).collect();
        text(&format!(r#"(module (memory (export "memory") 1) (func (export "kernel_run")) {sections})"#))
    };
    assert_eq!(refusal(&custom(&["producers"])), ArtifactError::CustomSection("producers".to_owned()));
    assert!(check(&custom(&["config"]), Purpose::Installer).is_ok());
    assert!(check(&custom(&["name", "producers"]), Purpose::Upgrade).is_ok());
    for names in [&[][..], &["producers"], &["config", "producers"], &["producers", "config"]] {
        assert_eq!(check(&custom(names), Purpose::Installer), Err(ArtifactError::ConfigSection));
    }
}

#[test]
fn bytes_that_are_no_module_are_refused_without_a_panic() {
    let good = module("(func (drop (i32.const 7)))");
    for length in 0..good.len() {
        assert!(check(&good[..length], Purpose::Kernel).is_err(), "cut at {length}");
    }
    for position in 0..good.len() {
        let mut bad = good.clone();
        bad[position] ^= 0xff;
        // Some changes leave a module that is valid: only panics are at stake.
        let _ = check(&bad, Purpose::Kernel);
    }
    assert!(matches!(refusal(b"\x7fELF"), ArtifactError::Malformed { .. }));
}
