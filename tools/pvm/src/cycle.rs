//! What follows a run: another one, or rest until the next level.
//!
//! This is the part of the PVM that does not depend on how a kernel is executed: whoever runs kernels in another way than
//! as wasm ([`Runs`]) has the same reboots, traps and kernels that do not start.

use crate::durable::{Durable, Key};
use crate::status::{Outcome, Status, Stuck};
use crate::{BOOT_KEY, FALLBACK_KEY};

/// What a kernel sets to be run again in the same level.
pub const REBOOT_KEY: Key<'static> = Key::constant("/kernel/env/reboot");
const REBOOT_COUNTER_KEY: Key<'static> = Key::constant("/readonly/kernel/env/reboot_counter");
const TOO_MANY_REBOOT_KEY: Key<'static> = Key::constant("/readonly/kernel/env/too_many_reboot");
const STUCK_KEY: Key<'static> = Key::constant("/readonly/kernel/env/stuck");
const UPGRADE_ERROR_KEY: Key<'static> = Key::constant("/readonly/kernel/env/upgrade_error");

/// Reboots of one level, after its first run.
pub const REBOOTS_PER_LEVEL_MAX: u32 = 1_000;

/// A kernel that can be run again and again.
pub trait Runs {
    /// Why a run could not be made.
    type Error;

    /// What the runs work on.
    fn durable(&mut self) -> &mut Durable;

    /// One run of the kernel that is in its place, or the way back when it does not start.
    ///
    /// # Errors
    /// The host could not do its part: nothing more is run.
    fn run_once(&mut self) -> Result<Outcome, Self::Error>;

    /// Reboots of one level, after its first run.
    fn reboots_max(&self) -> u32 {
        REBOOTS_PER_LEVEL_MAX
    }
}

/// Runs a kernel as the PVM does within a level: again while it asks for it and reboots are left.
///
/// # Errors
/// As [`Runs::run_once`].
pub fn run_until_rest<R: Runs>(runs: &mut R) -> Result<Status, R::Error> {
    let reboots_max = runs.reboots_max();
    let mut reboots_left = reboots_max;
    loop {
        begin(runs.durable(), reboots_left);
        let outcome = runs.run_once()?;
        match after(runs.durable(), outcome, reboots_left) {
            Next::Reboot => reboots_left -= 1,
            Next::Rest => {
                rest(runs.durable(), reboots_max);
                return Ok(Status::WaitingForInput);
            }
            Next::Stuck(stuck) => return Ok(Status::Stuck(stuck)),
        }
    }
}

/// What a run finds before it begins.
pub(crate) fn begin(durable: &mut Durable, reboots_left: u32) {
    durable.delete(REBOOT_KEY);
    set_reboot_counter(durable, reboots_left);
}

/// What a level leaves for the next one.
pub(crate) fn rest(durable: &mut Durable, reboots_max: u32) {
    durable.set(REBOOT_KEY, Vec::new());
    set_reboot_counter(durable, reboots_max.saturating_add(1));
}

/// What follows a run.
pub(crate) enum Next {
    Reboot,
    Rest,
    Stuck(Stuck),
}

fn set_reboot_counter(durable: &mut Durable, reboots_left: u32) {
    durable.set(REBOOT_COUNTER_KEY, reboots_left.to_le_bytes().as_slice());
}

/// Notes how a run ended and decides what follows.
pub(crate) fn after(durable: &mut Durable, outcome: Outcome, reboots_left: u32) -> Next {
    match outcome {
        Outcome::Stuck(stuck) => return Next::Stuck(stuck),
        Outcome::Finished => {
            durable.delete(STUCK_KEY);
            durable.delete(UPGRADE_ERROR_KEY);
        }
        Outcome::Trapped(_) => durable.set(STUCK_KEY, Vec::new()),
        Outcome::FellBack { .. } => durable.set(UPGRADE_ERROR_KEY, Vec::new()),
    }
    match (durable.get(REBOOT_KEY.as_str()), reboots_left) {
        (Some(_), 0) => durable.set(TOO_MANY_REBOOT_KEY, Vec::new()),
        (Some(_), _) => return Next::Reboot,
        (None, _) => {
            durable.delete(TOO_MANY_REBOOT_KEY);
        }
    }
    Next::Rest
}

/// What runs is what to fall back on: noted as soon as it is initialised.
pub fn note_started(durable: &mut Durable) {
    let running = durable.handle(BOOT_KEY.as_str());
    let fallback = durable.handle(FALLBACK_KEY.as_str());
    let is_same = matches!((&running, &fallback), (Some(a), Some(b)) if a.is_same(b));
    if !is_same {
        durable.copy(BOOT_KEY, FALLBACK_KEY);
    }
}
