//! A file that keeps how it was before each write: for tests of what a process leaves that dies there.

use redb::StorageBackend;
use std::io::{self, ErrorKind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Clones are the same file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tape(Arc<Mutex<Recorded>>);

#[derive(Debug, Default)]
struct Recorded {
    bytes: Vec<u8>,
    runs: bool,
    images: Vec<Vec<u8>>,
}

impl Tape {
    /// Keeps from now on how the file was before each write.
    pub(crate) fn record(&self) {
        self.lock().runs = true;
    }

    /// What was kept, and how the file is now.
    pub(crate) fn images(&self) -> Vec<Vec<u8>> {
        let mut recorded = self.lock();
        let mut images = std::mem::take(&mut recorded.images);
        images.push(recorded.bytes.clone());
        images
    }

    fn lock(&self) -> MutexGuard<'_, Recorded> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut Vec<u8>)) {
        let mut recorded = self.lock();
        if recorded.runs {
            let image = recorded.bytes.clone();
            recorded.images.push(image);
        }
        change(&mut recorded.bytes);
    }
}

impl StorageBackend for Tape {
    fn len(&self) -> io::Result<u64> {
        Ok(self.lock().bytes.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let recorded = self.lock();
        let start = offset as usize;
        let bytes = recorded.bytes.get(start..start + out.len()).ok_or(ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(bytes);
        Ok(())
    }

    fn set_len(&self, size_bytes: u64) -> io::Result<()> {
        self.change(|bytes| bytes.resize(size_bytes as usize, 0));
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, written: &[u8]) -> io::Result<()> {
        self.change(|bytes| {
            let (start, end) = (offset as usize, offset as usize + written.len());
            bytes.resize(bytes.len().max(end), 0);
            bytes[start..end].copy_from_slice(written);
        });
        Ok(())
    }
}
