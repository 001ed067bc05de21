//! `make bench`: what the kernel costs in the PVM, how long the node takes natively, and what a client of a
//! running sandbox sees. Prints tables and writes `dist/bench.json`.
//!
//! The kernel figures are wasm operators, host calls and bytes: they repeat exactly, and have the unit and the
//! scenarios in which Etherlink's kernel was measured. The others are times of this machine, now.

#![allow(clippy::print_stdout, reason = "this program prints a report")]

mod accounts;
mod bridge;
mod code;
mod evm;
#[cfg(test)]
mod fixtures;
mod inbox;
mod kernel;
#[cfg(test)]
mod limits;
mod load;
mod pvm;
mod report;
mod rollup;
#[cfg(test)]
mod rows;
mod swap;
#[cfg(test)]
mod tests;

use anyhow::Context as _;
use clap::Parser;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Measures the kernel and a sandbox.
#[derive(Debug, Parser)]
struct Arguments {
    /// Where kernel.wasm, installer.wasm and preimages/ are.
    #[arg(long, default_value = "dist")]
    dist: PathBuf,
    /// Where the report goes.
    #[arg(long, default_value = "dist/bench.json")]
    out: PathBuf,
    /// The `millrace` binary to put under load; without it only the kernel is measured.
    #[arg(long)]
    millrace: Option<PathBuf>,
    /// The `millrace-revm` binary, to compare the EVM with.
    #[arg(long)]
    revm: Option<PathBuf>,
    /// Measures nothing, but writes levels of messages for the comparison of wasm engines to this file.
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Measures nothing but the programs of the EVM whose names have this in them, and writes nothing.
    #[arg(long, value_name = "TEXT")]
    evm: Option<String>,
    /// Measures nothing but the PVM, and writes nothing.
    #[arg(long)]
    pvm: bool,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    if arguments.pvm {
        pvm::measure(&arguments.dist, pvm::KEYS)?.print();
        return Ok(());
    }
    if let Some(file) = &arguments.record {
        return record(&arguments.dist, file);
    }
    if let Some(only) = &arguments.evm {
        evm::measure(&arguments.dist, arguments.revm.as_deref(), only)?.print();
        return Ok(());
    }
    let kernel = kernel::measure(&arguments.dist)?;
    kernel.print();
    let inbox = inbox::measure(&arguments.dist)?;
    inbox.print();
    let pvm = pvm::measure(&arguments.dist, pvm::KEYS)?;
    pvm.print();
    let evm = evm::measure(&arguments.dist, arguments.revm.as_deref(), "")?;
    evm.print();
    let load = match &arguments.millrace {
        Some(millrace) => {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
            let load = runtime.block_on(load::measure(millrace, &arguments.dist))?;
            load.print();
            Some(load)
        }
        None => None,
    };
    let text = serde_json::to_string_pretty(&report::Report { kernel, inbox, pvm, evm, load })?;
    fs::write(&arguments.out, text + "\n")
        .with_context(|| format!("cannot write {}", arguments.out.display()))?;
    println!("\nwritten to {}", arguments.out.display());
    Ok(())
}

/// Levels as lists of `{"serialized": hex}`.
fn record(dist: &Path, file: &Path) -> anyhow::Result<()> {
    let message = |message: &Vec<u8>| serde_json::json!({ "serialized": hex::encode(message) });
    let levels: Vec<Vec<_>> =
        kernel::history(dist)?.iter().map(|level| level.iter().map(message).collect()).collect();
    fs::write(file, serde_json::to_string(&levels)?)
        .with_context(|| format!("cannot write {}", file.display()))
}
