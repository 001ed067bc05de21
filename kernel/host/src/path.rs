//! Durable keys that are known to be well-formed.

use crate::limits::KEY_BYTES_MAX;
use alloc::string::String;
use core::fmt;

/// Why some text is not a durable key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathError {
    /// Longer than [`KEY_BYTES_MAX`].
    TooLong,
    /// Not `/step/step…` with non-empty steps of `[A-Za-z0-9._-]`.
    Malformed,
}

/// A durable key: `/` then non-empty steps of `[A-Za-z0-9._-]` separated by `/`, at most 240 bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path<'a>(&'a str);

impl<'a> Path<'a> {
    /// Checks `text`.
    ///
    /// # Errors
    /// [`PathError`] says what is wrong with it.
    pub fn new(text: &'a str) -> Result<Self, PathError> {
        if text.len() > KEY_BYTES_MAX {
            return Err(PathError::TooLong);
        }
        if !is_well_formed(text.as_bytes()) {
            return Err(PathError::Malformed);
        }
        Ok(Self(text))
    }

    /// Checks a constant at compile time: a bad one does not build when used in a `const`.
    #[allow(clippy::panic, reason = "evaluated by the compiler only")]
    pub const fn constant(text: &'a str) -> Self {
        assert!(text.len() <= KEY_BYTES_MAX && is_well_formed(text.as_bytes()), "not a durable key");
        Self(text)
    }

    /// The key as text.
    pub const fn as_str(self) -> &'a str {
        self.0
    }

    /// The key as the host takes it.
    pub const fn as_bytes(self) -> &'a [u8] {
        self.0.as_bytes()
    }
}

/// An owned [`Path`].
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PathBuf(String);

impl PathBuf {
    /// Checks `text` and keeps it.
    ///
    /// # Errors
    /// As [`Path::new`].
    pub fn new(text: String) -> Result<Self, PathError> {
        Path::new(&text)?;
        Ok(Self(text))
    }

    /// The same key, borrowed.
    pub fn as_path(&self) -> Path<'_> {
        Path(&self.0)
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl fmt::Debug for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl fmt::Debug for PathBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for PathBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `constant` runs this at compile time, where iterators and `get` are not available.
#[allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "the index is below the length, which is at most usize::MAX"
)]
const fn is_well_formed(text: &[u8]) -> bool {
    if text.is_empty() || text[0] != b'/' {
        return false;
    }
    let mut index = 1;
    let mut step_is_empty = true;
    while index < text.len() {
        match text[index] {
            b'/' if step_is_empty => return false,
            b'/' => step_is_empty = true,
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'_' | b'-' => step_is_empty = false,
            _ => return false,
        }
        index += 1;
    }
    !step_is_empty
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_checked_as_the_pvm_checks_them() {
        for good in ["/a", "/a/b", "/..", "/A.9_-/x", &format!("/{}", "k".repeat(239))] {
            assert!(Path::new(good).is_ok(), "{good}");
        }
        for bad in ["", "a", "/", "/a/", "//a", "/a b", "/@", "/é"] {
            assert_eq!(Path::new(bad).err(), Some(PathError::Malformed), "{bad}");
        }
        assert_eq!(Path::new(&"/k".repeat(121)).err(), Some(PathError::TooLong));
    }
}
