//! The machine of one rollup, a run at a time, for whoever looks in between.
//!
//! It goes through the same states as [`crate::Pvm`], and through the one that a level never shows: a run has ended, and
//! what follows it has not happened yet.

use crate::constants::Constants;
use crate::cycle::{Next, REBOOT_KEY, after, begin, rest};
use crate::durable::Durable;
use crate::guest::{DebugSink, Effects, LevelContext};
use crate::inputs::are_of_level;
use crate::kernel_runs::{KernelRuns, VERSION_KEY, on_stack, take_in, version_of};
use crate::machine::{Depth, Machine};
use crate::observe::Observed;
use crate::pvm::{Rollup, RunReport};
use crate::reveal::Preimages;
use crate::status::{BootPhase, Outcome, Stuck};
use crate::ticks::RunTicks;
use crate::ticks::boot;
use crate::version::Version;
use crate::{BOOT_KEY, KERNEL_ENTRY, PvmError};
use std::sync::Arc;

/// Where the machine is in a level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It waits for the inputs of a level.
    Collect,
    /// A run is about to begin.
    Snapshot,
    /// A run has ended; what it asks for comes next.
    Ended(Outcome),
    /// Nothing happens any more.
    Stuck(Stuck),
}

/// The machine of one rollup.
pub struct Steps {
    machine: Machine,
    context: LevelContext,
    effects: Effects,
    phase: Phase,
    reboots_left: u32,
    observed: Observed,
}

impl Steps {
    /// A machine as it is right after origination. Its constants are those of the latest version, whatever its own is: so does
    /// Octez's debugger.
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
        let constants = Constants::default();
        let inputs = Arc::default();
        Self {
            machine,
            context: LevelContext { level: 0, rollup, constants, preimages, inputs, debug_sink: None },
            effects: Effects { durable, ..Effects::default() },
            phase: Phase::Collect,
            reboots_left: 0,
            observed: Observed::default(),
        }
    }

    /// Sends debug output to `sink`, as it is written.
    pub fn stream_debug(&mut self, sink: DebugSink) {
        self.context.debug_sink = Some(sink);
    }

    /// Has later runs made by another machine; answers the one before.
    pub fn replace_machine(&mut self, machine: Machine) -> Machine {
        std::mem::replace(&mut self.machine, machine)
    }

    /// Decodes, compiles and links the kernel that is in its place, without running it.
    ///
    /// # Errors
    /// The inner error says what would keep it from booting, the outer one that the host cannot tell.
    pub fn check_kernel(&self) -> Result<Result<(), (BootPhase, String)>, PvmError> {
        let version = version_of(&self.effects.durable)?;
        let Some(at) = self.effects.durable.handle(BOOT_KEY.as_str()) else {
            return Ok(Err((BootPhase::Decode, "value not found".into())));
        };
        let wasm = at.value().map(|value| value.to_bytes().into_owned()).unwrap_or_default();
        let kernel = match self.machine.kernel(&at, &wasm, self.machine.depth_for(version))? {
            Ok(kernel) => kernel,
            Err(refused) => return Ok(Err((BootPhase::Decode, refused.to_string()))),
        };
        if let Some((_, import)) = kernel.unexpected_import(version) {
            return Ok(Err((BootPhase::Link, import)));
        }
        Ok(kernel.linked.as_ref().map(drop).map_err(|detail| (BootPhase::Link, detail.clone())))
    }

    /// The constants of the rollup.
    pub const fn constants(&self) -> Constants {
        self.context.constants
    }

    /// What booting the kernel that is in its place takes; `eval` is 0.
    pub fn boot_ticks(&self) -> RunTicks {
        let kernel = self.effects.durable.get(BOOT_KEY.as_str());
        let boot = kernel.map(|kernel| boot::of(&kernel.to_bytes())).unwrap_or_default();
        RunTicks { decode: boot.decode, link: boot.link, init: boot.init, eval: 0 }
    }

    /// Where it is.
    pub const fn phase(&self) -> &Phase {
        &self.phase
    }

    /// The level whose inputs were loaded last.
    pub const fn level(&self) -> u32 {
        self.context.level
    }

    /// The durable storage.
    pub const fn durable(&self) -> &Durable {
        &self.effects.durable
    }

    /// The durable storage, to change it from outside.
    pub const fn durable_mut(&mut self) -> &mut Durable {
        &mut self.effects.durable
    }

    /// The inputs that no run has read, with their places in the level.
    pub fn inputs(&self) -> impl Iterator<Item = (usize, &[u8])> {
        let inputs = self.context.inputs.iter().map(Vec::as_slice).enumerate();
        inputs.skip(self.effects.inputs_read)
    }

    /// What was written for the layer 1 since the level was loaded.
    pub fn outbox(&self) -> &[Vec<u8>] {
        &self.effects.outbox
    }

    /// What was observed of the run that has ended.
    pub const fn observed(&self) -> &Observed {
        &self.observed
    }

    /// Takes the inputs of a level, end of level last.
    ///
    /// # Errors
    /// [`PvmError::Inputs`] when they are no level's, or none are waited for.
    pub fn load(&mut self, level: u32, inputs: Vec<Vec<u8>>) -> Result<(), PvmError> {
        if !are_of_level(&inputs) || self.phase != Phase::Collect {
            return Err(PvmError::Inputs);
        }
        let durable = std::mem::take(&mut self.effects).durable;
        self.effects = Effects { durable, ..Effects::default() };
        self.context = LevelContext { level, inputs: Arc::new(inputs), ..self.context.clone() };
        self.reboots_left = self.context.constants.reboots_per_level_max;
        self.phase = match take_in(&mut self.effects.durable, &self.context.inputs) {
            Ok(()) => {
                begin(&mut self.effects.durable, self.reboots_left);
                Phase::Snapshot
            }
            Err(stuck) => Phase::Stuck(stuck),
        };
        Ok(())
    }

    /// Runs the kernel up to its end and stops there. `None` when no run was about to begin.
    ///
    /// # Errors
    /// The host could not do what the PVM would: the state is as before, and the run can be tried again.
    pub fn evaluate(&mut self) -> Result<Option<RunReport>, PvmError> {
        if self.phase != Phase::Snapshot {
            return Ok(None);
        }
        self.effects.debug.clear();
        self.effects.debug_call_sizes.clear();
        let _ticking = self.machine.clock().ticking();
        let (report, effects, observed) = on_stack(Depth::Shallow.thread_stack_bytes(), || {
            let mut runs = KernelRuns::new(&self.machine, &self.context, KERNEL_ENTRY, Durable::new());
            runs.effects = self.effects.of_next_run();
            let report = runs.run_once()?;
            Ok((report, runs.effects, runs.observed))
        })?;
        self.effects.absorb(effects);
        self.observed = observed.unwrap_or_default();
        self.phase = Phase::Ended(report.outcome.clone());
        Ok(Some(report))
    }

    /// Does what follows a run that has ended: another one is about to begin, or the next level is waited for. The
    /// memory is lost.
    pub fn conclude(&mut self) {
        let Phase::Ended(outcome) = &self.phase else { return };
        self.observed.memory = crate::MemoryImage::default();
        self.phase = match after(&mut self.effects.durable, outcome.clone(), self.reboots_left) {
            Next::Reboot => {
                self.reboots_left -= 1;
                begin(&mut self.effects.durable, self.reboots_left);
                Phase::Snapshot
            }
            Next::Rest => {
                rest(&mut self.effects.durable, self.context.constants.reboots_per_level_max);
                self.effects.inputs_read = self.context.inputs.len();
                Phase::Collect
            }
            Next::Stuck(stuck) => {
                self.effects.inputs_read = self.context.inputs.len();
                Phase::Stuck(stuck)
            }
        };
    }
}
