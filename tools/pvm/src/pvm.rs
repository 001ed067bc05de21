//! The machine of one rollup: a level, and what is left of it.

use crate::constants::Constants;
use crate::cycle::{REBOOT_KEY, Runs, run_until_rest};
use crate::durable::Durable;
use crate::guest::{DebugSink, HostUse, LevelContext};
use crate::inputs::{Meaning, are_of_level, meaning};
use crate::kernel_runs::{KernelRuns, VERSION_KEY, on_stack, take_in, version_of};
use crate::machine::{Depth, Machine};
use crate::reveal::Preimages;
use crate::state_hash::Registers;
use crate::status::{Outcome, Status};
use crate::version::Version;
use crate::{BOOT_KEY, KERNEL_ENTRY, PvmError, RunTicks};
use std::sync::Arc;

/// Who a rollup is: what the reveal of metadata answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rollup {
    /// The 20 bytes behind its `sr1…` address.
    pub address: [u8; 20],
    /// The level at which it was originated.
    pub origination_level: u32,
}

impl Rollup {
    pub(crate) fn metadata(&self) -> Vec<u8> {
        [self.address.as_slice(), &self.origination_level.to_be_bytes()].concat()
    }
}

/// All that a machine remembers between levels. Cloning is O(1).
#[derive(Clone, Debug, Default)]
pub struct State {
    /// The durable storage.
    pub durable: Durable,
    /// Whether the machine still runs.
    pub status: Status,
    /// What else the hash of the state covers; `None` when it is not known.
    pub registers: Option<Registers>,
}

impl State {
    /// A state of which no more is known.
    pub fn of(durable: Durable, status: Status) -> Self {
        Self { durable, status, registers: None }
    }
}

/// What happened in a level.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LevelReport {
    /// The level.
    pub level: u32,
    /// In order; none when the machine is stuck.
    pub runs: Vec<RunReport>,
    /// The status after it.
    pub status: Status,
    /// The messages written for the layer 1.
    pub outbox: Vec<Vec<u8>>,
    /// What the kernel wrote as debug output, nothing added.
    pub debug: Vec<u8>,
    /// Bytes of each piece of [`LevelReport::debug`] that one call wrote.
    pub debug_call_sizes: Vec<usize>,
    /// The requests that were answered, tag included.
    pub reveal_requests: Vec<Vec<u8>>,
    /// Inputs that the kernel has read.
    pub inputs_read: usize,
}

impl LevelReport {
    /// The ticks of all its runs without padding; `None` when they are not counted.
    pub fn ticks(&self) -> Option<u64> {
        self.runs.iter().map(|run| run.ticks.map(|ticks| ticks.total())).sum()
    }
}

/// What happened in a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunReport {
    /// How it ended.
    pub outcome: Outcome,
    /// What the interpreter of Octez would have taken, when the machine counts ticks.
    pub ticks: Option<RunTicks>,
    /// Operators executed by `kernel_run`, when the machine is metered and the kernel booted.
    pub operators: Option<u64>,
    /// Bytes that its bulk memory operators moved, likewise: each counts as one operator, but the PVM takes a tick and
    /// more for every byte.
    pub bulk_bytes: Option<u64>,
    /// Pages of 64 KiB that the memory had in the end: as many as ever, since memory does not shrink. `None` when the
    /// kernel did not boot.
    pub memory_pages: Option<u64>,
    /// Calls of host functions and bytes they moved.
    pub host_use: HostUse,
}

/// How far a level had come that could not be run to its end, for who looks on: it is run anew, from its
/// beginning.
#[derive(Clone, Debug)]
pub struct Interrupted {
    /// The runs that ended, and all that was written, revealed and sent.
    pub report: LevelReport,
    /// The durable storage in the middle of the run that did not end.
    pub durable: Durable,
}

/// The machine of one rollup.
pub struct Pvm {
    machine: Machine,
    rollup: Rollup,
    constants: Constants,
    preimages: Arc<dyn Preimages>,
    debug_sink: Option<DebugSink>,
    state: State,
    interrupted: Option<Interrupted>,
}

impl Pvm {
    /// What runs its kernels; clones share what is compiled.
    pub const fn machine(&self) -> &Machine {
        &self.machine
    }

    /// A machine as it is right after origination.
    pub fn originate(
        machine: Machine,
        rollup: Rollup,
        preimages: Arc<dyn Preimages>,
        version: Version,
        boot_sector: Vec<u8>,
    ) -> Self {
        let mut durable = Durable::new();
        durable.set(VERSION_KEY, version.as_str().as_bytes());
        durable.set(REBOOT_KEY, Vec::new());
        durable.set(BOOT_KEY, boot_sector);
        let constants = Constants::at_origination(version);
        let registers = Some(Registers::originated(constants));
        let state = State { durable, status: Status::WaitingForInput, registers };
        Self { constants, ..Self::restore(machine, rollup, preimages, state) }
    }

    /// A machine that goes on from a state. Its constants are those of the latest version, unless
    /// [`Self::set_constants`] says otherwise.
    pub fn restore(machine: Machine, rollup: Rollup, preimages: Arc<dyn Preimages>, state: State) -> Self {
        Self {
            machine,
            rollup,
            constants: Constants::default(),
            preimages,
            debug_sink: None,
            state,
            interrupted: None,
        }
    }

    /// The constants of this rollup, when they are others than those of its version.
    pub fn set_constants(&mut self, constants: Constants) {
        self.constants = constants;
        if let Some(registers) = &mut self.state.registers {
            registers.set_constants(constants);
        }
    }

    /// The constants of this rollup.
    pub const fn constants(&self) -> Constants {
        self.constants
    }

    /// Sends debug output also to `sink`, as it is written.
    pub fn stream_debug(&mut self, sink: DebugSink) {
        self.debug_sink = Some(sink);
    }

    /// The state between levels.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The durable storage.
    pub fn durable(&self) -> &Durable {
        &self.state.durable
    }

    /// How far the last level came, if it could not be run to its end.
    pub fn interrupted(&self) -> Option<&Interrupted> {
        self.interrupted.as_ref()
    }

    /// The version in the durable storage.
    ///
    /// # Errors
    /// [`PvmError::Version`] when there is none that we know.
    pub fn version(&self) -> Result<Version, PvmError> {
        version_of(&self.state.durable)
    }

    /// Goes back, or forward, to a state.
    pub fn set_state(&mut self, state: State) {
        self.state = state;
    }

    /// Runs a level: `inputs` are all its messages, whole, end of level last.
    ///
    /// # Errors
    /// The host could not do what the PVM would, a preimage is missing for example: the state is as before,
    /// and the level can be tried again.
    pub fn run_level(&mut self, level: u32, inputs: &[Vec<u8>]) -> Result<LevelReport, PvmError> {
        if !are_of_level(inputs) {
            return Err(PvmError::Inputs);
        }
        if let Status::Stuck(_) = self.state.status {
            if let Some(registers) = &mut self.state.registers {
                registers.swallow(level, inputs);
            }
            return Ok(LevelReport { level, status: self.state.status.clone(), ..LevelReport::default() });
        }
        let constants = self.constants_after(inputs);
        let context = LevelContext {
            level,
            rollup: self.rollup,
            constants,
            preimages: self.preimages.clone(),
            inputs: Arc::new(inputs.to_vec()),
            debug_sink: self.debug_sink.clone(),
        };
        let _ticking = self.machine.clock().ticking();
        // Wasm has its own bound of the stack, which the thread of the caller may not have room for.
        self.interrupted = None;
        let ended = on_stack(Depth::Shallow.thread_stack_bytes(), || Ok(Level::new(self, &context).run()))?;
        let (report, durable) = match ended {
            Ok(ended) => ended,
            Err((error, interrupted)) => {
                self.interrupted = Some(*interrupted);
                return Err(error);
            }
        };
        self.constants = constants;
        let mut registers = self.state.registers.take();
        if let Some(registers) = &mut registers {
            registers.after_level(inputs, &report);
        }
        self.state = State { durable, status: report.status.clone(), registers };
        if let Some(ticks) = report.runs.last().and_then(|run| run.ticks) {
            self.state.count_stuck_run(ticks.phases());
        }
        Ok(report)
    }

    /// The constants once the migrations among the inputs have taken effect.
    fn constants_after(&self, inputs: &[Vec<u8>]) -> Constants {
        inputs.iter().fold(self.constants, |constants, input| match meaning(input) {
            Meaning::Migration(protocol) => {
                Version::of_protocol(protocol).map_or(constants, |version| constants.migrated_to(version))
            }
            _ => constants,
        })
    }
}

impl Version {
    /// The version in a durable storage; `None` when there is none that we know.
    pub fn of(durable: &Durable) -> Option<Self> {
        version_of(durable).ok()
    }
}

/// A level being run.
struct Level<'a> {
    kernel: KernelRuns<'a>,
    reboots_max: u32,
    report: LevelReport,
}

impl<'a> Level<'a> {
    fn new(pvm: &'a Pvm, context: &'a LevelContext) -> Self {
        let report = LevelReport { level: context.level, ..LevelReport::default() };
        let kernel = KernelRuns::new(&pvm.machine, context, KERNEL_ENTRY, pvm.state.durable.clone());
        Self { kernel, reboots_max: context.constants.reboots_per_level_max, report }
    }

    fn run(mut self) -> Result<(LevelReport, Durable), (PvmError, Box<Interrupted>)> {
        let inputs = self.kernel.inputs();
        let status = match take_in(&mut self.kernel.effects.durable, inputs) {
            Ok(()) => run_until_rest(&mut self),
            Err(stuck) => Ok(Status::Stuck(stuck)),
        };
        let effects = self.kernel.effects;
        self.report.outbox = effects.outbox;
        self.report.debug = effects.debug;
        self.report.debug_call_sizes = effects.debug_call_sizes;
        self.report.reveal_requests = effects.reveal_requests;
        self.report.inputs_read = effects.inputs_read;
        match status {
            Ok(status) => {
                self.report.status = status;
                Ok((self.report, effects.durable))
            }
            Err(error) => {
                Err((error, Box::new(Interrupted { report: self.report, durable: effects.durable })))
            }
        }
    }
}

impl Runs for Level<'_> {
    type Error = PvmError;

    fn durable(&mut self) -> &mut Durable {
        &mut self.kernel.effects.durable
    }

    fn run_once(&mut self) -> Result<Outcome, PvmError> {
        let report = self.kernel.run_once()?;
        let outcome = report.outcome.clone();
        self.report.runs.push(report);
        Ok(outcome)
    }

    fn reboots_max(&self) -> u32 {
        self.reboots_max
    }
}
