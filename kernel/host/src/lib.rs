//! What the kernel asks of the machine that runs it.
//!
//! Each trait is one group of the host functions of the Octez WASM PVM, one method a host call, so that
//! the same kernel runs as wasm on Octez, as wasm in our PVM, natively in the node, and on [`MemoryHost`]
//! in tests. Whole values are read and written by the provided methods of [`Store`], which cut them to
//! the sizes that one host call may move.
//!
//! **Bounds**: [`limits`]. **Failure**: [`HostError`], with the codes of the PVM.
//! **Deliberately unknown**: which paths there are (`layout`), what messages mean (`wire`).

#![cfg_attr(not(test), no_std)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::unreachable,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

extern crate alloc;

mod budget;
mod dal;
mod error;
pub mod limits;
#[cfg(any(test, feature = "memory"))]
mod memory;
mod path;
mod store;

pub use budget::Budget;
pub use dal::{DAL_PARAMETERS_REQUEST, DalPage, DalParameters};
pub use error::HostError;
#[cfg(any(test, feature = "memory"))]
pub use memory::{Call, FAULT, FaultAt, LevelEnd, MemoryHost, RunEnd};
pub use path::{Path, PathBuf, PathError};
pub use store::Store;

use alloc::vec::Vec;
use millrace_primitives::{L1Level, PreimageHash, RollupAddress};

/// One message of the inbox, as `read_input` gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// The level whose inbox this is.
    pub level: L1Level,
    /// Position in the inbox of the level, the start-of-level message being 0.
    pub index: u32,
    /// The whole message, outer tag included; at most [`limits::INBOX_MESSAGE_BYTES_MAX`].
    pub bytes: Vec<u8>,
}

/// The messages of the current level.
pub trait Inbox {
    /// Takes the next message, or `None` when the level has no more.
    ///
    /// # Errors
    /// Whatever the host answers; the message is then still in the inbox.
    fn read_input(&mut self) -> Result<Option<Input>, HostError>;
}

/// Messages to the layer 1.
pub trait Outbox {
    /// Appends a message of at most [`limits::OUTBOX_MESSAGE_BYTES_MAX`] to the outbox of the level.
    ///
    /// # Errors
    /// [`HostError::OutboxFull`] after [`limits::OUTBOX_MESSAGES_PER_LEVEL_MAX`] messages.
    fn write_output(&mut self, message: &[u8]) -> Result<(), HostError>;
}

/// What `reveal_metadata` answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// The address of this rollup.
    pub rollup: RollupAddress,
    /// The level at which it was originated.
    pub origination_level: L1Level,
}

/// Data from outside the inbox that a hash or the protocol vouches for.
pub trait Reveal {
    /// The page of a preimage, at most [`limits::PREIMAGE_BYTES_MAX`].
    ///
    /// # Errors
    /// Whatever the host answers. A page that nobody has is no error: it halts the rollup node.
    fn reveal_preimage(&self, hash: &PreimageHash) -> Result<Vec<u8>, HostError>;

    /// Who this rollup is.
    ///
    /// # Errors
    /// Whatever the host answers.
    fn reveal_metadata(&self) -> Result<Metadata, HostError>;

    /// A page of a slot of the data availability layer, at most [`limits::DAL_PAGE_BYTES_MAX`]; no bytes when the slot
    /// is not attested, or when there is no such page.
    ///
    /// # Errors
    /// Whatever the host answers.
    fn reveal_dal_page(&self, page: &DalPage) -> Result<Vec<u8>, HostError>;

    /// The constants of the data availability layer; `None` when there is none.
    ///
    /// # Errors
    /// Whatever the host answers.
    fn reveal_dal_parameters(&self) -> Result<Option<DalParameters>, HostError>;
}

/// The cycle of runs within a level.
pub trait Control {
    /// Asks for another run in this level. Memory and globals are lost between runs.
    ///
    /// # Errors
    /// Whatever the host answers.
    fn request_reboot(&mut self) -> Result<(), HostError>;

    /// How many further runs this level allows.
    ///
    /// # Errors
    /// Whatever the host answers.
    fn reboots_left(&self) -> Result<u32, HostError>;
}

/// A line for the operator of the rollup node.
pub trait Debug {
    /// Prints `line`, followed by a line break.
    fn debug(&self, line: &str);
}

/// All of them.
pub trait Host: Store + Inbox + Outbox + Reveal + Control + Debug {}
impl<H: Store + Inbox + Outbox + Reveal + Control + Debug> Host for H {}
