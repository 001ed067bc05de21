//! Verification of Ed25519 signatures under the rules of ZIP 215, made for WebAssembly and public data.
//!
//! A signature check was most of what an empty block costs, and a certificate of a committee is many, so this crate
//! counts WebAssembly operators. It runs in variable time: everything it sees is public, and it never signs.
//!
//! **Rules.** A signature is R (32 bytes) and S (32 bytes); a key is A. S must be below L. A and R are points in any
//! encoding: y may be p or more, and an x of 0 may have either sign. With h the SHA-512 of R, A and the message,
//! all as given, the signature is valid if `[8] S B = [8] R + [8] h A`. So checks one by one and checks of
//! batches agree, whatever parts of small order the points have.
//!
//! **How.**
//! * `field`, `wide`: nine limbs of 29 and 28 bits at weights 2^ceil(255 i / 9), so that the fold modulo p is one
//!   product a limb; signed; columns of products kept apart from their reduction.
//! * `point`: extended twisted Edwards coordinates, kept as the factors of their products. A doubling is 3
//!   products, 4 squares and 7 reductions, an addition 8 products and as many reductions, of an affine point 7.
//! * `halve`: h as a quotient of two numbers of 126 bits (Antipa and others, 2005), found by Lehmer's variant of
//!   Euclid's algorithm. Multiplied by the divisor, the equation needs 126 doublings instead of 253.
//! * `digits`, `multiply`: signed digits for B, 2^128 B, A and R together: about 28 additions for the
//!   first two and 51 for the others.
//! * `table`: 64 multiples each of B, 2^64 B, 2^128 B and 2^192 B, worked out by the compiler.
//! * [`PreparedKey`]: multiples of the key at the same four places, kept by the caller from run to run: 63 doublings
//!   and 80 additions, no halving, and R is only taken away at the end.
//!
//! **Cost**, measured as executed operators (all but block, loop, else, end and nop count one) on messages of 32 bytes,
//! with opt-level 3 and fat LTO:
//!
//! | a check | operators |
//! | --- | --- |
//! | from bytes | 923,000 |
//! | with a [`Key`], decoded by the x of its point (27,000) | 808,000 |
//! | with a [`PreparedKey`], read from bytes (2,000) | 588,000 |
//!
//! Of a check from bytes 93,000 each go to decoding A and R, 22,000 each to their multiples, 7,000 to SHA-512 (as
//! much again for each 128 bytes more), 7,600 to halving h, and the rest to doublings (2,900 each) and additions
//! (3,800, or 4,200 of points that are not affine). To prepare a key costs 1,001,000. 28 kB of static data, half of
//! it for prepared keys only. Digits of width 5 for A and R would cost 10,000 operators more.
//!
//! **Bounds.** No allocation; the stack holds some kB, a [`Key`] is 0.8 kB and a [`PreparedKey`] 1.8 kB. A crafted
//! signature (as many digits as fit) costs about 7 percent more than the average. One whose equation fails costs two
//! doublings more, one whose S is too large or whose R is no point much less.
//!
//! **Failure.** Nothing here panics; what is no signature is not valid. Arithmetic wraps by intent, within bounds
//! written beside each function.
//!
//! **Deliberately unknown**: what is signed, who may sign, and whether keys of small order, which sign anything, are
//! welcome: ask [`Key::is_small_order`].

#![cfg_attr(not(test), no_std)]
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::unreachable))]
// Arithmetic on arrays of fixed length at constant indices: bounds are proved beside each function, and
// checked indexing would say nothing more.
#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing)]
// The tables of the base point.
#![allow(long_running_const_eval)]

mod digits;
mod field;
mod halve;
mod multiply;
mod point;
mod scalar;
mod table;
#[cfg(test)]
mod tests;
mod verify;
mod wide;

pub use verify::{Key, PreparedKey};

/// Whether `signature` is one of `message` by the public key `key`. False for anything malformed.
///
/// [`Key`] does the same in two steps, for a key that is used more than once.
#[must_use]
pub fn verify(key: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
    Key::decode(key).is_some_and(|key| key.verify(message, signature))
}
