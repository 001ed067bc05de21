//! ECDSA public-key recovery on secp256k1.
#![cfg_attr(not(test), no_std)]
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::unreachable)
)]
#![allow(long_running_const_eval)]

extern crate alloc;

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

/// The public key (x then y, big-endian) that made a signature, or `None` if there is none.
#[must_use]
pub fn recover(digest: &[u8; 32], r: &[u8; 32], s: &[u8; 32], y_parity: bool) -> Option<[u8; 64]> {
    let mut keys = [None];
    recover::recover_some(&[Item { digest: *digest, r: *r, s: *s, y_parity }], &mut keys);
    let [key] = keys;
    key
}

/// [`recover`] for every item, in order; the fixed costs are shared.
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
