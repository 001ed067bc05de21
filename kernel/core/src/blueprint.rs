//! From the stored pieces of a blueprint to the blueprint.

use crate::RunError;
use alloc::vec::Vec;
use millrace_host::Store;
use millrace_layout::blueprints;
use millrace_primitives::BlockNumber;
use millrace_wire::blueprint::{self as wire, Blueprint, legacy};

/// What is there of a blueprint.
pub(crate) enum Assembly {
    /// Nothing, or not all pieces yet.
    Missing,
    /// All pieces, and they do not make up what the header commits to.
    Broken,
    /// All of it.
    Complete(Blueprint),
}

/// Puts the pieces of blueprint `number` together.
pub(crate) fn assemble(store: &impl Store, number: BlockNumber) -> Result<Assembly, RunError> {
    let Some(announced) = blueprints::announced(number)?.read(store)? else {
        return assemble_legacy(store, number);
    };
    let Ok(wire::Announced { header, .. }) = wire::Announced::decode(&announced.0) else {
        return Ok(Assembly::Broken);
    };
    Ok(match pieces(store, number, header.chunk_count)? {
        None => Assembly::Missing,
        Some(pieces) => wire::assemble(&header, &pieces).map_or(Assembly::Broken, Assembly::Complete),
    })
}

/// The same of a blueprint of format 0.
fn assemble_legacy(store: &impl Store, number: BlockNumber) -> Result<Assembly, RunError> {
    let Some(blueprints::LegacyCount(count)) = blueprints::legacy_count(number)?.read(store)? else {
        return Ok(Assembly::Missing);
    };
    Ok(match pieces(store, number, count)? {
        None => Assembly::Missing,
        Some(pieces) => {
            legacy::decode_payload(number, &pieces.concat()).map_or(Assembly::Broken, Assembly::Complete)
        }
    })
}

/// All `count` pieces of blueprint `number`, if they are there.
fn pieces(store: &impl Store, number: BlockNumber, count: u16) -> Result<Option<Vec<Vec<u8>>>, RunError> {
    if blueprints::pieces_count(store, number)? < u64::from(count) {
        return Ok(None);
    }
    let mut pieces = Vec::with_capacity(usize::from(count));
    for index in 0..count {
        match blueprints::piece(number, index)?.read(store)? {
            Some(piece) => pieces.push(piece.0),
            None => return Ok(None),
        }
    }
    Ok(Some(pieces))
}
