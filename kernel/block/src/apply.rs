//! From a blueprint to a committed block.

use crate::{
    BlockError, BlueprintFault, Dropped,
    execution::{Execution, environment},
    fees::backlog_at,
    flush::flush,
    reader::WorldReader,
    seal::seal,
};
use alloc::{collections::BTreeSet, vec::Vec};
use millrace_host::Store;
use millrace_layout::{
    clock::L1Clock,
    delayed::{self, Item},
    parameters::Parameters,
    world::{Body, Head, World},
};
use millrace_primitives::Gas;
use millrace_wire::blueprint::Blueprint;

/// A block that is committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// What the world has as head now.
    pub head: Head,
    /// Gas spent on execution, without the part for data availability.
    pub execution_gas: Gas,
    /// What the blueprint had and the block has not.
    pub dropped: Vec<Dropped>,
}

/// What became of a blueprint.
#[allow(clippy::large_enum_variant, reason = "one value at a time, and it is taken apart at once")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is the head now.
    Sealed(Sealed),
    /// It cannot be a block; nothing changed.
    Rejected(BlueprintFault),
}

/// Makes a block of `blueprint`. `clock` bounds its timestamp; without one (in the node, which has no inbox)
/// any timestamp from the parent's on is accepted.
///
/// # Errors
/// [`BlockError`]; the head is then what it was.
pub fn apply(
    store: &mut impl Store,
    parameters: &Parameters,
    blueprint: &Blueprint,
    clock: Option<L1Clock>,
) -> Result<Verdict, BlockError> {
    let parent = World::Committed.head()?.read(store)?.ok_or(BlockError::NoHead)?;
    if let Some(fault) = fault_of(parameters, blueprint, &parent, clock) {
        return Ok(Verdict::Rejected(fault));
    }
    let items = match delayed_items(store, blueprint)? {
        Ok(items) => items,
        Err(fault) => return Ok(Verdict::Rejected(fault)),
    };

    let then = parent.header.timestamp;
    let backlog = backlog_at(parameters, parent.backlog, then, blueprint.timestamp);
    let environment = environment(parameters, &parent.header, blueprint.timestamp, backlog)?;
    let mut execution = Execution::new(WorldReader::new(store), parameters, environment);
    for item in &items {
        execution.delayed(item)?;
    }
    execution.transactions(&blueprint.payload.transactions)?;
    let executed = execution.finish();

    let head = seal(parameters, &parent, blueprint, &executed)?;
    let body = Body { transactions: executed.transactions, receipts: executed.receipts };
    flush(store, &executed.changes, &head, &body)?;
    Ok(Verdict::Sealed(Sealed { head, execution_gas: executed.execution_gas, dropped: executed.dropped }))
}

/// What is wrong with the blueprint as the next one after `parent`.
fn fault_of(
    parameters: &Parameters,
    blueprint: &Blueprint,
    parent: &Head,
    clock: Option<L1Clock>,
) -> Option<BlueprintFault> {
    if parent.header.number.checked_add(1) != Some(blueprint.number) {
        return Some(BlueprintFault::Number);
    }
    if blueprint.parent != parent.hash {
        return Some(BlueprintFault::Parent);
    }
    if blueprint.timestamp < parent.header.timestamp {
        return Some(BlueprintFault::TimestampBeforeParent);
    }
    let latest = clock.map(|clock| clock.timestamp.saturating_add(parameters.lookahead_s));
    if latest.is_some_and(|latest| blueprint.timestamp > latest) {
        return Some(BlueprintFault::TimestampAhead);
    }
    None
}

/// The delayed items that the blueprint names, each of which must wait and be named once.
fn delayed_items(
    store: &impl Store,
    blueprint: &Blueprint,
) -> Result<Result<Vec<Item>, BlueprintFault>, BlockError> {
    let mut named = BTreeSet::new();
    let mut items = Vec::with_capacity(blueprint.payload.delayed.len());
    for name in &blueprint.payload.delayed {
        if !named.insert(*name) {
            return Ok(Err(BlueprintFault::RepeatedDelayedItem));
        }
        match delayed::find(store, *name)? {
            Some(item) => items.push(item),
            None => return Ok(Err(BlueprintFault::UnknownDelayedItem)),
        }
    }
    Ok(Ok(items))
}
