//! What the user of a sandbox sees.

use super::Arguments;
use crate::accounts::{ACCOUNTS, MNEMONIC, TOKENS};
use millrace_node::{Node, SealedBlock};
use millrace_wire::base58::Base58Check as _;
use std::fmt::Write as _;

/// Says where everything is.
pub(super) fn banner(node: &Node, arguments: &Arguments, chain_id: u64, rollup_node: &str, deposits: bool) -> String {
    let mut text = String::new();
    let _ = banner_to(&mut text, node, arguments, chain_id, rollup_node, deposits);
    text
}

fn banner_to(
    text: &mut String,
    node: &Node,
    arguments: &Arguments,
    chain_id: u64,
    rollup_node: &str,
    deposits: bool,
) -> std::fmt::Result {
    let rpc = node.rpc_address();
    writeln!(text, "\nMillrace sandbox {}: an EVM rollup on Tezos, on this machine\n", env!("CARGO_PKG_VERSION"))?;
    writeln!(text, "Accounts, {TOKENS} tokens each in block 0. Their keys are public: never send them anything of value.")?;
    for (index, account) in ACCOUNTS.iter().enumerate() {
        writeln!(text, "  ({index}) {}  {}", account.address, account.private_key)?;
    }
    writeln!(text, "  mnemonic  {MNEMONIC}")?;
    writeln!(text, "  path      m/44'/60'/0'/0/<index>\n")?;
    writeln!(text, "Chain id      {chain_id}")?;
    writeln!(text, "Rollup        {}", node.rollup().to_base58())?;
    writeln!(text, "JSON-RPC      http://{rpc}  ws://{rpc}")?;
    writeln!(text, "Rollup node   {rollup_node}")?;
    writeln!(text, "Data folder   {}", arguments.data_dir.display())?;
    writeln!(text, "Head          block {}\n", node.head().block.header.number)?;
    if deposits {
        let flag = if rollup_node.ends_with(":8932") { String::new() } else { format!(" --rollup-node {rollup_node}") };
        writeln!(text, "Deposit with  millrace l1 deposit --receiver 0x… --amount-mutez 1000000{flag}")?;
    }
    writeln!(text, "Stop with Ctrl-C; the next start goes on from here, with --fresh from block 0.\n")
}

/// One line for a block.
pub(super) fn block_line(sealed: &SealedBlock) -> String {
    let header = &sealed.block.header;
    let count = sealed.block.transactions.len();
    let transactions = if count == 1 { "transaction " } else { "transactions" };
    format!("block {:>6}  {count:>4} {transactions}  {:>12} gas  0x{}", header.number.get(), header.gas_used.get(), sealed.hash)
}
