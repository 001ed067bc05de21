//! A new kernel has to show that it makes blocks.
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

/// Notes that the new kernel has made a block: it stays.
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
    let level = clock::read(store)?.map_or(L1Level::ZERO, |clock| clock.level);
    if handover.phase != Phase::Trial || (handover.failures > 0 && handover.failed_at == level) {
        return Ok(handover);
    }
    let failures = handover.failures.saturating_add(1);
    let handover = Handover { failures, failed_at: level, ..handover };
    upgrade::handover()?.replace(store, &handover)?;
    Ok(handover)
}

/// How a trial goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    /// There is a block.
    Passed,
    /// There was to be one in as many levels as a trial has.
    Failed,
    /// Neither.
    Open,
}

/// How the trial goes.
pub(crate) fn verdict(store: &impl Store, handover: &Handover) -> Result<Verdict, UpgradeError> {
    let head = World::Committed.head()?.read(store)?;
    if head.is_some_and(|head| head.header.number > handover.number) {
        return Ok(Verdict::Passed);
    }
    let levels = parameters::read(store)?.upgrades.trial_levels;
    // What a migration changed cannot be undone any more: messages have been read since.
    let can_fail = levels > 0 && handover.cursor.is_none();
    Ok(if can_fail && handover.failures >= levels { Verdict::Failed } else { Verdict::Open })
}
