//! Tells the crate what it is built for and by: `linux-x86_64/rust1.95.0`.

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let variable = |name| std::env::var(name).unwrap_or_else(|_| "unknown".to_owned());
    let (system, machine) = (variable("CARGO_CFG_TARGET_OS"), variable("CARGO_CFG_TARGET_ARCH"));
    println!("cargo::rustc-env=MILLRACE_PLATFORM={system}-{machine}/rust{}", compiler_version());
}

/// What `rustc --version` says after its name.
fn compiler_version() -> String {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("--version").output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    text.split_whitespace().nth(1).unwrap_or("-unknown").to_owned()
}
