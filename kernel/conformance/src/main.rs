//! `millrace-conformance VECTORS`: runs Ethereum's fixtures and ends with `N passed, N failed, N skipped`.

use clap::Parser;
use millrace_conformance::{runner, skips};
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Runs Ethereum's fixtures against the EVM of the kernel.
#[derive(Parser)]
struct Arguments {
    /// A folder of fixtures (.json) and archives of them (.tar.gz), one such file, or one archive.
    vectors: PathBuf,
    /// Only cases whose path, test, fork and indices hold this text.
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Tells of each failed execution which accounts and slots differ.
    #[arg(long)]
    verbose: bool,
    /// After so many seconds a case has hung, and failed. The longest there is, 2^32 rounds of BLAKE2, takes minutes on a
    /// busy machine.
    #[arg(long, value_name = "SECONDS", default_value_t = 900)]
    case_time_max_s: u64,
}

fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let report = runner::run(&runner::Options {
        vectors: arguments.vectors,
        filter: arguments.filter,
        verbose: arguments.verbose,
        case_time_max: Duration::from_secs(arguments.case_time_max_s),
        skips: skips::checked_in()?,
    });
    let mut out = std::io::stdout().lock();
    write!(out, "{report}")?;
    out.flush()?;
    Ok(if report.is_success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
