//! What the user of a sandbox sees.

use crate::accounts::{ACCOUNTS, MNEMONIC, TOKENS};
use millrace_installer::Parameters;
use millrace_node::SealedBlock;
use millrace_primitives::RollupAddress;
use millrace_wire::base58::Base58Check as _;
use std::{
    fmt::{Result, Write as _},
    net::SocketAddr,
    path::PathBuf,
};

/// Where everything is.
pub(super) struct Places {
    pub(super) rpc: SocketAddr,
    pub(super) rollup_node: String,
    pub(super) data_dir: PathBuf,
}

/// Says what there is and where.
pub(super) fn banner(
    places: &Places,
    parameters: &Parameters,
    rollup: RollupAddress,
    head: &SealedBlock,
) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = accounts(&mut text);
    let _ = chain(&mut text, places, parameters, rollup, head);
    text
}

fn accounts(text: &mut String) -> Result {
    let version = env!("CARGO_PKG_VERSION");
    writeln!(text, "\nMillrace sandbox {version}: an EVM rollup on Tezos, on this machine\n")?;
    writeln!(text, "Accounts with {TOKENS} tokens each in block 0. Everybody knows their keys:")?;
    for (index, account) in ACCOUNTS.iter().enumerate() {
        writeln!(text, "  ({index}) {}  {}", account.address, account.private_key)?;
    }
    writeln!(text, "  mnemonic  {MNEMONIC}")?;
    writeln!(text, "  path      m/44'/60'/0'/0/<index>\n")
}

fn chain(
    text: &mut String,
    places: &Places,
    parameters: &Parameters,
    rollup: RollupAddress,
    head: &SealedBlock,
) -> Result {
    let Places { rpc, rollup_node, data_dir } = places;
    writeln!(text, "Chain id      {}", parameters.chain_id)?;
    writeln!(text, "Rollup        {}", rollup.to_base58())?;
    writeln!(text, "JSON-RPC      http://{rpc}  ws://{rpc}")?;
    writeln!(text, "Rollup node   {rollup_node}")?;
    writeln!(text, "Data folder   {}", data_dir.display())?;
    writeln!(text, "Head          block {}\n", head.block.header.number)?;
    if parameters.ticketer.is_some() {
        let command = "millrace l1 deposit --receiver 0x… --amount-mutez 1000000";
        let is_default = rollup_node.ends_with(":8932");
        let flag = if is_default { String::new() } else { format!(" --rollup-node {rollup_node}") };
        writeln!(text, "Deposit with  {command}{flag}")?;
    }
    writeln!(text, "Stop with Ctrl-C. The next start goes on from here; with --fresh, from block 0.\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::watch::tests::block;
    use millrace_installer::development;

    #[test]
    fn the_banner_says_all_that_a_wallet_needs() {
        let places = Places {
            rpc: ([127, 0, 0, 1], 9_545).into(),
            rollup_node: "http://127.0.0.1:9932".to_owned(),
            data_dir: PathBuf::from(".millrace"),
        };
        let mut parameters = development::parameters();
        parameters.chain_id = 4_242;
        parameters.ticketer = Some("KT1".to_owned());
        let text = banner(&places, &parameters, RollupAddress::new([1; 20]), &block());
        for account in &ACCOUNTS {
            assert!(text.contains(account.address) && text.contains(account.private_key));
        }
        for word in [
            "4242",
            "sr1",
            "http://127.0.0.1:9545",
            "ws://",
            "block 7",
            "--rollup-node http://127.0.0.1:9932",
        ] {
            assert!(text.contains(word), "{word} is not in {text}");
        }
        parameters.ticketer = None;
        assert!(!banner(&places, &parameters, RollupAddress::new([1; 20]), &block()).contains("Deposit"));
    }
}
