//! The host of the Octez WASM PVM: runs a smart-rollup kernel outside Octez with the same results.
//!
//! [`Pvm`] is the machine of one rollup. [`Pvm::run_level`] gives it the inbox of a level and answers what
//! happened: runs, outbox, debug output, status. Between levels its whole state is a [`State`]: a
//! [`durable::Durable`], a [`Status`], and [`Registers`] for the hash of it all ([`StateHash`]). [`Machine`] compiles kernels
//! and keeps them; one is enough for many rollups. [`Steps`] is the same machine run by run, for whoever looks in between.
//! [`Caller`] calls a kernel outside of levels, for a node; [`run_until_rest`] is the cycle of runs alone, for
//! whoever executes a kernel otherwise. [`durable`] stands alone and is also what native execution of a kernel stands on.
//!
//! **Bounds**: those of the PVM (values 2^31−1 bytes, keys 240, reads and writes 2,048, messages 4,096, 100
//! outbox messages and 1,001 runs a level, 60,000 frames), [`TABLE_ELEMENTS_MAX`], wall-clock time, ticks where they are
//! counted, and
//! [`DEBUG_BYTES_PER_LEVEL_MAX`]. **Failure**: what a kernel does wrong is an [`Outcome`] or a
//! [`Status`], as on Octez; [`PvmError`] says that this host could not do its part, and leaves the state as
//! it was. **Deliberately unknown**: what messages mean (but for the end of a level and migrations), how a
//! state is kept on disk, proofs, the layer 1.

mod accept;
mod cache;
mod clock;
mod constants;
mod cycle;
pub mod durable;
mod guest;
mod host;
pub mod inputs;
mod instrument;
mod kernel_runs;
mod machine;
mod meter;
mod observe;
mod pvm;
pub mod reveal;
mod run;
mod state_hash;
mod status;
mod steps;
mod ticks;
mod version;

pub use accept::{Entry, Import, Refused, Shape, accept, exported_functions, function_names};
pub use constants::Constants;
pub use cycle::{REBOOT_KEY, REBOOTS_PER_LEVEL_MAX, Runs, note_started, run_until_rest};
pub use guest::{
    DEBUG_BYTES_PER_LEVEL_MAX, DebugSink, HostUse, OUTBOX_MESSAGES_PER_LEVEL_MAX, OUTPUT_BYTES_MAX,
};
#[cfg(feature = "engines")]
pub use host::PortableHost;
pub use instrument::with_operator_count;
pub use kernel_runs::Caller;
pub use machine::{DEEP_STACK_BYTES, Machine, MachineConfig, TABLE_ELEMENTS_MAX};
pub use observe::{Frame, HostCalls, MemoryImage, Observe, Observed, Profile, ProfileNode};
pub use pvm::{Interrupted, LevelReport, Pvm, Rollup, RunReport, State};
pub use reveal::{DalPage, DalParameters, PreimageFolder, PreimageMap, Preimages, Slots};
pub use state_hash::{Registers, StateHash};
pub use status::{BootPhase, Outcome, Status, Stuck, Trap};
pub use steps::{Phase, Steps};
pub use ticks::{RUN_TICKS_ADVISED_MAX, RunTicks};
pub use version::Version;

use durable::Key;

/// The function that a kernel exports.
pub const KERNEL_ENTRY: &str = instrument::ENTRY;
/// The function that a kernel may have for nodes, which call it by [`Caller`]: it has no parameters either.
pub const NODE_ENTRY: &str = instrument::NODE_ENTRY;
/// Where the kernel is.
pub const BOOT_KEY: Key<'static> = Key::constant("/kernel/boot.wasm");
/// The kernel that ran last.
pub const FALLBACK_KEY: Key<'static> = Key::constant("/readonly/kernel/boot.wasm");

/// Why this host could not do what the PVM would do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PvmError {
    /// A kernel asks for a preimage that the source does not have. The PVM waits for it.
    #[error("no preimage for {}", reveal::hex(hash))]
    PreimageMissing {
        /// Its hash.
        hash: reveal::RevealHash,
    },
    /// What the source has is not the preimage of the hash.
    #[error("the preimage kept for {} is another one", reveal::hex(hash))]
    PreimageCorrupt {
        /// The hash.
        hash: reveal::RevealHash,
    },
    /// The source of reveals failed.
    #[error("cannot read what the kernel asks for: {detail}")]
    Reveal {
        /// What happened.
        detail: String,
    },
    /// The kernel does not have the function that was to be called.
    #[error("the kernel has no function {function}")]
    FunctionMissing {
        /// The name.
        function: &'static str,
    },
    /// The inputs of a level do not end with its only end-of-level message.
    #[error("the inputs of a level must end with its only end-of-level message")]
    Inputs,
    /// The durable storage names no version of the PVM that we know.
    #[error("unknown version of the PVM: {spelling:?}")]
    Version {
        /// What stands there.
        spelling: String,
    },
    /// The wasm engine failed otherwise than by a trap.
    #[error("wasm engine: {detail}")]
    Engine {
        /// What happened.
        detail: String,
    },
    /// The folder of compiled kernels cannot be used.
    #[error("cache of compiled kernels: {detail}")]
    Cache {
        /// What happened.
        detail: String,
    },
    /// The system gave no thread.
    #[error("cannot start a thread: {detail}")]
    Thread {
        /// What happened.
        detail: String,
    },
}

impl PvmError {
    fn engine(error: wasmtime::Error) -> Self {
        Self::Engine { detail: format!("{error:#}") }
    }
}
