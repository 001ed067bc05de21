//! `millrace-pvm-vectors VECTORS`: compares the PVM with recordings and ends with `N passed, N failed, N skipped`.

use clap::Parser;
use millrace_pvm_vectors::{runner, skips};
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// Runs vectors recorded from the Octez PVM and compares what happened, level by level.
#[derive(Parser)]
struct Arguments {
    /// A folder of vectors (.json), also in folders below it, or one vector.
    vectors: PathBuf,
    /// Only vectors whose name or path holds this text.
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Tells of each vector that it passed, and of each run whose ticks differ.
    #[arg(long)]
    verbose: bool,
}

fn main() -> anyhow::Result<ExitCode> {
    let Arguments { vectors, filter, verbose } = Arguments::parse();
    let options = runner::Options { vectors, filter, skips: skips::checked_in()? };
    let report = runner::run(&options)?;
    let mut out = std::io::stdout().lock();
    if verbose {
        write!(out, "{}", report.details())?;
    }
    write!(out, "{report}")?;
    out.flush()?;
    Ok(if report.is_success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
