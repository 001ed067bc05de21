//! `millrace kernel`: what a kernel is called, and whether these sources make it.

mod names;
mod verify;

use anyhow::Context as _;
use clap::Subcommand;
use names::Names;
use std::{fs, path::PathBuf, process::ExitCode};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Print size, SHA-256, root hash of the pages and fingerprint of the sources of a kernel.
    #[command(after_help = "Example:
  millrace kernel hash dist/kernel.wasm")]
    Hash {
        /// The kernel.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Build the kernel from sources, elsewhere, and see whether it is this one.
    #[command(
        after_help = "The sources are copied to a scratch folder and built there as somebody else would build them. It takes some
minutes. Needed is what `make kernel` needs.

Exit codes: 0 it is the same kernel, 1 it is another, 2 wrong command line, 3 it could not be built.

Examples:
  millrace kernel verify dist/kernel.wasm
  millrace kernel verify 00…                     the root hash that an upgrade names
  millrace kernel verify dist/kernel.wasm --source ../millrace-1.2 --no-wasm-opt"
    )]
    Verify(verify::Arguments),
}

pub(crate) fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Hash { file } => {
            let kernel = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
            println!("{}", Names::of(&kernel)?);
            Ok(ExitCode::SUCCESS)
        }
        Command::Verify(arguments) => Ok(verify::run(&arguments)),
    }
}
