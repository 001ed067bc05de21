//! Compiles kernels and keeps them.
//!
//! A kernel is compiled for the *shallow* tier: plain code on a stack so small that a run which stays on it
//! cannot have made as many frames as the PVM allows. A run that does not is done again on the *deep* tier,
//! where the code counts its frames, on a stack of [`DEEP_STACK_BYTES`]. So the limit is exact and costs
//! nothing where it does not matter. Only frames of more than 17 KB on average fill that stack before they
//! are counted; this ends as if they had been.

use crate::PvmError;
use crate::accept::{Refused, accept};
use crate::cache::CodeCache;
use crate::clock::Clock;
use crate::durable::{Handle, blake2b};
use crate::guest::Guest;
use crate::host::has_type;
use crate::instrument::{self, Ahead, Counting};
use crate::observe::{OWN_IMPORTS, Observe, is_told};
use crate::ticks::boot::{self, BootTicks};
use crate::version::Version;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use wasmtime::{Collector, Config, Engine, ExternType, ImportType, InstancePre, Linker, Module};

/// A frame takes no less than a return address and a frame pointer.
const FRAME_BYTES_MIN: usize = 16;
/// Frames that fit the shallow stack if all are as small as can be: fewer than V1 and later allow.
const SHALLOW_FRAMES_MAX: usize = 59_000;
/// Bytes of wasm stack on the shallow tier.
const SHALLOW_STACK_BYTES: usize = SHALLOW_FRAMES_MAX * FRAME_BYTES_MIN;
/// Bytes of wasm stack on the deep tier: 60,000 frames of 17 KB. Only what is used takes memory.
pub const DEEP_STACK_BYTES: usize = 1 << 30;
/// What host functions may need beyond the wasm stack.
const HOST_STACK_BYTES: usize = 2 << 20;
/// Elements of a table. The interpreter of the PVM makes only those that are used; here all take memory.
pub const TABLE_ELEMENTS_MAX: usize = 10_000_000;
/// Compiled kernels that are kept in memory.
const KERNELS_KEPT: usize = 8;

/// How kernels are compiled and bounded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MachineConfig {
    /// Where compiled code is kept between processes. Whoever can write there can run code as this
    /// process: it must be as private as the program itself.
    pub cache_dir: Option<PathBuf>,
    /// Count operators.
    pub metered: bool,
    /// Count ticks, and hold runs to [`Constants::ticks_per_snapshot`](crate::Constants::ticks_per_snapshot).
    pub counts_ticks: bool,
    /// Wall-clock time that one run may take; then the machine is stuck with `TooManyTicks`. Stands in for
    /// the 5·10^13 ticks of the PVM, which take days. `None`: no bound.
    pub run_time_ms_max: Option<u64>,
    /// Frames at which a run is stuck, instead of as many as the version says: to find out how deep a kernel goes.
    pub call_depth_limit: Option<u32>,
    /// What to keep of each run for [`crate::Steps`], besides its report.
    pub observe: Observe,
}

impl Default for MachineConfig {
    fn default() -> Self {
        Self {
            cache_dir: None,
            metered: false,
            counts_ticks: false,
            run_time_ms_max: Some(600_000),
            call_depth_limit: None,
            observe: Observe::Nothing,
        }
    }
}

/// Compiles kernels and keeps them. Cheap to clone; clones share what they keep.
#[derive(Clone)]
pub struct Machine(Arc<Inner>);

struct Inner {
    config: MachineConfig,
    shallow: Tier,
    deep: Tier,
    cache: Option<CodeCache>,
    kernels: Mutex<Vec<Kept>>,
    clock: Clock,
}

struct Kept {
    id: [u8; 32],
    depth: Depth,
    /// Where the kernel was found last: as long as this is the same object, so is the kernel.
    at: Handle,
    kernel: Arc<Kernel>,
}

/// An engine and its host functions.
pub(crate) struct Tier {
    pub(crate) engine: Engine,
    linker: Linker<Guest>,
}

/// Which tier, and at which frame to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Depth {
    Shallow,
    Deep { limit: u32 },
}

impl Depth {
    /// Bytes of stack of the thread that runs it.
    pub(crate) fn thread_stack_bytes(self) -> usize {
        HOST_STACK_BYTES
            + match self {
                Self::Shallow => SHALLOW_STACK_BYTES,
                Self::Deep { .. } => DEEP_STACK_BYTES,
            }
    }
}

/// A kernel, compiled. All that is known of it comes from the compiled module, so that it can be read back
/// from the cache without decoding the kernel.
pub(crate) struct Kernel {
    pub(crate) module: Module,
    /// `Err` when an import has another type than the host function, or a table is too large.
    pub(crate) linked: Result<InstancePre<Guest>, String>,
    boot_ticks: OnceLock<BootTicks>,
    /// Imports that instrumentation added, behind those of the kernel.
    own_imports: usize,
}

impl Machine {
    /// A machine without kernels.
    ///
    /// # Errors
    /// [`PvmError::Engine`] when this processor or configuration cannot run compiled wasm, or the cache
    /// folder cannot be made.
    pub fn new(config: MachineConfig) -> Result<Self, PvmError> {
        let shallow = Tier::new(SHALLOW_STACK_BYTES)?;
        let deep = Tier::new(DEEP_STACK_BYTES)?;
        let cache = config.cache_dir.clone().map(CodeCache::open).transpose()?;
        let clock = Clock::start(vec![shallow.engine.clone(), deep.engine.clone()])?;
        Ok(Self(Arc::new(Inner { config, shallow, deep, cache, kernels: Mutex::default(), clock })))
    }

    pub(crate) fn config(&self) -> &MachineConfig {
        &self.0.config
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// The cheapest tier that is exact for a version.
    pub(crate) fn depth_for(&self, version: Version) -> Depth {
        let deep = self.deep_for(version);
        match deep {
            Depth::Deep { limit } if SHALLOW_FRAMES_MAX < limit as usize => Depth::Shallow,
            other => other,
        }
    }

    /// The tier that is exact for every version.
    pub(crate) fn deep_for(&self, version: Version) -> Depth {
        Depth::Deep { limit: self.0.config.call_depth_limit.unwrap_or_else(|| version.call_depth_limit()) }
    }

    pub(crate) fn tier(&self, depth: Depth) -> &Tier {
        match depth {
            Depth::Shallow => &self.0.shallow,
            Depth::Deep { .. } => &self.0.deep,
        }
    }

    pub(crate) fn counting(&self, depth: Depth) -> Counting {
        let call_depth_limit = match depth {
            Depth::Shallow => None,
            Depth::Deep { limit } => Some(limit),
        };
        let MachineConfig { metered, counts_ticks, observe, .. } = self.0.config;
        let stacks = observe == Observe::Stacks;
        Counting { operators: metered || stacks, ticks: counts_ticks, call_depth_limit, stacks }
    }

    /// Decodes and compiles the kernel at a node, unless it is kept.
    pub(crate) fn kernel(
        &self,
        at: &Handle,
        wasm: &[u8],
        depth: Depth,
    ) -> Result<Result<Arc<Kernel>, Refused>, PvmError> {
        // The lock is held while compiling: whoever waits most likely wants the same kernel.
        let mut kernels = self.0.kernels.lock().unwrap_or_else(PoisonError::into_inner);
        let found = kernels.iter().position(|kept| kept.depth == depth && kept.at.is_same(at));
        if let Some(index) = found {
            kernels[index..].rotate_left(1);
            return Ok(Ok(kernels[kernels.len() - 1].kernel.clone()));
        }
        let id = blake2b(wasm);
        let known = kernels.iter().position(|kept| kept.depth == depth && kept.id == id);
        let kernel = match known {
            Some(index) => kernels.remove(index).kernel,
            None => match self.load_or_compile(&id, wasm, depth)? {
                Ok(kernel) => Arc::new(kernel),
                Err(refused) => return Ok(Err(refused)),
            },
        };
        if kernels.len() >= KERNELS_KEPT {
            kernels.remove(0);
        }
        kernels.push(Kept { id, depth, at: at.clone(), kernel: kernel.clone() });
        Ok(Ok(kernel))
    }

    fn load_or_compile(
        &self,
        id: &[u8; 32],
        wasm: &[u8],
        depth: Depth,
    ) -> Result<Result<Kernel, Refused>, PvmError> {
        let tier = self.tier(depth);
        let counting = self.counting(depth);
        let cached = self.0.cache.as_ref().and_then(|cache| cache.load(&tier.engine, id, counting));
        let module = match cached {
            Some(module) => module,
            None => {
                let instrumented = match instrumented(wasm, counting) {
                    Ok(instrumented) => instrumented,
                    Err(refused) => return Ok(Err(refused)),
                };
                let module = Module::new(&tier.engine, instrumented).map_err(PvmError::engine)?;
                if let Some(cache) = &self.0.cache {
                    cache.store(&module, id, counting);
                }
                module
            }
        };
        let largest_table = module.resources_required().max_initial_table_size.unwrap_or_default();
        let linked = if largest_table > TABLE_ELEMENTS_MAX as u64 {
            Err(format!("a table of {largest_table} elements"))
        } else {
            tier.linker.instantiate_pre(&module).map_err(|error| format!("{error:#}"))
        };
        let own_imports = if counting.stacks && is_told(&module) { OWN_IMPORTS } else { 0 };
        Ok(Ok(Kernel { module, linked, boot_ticks: OnceLock::new(), own_imports }))
    }
}

/// The module that is compiled for a kernel.
pub(crate) fn instrumented(wasm: &[u8], counting: Counting) -> Result<Vec<u8>, Refused> {
    let shape = accept(wasm)?;
    instrument::instrument(wasm, counting, &shape.broken, shape.memories)
        .map_err(|error| Refused::Invalid { detail: error.to_string() })
}

/// How far the counter of ticks is ahead in what is compiled, at an offset in a function.
pub(crate) fn ahead(wasm: &[u8], counting: Counting, place: (u32, usize)) -> Option<Ahead> {
    let shape = accept(wasm).ok()?;
    instrument::ahead(wasm, counting, &shape.broken, place)
}

impl Kernel {
    /// The imports that the kernel has itself.
    fn imports(&self) -> impl DoubleEndedIterator<Item = (usize, ImportType<'_>)> {
        let mut imports: Vec<_> = self.module.imports().enumerate().collect();
        imports.truncate(imports.len().saturating_sub(self.own_imports));
        imports.into_iter()
    }

    /// The link phase: the first import that a version does not have, and how many come before it.
    pub(crate) fn unexpected_import(&self, version: Version) -> Option<(usize, String)> {
        self.imports().find_map(|(index, import)| {
            let is_function = matches!(import.ty(), ExternType::Func(_));
            let unexpected = version.lacks_import(import.module(), import.name(), is_function)?;
            Some((index, unexpected))
        })
    }

    /// The import whose type is another one than the host function's, the last one if there are several: they are
    /// looked at from the end.
    pub(crate) fn import_of_other_type(&self) -> Option<u64> {
        let has_other_type = |ty: &ExternType, name: &str| match ty {
            ExternType::Func(ty) => {
                let (parameters, results): (Vec<_>, Vec<_>) = (ty.params().collect(), ty.results().collect());
                !has_type(name, &parameters, &results)
            }
            _ => true,
        };
        let found = self.imports().rev().find(|(_, import)| has_other_type(&import.ty(), import.name()));
        found.map(|(index, _)| index as u64)
    }

    /// What booting it takes; `wasm` is the kernel, not compiled.
    pub(crate) fn boot_ticks(&self, wasm: &[u8]) -> BootTicks {
        *self.boot_ticks.get_or_init(|| boot::of(wasm))
    }
}

impl Tier {
    fn new(wasm_stack_bytes: usize) -> Result<Self, PvmError> {
        let mut config = Config::new();
        config
            .wasm_tail_call(false)
            .wasm_function_references(false)
            .wasm_gc(false)
            .wasm_relaxed_simd(false)
            .wasm_extended_const(false)
            .wasm_memory64(false)
            .wasm_reference_types(true)
            .wasm_simd(true)
            .wasm_multi_memory(true)
            .collector(Collector::Null)
            // A frame of wasm is a frame on the stack: the shallow tier counts on it.
            .compiler_inlining(wasmtime::Inlining::No)
            .epoch_interruption(true)
            .native_unwind_info(false)
            // Not used, but it must not be smaller than the stack that is.
            .async_stack_size(wasm_stack_bytes)
            // What a trap needs to know is in the first frame.
            .wasm_backtrace_max_frames(std::num::NonZeroUsize::new(4))
            .max_wasm_stack(wasm_stack_bytes);
        let engine = Engine::new(&config).map_err(PvmError::engine)?;
        let linker = crate::host::linker(&engine).map_err(PvmError::engine)?;
        Ok(Self { engine, linker })
    }
}
