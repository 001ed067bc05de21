//! What the EVM costs: operators and memory moved in the PVM, time natively, and revm's time on the same.
//!
//! A program is the initialisation code of a contract, so that it needs no other transaction before it; it goes on until
//! its gas is nearly used up. Its cost is that of the level with the one transaction, less that of a level with a
//! transaction that creates or calls nothing.

mod contracts;
mod mandelbrot;
mod opcodes;
mod precompiles;
mod reference;

use crate::{
    accounts::{self, Account, Ask},
    code::deployer,
    rollup::{Bench, Measured},
};
use anyhow::{Context as _, ensure};
use millrace_engine::{Call, Overrides, Simulation};
use millrace_primitives::{Address, Gas, U256};
use reference::{Asked, Question};
use serde::Serialize;
use std::{path::Path, time::Instant};

/// Gas of a program if nothing else is said.
const GAS: u64 = 2_000_000;
/// The least of so many times counts.
const TIMES: u32 = 3;

/// Ticks of an operator on average, and of a byte moved by one, as measured on the PVM of Octez: a plain operator takes
/// 6, a call 22, `memory.copy` 24 and 48 for each byte.
const TICKS_PER_OPERATOR: u64 = 8;
const TICKS_PER_BYTE: u64 = 48;

/// What is measured.
pub(crate) struct Program {
    name: String,
    to: Option<Address>,
    data: Vec<u8>,
    gas: u64,
}

impl Program {
    fn of(name: &str, code: Vec<u8>) -> Self {
        Self { name: name.to_owned(), to: None, data: code, gas: GAS }
    }
}

/// Contracts that programs call.
pub(crate) struct Stage {
    stops: Address,
    reverts: Address,
    /// 24 KB of code.
    large: Address,
    /// Makes its memory 32 KB large.
    grows: Address,
    nobody: Address,
}

/// One program.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) name: String,
    /// Of the execution, what a transaction costs before the first opcode included.
    pub(crate) gas: u64,
    pub(crate) operators: u64,
    /// Bytes that bulk memory operators moved.
    pub(crate) bulk_bytes: u64,
    pub(crate) operators_per_gas: f64,
    pub(crate) ticks_per_gas: f64,
    /// Of a call with the same data natively, without signature and block.
    pub(crate) native_us: u64,
    /// Of revm on the same, when it was asked.
    pub(crate) revm_us: Option<u64>,
}

/// What was measured of the EVM.
#[derive(Debug, Serialize)]
pub(crate) struct EvmReport {
    pub(crate) programs: Vec<Row>,
    pub(crate) opcodes: Vec<Row>,
    pub(crate) precompiles: Vec<Row>,
}

/// Runs every program whose name has `only` in it; `revm` is the program that runs them in revm.
pub(crate) fn measure(dist: &Path, revm: Option<&Path>, only: &str) -> anyhow::Result<EvmReport> {
    let mut session = Session::new(dist)?;
    let stage = session.stage()?;
    let opcodes = [opcodes::in_frame(), opcodes::on_state(&stage), opcodes::of_frames(&stage)].concat_all();
    let programs = contracts::all(&mut session)?;
    session.settle()?;
    let mut run = |mut programs: Vec<Program>| -> anyhow::Result<Vec<Row>> {
        programs.retain(|program| program.name.contains(only));
        let mut rows = vec![];
        for program in &programs {
            rows.push(session.row(program).with_context(|| program.name.clone())?);
        }
        if let Some(revm) = revm {
            for (row, answer) in rows.iter_mut().zip(session.reference(&programs)?.ask(revm)?) {
                ensure!(answer.gas == row.gas, "{}: {} gas in revm, {} here", row.name, answer.gas, row.gas);
                row.revm_us = Some(answer.us);
            }
        }
        Ok(rows)
    };
    Ok(EvmReport { programs: run(programs)?, opcodes: run(opcodes)?, precompiles: run(precompiles::all())? })
}

trait ConcatAll {
    fn concat_all(self) -> Vec<Program>;
}

impl<const N: usize> ConcatAll for [Vec<Program>; N] {
    fn concat_all(self) -> Vec<Program> {
        self.into_iter().flatten().collect()
    }
}

/// Work of a level.
#[derive(Clone, Copy, Default)]
struct Work {
    gas: u64,
    operators: u64,
    bulk_bytes: u64,
}

/// A rollup on which programs run one after the other, each on the same state.
struct Session {
    bench: Bench,
    account: Account,
    /// What was sent for good.
    sent: Vec<Program>,
    /// Of a transaction that creates nothing, and of one that calls nobody.
    empty: [Work; 2],
}

impl Session {
    fn new(dist: &Path) -> anyhow::Result<Self> {
        let mut bench = Bench::boot(dist)?;
        bench.change_parameters(|parameters| parameters.da_fee_per_byte = U256::zero())?;
        let account = accounts::all()?.pop().context("there are accounts")?;
        // The key of the sequencer is prepared with the first block.
        bench.block(vec![])?;
        Ok(Self { bench, account, sent: vec![], empty: [Work::default(); 2] })
    }

    fn stage(&mut self) -> anyhow::Result<Stage> {
        Ok(Stage {
            stops: self.deploy(&[0x00])?,
            reverts: self.deploy(&[0x5f, 0x5f, 0xfd])?,
            large: self.deploy(&[0; 24_576])?,
            grows: self.deploy(&crate::code::touch(32_767))?,
            nobody: Address::repeat_byte(0x77),
        })
    }

    fn deploy(&mut self, code: &[u8]) -> anyhow::Result<Address> {
        self.create(&deployer(code))
    }

    /// Creates a contract for good.
    fn create(&mut self, initialisation: &[u8]) -> anyhow::Result<Address> {
        let program = Program { gas: 20_000_000, ..Program::of("a contract", initialisation.to_vec()) };
        let measured = self.send(program)?;
        measured.applied.block.receipts[0].created.context("no contract was created")
    }

    /// Sends a transaction for good.
    fn send(&mut self, program: Program) -> anyhow::Result<Measured> {
        let measured = self.run(&program)?;
        self.sent.push(program);
        Ok(measured)
    }

    fn run(&mut self, program: &Program) -> anyhow::Result<Measured> {
        let &Program { to, gas, .. } = program;
        let data = program.data.clone();
        let ask = Ask { nonce: self.sent.len() as u64, to, value: 0, data, gas_limit: gas };
        let raw = self.account.sign(self.bench.engine.chain_id(), ask)?;
        self.bench.block(vec![raw])
    }

    /// The same for revm.
    fn reference(&self, programs: &[Program]) -> anyhow::Result<Question> {
        Ok(Question {
            fork: self.bench.engine.parameters(self.bench.durable())?.fork.code(),
            sender: hex::encode(self.account.address),
            setup: self.sent.iter().map(Asked::from).collect(),
            programs: programs.iter().map(Asked::from).collect(),
            times: TIMES,
        })
    }

    /// From here on nothing stays.
    fn settle(&mut self) -> anyhow::Result<()> {
        let nobody = Program { to: Some(Address::repeat_byte(0x77)), ..Program::of("nobody", vec![]) };
        self.empty = [self.work(&Program::of("nothing", vec![0x00]))?, self.work(&nobody)?];
        Ok(())
    }

    fn work(&mut self, program: &Program) -> anyhow::Result<Work> {
        let saved = self.bench.save();
        let measured = self.run(program)?;
        self.bench.load(saved)?;
        let runs = || measured.report.runs.iter();
        Ok(Work {
            gas: measured.applied.block.header.gas_used.get(),
            operators: runs().filter_map(|run| run.operators).sum(),
            bulk_bytes: runs().filter_map(|run| run.bulk_bytes).sum(),
        })
    }

    #[allow(clippy::cast_precision_loss, reason = "quotients for people to read")]
    fn row(&mut self, program: &Program) -> anyhow::Result<Row> {
        let work = self.work(program)?;
        let empty = self.empty[usize::from(program.to.is_some())];
        let (native_gas, native_us) = self.native(program)?;
        ensure!(native_gas == work.gas, "{native_gas} gas as a call, {} in a block", work.gas);
        let gas = (work.gas.saturating_sub(empty.gas)).max(1) as f64;
        let operators = work.operators.saturating_sub(empty.operators);
        let bulk_bytes = work.bulk_bytes.saturating_sub(empty.bulk_bytes);
        let ticks = operators * TICKS_PER_OPERATOR + bulk_bytes * TICKS_PER_BYTE;
        Ok(Row {
            name: program.name.clone(),
            gas: work.gas,
            operators,
            bulk_bytes,
            operators_per_gas: operators as f64 / gas,
            ticks_per_gas: ticks as f64 / gas,
            native_us,
            revm_us: None,
        })
    }

    /// Gas and time of the program as a call.
    fn native(&self, program: &Program) -> anyhow::Result<(u64, u64)> {
        let call = Call {
            from: Some(self.account.address),
            to: program.to,
            gas: Some(Gas::new(program.gas)),
            data: program.data.clone(),
            ..Call::default()
        };
        let simulation = Simulation {
            call: &call,
            stage: millrace_engine::Stage::Next(self.bench.now()),
            overrides: &Overrides::default(),
            gas_max: Gas::new(u64::MAX),
            goes_on: &|| true,
        };
        let (mut gas, mut least) = (0, u64::MAX);
        for _ in 0..TIMES {
            let started = Instant::now();
            let outcome = self.bench.engine.call(self.bench.durable(), &simulation)?;
            least = least.min(u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX));
            ensure!(outcome.succeeded, "{:?}", outcome.halt);
            gas = outcome.gas_used.get();
        }
        Ok((gas, least))
    }
}

impl EvmReport {
    /// The tables.
    pub(crate) fn print(&self) {
        for (title, rows) in
            [("EVM", &self.programs), ("opcodes", &self.opcodes), ("precompiles", &self.precompiles)]
        {
            println!(
                "\n{title:<42} {:>11} {:>13} {:>13} {:>8} {:>8} {:>10} {:>10}",
                "gas", "operators", "bulk bytes", "op/gas", "tick/gas", "native us", "revm us"
            );
            for row in rows {
                println!(
                    "{:<42} {:>11} {:>13} {:>13} {:>8.1} {:>8.0} {:>10} {:>10}",
                    row.name,
                    row.gas,
                    row.operators,
                    row.bulk_bytes,
                    row.operators_per_gas,
                    row.ticks_per_gas,
                    row.native_us,
                    row.revm_us.map_or_else(|| "-".into(), |us| us.to_string())
                );
            }
        }
    }
}
