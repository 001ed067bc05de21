//! The machine of one rollup: levels, runs, reboots, failures.

use crate::durable::{Durable, Key};
use crate::guest::{DebugSink, Effects, HostUse, LevelContext};
use crate::inputs::{Meaning, meaning};
use crate::machine::{Depth, Machine};
use crate::reveal::Preimages;
use crate::run::{Ended, Ending, Run};
use crate::status::{BootPhase, Outcome, Status, Stuck};
use crate::version::Version;
use crate::{BOOT_KEY, FALLBACK_KEY, PvmError};
use std::sync::Arc;

const VERSION_KEY: Key<'static> = Key::constant("/readonly/wasm_version");
const REBOOT_KEY: Key<'static> = Key::constant("/kernel/env/reboot");
const REBOOT_COUNTER_KEY: Key<'static> = Key::constant("/readonly/kernel/env/reboot_counter");
const TOO_MANY_REBOOT_KEY: Key<'static> = Key::constant("/readonly/kernel/env/too_many_reboot");
const STUCK_KEY: Key<'static> = Key::constant("/readonly/kernel/env/stuck");
const UPGRADE_ERROR_KEY: Key<'static> = Key::constant("/readonly/kernel/env/upgrade_error");

/// Reboots of one level, after its first run.
pub const REBOOTS_PER_LEVEL_MAX: u32 = 1_000;

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
}

/// What happened in a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunReport {
    /// How it ended.
    pub outcome: Outcome,
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

/// The machine of one rollup.
pub struct Pvm {
    machine: Machine,
    rollup: Rollup,
    preimages: Arc<dyn Preimages>,
    debug_sink: Option<DebugSink>,
    state: State,
}

impl Pvm {
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
        Self::restore(machine, rollup, preimages, State { durable, status: Status::WaitingForInput })
    }

    /// A machine that goes on from a state.
    pub fn restore(machine: Machine, rollup: Rollup, preimages: Arc<dyn Preimages>, state: State) -> Self {
        Self { machine, rollup, preimages, debug_sink: None, state }
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
        let Some((last, _)) = inputs.split_last() else { return Err(PvmError::Inputs) };
        let ends = inputs.iter().filter(|input| meaning(input) == Meaning::EndOfLevel).count();
        if ends != 1 || meaning(last) != Meaning::EndOfLevel {
            return Err(PvmError::Inputs);
        }
        if let Status::Stuck(_) = self.state.status {
            return Ok(LevelReport { level, status: self.state.status.clone(), ..LevelReport::default() });
        }
        let context = LevelContext {
            level,
            rollup: self.rollup,
            preimages: self.preimages.clone(),
            inputs: Arc::new(inputs.to_vec()),
            debug_sink: self.debug_sink.clone(),
        };
        let _ticking = self.machine.clock().ticking();
        // Wasm has its own bound of the stack, which the thread of the caller may not have room for.
        let (report, durable) =
            on_stack(Depth::Shallow.thread_stack_bytes(), || Level::new(self, &context).run())?;
        self.state = State { durable, status: report.status.clone() };
        Ok(report)
    }
}

fn version_of(durable: &Durable) -> Result<Version, PvmError> {
    let spelling =
        durable.get(VERSION_KEY.as_str()).map(|value| value.to_bytes().into_owned()).unwrap_or_default();
    Version::parse(&spelling)
        .ok_or_else(|| PvmError::Version { spelling: String::from_utf8_lossy(&spelling).into() })
}

fn on_stack<T: Send>(
    size_bytes: usize,
    work: impl FnOnce() -> Result<T, PvmError> + Send,
) -> Result<T, PvmError> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("pvm-run".into()).stack_size(size_bytes);
        let running = thread
            .spawn_scoped(scope, work)
            .map_err(|error| PvmError::Thread { detail: error.to_string() })?;
        running.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// A level being run.
struct Level<'a> {
    pvm: &'a Pvm,
    context: &'a LevelContext,
    effects: Effects,
    report: LevelReport,
    debug_streamed: usize,
}

/// What follows a run.
enum Next {
    Reboot,
    Rest(Status),
}

impl<'a> Level<'a> {
    fn new(pvm: &'a Pvm, context: &'a LevelContext) -> Self {
        let effects = Effects { durable: pvm.state.durable.clone(), ..Effects::default() };
        let report = LevelReport { level: context.level, ..LevelReport::default() };
        Self { pvm, context, effects, report, debug_streamed: 0 }
    }

    fn run(mut self) -> Result<(LevelReport, Durable), PvmError> {
        self.report.status = match self.collect() {
            Ok(()) => self.run_until_rest()?,
            Err(stuck) => Status::Stuck(stuck),
        };
        self.report.outbox = self.effects.outbox;
        self.report.debug = self.effects.debug;
        self.report.debug_call_sizes = self.effects.debug_call_sizes;
        self.report.reveal_requests = self.effects.reveal_requests;
        Ok((self.report, self.effects.durable))
    }

    /// Looks at the inputs as they come in: a protocol migration takes effect at once.
    fn collect(&mut self) -> Result<(), Stuck> {
        for input in self.context.inputs.iter() {
            match meaning(input) {
                Meaning::Migration(protocol) => {
                    if let Some(version) = Version::of_protocol(protocol) {
                        self.effects.durable.set(VERSION_KEY, version.as_str().as_bytes());
                    }
                }
                Meaning::MalformedMigration => return Err(Stuck::MalformedMigration),
                Meaning::EndOfLevel | Meaning::Other => {}
            }
        }
        Ok(())
    }

    fn run_until_rest(&mut self) -> Result<Status, PvmError> {
        let mut reboots_left = REBOOTS_PER_LEVEL_MAX;
        loop {
            self.effects.durable.delete(REBOOT_KEY);
            self.set_reboot_counter(reboots_left);
            let outcome = self.run_once()?;
            match self.after(outcome, reboots_left) {
                Next::Reboot => reboots_left -= 1,
                Next::Rest(status) => return Ok(status),
            }
        }
    }

    fn set_reboot_counter(&mut self, reboots_left: u32) {
        self.effects.durable.set(REBOOT_COUNTER_KEY, reboots_left.to_le_bytes().as_slice());
    }

    /// Notes how a run ended and decides what follows.
    fn after(&mut self, outcome: Outcome, reboots_left: u32) -> Next {
        let durable = &mut self.effects.durable;
        match outcome {
            Outcome::Stuck(stuck) => return Next::Rest(Status::Stuck(stuck)),
            Outcome::Finished => {
                durable.delete(STUCK_KEY);
                durable.delete(UPGRADE_ERROR_KEY);
            }
            Outcome::Trapped(_) => durable.set(STUCK_KEY, Vec::new()),
            Outcome::FellBack { .. } => durable.set(UPGRADE_ERROR_KEY, Vec::new()),
        }
        match (durable.get(REBOOT_KEY.as_str()), reboots_left) {
            (Some(_), 0) => durable.set(TOO_MANY_REBOOT_KEY, Vec::new()),
            (Some(_), _) => return Next::Reboot,
            (None, _) => {
                durable.delete(TOO_MANY_REBOOT_KEY);
            }
        }
        durable.set(REBOOT_KEY, Vec::new());
        self.set_reboot_counter(REBOOTS_PER_LEVEL_MAX + 1);
        Next::Rest(Status::WaitingForInput)
    }

    /// One run, with its place in the report.
    fn run_once(&mut self) -> Result<Outcome, PvmError> {
        let (ending, host_use, work, memory_pages) = match self.boot_and_run()? {
            Booted::Failed(phase, detail) => {
                (Ending::BootFailed { phase, detail }, HostUse::default(), None, None)
            }
            Booted::Ran(ended) => {
                self.effects = ended.effects;
                self.debug_streamed = ended.debug_streamed;
                (ended.ending, ended.host_use, ended.work, ended.memory_pages)
            }
        };
        let outcome = match ending {
            Ending::Finished => Outcome::Finished,
            Ending::Trapped(trap) => Outcome::Trapped(trap),
            Ending::Stuck(stuck) => Outcome::Stuck(stuck),
            Ending::BootFailed { phase, detail } => self.fall_back(phase, detail),
            Ending::NeedsDeeperStack => Outcome::Stuck(Stuck::CallStackExhausted),
        };
        let report = RunReport {
            outcome: outcome.clone(),
            operators: work.map(|work| work.operators),
            bulk_bytes: work.map(|work| work.bulk_bytes),
            memory_pages,
            host_use,
        };
        self.report.runs.push(report);
        Ok(outcome)
    }

    fn boot_and_run(&mut self) -> Result<Booted, PvmError> {
        let version = version_of(&self.effects.durable)?;
        let first = self.pvm.machine.depth_for(version);
        let ended = self.attempt(version, first)?;
        match ended {
            Booted::Ran(ended) if matches!(ended.ending, Ending::NeedsDeeperStack) => {
                self.debug_streamed = ended.debug_streamed;
                self.attempt(version, self.pvm.machine.deep_for(version))
            }
            done => Ok(done),
        }
    }

    /// Runs the kernel on one tier, on a copy of the effects.
    fn attempt(&mut self, version: Version, depth: Depth) -> Result<Booted, PvmError> {
        let Some(at) = self.effects.durable.handle(BOOT_KEY.as_str()) else {
            return Ok(Booted::Failed(BootPhase::Decode, "value not found".into()));
        };
        let Some(value) = at.value() else {
            return Ok(Booted::Failed(BootPhase::Decode, "value not found".into()));
        };
        let wasm = value.to_bytes();
        let kernel = match self.pvm.machine.kernel(&at, &wasm, depth)? {
            Ok(kernel) => kernel,
            Err(refused) => return Ok(Booted::Failed(BootPhase::Decode, refused.to_string())),
        };
        if let Some(import) = kernel.unexpected_import(version) {
            return Ok(Booted::Failed(BootPhase::Link, import));
        }
        let run = Run {
            machine: &self.pvm.machine,
            kernel: &kernel,
            wasm: &wasm,
            depth,
            context: self.context,
            debug_streamed: self.debug_streamed,
        };
        let effects = self.effects.clone();
        let ended = match depth {
            Depth::Shallow => run.run(effects)?,
            Depth::Deep { .. } => on_stack(depth.thread_stack_bytes(), || run.run(effects))?,
        };
        Ok(Booted::Ran(Box::new(ended)))
    }

    fn fall_back(&mut self, phase: BootPhase, detail: String) -> Outcome {
        let durable = &mut self.effects.durable;
        let fallback = durable.get(FALLBACK_KEY.as_str());
        if fallback.is_none() || fallback == durable.get(BOOT_KEY.as_str()) {
            return Outcome::Stuck(Stuck::NoFallbackKernel { phase, detail });
        }
        durable.copy(FALLBACK_KEY, BOOT_KEY);
        Outcome::FellBack { phase, detail }
    }
}

enum Booted {
    Failed(BootPhase, String),
    Ran(Box<Ended>),
}
