//! The built binary: what it says of itself. That this test is there also makes `cargo test` build the binary,
//! which the black-box scenarios start.

use std::process::{Command, Output};

fn millrace(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_millrace")).args(arguments).output().unwrap()
}

#[test]
fn every_command_explains_itself() {
    for command in [
        &["sandbox"][..],
        &["installer", "build"],
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
