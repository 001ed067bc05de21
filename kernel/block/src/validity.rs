//! What a blueprint must be like to become the next block.

use crate::{BlockError, BlueprintFault, advance::Terms, candidate::Candidate};
use alloc::{collections::BTreeSet, vec::Vec};
use millrace_host::Store;
use millrace_layout::{
    attempt::OrderedBy,
    delayed::{self, Item},
    world::{Head, World},
};
use millrace_wire::blueprint::PAYLOAD_BYTES_MAX;

/// What is wrong with the candidate as the next block, if anything is; nothing is executed.
///
/// # Errors
/// [`BlockError`].
pub fn fault_of(
    store: &impl Store,
    terms: Terms<'_>,
    candidate: &Candidate,
) -> Result<Option<BlueprintFault>, BlockError> {
    let parent = World::Committed.head()?.read(store)?.ok_or(BlockError::NoHead)?;
    match header_fault(terms, candidate, &parent) {
        Some(fault) => Ok(Some(fault)),
        None => Ok(delayed_items(store, candidate)?.err()),
    }
}

/// What is wrong with the candidate as the next block after `parent`, save its items.
pub(crate) fn header_fault(terms: Terms<'_>, candidate: &Candidate, parent: &Head) -> Option<BlueprintFault> {
    let blueprint = &candidate.blueprint;
    if parent.header.number.checked_add(1) != Some(blueprint.number) {
        return Some(BlueprintFault::Number);
    }
    if blueprint.parent != parent.hash {
        return Some(BlueprintFault::Parent);
    }
    if blueprint.timestamp < parent.header.timestamp {
        return Some(BlueprintFault::TimestampBeforeParent);
    }
    // The kernel's own blocks are as late as the layer 1, or as the block before.
    if candidate.ordered_by != OrderedBy::Authority {
        return None;
    }
    let latest = terms.clock.map(|clock| clock.timestamp.saturating_add(terms.parameters.lookahead_s));
    latest.is_some_and(|latest| blueprint.timestamp > latest).then_some(BlueprintFault::TimestampAhead)
}

/// The delayed items that the blueprint names, each of which must wait and be named once. With the payload they may
/// not be larger than a payload can be: a name is short, and what it stands for has to be read and executed. What the
/// kernel chose itself it measured then, and a block of its own that were refused here would be tried for ever.
pub(crate) fn delayed_items(
    store: &impl Store,
    candidate: &Candidate,
) -> Result<Result<Vec<Item>, BlueprintFault>, BlockError> {
    let blueprint = &candidate.blueprint;
    let is_measured = candidate.ordered_by != OrderedBy::Authority;
    let mut named = BTreeSet::new();
    let mut items = Vec::with_capacity(blueprint.payload.delayed.len());
    let mut bytes = blueprint.payload.size().bytes() as u64;
    for name in &blueprint.payload.delayed {
        if !named.insert(*name) {
            return Ok(Err(BlueprintFault::RepeatedDelayedItem));
        }
        let Some(item) = delayed::find(store, *name)? else {
            return Ok(Err(BlueprintFault::UnknownDelayedItem));
        };
        bytes = bytes.saturating_add(item.size_bytes());
        items.push(item);
        if bytes > PAYLOAD_BYTES_MAX as u64 && items.len() > 1 && !is_measured {
            return Ok(Err(BlueprintFault::TooLarge));
        }
    }
    Ok(Ok(items))
}
