//! Hashing the storage, and going back to an older version of it.

use super::{Row, grouped, row, shortest, timed};
use millrace_pvm::durable::{Durable, Key};
use std::time::Duration;

/// Changes between two hashes.
const CHANGES: [usize; 3] = [1, 1_000, 100_000];
/// A prime: changes are spread over all keys.
const STRIDE: usize = 7_919;
/// Directories of the storage that is not wide.
const DIRECTORIES: usize = 1_000;

fn of_keys(count: usize, key: impl Fn(usize) -> String) -> anyhow::Result<Durable> {
    let values = (0..count).map(|index| (key(index), index.to_le_bytes().repeat(4)));
    Durable::from_values(values).map_err(|code| anyhow::anyhow!("{code:?}"))
}

fn wide_key(index: usize) -> String {
    format!("/wide/{index:07}")
}

fn deep_key(index: usize) -> String {
    format!("/deep/{:04}/{:04}", index % DIRECTORIES, index / DIRECTORIES)
}

/// All keys in one directory, each with 32 bytes.
pub(super) fn wide(count: usize) -> anyhow::Result<Durable> {
    of_keys(count, wide_key)
}

pub(super) fn measure(keys: usize) -> anyhow::Result<Vec<Row>> {
    let mut rows = hashing(keys, "in one directory", wide_key)?;
    rows.extend(hashing(keys, "in a thousand directories", deep_key)?);
    Ok(rows)
}

fn hashing(keys: usize, place: &str, key: fn(usize) -> String) -> anyhow::Result<Vec<Row>> {
    let mut durable = of_keys(keys, key)?;
    let (_, first) = timed(|| durable.hash());
    let place = format!("{} keys {place}", grouped(keys));
    let mut rows = vec![row(format!("hash of {place}, the first time"), first, None)];
    for count in CHANGES {
        let mut round = 0u8;
        let mut writing = Duration::MAX;
        let time = shortest(|| {
            round += 1;
            // A node keeps older versions: they must not become cheaper by being gone.
            let before = durable.clone();
            let ((), written) = timed(|| {
                for index in 0..count {
                    durable.set(Key::trusted(&key(index * STRIDE % keys)), vec![round; 32]);
                }
            });
            writing = writing.min(written);
            let (hash, time) = timed(|| durable.hash());
            anyhow::ensure!(hash != before.hash(), "nothing changed");
            Ok(time)
        })?;
        rows.push(row(format!("{} changes of {place}", grouped(count)), writing, None));
        rows.push(row(format!("hash after {} changes of {place}", grouped(count)), time, None));
    }
    Ok(rows)
}
