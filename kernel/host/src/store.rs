//! Durable storage: the primitives of the PVM, and whole values on top of them.

use crate::{HostError, Path, limits::STORE_IO_BYTES_MAX};
use alloc::{vec, vec::Vec};

/// Durable storage. The required methods are one host call each; the provided ones say how many they take.
pub trait Store {
    /// Reads up to `dst.len()` bytes from `offset` of the value at `path`; answers how many there were.
    ///
    /// # Errors
    /// [`HostError::InputOutputTooLarge`] when `dst` is larger than one host call moves,
    /// [`HostError::NotAValue`] when there is no value, [`HostError::InvalidAccess`] when `offset` is at
    /// or past its end (so reading an empty value is an error).
    fn store_read(&self, path: Path<'_>, offset: usize, dst: &mut [u8]) -> Result<usize, HostError>;

    /// Writes `src` at `offset` of the value at `path`, which is created or grows as needed. Bytes of a
    /// longer value beyond the written range stay.
    ///
    /// # Errors
    /// [`HostError::InputOutputTooLarge`], [`HostError::ReadOnly`], or [`HostError::InvalidAccess`] when
    /// `offset` is past the end.
    fn store_write(&mut self, path: Path<'_>, offset: usize, src: &[u8]) -> Result<(), HostError>;

    /// Whether there is a value at `path` itself.
    ///
    /// # Errors
    /// Whatever the host answers.
    fn store_has_value(&self, path: Path<'_>) -> Result<bool, HostError>;

    /// Whether there is a value at `path` or anything below it.
    ///
    /// # Errors
    /// Whatever the host answers.
    fn store_has_node(&self, path: Path<'_>) -> Result<bool, HostError>;

    /// The size of the value at `path` in bytes.
    ///
    /// # Errors
    /// [`HostError::NotAValue`] when there is none.
    fn store_value_size(&self, path: Path<'_>) -> Result<usize, HostError>;

    /// Removes the value at `path` and everything below it; nothing there is no error.
    ///
    /// # Errors
    /// [`HostError::ReadOnly`].
    fn store_delete(&mut self, path: Path<'_>) -> Result<(), HostError>;

    /// Removes only the value at `path`; nothing there is no error.
    ///
    /// # Errors
    /// [`HostError::ReadOnly`].
    fn store_delete_value(&mut self, path: Path<'_>) -> Result<(), HostError>;

    /// Replaces the node at `to` (value and subtree) by a copy of the node at `from`. Its cost does not
    /// depend on the size of the subtree.
    ///
    /// # Errors
    /// [`HostError::NotANode`] when there is nothing at `from`.
    fn store_copy(&mut self, from: Path<'_>, to: Path<'_>) -> Result<(), HostError>;

    /// Replaces the node at `to` by the node at `from`, which is then gone: one atomic step.
    ///
    /// # Errors
    /// [`HostError::NotANode`] when there is nothing at `from`.
    fn store_move(&mut self, from: Path<'_>, to: Path<'_>) -> Result<(), HostError>;

    /// Number of children of `path`, its own value counting as one; 0 when there is nothing.
    ///
    /// # Errors
    /// Whatever the host answers.
    fn store_list_size(&self, path: Path<'_>) -> Result<u64, HostError>;

    /// The whole value at `path`, or `None` when there is none.
    ///
    /// One host call for a value below 2,048 bytes, else one per 2,048 bytes.
    ///
    /// # Errors
    /// [`HostError::ValueSizeExceeded`] when the value is larger than `size_bytes_max`.
    fn read_value(&self, path: Path<'_>, size_bytes_max: usize) -> Result<Option<Vec<u8>>, HostError> {
        let mut value = Vec::new();
        let mut piece = vec![0; size_bytes_max.saturating_add(1).min(STORE_IO_BYTES_MAX)];
        loop {
            let count = match self.store_read(path, value.len(), &mut piece) {
                Ok(count) => count,
                Err(HostError::NotAValue) if value.is_empty() => return Ok(None),
                // The end of a value whose size is a multiple of the piece, or an empty value.
                Err(HostError::InvalidAccess) => return Ok(Some(value)),
                Err(error) => return Err(error),
            };
            value.extend_from_slice(piece.get(..count).unwrap_or_default());
            if value.len() > size_bytes_max {
                return Err(HostError::ValueSizeExceeded);
            }
            if count < piece.len() {
                return Ok(Some(value));
            }
        }
    }

    /// Writes a value whose size never changes: no old byte can be left behind. One host call per 2,048
    /// bytes.
    ///
    /// # Errors
    /// As [`Store::store_write`].
    fn write_fixed(&mut self, path: Path<'_>, value: &[u8]) -> Result<(), HostError> {
        if value.is_empty() {
            return self.store_write(path, 0, value);
        }
        let mut offset = 0usize;
        for piece in value.chunks(STORE_IO_BYTES_MAX) {
            self.store_write(path, offset, piece)?;
            offset = offset.saturating_add(piece.len());
        }
        Ok(())
    }

    /// Replaces the whole value, of any size before and after. One host call more than
    /// [`Store::write_fixed`].
    ///
    /// # Errors
    /// As [`Store::store_write`].
    fn write_value(&mut self, path: Path<'_>, value: &[u8]) -> Result<(), HostError> {
        self.store_delete_value(path)?;
        self.write_fixed(path, value)
    }
}
