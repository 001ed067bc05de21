//! Row 38: a blueprint that comes in slots of the data availability layer.

use super::{GAS, level, next, transaction};
use crate::rollup::Bench;
use anyhow::{Context as _, ensure};
use millrace_wire::blueprint::legacy;

/// The pages of a slot.
const PAGES: usize = 96;

/// Chunks as they stand in a slot.
fn tagged(chunks: &[legacy::Chunk<'_>]) -> Vec<u8> {
    chunks.iter().flat_map(|chunk| [&[1], &chunk.encode()[..]].concat()).collect()
}

pub(super) fn row_38_a_blueprint_in_two_slots(bench: &mut Bench) -> anyhow::Result<()> {
    bench.change_parameters(|parameters| {
        (parameters.dal.is_enabled, parameters.dal.slots) = (true, vec![0, 9]);
    })?;
    let number = bench.head_number()?;
    let blueprint = next(bench, vec![], vec![vec![0x80; 30_000], transaction(bench, 0, GAS)?])?;
    let applied = bench.engine.apply(bench.durable(), &blueprint)?;
    let payload = legacy::encode_payload(&blueprint);
    let chunks = legacy::cut(&payload, blueprint.number, None).context("too large for format 0")?;
    ensure!(chunks.len() > 4);
    // A chunk out of bounds is passed over; garbage ends a slot.
    let bad = legacy::Chunk { chunk_count: 0, ..chunks[0] };
    let first = [tagged(&chunks[3..]), tagged(&[bad]), tagged(&chunks[..1]), vec![7; 1_000]].concat();
    let unread = [tagged(&chunks[1..2]), vec![7], tagged(&chunks[2..3])].concat();
    let message = bench.signal(vec![(0, first), (9, unread)])?;
    let report = bench.level(std::slice::from_ref(&message))?;
    let pages = report.reveal_requests.iter().filter(|request| request.first() == Some(&2)).count();
    ensure!((8..PAGES).contains(&pages), "{pages} pages");
    ensure!(bench.head_number()? == number, "a chunk is missing");
    // What is missing comes in another slot; the first two are not asked for again.
    let last = bench.signal(vec![(9, tagged(&chunks[2..3]))])?;
    let report = bench.level(&[message, last])?;
    let pages = report.reveal_requests.iter().filter(|request| request.first() == Some(&2)).count();
    ensure!((1..=3).contains(&pages), "{pages} pages");
    ensure!(bench.head()?.hash == applied.hash, "another block than natively");
    Ok(())
}

pub(super) fn row_38_a_slot_that_nobody_attested(bench: &mut Bench) -> anyhow::Result<()> {
    bench.change_parameters(|parameters| {
        (parameters.dal.is_enabled, parameters.dal.slots) = (true, vec![3]);
    })?;
    // Of the slots that the signal names none is there.
    let message = bench.signal_of(vec![3])?;
    level(bench, &[message])
}
