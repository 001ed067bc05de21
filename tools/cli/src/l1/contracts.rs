//! Commands that call the bridges of the layer 1.

use millrace_l1::client::ClientError;
use millrace_l1::control::{self, Control};

/// Deposit tez: they arrive on the rollup as its native token.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  millrace l1 deposit --receiver 0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266 --amount-mutez 1000000")]
pub(super) struct Deposit {
    /// The account on the rollup, 20 bytes in hexadecimal.
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    receiver: String,
    /// How much, in millionths of a tez.
    #[arg(long, value_name = "MUTEZ", value_parser = clap::value_parser!(u64).range(1..))]
    amount_mutez: u64,
    /// Who pays, tz1…: an account with a billion tez when left out. The rest of what it has: `millrace l1 balance`.
    #[arg(long, value_name = "ACCOUNT")]
    source: Option<String>,
}

impl Deposit {
    pub(super) async fn run(self, control: &Control) -> Result<String, ClientError> {
        let Self { receiver, amount_mutez, source } = self;
        let text = format!("{amount_mutez} mutez are on their way to {receiver}");
        control.deposit(&control::Deposit { receiver, amount_mutez, source }).await?;
        Ok(text)
    }
}

/// Send a signed transaction past the sequencer: the kernel executes it if the sequencer does not in time.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  millrace l1 delayed-tx $(cast mktx --private-key $KEY $TO --value 1)")]
pub(super) struct DelayedTx {
    /// The signed transaction, in hexadecimal.
    #[arg(value_name = "RAW", value_parser = hexadecimal)]
    transaction: String,
}

impl DelayedTx {
    pub(super) async fn run(self, control: &Control) -> Result<String, ClientError> {
        let size_bytes = self.transaction.trim_start_matches("0x").len() / 2;
        control.delayed(&control::Delayed { transaction: self.transaction }).await?;
        Ok(format!("a transaction of {size_bytes} bytes is on its way to the delayed inbox"))
    }
}

/// Checks the form of an address.
pub(super) fn address(text: &str) -> Result<String, String> {
    let digits = text.strip_prefix("0x").ok_or("an address starts with 0x")?;
    let bytes = hex::decode(digits).map_err(|error| error.to_string())?;
    if bytes.len() == 20 {
        Ok(text.to_owned())
    } else {
        Err(format!("20 bytes are needed, not {}", bytes.len()))
    }
}

/// Checks that it is hexadecimal.
pub(super) fn hexadecimal(text: &str) -> Result<String, String> {
    hex::decode(text.strip_prefix("0x").unwrap_or(text)).map_err(|error| error.to_string())?;
    Ok(text.to_owned())
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
