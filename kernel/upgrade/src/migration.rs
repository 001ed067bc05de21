//! From one layout to the next.
//!
//! A migration works in place, on `/base` and `/evm`; a copy of both, which costs two host calls, is kept until the last
//! step is done. Whatever goes wrong before, the copy is moved back and the kernel before comes back with it: all of a
//! migration is visible or nothing. No message is read and no block made meanwhile, and what is in the inbox stays there
//! over reboots. A level has a thousand of them: a migration that does not end within one gives up in time.
//!
//! Rules for whoever writes a step: spell paths out, because the layout goes on changing; what is optional may be absent;
//! a turn does a bounded amount of work and says in its cursor where the next one goes on.

use crate::{Refusal, UpgradeError};
use alloc::vec::Vec;
use millrace_host::{Budget, Control, Store};
use millrace_layout::{
    LayoutError,
    upgrade::{self, CURSOR_BYTES_MAX, Handover, Phase},
    version::{self, StorageVersion},
};
use millrace_primitives::Ticks;

/// A migration gives up when a level has only this many reboots left: the kernel before needs them for the inbox.
pub const REBOOTS_RESERVED: u32 = 500;

/// It does not begin with fewer, but waits for the next level, which has a thousand.
pub const REBOOTS_MIN: u32 = 900;

/// What a turn of a step may take at most. A run has room for several.
pub const TICKS_TURN: Ticks = Ticks::new(1_000_000_000);

/// How far a turn went.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Turn {
    /// There is more to do from here; at most [`CURSOR_BYTES_MAX`] bytes.
    More(Vec<u8>),
    /// The storage has the next layout.
    Done,
}

/// A step cannot be made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum StepFault {
    /// Something is not as it should be.
    Storage,
    /// A key could not be read or written.
    Layout(LayoutError),
}

impl From<LayoutError> for StepFault {
    fn from(error: LayoutError) -> Self {
        Self::Layout(error)
    }
}

/// Takes the storage from one version to the next.
pub struct Step<S> {
    /// The version that it starts from.
    pub from: StorageVersion,
    /// Does a turn: the storage, and where the last turn stopped (nothing in the first).
    pub turn: fn(&mut S, &[u8]) -> Result<Turn, StepFault>,
}

/// What a kernel brings: its layout, and the way there.
pub struct Release<'a, S> {
    /// The layout that it works on.
    pub layout: StorageVersion,
    /// One step from each older version.
    pub steps: &'a [Step<S>],
}

impl<S> Release<'_, S> {
    /// This kernel. Its layout is the first: no step leads to it.
    pub const fn current() -> Self {
        Self { layout: version::CURRENT, steps: &[] }
    }

    /// Whether there is a step from `version` and each one after it, up to the layout of this kernel.
    pub(crate) fn reaches(&self, version: StorageVersion) -> bool {
        // A range that starts past its end is empty.
        version <= self.layout
            && (version.0..self.layout.0).all(|from| self.step(StorageVersion(from)).is_some())
    }

    fn step(&self, from: StorageVersion) -> Option<&Step<S>> {
        self.steps.iter().find(|step| step.from == from)
    }
}

/// What a run made of it.
pub(crate) enum Migrated {
    /// The storage has the layout of this kernel.
    Whole,
    /// The run has no room for more.
    Paused,
    /// It cannot be.
    Refused(Refusal),
}

/// Keeps what there is, so that it can come back.
pub(crate) fn begin(store: &mut impl Store, handover: Handover) -> Result<Handover, UpgradeError> {
    upgrade::keep_state(store)?;
    let handover = Handover { phase: Phase::Migrating, cursor: Some(Vec::new()), ..handover };
    upgrade::handover()?.replace(store, &handover)?;
    Ok(handover)
}

/// Goes on, as far as `budget` allows.
pub(crate) fn advance<S: Store + Control>(
    host: &mut S,
    release: &Release<'_, S>,
    mut handover: Handover,
    budget: &mut Budget,
) -> Result<Migrated, UpgradeError> {
    let mut cursor = handover.cursor.take().unwrap_or_default();
    let mut version = version::key()?.require(host)?;
    while version < release.layout {
        let Some(step) = release.step(version) else {
            return Ok(Migrated::Refused(Refusal::UnknownVersion));
        };
        if !budget.covers(TICKS_TURN) {
            if host.reboots_left()? <= REBOOTS_RESERVED {
                return Ok(Migrated::Refused(Refusal::MigrationTooLong));
            }
            handover.cursor = Some(cursor);
            upgrade::handover()?.replace(host, &handover)?;
            return Ok(Migrated::Paused);
        }
        budget.spend(TICKS_TURN);
        match (step.turn)(host, &cursor) {
            Ok(Turn::More(next)) if next.len() <= CURSOR_BYTES_MAX => cursor = next,
            Ok(Turn::More(_)) | Err(_) => return Ok(Migrated::Refused(Refusal::Migration)),
            Ok(Turn::Done) => {
                version = StorageVersion(version.0.saturating_add(1));
                version::key()?.write(host, &version)?;
                cursor.clear();
            }
        }
    }
    Ok(Migrated::Whole)
}
