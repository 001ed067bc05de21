//! The blueprints that other nodes ask for.

use super::stored;
use crate::shared::Shared;
use millrace_primitives::{BlockHash, BlockNumber};
use millrace_rpc::{Blueprints, ChainError, SignedBlueprint};
use millrace_store::StoreError;

/// Most blueprints of a reply.
const BLUEPRINTS_MAX: usize = 64;
/// After so many bytes no further blueprint is added: in hexadecimal, a third of the largest reply by default.
const BYTES_MAX: usize = 4 << 20;

/// The blueprints after a block.
pub(super) fn after(shared: &Shared, parent: BlockNumber, hash: BlockHash) -> Result<Blueprints, ChainError> {
    let head = shared.head().number();
    let is_parent_known = shared.hash(parent).map_err(stored)? == Some(hash);
    let (mut blueprints, mut bytes) = (Vec::new(), 0usize);
    let mut next = parent.saturating_add(1);
    while is_parent_known && next <= head && blueprints.len() < BLUEPRINTS_MAX && bytes < BYTES_MAX {
        let Some(signed) = signed(shared, next).map_err(stored)? else { break };
        let premises = signed
            .premises
            .iter()
            .map(|(path, value)| path.len().saturating_add(value.as_ref().map_or(0, Vec::len)));
        bytes = signed.messages.iter().map(Vec::len).chain(premises).fold(bytes, usize::saturating_add);
        blueprints.push(signed);
        next = next.saturating_add(1);
    }
    Ok(Blueprints { head, is_parent_known, blueprints })
}

/// The blueprint of a block; `None` when the block was made of none, or is gone by now.
fn signed(shared: &Shared, number: BlockNumber) -> Result<Option<SignedBlueprint>, StoreError> {
    let Some(messages) = shared.store.blueprint(number)? else { return Ok(None) };
    let (Some(premises), Some(hash)) = (shared.store.premises(number)?, shared.hash(number)?) else {
        return Ok(None);
    };
    let premises = premises.into_iter().map(|change| (change.key, change.value)).collect();
    Ok(Some(SignedBlueprint { number, hash, messages, premises }))
}
