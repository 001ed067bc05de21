//! What comes first in each run.

use crate::{
    Refusal, UpgradeError,
    migration::{self, Migrated, REBOOTS_MIN, Release},
    pursue::switch,
    trial,
};
use alloc::format;
use millrace_host::{Budget, Control, Debug, Store, limits::REBOOTS_PER_LEVEL_MAX};
use millrace_layout::{
    events::{self, Event},
    pvm,
    upgrade::{self, Handover, KernelRoot, Phase},
    version::{self, StorageVersion},
};

/// Whether the other stages may run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage0 {
    /// They may.
    Ready(Standing),
    /// Another run has to come first, perhaps of another kernel.
    Reboot,
    /// The next level has to come first. The inbox of this one has been read.
    Wait,
}

/// How this kernel stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// No change of kernels is under way.
    Settled,
    /// It has yet to show that it makes blocks and reads messages.
    OnTrial,
    /// It came back in place of another: [`report_return`] when the inbox has been read.
    Returned,
}

/// Goes on with a change of kernels that is not over, and makes sure that the storage has the layout of this kernel. A new
/// storage is stamped. Call it first in a run, with the request for another one in place.
///
/// # Errors
/// [`UpgradeError`]: the other stages must not touch the storage.
pub fn prepare<S: Store + Control + Debug>(
    host: &mut S,
    release: &Release<'_, S>,
    budget: &mut Budget,
) -> Result<Stage0, UpgradeError> {
    // One that another kernel wrote in its own way is lost: it may not keep the inbox from being read.
    let Some(handover) = upgrade::handover()?.read_or_lose(host)? else {
        return without_handover(host, release);
    };
    match handover.phase {
        Phase::Switching if upgrade::is_staged(host)? => {
            // The run before died on the way.
            switch(host, &handover)?;
            Ok(Stage0::Reboot)
        }
        Phase::Switching if host.store_has_value(pvm::UPGRADE_ERROR)? => {
            // This is the old kernel: the PVM went back to it, and the storage is as it was left.
            leave(host, handover, Refusal::Pvm)
        }
        Phase::Switching => take_over(host, release, handover, budget),
        Phase::Migrating if host.store_has_value(pvm::STUCK)? => {
            leave(host, handover, Refusal::MigrationTrapped)
        }
        Phase::Migrating => migrate(host, release, handover, budget),
        Phase::Trial => on_trial(host, release, handover),
        // The storage is that of the old kernel, whichever runs.
        Phase::Leaving if upgrade::has_backup(host)? => leave_on(host, &handover),
        Phase::Leaving => same_layout(host, release, Standing::Returned),
    }
}

/// Nothing is under way: the storage has the layout of this kernel, or none yet.
fn without_handover<S: Store>(host: &mut S, release: &Release<'_, S>) -> Result<Stage0, UpgradeError> {
    if version::read(host)?.is_none() {
        version::key()?.write(host, &release.layout)?;
        return Ok(Stage0::Ready(Standing::Settled));
    }
    same_layout(host, release, Standing::Settled)
}

fn same_layout<S: Store>(
    host: &S,
    release: &Release<'_, S>,
    standing: Standing,
) -> Result<Stage0, UpgradeError> {
    match version::read(host)? {
        Some(version) if version == release.layout => Ok(Stage0::Ready(standing)),
        version => Err(UpgradeError::UnknownVersion(version.unwrap_or(StorageVersion(0)))),
    }
}

/// The first run of a new kernel.
fn take_over<S: Store + Control + Debug>(
    host: &mut S,
    release: &Release<'_, S>,
    handover: Handover,
    budget: &mut Budget,
) -> Result<Stage0, UpgradeError> {
    match version::read(host)? {
        Some(version) if version == release.layout => {
            upgrade::handover()?.replace(host, &Handover { phase: Phase::Trial, ..handover })?;
            Ok(Stage0::Ready(Standing::OnTrial))
        }
        // So few are left only in the level of the switch, which comes after the inbox.
        Some(version) if release.reaches(version) && host.reboots_left()? < REBOOTS_MIN => Ok(Stage0::Wait),
        Some(version) if release.reaches(version) => {
            let handover = migration::begin(host, handover)?;
            migrate(host, release, handover, budget)
        }
        _ => leave(host, handover, Refusal::UnknownVersion),
    }
}

fn migrate<S: Store + Control + Debug>(
    host: &mut S,
    release: &Release<'_, S>,
    handover: Handover,
    budget: &mut Budget,
) -> Result<Stage0, UpgradeError> {
    match migration::advance(host, release, handover.clone(), budget) {
        Ok(Migrated::Paused) => Ok(Stage0::Reboot),
        Ok(Migrated::Refused(refusal)) => leave(host, handover, refusal),
        // The same would go wrong in every level.
        Err(error) => {
            host.debug(&format!("migration: {error}"));
            leave(host, handover, Refusal::Migration)
        }
        Ok(Migrated::Whole) => {
            // In this order: as long as the phase says so, what is kept can come back.
            upgrade::handover()?.replace(host, &Handover { phase: Phase::Trial, ..handover })?;
            upgrade::forget_state(host)?;
            host.debug("the storage is migrated");
            // The first block has a whole run.
            Ok(Stage0::Reboot)
        }
    }
}

fn on_trial<S: Store + Control + Debug>(
    host: &mut S,
    release: &Release<'_, S>,
    handover: Handover,
) -> Result<Stage0, UpgradeError> {
    same_layout(host, release, Standing::OnTrial)?;
    let levels_max = trial::levels_max(host, &handover)?;
    let is_first = host.reboots_left()? == REBOOTS_PER_LEVEL_MAX;
    let has_trapped = host.store_has_value(pvm::STUCK)?;
    // There is another run after a trap only as long as the inbox is read.
    if has_trapped && !is_first && levels_max.is_some() {
        return leave(host, handover, Refusal::Reading);
    }
    // A trap is a level that failed, wherever it was.
    let handover = if has_trapped { trial::note(host, handover)? } else { handover };
    // A level that has begun is ended first: its block may need several runs.
    let has_failed = is_first && levels_max.is_some_and(|levels| handover.failures >= levels);
    if has_failed && !trial::has_block(host, &handover)? {
        return leave(host, handover, Refusal::Silent);
    }
    Ok(Stage0::Ready(Standing::OnTrial))
}

/// The kernel before comes back, and the storage with it if a migration has begun.
fn leave(
    host: &mut (impl Store + Debug),
    handover: Handover,
    refusal: Refusal,
) -> Result<Stage0, UpgradeError> {
    host.debug(&format!("this kernel gives way: {refusal}"));
    let leaving = Handover { phase: Phase::Leaving, reason: refusal.code(), ..handover };
    upgrade::handover()?.replace(host, &leaving)?;
    leave_on(host, &leaving)
}

/// Each step is done once, whoever dies in between.
fn leave_on(host: &mut impl Store, leaving: &Handover) -> Result<Stage0, UpgradeError> {
    if leaving.cursor.is_some() {
        upgrade::restore_state(host)?;
    }
    if upgrade::has_backup(host)? {
        upgrade::boot_backup(host)?;
    }
    Ok(Stage0::Reboot)
}

/// Says that the kernel before runs again; answers whether the other one had its trial. Not earlier than when the inbox has
/// been read, whose first message takes the events of the level before away.
///
/// # Errors
/// [`UpgradeError::Layout`].
pub fn report_return(host: &mut impl Store) -> Result<bool, UpgradeError> {
    let Some(handover) = upgrade::handover()?.read_or_lose(host)? else { return Ok(false) };
    let Handover { root_hash, previous, reason, .. } = handover;
    match previous {
        Some(previous) => upgrade::kernel_root()?.write(host, &KernelRoot(previous.to_vec()))?,
        None => upgrade::kernel_root()?.delete(host)?,
    }
    events::push(host, &Event::UpgradeFailed { root_hash, reason })?;
    upgrade::handover()?.delete(host)?;
    Ok([Refusal::Silent, Refusal::Reading].iter().any(|refusal| refusal.code() == reason))
}
