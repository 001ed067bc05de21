//! Runs of an empty kernel and of Millrace's: warm, from a cold start, after many messages, after a reorganisation.

use super::{ROLLUP, Row, level_time, machine, originate, row, shortest, timed};
use crate::rollup::Bench;
use anyhow::{Context as _, ensure};
use millrace_primitives::RollupAddress;
use millrace_pvm::{
    LevelReport, Machine, MachineConfig, PreimageMap, Pvm, REBOOT_KEY, State,
    inputs::{LevelInfo, external, level_inputs},
};
use millrace_wire::{frame::Kind, message};
use std::{path::Path, sync::Arc, time::Duration};

/// Does nothing.
const EMPTY: &str = r#"(module (memory 1) (export "memory" (memory 0)) (func (export "kernel_run")))"#;
/// Reads all there is.
const READING: &str = r#"(module
  (import "smart_rollup_core" "read_input" (func $read_input (param i32 i32 i32) (result i32)))
  (memory 1) (export "memory" (memory 0))
  (func (export "kernel_run")
    (loop $l (br_if $l (call $read_input (i32.const 0) (i32.const 16) (i32.const 4096))))))"#;
/// Runs of a level that always reboots.
const RUNS_MAX: u32 = 1_001;
const MESSAGES: usize = 1_000;
/// Levels that a reorganisation takes back.
const REORGANISED: u32 = 10;

pub(super) fn measure(dist: &Path) -> anyhow::Result<Vec<Row>> {
    let mut rows = vec![
        small("an empty kernel_run, a level of it", EMPTY, &[], 1)?,
        small("an empty kernel_run, one of 1,001 in a level", &rebooting(), &[], RUNS_MAX)?,
        small(
            "1,000 messages of 100 bytes, read by a small kernel",
            READING,
            &vec![external(&[1; 99]); MESSAGES],
            1,
        )?,
    ];
    let config = MachineConfig::default();
    let mut bench = Bench::boot_on(dist, config)?;
    // The kernel has been run before what follows is measured.
    bench.quiet_level()?;
    rows.extend(starts(&bench)?);
    rows.extend(ours(&mut bench)?);
    Ok(rows)
}

/// Asks for a reboot, always.
fn rebooting() -> String {
    let (key, bytes) = (REBOOT_KEY.as_str(), REBOOT_KEY.as_str().len());
    format!(
        r#"(module
          (import "smart_rollup_core" "store_write" (func $store_write (param i32 i32 i32 i32 i32) (result i32)))
          (memory 1) (export "memory" (memory 0)) (data (i32.const 0) "{key}")
          (func (export "kernel_run") (drop (call $store_write
            (i32.const 0) (i32.const {bytes}) (i32.const 0) (i32.const 0) (i32.const 0)))))"#
    )
}

fn inputs(messages: &[Vec<u8>]) -> Vec<Vec<u8>> {
    level_inputs(LevelInfo { predecessor_timestamp: 1_760_000_000, predecessor: [0; 32] }, None, messages)
}

/// A small kernel, compiled before; what one of `runs` takes.
fn small(what: &str, kernel: &str, messages: &[Vec<u8>], runs: u32) -> anyhow::Result<Row> {
    let inputs = inputs(messages);
    let mut pvm = originate(&machine(true)?, PreimageMap::default(), kernel)?;
    let counted = operators(&pvm.run_level(0, &inputs)?, runs)?;
    let mut pvm = originate(&machine(false)?, PreimageMap::default(), kernel)?;
    let from = pvm.state().clone();
    pvm.run_level(0, &inputs)?;
    let time = level_time(&mut pvm, &from, 0, &inputs)?;
    Ok(row(what, time / runs, Some(counted)))
}

#[allow(clippy::cast_precision_loss, reason = "a quotient for people to read")]
fn operators(report: &LevelReport, runs: u32) -> anyhow::Result<f64> {
    ensure!(report.runs.len() == runs as usize, "{} runs", report.runs.len());
    let operators: Option<u64> = report.runs.iter().map(|run| run.operators).sum();
    Ok(operators.context("not counted")? as f64 / f64::from(runs))
}

/// A process that starts: its first level, with and without code that was compiled before.
fn starts(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let (state, level) = bench.save();
    let quiet = inputs(&[]);
    let start = |cache_dir: Option<&Path>| -> anyhow::Result<Duration> {
        let (first, time) = timed(|| {
            let cache_dir = cache_dir.map(Path::to_owned);
            let machine = Machine::new(MachineConfig { cache_dir, ..MachineConfig::default() })?;
            let mut pvm = Pvm::restore(machine, ROLLUP, Arc::new(PreimageMap::default()), state.clone());
            pvm.run_level(level, &quiet)
        });
        first?;
        Ok(time)
    };
    let cold = start(None)?;
    let folder = tempfile::tempdir()?;
    start(Some(folder.path()))?;
    let warm = shortest(|| start(Some(folder.path())))?;
    Ok(vec![
        row("cold start of Millrace's kernel: compiled, and a quiet level", cold, None),
        row("warm start of Millrace's kernel: compiled before, and a quiet level", warm, None),
    ])
}

/// Millrace's kernel, compiled before.
fn ours(bench: &mut Bench) -> anyhow::Result<Vec<Row>> {
    let start = bench.save();
    let foreign = message::external(&RollupAddress::new([9; 20]), Kind::BlueprintChunk, &[1; 77]);
    let mut rows = vec![];
    for (what, messages) in [
        ("a quiet level of Millrace's kernel", vec![]),
        ("a level with 1,000 messages of another rollup", vec![foreign.clone(); MESSAGES]),
    ] {
        let time = shortest(|| {
            bench.load(start.clone())?;
            let (report, time) = timed(|| bench.level(&messages));
            report?;
            Ok(time)
        })?;
        rows.push(row(what, time, None));
    }
    bench.load(start.clone())?;
    rows.extend(reorganisation(bench, &start, &foreign)?);
    Ok(rows)
}

/// Levels are taken back, and others come in their place.
fn reorganisation(bench: &mut Bench, start: &(State, u32), other: &[u8]) -> anyhow::Result<Vec<Row>> {
    let levels = |bench: &mut Bench, messages: &[Vec<u8>]| -> anyhow::Result<()> {
        for _ in 0..REORGANISED {
            bench.level(messages)?;
        }
        Ok(())
    };
    levels(bench, &[])?;
    let back = shortest(|| {
        let (loaded, time) = timed(|| bench.load(start.clone()));
        loaded?;
        Ok(time)
    })?;
    let again = shortest(|| {
        bench.load(start.clone())?;
        levels(bench, &[])?;
        let (done, time) = timed(|| {
            bench.load(start.clone())?;
            levels(bench, &[other.to_vec()])
        });
        done?;
        Ok(time)
    })?;
    Ok(vec![
        row("a reorganisation of 10 levels: back to before them", back, None),
        row("a reorganisation of 10 levels: back, and 10 others with a message each", again, None),
    ])
}
