//! A new kernel has to show that it makes blocks and reads messages.
//!
//! The first block says nothing of messages: those of its level were read by the kernel before. So a trial goes on until the
//! inbox of a later level has been read. A trap on the way there takes a message with it, perhaps each: the kernel gives way
//! at once, and the one before reads the rest of the level.
//!
//! Only a kernel that runs this code gives way: one that never reaches it cannot, and nothing else in the PVM would.

use crate::UpgradeError;
use millrace_host::Store;
use millrace_layout::{
    clock, parameters,
    upgrade::{self, Handover, Phase},
    world::World,
};
use millrace_primitives::L1Level;

/// Notes that the new kernel is about to make a block in this level: for what is on trial only.
///
/// # Errors
/// [`UpgradeError::Layout`].
pub fn note_attempt(store: &mut impl Store) -> Result<(), UpgradeError> {
    let Some(handover) = upgrade::handover()?.read_or_lose(store)? else { return Ok(()) };
    note(store, handover)?;
    Ok(())
}

/// Ends the trial of a kernel that has made a block and read the inbox of a level since; answers whether it is over. Call it
/// when an inbox has been read.
///
/// # Errors
/// [`UpgradeError::Layout`].
pub fn end_trial(store: &mut impl Store) -> Result<bool, UpgradeError> {
    let Some(handover) = upgrade::handover()?.read_or_lose(store)? else { return Ok(true) };
    let level = level(store)?;
    if handover.phase != Phase::Trial || !has_block(store, &handover)? || level <= handover.failed_at {
        return Ok(false);
    }
    pass_trial(store)?;
    Ok(true)
}

/// Ends the trial of a kernel that has made a block. By itself that is for a node, which has no levels: when the kernel gives
/// way on the rollup node, the node follows it there.
///
/// # Errors
/// [`UpgradeError::Layout`].
pub fn pass_trial(store: &mut impl Store) -> Result<(), UpgradeError> {
    // A run that died right after a migration left it there.
    upgrade::forget_state(store)?;
    Ok(upgrade::handover()?.delete(store)?)
}

/// Counts this level, once.
pub(crate) fn note(store: &mut impl Store, handover: Handover) -> Result<Handover, UpgradeError> {
    let level = level(store)?;
    if handover.phase != Phase::Trial || (handover.failures > 0 && handover.failed_at == level) {
        return Ok(handover);
    }
    let failures = handover.failures.saturating_add(1);
    let handover = Handover { failures, failed_at: level, ..handover };
    upgrade::handover()?.replace(store, &handover)?;
    Ok(handover)
}

/// In how many levels there may be no block; `None` when the kernel cannot give way.
pub(crate) fn levels_max(store: &impl Store, handover: &Handover) -> Result<Option<u32>, UpgradeError> {
    let levels = parameters::read(store)?.upgrades.trial_levels;
    // What a migration changed cannot be undone any more: messages have been read since.
    Ok((levels > 0 && handover.cursor.is_none()).then_some(levels))
}

/// Whether the new kernel has made a block.
pub(crate) fn has_block(store: &impl Store, handover: &Handover) -> Result<bool, UpgradeError> {
    let head = World::Committed.head()?.read(store)?;
    Ok(head.is_some_and(|head| head.header.number > handover.number))
}

fn level(store: &impl Store) -> Result<L1Level, UpgradeError> {
    Ok(clock::read(store)?.map_or(L1Level::ZERO, |clock| clock.level))
}
