//! Runs programs in revm and says how long they took: `millrace-bench` asks for it. A process of its own, so that the
//! features that revm wants of shared crates do not build everything else anew.
//!
//! Reads a [`Question`] as JSON on stdin and writes a list of [`Answer`]s on stdout.

use anyhow::{Context as _, Result, anyhow, bail};
use millrace_differential::theirs::spec;
use millrace_evm::Fork;
use revm::{
    Context, ExecuteCommitEvm as _, ExecuteEvm as _, MainBuilder as _, MainContext as _,
    context::{BlockEnv, CfgEnv, TxEnv},
    database::CacheDB,
    database_interface::EmptyDB,
    primitives::{Address, Bytes, KECCAK_EMPTY, TxKind, U256},
    state::AccountInfo,
};
use serde::{Deserialize, Serialize};
use std::{
    io::{Read as _, Write as _},
    time::Instant,
};

/// What to run.
#[derive(Debug, Deserialize)]
struct Question {
    /// Code of the fork, as in the parameters of a rollup.
    fork: u8,
    /// Sends everything, and has enough for it.
    sender: String,
    /// Runs first, in order, and stays.
    setup: Vec<Program>,
    /// Runs after it, each on the same state.
    programs: Vec<Program>,
    /// How often each; the shortest time counts.
    times: u32,
}

/// A transaction.
#[derive(Debug, Deserialize)]
struct Program {
    /// Creates a contract when absent.
    to: Option<String>,
    /// In hexadecimal.
    data: String,
    /// Gas limit.
    gas: u64,
}

/// What a program took.
#[derive(Debug, Serialize)]
struct Answer {
    /// Gas used.
    gas: u64,
    /// The shortest time, in microseconds.
    us: u64,
}

fn main() -> Result<()> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    let answers = answer(&serde_json::from_str(&text)?)?;
    writeln!(std::io::stdout(), "{}", serde_json::to_string(&answers)?)?;
    Ok(())
}

fn answer(question: &Question) -> Result<Vec<Answer>> {
    let fork = Fork::from_code(question.fork).context("no such fork")?;
    let mut cfg = CfgEnv::new_with_spec(spec(fork));
    // As on a rollup, where the gas of data availability counts too.
    cfg.tx_gas_limit_cap = Some(u64::MAX);
    let block = BlockEnv { number: U256::from(1_000), gas_limit: u64::MAX, ..BlockEnv::default() };
    let sender = address(&question.sender)?;
    let mut database = CacheDB::new(EmptyDB::new());
    let balance = U256::from(10).pow(U256::from(22));
    database.insert_account_info(
        sender,
        AccountInfo { balance, code_hash: KECCAK_EMPTY, ..AccountInfo::default() },
    );
    let mut evm = Context::mainnet().with_db(database).with_cfg(cfg).with_block(block).build_mainnet();
    for (nonce, program) in (0..).zip(&question.setup) {
        let result = evm.transact_commit(transaction(sender, nonce, program)?);
        let result = result.map_err(|error| anyhow!("{error}"))?;
        if !result.is_success() {
            bail!("{result:?}");
        }
    }
    let nonce = question.setup.len() as u64;
    let mut answers = vec![];
    for program in &question.programs {
        let transaction = transaction(sender, nonce, program)?;
        let mut answer = Answer { gas: 0, us: u64::MAX };
        for _ in 0..question.times {
            let transaction = transaction.clone();
            let started = Instant::now();
            let result = evm.transact(transaction).map_err(|error| anyhow!("{error}"))?.result;
            answer.us = answer.us.min(u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX));
            answer.gas = result.tx_gas_used();
        }
        answers.push(answer);
    }
    Ok(answers)
}

fn address(text: &str) -> Result<Address> {
    let bytes: [u8; 20] =
        hex::decode(text).ok().and_then(|bytes| bytes.try_into().ok()).context("no address")?;
    Ok(Address::from(bytes))
}

fn transaction(sender: Address, nonce: u64, program: &Program) -> Result<TxEnv> {
    let to = program.to.as_deref().map(address).transpose()?;
    Ok(TxEnv {
        caller: sender,
        gas_limit: program.gas,
        kind: to.map_or(TxKind::Create, TxKind::Call),
        data: Bytes::from(hex::decode(&program.data).ok().context("no data")?),
        nonce,
        ..TxEnv::default()
    })
}
