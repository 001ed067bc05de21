//! `millrace`: the command line of Millrace.
//!
//! Each command is a thin shell: it reads flags, calls a library crate, and tells the user what happened.
//! `millrace sandbox` starts a whole rollup in this process: layer 1, rollup node with the wasm kernel in the
//! PVM, sequencer, JSON-RPC.
//!
//! **Failure**: one error line with its causes on the standard error stream, and exit code 1; 2 for a wrong
//! command line; what else a command has says its `--help`. **Deliberately unknown**: everything that a library crate knows.

#![allow(clippy::print_stdout, reason = "this program talks to its user")]

mod accounts;
mod data_dir;
mod debugger;
mod governance;
mod installer;
mod kernel;
mod l1;
mod logging;
mod node;
mod origin;
mod preimages;
mod sandbox;
mod signals;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// An EVM rollup on Tezos.
#[derive(Debug, Parser)]
#[command(name = "millrace", version, about, propagate_version = true, arg_required_else_help = true)]
#[command(after_help = "Examples:
  millrace sandbox                       a chain with funded accounts at http://127.0.0.1:8545
  millrace sandbox --fresh               the same, forgetting what was there
  millrace l1 deposit --receiver 0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266 --amount-mutez 1000000
  millrace l1 bake 10                    ten levels of its layer 1, now
  millrace config init --out node.toml   the settings of a node
  millrace sequencer --config node.toml
  millrace observer --config node.toml
  millrace installer build --config rollup.yaml --out dist
  millrace installer inspect dist/installer.wasm
  millrace preimages make new-kernel.wasm --out pages
  millrace preimages serve --dir pages   the pages of a new kernel, for rollup nodes to fetch
  millrace kernel verify dist/kernel.wasm
  millrace governance check --kernel dist/kernel.wasm
  millrace debugger --kernel dist/kernel.wasm --inputs inputs.json")]
struct Arguments {
    /// What to log on the standard error stream: error, warn, info, debug, trace, or directives such as
    /// `warn,millrace_node=debug`.
    #[arg(long, global = true, env = "RUST_LOG", default_value = "warn", value_name = "LEVEL")]
    log_level: String,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start a whole rollup on this machine: layer 1, rollup node, sequencer, JSON-RPC.
    Sandbox(Box<sandbox::Arguments>),
    /// Run a node that orders transactions, beside a rollup node.
    Sequencer(Box<node::SequencerArguments>),
    /// Run a node that follows the chain, beside a rollup node.
    Observer(Box<node::ObserverArguments>),
    /// The settings of a node: make, check and explain them.
    #[command(subcommand)]
    Config(node::config::Command),
    /// Build and inspect the installer kernel that a rollup is originated with.
    #[command(subcommand)]
    Installer(installer::Command),
    /// The pages of a kernel: cut, serve, fetch, and see whether all are there.
    #[command(subcommand)]
    Preimages(preimages::Command),
    /// What a kernel is called, and whether these sources make it.
    #[command(subcommand)]
    Kernel(kernel::Command),
    /// Read, make and check what governance decides, and rehearse upgrades.
    #[command(subcommand)]
    Governance(governance::Command),
    /// Run a kernel in the PVM by commands: steps, storage, profiles.
    Debugger(Box<debugger::Arguments>),
    /// Act on the layer 1 of a running sandbox.
    L1(l1::Arguments),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    logging::start(&arguments.log_level)?;
    match arguments.command {
        Command::Sandbox(arguments) => block_on(sandbox::run(*arguments))?,
        Command::Sequencer(arguments) => block_on(node::run_sequencer(*arguments))?,
        Command::Observer(arguments) => block_on(node::run_observer(*arguments))?,
        Command::Config(command) => node::config::run(&command)?,
        Command::Installer(command) => installer::run(command)?,
        Command::Preimages(command) => block_on(preimages::run(command))?,
        Command::Kernel(command) => return kernel::run(command),
        Command::Governance(command) => return governance::run(command),
        Command::Debugger(arguments) => debugger::run(*arguments)?,
        Command::L1(arguments) => block_on(l1::run(arguments))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn block_on(work: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(work)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn the_examples_of_the_help_are_accepted() {
        let help = Arguments::command().render_help().to_string();
        let examples: Vec<_> =
            help.lines().filter_map(|line| line.trim().strip_prefix("millrace ")).collect();
        assert!(examples.len() >= 4, "{help}");
        for example in examples {
            let words = example.split("   ").next().unwrap_or_default().split_whitespace();
            let parsed = Arguments::try_parse_from(std::iter::once("millrace").chain(words));
            assert!(parsed.is_ok(), "{example}: {parsed:?}");
        }
    }
}
