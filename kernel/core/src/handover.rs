//! When another kernel takes over: between two blocks, at the first one that would be as late as governance said.

use crate::{RunError, next::Next};
use millrace_block::{BlockError, Terms, fault_of};
use millrace_host::{Budget, Host, Store};
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
    host: &mut impl Host,
    terms: Terms<'_>,
    next: &Next,
    budget: &mut Budget,
) -> Result<Turn, RunError> {
    // A block that was begun is finished first.
    if matches!(next, Next::Block(block) if block.progress.is_some()) {
        return Ok(Turn::Block);
    }
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
    next: &Next,
    upgrade: &millrace_layout::governance::PendingUpgrade,
) -> Result<bool, RunError> {
    match next {
        Next::Block(block) if block.candidate.blueprint.timestamp >= upgrade.activation => {
            Ok(fault_of(store, terms, &block.candidate)?.is_none())
        }
        _ => Ok(false),
    }
}
