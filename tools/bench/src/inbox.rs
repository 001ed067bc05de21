//! What stage 1, forced blocks and withdrawals cost in the PVM: chunks, items of the delayed inbox by kind, garbage.

use crate::{accounts, accounts::Ask, bridge, rollup::Bench};
use anyhow::{Context as _, ensure};
use millrace_primitives::{Address, BlockHash, BlockNumber, ContractHash, U256};
use millrace_pvm::{HostUse, LevelReport};
use millrace_wire::{
    address::PublicKeyHash,
    blueprint::{Blueprint, Payload, legacy},
    dal::slot,
    delayed,
    frame::{self, Kind},
    message::{self, Parameter, Ticket, Transfer},
};
use serde::Serialize;
use std::path::Path;

pub(crate) const BRIDGE: ContractHash = ContractHash::new(*b"bench delayed bridge");
pub(crate) const TICKETER: ContractHash = ContractHash::new(*b"bench ticketer of it");
pub(crate) const OTHER_TICKETER: ContractHash = ContractHash::new(*b"bench other ticketer");
/// Messages of the larger of two levels that are compared; the smaller has one.
const MESSAGES: usize = 100;
/// The slot of the data availability layer that the rollup listens to, its size, and that of its pages.
const SLOT: u8 = 1;
const SLOT_BYTES: usize = 380_832;
const PAGE_BYTES: usize = 3_967;
/// Pages by which two slots differ.
const PAGES: usize = 90;
/// Items of a forced block.
const FORCED: usize = 1_000;
const GARBAGE: usize = 2_000;
/// What the reference PVM takes for an operator.
const TICKS_PER_OPERATOR: f64 = 8.0;

/// What was measured.
#[derive(Debug, Serialize)]
pub(crate) struct InboxReport {
    rows: Vec<Row>,
}

/// What one more of something costs, or a whole level.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    what: String,
    /// Runs of the kernel in the level.
    runs: usize,
    operators: f64,
    /// An estimate: eight an operator.
    ticks: f64,
    host_calls: f64,
    written_bytes: f64,
}

/// Runs every scenario.
pub(crate) fn measure(dist: &Path) -> anyhow::Result<InboxReport> {
    let mut bench = Bench::boot(dist)?;
    bench.change_parameters(|parameters| {
        parameters.contracts.ticketer = Some(TICKETER);
        parameters.contracts.delayed_bridge = Some(BRIDGE);
        parameters.has_fa_bridge = true;
        // Nothing is forced by itself.
        parameters.delayed.timeout_levels = u32::MAX;
        (parameters.dal.is_enabled, parameters.dal.slots) = (true, vec![SLOT]);
    })?;
    // The key of the sequencer is prepared by its first blueprint.
    bench.block(vec![])?;
    let mut rows = vec![
        each(&mut bench, "chunk, format 2", chunks)?,
        each(&mut bench, "chunk, format 0", legacy_chunks)?,
        each(&mut bench, "native deposit queued", |bench, count| Ok(deposits(bench, TICKETER, count)))?,
        each(&mut bench, "FA deposit queued", |bench, count| Ok(deposits(bench, OTHER_TICKETER, count)))?,
        each(&mut bench, "delayed transfer queued", delayed_transfers)?,
        each(&mut bench, "chunk of 3,500 bytes in a slot", |bench, count| slot_chunks(bench, count, 3_500))?,
        each(&mut bench, "chunk of 30 bytes in a slot", |bench, count| slot_chunks(bench, count, 30))?,
        each_of(&mut bench, ("page of a slot", PAGES), slot_pages)?,
    ];
    for (what, messages) in [
        ("forced block, 1,000 native deposits", deposits(&bench, TICKETER, FORCED)),
        ("forced block, 1,000 FA deposits", deposits(&bench, OTHER_TICKETER, FORCED)),
        ("forced block, 1,000 delayed transfers", delayed_transfers(&bench, FORCED)?),
    ] {
        rows.push(forced(&mut bench, what, &messages)?);
    }
    for (what, messages) in [
        ("2,000 messages of another rollup", vec![foreign(); GARBAGE]),
        ("2,000 broken chunks", vec![broken_chunk(&bench); GARBAGE]),
        ("2,000 chunks signed by a stranger", vec![forged_chunk(&bench)?; GARBAGE]),
        ("a signal, 2,000 times", vec![bench.signal(vec![(SLOT, vec![])])?; GARBAGE]),
    ] {
        let saved = bench.save();
        rows.push(row(what, &bench.level(&messages)?));
        bench.load(saved)?;
    }
    rows.extend(bridge::measure(&mut bench)?);
    Ok(InboxReport { rows })
}

type Messages = Vec<Vec<u8>>;

/// The difference between a level with [`MESSAGES`] more and one with a single message.
fn each(
    bench: &mut Bench,
    what: &str,
    messages: impl Fn(&Bench, usize) -> anyhow::Result<Messages>,
) -> anyhow::Result<Row> {
    each_of(bench, (what, MESSAGES), messages)
}

/// The difference between a level with so many more and one with one.
fn each_of(
    bench: &mut Bench,
    (what, more): (&str, usize),
    messages: impl Fn(&Bench, usize) -> anyhow::Result<Messages>,
) -> anyhow::Result<Row> {
    let mut measured = vec![];
    for count in [1, more + 1] {
        let saved = bench.save();
        let messages = messages(bench, count)?;
        measured.push(row(what, &bench.level(&messages)?));
        bench.load(saved)?;
    }
    Ok(between(what, more, &measured[0], &measured[1]))
}

/// What one more costs, when the second level has so many more than the first.
pub(crate) fn between(what: &str, more: usize, low: &Row, high: &Row) -> Row {
    #[allow(clippy::cast_precision_loss, reason = "a small constant")]
    let per = |low: f64, high: f64| (high - low) / more as f64;
    Row {
        what: what.to_owned(),
        runs: high.runs,
        operators: per(low.operators, high.operators),
        ticks: per(low.ticks, high.ticks),
        host_calls: per(low.host_calls, high.host_calls),
        written_bytes: per(low.written_bytes, high.written_bytes),
    }
}

/// Queues items, then measures the level in which they are overdue.
fn forced(bench: &mut Bench, what: &str, messages: &[Vec<u8>]) -> anyhow::Result<Row> {
    let saved = bench.save();
    let number = bench.head_number()?;
    bench.level(messages)?;
    bench.change_parameters(|parameters| {
        (parameters.delayed.timeout_s, parameters.delayed.timeout_levels) = (0, 1);
        // Whatever the limits of a block are in production, this is one block.
        parameters.execution_gas_block_max = millrace_primitives::Gas::new(1 << 40);
    })?;
    let row = row(what, &bench.level(&[])?);
    ensure!(bench.head_number()? == number + 1, "{what}: no block was made");
    bench.load(saved)?;
    Ok(row)
}

#[allow(clippy::cast_precision_loss, reason = "figures for people to read")]
pub(crate) fn row(what: &str, report: &LevelReport) -> Row {
    let sum = |of: fn(&HostUse) -> u64| report.runs.iter().map(|run| of(&run.host_use)).sum::<u64>() as f64;
    let operators = report.runs.iter().filter_map(|run| run.operators).sum::<u64>() as f64;
    Row {
        what: what.to_owned(),
        runs: report.runs.len(),
        operators,
        ticks: operators * TICKS_PER_OPERATOR,
        host_calls: sum(HostUse::calls_total),
        written_bytes: sum(|host_use| host_use.store_written_bytes),
    }
}

/// A blueprint of the next block that is as large as it can be.
fn large(bench: &Bench) -> anyhow::Result<Blueprint> {
    Ok(Blueprint {
        number: BlockNumber::new(bench.head_number()? + 1),
        parent: BlockHash::new([7; 32]),
        timestamp: bench.now(),
        payload: Payload { delayed: vec![], transactions: vec![vec![0x80; 470_000]] },
    })
}

/// Its first chunks; as the others are missing, nothing comes of it.
fn chunks(bench: &Bench, count: usize) -> anyhow::Result<Messages> {
    Ok(bench.seal(&large(bench)?)?.into_iter().take(count).collect())
}

fn legacy_chunks(bench: &Bench, count: usize) -> anyhow::Result<Messages> {
    let blueprint = large(bench)?;
    let payload = legacy::encode_payload(&blueprint);
    let chunks = legacy::cut(&payload, blueprint.number, None).context("too large for format 0")?;
    Ok(chunks.iter().take(count).map(|chunk| bench.sign_legacy(chunk)).collect())
}

/// A signal of a slot with so many chunks of this size.
fn slot_chunks(bench: &Bench, count: usize, size_bytes: usize) -> anyhow::Result<Messages> {
    let payload = vec![0x80; size_bytes * 128];
    let number = BlockNumber::new(bench.head_number()? + 1);
    let chunk = |(index, piece)| legacy::Chunk { number, chunk_count: 128, index, chain_id: None, piece };
    let chunks: Vec<_> = (0..).zip(payload.chunks(size_bytes)).map(chunk).take(count).collect();
    let slot = slot(&chunks, SLOT_BYTES).context("too much for a slot")?;
    Ok(vec![bench.signal(vec![(SLOT, slot)])?])
}

/// A signal of a slot with what would be a chunk if it had a count, over so many pages.
fn slot_pages(bench: &Bench, count: usize) -> anyhow::Result<Messages> {
    let piece = vec![0x80; count * PAGE_BYTES - PAGE_BYTES / 2];
    let number = BlockNumber::new(bench.head_number()? + 1);
    let chunk = legacy::Chunk { number, chunk_count: 0, index: 0, chain_id: None, piece: &piece };
    let slot = slot(&[chunk], SLOT_BYTES).context("too much for a slot")?;
    Ok(vec![bench.signal(vec![(SLOT, slot)])?])
}

/// A call of the rollup, as a message.
pub(crate) fn transfer(bench: &Bench, sender: ContractHash, parameter: Parameter<'_>) -> Vec<u8> {
    let source = PublicKeyHash { curve: millrace_wire::address::Curve::Ed25519, hash: [1; 20] };
    message::transfer(&bench.rollup(), &Transfer { sender, source, parameter })
}

fn deposits(bench: &Bench, ticketer: ContractHash, count: usize) -> Messages {
    let one = |index: usize| {
        let mut receiver = Address::repeat_byte(0x10);
        receiver.0[12..].copy_from_slice(&(index as u64).to_be_bytes());
        let ticket = Ticket { ticketer, token_id: U256::zero(), metadata: None, amount: U256::one() };
        transfer(bench, ticketer, Parameter::Deposit { routing: receiver.as_bytes(), ticket })
    };
    (0..count).map(one).collect()
}

fn delayed_transfers(bench: &Bench, count: usize) -> anyhow::Result<Messages> {
    let accounts = accounts::all()?;
    let mut messages = vec![];
    for index in 0..count {
        let account = &accounts[index % accounts.len()];
        let nonce = (index / accounts.len()) as u64;
        let to = Some(accounts[(index + 1) % accounts.len()].address);
        let ask = Ask { nonce, to, value: 1, data: vec![], gas_limit: 21_000 };
        let raw = account.sign(bench.engine.chain_id(), ask)?;
        // Without a tag: one message an item.
        let bytes = delayed::BridgeMessage::Whole(&raw).encode();
        messages.push(transfer(bench, BRIDGE, Parameter::DelayedBridge(&bytes)));
    }
    Ok(messages)
}

/// As long as a message can be, for somebody else.
fn foreign() -> Vec<u8> {
    let other = millrace_primitives::RollupAddress::new([9; 20]);
    message::external(&other, Kind::BlueprintChunk, &vec![7; frame::BODY_BYTES_MAX])
}

fn broken_chunk(bench: &Bench) -> Vec<u8> {
    message::external(&bench.rollup(), Kind::BlueprintChunk, &vec![7; frame::BODY_BYTES_MAX])
}

/// A chunk that is right in everything but its signature.
fn forged_chunk(bench: &Bench) -> anyhow::Result<Vec<u8>> {
    let mut chunk = bench.seal(&large(bench)?)?.swap_remove(0);
    // The signature follows the header and the tag of the certificate.
    let place = frame::HEADER_BYTES + millrace_wire::blueprint::Header::SIZE_BYTES + 1 + 40;
    chunk[place] ^= 1;
    Ok(chunk)
}

impl InboxReport {
    /// The table.
    pub(crate) fn print(&self) {
        println!("\nstage 1, forced blocks and withdrawals; ticks are eight an operator, an estimate");
        println!(
            "{:<40} {:>5} {:>14} {:>16} {:>11} {:>11}",
            "what", "runs", "operators", "ticks", "host calls", "written B"
        );
        for row in &self.rows {
            println!(
                "{:<40} {:>5} {:>14.0} {:>16.0} {:>11.1} {:>11.1}",
                row.what, row.runs, row.operators, row.ticks, row.host_calls, row.written_bytes
            );
        }
    }
}
