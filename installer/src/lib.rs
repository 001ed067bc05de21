//! From parameters and a kernel to what a rollup is originated with.
//!
//! The origination operation of the layer 1 has room for about 32 kB, less than any EVM. So the rollup starts as
//! an *installer kernel*: a small module that carries a program in its last section, fetches the real kernel page
//! by page from preimages, writes the genesis values, and reboots into the kernel.
//!
//! ```text
//! rollup.yaml ── Parameters ── Genesis ─┐
//! kernel.wasm ── Preimages (a tree) ────┴─ program ── Dist { kernel, installer, preimages }
//! ```
//!
//! `shape` is the table of all parameters, from which a text is checked and the schema and the documentation are made;
//! [`inspect`] goes the other way, from an installer to what it sets.
//!
//! The installer kernel and the encoding of its program are those of the Tezos SDK (`tezos-smart-rollup-installer`);
//! paths and values come from `millrace_layout`.
//!
//! **Bounds**: an installer has less than [`INSTALLER_BYTES_MAX`] bytes; an instruction fits the buffer of
//! the installer kernel ([`INSTRUCTION_BYTES_MAX`]), larger values are revealed; a genesis contract has at most
//! [`CODE_BYTES_MAX`] bytes of code. **Failure**: [`ParameterError`] names
//! the field and its place, [`InstallerError`] the limit. **Deliberately unknown**: how a rollup is originated, who
//! serves the preimages, what the kernel does with the values.

mod allocation;
mod amount;
mod authority;
mod dal;
pub mod development;
mod dist;
mod error;
mod genesis;
pub mod inspect;
mod parameters;
mod preimages;
mod program;
mod shape;
#[cfg(test)]
mod tests;
mod text;
mod yaml;

pub use amount::{Amount, AmountError};
pub use authority::NOBODY;
pub use dal::Dal;
pub use dist::Dist;
pub use error::{Fault, FileError, InstallerError, ParameterError, Place};
pub use genesis::{CODE_BYTES_MAX, Genesis};
pub use parameters::{
    Committee, Contract, Contracts, DelayedInbox, ExecutionFee, Fees, Fork, Funds, GenesisState, Limits,
    Parameters, Upgrades,
};
pub use preimages::{PAGE_BYTES_MAX, Preimages};
pub use program::{INSTALLER_BYTES_MAX, INSTRUCTION_BYTES_MAX};
pub use shape::json_schema;

use millrace_artifact::Purpose;

/// Makes everything that the origination of a rollup needs. The same input gives the same bytes.
///
/// # Errors
/// [`InstallerError`]: a parameter that makes no sense, a kernel that the PVM would refuse, or more genesis
/// accounts than an installer has room for.
pub fn build(parameters: &Parameters, kernel: &[u8]) -> Result<Dist, InstallerError> {
    let genesis = parameters.genesis()?;
    millrace_artifact::check(kernel, Purpose::Kernel)?;
    let mut preimages = Preimages::default();
    let root_hash = preimages.add(kernel)?;
    let installer = program::installer(&genesis, root_hash, &mut preimages)?;
    Ok(Dist { kernel: kernel.to_vec(), installer, preimages, root_hash, parameters: parameters.clone() })
}
