//! How well the estimate of ticks agrees with what was recorded.

use crate::vector::{Level, Phases, Runs};
use millrace_pvm::{LevelReport, RunReport, RunTicks};

/// A recorded run and the estimate for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Estimate {
    /// As recorded.
    pub recorded: Phases,
    /// As estimated.
    pub estimated: RunTicks,
    /// How many runs in a row.
    pub count: u64,
}

impl Estimate {
    /// By how much the estimate is wrong, relative to what was recorded.
    pub fn error(&self) -> f64 {
        // The step that leaves the state before is none of the phases.
        let estimated = self.estimated.total().saturating_sub(1);
        estimated.abs_diff(self.recorded.total()) as f64 / (self.recorded.total().max(1)) as f64
    }

    /// Whether each phase is right.
    pub fn is_exact(&self) -> bool {
        let RunTicks { decode, link, init, eval } = self.estimated;
        self.recorded == Phases { decode, link, init, eval }
    }
}

/// The estimates of a level, run by run; equal neighbours are one.
pub fn of_level(expected: &Level, report: &LevelReport) -> Vec<Estimate> {
    let recorded = expected.runs.iter().flat_map(|runs| (0..runs.count).map(move |_| runs));
    let mut estimates: Vec<Estimate> = Vec::new();
    for estimate in recorded.zip(&report.runs).filter_map(of_run) {
        match estimates.last_mut() {
            Some(last) if Estimate { count: 1, ..*last } == estimate => last.count += 1,
            _ => estimates.push(estimate),
        }
    }
    estimates
}

fn of_run((recorded, run): (&Runs, &RunReport)) -> Option<Estimate> {
    Some(Estimate { recorded: recorded.ticks, estimated: run.ticks?, count: 1 })
}

/// The tick counter of a machine, which padding moves on.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counter {
    ticks: u64,
}

impl Counter {
    /// Whether the counter is right once the inbox was fed and at the end of a level, where it was recorded. It goes on
    /// from what was recorded.
    pub fn agrees(&mut self, expected: &Level, inputs: usize, report: &LevelReport, window: u64) -> bool {
        let fed = self.ticks + inputs as u64;
        let end = match report.runs.split_last() {
            None => fed,
            Some((last, before)) => {
                let windows = 1 + before.len() as u64;
                self.ticks + window * windows + last_window(last, window)
            }
        };
        let is_right = expected.ticks_after_inputs.is_none_or(|recorded| recorded == fed)
            && expected.ticks_total.is_none_or(|recorded| recorded == end);
        self.ticks = expected.ticks_total.unwrap_or(end);
        is_right
    }
}

fn last_window(run: &RunReport, window: u64) -> u64 {
    use millrace_pvm::{Outcome, Stuck};
    let ticks = run.ticks.map_or(0, |ticks| ticks.total());
    match &run.outcome {
        // It takes one more to find that there is nothing to fall back on.
        Outcome::Stuck(Stuck::NoFallbackKernel { .. }) => ticks + 1,
        Outcome::Stuck(_) => ticks,
        _ => window,
    }
}
