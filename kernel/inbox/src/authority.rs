//! When a change of who orders transactions takes effect.
//!
//! The clock is that of the layer 1, because those in office could hold back any other: a change takes effect at the
//! beginning of the first level after its announcement whose predecessor is as late as it says. All messages of that
//! level are judged by the new authority; blueprints of the old one are refused, those that wait are forgotten. The
//! delayed inbox and the queue stay as they are.

use alloc::vec::Vec;
use millrace_host::Store;
use millrace_layout::{
    LayoutError, blueprints,
    clock::{self, L1Clock},
    events::{self, Event},
    governance::{self, AUTHORITIES_MAX, PendingAuthorities, PendingAuthority},
    parameters,
    sequencers::{self, Change},
};
use millrace_primitives::{Epoch, Timestamp};
use millrace_wire::authority::Authority;

/// Goes on with what a run that died has left half done; whatever else is due was done when the level began.
pub(crate) fn finish(store: &mut impl Store) -> Result<bool, LayoutError> {
    if governance::authorities_waiting(store)?.waiting.is_empty() {
        return Ok(false);
    }
    match clock::read(store)? {
        Some(clock) => take_office(store, clock),
        None => Ok(false),
    }
}

/// Lets every change take effect that is due. Answers whether there was one.
pub(crate) fn take_office(store: &mut impl Store, clock: L1Clock) -> Result<bool, LayoutError> {
    let key = governance::authorities()?;
    let PendingAuthorities { next_number, key_changes, mut waiting } =
        governance::authorities_waiting(store)?;
    let mut has_changed = false;
    for _ in 0..AUTHORITIES_MAX {
        let is_due = |change: &&PendingAuthority| {
            change.activation <= clock.timestamp && change.announced_at < clock.level
        };
        let Some(change) = waiting.first().filter(is_due).cloned() else { break };
        carry_out(store, &change)?;
        waiting.remove(0);
        // Last: until then, a run that dies has it done again.
        key.replace(store, &PendingAuthorities { next_number, key_changes, waiting: waiting.clone() })?;
        has_changed = true;
    }
    Ok(has_changed)
}

/// Doing it twice is doing it once.
fn carry_out(store: &mut impl Store, change: &PendingAuthority) -> Result<(), LayoutError> {
    let epoch = begin_epoch(store, change)?;
    blueprints::delete_all(store)?;
    sequencers::forget_prepared(store)?;
    if let Some(pool) = change.pool {
        let parameters = parameters::read(store)?;
        if parameters.pool != pool {
            parameters::key()?.replace(store, &parameters::Parameters { pool, ..parameters })?;
        }
    }
    let key = sequencers::key()?;
    if change.members.is_empty() {
        key.delete(store)?;
    } else {
        let (members, quorum): (Vec<_>, u16) = (change.members.clone(), change.quorum);
        key.replace(store, &Authority { epoch, members, quorum })?;
    }
    let members = u32::try_from(change.members.len()).unwrap_or(u32::MAX);
    events::push(store, &Event::AuthorityChanged { epoch, members })
}

/// The number of the epoch that begins with `change`. It is written first, with what tells the change from others, so
/// that it is not counted twice.
fn begin_epoch(store: &mut impl Store, change: &PendingAuthority) -> Result<Epoch, LayoutError> {
    let key = sequencers::change()?;
    let last = match key.read(store)? {
        Some(last) if last.number == change.number => return Ok(last.epoch),
        Some(last) => last,
        None => {
            let epoch = sequencers::read(store)?.map_or(Epoch::ZERO, |authority| authority.epoch);
            Change { epoch, number: 0, activation: Timestamp::ZERO }
        }
    };
    let epoch = last.epoch.saturating_add(1);
    key.write(store, &Change { epoch, number: change.number, activation: change.activation })?;
    Ok(epoch)
}
