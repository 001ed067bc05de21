//! What enters the delayed inbox: items, and the transactions of the delayed bridge, which come in chunks.

use crate::{
    Reason,
    stage::{Judged, Outcome},
};
use alloc::vec::Vec;
use millrace_host::Store;
use millrace_layout::{
    LayoutError,
    delayed::{self, Content, Item, Pushed, bridge},
    events::{self, Event},
};
use millrace_primitives::{L1Level, Timestamp, TransactionHash};
use millrace_wire::{
    TRANSACTION_BYTES_MAX,
    delayed::{BridgeMessage, name},
};

/// Where and when a message came.
#[derive(Clone, Copy)]
pub(crate) struct Arrival {
    pub(crate) level: L1Level,
    pub(crate) timestamp: Timestamp,
    pub(crate) index: u32,
}

/// Queues an item.
pub(crate) fn push(
    store: &mut impl Store,
    arrival: Arrival,
    name: TransactionHash,
    content: Content,
) -> Result<Judged, LayoutError> {
    let item = Item { name, level: arrival.level, timestamp: arrival.timestamp, content };
    match delayed::push(store, &item)? {
        Pushed::Queued => {
            events::push(store, &Event::DelayedItem { name })?;
            Ok(Ok(Outcome::Kept))
        }
        Pushed::Known => Ok(Err(Reason::DuplicateItem)),
        Pushed::Full => Ok(Err(Reason::DelayedInboxFull)),
    }
}

/// Reads bytes of the delayed bridge.
pub(crate) fn read_bridge(
    store: &mut impl Store,
    arrival: Arrival,
    bytes: &[u8],
) -> Result<Judged, LayoutError> {
    match BridgeMessage::decode(bytes) {
        Err(error) => Ok(Err(Reason::Bridge(error))),
        Ok(BridgeMessage::Start { chunks }) => start(store, chunks),
        Ok(BridgeMessage::Chunk(payload)) => chunk(store, arrival, payload),
        Ok(BridgeMessage::Whole(raw)) => push(store, arrival, name(raw), Content::Transaction(raw.to_vec())),
    }
}

/// A transaction that is on its way is never finished once another one starts: the bridge sends all of one in one
/// operation. In one write; chunks that are left of it go with this one.
fn start(store: &mut impl Store, chunks: u8) -> Result<Judged, LayoutError> {
    let progress = bridge::Progress { expected: chunks, received: 0, size_bytes: 0 };
    bridge::progress()?.write(store, &progress)?;
    Ok(Ok(Outcome::Kept))
}

/// The chunk is written before it is counted: a run that dies in between leaves it as if it had not come.
fn chunk(store: &mut impl Store, arrival: Arrival, payload: &[u8]) -> Result<Judged, LayoutError> {
    let progress = bridge::progress()?.read(store)?;
    let Some(progress) = progress.filter(|progress| progress.received < progress.expected) else {
        return Ok(Err(Reason::BridgeNotStarted));
    };
    let size_bytes = progress.size_bytes.saturating_add(u32::try_from(payload.len()).unwrap_or(u32::MAX));
    if size_bytes as usize > TRANSACTION_BYTES_MAX {
        bridge::clear(store)?;
        return Ok(Err(Reason::TransactionTooLarge));
    }
    bridge::chunk(progress.received)?.write(store, &bridge::Chunk(payload.to_vec()))?;
    let received = progress.received.saturating_add(1);
    if received < progress.expected {
        bridge::progress()?.write(store, &bridge::Progress { received, size_bytes, ..progress })?;
        return Ok(Ok(Outcome::Kept));
    }
    let raw = assemble(store, progress.expected)?;
    // First, so that after a run that dies here no other chunk can follow.
    bridge::clear(store)?;
    push(store, arrival, name(&raw), Content::Transaction(raw))
}

fn assemble(store: &impl Store, chunks: u8) -> Result<Vec<u8>, LayoutError> {
    let mut raw = Vec::new();
    for index in 0..chunks {
        raw.extend_from_slice(&bridge::chunk(index)?.require(store)?.0);
    }
    Ok(raw)
}
