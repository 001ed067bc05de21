//! Rows 2 and 14: withdrawals leave in their order as levels have room, and one that is too long is none.

use super::{Messages, block, delay, level, next, refused};
use crate::{
    accounts::{self, Ask},
    bridge::{GAS, MUTEZ, NATIVE_BRIDGE, fast_withdraw, withdraw},
    inbox::TICKETER,
    rollup::Bench,
};
use anyhow::{Context as _, ensure};
use millrace_layout::{
    Value as _,
    events::{self, Event},
    outbox::{self, Cursor},
    world::World,
};
use millrace_primitives::{L1Account, TransactionHash, U256};
use millrace_pvm::{LevelReport, Status, durable::Key};
use millrace_wire::{
    delayed,
    outbox::{Call, MESSAGE_BYTES_MAX, Withdrawal},
};

/// Messages of a level.
const ROOM: u64 = 100;
/// `Pair 0 None`
const CONTENT: [u8; 6] = [7, 7, 0, 0, 3, 6];

/// A withdrawal of so many mutez.
fn withdrawing(bench: &Bench, nonce: u64, (mutez, data): (u64, Vec<u8>)) -> anyhow::Result<Vec<u8>> {
    let ask = Ask { nonce, to: Some(NATIVE_BRIDGE), value: mutez * MUTEZ, data, gas_limit: GAS };
    accounts::all()?[0].sign(bench.engine.chain_id(), ask)
}

/// Number `n` is of n + 1 mutez.
fn numbered(bench: &Bench, numbers: std::ops::Range<u64>) -> anyhow::Result<Messages> {
    numbers.map(|number| withdrawing(bench, number, (number + 1, withdraw()))).collect()
}

/// A level with the next block, which is that of native execution.
fn made(
    bench: &mut Bench,
    delayed: Vec<TransactionHash>,
    transactions: Messages,
) -> anyhow::Result<LevelReport> {
    let count = delayed.len() + transactions.len();
    let blueprint = next(bench, delayed, transactions)?;
    let applied = bench.engine.apply(bench.durable(), &blueprint)?;
    ensure!(applied.block.transactions.len() == count, "{:?}", applied.dropped);
    let messages = bench.seal(&blueprint)?;
    let report = bench.level(&messages)?;
    ensure!(report.status == Status::WaitingForInput, "{:?}", report.status);
    ensure!(bench.head()?.hash == applied.hash, "another block than natively");
    Ok(report)
}

fn decoded(message: &[u8]) -> anyhow::Result<Withdrawal> {
    let withdrawal = Withdrawal::decode(message).context("not a withdrawal")?;
    let ticket = &withdrawal.ticket;
    ensure!(ticket.ticketer == TICKETER && ticket.content == CONTENT, "{ticket:?}");
    ensure!(withdrawal.receiver == L1Account::new([0; 22]), "{:?}", withdrawal.receiver);
    Ok(withdrawal)
}

/// The amounts that a level sent.
fn amounts(report: &LevelReport) -> anyhow::Result<Vec<u64>> {
    let mut amounts = vec![];
    for message in &report.outbox {
        let Withdrawal { ticket, call, .. } = decoded(message)?;
        ensure!(call == Call::Burn, "{call:?}");
        amounts.push(ticket.amount.low_u64());
    }
    Ok(amounts)
}

/// Executes nothing but withdrawals, so bytes are free.
fn without_price_of_bytes(bench: &mut Bench) -> anyhow::Result<()> {
    bench.change_parameters(|parameters| parameters.da_fee_per_byte = U256::zero())
}

pub(super) fn row_02_a_delayed_withdrawal_whose_message_would_be_too_long(
    bench: &mut Bench,
) -> anyhow::Result<()> {
    without_price_of_bytes(bench)?;
    // What the message has beside the payload.
    let empty = withdrawing(bench, 0, (1, fast_withdraw(&[])))?;
    let report = made(bench, vec![], vec![empty])?;
    let fixed = report.outbox.first().context("no message")?.len();
    for (nonce, size) in (1..).zip(MESSAGE_BYTES_MAX - 1..=MESSAGE_BYTES_MAX + 1) {
        let raw = withdrawing(bench, nonce, (1, fast_withdraw(&vec![7; size - fixed])))?;
        level(bench, &delay(bench, &raw)?)?;
        let report = made(bench, vec![delayed::name(&raw)], vec![])?;
        let succeeded = bench.engine.head_block(bench.durable())?.receipts[0].succeeded;
        let fits = size <= MESSAGE_BYTES_MAX;
        ensure!(succeeded == fits && bench.waiting()?.is_empty(), "{size} bytes: {succeeded}");
        let sizes: Vec<_> = report.outbox.iter().map(Vec::len).collect();
        ensure!(sizes == if fits { vec![size] } else { vec![] }, "{size} bytes: {sizes:?}");
        for message in &report.outbox {
            let Call::Settle(fast) = decoded(message)?.call else { anyhow::bail!("not a fast one") };
            ensure!(fast.payload == vec![7; size - fixed] && fast.id == U256::from(nonce), "{fast:?}");
        }
        block(bench, vec![], vec![])?;
    }
    Ok(())
}

pub(super) fn row_14_withdrawals_leave_in_their_order(bench: &mut Bench) -> anyhow::Result<()> {
    without_price_of_bytes(bench)?;
    let transactions = numbered(bench, 0..250)?;
    let report = made(bench, vec![], transactions)?;
    ensure!(amounts(&report)?.into_iter().eq(1..=ROOM), "{:?}", amounts(&report)?);
    // A level without a block.
    let report = bench.level(&[])?;
    ensure!(amounts(&report)?.into_iter().eq(101..=200), "{:?}", amounts(&report)?);
    // What comes later waits behind what is there.
    let later = numbered(bench, 250..251)?;
    let report = made(bench, vec![], later)?;
    ensure!(amounts(&report)?.into_iter().eq(201..=251), "{:?}", amounts(&report)?);
    let report = bench.level(&[])?;
    ensure!(report.outbox.is_empty(), "{:?}", amounts(&report)?);
    // Nothing of them is left but how many there were.
    let count = World::Committed.outbox_count().map_err(refused)?;
    let stored = bench.durable().get(count.path().as_str()).context("no count")?.to_bytes();
    ensure!(*stored == 251u64.to_be_bytes(), "{stored:?}");
    let folder = count.path().as_str().trim_end_matches("/count");
    let left = bench.durable().subkeys(folder);
    ensure!(left == ["count"], "{left:?}");
    Ok(())
}

pub(super) fn row_14_what_a_dead_run_was_sending_is_put_aside(bench: &mut Bench) -> anyhow::Result<()> {
    without_price_of_bytes(bench)?;
    let transactions = numbered(bench, 0..103)?;
    let report = made(bench, vec![], transactions)?;
    ensure!(amounts(&report)?.into_iter().eq(1..=ROOM), "{:?}", amounts(&report)?);
    // As if the run had died with the next message in its hands.
    let key = outbox::cursor().map_err(refused)?;
    bench.change_durable(|durable| {
        let stored = durable.get(key.path().as_str()).context("no cursor")?.to_bytes();
        let cursor = Cursor::decode(&stored).context("not a cursor")?;
        ensure!(cursor.next == ROOM && !cursor.is_sending, "{cursor:?}");
        let marked = Cursor { is_sending: true, ..cursor };
        durable.set(Key::trusted(key.path().as_str()), marked.encode().as_slice());
        Ok(())
    })?;
    let report = bench.level(&[])?;
    ensure!(amounts(&report)? == [102, 103], "{:?}", amounts(&report)?);
    let key = events::event(0).map_err(refused)?;
    let event = bench.durable().get(key.path().as_str()).context("no event")?.to_bytes();
    ensure!(Event::decode(&event) == Some(Event::OutboxUncertain { number: ROOM }), "{event:?}");
    let aside = outbox::uncertain(ROOM).map_err(refused)?;
    let aside = bench.durable().get(aside.path().as_str()).context("it is lost")?.to_bytes();
    ensure!(decoded(&aside)?.ticket.amount == U256::from(101));
    Ok(())
}
