//! The only door from the tools to the logic of the kernel.
//!
//! An [`Engine`] makes blocks over a [`Durable`] with the kernel that is in it. The one that this program was built with runs
//! natively: the same crates that `kernel/wasm` compiles for the PVM, so the same blueprint gives the same block. That both were
//! compiled from the same sources is checked first ([`check_kernel`]). Any other runs as wasm in our PVM, by the function
//! that kernels have for nodes ([`millrace_pvm::NODE_ENTRY`]), and an upgrade takes over at the same block as on the rollup.
//! A state goes in, another comes out; nothing is kept here, and a snapshot costs nothing.
//!
//! Accounts, calls and traces are read natively, whichever kernel made the state, as long as its layout is the one that this
//! program knows.
//!
//! **Bounds**: those of the kernel. **Failure**: [`EngineError`] for a state or a kernel that cannot work,
//! [`Rejected`] for a transaction, [`CallError`] for a call. **Deliberately unknown**: history, time, the
//! network, who asks.

mod admission;
mod apply;
mod boot;
mod calls;
mod error;
mod follow;
mod governance;
mod host;
mod kernel;
mod overrides;
mod simulation;
pub mod standing;
mod states;
mod tracing;
mod upgrades;

pub use admission::{Admitted, Offered, Rejected};
pub use apply::{Applied, FailedUpgrade, Mode, Switched};
pub use calls::{Call, CallError, CallOutcome, Simulation, Stage};
pub use error::EngineError;
pub use follow::FromContent;
pub use governance::{Governance, Premise, upgrades_to_come};
pub use kernel::{ForeignKernel, check_kernel, layout_mark, sources_mark};
pub use millrace_block::{BlueprintFault, Candidate, Dropped, TransactionFault};
pub use millrace_evm::{
    block::{encode_header, encode_receipt, header_hash, logs_bloom},
    execute::{Halt, Invalid},
    keccak,
    transaction::{
        AccessListItem, Authorization, DEPOSIT_SENDER, DecodeError, Signature, Transaction, TransactionType,
    },
};
pub use millrace_upgrade::{Refusal, SOURCES, SOURCES_MARK};
pub use overrides::{AccountOverride, BlockOverrides, Overrides, StorageOverride};
pub use simulation::{
    BlockInput, SIMULATED_BLOCKS_MAX, SimulateError, Simulated, SimulatedBlock, SimulatedCall,
};
pub use states::Head;
pub use tracing::{BlockTrace, halt_text};
pub use upgrades::{DueUpgrade, Pages};

use kernel::Kernels;
use millrace_primitives::{RollupAddress, U256};
use millrace_pvm::{Caller, Machine, Preimages, Rollup, durable::Durable};
use states::parameters;
use std::sync::Arc;

/// What makes blocks for one rollup.
#[derive(Clone, Debug)]
pub struct Engine {
    mode: Mode,
    /// Runs kernels as wasm; `None` when there is only the native one.
    caller: Option<Caller>,
    kernels: Arc<Kernels>,
    chain_id: U256,
}

impl Engine {
    /// The engine for the rollup whose state this is, which runs only the kernel of this program and sees no preimages.
    ///
    /// # Errors
    /// [`EngineError::Kernel`] when the rollup runs another kernel than this program has natively,
    /// [`EngineError::Layout`] when there are no parameters.
    pub fn of(state: &Durable) -> Result<Self, EngineError> {
        let kernels = Kernels::default();
        kernels.check(state)?;
        Self::with(None, kernels, state)
    }

    /// The engine for the rollup whose state this is. Kernels that this program does not have natively run on `machine`, and
    /// those of upgrades come out of `preimages`.
    ///
    /// # Errors
    /// [`EngineError::UnknownLayout`] when this program cannot read the state, [`EngineError::Layout`] when there are no
    /// parameters.
    pub fn with_wasm(
        machine: Machine,
        preimages: Arc<dyn Preimages>,
        rollup: RollupAddress,
        state: &Durable,
    ) -> Result<Self, EngineError> {
        let rollup = Rollup { address: *rollup.as_bytes(), origination_level: 0 };
        Self::with(Some(Caller::new(machine, rollup, preimages)), Kernels::default(), state)
    }

    fn with(caller: Option<Caller>, kernels: Kernels, state: &Durable) -> Result<Self, EngineError> {
        let chain_id = parameters(state)?.chain_id;
        Ok(Self { mode: Mode::default(), caller, kernels: Arc::new(kernels), chain_id })
    }

    /// The same with kernels executed in this way. Without a machine for wasm there is only one.
    pub fn in_mode(self, mode: Mode) -> Self {
        Self { mode, ..self }
    }

    /// The number of the chain, which no upgrade changes: signatures of all transactions hold it.
    pub const fn chain_id(&self) -> U256 {
        self.chain_id
    }
}
