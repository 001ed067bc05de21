//! What can go wrong, and whose fault it is.

use millrace_primitives::{BlockHash, BlockNumber, RollupAddress, U256};
use std::path::PathBuf;

/// A failure of the database.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The file could not be opened or created.
    #[error("cannot open the database {path}: {source}")]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Box<redb::DatabaseError>,
    },
    /// Another process has it open.
    #[error("the database {path} is in use by another process")]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// It belongs to another rollup.
    #[error("the database belongs to the rollup {found}, not to {expected}: use another data directory")]
    OtherRollup {
        /// What the database says.
        found: RollupAddress,
        /// What the node was started for.
        expected: RollupAddress,
    },
    /// It belongs to another chain.
    #[error("the database belongs to chain {found}, not to chain {expected}: use another data directory")]
    OtherChain {
        /// What the database says.
        found: U256,
        /// What the node was started for.
        expected: U256,
    },
    /// A newer program wrote it.
    #[error(
        "the database has schema version {found}, this program knows up to {supported}: use a newer program"
    )]
    NewerSchema {
        /// What the database says.
        found: u32,
        /// What this program writes.
        supported: u32,
    },
    /// An older program wrote it, and nothing turns that version into the present one.
    #[error(
        "the database has schema version {found}, which this program (version {supported}) cannot migrate"
    )]
    OlderSchema {
        /// What the database says.
        found: u32,
        /// What this program writes.
        supported: u32,
    },
    /// The file is a database, but not one of a node.
    #[error("the database {path} was not written by a millrace node")]
    NotOurs {
        /// The file.
        path: PathBuf,
    },
    /// An entry does not decode.
    #[error("corrupt entry in table {table}, key {key}")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The key, in decimal or hexadecimal.
        key: String,
    },
    /// The block is not the one after the head: a bug of the caller.
    #[error("block {found} cannot be stored: the next one is {expected}")]
    NotNext {
        /// The number of the block.
        found: BlockNumber,
        /// The number that can be stored.
        expected: BlockNumber,
    },
    /// The block does not stand on the head: a bug of the caller.
    #[error("block {number} cannot be stored: its parent is {found}, the head is {expected}")]
    NotChild {
        /// The number of the block.
        number: BlockNumber,
        /// Its parent.
        found: BlockHash,
        /// The head of the database.
        expected: BlockHash,
    },
    /// Transactions, receipts and hashes differ in number: a bug of the caller.
    #[error("block {number} has {transactions} transactions, {receipts} receipts and {hashes} hashes")]
    Uneven {
        /// The block.
        number: BlockNumber,
        /// How many transactions.
        transactions: usize,
        /// How many receipts.
        receipts: usize,
        /// How many transaction hashes.
        hashes: usize,
    },
    /// A value that the caller wants to store is too large.
    #[error("a value of {size_bytes} bytes is too large for table {table}")]
    TooLarge {
        /// The table.
        table: &'static str,
        /// Its size.
        size_bytes: usize,
    },
    /// The state after that block can no longer be restored.
    #[error("cannot go back to block {number}: the oldest that can be restored is {oldest}")]
    TooFarBack {
        /// The block asked for.
        number: BlockNumber,
        /// The oldest that can be had.
        oldest: BlockNumber,
    },
    /// The disk or the database engine failed.
    #[error("database failure: {0}")]
    Database(Box<redb::Error>),
}

/// The engine has one error type for each operation: all end here.
macro_rules! from_engine {
    ($($source:ty),+ $(,)?) => {$(
        impl From<$source> for StoreError {
            fn from(error: $source) -> Self {
                Self::Database(Box::new(error.into()))
            }
        }
    )+};
}

from_engine!(
    redb::TransactionError,
    redb::TableError,
    redb::StorageError,
    redb::CommitError,
    redb::SetDurabilityError,
);
