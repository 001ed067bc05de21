//! What a run sees of its host, and what it leaves behind.

use crate::constants::Constants;
use crate::durable::Durable;
use crate::machine::TABLE_ELEMENTS_MAX;
use crate::meter::Meter;
use crate::observe::Watch;
use crate::reveal::Preimages;
use crate::version::{IMPORTS_COUNT, import_name};
use crate::{PvmError, Rollup};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;
use wasmtime::{StoreLimits, StoreLimitsBuilder};

/// Messages in the outbox of one level.
pub const OUTBOX_MESSAGES_PER_LEVEL_MAX: usize = 100;
/// Bytes of the largest outbox message.
pub const OUTPUT_BYTES_MAX: usize = 4_096;
/// Bytes of debug output that are kept for one level; the rest is lost.
pub const DEBUG_BYTES_PER_LEVEL_MAX: usize = 16 << 20;

/// Receives each piece of debug output as it is written.
pub type DebugSink = Arc<dyn Fn(&[u8]) + Send + Sync>;

/// How often each host function was called, and the bytes that they moved, in one run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostUse {
    /// Calls by name, refused ones included.
    pub calls: BTreeMap<&'static str, u64>,
    /// Bytes that `store_read` gave.
    pub store_read_bytes: u64,
    /// Bytes that `store_write` took.
    pub store_written_bytes: u64,
    /// Bytes that `read_input` gave.
    pub input_bytes: u64,
    /// Bytes that `write_output` took.
    pub output_bytes: u64,
    /// Bytes that reveals gave.
    pub revealed_bytes: u64,
}

impl HostUse {
    /// Calls of all host functions.
    pub fn calls_total(&self) -> u64 {
        self.calls.values().sum()
    }

    /// Bytes that all of them moved, keys and debug output apart.
    pub(crate) const fn moved_bytes(&self) -> u64 {
        self.store_read_bytes
            + self.store_written_bytes
            + self.input_bytes
            + self.output_bytes
            + self.revealed_bytes
    }
}

/// What the runs of a level share.
#[derive(Clone)]
pub(crate) struct LevelContext {
    pub(crate) level: u32,
    pub(crate) rollup: Rollup,
    pub(crate) constants: Constants,
    pub(crate) preimages: Arc<dyn Preimages>,
    pub(crate) inputs: Arc<Vec<Vec<u8>>>,
    pub(crate) debug_sink: Option<DebugSink>,
}

/// What runs change: those of a level so far, or one that begins where they ended.
#[derive(Default)]
pub(crate) struct Effects {
    pub(crate) durable: Durable,
    /// Inputs that were read.
    pub(crate) inputs_read: usize,
    /// Messages in the outbox before [`Effects::outbox`].
    pub(crate) outbox_before: usize,
    /// Bytes of debug output before [`Effects::debug`].
    pub(crate) debug_before: usize,
    pub(crate) outbox: Vec<Vec<u8>>,
    pub(crate) debug: Vec<u8>,
    pub(crate) debug_call_sizes: Vec<usize>,
    pub(crate) reveal_requests: Vec<Vec<u8>>,
}

impl Effects {
    /// Those of a run that begins here. What runs before it have written is not copied: a level may have a thousand.
    pub(crate) fn of_next_run(&self) -> Self {
        Self {
            durable: self.durable.clone(),
            inputs_read: self.inputs_read,
            outbox_before: self.outbox_before + self.outbox.len(),
            debug_before: self.debug_before + self.debug.len(),
            ..Self::default()
        }
    }

    /// Takes over those of a run that began here.
    pub(crate) fn absorb(&mut self, mut run: Self) {
        self.durable = run.durable;
        self.inputs_read = run.inputs_read;
        self.outbox.append(&mut run.outbox);
        self.debug.append(&mut run.debug);
        self.debug_call_sizes.append(&mut run.debug_call_sizes);
        self.reveal_requests.append(&mut run.reveal_requests);
    }
}

/// The data of a wasm store.
pub(crate) struct Guest {
    pub(crate) context: LevelContext,
    pub(crate) effects: Effects,
    /// Calls of each import, in the order of all imports.
    pub(crate) calls: [u64; IMPORTS_COUNT],
    /// Without calls by name: see [`Guest::finished_host_use`].
    pub(crate) host_use: HostUse,
    pub(crate) memory: GuestMemory,
    pub(crate) limits: StoreLimits,
    pub(crate) deadline: Option<Instant>,
    /// When ticks are counted.
    pub(crate) meter: Option<Meter>,
    /// Bytes of debug output that a first attempt at this run has streamed already.
    pub(crate) debug_streamed: usize,
    /// What is noted of the run, if somebody wants to know.
    pub(crate) watch: Option<Box<Watch>>,
}

/// What a run may take of the host, beside its time and its stack: a table that would grow beyond does not.
pub(crate) fn limits() -> StoreLimits {
    StoreLimitsBuilder::new().table_elements(TABLE_ELEMENTS_MAX).build()
}

impl Guest {
    pub(crate) fn count_call(&mut self, import: usize) {
        self.calls[import] += 1;
    }

    /// The use of the host, with calls by name.
    pub(crate) fn finished_host_use(&mut self) -> HostUse {
        let called = self.calls.iter().enumerate().filter(|(_, calls)| **calls > 0);
        let calls = called.map(|(import, calls)| (import_name(import), *calls)).collect();
        HostUse { calls, ..std::mem::take(&mut self.host_use) }
    }
}

/// The memory that host functions work on.
#[derive(Clone, Copy)]
pub(crate) enum GuestMemory {
    /// Not before the module is initialised.
    Initialising,
    One(wasmtime::Memory),
    Several,
}

/// Why a host function ends the run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Abort {
    /// Before there is a memory.
    #[error("host functions must not access memory during initialisation")]
    Initialising,
    /// What raises out of the interpreter of the PVM.
    #[error("{0}")]
    Fatal(&'static str),
    #[error("out of time")]
    OutOfTime,
    #[error("out of ticks")]
    OutOfTicks,
    /// The level cannot be run now.
    #[error("{0}")]
    Host(PvmError),
}

impl Abort {
    /// A host call of a module with several memories.
    pub(crate) const SEVERAL_MEMORIES: &str = "caller module must have exactly 1 memory instance";
    /// A size that Octez takes for that of a string.
    pub(crate) const NEGATIVE_SIZES: [&str; 2] =
        ["negative size of a hash", "negative size of a child's name"];
}
