//! The operations of the host functions, with their limits, their order of checks and their codes.
//!
//! Pointers and lengths in the memory of the guest are checked by the host functions; what is here serves
//! native callers as well.

use super::hash::VALUE_NAME;
use super::{Durable, ErrorCode, Key, NodeHash, VALUE_BYTES_MAX, Value};
use std::borrow::Cow;

/// Bytes that one `store_read` or `store_write` moves.
pub const STORE_IO_BYTES_MAX: usize = 2_048;

fn writable(key: Key<'_>) -> Result<(), ErrorCode> {
    if key.is_read_only() { Err(ErrorCode::ReadOnly) } else { Ok(()) }
}

impl Durable {
    /// `store_has`: 0 nothing, 1 a value, 2 a subtree, 3 both.
    pub fn store_has(&self, key: Key<'_>) -> i32 {
        self.node(key.as_str())
            .map_or(0, |node| i32::from(node.value.is_some()) + 2 * i32::from(!node.children.is_empty()))
    }

    /// `store_delete`: nothing there is no error.
    ///
    /// # Errors
    /// [`ErrorCode::ReadOnly`].
    pub fn store_delete(&mut self, key: Key<'_>) -> Result<(), ErrorCode> {
        writable(key)?;
        self.delete(key);
        Ok(())
    }

    /// `store_delete_value`: nothing there is no error.
    ///
    /// # Errors
    /// [`ErrorCode::ReadOnly`].
    pub fn store_delete_value(&mut self, key: Key<'_>) -> Result<(), ErrorCode> {
        writable(key)?;
        self.delete_value(key);
        Ok(())
    }

    /// `store_copy`.
    ///
    /// # Errors
    /// [`ErrorCode::ReadOnly`] for the target, then [`ErrorCode::NotANode`].
    pub fn store_copy(&mut self, from: Key<'_>, to: Key<'_>) -> Result<(), ErrorCode> {
        writable(to)?;
        if self.copy(from, to) { Ok(()) } else { Err(ErrorCode::NotANode) }
    }

    /// `store_move`.
    ///
    /// # Errors
    /// [`ErrorCode::ReadOnly`] for either, then [`ErrorCode::NotANode`].
    pub fn store_move(&mut self, from: Key<'_>, to: Key<'_>) -> Result<(), ErrorCode> {
        writable(from)?;
        writable(to)?;
        if self.rename(from, to) { Ok(()) } else { Err(ErrorCode::NotANode) }
    }

    /// `store_create`: a value of zeros.
    ///
    /// # Errors
    /// [`ErrorCode::ValueSizeExceeded`] for a negative size, [`ErrorCode::ReadOnly`],
    /// [`ErrorCode::AlreadyExists`].
    pub fn store_create(&mut self, key: Key<'_>, size_bytes: i32) -> Result<(), ErrorCode> {
        let size_bytes = usize::try_from(size_bytes).map_err(|_| ErrorCode::ValueSizeExceeded)?;
        writable(key)?;
        if self.get(key.as_str()).is_some() {
            return Err(ErrorCode::AlreadyExists);
        }
        self.set(key, Value::created(size_bytes));
        Ok(())
    }

    /// `store_value_size` in bytes.
    ///
    /// # Errors
    /// [`ErrorCode::NotAValue`].
    pub fn store_value_size(&self, key: Key<'_>) -> Result<usize, ErrorCode> {
        self.get(key.as_str()).map(Value::len).ok_or(ErrorCode::NotAValue)
    }

    /// `store_read`: what is at `offset`, at most `size_bytes_max`.
    ///
    /// # Errors
    /// [`ErrorCode::InputOutputTooLarge`], [`ErrorCode::NotAValue`], [`ErrorCode::InvalidAccess`] when
    /// `offset` is not before the end (so any read of an empty value).
    pub fn store_read(
        &self,
        key: Key<'_>,
        offset: usize,
        size_bytes_max: usize,
    ) -> Result<Cow<'_, [u8]>, ErrorCode> {
        if size_bytes_max > STORE_IO_BYTES_MAX {
            return Err(ErrorCode::InputOutputTooLarge);
        }
        let value = self.get(key.as_str()).ok_or(ErrorCode::NotAValue)?;
        if offset >= value.len() {
            return Err(ErrorCode::InvalidAccess);
        }
        Ok(value.read(offset, size_bytes_max))
    }

    /// `store_write`: writes over what is at `offset`, making or growing the value as needed.
    ///
    /// # Errors
    /// [`ErrorCode::ValueSizeExceeded`] when the present size and that of `source` together exceed the
    /// largest value, wherever it is written; [`ErrorCode::ReadOnly`]; [`ErrorCode::InputOutputTooLarge`];
    /// [`ErrorCode::InvalidAccess`] when `offset` is past the end.
    pub fn store_write(&mut self, key: Key<'_>, offset: usize, source: &[u8]) -> Result<(), ErrorCode> {
        self.check_growth(key, source.len())?;
        writable(key)?;
        if source.len() > STORE_IO_BYTES_MAX {
            return Err(ErrorCode::InputOutputTooLarge);
        }
        let size_bytes = self.get(key.as_str()).map_or(0, Value::len);
        if offset > size_bytes {
            return Err(ErrorCode::InvalidAccess);
        }
        let value = &mut self.node_mut(key).value;
        value.get_or_insert_with(|| Value::from(Vec::new())).write(offset, source);
        Ok(())
    }

    /// The first check of `store_write`.
    pub(crate) fn check_growth(&self, key: Key<'_>, source_bytes: usize) -> Result<(), ErrorCode> {
        let size_bytes = self.get(key.as_str()).map_or(0, Value::len);
        match size_bytes.checked_add(source_bytes) {
            Some(size_bytes) if size_bytes <= VALUE_BYTES_MAX => Ok(()),
            _ => Err(ErrorCode::ValueSizeExceeded),
        }
    }

    /// `store_list_size`: number of children, the value of `key` itself counting as one.
    pub fn store_list_size(&self, key: Key<'_>) -> u64 {
        self.node(key.as_str()).map_or(0, |node| node.children.len() as u64 + u64::from(node.value.is_some()))
    }

    /// `store_get_nth_key`: the name of a child, in byte order; the value of `key` itself stands where
    /// `@` does and has the empty name.
    ///
    /// # Errors
    /// [`ErrorCode::NotANode`], [`ErrorCode::BadChildIndex`].
    pub fn store_get_nth_key(&self, key: Key<'_>, index: i64) -> Result<&str, ErrorCode> {
        let node = self.node(key.as_str()).filter(|node| !node.is_empty()).ok_or(ErrorCode::NotANode)?;
        let mut index = usize::try_from(index).map_err(|_| ErrorCode::BadChildIndex)?;
        if node.value.is_some() {
            let at = node.children.rank(VALUE_NAME);
            if index == at {
                return Ok("");
            }
            index -= usize::from(index > at);
        }
        node.children.nth(index).map(|entry| &*entry.name).ok_or(ErrorCode::BadChildIndex)
    }

    /// `__internal_store_get_hash`.
    ///
    /// # Errors
    /// [`ErrorCode::NotANode`].
    pub fn store_get_hash(&self, key: Key<'_>) -> Result<NodeHash, ErrorCode> {
        self.hash_of(key.as_str()).ok_or(ErrorCode::NotANode)
    }
}
