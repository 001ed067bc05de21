//! Keccak-256, the hash of Ethereum.

use millrace_primitives::H256;
use sha3::{Digest, Keccak256};

/// Keccak-256 of some bytes.
pub fn keccak(bytes: &[u8]) -> H256 {
    H256(Keccak256::digest(bytes).into())
}

/// Keccak-256 of several pieces as if they were one.
pub(crate) fn keccak_of(pieces: &[&[u8]]) -> H256 {
    let mut hasher = Keccak256::new();
    for piece in pieces {
        hasher.update(piece);
    }
    H256(hasher.finalize().into())
}
