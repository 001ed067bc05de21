//! Sending what waits: in order, as much as the outbox of a level takes.
//!
//! A message is sent by one host call and counted by another, and a run may die between them. So each is marked before
//! it is sent: one that a dead run had marked is neither sent again, which would pay it out twice, nor forgotten, but put
//! aside, with an event. Only the two calls are open to this, and nothing between them can trap.

use crate::BlockError;
use millrace_host::{HostError, Outbox, Store, limits::OUTBOX_MESSAGES_PER_LEVEL_MAX};
use millrace_layout::{
    LayoutError,
    clock::{self, L1Clock},
    events::{self, Event},
    outbox::{self, Cursor, Message},
    world::World,
};

/// Sends what waits, as far as the level has room. Before the first level nothing waits.
///
/// # Errors
/// [`BlockError::Layout`], and [`BlockError::Outbox`] when a message is refused though there is room; it stays the next.
pub fn send(host: &mut (impl Store + Outbox)) -> Result<(), BlockError> {
    let Some((mut cursor, count)) = outbox::waiting(host)? else { return Ok(()) };
    let Some(L1Clock { level, .. }) = clock::read(host)? else { return Ok(()) };
    if cursor.is_sending {
        events::push(host, &Event::OutboxUncertain { number: cursor.next })?;
        cursor = outbox::put_aside(host, cursor)?;
    }
    if cursor.oldest < cursor.next {
        cursor = outbox::forget_sent(host, cursor)?;
    }
    if cursor.level != level {
        cursor = Cursor { level, in_level: 0, ..cursor };
    }
    let (cursor, stopped) = send_from(host, cursor, count)?;
    if cursor.oldest < cursor.next {
        outbox::forget_sent(host, cursor)?;
    }
    match stopped {
        // Another kernel has been at work in this level. The next one has room.
        None | Some(BlockError::Outbox(HostError::OutboxFull)) => Ok(()),
        Some(error) => Err(error),
    }
}

/// Sends from the cursor on; says how far it came, and what stopped it while there was room.
fn send_from(
    host: &mut (impl Store + Outbox),
    mut cursor: Cursor,
    count: u64,
) -> Result<(Cursor, Option<BlockError>), LayoutError> {
    let begun = cursor;
    let mut stopped = None;
    while cursor.next < count && usize::from(cursor.in_level) < OUTBOX_MESSAGES_PER_LEVEL_MAX {
        if let Err(error) = send_next(host, cursor) {
            stopped = Some(error);
            break;
        }
        cursor.next = cursor.next.saturating_add(1);
        cursor.in_level = cursor.in_level.saturating_add(1);
    }
    // Takes back the mark of the last one too: it was sent, or it was not.
    if cursor != begun || stopped.is_some() {
        outbox::cursor()?.write(host, &cursor)?;
    }
    Ok((cursor, stopped))
}

fn send_next(host: &mut (impl Store + Outbox), cursor: Cursor) -> Result<(), BlockError> {
    // Read first: from the mark on there is nothing but the sending.
    let Message(message) = World::Committed.outbox_message(cursor.next)?.require(host)?;
    outbox::cursor()?.write(host, &Cursor { is_sending: true, ..cursor })?;
    host.write_output(&message).map_err(BlockError::Outbox)
}
