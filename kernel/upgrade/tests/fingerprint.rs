//! What changes the fingerprint of the kernel's sources, and what does not.

#[path = "../build/fingerprint.rs"]
mod fingerprint;

use fingerprint::Variant;
use std::{fs, path::Path};
use tempfile::TempDir;

const FILES: [(&str, &str); 10] = [
    ("rust-toolchain.toml", "[toolchain]\nchannel = \"1.0\"\n"),
    (
        "Cargo.toml",
        "[workspace.dependencies]\ncurve = { package = \"the-curve\", version = \"1\" }\nmillrace-inner = { path = \"kernel/inner\" }\n\
         server = \"3\"\n[profile.kernel]\nopt-level = 3\n[profile.dev]\nopt-level = 1\n",
    ),
    (
        "Cargo.lock",
        "version = 4\n\n[[package]]\nname = \"millrace-inner\"\nversion = \"0.1.0\"\ndependencies = [\n \"proptest\",\n \"the-curve 1.0.0\",\n]\n\n\
         [[package]]\nname = \"digits\"\nversion = \"1.0.0\"\nchecksum = \"aa\"\n\n\
         [[package]]\nname = \"proptest\"\nversion = \"1.0.0\"\nchecksum = \"dd\"\n\n\
         [[package]]\nname = \"the-curve\"\nversion = \"1.0.0\"\nchecksum = \"bb\"\ndependencies = [\n \"digits\",\n]\n\n\
         [[package]]\nname = \"the-curve\"\nversion = \"2.0.0\"\nchecksum = \"cc\"\n",
    ),
    (
        "kernel/wasm/Cargo.toml",
        "[package]\nname = \"millrace-kernel\"\n[dependencies]\nmillrace-inner.workspace = true\n",
    ),
    ("kernel/wasm/src/lib.rs", "fn run() {}\n"),
    ("kernel/wasm/src/tests/next.rs", "fn next() {}\n"),
    (
        "kernel/inner/Cargo.toml",
        "[package]\nname = \"millrace-inner\"\n[dependencies]\ncurve.workspace = true\n[dev-dependencies]\nproptest = \"1\"\n",
    ),
    ("kernel/inner/src/deep/file.rs", "fn inner() {}\n"),
    ("kernel/inner/src/tests.rs", "fn test() {}\n"),
    ("kernel/fuzz/Cargo.toml", "[package]\nname = \"millrace-fuzz\"\n"),
];

fn checkout() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in FILES {
        write(folder.path(), path, text);
    }
    folder
}

fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn fingerprint(root: &Path) -> String {
    fingerprint::of(root, Variant::Ordinary).unwrap().fingerprint
}

/// The fingerprint of a checkout in which one text stands for another in a file.
fn with(path: &str, from: &str, to: &str) -> String {
    let folder = checkout();
    let text = fs::read_to_string(folder.path().join(path)).unwrap();
    assert!(text.contains(from), "{path} has no {from:?}");
    write(folder.path(), path, &text.replace(from, to));
    fingerprint(folder.path())
}

#[test]
fn the_place_of_the_checkout_does_not_matter() {
    assert_eq!(fingerprint(checkout().path()), fingerprint(checkout().path()));
}

#[test]
fn all_that_the_kernel_is_made_of_matters() {
    let same = fingerprint(checkout().path());
    for (path, from, to) in [
        ("rust-toolchain.toml", "1.0", "1.1"),
        ("Cargo.toml", "version = \"1\"", "version = \"1\", features = [\"fast\"]"),
        ("Cargo.toml", "opt-level = 3", "opt-level = 2"),
        ("Cargo.lock", "\"bb\"", "\"b0\""),
        ("Cargo.lock", "\"aa\"", "\"a0\""),
        ("kernel/wasm/src/lib.rs", "run()", "go()"),
        ("kernel/inner/Cargo.toml", "[dev-", "[features]\nx = []\n[dev-"),
        ("kernel/inner/src/deep/file.rs", "{}", "{ }"),
    ] {
        assert_ne!(with(path, from, to), same, "{path}: {from} -> {to}");
    }
    let folder = checkout();
    write(folder.path(), "kernel/inner/src/new.rs", "");
    assert_ne!(fingerprint(folder.path()), same, "a new file");
}

#[test]
fn the_kernel_that_tests_upgrade_to_is_another_one() {
    let folder = checkout();
    let test = |root: &Path| fingerprint::of(root, Variant::Test).unwrap().fingerprint;
    let before = test(folder.path());
    assert_ne!(before, fingerprint(folder.path()));
    assert_eq!(before, test(checkout().path()));
    write(folder.path(), "kernel/wasm/src/tests/next.rs", "fn after() {}\n");
    assert_ne!(before, test(folder.path()), "what makes it another one matters");
}

#[test]
fn what_is_not_in_the_kernel_does_not_matter() {
    let same = fingerprint(checkout().path());
    for (path, from, to) in [
        ("Cargo.toml", "server = \"3\"", "server = \"4\""),
        ("Cargo.toml", "opt-level = 1", "opt-level = 0"),
        ("Cargo.lock", "\"cc\"", "\"c0\""),
        ("Cargo.lock", "\"dd\"", "\"d0\""),
        ("kernel/inner/src/tests.rs", "test", "check"),
        ("kernel/fuzz/Cargo.toml", "fuzz", "fuzzer"),
        ("kernel/wasm/src/tests/next.rs", "next", "after"),
    ] {
        assert_eq!(with(path, from, to), same, "{path}: {from} -> {to}");
    }
    let folder = checkout();
    write(folder.path(), "tools/node/src/lib.rs", "fn node() {}");
    write(folder.path(), "kernel/inner/tests/it.rs", "fn test() {}");
    assert_eq!(fingerprint(folder.path()), same);
}

#[test]
fn a_stale_lock_file_is_an_error() {
    let folder = checkout();
    write(folder.path(), "Cargo.lock", "version = 4\n");
    assert!(fingerprint::of(folder.path(), Variant::Ordinary).is_err());
}
