//! The database files of the sandbox: redb, one file for the layer 1 and one for the rollup node.
//! Each write is one transaction, on disk (fsync) when it returns.

use redb::{Database, ReadTransaction, ReadableDatabase, ReadableTable, TableDefinition, WriteTransaction};
use std::path::Path;

/// Facts about the file itself: its format under `format`.
pub(crate) const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");

/// A database that does not do what it should.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has the file open.
    #[error("the data directory is in use by another sandbox")]
    InUse,
    /// The file cannot be read or written, or is damaged.
    #[error("the database failed: {0}")]
    Database(Box<redb::Error>),
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
        let store = Self { database: Database::create(path)? };
        let found = store.write(|transaction| {
            let mut meta = transaction.open_table(META)?;
            let found = meta.get("format")?.map(|value| value.value().to_vec());
            if found.is_none() {
                meta.insert("format", format.as_bytes())?;
            }
            Ok(found)
        })?;
        match found {
            Some(found) if found.as_slice() != format.as_bytes() => Err(StoreError::Format {
                found: String::from_utf8_lossy(&found).into_owned(),
                expected: format,
            }),
            _ => Ok(store),
        }
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
        let transaction = self.database.begin_write()?;
        let outcome = change(&transaction)?;
        transaction.commit()?;
        Ok(outcome)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert!(matches!(Store::open(&path, "one/1"), Err(StoreError::Database(_))));
        assert_eq!(std::fs::read(&path).unwrap(), vec![7u8; 10_000], "and not overwritten");
    }
}
