//! Blueprints that are authentic and wait for their turn or for their missing pieces.
//!
//! The kernel stores the header and the certificate of a blueprint when it has checked the one against the
//! other, and from then on any piece that the header commits to. When there are two for a number, it keeps both until
//! one is whole: the first may never be.

use crate::{
    Key, LayoutError, Value,
    catalog::{
        BLUEPRINT, BLUEPRINT_CHUNK, BLUEPRINT_CHUNKS, BLUEPRINT_HEADER, BLUEPRINT_LEGACY, BLUEPRINTS, RIVAL,
        RIVAL_CHUNK, RIVAL_CHUNKS, RIVAL_HEADER,
    },
    codec::raw_bytes,
    key::{at, path},
};
use alloc::{string::ToString, vec::Vec};
use millrace_host::Store;
use millrace_primitives::BlockNumber;

/// A header and its certificate, byte for byte as the chunks carry them. Equal bytes need no second
/// signature check.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Announced(pub Vec<u8>);

raw_bytes!(Announced, 8_192, is_fixed: false);

/// One piece of the payload of a blueprint.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Piece(pub Vec<u8>);

// A piece is written once: there is no older, longer value to cut.
raw_bytes!(Piece, 4_096, is_fixed: true);

/// How many chunks a blueprint of format 0 has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LegacyCount(pub u16);

impl Value for LegacyCount {
    const SIZE_BYTES_MAX: usize = 2;
    const IS_FIXED: bool = true;

    fn encode(&self) -> Vec<u8> {
        self.0.to_be_bytes().to_vec()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(u16::from_be_bytes).map(Self)
    }
}

/// The key of the number of chunks of blueprint `number`, when it is one of format 0, which has no header.
///
/// # Errors
/// Never, short of a bug in this crate.
pub fn legacy_count(number: BlockNumber) -> Result<Key<LegacyCount>, LayoutError> {
    Key::new(BLUEPRINT_LEGACY.fill(&[&number]))
}

/// Which of the blueprints for a number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// The one that becomes the next block when it is whole.
    First,
    /// The one that takes its place if it is whole before it.
    Rival,
}

impl Place {
    /// The key of the header and certificate.
    ///
    /// # Errors
    /// Never, short of a bug in this crate.
    pub fn announced(self, number: BlockNumber) -> Result<Key<Announced>, LayoutError> {
        let entry = match self {
            Self::First => BLUEPRINT_HEADER,
            Self::Rival => RIVAL_HEADER,
        };
        Key::new(entry.fill(&[&number]))
    }

    /// The key of piece `index`.
    ///
    /// # Errors
    /// Never, short of a bug in this crate.
    pub fn piece(self, number: BlockNumber, index: u16) -> Result<Key<Piece>, LayoutError> {
        let entry = match self {
            Self::First => BLUEPRINT_CHUNK,
            Self::Rival => RIVAL_CHUNK,
        };
        Key::new(entry.fill(&[&number, &index]))
    }

    /// How many pieces are there.
    ///
    /// # Errors
    /// [`LayoutError::Host`].
    pub fn pieces_count(self, store: &impl Store, number: BlockNumber) -> Result<u64, LayoutError> {
        let entry = match self {
            Self::First => BLUEPRINT_CHUNKS,
            Self::Rival => RIVAL_CHUNKS,
        };
        let pieces = path(entry.fill(&[&number]))?;
        store.store_list_size(pieces.as_path()).map_err(at(&pieces))
    }

    /// Forgets what is there.
    ///
    /// # Errors
    /// [`LayoutError::Host`].
    pub fn delete(self, store: &mut impl Store, number: BlockNumber) -> Result<(), LayoutError> {
        let entry = match self {
            Self::First => BLUEPRINT,
            Self::Rival => RIVAL,
        };
        let blueprint = path(entry.fill(&[&number]))?;
        store.store_delete(blueprint.as_path()).map_err(at(&blueprint))
    }
}

/// Puts the rival for `number` in the place of the first.
///
/// # Errors
/// [`LayoutError::Host`]; nothing is moved then.
pub fn promote_rival(store: &mut impl Store, number: BlockNumber) -> Result<(), LayoutError> {
    let (rival, first) = (path(RIVAL.fill(&[&number]))?, path(BLUEPRINT.fill(&[&number]))?);
    store.store_move(rival.as_path(), first.as_path()).map_err(at(&rival))
}

/// The key of the header and certificate of blueprint `number`.
///
/// # Errors
/// Never, short of a bug in this crate.
pub fn announced(number: BlockNumber) -> Result<Key<Announced>, LayoutError> {
    Place::First.announced(number)
}

/// The key of piece `index` of blueprint `number`.
///
/// # Errors
/// Never, short of a bug in this crate.
pub fn piece(number: BlockNumber, index: u16) -> Result<Key<Piece>, LayoutError> {
    Place::First.piece(number, index)
}

/// How many pieces of blueprint `number` are there.
///
/// # Errors
/// [`LayoutError::Host`].
pub fn pieces_count(store: &impl Store, number: BlockNumber) -> Result<u64, LayoutError> {
    Place::First.pieces_count(store, number)
}

/// Forgets blueprint `number`, and its rival.
///
/// # Errors
/// [`LayoutError::Host`].
pub fn delete(store: &mut impl Store, number: BlockNumber) -> Result<(), LayoutError> {
    Place::First.delete(store, number)
}

/// Forgets every blueprint.
///
/// # Errors
/// [`LayoutError::Host`].
pub fn delete_all(store: &mut impl Store) -> Result<(), LayoutError> {
    let blueprints = path(BLUEPRINTS.pattern.to_string())?;
    store.store_delete(blueprints.as_path()).map_err(at(&blueprints))
}
