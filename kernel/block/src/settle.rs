//! What follows a committed block: its blueprint and its delayed items leave their queues.

use crate::BlockError;
use millrace_host::Store;
use millrace_layout::{blueprints, delayed, settled, world::World};

/// Brings the queues up to the head. Doing it twice changes nothing, so a run that died in the middle is
/// made good by the next one.
///
/// # Errors
/// [`BlockError::Layout`].
pub fn settle(store: &mut impl Store) -> Result<(), BlockError> {
    let Some(head) = World::Committed.head()?.read(store)? else { return Ok(()) };
    let settled = settled::key()?;
    let number = head.header.number;
    if settled.read(store)? == Some(number) {
        return Ok(());
    }
    for name in &head.consumed {
        delayed::remove(store, *name)?;
    }
    blueprints::delete(store, number)?;
    Ok(settled.write(store, &number)?)
}
