//! Files that are no good, kernels that do not boot, and machines that are stuck.

use crate::{Case, kernels};
use millrace_pvm::Version;

fn refusal(case: &Case) -> String {
    case.try_run("").map_or_else(|error| error.to_string(), |_| "it starts".into())
}

/// A kernel with this body.
fn kernel(body: &str) -> Case {
    Case::new(&format!("(module (memory (export \"memory\") 1) {body})"))
}

#[test]
fn a_kernel_that_would_not_boot_is_refused_with_the_reason() {
    let run = "(func (export \"kernel_run\"))";
    let import = |name: &str, ty: &str| {
        format!(
            "(module (import \"smart_rollup_core\" \"{name}\" (func {ty})) (memory (export \"memory\") 1) {run})"
        )
    };
    for (case, expected) in [
        (
            kernel(&format!("(func (drop (f32.const 1))) {run}")),
            "decoding error: float instructions are forbidden",
        ),
        (kernel(&format!("(func (result i32)) {run}")), "invalid module"),
        (Case::new(&import("no_such", "")), "link failure: unexpected import: smart_rollup_core.no_such"),
        (Case::new(&import("store_has", "(param i64)")), "link failure: "),
        (Case::new("(module (import \"env\" \"f\" (func)))"), "link failure: unexpected module import: env"),
        (Case::new("(module (func"), "syntax error"),
    ] {
        let error = refusal(&case);
        assert!(error.contains(expected), "{error}, not {expected}");
    }
    let mut old = Case::new(&import("store_exists", "(param i32 i32) (result i32)"));
    assert_eq!(refusal(&old), "it starts");
    old.options.version = Version::V1;
    assert!(refusal(&old).contains("link failure"));
}

#[test]
fn kernels_come_in_every_form_and_no_other() {
    let wat = kernels::trapping();
    let mut case = Case::new(&wat).inputs("[[]]");
    let wasm = wat::parse_str(&wat).unwrap();
    let digits: String = wasm.iter().map(|byte| format!("{byte:02x}")).collect();
    let transcripts = [
        ("k.wast", wat.clone().into_bytes()),
        ("k.wat", wat.into_bytes()),
        ("k.wasm", wasm),
        ("k.hex", (digits.clone() + "\n").into_bytes()),
    ]
    .map(|(name, contents)| {
        case.options.kernel = case.write(name, contents);
        case.run("step inbox\nshow key /mark\n")
    });
    assert!(transcripts.iter().all(|transcript| *transcript == transcripts[0]));
    for (name, contents, expected) in [
        ("k.hex", "0", "is not a valid hexadecimal file"),
        ("k.wasm", "", "decoding error"),
        ("k.txt", "", "Kernels should have"),
    ] {
        case.options.kernel = case.write(name, contents);
        let error = refusal(&case);
        assert!(error.contains(expected), "{error}");
    }
    case.options.kernel = case.path("nowhere.wasm");
    assert!(refusal(&case).contains("nowhere.wasm"));
}

#[test]
fn inputs_that_are_none_are_refused_before_anything_runs() {
    for text in ["", "[", "{}", "[[1]]", "[[{\"external\":\"0\"}]]", "[[{\"payload\":\"(\"}]]", "\u{0}"] {
        let error = refusal(&Case::new(&kernels::trapping()).inputs(text));
        assert!(error.contains("inputs.json: "), "{text}: {error}");
    }
}

#[test]
fn a_machine_that_is_stuck_says_why_and_takes_nothing_more() {
    for (body, expected) in [
        ("", "Stuck (Invalid_state (no `kernel_run` function exported))"),
        (
            "(func $f (export \"kernel_run\") (call $f))",
            "Stuck (Eval_error { raw_exception: call stack exhausted; ",
        ),
        (
            "(func (export \"kernel_run\") (param i32))",
            "Stuck (Eval_error { raw_exception: `kernel_run` has parameters; ",
        ),
    ] {
        let output = kernel(body).inputs("[[],[]]").run("step inbox\nload inputs\nstep kernel_run\n");
        let status = output.lines().find(|line| line.contains("Stuck")).unwrap_or(&output);
        assert!(status.starts_with(&format!("Internal_status: {expected}")), "{status}");
        assert!(
            output.contains("> The PVM is stuck: it takes no more inputs.\n> Evaluation took 0 ticks"),
            "{output}"
        );
    }
    let no_memory = Case::new("(module (func (export \"kernel_run\")))").inputs("[[]]");
    let output = no_memory.run("step inbox\n");
    assert!(
        output.contains("Stuck (No_fallback_kernel (Init_cause { raw_exception: module must export"),
        "{output}"
    );
}

#[test]
fn a_preimage_that_nobody_has_leaves_the_state_as_it_was() {
    let mut case = Case::new(&kernels::revealing()).inputs("[[]]");
    let hash = format!("00{}", "ab".repeat(32));
    let config = format!("instructions: [{{set: {{value: '{hash}', to: /hash}}}}]");
    case.options.installer_config = Some(case.write("config.yaml", config));
    // Three tries, then what is no preimage of it, then the end of the input.
    let lines = "step inbox\nx\ny\nz\nshow status\nstep inbox\n00\nshow status\nstep inbox\n";
    let transcript = case.try_run(lines).unwrap();
    let faults: Vec<&str> = transcript.errors.lines().collect();
    assert_eq!(faults.len(), 3, "{faults:?}");
    assert!(faults[0].ends_with("Too many tries, aborting."), "{faults:?}");
    assert!(faults[1].ends_with("is another one"), "{faults:?}");
    assert_eq!(faults[2], format!("Error: no preimage for {hash}"));
    let unmoved = "Evaluation took 0 ticks so far\nStatus: Evaluating\nInternal_status: Snapshot\n";
    assert_eq!(transcript.output.matches(unmoved).count(), 3, "{}", transcript.output);
    let answer = case.json().try_run("step inbox\nshow status\n").unwrap().output;
    assert!(answer.lines().next().unwrap().contains("\"error\":\"Error: no preimage for"), "{answer}");
    assert_eq!(answer.lines().count(), 2);
}

#[test]
fn a_link_to_itself_and_a_page_that_is_too_large_are_no_preimages() {
    let mut case = Case::new(&kernels::revealing()).inputs("[[]]").json();
    let hash = format!("00{}", "cd".repeat(32));
    let config = format!("instructions: [{{set: {{value: '{hash}', to: /hash}}}}]");
    case.options.installer_config = Some(case.write("config.yaml", config));
    let page = case.write(&format!("preimage/{hash}"), vec![0; 4_097]);
    assert!(case.run("step inbox\n").contains("no preimage for"));
    std::fs::remove_file(&page).unwrap();
    std::os::unix::fs::symlink(&page, &page).unwrap();
    assert!(case.run("step inbox\n").contains("no preimage for"));
}

#[test]
fn a_kernel_that_kills_itself_is_followed_by_the_one_before() {
    let run = r#"(module
        (import "smart_rollup_core" "store_write" (func $w (param i32 i32 i32 i32 i32) (result i32)))
        (import "smart_rollup_core" "store_delete" (func $d (param i32 i32) (result i32)))
        (memory (export "memory") 1) (data (i32.const 0) "/kernel/boot.wasm")
        (func (export "kernel_run")
          (drop (call $d (i32.const 0) (i32.const 17)))
          (drop (call $w (i32.const 0) (i32.const 17) (i32.const 0) (i32.const 0) (i32.const 5)))))"#;
    let output = Case::new(run)
        .inputs("[[],[]]")
        .run("step inbox\nload inputs\nstep result\nshow key /readonly/kernel/env/upgrade_error\nprofile\n");
    let fell_back = "Loaded 0 inputs at level 1\n> Evaluation took 50000000000000 ticks so far\n\
                     Status: Waiting for input\nInternal_status: Collect\n> \n> ";
    assert!(output.contains(fell_back), "{output}");
}
