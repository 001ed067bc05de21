//! What the user of a sandbox sees.

use crate::accounts::{ACCOUNTS, MNEMONIC, TOKENS};
use millrace_installer::Parameters;
use millrace_node::{Reorganisation, SealedBlock};
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

/// One line for blocks that are no longer there.
pub(super) fn reorganisation_line(reorganisation: &Reorganisation) -> String {
    let Reorganisation { branch, cause, removed, added } = reorganisation;
    format!(
        "unwound to block {branch}: {}; {} blocks are gone, {} of the rollup node in their place",
        cause.text(),
        removed.len(),
        added.len()
    )
}

/// One line for a block.
pub(super) fn block_line(sealed: &SealedBlock) -> String {
    let header = &sealed.block.header;
    let count = sealed.block.transactions.len();
    let transactions = if count == 1 { "transaction " } else { "transactions" };
    format!(
        "block {:>6}  {count:>4} {transactions}  {:>12} gas  0x{}",
        header.number.get(),
        header.gas_used.get(),
        sealed.hash
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use millrace_installer::development;
    use millrace_primitives::{Block, BlockHash, BlockNumber, Bloom, Gas, H256, Header, Timestamp, U256};
    use millrace_sequencing::follower::Cause;
    use std::sync::Arc;

    fn block() -> SealedBlock {
        let header = Header {
            parent_hash: BlockHash::new([0; 32]),
            beneficiary: Default::default(),
            state_root: H256::zero(),
            transactions_root: H256::zero(),
            receipts_root: H256::zero(),
            logs_bloom: Bloom::default(),
            number: BlockNumber::new(7),
            gas_limit: Gas::MAX,
            gas_used: Gas::new(621_000),
            timestamp: Timestamp::ZERO,
            base_fee_per_gas: U256::one(),
        };
        let block = Block { header, transactions: vec![vec![1]], receipts: Vec::new() };
        SealedBlock { hash: BlockHash::new([0xab; 32]), block, transaction_hashes: Vec::new() }
    }

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

    #[test]
    fn an_unwinding_has_one_line() {
        let reorganisation = Reorganisation {
            branch: BlockNumber::new(6),
            cause: Cause::Flush,
            removed: vec![Arc::new(block()), Arc::new(block())],
            added: vec![Arc::new(block())],
        };
        let line = reorganisation_line(&reorganisation);
        for part in ["to block 6", Cause::Flush.text(), "2 blocks are gone", "1 of the rollup node"] {
            assert!(line.contains(part), "{part} is not in {line}");
        }
    }

    #[test]
    fn a_block_has_one_line() {
        let line = block_line(&block());
        let hash = "ab".repeat(32);
        assert_eq!(line, format!("block      7     1 transaction         621000 gas  0x{hash}"));
    }
}
