//! What the user of a running node sees.

use anyhow::{Context as _, bail};
use millrace_node::{Node, Reorganisation, SealedBlock, Status};
use millrace_sequencing::{producer::Stopped, schedule::Standby};
use std::sync::Arc;
use tokio::sync::{
    broadcast::{self, error::RecvError},
    watch,
};

/// Everything that a node tells, as lines.
pub(crate) struct Watch {
    blocks: broadcast::Receiver<Arc<SealedBlock>>,
    reorganisations: broadcast::Receiver<Arc<Reorganisation>>,
    status: watch::Receiver<Status>,
    pub(crate) trouble: Trouble,
}

impl Watch {
    pub(crate) fn of(node: &Node) -> Self {
        Self {
            blocks: node.blocks(),
            reorganisations: node.reorganisations(),
            status: node.status(),
            trouble: Trouble::default(),
        }
    }

    /// Tells the next thing that happens. It may be dropped at any time, and nothing is left out.
    pub(crate) async fn next(&mut self) -> anyhow::Result<()> {
        tokio::select! {
            block = self.blocks.recv() => match block {
                Ok(block) if block.block.transactions.is_empty() => {}
                Ok(block) => println!("{}", block_line(&block)),
                Err(RecvError::Lagged(count)) => println!("({count} blocks not shown)"),
                Err(RecvError::Closed) => bail!("the node stopped by itself"),
            },
            reorganisation = self.reorganisations.recv() => match reorganisation {
                Ok(reorganisation) => println!("{}", reorganisation_line(&reorganisation)),
                Err(RecvError::Lagged(count)) => println!("({count} unwindings not shown)"),
                Err(RecvError::Closed) => bail!("the node stopped by itself"),
            },
            changed = self.status.changed() => {
                changed.context("the node stopped by itself")?;
                let status = self.status.borrow_and_update().clone();
                self.trouble.of_node(&status);
            }
        }
        Ok(())
    }

    /// Whether it could do its work to the end.
    pub(crate) fn outcome(self) -> anyhow::Result<()> {
        self.trouble.outcome()
    }
}

/// What is wrong, told once each time that it changes.
#[derive(Debug, Default)]
pub(crate) struct Trouble {
    standby: Option<String>,
    node: Option<String>,
    rollup_node: Option<String>,
    /// The trouble that does not pass.
    fatal: Option<String>,
}

impl Trouble {
    fn of_node(&mut self, status: &Status) {
        let standby = status.standby.filter(|standby| *standby != Standby::Unheard);
        let standby = standby.map(|standby| standby.to_string());
        if standby != self.standby {
            println!("{}", standby.as_deref().unwrap_or("this node makes the blocks"));
            self.standby = standby;
        }
        // To stand by is no trouble.
        let stopped = status.stopped.filter(|stopped| !matches!(stopped, Stopped::Standby(_)));
        let stopped = stopped.map(|stopped| stopped.to_string());
        if let Some(Stopped::Diverged(_)) = status.stopped {
            self.fatal = stopped.clone();
        }
        let now = stopped
            .or_else(|| status.following.clone())
            .or_else(|| status.upstream.clone())
            .or_else(|| status.failure.clone())
            .or_else(|| status.publication.clone());
        tell(&mut self.node, now, "the node works again");
    }

    /// An error if it could not do its work to the end.
    pub(crate) fn outcome(self) -> anyhow::Result<()> {
        match self.fatal {
            Some(fatal) => bail!(fatal),
            None => Ok(()),
        }
    }

    /// The trouble of a rollup node in the same process; one that is dead does not come back.
    pub(crate) fn of_rollup_node(&mut self, now: Option<String>, is_dead: bool) {
        if is_dead {
            self.fatal.clone_from(&now);
        }
        tell(&mut self.rollup_node, now, "the rollup node works again");
    }
}

fn tell(before: &mut Option<String>, now: Option<String>, over: &str) {
    if *before == now {
        return;
    }
    match &now {
        Some(text) => eprintln!("error: {text}"),
        None => println!("{over}"),
    }
    *before = now;
}

/// One line for blocks that are no longer there.
fn reorganisation_line(reorganisation: &Reorganisation) -> String {
    let Reorganisation { branch, cause, removed, added } = reorganisation;
    format!(
        "unwound to block {branch}: {}; {} blocks are gone, {} of the rollup node in their place",
        cause.text(),
        removed.len(),
        added.len()
    )
}

/// One line for a block.
fn block_line(sealed: &SealedBlock) -> String {
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
pub(crate) mod tests {
    use super::*;
    use millrace_primitives::{Block, BlockHash, BlockNumber, Bloom, Gas, H256, Header, Timestamp, U256};
    use millrace_sequencing::follower::Cause;

    pub(crate) fn block() -> SealedBlock {
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
