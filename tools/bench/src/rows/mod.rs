//! The rows of `docs/regressions.md` about liveness, on the kernel as wasm in the PVM: whatever the messages of a level
//! are, the level after it makes a block. (In memory, and with more of each, they are in `kernel/core`.)

use crate::{
    accounts::{self, Ask},
    inbox::{BRIDGE, TICKETER, transfer},
    rollup::Bench,
};
use anyhow::{Context as _, ensure};
use millrace_layout::LayoutError;
use millrace_primitives::{Address, BlockHash, BlockNumber, ContractHash, TransactionHash, U256};
use millrace_pvm::Status;
use millrace_wire::{
    blueprint::{Blueprint, Payload},
    delayed,
    frame::Kind,
    message::{self, Parameter, Ticket},
};
use std::path::Path;

mod dal;
mod outbox;
mod runs;
mod traps;

pub(crate) type Messages = Vec<Vec<u8>>;
type Scenario = fn(&mut Bench) -> anyhow::Result<()>;

/// Enough for a transfer and its bytes.
const GAS: u64 = 700_000;

pub(crate) fn bench() -> anyhow::Result<Bench> {
    let dist = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../dist");
    let mut bench = Bench::boot(&dist)?;
    bench.change_parameters(|parameters| {
        parameters.contracts.ticketer = Some(TICKETER);
        parameters.contracts.delayed_bridge = Some(BRIDGE);
        // Those of production, whatever dist/ is made for.
        parameters.da_fee_per_byte = U256::from(4_000_000_000_000u64);
    })?;
    Ok(bench)
}

pub(crate) fn next(
    bench: &Bench,
    delayed: Vec<TransactionHash>,
    transactions: Messages,
) -> anyhow::Result<Blueprint> {
    let head = bench.head()?;
    Ok(Blueprint {
        number: BlockNumber::new(head.header.number.get() + 1),
        parent: head.hash,
        timestamp: bench.now().max(head.header.timestamp),
        payload: Payload { delayed, transactions },
    })
}

/// A level with these messages; the PVM waits for the next one whatever they are.
fn level(bench: &mut Bench, messages: &[Vec<u8>]) -> anyhow::Result<()> {
    let report = bench.level(messages)?;
    ensure!(report.status == Status::WaitingForInput, "{:?}", report.status);
    Ok(())
}

/// A level that makes one block of a blueprint with these items and transactions.
fn block(bench: &mut Bench, delayed: Vec<TransactionHash>, transactions: Messages) -> anyhow::Result<()> {
    let number = bench.head_number()?;
    let messages = bench.seal(&next(bench, delayed, transactions)?)?;
    level(bench, &messages)?;
    ensure!(bench.head_number()? == number + 1, "no block was made");
    Ok(())
}

fn included(bench: &Bench) -> anyhow::Result<usize> {
    Ok(bench.engine.head_block(bench.durable())?.transactions.len())
}

pub(crate) fn transaction(bench: &Bench, nonce: u64, gas_limit: u64) -> anyhow::Result<Vec<u8>> {
    let ask = Ask { nonce, to: Some(Address::repeat_byte(7)), value: 1, data: vec![], gas_limit };
    accounts::all()?[0].sign(bench.engine.chain_id(), ask)
}

pub(crate) fn delay(bench: &Bench, raw: &[u8]) -> anyhow::Result<Messages> {
    let parts = delayed::cut(raw).context("too large for the delayed bridge")?;
    let parts = parts.iter().map(delayed::BridgeMessage::encode);
    Ok(parts.map(|bytes| transfer(bench, BRIDGE, Parameter::DelayedBridge(&bytes))).collect())
}

pub(crate) fn deposit(bench: &Bench, routing: &[u8]) -> Vec<u8> {
    deposit_of(bench, TICKETER, routing)
}

fn deposit_of(bench: &Bench, ticketer: ContractHash, routing: &[u8]) -> Vec<u8> {
    let ticket = Ticket { ticketer, token_id: U256::zero(), metadata: None, amount: U256::one() };
    transfer(bench, ticketer, Parameter::Deposit { routing, ticket })
}

pub(crate) fn refused(error: LayoutError) -> anyhow::Error {
    anyhow::anyhow!("{error:?}")
}

fn row_01_number_fields_of_any_width(bench: &mut Bench) -> anyhow::Result<()> {
    let number = |width: usize| {
        let mut stream = rlp::RlpStream::new_list(5);
        stream.append(&vec![1u8; 9]).append(&vec![1u8; width]);
        stream.append(&vec![1u8, 0]).append(&vec![0u8, 0]).append(&vec![0u8; 64]);
        message::external(&bench.rollup(), Kind::LegacyBlueprintChunk, &stream.out())
    };
    let messages: Messages = (0..=64).map(number).collect();
    level(bench, &messages)
}

fn row_03_and_04_delayed_transactions_that_cannot_be_executed(bench: &mut Bench) -> anyhow::Result<()> {
    // A nonce that was used, bytes that are nothing, and type 4 without authorizations.
    block(bench, vec![], vec![transaction(bench, 0, GAS)?])?;
    let bad = [transaction(bench, 0, GAS + 1)?, vec![0xc0], vec![4, 0xc0]];
    let mut names = vec![];
    for raw in &bad {
        level(bench, &delay(bench, raw)?)?;
        names.push(delayed::name(raw));
    }
    block(bench, names, vec![transaction(bench, 1, GAS)?])?;
    ensure!(included(bench)? == 1, "{} included", included(bench)?);
    Ok(())
}

fn row_08_and_09_transactions_that_are_nothing(bench: &mut Bench) -> anyhow::Result<()> {
    // The third offers less gas than its bytes take.
    let transactions =
        vec![vec![0xff; 50], vec![9, 9], transaction(bench, 0, 21_000)?, transaction(bench, 0, GAS)?];
    block(bench, vec![], transactions)?;
    ensure!(included(bench)? == 1, "{} included", included(bench)?);
    Ok(())
}

fn row_10_a_deposit_without_receiver_among_good_ones(bench: &mut Bench) -> anyhow::Result<()> {
    let (good, other) = ([0xaa; 20], [0xbb; 20]);
    let messages = [deposit(bench, &good), deposit(bench, &[]), deposit(bench, &other)];
    level(bench, &messages)?;
    let names = bench.waiting()?;
    ensure!(names.len() == 2, "{} items", names.len());
    block(bench, names, vec![])?;
    ensure!(included(bench)? == 2, "both deposits");
    Ok(())
}

fn row_11_a_chunk_that_comes_late(bench: &mut Bench) -> anyhow::Result<()> {
    let number = bench.head_number()?;
    let messages = bench.seal(&next(bench, vec![], vec![vec![0x80; 20_000]])?)?;
    ensure!(messages.len() > 2);
    level(bench, &messages[1..])?;
    ensure!(bench.head_number()? == number);
    level(bench, &messages[..1])?;
    ensure!(bench.head_number()? == number + 1, "the blueprint is whole");
    Ok(())
}

fn row_13_a_delayed_transaction_over_several_levels(bench: &mut Bench) -> anyhow::Result<()> {
    let ask = Ask {
        nonce: 0,
        to: Some(Address::repeat_byte(7)),
        value: 1,
        data: vec![1; 9_000],
        gas_limit: 900_000,
    };
    let raw = accounts::all()?[0].sign(bench.engine.chain_id(), ask)?;
    for message in delay(bench, &raw)? {
        level(bench, &[message])?;
    }
    block(bench, vec![delayed::name(&raw)], vec![])?;
    ensure!(included(bench)? == 1, "it is whole");
    Ok(())
}

fn a_blueprint_on_another_parent(bench: &mut Bench) -> anyhow::Result<()> {
    let blueprint = Blueprint { parent: BlockHash::new([3; 32]), ..next(bench, vec![], vec![])? };
    let messages = bench.seal(&blueprint)?;
    level(bench, &messages)
}

#[test]
fn whatever_a_level_brings_the_next_one_makes_a_block() -> anyhow::Result<()> {
    let mut bench = bench()?;
    let start = bench.save();
    let rows: [(&str, Scenario); 17] = [
        ("row 1", row_01_number_fields_of_any_width),
        ("row 2", outbox::row_02_a_delayed_withdrawal_whose_message_would_be_too_long),
        ("rows 3 and 4", row_03_and_04_delayed_transactions_that_cannot_be_executed),
        ("rows 8 and 9", row_08_and_09_transactions_that_are_nothing),
        ("row 10", row_10_a_deposit_without_receiver_among_good_ones),
        ("row 11", row_11_a_chunk_that_comes_late),
        ("row 13", row_13_a_delayed_transaction_over_several_levels),
        ("rows 5 to 7", traps::rows_05_to_07_an_item_that_traps_among_others),
        ("row 5", traps::row_05_a_blueprint_that_traps),
        ("row 12", runs::row_12_more_chunks_than_a_run_can_read),
        ("row 14", outbox::row_14_withdrawals_leave_in_their_order),
        ("row 14, a dead run", outbox::row_14_what_a_dead_run_was_sending_is_put_aside),
        ("row 15", runs::row_15_a_block_of_everything_over_several_runs),
        ("row 16", runs::row_16_what_a_dead_run_left_behind),
        ("row 38", dal::row_38_a_blueprint_in_two_slots),
        ("row 38, not attested", dal::row_38_a_slot_that_nobody_attested),
        ("another parent", a_blueprint_on_another_parent),
    ];
    for (name, row) in rows {
        bench.load(start.clone())?;
        row(&mut bench).context(name)?;
        block(&mut bench, vec![], vec![]).with_context(|| format!("after {name}"))?;
    }
    Ok(())
}
