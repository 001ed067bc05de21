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
