//! What is done after a run that trapped: whatever made it trap must not do so for ever.

use crate::{RunError, next::NO_ITEM, stages::reject};
use alloc::format;
use millrace_block::{BlueprintFault, TransactionFault};
use millrace_host::{Host, Store};
use millrace_layout::{
    LayoutError,
    attempt::{self, Attempt, OrderedBy},
    blueprints, delayed, events, progress, queue, scratch,
    world::World,
};
use millrace_primitives::BlockNumber;

/// Notes that the last run trapped. The host says so only in the next one, and the inbox comes first.
pub(crate) fn note(host: &mut impl Store) -> Result<(), RunError> {
    scratch::clear(host)?;
    delayed::forget_unfinished(host)?;
    events::forget_unfinished(host)?;
    millrace_inbox::note_trap(host)?;
    match last(host)? {
        Some(last) => Ok(attempt::key()?.write(host, &Attempt { has_trapped: true, ..last })?),
        None => Ok(()),
    }
}

/// The last attempt. In an encoding that this kernel does not know, it is none: it is there to find what traps, and
/// whatever does will do so again.
pub(crate) fn last(store: &impl Store) -> Result<Option<Attempt>, RunError> {
    match attempt::key()?.read(store) {
        Err(LayoutError::Corrupt { .. }) => Ok(None),
        read => Ok(read?),
    }
}

/// Takes out of the way what was being done when a run trapped: it was making the block after the head, or it was
/// reading the inbox, whose messages are gone with it.
///
/// A blueprint goes. A block of the kernel's own is tried again with half as many items, down to one, which goes if it
/// traps alone: what waits with it survives.
pub(crate) fn recover(host: &mut impl Host) -> Result<(), RunError> {
    let Some(last) = last(host)?.filter(|last| last.has_trapped) else { return Ok(()) };
    // First of all, so that a run that dies here takes nothing else out of the way: what traps will do so again.
    attempt::key()?.write(host, &last.halved())?;
    progress::key()?.delete(host)?;
    let head = World::Committed.head()?.read(host)?;
    let next = head.and_then(|head| head.header.number.checked_add(1));
    if next == Some(last.number) {
        match last.ordered_by {
            OrderedBy::Authority if blueprints::announced(last.number)?.exists(host)? => {
                reject(host, last.number, BlueprintFault::Trapped)?;
            }
            OrderedBy::Authority if blueprints::legacy_count(last.number)?.exists(host)? => {
                reject(host, last.number, BlueprintFault::Trapped)?;
            }
            OrderedBy::Authority => {}
            OrderedBy::Timeout | OrderedBy::Nobody => try_less(host, last.number, &last)?,
        }
    }
    Ok(())
}

/// Forgets how little was tried in the end: another kernel trapped at it.
pub(crate) fn forget_halving(host: &mut impl Store) -> Result<(), RunError> {
    match last(host)? {
        // Whoever reads it knows how many there may be.
        Some(last) => Ok(attempt::key()?.write(host, &Attempt { items_max: u32::MAX, ..last })?),
        None => Ok(()),
    }
}

fn try_less(host: &mut impl Host, number: BlockNumber, last: &Attempt) -> Result<(), RunError> {
    host.debug(&format!("block {number} of up to {} items trapped", last.items_max));
    if last.items_max > 1 {
        return Ok(());
    }
    if last.first == NO_ITEM {
        // It was the first transaction of the queue.
        return Ok(queue::drop_first(host)?);
    }
    // Not the oldest: a block passes over what is too cheap for it.
    if delayed::find(host, last.first)?.is_some() {
        let (name, reason) = (last.first, TransactionFault::Trapped.code());
        events::push(host, &events::Event::DelayedDropped { name, number, reason })?;
        delayed::remove(host, name)?;
    }
    Ok(())
}
