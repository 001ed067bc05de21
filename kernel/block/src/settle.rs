//! What follows a committed block: its blueprint, its delayed items and its transactions leave their queues, and what the
//! sequencer asked for in it is announced.

use crate::{BlockError, key_change};
use millrace_host::Store;
use millrace_layout::{blueprints, delayed, queue, settled, world::World};

/// Brings the queues up to the head. Doing it twice changes nothing, so a run that died in the middle is
/// made good by the next one. `has_inbox` says that there is a clock to announce by, which a node has not.
///
/// # Errors
/// [`BlockError::Layout`].
pub fn settle(store: &mut impl Store, has_inbox: bool) -> Result<(), BlockError> {
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
    if head.queue_front > 0 {
        queue::advance(store, head.queue_front)?;
    }
    if has_inbox {
        key_change::announce(store, &head)?;
    }
    Ok(settled.write(store, &number)?)
}
