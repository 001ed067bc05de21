//! `millrace-artifact check kernel|installer FILE`: checks a module and prints its measures.

use anyhow::{Context, bail};
use millrace_artifact::{Purpose, check};
use std::io::Write;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (purpose, file) = match words.as_slice() {
        ["check", "kernel", file] => (Purpose::Kernel, *file),
        ["check", "installer", file] => (Purpose::Installer, *file),
        _ => bail!("usage: millrace-artifact check kernel|installer FILE"),
    };
    let module = std::fs::read(file).with_context(|| format!("cannot read {file}"))?;
    let report = check(&module, purpose).with_context(|| format!("{file} is not a module for the PVM"))?;
    writeln!(std::io::stdout(), "{file}\n{report}")?;
    Ok(())
}
