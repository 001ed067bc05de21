//! `millrace governance`: for those who decide about a rollup.

mod check;
mod payload;
mod rehearse;
mod sources;

use clap::Subcommand;
use serde_json::Value;
use std::process::ExitCode;

/// Something speaks against it.
const BAD: u8 = 1;
/// It could not be found out.
const UNKNOWN: u8 = 3;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make the payload of a decision, in all forms in which the layer 1 may want it.
    Encode(Box<payload::Encode>),
    /// Say what a payload is.
    Decode(payload::Decode),
    /// Say in words what a payload will do, and when.
    Explain(payload::Explain),
    /// Look at a proposed kernel: are all its pages there, and would it run?
    Check(check::Arguments),
    /// Replay the last levels of a sandbox's rollup with an upgrade, on a copy.
    Rehearse(rehearse::Arguments),
}

/// Answers how the process ends; an error is one line more on the standard error stream and [`BAD`], unless the command
/// says otherwise.
pub(crate) fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Encode(arguments) => payload::encode(*arguments),
        Command::Decode(arguments) => payload::decode(&arguments),
        Command::Explain(arguments) => payload::explain(&arguments),
        Command::Check(arguments) => Ok(or_unknown(check::run(&arguments))),
        Command::Rehearse(arguments) => Ok(or_unknown(rehearse::run(&arguments))),
    }
}

/// What could not be carried out is neither good nor bad.
fn or_unknown(outcome: anyhow::Result<ExitCode>) -> ExitCode {
    outcome.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::from(UNKNOWN)
    })
}

/// Prints a report as text, or as JSON.
fn print(is_json: bool, json: impl FnOnce() -> Value, text: impl std::fmt::Display) {
    if is_json {
        println!("{:#}", json());
    } else {
        print!("{text}");
    }
}
