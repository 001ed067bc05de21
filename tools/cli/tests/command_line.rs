//! The built binary: what it says of itself. That this test is there also makes `cargo test` build the binary,
//! which the black-box scenarios start.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

fn millrace(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_millrace")).args(arguments).output().unwrap()
}

#[test]
fn every_command_explains_itself() {
    for command in [
        &["sandbox"][..],
        &["installer", "build"],
        &["installer", "inspect"],
        &["l1", "deposit"],
        &["l1", "bake"],
        &["l1", "delayed-tx"],
        &["l1", "propose-upgrade"],
        &["l1", "cancel-upgrade"],
        &["l1", "propose-sequencer"],
        &["l1", "propose-committee"],
        &["l1", "remove-sequencer"],
        &["l1", "propose-raw"],
        &["l1", "outbox"],
        &["l1", "execute-outbox"],
        &["l1", "balance"],
        &["l1", "fault"],
        &["l1", "fault", "reorg"],
        &["l1", "fault", "rollup-node"],
        &["preimages", "serve"],
        &["kernel", "verify"],
        &["governance", "encode", "kernel-upgrade"],
        &["governance", "decode"],
        &["governance", "explain"],
        &["governance", "check"],
        &["governance", "rehearse"],
        &["debugger"],
    ] {
        let output = millrace(&[command, &["--help"]].concat());
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() && text.contains("Usage: millrace"), "{command:?}: {text}");
    }
}

#[test]
fn a_wrong_command_line_is_refused_with_exit_code_2() {
    for wrong in [
        &["sandcastle"][..],
        &["sandbox", "--rpc-port", "http"],
        &["sandbox", "--level-time-ms", "never"],
        &["l1", "deposit", "--receiver", "me"],
        &["l1", "bake", "0"],
        &["l1", "propose-upgrade", "--root-hash", "00", "--activation", "soon"],
        &["l1", "cancel-upgrade", "--root-hash", "00", "--security", "--admin"],
        &["l1", "propose-committee"],
        &["l1", "fault", "drop"],
        &["l1", "fault", "reorg", "1", "--lost", "--late", "2"],
        &["l1", "fault", "rollup-node", "asleep"],
        &["l1", "execute-outbox", "--index", "1"],
        &["debugger"],
        &["debugger", "--kernel", "k.wasm", "--pvm-version", "3"],
        &["debugger", "--kernel", "k.wasm", "--rollup", "KT18amZmM5W7qDWVt2pH6uj7sCEd3kbzLrHT"],
    ] {
        let output = millrace(wrong);
        assert_eq!(output.status.code(), Some(2), "{wrong:?}");
        assert!(!output.stderr.is_empty(), "{wrong:?}");
    }
}

#[test]
fn the_version_is_that_of_the_package() {
    let text = String::from_utf8(millrace(&["--version"]).stdout).unwrap();
    assert_eq!(text.trim(), concat!("millrace ", env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_payload_survives_the_command_line() {
    let root_hash = ["00", &"cd".repeat(32)].concat();
    let time = "2027-01-15T12:00:00Z";
    let encoded = millrace(&[
        "governance",
        "encode",
        "kernel-upgrade",
        "--root-hash",
        &root_hash,
        "--activation",
        time,
        "--json",
    ]);
    assert!(encoded.status.success(), "{encoded:?}");
    let spelling: serde_json::Value = serde_json::from_slice(&encoded.stdout).unwrap();
    let payload = spelling["payload"].as_str().unwrap();
    let decoded = millrace(&["governance", "decode", "--json", payload]);
    let fields: serde_json::Value = serde_json::from_slice(&decoded.stdout).unwrap();
    assert_eq!(fields["kind"], "kernel-upgrade");
    assert_eq!((&fields["root_hash"], &fields["activation"]), (&root_hash.into(), &time.into()));
    let explained = millrace(&["governance", "explain", payload, "--now", "2027-01-16T12:00:00Z"]);
    let text = String::from_utf8(explained.stdout).unwrap();
    assert!(text.contains("WARNING: its time is over since 1 day"), "{text}");
}

#[test]
fn the_exit_codes_of_governance_tell_bad_from_unknown() {
    let garbage = millrace(&["governance", "decode", "0x00"]);
    assert_eq!(garbage.status.code(), Some(1));
    assert!(String::from_utf8(garbage.stderr).unwrap().contains("reason 190"));

    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().to_str().unwrap();
    let root_hash = "00".repeat(33);
    let check =
        |preimages| millrace(&["governance", "check", "--root-hash", &root_hash, "--preimages", preimages]);
    assert_eq!(check(folder).status.code(), Some(1), "a missing page");
    assert_eq!(check("/nowhere").status.code(), Some(3));
    assert_eq!(millrace(&["governance", "check"]).status.code(), Some(2));
    let rehearsal = millrace(&[
        "governance",
        "rehearse",
        "--data-dir",
        folder,
        "--root-hash",
        &root_hash,
        "--preimages",
        folder,
    ]);
    assert_eq!(rehearsal.status.code(), Some(3));
}

#[test]
fn parameters_are_checked_and_shown_without_a_kernel() {
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../../installer/rollup.example.yaml");
    let output = millrace(&["installer", "inspect", example, "--json"]);
    assert!(output.status.success(), "{output:?}");
    let shown: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(shown["parameters"]["chain_id"], 1337);
    assert_eq!(shown["faults"], serde_json::json!([]));
    let text = String::from_utf8(millrace(&["installer", "inspect", example]).stdout).unwrap();
    assert!(text.contains("fees.da_fee_per_byte: 4000 gwei"), "{text}");
    assert!(text.trim_end().ends_with("nothing is wrong with it"), "{text}");
}

#[test]
fn a_mistake_in_parameters_is_one_line_that_says_where() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rollup.yaml");
    std::fs::write(&file, "sequencer: nobody\nfees:\n  base_fee_mn: 1 gwei\n").unwrap();
    let named = file.to_str().unwrap();
    let expected = format!("error: {named}:3:3: fees.base_fee_mn: unknown key; did you mean base_fee_min?\n");
    for command in [&["installer", "inspect", named][..], &["installer", "build", "--config", named]] {
        let output = millrace(command);
        assert_eq!(output.status.code(), Some(1), "{command:?}");
        assert_eq!(String::from_utf8(output.stderr).unwrap(), expected, "{command:?}");
    }
}

#[test]
fn an_installer_with_faults_is_shown_and_fails() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("installer.wasm");
    // A module of nothing but a program that breaks off.
    std::fs::write(&file, b"\0asm\x01\0\0\0\0\x0c\x06config\x07\x01\0\0\0").unwrap();
    let output = millrace(&["installer", "inspect", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    let (text, error) =
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(text.contains("fault      the program breaks off at its byte 0"), "{text}");
    assert!(error.starts_with("error: ") && error.trim_end().ends_with(" faults"), "{error}");
}

#[test]
fn the_schema_that_is_printed_is_that_of_the_repository() {
    let printed: serde_json::Value =
        serde_json::from_slice(&millrace(&["installer", "schema"]).stdout).unwrap();
    let kept = include_str!("../../../installer/rollup.schema.json");
    assert_eq!(printed, serde_json::from_str::<serde_json::Value>(kept).unwrap());
}

#[test]
fn a_script_is_piped_into_the_debugger() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, contents: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, contents).unwrap();
        path.into_os_string().into_string().unwrap()
    };
    let kernel = file(
        "kernel.wast",
        r#"(module (import "smart_rollup_core" "write_debug" (func $write_debug (param i32 i32)))
          (memory (export "memory") 1) (data (i32.const 0) "hello\n")
          (func (export "kernel_run") (call $write_debug (i32.const 0) (i32.const 6))))"#,
    );
    let inputs = file("inputs.json", "[[]]");
    let run = |arguments: &[&str], script: &str| {
        let arguments = [&["debugger", "--kernel", &kernel, "--inputs", &inputs], arguments].concat();
        let mut child = Command::new(env!("CARGO_BIN_EXE_millrace"))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    };
    let output = run(&["-p", "2.0.0-r5"], "step inbox\nshow key /readonly/wasm_version as string\nno\n");
    assert!(output.status.success(), "{output:?}");
    let expected = "> Loaded 0 inputs at level 0\nhello\nEvaluation took 50000000000000 ticks so far\n\
                    Status: Waiting for input\nInternal_status: Collect\n> 2.0.0-r5\n> > ";
    assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "Unknown command `no`\n");
    let output = run(&["--json"], "step inbox\n");
    let reply: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&reply["debug"], &reply["status"]), (&"hello\n".into(), &"Waiting for input".into()));
    let output = run(&["--installer-config", &inputs], "");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().starts_with("error: "));
}
