//! Ethereum's fixtures, where they are: below `MILLRACE_VECTORS`, or in `../shared/vectors` beside the checkout. It has no
//! harness, so that it says on the terminal what it ran, or that there was nothing to run.

use millrace_conformance::{collect::vectors, runner, skips};
use std::process::ExitCode;
use std::time::Duration;

const NAME: &str = "ethereum_fixtures_pass";

#[allow(clippy::print_stdout, reason = "a test without a harness reports by itself")]
fn main() -> Result<ExitCode, skips::SkipsError> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--list") {
        println!("{NAME}: test");
        return Ok(ExitCode::SUCCESS);
    }
    // `cargo test TEXT` asks every test for its name.
    let mut names = arguments.iter().filter(|argument| !argument.starts_with('-')).peekable();
    if names.peek().is_some() && !names.any(|name| NAME.contains(name.as_str())) {
        return Ok(ExitCode::SUCCESS);
    }
    let vectors = vectors();
    if !vectors.exists() {
        println!("conformance: there are no fixtures at {}; none were run", vectors.display());
        return Ok(ExitCode::SUCCESS);
    }
    println!("conformance: running the fixtures in {}", vectors.display());
    let report = runner::run(&runner::Options {
        vectors,
        filter: None,
        verbose: false,
        case_time_max: Duration::from_secs(900),
        skips: skips::checked_in()?,
    });
    print!("{report}");
    Ok(if report.is_success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
