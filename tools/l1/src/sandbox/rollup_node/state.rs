//! The durable storage on disk: the newest version whole, older ones as differences.
//!
//! One transaction per level writes what changed in the durable storage, the level's record, its outbox and
//! what would undo it. Records and outboxes are kept for the last [`LEVELS_KEPT`] levels. The undo records of the last [`STATES_MAX`] levels rebuild the versions that the RPC
//! serves after a restart, and are what a reorganisation is rolled back by.

use super::commitments::Commitment;
use super::machine::state_hash;
use super::record::LevelRecord;
use crate::CommitmentHash;
use crate::sandbox::chain::old_levels;
use crate::sandbox::codec::{Damaged, Reader, Writer};
use crate::sandbox::limits::{LEVELS_KEPT, STATES_MAX};
use crate::sandbox::store::{META, Store, StoreError};
use millrace_primitives::{L1Level, RollupAddress};
use millrace_pvm::durable::{Durable, Key, Value};
use redb::{ReadableTable, Table, TableDefinition, WriteTransaction};
use std::collections::VecDeque;
use std::fmt;
use std::path::Path;

/// Names the contents of the file and their version.
const FORMAT: &str = "millrace sandbox rollup node/2";
/// Key in [`META`]: the 20 bytes of the rollup's address.
const ROLLUP: &str = "rollup";
/// Encoded [`LevelRecord`]s.
const LEVELS: TableDefinition<'_, u32, &[u8]> = TableDefinition::new("levels");
/// The newest durable storage: [`Value::to_record`] by key.
const DURABLE: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("durable");
/// What leads from the durable storage after a level back to the one before it.
const UNDO: TableDefinition<'_, u32, &[u8]> = TableDefinition::new("undo");
/// Outbox messages by level and index.
const OUTBOX: TableDefinition<'_, (u32, u32), &[u8]> = TableDefinition::new("outbox");

/// Encoded [`Commitment`]s by their hash, those of the levels in [`LEVELS`]. The commitment of the origination is no more than
/// a name.
const COMMITMENTS: TableDefinition<'_, &[u8; 32], &[u8]> = TableDefinition::new("commitments");

/// A level with the durable storage after it.
#[derive(Clone)]
pub struct Processed {
    /// What is remembered of the level.
    pub record: LevelRecord,
    /// The durable storage at its end.
    pub durable: Durable,
}

impl fmt::Debug for Processed {
    /// Without the durable storage, which may be gigabytes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Processed").field("record", &self.record).finish_non_exhaustive()
    }
}

/// The file.
pub(in crate::sandbox) struct StateStore {
    store: Store,
}

/// Changes of values by key; `None` removes.
type Differences<'a> = Vec<(String, Option<&'a Value>)>;

impl StateStore {
    /// Opens or creates the file. Answers the rollup that it belongs to, if it has one yet.
    pub(in crate::sandbox) fn open(path: &Path) -> Result<(Self, Option<RollupAddress>), StoreError> {
        Self::over(Store::open(path, FORMAT)?)
    }

    fn over(store: Store) -> Result<(Self, Option<RollupAddress>), StoreError> {
        store.write(|transaction| {
            transaction.open_table(LEVELS)?;
            transaction.open_table(DURABLE)?;
            transaction.open_table(UNDO)?;
            transaction.open_table(OUTBOX)?;
            transaction.open_table(COMMITMENTS)?;
            Ok(())
        })?;
        let meta = store.read()?.open_table(META)?;
        let rollup = match meta.get(ROLLUP)? {
            None => None,
            Some(bytes) => Some(
                RollupAddress::from_slice(bytes.value())
                    .ok_or_else(|| StoreError::damaged("rollup address"))?,
            ),
        };
        Ok((Self { store }, rollup))
    }

    /// Writes the origination: the first level, with nothing before it.
    pub(super) fn originate(&self, rollup: &RollupAddress, first: &Processed) -> Result<(), StoreError> {
        self.store.write(|transaction| {
            transaction.open_table(META)?.insert(ROLLUP, rollup.as_bytes().as_slice())?;
            write_durable(transaction, &first.durable.differences_since(&Durable::new()))?;
            write_record(transaction, &first.record)
        })
    }

    /// Writes a level: what it changed since `before`, its record, its outbox, its undo record.
    pub(super) fn append(
        &self,
        before: &Durable,
        after: &Processed,
        outbox: &[Vec<u8>],
    ) -> Result<(), StoreError> {
        let level = after.record.level.get();
        let undo = encode_differences(&before.differences_since(&after.durable));
        self.store.write(|transaction| {
            write_durable(transaction, &after.durable.differences_since(before))?;
            write_record(transaction, &after.record)?;
            write_commitment(transaction, after)?;
            prune(transaction, after.record.level)?;
            let mut undos = transaction.open_table(UNDO)?;
            undos.insert(level, undo.as_slice())?;
            undos.retain(|old, _| u64::from(old) + STATES_MAX as u64 > u64::from(level) + 1)?;
            let mut messages = transaction.open_table(OUTBOX)?;
            for (index, message) in (0u32..).zip(outbox) {
                messages.insert((level, index), message.as_slice())?;
            }
            Ok(())
        })
    }

    /// Takes back all levels after `last`: what they changed in the durable storage, their records and outboxes. All of
    /// them, or none.
    pub(super) fn take_back(&self, last: L1Level) -> Result<(), StoreError> {
        self.store.write(|transaction| {
            let mut levels = transaction.open_table(LEVELS)?;
            let mut undos = transaction.open_table(UNDO)?;
            let mut durable = transaction.open_table(DURABLE)?;
            let mut commitments = transaction.open_table(COMMITMENTS)?;
            loop {
                let newest = levels.last()?.map(|(level, _)| level.value());
                let Some(level) = newest.filter(|level| *level > last.get()) else { break };
                let undo = undos.remove(level)?;
                let damaged = || StoreError::damaged(format!("undo record of level {level}"));
                let undo = undo.ok_or_else(damaged)?;
                for difference in Recorded::new(undo.value()) {
                    let (key, value) = difference.map_err(|Damaged| damaged())?;
                    match value {
                        Some(value) => durable.insert(key.as_str(), value)?,
                        None => durable.remove(key.as_str())?,
                    };
                }
                remove_level(&mut levels, &mut commitments, level)?;
            }
            transaction.open_table(OUTBOX)?.retain(|(level, _), _| level <= last.get())?;
            Ok(())
        })
    }

    /// The newest outbox messages, at most so many, the newest first.
    pub(super) fn newest_outbox(&self, count: usize) -> Result<Vec<Sent>, StoreError> {
        let messages = self.store.read()?.open_table(OUTBOX)?;
        let newest = messages.iter()?.rev().take(count);
        newest
            .map(|entry| {
                let (place, bytes) = entry?;
                let (level, index) = place.value();
                Ok((L1Level::new(level), index, bytes.value().to_vec()))
            })
            .collect()
    }

    /// The newest levels with their durable storage, oldest first; empty before the origination.
    pub(in crate::sandbox) fn load(&self) -> Result<VecDeque<Processed>, StoreError> {
        let transaction = self.store.read()?;
        let levels = transaction.open_table(LEVELS)?;
        let undos = transaction.open_table(UNDO)?;
        let mut durable = read_durable(&transaction.open_table(DURABLE)?)?;
        let mut loaded = VecDeque::new();
        for entry in levels.iter()?.rev().take(STATES_MAX) {
            let (level, bytes) = entry?;
            let level = level.value();
            let record = LevelRecord::decode(bytes.value())
                .ok()
                .filter(|record| record.level.get() == level)
                .ok_or_else(|| StoreError::damaged(format!("record of level {level}")))?;
            loaded.push_front(Processed { record, durable: durable.clone() });
            let Some(undo) = undos.get(level)? else { break };
            apply(&mut durable, undo.value())
                .map_err(|Damaged| StoreError::damaged(format!("undo record of level {level}")))?;
        }
        Ok(loaded)
    }

    /// The record of a level, `None` when it was not processed.
    pub(super) fn record(&self, level: L1Level) -> Result<Option<LevelRecord>, StoreError> {
        let levels = self.store.read()?.open_table(LEVELS)?;
        let Some(bytes) = levels.get(level.get())? else { return Ok(None) };
        let record = LevelRecord::decode(bytes.value());
        record.map(Some).map_err(|Damaged| StoreError::damaged(format!("record of level {level}")))
    }

    /// The commitment of this hash, `None` when it was not made here, or is forgotten.
    pub(super) fn commitment(&self, hash: CommitmentHash) -> Result<Option<Commitment>, StoreError> {
        let commitments = self.store.read()?.open_table(COMMITMENTS)?;
        let Some(bytes) = commitments.get(hash.as_bytes())? else { return Ok(None) };
        let commitment =
            Commitment::decode(bytes.value()).ok().filter(|commitment| commitment.hash() == hash);
        commitment.map(Some).ok_or_else(|| StoreError::damaged(format!("commitment {hash}")))
    }

    /// The outbox messages of a level in order.
    pub(super) fn outbox(&self, level: L1Level) -> Result<Vec<Vec<u8>>, StoreError> {
        let messages = self.store.read()?.open_table(OUTBOX)?;
        let level = level.get();
        let mut outbox = Vec::new();
        for entry in messages.range((level, 0)..=(level, u32::MAX))? {
            outbox.push(entry?.1.value().to_vec());
        }
        Ok(outbox)
    }
}

/// An outbox message: its level, its place there, its bytes.
pub(crate) type Sent = (L1Level, u32, Vec<u8>);

/// Forgets old levels but the first, a few at a time.
fn prune(transaction: &WriteTransaction, head: L1Level) -> Result<(), StoreError> {
    let mut levels = transaction.open_table(LEVELS)?;
    let mut outbox = transaction.open_table(OUTBOX)?;
    let mut commitments = transaction.open_table(COMMITMENTS)?;
    for level in old_levels(&levels, head.saturating_sub(LEVELS_KEPT))? {
        remove_level(&mut levels, &mut commitments, level)?;
        outbox.retain_in((level, 0)..=(level, u32::MAX), |_, _| false)?;
    }
    Ok(())
}

/// Removes the record of a level, and the commitment that was made there.
fn remove_level(
    levels: &mut Table<'_, u32, &'static [u8]>,
    commitments: &mut Table<'_, &'static [u8; 32], &'static [u8]>,
    level: u32,
) -> Result<(), StoreError> {
    let Some(bytes) = levels.remove(level)? else { return Ok(()) };
    let record = LevelRecord::decode(bytes.value())
        .map_err(|Damaged| StoreError::damaged(format!("record of level {level}")))?;
    if let Some(hash) = record.commitment {
        commitments.remove(hash.as_bytes())?;
    }
    Ok(())
}

fn write_commitment(transaction: &WriteTransaction, after: &Processed) -> Result<(), StoreError> {
    let Some(hash) = after.record.commitment else { return Ok(()) };
    let Some(commitment) = after.record.committed(state_hash(&after.durable)) else { return Ok(()) };
    transaction.open_table(COMMITMENTS)?.insert(hash.as_bytes(), commitment.encode().as_slice())?;
    Ok(())
}

fn write_record(transaction: &WriteTransaction, record: &LevelRecord) -> Result<(), StoreError> {
    transaction.open_table(LEVELS)?.insert(record.level.get(), record.encode().as_slice())?;
    Ok(())
}

fn write_durable(transaction: &WriteTransaction, changes: &Differences<'_>) -> Result<(), StoreError> {
    let mut table = transaction.open_table(DURABLE)?;
    for (key, value) in changes {
        match value {
            Some(value) => table.insert(key.as_str(), value.to_record().as_slice())?,
            None => table.remove(key.as_str())?,
        };
    }
    Ok(())
}

fn read_durable(table: &impl ReadableTable<&'static str, &'static [u8]>) -> Result<Durable, StoreError> {
    let mut durable = Durable::new();
    for entry in table.iter()? {
        let (key, bytes) = entry?;
        put(&mut durable, key.value(), Some(bytes.value()))
            .map_err(|Damaged| StoreError::damaged(format!("durable key {:?}", key.value())))?;
    }
    Ok(durable)
}

fn encode_differences(differences: &Differences<'_>) -> Vec<u8> {
    let writer = differences.iter().fold(Writer::default(), |writer, (key, value)| {
        let writer = writer.string(key.as_bytes());
        match value {
            None => writer.fixed(&[0]),
            Some(value) => writer.fixed(&[1]).string(&value.to_record()),
        }
    });
    writer.finish()
}

/// Encoded differences, one by one: a key, and the record of its value; `None` removes.
struct Recorded<'a> {
    reader: Reader<'a>,
}

impl<'a> Recorded<'a> {
    fn new(differences: &'a [u8]) -> Self {
        Self { reader: Reader::new(differences) }
    }

    fn read(&mut self) -> Result<(String, Option<&'a [u8]>), Damaged> {
        let key = self.reader.text()?;
        match self.reader.u8()? {
            0 => Ok((key, None)),
            1 => Ok((key, Some(self.reader.string()?))),
            _ => Err(Damaged),
        }
    }
}

impl<'a> Iterator for Recorded<'a> {
    type Item = Result<(String, Option<&'a [u8]>), Damaged>;

    fn next(&mut self) -> Option<Self::Item> {
        (!self.reader.is_empty()).then(|| self.read())
    }
}

fn apply(durable: &mut Durable, differences: &[u8]) -> Result<(), Damaged> {
    Recorded::new(differences).try_for_each(|difference| {
        let (key, value) = difference?;
        put(durable, &key, value)
    })
}

/// Sets or removes one value. Keys are trusted to be well-formed (the PVM's own are longer than a kernel may
/// spell), but not to be the root.
fn put(durable: &mut Durable, key: &str, record: Option<&[u8]>) -> Result<(), Damaged> {
    if !key.starts_with('/') {
        return Err(Damaged);
    }
    match record {
        None => {
            durable.delete_value(Key::trusted(key));
        }
        Some(record) => durable.set(Key::trusted(key), Value::from_record(record).ok_or(Damaged)?),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::record::Outcome;
    use super::*;
    use crate::sandbox::chain::Block;
    use crate::sandbox::store::tape::Tape;
    use millrace_primitives::Timestamp;
    use millrace_pvm::Status;

    const ADDRESS: RollupAddress = RollupAddress::new([4; 20]);

    fn durable(values: &[(&str, &str)]) -> Durable {
        Durable::from_values(values.iter().map(|(key, value)| (*key, value.as_bytes()))).unwrap()
    }

    fn block(level: u32) -> Block {
        let predecessor = crate::L1BlockHash::new([level as u8; 32]);
        Block::new(L1Level::new(level), predecessor, Timestamp::new(1), vec![], 0)
    }

    fn first(durable: Durable) -> Processed {
        Processed { record: LevelRecord::origination(&block(0), &ADDRESS), durable }
    }

    fn outcome() -> Outcome {
        Outcome { ticks: 1, status: Status::WaitingForInput, commits_to: None }
    }

    fn next(previous: &Processed, durable: Durable) -> Processed {
        let block = block(previous.record.level.get() + 1);
        Processed { record: LevelRecord::after(&previous.record, &block, &[], outcome()), durable }
    }

    fn values(durable: &Durable) -> Vec<(String, Vec<u8>)> {
        durable.values().map(|(key, value)| (key, value.to_bytes().into_owned())).collect()
    }

    #[test]
    fn every_kept_version_comes_back_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("node.redb");
        let (store, rollup) = StateStore::open(&path).unwrap();
        assert_eq!(rollup, None);
        let mut versions = vec![first(durable(&[("/a", "1"), ("/a/b", "2")]))];
        store.originate(&ADDRESS, &versions[0]).unwrap();
        let states = [
            durable(&[("/a/b", "2"), ("/c", "3")]),
            durable(&[("/a/b", "changed"), ("/c", "3"), ("/c/d/e", "")]),
            durable(&[]),
            durable(&[("/z", "9")]),
        ];
        for state in states {
            let previous = versions.last().unwrap().clone();
            versions.push(next(&previous, state));
            store.append(&previous.durable, versions.last().unwrap(), &[vec![1], vec![2]]).unwrap();
        }
        drop(store);

        let (store, rollup) = StateStore::open(&path).unwrap();
        assert_eq!(rollup, Some(ADDRESS));
        let loaded = store.load().unwrap();
        assert_eq!(loaded.len(), versions.len());
        for (loaded, version) in loaded.iter().zip(&versions) {
            assert_eq!(loaded.record, version.record);
            assert_eq!(values(&loaded.durable), values(&version.durable));
        }
        assert_eq!(store.record(L1Level::new(2)).unwrap().unwrap(), versions[2].record);
        assert_eq!(store.record(L1Level::new(5)).unwrap(), None);
        assert_eq!(store.outbox(L1Level::new(3)).unwrap(), [vec![1], vec![2]]);
        assert!(store.outbox(L1Level::new(0)).unwrap().is_empty());
    }

    #[test]
    fn levels_that_are_taken_back_leave_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("node.redb");
        let (store, _) = StateStore::open(&path).unwrap();
        let mut versions = vec![first(durable(&[("/a", "0"), ("/gone", "")]))];
        store.originate(&ADDRESS, &versions[0]).unwrap();
        let states = [durable(&[("/a", "1"), ("/b", "1")]), durable(&[("/b", "2")]), durable(&[("/c", "3")])];
        for state in states {
            let previous = versions.last().unwrap().clone();
            versions.push(next(&previous, state));
            store.append(&previous.durable, versions.last().unwrap(), &[vec![1]]).unwrap();
        }
        for last in [2, 0] {
            store.take_back(L1Level::new(last)).unwrap();
            let loaded = store.load().unwrap();
            assert_eq!(loaded.len(), last as usize + 1);
            let (newest, version) = (loaded.back().unwrap(), &versions[last as usize]);
            assert_eq!(newest.record, version.record);
            assert_eq!(values(&newest.durable), values(&version.durable));
            assert_eq!(store.record(L1Level::new(last + 1)).unwrap(), None);
            assert!(store.outbox(L1Level::new(last + 1)).unwrap().is_empty());
        }
        // What comes instead is written as if nothing had been there.
        let other = next(&versions[0], durable(&[("/a", "other")]));
        store.append(&versions[0].durable, &other, &[]).unwrap();
        drop(store);
        let loaded = StateStore::open(&path).unwrap().0.load().unwrap();
        assert_eq!(values(&loaded[0].durable), values(&versions[0].durable));
        assert_eq!(values(&loaded[1].durable), values(&other.durable));
    }

    #[test]
    fn old_versions_are_forgotten_and_records_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let (store, _) = StateStore::open(&folder.path().join("node.redb")).unwrap();
        let mut newest = first(durable(&[("/n", "0")]));
        store.originate(&ADDRESS, &newest).unwrap();
        let count = STATES_MAX as u32 + 10;
        for level in 1..=count {
            let following = next(&newest, durable(&[("/n", &level.to_string())]));
            store.append(&newest.durable, &following, &[]).unwrap();
            newest = following;
        }
        let loaded = store.load().unwrap();
        assert_eq!(loaded.len(), STATES_MAX);
        let oldest = loaded.front().unwrap();
        assert_eq!(oldest.record.level.get(), count - STATES_MAX as u32 + 1);
        let number = oldest.record.level.to_string();
        assert_eq!(oldest.durable.get("/n").unwrap().to_bytes().as_ref(), number.as_bytes());
        assert!(store.record(L1Level::new(1)).unwrap().is_some());
    }

    #[test]
    fn only_so_many_records_and_outboxes_are_kept_and_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let (store, _) = StateStore::open(&folder.path().join("node.redb")).unwrap();
        let mut newest = first(durable(&[("/n", "0")]));
        store.originate(&ADDRESS, &newest).unwrap();
        for _ in 0..3 {
            let following = next(&newest, durable(&[("/n", "1")]));
            store.append(&newest.durable, &following, &[vec![1]]).unwrap();
            newest = following;
        }
        let level = |level| store.record(L1Level::new(level)).unwrap().is_some();
        let prune_to =
            |head| store.store.write(|transaction| prune(transaction, L1Level::new(head))).unwrap();
        prune_to(LEVELS_KEPT);
        assert!((0..=3).all(level), "all of them are recent");
        prune_to(LEVELS_KEPT + 3);
        assert_eq!([0, 1, 2, 3].map(level), [true, false, false, true]);
        assert!(store.outbox(L1Level::new(2)).unwrap().is_empty());
        assert_eq!(store.outbox(L1Level::new(3)).unwrap(), [vec![1]]);
        assert_eq!(store.load().unwrap().back().unwrap().record.level, L1Level::new(3));
    }

    #[test]
    fn damage_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let (store, _) = StateStore::open(&folder.path().join("node.redb")).unwrap();
        store.originate(&ADDRESS, &first(durable(&[("/n", "0")]))).unwrap();
        let damage = |transaction: &WriteTransaction| {
            transaction.open_table(DURABLE)?.insert("/n", [9u8; 3].as_slice())?;
            Ok(())
        };
        store.store.write(damage).unwrap();
        let error = store.load().unwrap_err();
        assert!(error.to_string().contains("durable key \"/n\""), "{error}");
    }

    /// All of a version, to compare.
    type Version = (LevelRecord, Vec<(String, Vec<u8>)>, Vec<Vec<u8>>, Option<Commitment>);

    fn newest(store: &StateStore) -> Version {
        let newest = store.load().unwrap().pop_back().unwrap();
        let outbox = store.outbox(newest.record.level).unwrap();
        let commitment = newest.record.commitment.and_then(|hash| store.commitment(hash).unwrap());
        (newest.record, values(&newest.durable), outbox, commitment)
    }

    #[test]
    fn a_process_that_dies_at_any_write_leaves_a_level_whole_or_the_one_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("node.redb");
        let tape = Tape::default();
        let (store, _) = StateStore::over(Store::on(tape.clone(), FORMAT).unwrap()).unwrap();
        let many = |word: &str| {
            let keys = (0..500).map(|number| (format!("/{word}/{number}"), format!("{word} {number}")));
            Durable::from_values(keys.map(|(key, value)| (key, value.into_bytes()))).unwrap()
        };
        let origin = first(many("a"));
        store.originate(&ADDRESS, &origin).unwrap();
        tape.record();

        let mut committed = next(&origin, many("b"));
        let state = state_hash(&committed.durable);
        committed.record = LevelRecord::after(
            &origin.record,
            &block(1),
            &[],
            Outcome { commits_to: Some(state), ..outcome() },
        );
        let acts: [(&str, &dyn Fn()); 2] = [
            ("append", &|| store.append(&origin.durable, &committed, &[vec![1], vec![2]]).unwrap()),
            ("take back", &|| store.take_back(L1Level::ZERO).unwrap()),
        ];
        for (name, act) in acts {
            let before = newest(&store);
            tape.images();
            act();
            let after = newest(&store);
            assert_ne!(before, after);
            let images = tape.images();
            assert!(images.len() > 2, "{} writes", images.len());
            let mut seen = Vec::new();
            for image in &images {
                std::fs::write(&path, image).unwrap();
                let found = newest(&StateStore::open(&path).unwrap().0);
                assert!(found == before || found == after, "{name}: a part of a level");
                seen.push(found == after);
            }
            assert!(seen.is_sorted(), "{name}: what was there is gone: {seen:?}");
            assert_eq!((seen.first(), seen.last()), (Some(&false), Some(&true)), "{name}");
        }
        assert_eq!(
            store.commitment(committed.record.commitment.unwrap()).unwrap(),
            None,
            "it is taken back too"
        );
    }

    /// `MILLRACE_LEVEL_CHANGES` asks for more than in every run of the tests.
    #[test]
    fn a_level_of_very_many_changes_is_one_commit_and_can_be_taken_back() {
        let asked = std::env::var("MILLRACE_LEVEL_CHANGES").ok();
        let changes: u32 = asked.map_or(50_000, |text| text.parse().unwrap());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("node.redb");
        let (store, _) = StateStore::open(&path).unwrap();
        let origin = first(durable(&[("/a", "0")]));
        store.originate(&ADDRESS, &origin).unwrap();
        let key = |number: u32| format!("/{}/{number}", number % 1_000);
        let values = (0..changes).map(|number| (key(number), number.to_be_bytes().to_vec()));
        let after = next(&origin, Durable::from_values(values).unwrap());
        let begin = std::time::Instant::now();
        store.append(&origin.durable, &after, &[]).unwrap();
        let appended_ms = begin.elapsed().as_millis();
        drop(store);
        let begin = std::time::Instant::now();
        let (store, _) = StateStore::open(&path).unwrap();
        let loaded = store.load().unwrap();
        let loaded_ms = begin.elapsed().as_millis();
        assert_eq!(loaded[1].durable.hash(), after.durable.hash());
        assert_eq!(loaded[0].durable.hash(), origin.durable.hash());
        let begin = std::time::Instant::now();
        store.take_back(L1Level::ZERO).unwrap();
        let taken_back_ms = begin.elapsed().as_millis();
        eprintln!(
            "{changes} changes: {appended_ms} ms to append, {loaded_ms} to load, {taken_back_ms} to take back"
        );
        assert_eq!(store.load().unwrap().back().unwrap().durable.hash(), origin.durable.hash());
    }
}
