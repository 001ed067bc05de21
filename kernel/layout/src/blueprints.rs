//! Blueprints that are authentic and wait for their turn or for their missing pieces.
//!
//! The kernel stores the header and the certificate of a blueprint when it has checked the one against the
//! other, and from then on any piece that the header commits to.

use crate::{
    Key, LayoutError, Value,
    catalog::{BLUEPRINT_CHUNK, BLUEPRINT_CHUNKS, BLUEPRINT_HEADER},
    key::{at, path},
};
use alloc::{format, vec::Vec};
use millrace_host::Store;
use millrace_primitives::BlockNumber;

/// A header and its certificate, byte for byte as the chunks carry them. Equal bytes need no second
/// signature check.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Announced(pub Vec<u8>);

impl Value for Announced {
    const SIZE_BYTES_MAX: usize = 8_192;
    const IS_FIXED: bool = false;

    fn encode(&self) -> Vec<u8> {
        self.0.clone()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        Some(Self(bytes.to_vec()))
    }
}

/// One piece of the payload of a blueprint.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Piece(pub Vec<u8>);

impl Value for Piece {
    const SIZE_BYTES_MAX: usize = 4_096;
    // A piece is written once: there is no older, longer value to cut.
    const IS_FIXED: bool = true;

    fn encode(&self) -> Vec<u8> {
        self.0.clone()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        Some(Self(bytes.to_vec()))
    }
}

/// The key of the header and certificate of blueprint `number`.
///
/// # Errors
/// Never, short of a bug in this crate.
pub fn announced(number: BlockNumber) -> Result<Key<Announced>, LayoutError> {
    Key::new(BLUEPRINT_HEADER.fill(&[&number]))
}

/// The key of piece `index` of blueprint `number`.
///
/// # Errors
/// Never, short of a bug in this crate.
pub fn piece(number: BlockNumber, index: u16) -> Result<Key<Piece>, LayoutError> {
    Key::new(BLUEPRINT_CHUNK.fill(&[&number, &index]))
}

/// How many pieces of blueprint `number` are there.
///
/// # Errors
/// [`LayoutError::Host`].
pub fn pieces_count(store: &impl Store, number: BlockNumber) -> Result<u64, LayoutError> {
    let pieces = path(BLUEPRINT_CHUNKS.fill(&[&number]))?;
    store.store_list_size(pieces.as_path()).map_err(at(&pieces))
}

/// Forgets blueprint `number`.
///
/// # Errors
/// [`LayoutError::Host`].
pub fn delete(store: &mut impl Store, number: BlockNumber) -> Result<(), LayoutError> {
    let blueprint = path(format!("/base/blueprints/{number}"))?;
    store.store_delete(blueprint.as_path()).map_err(at(&blueprint))
}
