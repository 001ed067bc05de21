//! From the stored pieces of a blueprint to the blueprint.

use crate::RunError;
use alloc::vec::Vec;
use millrace_host::Store;
use millrace_layout::blueprints;
use millrace_primitives::BlockNumber;
use millrace_wire::blueprint::{self as wire, Blueprint};

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
        return Ok(Assembly::Missing);
    };
    let Ok(wire::Announced { header, .. }) = wire::Announced::decode(&announced.0) else {
        return Ok(Assembly::Broken);
    };
    if blueprints::pieces_count(store, number)? < u64::from(header.chunk_count) {
        return Ok(Assembly::Missing);
    }
    let mut pieces = Vec::with_capacity(usize::from(header.chunk_count));
    for index in 0..header.chunk_count {
        match blueprints::piece(number, index)?.read(store)? {
            Some(piece) => pieces.push(piece.0),
            None => return Ok(Assembly::Missing),
        }
    }
    Ok(wire::assemble(&header, &pieces).map_or(Assembly::Broken, Assembly::Complete))
}
