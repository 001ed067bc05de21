//! The only door from the tools to the logic of the kernel.
//!
//! An [`Engine`] runs the kernel that it was built with, natively, over a [`Durable`]: the same crates that
//! `kernel/wasm` compiles for the PVM, so the same blueprint gives the same block. A state goes in, another
//! comes out; nothing is kept here, and a snapshot costs nothing.
//!
//! **Bounds**: those of the kernel. **Failure**: [`EngineError`] for a state or a kernel that cannot work,
//! [`Rejected`] for a transaction, [`CallError`] for a call. **Deliberately unknown**: history, time, the
//! network, who asks.

mod admission;
mod boot;
mod calls;
mod error;
mod host;
mod states;

pub use admission::{Admitted, Rejected};
pub use calls::{Call, CallError, CallOutcome};
pub use error::EngineError;
pub use millrace_block::{BlueprintFault, Dropped, TransactionFault};
pub use millrace_evm::{
    block::{encode_header, encode_receipt, header_hash, logs_bloom},
    execute::{Halt, Invalid},
    keccak,
    transaction::{AccessListItem, DEPOSIT_SENDER, DecodeError, Signature, Transaction, TransactionType},
};
pub use states::{Applied, Head};

use millrace_layout::parameters::Parameters;
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
    /// [`EngineError::Layout`] when there are no parameters.
    pub fn of(state: &Durable) -> Result<Self, EngineError> {
        Ok(Self { parameters: parameters(state)? })
    }

    /// The parameters of the rollup.
    pub const fn parameters(&self) -> &Parameters {
        &self.parameters
    }
}
