//! The only door from the tools to the logic of the kernel.
//!
//! An [`Engine`] runs the kernel that it was built with, natively, over a [`Durable`]: the same crates that
//! `kernel/wasm` compiles for the PVM, so the same blueprint gives the same block. That both were compiled from the
//! same sources is checked first ([`check_kernel`]). A state goes in, another
//! comes out; nothing is kept here, and a snapshot costs nothing.
//!
//! **Bounds**: those of the kernel. **Failure**: [`EngineError`] for a state or a kernel that cannot work,
//! [`Rejected`] for a transaction, [`CallError`] for a call. **Deliberately unknown**: history, time, the
//! network, who asks.

mod admission;
mod boot;
mod calls;
mod error;
mod follow;
mod governance;
mod host;
mod kernel;
mod overrides;
mod simulation;
mod states;
mod tracing;

pub use admission::{Admitted, Offered, Rejected};
pub use calls::{Call, CallError, CallOutcome, Simulation, Stage};
pub use error::EngineError;
pub use follow::FromContent;
pub use governance::{Governance, upgrades_to_come};
pub use kernel::{ForeignKernel, check_kernel};
pub use millrace_block::{BlueprintFault, Candidate, Dropped, TransactionFault};
pub use millrace_evm::{
    block::{encode_header, encode_receipt, header_hash, logs_bloom},
    execute::{Halt, Invalid},
    keccak,
    transaction::{
        AccessListItem, Authorization, DEPOSIT_SENDER, DecodeError, Signature, Transaction, TransactionType,
    },
};
pub use millrace_upgrade::{SOURCES, SOURCES_MARK};
pub use overrides::{AccountOverride, BlockOverrides, Overrides, StorageOverride};
pub use simulation::{
    BlockInput, SIMULATED_BLOCKS_MAX, SimulateError, Simulated, SimulatedBlock, SimulatedCall,
};
pub use states::{Applied, Head};
pub use tracing::{BlockTrace, halt_text};

use millrace_layout::{parameters::Parameters, pvm::BOOT_KERNEL};
use millrace_pvm::durable::Durable;
use states::parameters;

/// The native kernel of one rollup.
#[derive(Clone, Debug)]
pub struct Engine {
    parameters: Parameters,
}

impl Engine {
    /// The engine for the rollup whose state this is: its parameters do not change but by an upgrade.
    ///
    /// # Errors
    /// [`EngineError::Kernel`] when the rollup runs another kernel than this program has natively,
    /// [`EngineError::Layout`] when there are no parameters.
    pub fn of(state: &Durable) -> Result<Self, EngineError> {
        let kernel = state.get(BOOT_KERNEL.as_str()).map(|kernel| kernel.to_bytes()).unwrap_or_default();
        check_kernel(&kernel)?;
        Ok(Self { parameters: parameters(state)? })
    }

    /// The parameters of the rollup.
    pub const fn parameters(&self) -> &Parameters {
        &self.parameters
    }
}
