//! Transactions for a rollup without sequencer: anybody may send them, in one message or in chunks.

use crate::{
    Reason,
    stage::{Judged, Outcome},
};
use alloc::vec::Vec;
use millrace_host::Store;
use millrace_layout::{
    LayoutError,
    queue::{self, PARTIAL_LEVELS_MAX, PARTIALS_MAX, Partial, Partials},
};
use millrace_primitives::{H256, L1Level, TransactionHash};
use millrace_wire::{
    frame::{External, Kind},
    proxy::{Announcement, Transaction, TransactionChunk},
};

/// Judges a transaction, an announcement or a chunk, and keeps what is right.
pub(crate) fn read(
    store: &mut impl Store,
    level: L1Level,
    external: &External<'_>,
) -> Result<Judged, LayoutError> {
    match external.kind {
        Kind::Transaction => match Transaction::decode(external.body) {
            Ok(transaction) if transaction.is_hash_right() => push(store, transaction.raw),
            Ok(_) => Ok(Err(Reason::WrongHash)),
            Err(error) => Ok(Err(Reason::Proxy(error))),
        },
        Kind::ChunkedTransaction => match Announcement::decode(external.body) {
            Ok(announcement) => announce(store, level, &announcement),
            Err(error) => Ok(Err(Reason::Proxy(error))),
        },
        Kind::TransactionChunk => match TransactionChunk::decode(external.body) {
            Ok(chunk) => read_chunk(store, &chunk),
            Err(error) => Ok(Err(Reason::Proxy(error))),
        },
        _ => Ok(Err(Reason::Unsupported)),
    }
}

fn push(store: &mut impl Store, raw: &[u8]) -> Result<Judged, LayoutError> {
    Ok(if queue::push(store, raw)? { Ok(Outcome::Kept) } else { Err(Reason::QueueFull) })
}

/// Announcements that were not followed by all their chunks in time make room for others.
fn announce(
    store: &mut impl Store,
    level: L1Level,
    announcement: &Announcement<'_>,
) -> Result<Judged, LayoutError> {
    let Partials(mut partials) = queue::partials()?.read(store)?.unwrap_or_default();
    let is_late = |then: &L1Level| level.since(*then) > PARTIAL_LEVELS_MAX;
    for (hash, _) in partials.iter().filter(|(_, then)| is_late(then)) {
        queue::forget_partial(store, *hash)?;
    }
    partials.retain(|(_, then)| !is_late(then));
    if partials.iter().any(|(hash, _)| *hash == announcement.hash) {
        return Ok(Err(Reason::AlreadyAnnounced));
    }
    if partials.len() >= PARTIALS_MAX {
        return Ok(Err(Reason::QueueFull));
    }
    partials.push((announcement.hash, level));
    // Listed first: what is not listed is never found again, and what is listed and not there is nothing.
    queue::partials()?.replace(store, &Partials(partials))?;
    let chunks = announcement.chunk_hashes.iter().map(|hash| H256(*hash)).collect();
    queue::partial(announcement.hash)?.write(store, &Partial { chunks })?;
    Ok(Ok(Outcome::Kept))
}

fn read_chunk(store: &mut impl Store, chunk: &TransactionChunk<'_>) -> Result<Judged, LayoutError> {
    let Some(partial) = queue::partial(chunk.hash)?.read(store)? else {
        return Ok(Err(Reason::NotAnnounced));
    };
    let hashes: Vec<[u8; 32]> = partial.chunks.iter().map(|hash| hash.0).collect();
    let announcement = Announcement { hash: chunk.hash, chunk_hashes: &hashes };
    if !chunk.belongs_to(&announcement) {
        return Ok(Err(Reason::NotAnnounced));
    }
    let key = queue::chunk(chunk.hash, chunk.index)?;
    if key.exists(store)? {
        return Ok(Err(Reason::DuplicatePiece));
    }
    if !chunk.is_hash_right() {
        return Ok(Err(Reason::WrongHash));
    }
    key.write(store, &queue::Chunk(chunk.piece.to_vec()))?;
    match assemble(store, chunk.hash, announcement.chunk_count())? {
        None => Ok(Ok(Outcome::Kept)),
        Some(raw) => finish(store, chunk.hash, &raw),
    }
}

/// The transaction, once all its chunks are there.
fn assemble(store: &impl Store, hash: TransactionHash, count: u16) -> Result<Option<Vec<u8>>, LayoutError> {
    let mut raw = Vec::new();
    for index in 0..count {
        match queue::chunk(hash, index)?.read(store)? {
            Some(queue::Chunk(piece)) => raw.extend_from_slice(&piece),
            None => return Ok(None),
        }
    }
    Ok(Some(raw))
}

fn finish(store: &mut impl Store, hash: TransactionHash, raw: &[u8]) -> Result<Judged, LayoutError> {
    let is_right = Transaction { hash, raw }.is_hash_right();
    let judged = if is_right { push(store, raw)? } else { Err(Reason::WrongHash) };
    queue::forget_partial(store, hash)?;
    let Partials(mut partials) = queue::partials()?.read(store)?.unwrap_or_default();
    partials.retain(|(other, _)| *other != hash);
    queue::partials()?.replace(store, &Partials(partials))?;
    Ok(judged)
}
