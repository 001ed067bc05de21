//! `millrace l1`: what happens on the layer 1 of a running sandbox.

use anyhow::{Context as _, bail, ensure};
use clap::Subcommand;
use serde_json::json;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Deposit tez: they arrive on the rollup as its native token.
    #[command(after_help = "Example:
  millrace l1 deposit --receiver 0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266 --amount-mutez 1000000")]
    Deposit {
        /// The account on the rollup, 20 bytes in hexadecimal.
        #[arg(long, value_name = "ADDRESS", value_parser = address)]
        receiver: String,
        /// How much, in millionths of a tez.
        #[arg(long, value_name = "MUTEZ", value_parser = clap::value_parser!(u64).range(1..))]
        amount_mutez: u64,
        /// The RPC of the sandbox's rollup node.
        #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8932")]
        rollup_node: String,
    },
}

/// Checks the form of an address.
fn address(text: &str) -> Result<String, String> {
    let digits = text.strip_prefix("0x").ok_or("an address starts with 0x")?;
    let bytes = hex::decode(digits).map_err(|error| error.to_string())?;
    if bytes.len() == 20 {
        Ok(text.to_owned())
    } else {
        Err(format!("20 bytes are needed, not {}", bytes.len()))
    }
}

pub(crate) async fn run(command: Command) -> anyhow::Result<()> {
    let Command::Deposit { receiver, amount_mutez, rollup_node } = command;
    let url = format!("{}/sandbox/deposit", rollup_node.trim_end_matches('/'));
    ensure!(url.starts_with("http://"), "the rollup node of a sandbox has an http:// URL, not {rollup_node}");
    let body = json!({ "receiver": receiver, "amount_mutez": amount_mutez });
    let client = reqwest::Client::builder().no_proxy().build()?;
    let answer = client.post(&url).json(&body).send().await;
    let answer = answer.with_context(|| format!("no sandbox answers at {rollup_node}"))?;
    let status = answer.status();
    let text = answer.text().await.context("the answer of the sandbox broke off")?;
    if !status.is_success() {
        bail!("the sandbox refused the deposit with status {status}: {text}");
    }
    println!("{amount_mutez} mutez are on their way to {receiver}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_are_receivers() {
        assert!(address("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266").is_ok());
        for bad in ["", "0x", "f39Fd6e51aad88F6F4ce6aB8827279cffFb92266", "0xzz", "0x1234"] {
            assert!(address(bad).is_err(), "{bad}");
        }
    }
}
