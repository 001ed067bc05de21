//! The arithmetic of the EVM's precompiles, made for WebAssembly and public data: the curves BLS12-381 and bn254 with
//! their pairings, ECDSA on P-256, and powers modulo integers of any size.
//!
//! Precompiles are priced by what native code takes, which has products of 64 by 64 bits and vector units. In
//! WebAssembly such a product is a call of dozens of operators, and the crates that rely on it (as nearly all do) cost
//! several times more per gas than the rest of the EVM. So this crate counts operators. It runs in variable
//! time: everything it sees is public, and it never signs.
//!
//! **How.**
//! * [`montgomery`]: signed limbs of 28 bits, and products summed before they are reduced.
//! * `inverse`: division steps in variable time, thirty times cheaper than a power. So points are kept
//!   affine where inversions can be shared.
//! * `curve`, `multiply`: points of curves with a = 0 or -3; sums of products with shared doublings.
//! * `fp2`, `fp6`, `fp12`, `miller`: the tower of fields, and the loop that both pairings share.
//! * [`bls12_381`], [`bn254`], [`p256`]: the curves. [`power()`]: powers.
//!
//! **Cost**, as executed operators: docs/precompiles.md.
//!
//! **Bounds.** Memory is linear in the input: 2 kB a pair of a pairing, 8 kB a product for at most 64 at a time. Who
//! calls bounds the number of points and the size of integers, by gas.
//!
//! **Failure.** Nothing here panics; what is no element, no point or not in a group is `None` or false. Arithmetic on
//! limbs wraps by intent, within bounds that [`montgomery`] states and that every operation checks under test.
//!
//! **Deliberately unknown**: gas, the encodings of precompiles, forks.

#![cfg_attr(not(test), no_std)]
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::unreachable))]
// Arithmetic on arrays of fixed length at indices that loops bound, and on numbers whose bounds are written beside.
#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing)]
// Constants in Montgomery's form.
#![allow(long_running_const_eval)]

extern crate alloc;

pub mod bls12_381;
pub mod bn254;
mod curve;
mod field;
mod fp12;
mod fp2;
mod fp6;
mod inverse;
mod miller;
pub mod montgomery;
mod multiply;
pub mod p256;
mod power;
#[cfg(test)]
mod tests;

pub use curve::{Affine, Curve, Jacobian};
pub use field::Field;
pub use fp2::Fp2;
pub use montgomery::Fp;
pub use power::power;
