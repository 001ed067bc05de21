//! The hash functions of both layers.

use blake2::{
    Blake2b,
    digest::{Digest, consts},
};
use sha3::Keccak256;

/// Blake2b with 32 bytes of output over the concatenation of `parts`: the hash of the layer 1.
pub(crate) fn blake2b_256(parts: &[&[u8]]) -> [u8; 32] {
    let mut state = Blake2b::<consts::U32>::new();
    parts.iter().for_each(|part| state.update(part));
    state.finalize().into()
}

/// Blake2b with 20 bytes of output: the hash in addresses of the layer 1.
pub(crate) fn blake2b_160(bytes: &[u8]) -> [u8; 20] {
    Blake2b::<consts::U20>::digest(bytes).into()
}

/// Keccak-256: the hash of Ethereum.
pub(crate) fn keccak_256(bytes: &[u8]) -> [u8; 32] {
    Keccak256::digest(bytes).into()
}

/// Keccak-256 of the concatenation of `parts`.
pub(crate) fn keccak_256_of(parts: &[&[u8]]) -> [u8; 32] {
    let mut state = Keccak256::new();
    parts.iter().for_each(|part| state.update(part));
    state.finalize().into()
}
