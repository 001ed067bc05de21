//! Levels of a rollup, run once more.

use super::{RehearsalError, limits::BLOCKS_PER_LEVEL_MAX};
use millrace_engine::standing::Standing;
use millrace_layout::events::Event;
use millrace_primitives::{BlockHash, BlockNumber, L1Level, Ticks};
use millrace_pvm::{
    HostUse, LevelReport, Machine, Outcome, Preimages, Pvm, Rollup, RunReport, State, Status,
};
use std::{sync::Arc, time::Instant};

/// Ticks of an operator on average, of a byte that bulk memory moves, of a host call and of a byte that one moves, as
/// measured on the PVM of Octez (`docs/benchmarks.md`). What comes of them is an estimate.
const TICKS_PER_OPERATOR: u64 = 8;
const TICKS_PER_BULK_BYTE: u64 = 48;
const TICKS_PER_HOST_CALL: u64 = 11;
const TICKS_PER_HOST_BYTE: u64 = 42;

/// What runs took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Their number.
    pub runs: u32,
    /// Operators executed.
    pub operators: u64,
    /// Ticks, estimated.
    pub ticks: Ticks,
    /// Ticks of the largest of them.
    pub largest_run_ticks: Ticks,
    /// Host calls.
    pub host_calls: u64,
    /// Time in our PVM, which counts operators, on this machine.
    pub wall_us: u64,
}

impl Cost {
    fn of(report: &LevelReport, wall_us: u64) -> Self {
        let mut cost = Self { wall_us, ..Self::default() };
        for run in &report.runs {
            let ticks = ticks_of(run);
            cost.runs += 1;
            cost.operators += run.operators.unwrap_or_default();
            cost.ticks = cost.ticks.saturating_add(ticks.get());
            cost.largest_run_ticks = cost.largest_run_ticks.max(ticks);
            cost.host_calls += run.host_use.calls_total();
        }
        cost
    }

    /// Both together.
    pub fn and(self, other: &Self) -> Self {
        Self {
            runs: self.runs + other.runs,
            operators: self.operators + other.operators,
            ticks: self.ticks.saturating_add(other.ticks.get()),
            largest_run_ticks: self.largest_run_ticks.max(other.largest_run_ticks),
            host_calls: self.host_calls + other.host_calls,
            wall_us: self.wall_us + other.wall_us,
        }
    }
}

fn ticks_of(run: &RunReport) -> Ticks {
    let HostUse { store_read_bytes, store_written_bytes, input_bytes, output_bytes, revealed_bytes, .. } =
        run.host_use;
    let moved_bytes = store_read_bytes + store_written_bytes + input_bytes + output_bytes + revealed_bytes;
    Ticks::new(
        run.operators.unwrap_or_default() * TICKS_PER_OPERATOR
            + run.bulk_bytes.unwrap_or_default() * TICKS_PER_BULK_BYTE
            + run.host_use.calls_total() * TICKS_PER_HOST_CALL
            + moved_bytes * TICKS_PER_HOST_BYTE,
    )
}

/// A level that was replayed.
pub(crate) struct Played {
    pub(crate) level: L1Level,
    pub(crate) cost: Cost,
    /// Its end.
    pub(crate) after: State,
    /// The last block; `None` when there is none, or none that this program can read.
    pub(crate) head: Option<BlockNumber>,
    /// The blocks that it made; `None` when they cannot be read.
    pub(crate) blocks: Option<Vec<(BlockNumber, BlockHash)>>,
    /// What the kernel recorded; empty when it cannot be read.
    pub(crate) events: Vec<Event>,
    /// Runs that did not end as they should.
    pub(crate) troubles: Vec<String>,
    /// What the kernel printed.
    pub(crate) debug: String,
}

/// The machine of a rehearsal.
pub(crate) struct Stage<'a> {
    pub(crate) machine: &'a Machine,
    pub(crate) rollup: Rollup,
    pub(crate) preimages: Arc<dyn Preimages>,
}

impl Stage<'_> {
    /// Runs levels from a state on.
    pub(crate) fn play<'b>(
        &self,
        start: State,
        levels: impl IntoIterator<Item = (L1Level, &'b [Vec<u8>])>,
    ) -> Result<Vec<Played>, RehearsalError> {
        let mut head = head_of(&start).ok().flatten();
        let mut pvm = Pvm::restore(self.machine.clone(), self.rollup, Arc::clone(&self.preimages), start);
        let mut played = Vec::new();
        for (level, inputs) in levels {
            let started = Instant::now();
            let report = pvm.run_level(level.get(), inputs);
            let report = report.map_err(|error| RehearsalError::Pvm { level, error })?;
            let wall_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
            let next = Played::of(&report, (head, pvm.state().clone()), wall_us);
            head = next.head.or(head);
            played.push(next);
        }
        Ok(played)
    }
}

impl Played {
    fn of(report: &LevelReport, (before, after): (Option<BlockNumber>, State), wall_us: u64) -> Self {
        let head = head_of(&after);
        let blocks = head.as_ref().ok().and_then(|head| blocks_between(&after, before, *head));
        Self {
            level: L1Level::new(report.level),
            cost: Cost::of(report, wall_us),
            head: head.ok().flatten(),
            blocks,
            events: Standing::of(&after.durable).events().unwrap_or_default(),
            troubles: troubles(report),
            debug: String::from_utf8_lossy(&report.debug).into_owned(),
            after,
        }
    }
}

fn head_of(state: &State) -> Result<Option<BlockNumber>, ()> {
    // What cannot be read was written by a kernel that keeps it in another way.
    let head = Standing::of(&state.durable).head().map_err(|_| ())?;
    Ok(head.map(|head| head.header.number))
}

fn blocks_between(
    state: &State,
    before: Option<BlockNumber>,
    head: Option<BlockNumber>,
) -> Option<Vec<(BlockNumber, BlockHash)>> {
    let Some(head) = head else { return Some(Vec::new()) };
    let first = before.map_or(0, |before| before.get() + 1);
    let first = first.max(head.get().saturating_sub(BLOCKS_PER_LEVEL_MAX - 1));
    let standing = Standing::of(&state.durable);
    let hash = |number| Some((number, standing.block_hash(number).ok()??));
    (first..=head.get()).map(BlockNumber::new).map(hash).collect()
}

fn troubles(report: &LevelReport) -> Vec<String> {
    let mut troubles = Vec::new();
    for (index, run) in (1..).zip(&report.runs) {
        match &run.outcome {
            Outcome::Finished | Outcome::Stuck(_) => {}
            Outcome::Trapped(trap) => troubles.push(format!("run {index} trapped: {trap}")),
            Outcome::FellBack { phase, detail } => troubles.push(format!(
                "run {index} could not {phase} the kernel, and the PVM went back to the one before: {detail}"
            )),
        }
    }
    if let Status::Stuck(stuck) = &report.status {
        troubles.push(format!("the rollup is dead: {stuck}"));
    }
    troubles
}
