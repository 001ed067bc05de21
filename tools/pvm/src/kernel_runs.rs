//! Runs of the kernel that is in its place, as wasm: in a level, or by themselves.

use crate::accept::accept;
use crate::constants::Constants;
use crate::durable::{Durable, Key};
use crate::guest::{Effects, HostUse, LevelContext};
use crate::inputs::{Meaning, meaning};
use crate::machine::{Depth, Machine};
use crate::observe::Observed;
use crate::pvm::RunReport;
use crate::reveal::Preimages;
use crate::run::{Ended, Ending, Run};
use crate::status::{BootPhase, Outcome, Stuck};
use crate::ticks::boot;
use crate::version::Version;
use crate::{BOOT_KEY, FALLBACK_KEY, PvmError, RUN_TICKS_ADVISED_MAX, Refused, Rollup, RunTicks};
use std::sync::Arc;
use wasmparser::{Parser, Payload, TypeRef};

pub(crate) const VERSION_KEY: Key<'static> = Key::constant("/readonly/wasm_version");

/// Bytes of the magic number and the version that a module begins with.
const HEADER_BYTES: usize = 8;

pub(crate) fn version_of(durable: &Durable) -> Result<Version, PvmError> {
    let spelling =
        durable.get(VERSION_KEY.as_str()).map(|value| value.to_bytes().into_owned()).unwrap_or_default();
    Version::parse(&spelling)
        .ok_or_else(|| PvmError::Version { spelling: String::from_utf8_lossy(&spelling).into() })
}

pub(crate) fn on_stack<T: Send, E: Send + From<PvmError>>(
    size_bytes: usize,
    work: impl FnOnce() -> Result<T, E> + Send,
) -> Result<T, E> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("pvm-run".into()).stack_size(size_bytes);
        let running = thread
            .spawn_scoped(scope, work)
            .map_err(|error| PvmError::Thread { detail: error.to_string() })?;
        running.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Runs a function of a kernel outside of levels, for a node: without inbox, on a storage of the caller's. Cheap to clone.
#[derive(Clone)]
pub struct Caller {
    machine: Machine,
    context: LevelContext,
}

impl Caller {
    /// Runs kernels on `machine`, as the rollup that they ask for.
    pub fn new(machine: Machine, rollup: Rollup, preimages: Arc<dyn Preimages>) -> Self {
        // What a node calls is no run of the rollup: its ticks are not limited.
        let constants = Constants { ticks_per_snapshot: u64::MAX, ..Constants::default() };
        let inputs = Arc::default();
        let context = LevelContext { level: 0, rollup, constants, preimages, inputs, debug_sink: None };
        Self { machine, context }
    }

    /// Where preimages come from.
    pub fn preimages(&self) -> &dyn Preimages {
        &*self.context.preimages
    }

    /// Decodes and compiles the kernel that is in its place, so that the first call need not. One that cannot be compiled is
    /// found out by that call.
    ///
    /// # Errors
    /// What the host cannot do.
    pub fn prepare(&self, durable: &Durable) -> Result<(), PvmError> {
        let depth = self.machine.depth_for(version_of(durable)?);
        let Some(at) = durable.handle(BOOT_KEY.as_str()) else { return Ok(()) };
        let Some(value) = at.value() else { return Ok(()) };
        self.machine.kernel(&at, &value.to_bytes(), depth).map(drop)
    }

    /// Calls `function` of the kernel that is in its place, once. One that does not start gives way to the last one that
    /// did, as in a level; what a run wrote before it trapped stays. Debug output is appended to `debug`.
    ///
    /// # Errors
    /// [`PvmError::FunctionMissing`] when the kernel has no such function, and whatever the host cannot do: `durable` is
    /// then as it was.
    pub fn call(
        &self,
        function: &'static str,
        durable: &mut Durable,
        debug: &mut Vec<u8>,
    ) -> Result<Outcome, PvmError> {
        let _ticking = self.machine.clock().ticking();
        let (report, effects) = on_stack(Depth::Shallow.thread_stack_bytes(), || {
            let mut runs = KernelRuns::new(&self.machine, &self.context, function, durable.clone());
            let report = runs.run_once()?;
            Ok((report, runs.effects))
        })?;
        *durable = effects.durable;
        debug.extend_from_slice(&effects.debug);
        Ok(report.outcome)
    }
}

impl std::fmt::Debug for Caller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Caller").field("rollup", &self.context.rollup).finish_non_exhaustive()
    }
}

/// Takes note of the inputs of a level as they come in: a protocol migration takes effect at once.
pub(crate) fn take_in(durable: &mut Durable, inputs: &[Vec<u8>]) -> Result<(), Stuck> {
    for input in inputs {
        match meaning(input) {
            Meaning::Migration(protocol) => {
                if let Some(version) = Version::of_protocol(protocol) {
                    durable.set(VERSION_KEY, version.as_str().as_bytes());
                }
            }
            Meaning::MalformedMigration => return Err(Stuck::MalformedMigration),
            Meaning::StartOfLevel | Meaning::EndOfLevel | Meaning::Other => {}
        }
    }
    Ok(())
}

/// Runs that share their effects.
pub(crate) struct KernelRuns<'a> {
    machine: &'a Machine,
    context: &'a LevelContext,
    function: &'static str,
    pub(crate) effects: Effects,
    debug_streamed: usize,
    /// What was observed of the last run.
    pub(crate) observed: Option<Observed>,
}

impl<'a> KernelRuns<'a> {
    pub(crate) fn new(
        machine: &'a Machine,
        context: &'a LevelContext,
        function: &'static str,
        durable: Durable,
    ) -> Self {
        let effects = Effects { durable, ..Effects::default() };
        Self { machine, context, function, effects, debug_streamed: 0, observed: None }
    }

    pub(crate) fn inputs(&self) -> &'a [Vec<u8>] {
        &self.context.inputs
    }

    /// One run on a stack that is large enough for the shallow tier.
    pub(crate) fn run_once(&mut self) -> Result<RunReport, PvmError> {
        let ended = match self.boot_and_run()? {
            Booted::Failed(failure) => self.ended_before_it_ran(failure),
            Booted::Ran(ended) => *ended,
        };
        let Ended { work, ticks, memory_pages, host_use, .. } = ended;
        self.effects.absorb(ended.effects);
        self.debug_streamed = ended.debug_streamed;
        self.observed = ended.observed;
        let outcome = match ended.ending {
            Ending::Finished => Outcome::Finished,
            Ending::Trapped(trap) => Outcome::Trapped(trap),
            Ending::Stuck(stuck) => Outcome::Stuck(stuck),
            Ending::BootFailed { phase, detail } => self.fall_back(phase, detail),
            Ending::NeedsDeeperStack => Outcome::Stuck(Stuck::CallStackExhausted),
        };
        if let Some(ticks) = ticks.filter(|ticks| ticks.total() > RUN_TICKS_ADVISED_MAX) {
            let (level, ticks) = (self.context.level, ticks.total());
            tracing::warn!(level, ticks, "a run takes more ticks than can be replayed in a dispute");
        }
        Ok(RunReport {
            outcome,
            ticks,
            operators: work.map(|work| work.operators),
            bulk_bytes: work.map(|work| work.bulk_bytes),
            memory_pages,
            host_use,
        })
    }

    /// A failure to decode or to link, as the end of a run.
    fn ended_before_it_ran(&self, Failure { phase, detail, ticks }: Failure) -> Ended {
        let ticks_per_snapshot = self.context.constants.ticks_per_snapshot;
        let ticks = self.machine.config().counts_ticks.then_some(ticks);
        let is_beyond = ticks.is_some_and(|ticks| ticks.is_beyond(ticks_per_snapshot));
        Ended {
            ending: if is_beyond {
                Ending::Stuck(Stuck::TooManyTicks)
            } else {
                Ending::BootFailed { phase, detail }
            },
            effects: self.effects.of_next_run(),
            host_use: HostUse::default(),
            work: None,
            ticks: ticks.map(|ticks| if is_beyond { ticks.cut(ticks_per_snapshot) } else { ticks }),
            memory_pages: None,
            debug_streamed: self.debug_streamed,
            observed: None,
        }
    }

    fn boot_and_run(&mut self) -> Result<Booted, PvmError> {
        let version = version_of(&self.effects.durable)?;
        let first = self.machine.depth_for(version);
        let ended = self.attempt(version, first)?;
        match ended {
            Booted::Ran(ended) if matches!(ended.ending, Ending::NeedsDeeperStack) => {
                self.debug_streamed = ended.debug_streamed;
                self.attempt(version, self.machine.deep_for(version))
            }
            done => Ok(done),
        }
    }

    /// Runs the kernel on one tier, with effects of its own.
    fn attempt(&mut self, version: Version, depth: Depth) -> Result<Booted, PvmError> {
        let Some(at) = self.effects.durable.handle(BOOT_KEY.as_str()) else {
            return Ok(Booted::Failed(Failure::no_kernel()));
        };
        let Some(value) = at.value() else {
            return Ok(Booted::Failed(Failure::no_kernel()));
        };
        // What does not begin as a module may be two gigabytes of zeros, which are not even looked at.
        let header = value.read(0, HEADER_BYTES);
        if let Err(refused) = accept(&header) {
            return Ok(Booted::Failed(Failure::refused(&header, version, &refused)));
        }
        let wasm = value.to_bytes();
        let kernel = match self.machine.kernel(&at, &wasm, depth)? {
            Ok(kernel) => kernel,
            Err(refused) => {
                return Ok(Booted::Failed(Failure::refused(&wasm, version, &refused)));
            }
        };
        if let Some((index, detail)) = kernel.unexpected_import(version) {
            let decode = kernel.boot_ticks(&wasm).decode;
            let ticks = RunTicks { decode, link: index as u64 + 1, ..RunTicks::default() };
            return Ok(Booted::Failed(Failure { phase: BootPhase::Link, detail, ticks }));
        }
        let run = Run {
            machine: self.machine,
            kernel: &kernel,
            wasm: &wasm,
            depth,
            function: self.function,
            context: self.context,
            debug_streamed: self.debug_streamed,
        };
        let effects = self.effects.of_next_run();
        let ended = match depth {
            Depth::Shallow => run.run(effects),
            Depth::Deep { .. } => on_stack(depth.thread_stack_bytes(), || run.run(effects)),
        };
        match ended {
            Ok(ended) => Ok(Booted::Ran(Box::new(ended))),
            Err(interrupted) => {
                // Who looks on may want to know how far it came. Nobody goes on from there.
                if let Some(effects) = interrupted.effects {
                    self.effects.absorb(effects);
                }
                Err(interrupted.error)
            }
        }
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

/// Why a kernel could not be instantiated.
struct Failure {
    phase: BootPhase,
    detail: String,
    ticks: RunTicks,
}

impl Failure {
    fn no_kernel() -> Self {
        let ticks = RunTicks { decode: 1, ..RunTicks::default() };
        Self { phase: BootPhase::Decode, detail: "value not found".into(), ticks }
    }
}

impl Failure {
    /// What does not validate may decode: Octez notices when it links or initialises.
    fn refused(wasm: &[u8], version: Version, refused: &Refused) -> Self {
        let boot = boot::of(wasm);
        let ticks = RunTicks { decode: boot.decode, ..RunTicks::default() };
        if !boot.decodes {
            return Self { phase: BootPhase::Decode, detail: refused.to_string(), ticks };
        }
        if let Some((index, detail)) = unexpected_import(wasm, version) {
            let ticks = RunTicks { link: index as u64 + 1, ..ticks };
            return Self { phase: BootPhase::Link, detail, ticks };
        }
        let ticks = RunTicks { link: boot.link, init: boot.init_to_exports, ..ticks };
        Self { phase: BootPhase::Init, detail: refused.to_string(), ticks }
    }
}

/// The first import that a version does not have, of a module that cannot be compiled.
fn unexpected_import(wasm: &[u8], version: Version) -> Option<(usize, String)> {
    let imports = Parser::new(0).parse_all(wasm).flatten().filter_map(|payload| match payload {
        Payload::ImportSection(section) => Some(section.into_imports()),
        _ => None,
    });
    imports.flatten().flatten().enumerate().find_map(|(index, import)| {
        let is_function = matches!(import.ty, TypeRef::Func(_));
        Some((index, version.lacks_import(import.module, import.name, is_function)?))
    })
}

enum Booted {
    Failed(Failure),
    Ran(Box<Ended>),
}
