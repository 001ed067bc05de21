//! Rows 5 to 7: what makes the module trap is found and dropped, and nothing else is lost.
//!
//! What traps is a transaction that writes past the first two GiB of its memory: no vector of a 32-bit machine is that
//! large. It costs 8.8 trillion gas, so that no block of a real rollup has room for it.

use super::{GAS, block, delay, deposit, level, next};
use crate::{
    accounts::{self, Ask},
    rollup::Bench,
};
use anyhow::{Context as _, ensure};
use millrace_primitives::{Address, Gas, U256};
use millrace_pvm::{LevelReport, Outcome};
use millrace_wire::delayed;

/// Stores a word at two GiB.
const TRAPPING: [u8; 9] = [0x5f, 0x64, 0, 0x80, 0, 0, 0, 0x52, 0];
/// 3 w + w² / 512 for w = 2^26 + 1 words, and some for the creation.
const TRAPPING_GAS: u64 = 8_796_500_000_000;
/// Halving a thousand takes ten steps.
const LEVELS_MAX: usize = 12;

fn is_trapped(report: &LevelReport) -> bool {
    report.runs.iter().any(|run| matches!(run.outcome, Outcome::Trapped(_)))
}

/// Lets a block have room for what traps, and forces at once what waits.
fn prepare(bench: &mut Bench) -> anyhow::Result<()> {
    bench.change_parameters(|parameters| {
        parameters.execution_gas_transaction_max = Gas::new(TRAPPING_GAS);
        parameters.execution_gas_block_max = Gas::new(TRAPPING_GAS * 2);
        (parameters.delayed.timeout_s, parameters.delayed.timeout_levels) = (0, 1);
    })
}

/// A transaction of the account with this index that costs all it has.
fn trapping(bench: &Bench, account: usize) -> anyhow::Result<Vec<u8>> {
    let chain_id = bench.engine.chain_id();
    let ask = Ask { nonce: 0, to: None, value: 0, data: TRAPPING.to_vec(), gas_limit: TRAPPING_GAS };
    accounts::all()?[account].sign_at(chain_id, ask, U256::from(1_000_000_000u64))
}

pub(super) fn rows_05_to_07_an_item_that_traps_among_others(bench: &mut Bench) -> anyhow::Result<()> {
    prepare(bench)?;
    let chain_id = bench.engine.chain_id();
    let ask = Ask { nonce: 0, to: Some(Address::repeat_byte(0xe1)), value: 5, data: vec![], gas_limit: GAS };
    let transfer = accounts::all()?[3].sign(chain_id, ask)?;
    let bad = trapping(bench, 2)?;
    let messages = [
        vec![deposit(bench, &[0xd1; 20])],
        delay(bench, &bad)?,
        vec![deposit(bench, &[0xd2; 20])],
        delay(bench, &transfer)?,
    ];
    level(bench, &messages.concat())?;
    let names = bench.waiting()?;
    ensure!(names.len() == 4 && names[1] == delayed::name(&bad), "{names:?}");
    let mut traps = 0;
    for at in 0..LEVELS_MAX {
        let report = bench.level(&[])?;
        let waiting = bench.waiting()?;
        if is_trapped(&report) {
            traps += 1;
            // Nothing leaves with a block that was not made, and whatever waits after it still does.
            ensure!(waiting.contains(&names[1]) && waiting.contains(&names[3]), "level {at}: {waiting:?}");
        } else if waiting.is_empty() {
            break;
        }
    }
    ensure!(traps > 1, "{traps} traps");
    let waiting = bench.waiting()?;
    ensure!(waiting.is_empty(), "{waiting:?} still wait");
    let balance = |address: Address| -> anyhow::Result<U256> {
        let account = bench.engine.account(bench.durable(), address)?;
        Ok(account.context("no account")?.balance)
    };
    for byte in [0xd1, 0xd2] {
        let credited = balance(Address::repeat_byte(byte))?;
        ensure!(credited == U256::exp10(12), "a deposit was credited with {credited}");
    }
    ensure!(balance(Address::repeat_byte(0xe1))? == U256::from(5), "the transfer was executed");
    ensure!(balance(accounts::all()?[2].address)? == U256::exp10(22), "what trapped cost nothing");
    Ok(())
}

pub(super) fn row_05_a_blueprint_that_traps(bench: &mut Bench) -> anyhow::Result<()> {
    prepare(bench)?;
    let number = bench.head_number()?;
    let blueprint = next(bench, vec![], vec![trapping(bench, 2)?])?;
    let messages = bench.seal(&blueprint)?;
    let report = bench.level(&messages)?;
    ensure!(is_trapped(&report) && bench.head_number()? == number, "it traps");
    let report = bench.level(&[])?;
    ensure!(!is_trapped(&report), "it is not tried again");
    let debug = String::from_utf8_lossy(&report.debug).into_owned();
    ensure!(debug.contains("Trapped"), "{debug}");
    block(bench, vec![], vec![])
}
