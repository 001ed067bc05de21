//! The recorded vectors, where they are: below `MILLRACE_PVM_VECTORS`, or in `shared/vectors/pvm` beside the checkout. It has
//! no harness, so that it says on the terminal what it ran, or that there was nothing to run.

use millrace_pvm_vectors::{collect::vectors, runner, skips};
use std::error::Error;
use std::process::ExitCode;

const NAME: &str = "recorded_vectors_agree";

#[allow(clippy::print_stdout, reason = "a test without a harness reports by itself")]
fn main() -> Result<ExitCode, Box<dyn Error>> {
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
        println!("pvm-vectors: there are no vectors at {}; none were run", vectors.display());
        return Ok(ExitCode::SUCCESS);
    }
    println!("pvm-vectors: running the vectors in {}", vectors.display());
    let options = runner::Options { vectors, filter: None, skips: skips::checked_in()? };
    let report = runner::run(&options)?;
    print!("{report}");
    Ok(if report.is_success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
