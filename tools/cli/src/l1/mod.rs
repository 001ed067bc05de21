//! `millrace l1`: what happens on the layer 1 of a running sandbox.

mod contracts;
mod faults;
mod governance;
mod outbox;

use anyhow::Context as _;
use clap::Subcommand;
use millrace_l1::client::ClientError;
use millrace_l1::control::Control;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The RPC of the sandbox's rollup node.
    #[arg(long, global = true, value_name = "URL", default_value = "http://127.0.0.1:8932")]
    rollup_node: String,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make levels now, and wait until the rollup node has processed them.
    Bake {
        /// How many.
        #[arg(value_name = "LEVELS", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000))]
        levels: u32,
    },
    Deposit(contracts::Deposit),
    DelayedTx(contracts::DelayedTx),
    ProposeUpgrade(governance::ProposeUpgrade),
    CancelUpgrade(governance::CancelUpgrade),
    ProposeSequencer(governance::ProposeSequencer),
    ProposeCommittee(governance::ProposeCommittee),
    RemoveSequencer(governance::RemoveSequencer),
    ProposeRaw(governance::ProposeRaw),
    Outbox(outbox::Outbox),
    ExecuteOutbox(outbox::ExecuteOutbox),
    Balance(outbox::Balance),
    Fault(faults::Fault),
}

pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let Arguments { rollup_node, command } = arguments;
    let control = Control::new(&rollup_node)
        .with_context(|| format!("the rollup node of a sandbox has an http:// URL, not {rollup_node}"))?;
    let done = match command {
        Command::Bake { levels } => bake(&control, levels).await,
        Command::Deposit(deposit) => deposit.run(&control).await,
        Command::DelayedTx(delayed) => delayed.run(&control).await,
        Command::ProposeUpgrade(upgrade) => governance::run(&control, upgrade.governance()).await,
        Command::CancelUpgrade(cancel) => governance::run(&control, cancel.governance()).await,
        Command::ProposeSequencer(sequencer) => governance::run(&control, sequencer.governance()).await,
        Command::ProposeCommittee(committee) => governance::run(&control, committee.governance()).await,
        Command::RemoveSequencer(remove) => governance::run(&control, remove.governance()).await,
        Command::ProposeRaw(raw) => governance::run(&control, raw.governance()).await,
        Command::Outbox(outbox) => outbox.run(&control).await,
        Command::ExecuteOutbox(execute) => execute.run(&control).await,
        Command::Balance(balance) => balance.run(&control).await,
        Command::Fault(fault) => fault.run(&control).await,
    };
    match done {
        Ok(text) => {
            println!("{text}");
            Ok(())
        }
        Err(error @ ClientError::Refused { .. }) => {
            Err(error).with_context(|| format!("no sandbox answers at {rollup_node}"))
        }
        Err(error @ ClientError::Status { .. }) => Err(error).context("the sandbox refused"),
        Err(error) => Err(error.into()),
    }
}

async fn bake(control: &Control, levels: u32) -> Result<String, ClientError> {
    let head = control.bake(levels).await?;
    Ok(format!("level {} is {}", head.level, head.block_hash))
}
