//! Puts the fingerprint of the kernel's sources into this crate, and with it into every program that has the kernel.

#![allow(clippy::print_stdout, reason = "this is how a build script speaks to cargo")]

mod fingerprint;

use fingerprint::Variant;
use std::{env, path::Path};

/// The checkout, from the folder of the crate, where cargo runs this.
const ROOT: &str = "../..";

fn main() {
    // Cargo tells a build script its features like this.
    let is_test = env::var_os("CARGO_FEATURE_TEST_MIGRATION").is_some();
    let variant = if is_test { Variant::Test } else { Variant::Ordinary };
    let sources = fingerprint::of(Path::new(ROOT), variant);
    let sources = sources.unwrap_or_else(|error| panic!("the kernel's sources: {error}"));
    for path in &sources.watched {
        println!("cargo::rerun-if-changed={}", path.display());
    }
    println!("cargo::rustc-env=MILLRACE_KERNEL_SOURCES={}", sources.fingerprint);
}
