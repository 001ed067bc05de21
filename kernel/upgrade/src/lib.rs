//! Stage 0: which kernel runs, and on which layout.
//!
//! ```text
//! prepare   at the beginning of each run: a change of kernels that is not over goes on; the storage is brought
//!           to the layout of this kernel by migrations, wholly or not at all
//! pursue    at a block boundary, when an upgrade is due: reveals its pages over as many runs as it takes,
//!           checks what they make up, keeps the kernel that runs and puts the new one in its place
//! note_attempt  a new kernel that makes no block gives way to the one before
//! end_trial     one that has made a block and read messages stays
//! ```
//! What can go wrong and what then happens: `docs/upgrades.md`.
//!
//! **Bounds**: [`millrace_layout::upgrade::KERNEL_BYTES_MAX`], [`millrace_layout::upgrade::PAGES_MAX`], [`REBOOTS_RESERVED`].
//! **Failure**: [`UpgradeError`] when storage or host fail; an upgrade that cannot be is a [`Refusal`] with an event.
//! **Deliberately unknown**: messages and blocks.

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

mod error;
mod fetch;
mod migration;
mod module;
mod page;
mod prepare;
mod pursue;
mod refusal;
mod trial;

pub use error::UpgradeError;
pub use migration::{REBOOTS_MIN, REBOOTS_RESERVED, Release, Step, StepFault, TICKS_TURN, Turn};
pub use module::check as check_module;
pub use page::{Page, decode as decode_page};
pub use prepare::{Stage0, Standing, prepare, report_return};
pub use pursue::{Pursuit, due_next, is_begun, pursue};
pub use refusal::Refusal;
pub use trial::{end_trial, note_attempt, pass_trial};

/// The fingerprint of the sources that this kernel is compiled from, in hexadecimal (`build/fingerprint.rs`). A kernel as
/// wasm carries it after [`SOURCES_MARK`], so that a node can tell whether it has the same kernel natively.
pub const SOURCES: &str = env!("MILLRACE_KERNEL_SOURCES");

/// What stands before [`SOURCES`] in a kernel as wasm.
pub const SOURCES_MARK: &str = "millrace kernel of sources ";

/// What stands before [`LAYOUT`] in a kernel as wasm.
pub const LAYOUT_MARK: &str = "millrace kernel of layout ";

/// Digits of [`LAYOUT`].
pub const LAYOUT_DIGITS: usize = 8;

/// The storage version that this kernel works on, in decimal: carried as [`SOURCES`] are, so that whoever has only the
/// bytes can tell whether it will migrate.
pub const LAYOUT: [u8; LAYOUT_DIGITS] = decimal(millrace_layout::version::CURRENT.0);

/// The last digits of a number.
const fn decimal(number: u64) -> [u8; LAYOUT_DIGITS] {
    let mut digits = [b'0'; LAYOUT_DIGITS];
    let mut rest = number;
    let mut places = digits.as_mut_slice();
    while let Some((last, before)) = places.split_last_mut() {
        *last = b'0'.saturating_add((rest % 10) as u8);
        rest /= 10;
        places = before;
    }
    digits
}

#[cfg(test)]
mod tests;
