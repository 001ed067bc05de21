//! Profiles.

use super::{Session, files};
use crate::DebuggerError;
use crate::command::ProfileOptions;
use crate::profile::{Stacks, Unit, flame_graph};
use crate::reply::Reply;
use millrace_pvm::{Machine, MachineConfig, Observe, Phase, PvmError, RunTicks};
use serde_json::json;
use std::time::{Duration, Instant};

const RULE: &str = "----------------------\n";

/// What was profiled.
#[derive(Default)]
struct Profiled {
    stacks: Stacks,
    runs: Vec<Run>,
    folded_calls: u64,
    /// Whether a kernel had names for its functions.
    has_names: bool,
}

struct Run {
    ticks: RunTicks,
    operators: u64,
    took: Duration,
}

impl Session {
    /// Runs the next inbox, or the rest of the present one, with every call watched.
    pub(super) fn profile(&mut self, options: ProfileOptions) -> Result<(), DebuggerError> {
        let can_begin = match self.steps.phase() {
            Phase::Collect => true,
            Phase::Snapshot => self.spent == 0,
            Phase::Ended(_) | Phase::Stuck(_) => false,
        };
        if !can_begin {
            return self.say(Reply::line(
                "Profiling can only be done from a snapshotable state or when waiting for input. You can use \
                 `step kernel_run` to go to the next snapshotable state.",
            ));
        }
        if *self.steps.phase() == Phase::Collect {
            self.load_inputs()?;
        }
        self.say(Reply::new(
            "Starting the profiling until new messages are expected. Please note that it will take some time and \
             does not reflect a real computation time.\n",
        ))?;
        self.host_calls.clear();
        let profiler = match self.profiler.clone() {
            Some(profiler) => profiler,
            None => Machine::new(MachineConfig {
                counts_ticks: true,
                observe: Observe::Stacks,
                ..MachineConfig::default()
            })?,
        };
        self.profiler = Some(profiler.clone());
        let usual = self.steps.replace_machine(profiler);
        let (mut profiled, mut ticks) = (Profiled::default(), 0);
        let gone = self.profile_runs(&mut profiled, &mut ticks, options.is_one_run);
        self.steps.replace_machine(usual);
        if let Err(fault) = gone {
            self.say_fault(&fault)?;
        }
        self.report(profiled, ticks, options.with_time)
    }

    fn profile_runs(
        &mut self,
        profiled: &mut Profiled,
        ticks: &mut u64,
        is_one_run: bool,
    ) -> Result<(), PvmError> {
        while *self.steps.phase() == Phase::Snapshot {
            let symbols = self.known_kernel().map(|known| known.symbols.clone()).unwrap_or_default();
            let start = Instant::now();
            self.evaluate(ticks)?;
            let took = start.elapsed();
            let profile = &self.steps.observed().profile;
            profiled.stacks.add(profile, &symbols);
            profiled.folded_calls = profiled.folded_calls.saturating_add(profile.folded_calls);
            profiled.has_names |= !symbols.is_stripped();
            let operators = profile.nodes.iter().fold(0u64, |sum, node| sum.saturating_add(node.operators));
            profiled.runs.push(Run { ticks: self.last_ticks, operators, took });
            self.conclude(ticks);
            if is_one_run {
                break;
            }
        }
        Ok(())
    }

    fn report(&mut self, profiled: Profiled, ticks: u64, with_time: bool) -> Result<(), DebuggerError> {
        let Profiled { stacks, runs, folded_calls, has_names } = profiled;
        let title = format!("{} operators in {} runs", stacks.operators(), runs.len());
        let graph = flame_graph(&stacks, &title);
        let in_ticks = boot_lines(&runs) + &stacks.collapsed(Unit::Ticks);
        let in_operators = stacks.collapsed(Unit::Operators);
        let profile = [("out", &in_ticks), ("operators", &in_operators), ("svg", &graph)];
        let mut reply = match files::write_profile(&self.flamecharts_dir, profile) {
            Ok(path) => {
                let [ticks, operators, graph] =
                    profile.map(|(extension, _)| path.with_extension(extension).display().to_string());
                let lines = format!(
                    "Profiling result can be found in {ticks}\nOperators can be found in {operators}\n\
                     Flame graph can be found in {graph}\n"
                );
                Reply::new(lines)
                    .with("stacks", ticks)
                    .with("stacks_in_operators", operators)
                    .with("flame_graph", graph)
            }
            Err(error) => Reply::error(format!("Error: {error}")),
        };
        if !has_names && !runs.is_empty() {
            reply
                .text
                .push_str("The kernel was stripped of its names: functions are called by their indices\n");
        }
        if folded_calls > 0 {
            reply.text.push_str(&format!("{folded_calls} calls were too deep to be told apart\n"));
        }
        for run in &runs {
            reply.text.push_str(&run.text(with_time));
        }
        reply.text.push_str(&format!("{RULE}Full execution with padding: {ticks} ticks\n"));
        let listed: Vec<_> = runs.iter().map(|run| run.json(with_time)).collect();
        self.last_profile = stacks;
        let operators = self.last_profile.operators();
        self.say(
            reply
                .with("runs", listed)
                .with("operators", operators)
                .with("has_names", has_names)
                .with("folded_calls", folded_calls)
                .with("ticks", ticks),
        )
    }
}

/// What the interpreter of Octez does before `kernel_run`, as stacks.
fn boot_lines(runs: &[Run]) -> String {
    let sum = |phase: fn(&RunTicks) -> u64| {
        runs.iter().fold(0u64, |sum, run| sum.saturating_add(phase(&run.ticks)))
    };
    let [decode, link, init] = [sum(|ticks| ticks.decode), sum(|ticks| ticks.link), sum(|ticks| ticks.init)];
    format!("%interpreter(decode) {decode}\n%interpreter(link) {link}\n%interpreter(init) {init}\n")
}

impl Run {
    fn text(&self, with_time: bool) -> String {
        let time = if with_time { format!(" ({:.3?})", self.took) } else { String::new() };
        let RunTicks { decode, link, init, eval } = self.ticks;
        format!(
            "{RULE}Detailed results for a `kernel_run`:\n%interpreter(decode): {decode} ticks\n\
             %interpreter(link): {link} ticks\n%interpreter(init): {init} ticks\nkernel_run: {eval} ticks{time}\n\n\
             Full execution: {} ticks{time}\n",
            self.ticks.total()
        )
    }

    fn json(&self, with_time: bool) -> serde_json::Value {
        let took = with_time.then(|| u64::try_from(self.took.as_nanos()).unwrap_or(u64::MAX));
        json!({
            "decode_ticks": self.ticks.decode,
            "link_ticks": self.ticks.link,
            "init_ticks": self.ticks.init,
            "kernel_run_ticks": self.ticks.eval,
            "operators": self.operators,
            "took_ns": took,
        })
    }
}
