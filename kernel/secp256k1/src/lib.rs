//! ECDSA on secp256k1, made for WebAssembly and public data: recovery of the key that made a signature, and
//! verification; reading compressed keys.
//!
//! Recovering senders is most of the cost of executing a block, so this crate counts WebAssembly operators. It
//! runs in variable time: everything it sees is public, and it never signs.
//!
//! **How.** Q = (s R - z G) / r, where R is the point of x = r.
//! * `field`, `wide`: nine limbs of 29 and 28 bits at weights 2^ceil(256 i / 9), so that the fold modulo
//!   p is one product a limb; signed; columns of products kept apart from their reduction.
//! * `point`: Jacobian coordinates with a doubled y. A doubling is 3 products, 4 squares and 6 reductions,
//!   an addition of an affine point 8, 3 and 10.
//! * `glv`, `digits`, `multiply`: both scalars are halved by the endomorphism (Gallant, Lambert and
//!   Vanstone, 2001) and written with digits from the hexagonal lattice that the endomorphism spans: 128
//!   doublings and about 59 additions for both.
//! * `multiples`: the eight multiples of R, in affine coordinates, by three shared divisions.
//! * `table`: 512 multiples of G, worked out by the compiler.
//! * `inverse`: division steps (Bernstein and Yang, 2019) in variable time. [`recover_batch`] shares five
//!   inversions among up to 128 signatures (Montgomery's trick).
//!
//! **Cost**, measured as executed operators (all but block, loop, else, end and nop count one), with
//! opt-level 3 and fat LTO: 842,000 for each signature of a batch of 128, 850,000 of 16, 980,000 alone. Of
//! these 43 % are doublings, 36 % additions, 12 % the square root. 65 kB of static data: 55 kB points and 9 kB
//! digits. Digits of width 5 for G would need 16 kB and cost 21,000 operators more.
//!
//! **Bounds.** 2 kB of memory for each signature of a batch, of 128 at most at a time; the stack holds no more
//! than a few kB. A crafted signature (as many digits as fit, sums through equal points or infinity) costs a few
//! percent more than the average.
//!
//! **Failure.** Nothing here panics; what is no signature recovers to `None`. Arithmetic wraps by intent, within
//! bounds written beside each function.
//!
//! **Deliberately unknown**: what is signed, low-s rules, recovery identifiers above 1 (an x of n or more),
//! addresses.

#![cfg_attr(not(test), no_std)]
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::unreachable))]
// Arithmetic on arrays of fixed length at constant indices: bounds are proved beside each function, and
// checked indexing would say nothing more.
#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing)]
// The table of the generator.
#![allow(long_running_const_eval)]

extern crate alloc;

mod decompress;
mod digits;
mod field;
mod glv;
mod inverse;
mod multiples;
mod multiply;
mod point;
mod recover;
mod scalar;
mod table;
#[cfg(test)]
mod tests;
mod verify;
mod wide;

use alloc::vec;
use alloc::vec::Vec;

/// One signature to recover the signer of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item {
    /// The 32 bytes that were signed, big-endian.
    pub digest: [u8; 32],
    /// The `r` of the signature, big-endian.
    pub r: [u8; 32],
    /// The `s` of the signature, big-endian; both halves of the range are accepted.
    pub s: [u8; 32],
    /// Whether the y coordinate of the ephemeral point is odd.
    pub y_parity: bool,
}

/// The public key (x then y, big-endian) that made a signature.
///
/// `None` if `r` or `s` is zero or not below the order of the curve, if no point has the x coordinate `r`, or
/// if the key would be the point at infinity. Both halves of the range of `s` are accepted.
#[must_use]
pub fn recover(digest: &[u8; 32], r: &[u8; 32], s: &[u8; 32], y_parity: bool) -> Option<[u8; 64]> {
    let mut keys = [None];
    recover::recover_some(&[Item { digest: *digest, r: *r, s: *s, y_parity }], &mut keys);
    let [key] = keys;
    key
}

/// [`recover()`] for every item, in order: the same keys for less work, since inversions are shared.
#[must_use]
pub fn recover_batch(items: &[Item]) -> Vec<Option<[u8; 64]>> {
    let mut keys = vec![None; items.len()];
    for (items, keys) in items.chunks(recover::BATCH_MAX).zip(keys.chunks_mut(recover::BATCH_MAX)) {
        recover::recover_some(items, keys);
    }
    keys
}

/// Whether `r` and `s` are a signature of `digest` by the public key `key` (x then y, big-endian). False for
/// anything malformed; both halves of the range of `s` are accepted.
#[must_use]
pub fn verify(digest: &[u8; 32], r: &[u8; 32], s: &[u8; 32], key: &[u8; 64]) -> bool {
    verify::verify(digest, r, s, key)
}

/// The public key (x then y, big-endian) that a compressed key stands for: 2 or 3 for an even or odd y, then x.
///
/// `None` for another first byte, an x not below p, or an x of no point. Every `Some` is a point of the curve,
/// whose order is prime: there are no keys of small order.
#[must_use]
pub fn decompress(key: &[u8; 33]) -> Option<[u8; 64]> {
    decompress::decompress(key)
}
