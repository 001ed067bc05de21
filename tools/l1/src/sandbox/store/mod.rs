//! The database files of the sandbox: redb, one file for the layer 1 and one for the rollup node.
//! Each write is one transaction, on disk (fsync) when it returns. A file gets its name when it is complete, and is gone through
//! before it is opened: one that is damaged is refused, and stays as it is ([`intact`]).

mod intact;
#[cfg(test)]
pub(crate) mod tape;

use super::limits::CACHE_BYTES;
use redb::{Database, ReadTransaction, ReadableDatabase, TableDefinition, WriteTransaction};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// Facts about the file itself: its format under `format`.
pub(crate) const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");

/// The extension of a file that is being made.
const UNFINISHED: &str = "unfinished";

/// A database that does not do what it should.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has the file open.
    #[error("the data directory is in use by another sandbox")]
    InUse,
    /// The file cannot be read or written.
    #[error("the database failed: {0}")]
    Database(Box<redb::Error>),
    /// The file is not as the last commit left it, or no database. Nothing was written to it.
    #[error("{} is damaged: {cause}", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        cause: String,
    },
    /// A record is not what was written.
    #[error("the database is damaged: {record}")]
    Damaged {
        /// Which record.
        record: String,
    },
    /// The file was written by another version, or is another file.
    #[error("the database has format {found:?}, this program reads {expected:?}")]
    Format {
        /// In the file.
        found: String,
        /// Ours.
        expected: &'static str,
    },
}

impl StoreError {
    pub(crate) fn damaged(record: impl Into<String>) -> Self {
        Self::Damaged { record: record.into() }
    }
}

macro_rules! from_redb {
    ($($error:ty),*) => {
        $(impl From<$error> for StoreError {
            fn from(error: $error) -> Self {
                Self::Database(Box::new(error.into()))
            }
        })*
    };
}

from_redb!(redb::TransactionError, redb::TableError, redb::StorageError, redb::CommitError);

impl From<std::io::Error> for StoreError {
    fn from(error: std::io::Error) -> Self {
        Self::Database(Box::new(redb::Error::Io(error)))
    }
}

impl From<redb::DatabaseError> for StoreError {
    fn from(error: redb::DatabaseError) -> Self {
        match error {
            redb::DatabaseError::DatabaseAlreadyOpen => Self::InUse,
            other => Self::Database(Box::new(other.into())),
        }
    }
}

/// An open file.
pub(crate) struct Store {
    database: Database,
}

impl Store {
    /// Opens or creates the file. `format` names its contents and their version.
    pub(crate) fn open(path: &Path, format: &'static str) -> Result<Self, StoreError> {
        if path.exists() {
            let found = intact::check(path)?.unwrap_or_default();
            if found != format.as_bytes() {
                let found = String::from_utf8_lossy(&found).into_owned();
                return Err(StoreError::Format { found, expected: format });
            }
        } else {
            make(path, format)?;
        }
        Self::claim(path)
    }

    fn claim(path: &Path) -> Result<Self, StoreError> {
        Ok(Self { database: Database::builder().set_cache_size(CACHE_BYTES).create(path)? })
    }

    /// A database in another place than a file, made there.
    #[cfg(test)]
    pub(crate) fn on(backend: impl redb::StorageBackend, format: &'static str) -> Result<Self, StoreError> {
        let store = Self { database: Database::builder().create_with_backend(backend)? };
        store.name(format)?;
        Ok(store)
    }

    /// Writes the format into a new file.
    fn name(&self, format: &'static str) -> Result<(), StoreError> {
        self.write(|transaction| {
            transaction.open_table(META)?.insert("format", format.as_bytes())?;
            Ok(())
        })
    }

    /// A consistent look at the file.
    pub(crate) fn read(&self) -> Result<ReadTransaction, StoreError> {
        Ok(self.database.begin_read()?)
    }

    /// Runs `change` and commits: all of it is on disk afterwards, or nothing of it.
    pub(crate) fn write<T>(
        &self,
        change: impl FnOnce(&WriteTransaction) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut transaction = self.database.begin_write()?;
        transaction.set_quick_repair(true);
        let outcome = change(&transaction)?;
        transaction.commit()?;
        Ok(outcome)
    }
}

/// Makes an empty file beside `path` and moves it there.
fn make(path: &Path, format: &'static str) -> Result<(), StoreError> {
    let part = path.with_extension(UNFINISHED);
    if part.exists() {
        // Of a start that was cut off.
        fs::remove_file(&part)?;
    }
    Store::claim(&part)?.name(format)?;
    fs::rename(&part, path)?;
    // The new name is on the disk when its folder is.
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Ok(File::open(folder)?.sync_all()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_was_not_finished_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file.redb");
        let unfinished = path.with_extension(UNFINISHED);
        drop(Database::create(&unfinished).unwrap());
        let whole = fs::read(&unfinished).unwrap();
        for size in [0, 1, 64, 4_096, whole.len() / 2, whole.len()] {
            fs::write(&unfinished, &whole[..size.min(whole.len())]).unwrap();
            drop(Store::open(&path, "one/1").unwrap());
            assert!(Store::open(&path, "one/1").is_ok() && !unfinished.exists());
            fs::remove_file(&path).unwrap();
        }
    }

    #[test]
    fn a_file_has_one_user_and_one_format() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file.redb");
        let store = Store::open(&path, "one/1").unwrap();
        assert!(matches!(Store::open(&path, "one/1"), Err(StoreError::InUse)));
        drop(store);
        assert!(matches!(
            Store::open(&path, "one/2"),
            Err(StoreError::Format { found, expected: "one/2" }) if found == "one/1"
        ));
        assert!(Store::open(&path, "one/1").is_ok());
    }

    #[test]
    fn a_failed_change_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("file.redb"), "one/1").unwrap();
        let failed: Result<(), _> = store.write(|transaction| {
            transaction.open_table(META)?.insert("key", b"value".as_slice())?;
            Err(StoreError::damaged("on purpose"))
        });
        assert!(failed.is_err());
        assert!(store.read().unwrap().open_table(META).unwrap().get("key").unwrap().is_none());
    }

    #[test]
    fn a_file_that_is_no_database_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file.redb");
        std::fs::write(&path, vec![7u8; 10_000]).unwrap();
        assert!(matches!(Store::open(&path, "one/1"), Err(StoreError::Corrupt { .. })));
        assert_eq!(std::fs::read(&path).unwrap(), vec![7u8; 10_000], "and not overwritten");
    }

    #[test]
    fn a_database_of_somebody_else_is_refused_and_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file.redb");
        drop(Database::create(&path).unwrap());
        let theirs = fs::read(&path).unwrap();
        let refused = Store::open(&path, "one/1").err().unwrap();
        assert!(matches!(&refused, StoreError::Format { found, .. } if found.is_empty()), "{refused}");
        assert!(fs::read(&path).unwrap() == theirs);
    }
}
