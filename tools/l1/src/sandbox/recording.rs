//! What a rollup has been through, taken from the data folder of a sandbox that may be running.
//!
//! Nothing in the folder is opened for writing or locked: the two databases are copied, and looked at in the copy. A
//! copy is good when no transaction ended while it was made: each ends with a write to the first page of the file, which
//! numbers them. So the page is the same before and after, or the copy is made again.

use super::chain::{Chain, Rules};
pub use super::rollup_node::Processed;
use super::rollup_node::{StateStore, level_inputs};
use super::store::StoreError;
use super::{CHAIN_FILE, NODE_FILE};
use millrace_primitives::{L1Level, RollupAddress, Timestamp};
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

/// Bytes at the beginning of a database that change with each transaction.
const FIRST_PAGE_BYTES: u64 = 4_096;
/// How often a copy is tried: a level takes a second or so, and a copy less.
const COPIES_MAX: usize = 20;

/// Levels of a rollup, with where it stood before and after each.
#[derive(Debug)]
pub struct Recording {
    /// The rollup.
    pub rollup: RollupAddress,
    /// Where it stood before the first of the levels.
    pub start: Processed,
    /// The levels in order.
    pub levels: Vec<RecordedLevel>,
}

/// A level that was processed.
#[derive(Debug)]
pub struct RecordedLevel {
    /// All inputs of the PVM, from the start of the level to its end.
    pub inputs: Vec<Vec<u8>>,
    /// Where the rollup stood after it.
    pub after: Processed,
}

/// Why there is no recording.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// A file cannot be read, or not be copied.
    #[error("{path}: {error}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Transactions ended during each copy.
    #[error("{path} changes too fast to be copied: stop the sandbox, or give it slower levels")]
    Busy {
        /// Which file.
        path: PathBuf,
    },
    /// A copy is no database of a sandbox.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The folder holds no rollup yet.
    #[error("no rollup has been originated there")]
    NoRollup,
    /// The layer 1 does not have a level that the rollup node has processed.
    #[error("the layer 1 has no block of level {0}")]
    NoBlock(L1Level),
    /// Not a single level can be replayed.
    #[error("the rollup has processed no level yet")]
    NoLevels,
}

impl Recording {
    /// The last `levels` levels in the data folder of a sandbox's layer 1, or as many as it keeps states of
    /// ([`super::limits::STATES_MAX`], one of which is where the first level starts).
    ///
    /// # Errors
    /// [`RecordingError`].
    pub fn of(folder: &Path, levels: usize) -> Result<Self, RecordingError> {
        let temporary = tempfile::tempdir();
        let copies = temporary.map_err(|error| RecordingError::File { path: std::env::temp_dir(), error })?;
        // In this order: the layer 1 has every level that the rollup node has.
        let node = copy(folder, copies.path(), NODE_FILE)?;
        let chain = copy(folder, copies.path(), CHAIN_FILE)?;
        let (store, rollup) = StateStore::open(&node)?;
        let rollup = rollup.ok_or(RecordingError::NoRollup)?;
        let chain = Chain::open(&chain, Timestamp::ZERO, Rules::default(), &[])?;
        let mut states = store.load()?;
        while states.len() > levels.saturating_add(1) {
            states.pop_front();
        }
        let start = states.pop_front().ok_or(RecordingError::NoLevels)?;
        let mut recorded = Vec::with_capacity(states.len());
        let mut timestamp = start.record.timestamp;
        for after in states {
            let level = after.record.level;
            let block = chain.block(after.record.block_hash)?.ok_or(RecordingError::NoBlock(level))?;
            recorded.push(RecordedLevel { inputs: level_inputs(timestamp, &block), after });
            timestamp = block.timestamp;
        }
        if recorded.is_empty() {
            return Err(RecordingError::NoLevels);
        }
        Ok(Self { rollup, start, levels: recorded })
    }
}

/// Copies a database as it is between two transactions.
fn copy(from: &Path, to: &Path, name: &str) -> Result<PathBuf, RecordingError> {
    let (from, to) = (from.join(name), to.join(name));
    let of = |path: &Path| {
        let path = path.to_owned();
        move |error| RecordingError::File { path, error }
    };
    for _ in 0..COPIES_MAX {
        let before = first_page(&from).map_err(of(&from))?;
        fs::copy(&from, &to).map_err(of(&to))?;
        let is_same = before == first_page(&from).map_err(of(&from))?;
        // The copy of the page may be from between the two.
        if is_same && before == first_page(&to).map_err(of(&to))? {
            return Ok(to);
        }
    }
    Err(RecordingError::Busy { path: from })
}

fn first_page(path: &Path) -> io::Result<Vec<u8>> {
    let mut page = Vec::new();
    File::open(path)?.take(FIRST_PAGE_BYTES).read_to_end(&mut page)?;
    Ok(page)
}
