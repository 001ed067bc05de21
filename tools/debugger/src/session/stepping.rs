//! Steps of every kind.

use super::Session;
use crate::DebuggerError;
use crate::command::Step;
use crate::reply::Reply;
use millrace_pvm::inputs::{LevelInfo, level_inputs};
use millrace_pvm::{Outcome, Phase, PvmError};

impl Session {
    /// Takes the inputs of the next level, if they are waited for and there are some; answers whether it did.
    pub(super) fn load_inputs(&mut self) -> Result<bool, DebuggerError> {
        if *self.steps.phase() != Phase::Collect {
            let text = match self.steps.phase() {
                Phase::Stuck(_) => "The PVM is stuck: it takes no more inputs.",
                _ => {
                    "The PVM is not expecting inputs yet. You can `step inbox` to evaluate the current inbox."
                }
            };
            self.say(Reply::line(text))?;
            return Ok(false);
        }
        let level = self.next_level;
        let Some(messages) = self.inboxes.pop_front() else {
            self.say(Reply::new(format!("No more inputs at level {level}\n")).with("loaded", false))?;
            return Ok(false);
        };
        let info = LevelInfo { predecessor_timestamp: 0, predecessor: [0; 32] };
        match self.steps.load(level, level_inputs(info, None, &messages)) {
            Ok(()) => self.next_level = level.saturating_add(1),
            Err(fault) => {
                self.say_fault(&fault)?;
                return Ok(false);
            }
        }
        let reply = Reply::new(format!("Loaded {} inputs at level {level}\n", messages.len()));
        self.say(reply.with("loaded", true).with("inputs", messages.len()).with("level", level))?;
        Ok(true)
    }

    /// Goes on, and says how far it came.
    pub(super) fn step(&mut self, step: Step) -> Result<(), DebuggerError> {
        self.host_calls.clear();
        if step == Step::Inbox && *self.steps.phase() == Phase::Collect {
            self.load_inputs()?;
        }
        let mut ticks = 0;
        let gone = match step {
            Step::Tick => self.tick(&mut ticks),
            Step::Result => self.evaluate(&mut ticks),
            Step::KernelRun => self.finish_run(&mut ticks),
            Step::Inbox => self.finish_level(&mut ticks),
        };
        if let Err(fault) = gone {
            self.say_fault(&fault)?;
        }
        let reply = Reply::new(format!("Evaluation took {ticks} ticks so far\n")).with("ticks", ticks);
        let status = self.show_status();
        self.say(reply.and(status))
    }

    /// One tick, but all of `kernel_run` at once.
    fn tick(&mut self, ticks: &mut u64) -> Result<(), PvmError> {
        match self.steps.phase() {
            Phase::Snapshot => {
                let boot = self.known_kernel().map_or(0, |known| known.boot.total());
                if self.spent >= boot {
                    return self.evaluate(ticks);
                }
                self.spent += 1;
            }
            Phase::Ended(_) if self.is_padding => {
                self.spent += 1;
                if self.spent >= self.steps.constants().ticks_per_snapshot {
                    self.conclude(&mut 0);
                }
            }
            Phase::Ended(_) => {
                self.is_padding = true;
                self.spent += 1;
            }
            Phase::Collect | Phase::Stuck(_) => return Ok(()),
        }
        *ticks += 1;
        Ok(())
    }

    /// To the end of `kernel_run`, if one is to be made.
    pub(super) fn evaluate(&mut self, ticks: &mut u64) -> Result<(), PvmError> {
        let Some(report) = self.steps.evaluate()? else { return Ok(()) };
        let host_calls = &self.steps.observed().host_calls;
        let all = report.ticks.map_or(0, |ticks| ticks.total());
        for (name, calls) in host_calls {
            let sum = self.host_calls.entry(name).or_default();
            sum.calls += calls.calls;
            sum.refused += calls.refused;
            sum.key_bytes += calls.key_bytes;
            sum.moved_bytes += calls.moved_bytes;
            sum.ticks += calls.ticks;
        }
        self.last_ticks = report.ticks.unwrap_or_default();
        match report.outcome {
            Outcome::Finished | Outcome::Trapped(_) => {
                *ticks = ticks.saturating_add(all.saturating_sub(self.spent));
                self.spent = all.max(self.spent);
            }
            // Nothing is left to look at.
            Outcome::FellBack { .. } => self.conclude(ticks),
            Outcome::Stuck(_) => {
                *ticks = ticks.saturating_add(all.saturating_sub(self.spent));
                self.conclude(&mut 0);
            }
        }
        Ok(())
    }

    /// What follows a run, after it has been filled up.
    pub(super) fn conclude(&mut self, ticks: &mut u64) {
        if !matches!(self.steps.phase(), Phase::Ended(_)) {
            return;
        }
        let left = self.steps.constants().ticks_per_snapshot.saturating_sub(self.spent);
        *ticks = ticks.saturating_add(left);
        (self.spent, self.is_padding) = (0, false);
        self.steps.conclude();
        if *self.steps.phase() != Phase::Snapshot {
            let level = self.steps.level();
            self.levels.insert(level, self.steps.durable().clone());
            self.outboxes.insert(level, self.steps.outbox().to_vec());
        }
    }

    pub(super) fn finish_run(&mut self, ticks: &mut u64) -> Result<(), PvmError> {
        self.evaluate(ticks)?;
        self.conclude(ticks);
        Ok(())
    }

    pub(super) fn finish_level(&mut self, ticks: &mut u64) -> Result<(), PvmError> {
        while matches!(self.steps.phase(), Phase::Snapshot | Phase::Ended(_)) {
            self.finish_run(ticks)?;
        }
        Ok(())
    }
}
