//! Whether a file is whole, found out without a write to it.
//!
//! redb checks the sums of its pages only when it repairs a file, and opening a file is a write to it already. So a file is first
//! opened as if it were a copy: what redb writes stays in memory, and all pages are gone through. What it would repair is
//! damage: every commit leaves a file that needs no repair, whenever its process dies.

use super::{META, StoreError};
use crate::sandbox::limits::CACHE_BYTES;
use redb::backends::FileBackend;
use redb::{BackendError, Database, DatabaseError, ReadableDatabase, StorageBackend, TableError};
use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{self, ErrorKind};
use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Checks all of a file that no other process has open, and answers the format that it names, if it does.
///
/// # Errors
/// [`StoreError::InUse`], or [`StoreError::Corrupt`] for a file that is not as the last commit left it.
pub(super) fn check(path: &Path) -> Result<Option<Vec<u8>>, StoreError> {
    let corrupt = |cause: String| StoreError::Corrupt { path: path.to_owned(), cause };
    let backend = Unwritten::open(path).map_err(|error| corrupt(error.to_string()))?;
    if backend.lock().size_bytes == 0 {
        // redb would begin a new one.
        return Err(corrupt("it is empty".to_owned()));
    }
    // A page that is garbage may look like anything: redb panics over some.
    match catch_unwind(AssertUnwindSafe(|| go_through(backend))) {
        Ok(Ok(format)) => Ok(format),
        Ok(Err(Flaw::InUse)) => Err(StoreError::InUse),
        Ok(Err(Flaw::Found(cause))) => Err(corrupt(cause)),
        Err(_) => Err(corrupt("its pages make no sense".to_owned())),
    }
}

/// What is wrong with a file.
enum Flaw {
    InUse,
    Found(String),
}

impl From<DatabaseError> for Flaw {
    fn from(error: DatabaseError) -> Self {
        match error {
            DatabaseError::DatabaseAlreadyOpen => Self::InUse,
            DatabaseError::RepairAborted => Self::Found("it was cut off or overwritten".to_owned()),
            other => Self::Found(other.to_string()),
        }
    }
}

fn go_through(backend: Unwritten) -> Result<Option<Vec<u8>>, Flaw> {
    let found = |error: String| Flaw::Found(error);
    let mut database = Database::builder()
        .set_cache_size(CACHE_BYTES)
        .set_repair_callback(redb::RepairSession::abort)
        .create_with_backend(backend)?;
    if !database.check_integrity()? {
        return Err(found("some of its pages are not as they were written".to_owned()));
    }
    let transaction = database.begin_read().map_err(|error| found(error.to_string()))?;
    let meta = match transaction.open_table(META) {
        Ok(meta) => meta,
        Err(TableError::TableDoesNotExist(_)) => return Ok(None),
        Err(error) => return Err(found(error.to_string())),
    };
    let format = meta.get("format").map_err(|error| found(error.to_string()))?;
    Ok(format.map(|format| format.value().to_vec()))
}

/// Bytes that are replaced together.
const BLOCK_BYTES: u64 = 4_096;

type Block = Box<[u8; BLOCK_BYTES as usize]>;

/// A file as it would be after writes that never reach it. It is locked like one that is written to.
#[derive(Debug)]
struct Unwritten {
    file: FileBackend,
    changes: Mutex<Changes>,
}

#[derive(Debug)]
struct Changes {
    size_bytes: u64,
    /// Bytes from the beginning that are those of the file unless they are in a block.
    kept_bytes: u64,
    blocks: BTreeMap<u64, Block>,
}

impl Unwritten {
    fn open(path: &Path) -> Result<Self, redb::Error> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        let file = FileBackend::new(file)?;
        let size_bytes = file.len()?;
        let changes = Changes { size_bytes, kept_bytes: size_bytes, blocks: BTreeMap::new() };
        Ok(Self { file, changes: Mutex::new(changes) })
    }

    fn lock(&self) -> MutexGuard<'_, Changes> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The block of this number as it was before any write.
    fn original(&self, changes: &Changes, number: u64) -> io::Result<Block> {
        let mut block = Box::new([0; BLOCK_BYTES as usize]);
        let start = number * BLOCK_BYTES;
        let kept = changes.kept_bytes.saturating_sub(start).min(BLOCK_BYTES);
        self.file.read(start, &mut block[..kept as usize])?;
        Ok(block)
    }
}

/// The parts of a range by block: its number, where the part begins there, and its bytes in the range.
fn parts(offset: u64, size_bytes: usize) -> impl Iterator<Item = (u64, usize, std::ops::Range<usize>)> {
    let end = offset + size_bytes as u64;
    let numbers = offset / BLOCK_BYTES..end.div_ceil(BLOCK_BYTES);
    numbers.map(move |number| {
        let block = number * BLOCK_BYTES;
        let (from, to) = (offset.max(block), end.min(block + BLOCK_BYTES));
        (number, (from - block) as usize, (from - offset) as usize..(to - offset) as usize)
    })
}

impl StorageBackend for Unwritten {
    fn len(&self) -> io::Result<u64> {
        Ok(self.lock().size_bytes)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let changes = self.lock();
        if offset + out.len() as u64 > changes.size_bytes {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        if changes.blocks.is_empty() && changes.kept_bytes == changes.size_bytes {
            return self.file.read(offset, out);
        }
        for (number, start, range) in parts(offset, out.len()) {
            let part = &mut out[range];
            match changes.blocks.get(&number) {
                Some(block) => part.copy_from_slice(&block[start..start + part.len()]),
                None => {
                    let block = self.original(&changes, number)?;
                    part.copy_from_slice(&block[start..start + part.len()]);
                }
            }
        }
        Ok(())
    }

    fn set_len(&self, size_bytes: u64) -> io::Result<()> {
        let mut changes = self.lock();
        if size_bytes < changes.size_bytes {
            // What is beyond the new end is zero, should the file grow again.
            let last = size_bytes / BLOCK_BYTES;
            drop(changes.blocks.split_off(&(last + 1)));
            if let Some(block) = changes.blocks.get_mut(&last) {
                block[(size_bytes % BLOCK_BYTES) as usize..].fill(0);
            }
            changes.kept_bytes = changes.kept_bytes.min(size_bytes);
        }
        changes.size_bytes = size_bytes;
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut changes = self.lock();
        for (number, start, range) in parts(offset, bytes.len()) {
            let part = &bytes[range];
            let mut block = match changes.blocks.remove(&number) {
                Some(block) => block,
                None => self.original(&changes, number)?,
            };
            block[start..start + part.len()].copy_from_slice(part);
            changes.blocks.insert(number, block);
        }
        changes.size_bytes = changes.size_bytes.max(offset + bytes.len() as u64);
        Ok(())
    }

    fn close(&self) -> io::Result<()> {
        self.file.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_range(start, end)
    }

    fn try_lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.query_lock_range(start, end)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Store;
    use super::*;
    use redb::{ReadableTable, TableDefinition};
    use std::fs;

    const NUMBERS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("numbers");

    /// A file of several commits, the last of them of `count` values.
    fn file(path: &Path, count: u64) {
        let store = Store::open(path, "one/1").unwrap();
        for commit in 0..4u8 {
            let fill = |transaction: &redb::WriteTransaction| {
                let mut numbers = transaction.open_table(NUMBERS)?;
                for number in 0..count {
                    numbers.insert(number, [commit; 50].as_slice())?;
                }
                Ok(())
            };
            store.write(fill).unwrap();
        }
    }

    /// All values of a file, or why it is refused.
    fn read(path: &Path) -> Result<Vec<(u64, Vec<u8>)>, StoreError> {
        let numbers = Store::open(path, "one/1")?.read()?.open_table(NUMBERS)?;
        numbers
            .iter()?
            .map(|entry| entry.map(|(key, value)| (key.value(), value.value().to_vec())))
            .map(|e| Ok(e?))
            .collect()
    }

    #[test]
    fn a_flipped_bit_is_harmless_or_refused_and_the_file_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file.redb");
        file(&path, 200);
        let (whole, values) = (fs::read(&path).unwrap(), read(&path).unwrap());
        let used: Vec<usize> = (320..whole.len()).filter(|at| whole[*at] != 0).collect();
        let (mut refused, mut harmless) = (0, 0);
        // Every part of the header, and pages of every kind.
        for at in (0..320).step_by(5).chain(used.iter().copied().step_by(used.len() / 60)) {
            let mut damaged = whole.clone();
            damaged[at] ^= 1 << (at % 8);
            fs::write(&path, &damaged).unwrap();
            match read(&path) {
                Ok(found) => {
                    assert_eq!(found, values, "byte {at} changes what is read");
                    harmless += 1;
                }
                Err(error) => {
                    assert!(
                        matches!(&error, StoreError::Corrupt { path: named, .. } if *named == path),
                        "{error}"
                    );
                    assert!(fs::read(&path).unwrap() == damaged, "byte {at}: the file was written to");
                    refused += 1;
                }
            }
        }
        assert!(refused > 30 && harmless > 0, "{refused} refused, {harmless} harmless");
    }

    #[test]
    fn a_file_that_is_cut_off_is_refused_and_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file.redb");
        file(&path, 200);
        let whole = fs::read(&path).unwrap();
        for size in
            [0, 1, 63, 64, 320, 4_095, 4_096, 8_192, whole.len() / 2, whole.len() - 4_096, whole.len() - 1]
        {
            fs::write(&path, &whole[..size]).unwrap();
            let error = read(&path).unwrap_err();
            assert!(matches!(&error, StoreError::Corrupt { .. }), "cut to {size}: {error}");
            assert!(error.to_string().contains(&path.display().to_string()), "{error}");
            assert_eq!(fs::read(&path).unwrap(), whole[..size], "cut to {size}");
        }
    }

    #[test]
    fn writes_are_seen_and_stay_out_of_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bytes");
        let mut expected: Vec<u8> = (0..20_000u32).map(|number| number as u8).collect();
        fs::write(&path, &expected).unwrap();
        let original = expected.clone();
        let file = Unwritten::open(&path).unwrap();
        for (offset, bytes) in [(0, vec![9; 10]), (4_090, vec![8; 5_000]), (19_990, vec![7; 100])] {
            file.write(offset, &bytes).unwrap();
            let end = offset as usize + bytes.len();
            expected.resize(expected.len().max(end), 0);
            expected[offset as usize..end].copy_from_slice(&bytes);
        }
        let all = |file: &Unwritten| {
            let mut bytes = vec![1; file.len().unwrap() as usize];
            file.read(0, &mut bytes).unwrap();
            bytes
        };
        assert_eq!(all(&file), expected);
        for size in [5_000, 30_000, 100, 21_000] {
            file.set_len(size).unwrap();
            expected.resize(size as usize, 0);
            assert_eq!(all(&file), expected, "at {size} bytes");
        }
        assert_eq!(file.read(20_999, &mut [0; 2]).unwrap_err().kind(), ErrorKind::UnexpectedEof);
        assert_eq!(fs::read(&path).unwrap(), original);
    }
}
