//! A debugger of kernels, with the commands and the output of `octez-smart-rollup-wasm-debugger`, and more.
//!
//! [`Session::start`] takes a kernel and the inputs of its levels, checks the kernel and puts it into the PVM;
//! [`Session::run`] then reads commands line by line and answers each on the [`Terminal`]. [`Command`] is what can be asked,
//! and [`Reply`] what is answered: as text with Octez's wording, or as one JSON object.
//!
//! Beyond Octez: profiles in operators and ticks by symbol with a flame graph ([`profile`]), tables of host calls, and differences of the durable
//! storage between two points ([`durable`]).
//!
//! **Bounds**: [`inputs::FILE_BYTES_MAX`], [`terminal::LINE_BYTES_MAX`], [`micheline::DEPTH_MAX`], those of the PVM.
//! **Failure**: a file that is no good is a [`DebuggerError`] before anything runs; a command that cannot be done says why,
//! and leaves the state as it was. **Deliberately unknown**: Millrace's own kernel. Kernels run as native code here: ticks are those that
//! [`millrace_pvm::RunTicks`] computes for Octez.

pub mod command;
pub mod durable;
mod error;
pub mod inputs;
mod installer_config;
mod kernel_file;
mod lines;
mod messages;
pub mod micheline;
mod michelson;
pub mod profile;
mod reply;
mod reveals;
mod session;
pub mod terminal;
mod timings;
mod values;

pub use command::Command;
pub use error::DebuggerError;
pub use reply::Reply;
pub use session::{Options, Session};
pub use terminal::Terminal;
