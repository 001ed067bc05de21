//! When another kernel takes over: between two blocks, at the first one that would be as late as governance said.

use crate::{RunError, next::Next};
use millrace_block::{BlockError, Candidate, Terms, fault_of};
use millrace_host::{Budget, Debug, Reveal, Store};
use millrace_layout::world::World;
use millrace_upgrade::{Pursuit, due_next, is_begun, pursue};

/// Whose turn it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// The next block's.
    Block,
    /// Another run's, perhaps of another kernel.
    Reboot,
}

/// Goes on with the upgrade that is due, if one is. `next` is what would be made of the next block: it stays, and is made by
/// whichever kernel runs then.
pub(crate) fn take_turn(
    host: &mut (impl Store + Reveal + Debug),
    terms: Terms<'_>,
    next: &Next,
    budget: &mut Budget,
) -> Result<Turn, RunError> {
    match next {
        // A block that was begun is finished first.
        Next::Block(block) if block.progress.is_some() => Ok(Turn::Block),
        Next::Block(block) => take_turn_before(host, terms, Some(&block.candidate), budget),
        Next::Nothing | Next::Broken(_) => take_turn_before(host, terms, None, budget),
    }
}

/// The same before a block that is not begun, or when there is none to make.
pub(crate) fn take_turn_before(
    host: &mut (impl Store + Reveal + Debug),
    terms: Terms<'_>,
    next: Option<&Candidate>,
    budget: &mut Budget,
) -> Result<Turn, RunError> {
    // One that cannot be makes room for another that can.
    while let Some(upgrade) = due_next(host)? {
        if !is_begun(host, &upgrade)? && !is_due(host, terms, next, &upgrade)? {
            break;
        }
        let head = World::Committed.head()?.read(host)?.ok_or(BlockError::NoHead)?;
        match pursue(host, &upgrade, head.header.number, budget)? {
            Pursuit::Paused | Pursuit::Switched => return Ok(Turn::Reboot),
            Pursuit::Refused(_) => {}
        }
    }
    Ok(Turn::Block)
}

/// Whether the next block is valid and late enough. What is not valid says nothing about time.
fn is_due(
    store: &impl Store,
    terms: Terms<'_>,
    next: Option<&Candidate>,
    upgrade: &millrace_layout::governance::PendingUpgrade,
) -> Result<bool, RunError> {
    match next {
        Some(candidate) if candidate.blueprint.timestamp >= upgrade.activation => {
            Ok(fault_of(store, terms, candidate)?.is_none())
        }
        _ => Ok(false),
    }
}
