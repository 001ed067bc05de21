//! One run of a kernel: instantiate, call a function of it, say how it ended.

use crate::PvmError;
use crate::cycle::note_started;
use crate::guest::{Abort, Effects, Guest, GuestMemory, HostUse, LevelContext, limits};
use crate::instrument::{BROKEN, BULK_BYTES, DEPTH, ENTRY, MEMORY, MEMORY_OF_SEVERAL, OPERATORS, START};
use crate::machine::{Depth, Kernel, Machine, instrumented};
use crate::observe::{MemoryImage, Observe, Observed, Watch};
use crate::state_hash::NO_MEMORY;
use crate::status::{BootPhase, Stuck, Trap};
use crate::ticks::{RunTicks, UNTIL_CALL_TAKES_EFFECT};
use crate::version::IMPORTS_COUNT;
use std::time::{Duration, Instant};
use wasmtime::{Error, Instance, Store, UpdateDeadline, Val, WasmBacktrace};

/// How a run ended.
#[derive(Debug)]
pub(crate) enum Ending {
    Finished,
    Trapped(Trap),
    BootFailed {
        phase: BootPhase,
        detail: String,
    },
    Stuck(Stuck),
    /// The stack of this tier was too small to tell.
    NeedsDeeperStack,
}

/// What the function did, as far as it is counted.
#[derive(Clone, Copy)]
pub(crate) struct Work {
    pub(crate) operators: u64,
    pub(crate) bulk_bytes: u64,
}

/// What is known of a run while it goes on.
pub(crate) struct Progress {
    work: Option<Work>,
    pub(crate) ticks: Option<RunTicks>,
    /// From the counter of ticks to the ticks, where the run ended.
    pub(crate) correction: i64,
}

impl Progress {
    fn init_is(&mut self, init: Option<u64>) {
        if let (Some(ticks), Some(init)) = (&mut self.ticks, init) {
            ticks.init = init;
        }
    }

    fn eval_is(&mut self, eval: u64) {
        if let Some(ticks) = &mut self.ticks {
            ticks.eval = eval;
        }
    }
}

/// A run that ended.
pub(crate) struct Ended {
    pub(crate) ending: Ending,
    pub(crate) effects: Effects,
    pub(crate) host_use: HostUse,
    pub(crate) work: Option<Work>,
    /// When they are counted.
    pub(crate) ticks: Option<RunTicks>,
    pub(crate) memory_pages: Option<u64>,
    pub(crate) debug_streamed: usize,
    /// What is known beyond this, if the machine observes.
    pub(crate) observed: Option<Observed>,
}

/// A run that could not go on.
pub(crate) struct Interrupted {
    pub(crate) error: PvmError,
    /// What it had done, if it began.
    pub(crate) effects: Option<Effects>,
}

impl From<PvmError> for Box<Interrupted> {
    fn from(error: PvmError) -> Self {
        Box::new(Interrupted { error, effects: None })
    }
}

/// What to run.
pub(crate) struct Run<'a> {
    pub(crate) machine: &'a Machine,
    pub(crate) kernel: &'a Kernel,
    /// The same, not compiled.
    pub(crate) wasm: &'a [u8],
    pub(crate) depth: Depth,
    /// The function to call.
    pub(crate) function: &'static str,
    pub(crate) context: &'a LevelContext,
    pub(crate) debug_streamed: usize,
}

impl Run<'_> {
    /// Runs the kernel on the stack of the caller, which is large enough for the tier.
    ///
    /// # Errors
    /// The host could not do what the PVM would.
    pub(crate) fn run(&self, effects: Effects) -> Result<Ended, Box<Interrupted>> {
        let limit = self.machine.config().run_time_ms_max.map(Duration::from_millis);
        let guest = Guest {
            context: self.context.clone(),
            effects,
            calls: [0; IMPORTS_COUNT],
            host_use: HostUse::default(),
            memory: GuestMemory::Initialising,
            limits: limits(),
            deadline: limit.map(|limit| Instant::now() + limit),
            meter: None,
            debug_streamed: self.debug_streamed,
            watch: (self.machine.config().observe != Observe::Nothing).then(Box::default),
        };
        let mut store = Store::new(&self.machine.tier(self.depth).engine, guest);
        store.limiter(|guest| &mut guest.limits);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(|mut guest| {
            if guest.data().meter.is_some_and(|meter| meter.is_exhausted(&mut guest)) {
                return Err(Error::new(Abort::OutOfTicks));
            }
            match guest.data().deadline {
                Some(deadline) if Instant::now() >= deadline => Err(Error::new(Abort::OutOfTime)),
                _ => Ok(UpdateDeadline::Continue(1)),
            }
        });
        let mut run = Progress { work: None, ticks: self.boot_ticks(), correction: 0 };
        let ending = match self.initialise_and_call(&mut store, &mut run) {
            Ok(ending) => ending,
            Err(error) => {
                return Err(Box::new(Interrupted { error, effects: Some(store.into_data().effects) }));
            }
        };
        let ending = self.within_ticks(ending, &mut run);
        let memory_pages = match store.data().memory {
            GuestMemory::One(memory) => Some(memory.size(&store)),
            GuestMemory::Initialising | GuestMemory::Several => None,
        };
        let image = match store.data().memory {
            GuestMemory::One(memory) if store.data().watch.is_some() => MemoryImage::of(memory.data(&store)),
            _ => MemoryImage::default(),
        };
        let mut guest = store.into_data();
        let observed = guest.watch.take().map(|watch| {
            let operators = run.work.map_or(0, |work| work.operators);
            Observed { memory: image, ..Watch::finish(*watch, operators) }
        });
        Ok(Ended {
            ending,
            host_use: guest.finished_host_use(),
            effects: guest.effects,
            work: run.work,
            ticks: run.ticks,
            memory_pages,
            debug_streamed: guest.debug_streamed,
            observed,
        })
    }

    fn initialise_and_call(&self, store: &mut Store<Guest>, run: &mut Progress) -> Result<Ending, PvmError> {
        let instance = match self.instantiate(store, run)? {
            Ok(instance) => instance,
            Err(ending) => return Ok(ending),
        };
        if let Err(ending) = self.start(store, &instance, run)? {
            return Ok(ending);
        }
        if let Some(memory) = instance.get_memory(&mut *store, MEMORY) {
            store.data_mut().memory = GuestMemory::One(memory);
        } else {
            store.data_mut().memory = GuestMemory::Several;
        }
        if run.ticks.is_some_and(|ticks| ticks.is_beyond(self.ticks_per_snapshot())) {
            return Ok(Ending::Stuck(Stuck::TooManyTicks));
        }
        let Some(entry) = instance.get_func(&mut *store, self.function) else {
            return match self.function {
                ENTRY => Ok(Ending::Stuck(Stuck::NoEntry)),
                function => Err(PvmError::FunctionMissing { function }),
            };
        };
        note_started(&mut store.data_mut().effects.durable);
        let ty = entry.ty(&*store);
        if ty.params().len() > 0 {
            run.eval_is(UNTIL_CALL_TAKES_EFFECT);
            return Ok(Ending::Stuck(Stuck::EntryWithParameters));
        }
        let before = work(store, &instance);
        let mut results = vec![Val::I32(0); ty.results().len()];
        let called = entry.call(&mut *store, &[], &mut results);
        let ending = match called {
            Ok(()) => Ending::Finished,
            Err(error) => {
                run.correction = self.correction(store, &instance, &error);
                self.ending(store, Some(&instance), error)?
            }
        };
        run.work = work(store, &instance).zip(before).map(|(after, before)| Work {
            operators: after.operators - before.operators,
            bulk_bytes: after.bulk_bytes - before.bulk_bytes,
        });
        self.end_metering(store, &ending, run);
        Ok(ending)
    }

    /// Links and instantiates the module, up to the start function when ticks are counted.
    fn instantiate(
        &self,
        store: &mut Store<Guest>,
        run: &mut Progress,
    ) -> Result<Result<Instance, Ending>, PvmError> {
        let boot = self.counted_boot();
        let linked = match &self.kernel.linked {
            Ok(linked) => linked,
            Err(detail) => {
                let import = self.kernel.import_of_other_type().unwrap_or_default();
                run.init_is(boot.map(|boot| boot.init_to_import(import)));
                return Ok(Err(init_failed(detail.clone())));
            }
        };
        let instance = match linked.instantiate(&mut *store) {
            Ok(instance) => instance,
            Err(error) => {
                run.init_is(boot.map(|boot| boot.init_to_misfit));
                return Ok(Err(as_init_failure(self.ending(store, None, error)?)));
            }
        };
        let memory = [MEMORY, MEMORY_OF_SEVERAL].map(|name| instance.get_memory(&mut *store, name));
        if memory.iter().all(Option::is_none) {
            run.init_is(boot.map(|boot| boot.init_to_exports));
            return Ok(Err(init_failed(NO_MEMORY.into())));
        }
        Ok(Ok(instance))
    }

    /// Calls the start function where the engine has not.
    fn start(
        &self,
        store: &mut Store<Guest>,
        instance: &Instance,
        run: &mut Progress,
    ) -> Result<Result<(), Ending>, PvmError> {
        self.begin_metering(store, instance, run);
        if let Some(start) = instance.get_func(&mut *store, START)
            && let Err(error) = start.call(&mut *store, &[], &mut [])
        {
            run.correction = self.correction(store, instance, &error);
            let ending = self.ending(store, Some(instance), error)?;
            self.end_of_start(store, &ending, run);
            return Ok(Err(as_init_failure(ending)));
        }
        self.begin_eval(store, run);
        Ok(Ok(()))
    }

    /// What an error of the engine means for the machine.
    fn ending(
        &self,
        store: &mut Store<Guest>,
        instance: Option<&Instance>,
        error: Error,
    ) -> Result<Ending, PvmError> {
        let error = match error.downcast::<Abort>() {
            Ok(Abort::Host(error)) => return Err(error),
            Ok(Abort::OutOfTime | Abort::OutOfTicks) => return Ok(Ending::Stuck(Stuck::TooManyTicks)),
            Ok(abort) => return Ok(Ending::Stuck(Stuck::Fatal { detail: abort.to_string() })),
            Err(error) => error,
        };
        let Some(trap) = error.downcast_ref::<wasmtime::Trap>() else { return Err(PvmError::engine(error)) };
        let fatal = |detail: &str| Ok(Ending::Stuck(Stuck::Fatal { detail: detail.into() }));
        Ok(Ending::Trapped(match trap {
            wasmtime::Trap::StackOverflow => {
                return match self.depth {
                    Depth::Shallow => Ok(Ending::NeedsDeeperStack),
                    // Fewer frames than allowed, but such large ones that a gibibyte does not hold them:
                    // taken for what it almost certainly is, recursion without bound.
                    Depth::Deep { .. } => Ok(Ending::Stuck(Stuck::CallStackExhausted)),
                };
            }
            wasmtime::Trap::UnreachableCodeReached => {
                // Instrumented code traps like this too, after it has set a counter.
                let mut counter = |name| instance.and_then(|instance| counter(store, instance, name));
                if let Depth::Deep { limit } = self.depth
                    && counter(DEPTH).is_some_and(|frames| frames >= u64::from(limit))
                {
                    return Ok(Ending::Stuck(Stuck::CallStackExhausted));
                }
                if counter(BROKEN).is_some_and(|calls| calls > 0) {
                    return fatal("call of an invalid function");
                }
                Trap::Unreachable
            }
            wasmtime::Trap::MemoryOutOfBounds => Trap::MemoryOutOfBounds,
            wasmtime::Trap::IntegerDivisionByZero => Trap::DivisionByZero,
            wasmtime::Trap::IntegerOverflow => Trap::IntegerOverflow,
            wasmtime::Trap::BadSignature => Trap::IndirectCallTypeMismatch,
            wasmtime::Trap::IndirectCallToNull => return fatal("uninitialized table element"),
            wasmtime::Trap::TableOutOfBounds if self.is_at_indirect_call(&error) => {
                return fatal("indirect call beyond the table");
            }
            wasmtime::Trap::TableOutOfBounds => Trap::TableOutOfBounds,
            other => return fatal(&other.to_string()),
        }))
    }

    /// Whether the instruction that trapped is a `call_indirect`.
    fn is_at_indirect_call(&self, error: &Error) -> bool {
        const CALL_INDIRECT: u8 = 0x11;
        self.opcode_at(error) == Some(CALL_INDIRECT)
    }

    fn opcode_at(&self, error: &Error) -> Option<u8> {
        let backtrace = error.downcast_ref::<WasmBacktrace>()?;
        let offset = backtrace.frames().first()?.module_offset()?;
        let module = instrumented(self.wasm, self.machine.counting(self.depth)).ok()?;
        module.get(offset).copied()
    }
}

fn as_init_failure(ending: Ending) -> Ending {
    match ending {
        Ending::Trapped(trap) => init_failed(trap.to_string()),
        Ending::Stuck(Stuck::Fatal { detail }) => init_failed(detail),
        Ending::Stuck(Stuck::CallStackExhausted) => init_failed("call stack exhausted".into()),
        other => other,
    }
}

fn init_failed(detail: String) -> Ending {
    Ending::BootFailed { phase: BootPhase::Init, detail }
}

fn work(store: &mut Store<Guest>, instance: &Instance) -> Option<Work> {
    let operators = counter(store, instance, OPERATORS)?;
    Some(Work { operators, bulk_bytes: counter(store, instance, BULK_BYTES)? })
}

pub(crate) fn counter(store: &mut Store<Guest>, instance: &Instance, name: &str) -> Option<u64> {
    let global = instance.get_global(&mut *store, name)?;
    match global.get(&mut *store) {
        Val::I64(count) => Some(count as u64),
        Val::I32(count) => Some(u64::from(count as u32)),
        _ => None,
    }
}
