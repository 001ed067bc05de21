//! The host traits over a durable tree in memory: what native execution reads and writes.

use millrace_host::{HostError, Path, Store};
use millrace_pvm::durable::{Durable, ErrorCode, Key};

/// Durable storage for the native kernel. It holds a snapshot of its own: a caller that drops it has
/// changed nothing.
pub(crate) struct NativeHost {
    pub(crate) durable: Durable,
}

impl NativeHost {
    pub(crate) fn new(durable: &Durable) -> Self {
        Self { durable: durable.clone() }
    }
}

/// The kernel checked its path already.
fn key(path: Path<'_>) -> Key<'_> {
    Key::trusted(path.as_str())
}

fn refused(error: ErrorCode) -> HostError {
    HostError::from_code(error.code())
}

impl Store for NativeHost {
    fn store_read(&self, path: Path<'_>, offset: usize, dst: &mut [u8]) -> Result<usize, HostError> {
        let bytes = self.durable.store_read(key(path), offset, dst.len()).map_err(refused)?;
        dst[..bytes.len()].copy_from_slice(&bytes);
        Ok(bytes.len())
    }

    fn store_write(&mut self, path: Path<'_>, offset: usize, src: &[u8]) -> Result<(), HostError> {
        self.durable.store_write(key(path), offset, src).map_err(refused)
    }

    fn store_has_value(&self, path: Path<'_>) -> Result<bool, HostError> {
        Ok(self.durable.get(path.as_str()).is_some())
    }

    fn store_has_node(&self, path: Path<'_>) -> Result<bool, HostError> {
        Ok(self.durable.exists(path.as_str()))
    }

    fn store_value_size(&self, path: Path<'_>) -> Result<usize, HostError> {
        self.durable.store_value_size(key(path)).map_err(refused)
    }

    fn store_delete(&mut self, path: Path<'_>) -> Result<(), HostError> {
        self.durable.store_delete(key(path)).map_err(refused)
    }

    fn store_delete_value(&mut self, path: Path<'_>) -> Result<(), HostError> {
        self.durable.store_delete_value(key(path)).map_err(refused)
    }

    fn store_copy(&mut self, from: Path<'_>, to: Path<'_>) -> Result<(), HostError> {
        self.durable.store_copy(key(from), key(to)).map_err(refused)
    }

    fn store_move(&mut self, from: Path<'_>, to: Path<'_>) -> Result<(), HostError> {
        self.durable.store_move(key(from), key(to)).map_err(refused)
    }

    fn store_list_size(&self, path: Path<'_>) -> Result<u64, HostError> {
        Ok(self.durable.store_list_size(key(path)))
    }
}
