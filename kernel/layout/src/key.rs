//! A path that knows the type of what it holds.

use crate::{LayoutError, catalog::REPLACEMENT};
use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use core::marker::PhantomData;
use millrace_host::{HostError, Path, PathBuf, Store};

/// Something that durable storage holds, with its one encoding.
pub trait Value: Sized {
    /// No encoding is larger.
    const SIZE_BYTES_MAX: usize;
    /// Whether every encoding has exactly [`Value::SIZE_BYTES_MAX`] bytes: writing one then takes a host
    /// call less.
    const IS_FIXED: bool;

    /// The encoding.
    fn encode(&self) -> Vec<u8>;

    /// Reads an encoding back; `None` when it is not one.
    fn decode(bytes: &[u8]) -> Option<Self>;
}

/// A durable key and the type of its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key<V> {
    path: PathBuf,
    value: PhantomData<V>,
}

impl<V: Value> Key<V> {
    /// Spells a key. Only this crate can.
    ///
    /// # Errors
    /// [`LayoutError::Path`] when `path` is not a durable key.
    pub(crate) fn new(path: String) -> Result<Self, LayoutError> {
        let path = PathBuf::new(path).map_err(|_| LayoutError::Path)?;
        Ok(Self { path, value: PhantomData })
    }

    /// The path, for tools that show or ask for it.
    pub fn path(&self) -> Path<'_> {
        self.path.as_path()
    }

    /// Reads the value; `None` when there is none.
    ///
    /// # Errors
    /// [`LayoutError::Corrupt`] when it does not decode or is too large, [`LayoutError::Host`].
    pub fn read(&self, store: &impl Store) -> Result<Option<V>, LayoutError> {
        match store.read_value(self.path(), V::SIZE_BYTES_MAX) {
            Ok(None) => Ok(None),
            Ok(Some(bytes)) => V::decode(&bytes).map(Some).ok_or_else(|| self.corrupt()),
            Err(HostError::ValueSizeExceeded) => Err(self.corrupt()),
            Err(error) => Err(self.host(error)),
        }
    }

    /// Reads a value that may be lost: one that does not decode counts as none, so that it is in nobody's way.
    ///
    /// # Errors
    /// [`LayoutError::Host`].
    pub fn read_or_lose(&self, store: &impl Store) -> Result<Option<V>, LayoutError> {
        match self.read(store) {
            Err(LayoutError::Corrupt { .. }) => Ok(None),
            read => read,
        }
    }

    /// Reads a value that must be there.
    ///
    /// # Errors
    /// As [`Key::read`]; absence counts as corruption.
    pub fn require(&self, store: &impl Store) -> Result<V, LayoutError> {
        self.read(store)?.ok_or_else(|| self.corrupt())
    }

    /// Replaces the value.
    ///
    /// # Errors
    /// [`LayoutError::Host`].
    pub fn write(&self, store: &mut impl Store, value: &V) -> Result<(), LayoutError> {
        let bytes = value.encode();
        let written = if V::IS_FIXED {
            store.write_fixed(self.path(), &bytes)
        } else {
            store.write_value(self.path(), &bytes)
        };
        written.map_err(|error| self.host(error))
    }

    /// Replaces the value in one step: after a run that dies there is the old one or the new one. [`Key::write`] takes
    /// the old one away first, which is a host call less.
    ///
    /// # Errors
    /// [`LayoutError::Host`].
    pub fn replace(&self, store: &mut impl Store, value: &V) -> Result<(), LayoutError> {
        let next = path(REPLACEMENT.pattern.to_string())?;
        store.write_value(next.as_path(), &value.encode()).map_err(at(&next))?;
        store.store_move(next.as_path(), self.path()).map_err(|error| self.host(error))
    }

    /// Removes the value and all that is below it.
    ///
    /// # Errors
    /// [`LayoutError::Host`].
    pub fn delete(&self, store: &mut impl Store) -> Result<(), LayoutError> {
        store.store_delete(self.path()).map_err(|error| self.host(error))
    }

    /// Whether there is a value.
    ///
    /// # Errors
    /// [`LayoutError::Host`].
    pub fn exists(&self, store: &impl Store) -> Result<bool, LayoutError> {
        store.store_has_value(self.path()).map_err(|error| self.host(error))
    }

    fn corrupt(&self) -> LayoutError {
        LayoutError::Corrupt { path: self.path.clone() }
    }

    pub(crate) fn host(&self, error: HostError) -> LayoutError {
        LayoutError::Host { path: self.path.clone(), error }
    }
}

/// A path of this crate that holds no value of its own.
pub(crate) fn path(text: String) -> Result<PathBuf, LayoutError> {
    PathBuf::new(text).map_err(|_| LayoutError::Path)
}

/// Names the path at which a host call failed.
pub(crate) fn at(path: &PathBuf) -> impl FnOnce(HostError) -> LayoutError + '_ {
    move |error| LayoutError::Host { path: path.clone(), error }
}
