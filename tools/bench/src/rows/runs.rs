//! Rows 12, 15 and 16: more than a run can do, and what a dead run left behind.

use super::{GAS, Messages, delay, deposit, deposit_of, level, next, refused, transaction};
use crate::{
    accounts::{self, Ask},
    inbox::OTHER_TICKETER,
    rollup::Bench,
};
use anyhow::{Context as _, ensure};
use millrace_layout::{blueprints, catalog, world::World};
use millrace_primitives::{Address, BlockNumber, Gas};
use millrace_pvm::durable::Key;
use millrace_wire::blueprint::{Blueprint, Payload, legacy};

/// Execution gas of a transaction that never ends.
const BURNED_GAS: u64 = 30_000_000;

pub(super) fn row_12_more_chunks_than_a_run_can_read(bench: &mut Bench) -> anyhow::Result<()> {
    const BLUEPRINTS: u64 = 70;
    let head = bench.head_number()?;
    let mut messages = Messages::new();
    // Behind the next block, so that they wait.
    for number in head + 2..head + 2 + BLUEPRINTS {
        let payload = Payload { delayed: vec![], transactions: vec![vec![0x80; 3_900]; 128] };
        let blueprint =
            Blueprint { number: BlockNumber::new(number), payload, ..next(bench, vec![], vec![])? };
        let payload = legacy::encode_payload(&blueprint);
        let chunks = legacy::cut(&payload, blueprint.number, None).context("too large for format 0")?;
        messages.extend(chunks.iter().map(|chunk| bench.sign_legacy(chunk)));
    }
    ensure!(messages.len() > 2_500, "{} chunks", messages.len());
    let report = bench.level(&messages)?;
    ensure!(report.runs.len() >= 2, "{} runs", report.runs.len());
    let mut pieces = 0;
    for number in head + 2..head + 2 + BLUEPRINTS {
        for index in 0..128 {
            let key = blueprints::piece(BlockNumber::new(number), index).map_err(refused)?;
            pieces += usize::from(bench.durable().exists(key.path().as_str()));
        }
    }
    ensure!(pieces == messages.len(), "{pieces} of {} pieces", messages.len());
    Ok(())
}

pub(super) fn row_15_a_block_of_everything_over_several_runs(bench: &mut Bench) -> anyhow::Result<()> {
    bench.change_parameters(|parameters| {
        parameters.has_fa_bridge = true;
        parameters.execution_gas_block_max = Gas::new(1_000_000_000);
    })?;
    let account = &accounts::all()?[1];
    let chain_id = bench.engine.chain_id();
    let ask = |nonce, gas_limit| Ask {
        nonce,
        to: Some(Address::repeat_byte(7)),
        value: 1,
        data: vec![],
        gas_limit,
    };
    // An endless loop, of which there are so many that a run cannot do them all.
    let endless =
        |nonce| Ask { to: None, value: 0, data: vec![0x5b, 0x5f, 0x56], ..ask(nonce, BURNED_GAS + GAS) };
    let messages = [
        vec![deposit(bench, &[0xc1; 20]), deposit_of(bench, OTHER_TICKETER, &[0xc2; 20])],
        delay(bench, &account.sign(chain_id, ask(0, GAS))?)?,
        delay(bench, &account.sign(chain_id, ask(9, GAS))?)?,
        delay(bench, &[0xc0])?,
    ];
    level(bench, &messages.concat())?;
    let names = bench.waiting()?;
    ensure!(names.len() == 5, "{} items", names.len());
    let mut transactions = vec![vec![0xff; 50], transaction(bench, 0, GAS)?];
    for nonce in 1..5 {
        transactions.push(accounts::all()?[0].sign(chain_id, endless(nonce))?);
    }
    transactions.push(transaction(bench, 5, GAS)?);
    let blueprint = next(bench, names, transactions)?;
    let applied = bench.engine.apply(bench.durable(), &blueprint)?;
    let included = applied.block.transactions.len();
    ensure!(included >= 9, "{included} included");
    let messages = bench.seal(&blueprint)?;
    let report = bench.level(&messages)?;
    ensure!(report.runs.len() >= 2, "{} runs", report.runs.len());
    ensure!(bench.head()?.hash == applied.hash, "another block than natively");
    Ok(())
}

pub(super) fn row_16_what_a_dead_run_left_behind(bench: &mut Bench) -> anyhow::Result<()> {
    let blueprint = next(bench, vec![], vec![transaction(bench, 0, GAS)?])?;
    let applied = bench.engine.apply(bench.durable(), &blueprint)?;
    let stranger = Address::repeat_byte(0xdd);
    let [working, committed] = [World::Working, World::Committed].map(|world| world.account(stranger));
    let (working, committed) = (working.map_err(refused)?, committed.map_err(refused)?);
    for (path, value) in [
        (working.path().as_str(), vec![1; 72]),
        (catalog::PROGRESS_NEXT.pattern, vec![1, 2, 3]),
        (catalog::REPLACEMENT.pattern, vec![1, 2, 3]),
    ] {
        bench.change_durable(|durable| {
            durable.set(Key::trusted(path), value.as_slice());
            Ok(())
        })?;
    }
    let messages = bench.seal(&blueprint)?;
    level(bench, &messages)?;
    ensure!(bench.head()?.hash == applied.hash, "another block than natively");
    for path in [working.path(), committed.path()] {
        ensure!(!bench.durable().exists(path.as_str()), "{path} is there");
    }
    Ok(())
}
