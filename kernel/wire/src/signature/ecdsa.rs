//! ECDSA on secp256k1 and P-256, over digests, with low s only.
//!
//! A signature is r then s, big-endian. Of s and n − s, which sign the same, the larger is refused: a chunk
//! must not have two valid certificates, and the layer 1 itself refuses a high s on secp256k1.

use millrace_primitives::U256;
use p256::ecdsa::{VerifyingKey, signature::hazmat::PrehashVerifier as _};

/// The order of secp256k1 (SEC 2, section 2.4.1).
pub(super) const SECP256K1_ORDER: U256 =
    U256([0xbfd2_5e8c_d036_4141, 0xbaae_dce6_af48_a03b, 0xffff_ffff_ffff_fffe, u64::MAX]);
/// The order of P-256 (SEC 2, section 2.4.2).
pub(super) const P256_ORDER: U256 =
    U256([0xf3b9_cac2_fc63_2551, 0xbce6_faad_a717_9e84, u64::MAX, 0xffff_ffff_0000_0000]);

/// The first byte of a compressed point.
const COMPRESSED: [u8; 2] = [2, 3];

pub(super) fn is_valid_secp256k1(key: &[u8; 33]) -> bool {
    millrace_secp256k1::decompress(key).is_some()
}

pub(super) fn verify_secp256k1(key: &[u8; 33], digest: &[u8; 32], signature: &[u8; 64]) -> bool {
    let (r, s) = halves(signature);
    is_low(&SECP256K1_ORDER, s)
        && millrace_secp256k1::decompress(key)
            .is_some_and(|key| millrace_secp256k1::verify(digest, r, s, &key))
}

pub(super) fn is_valid_p256(key: &[u8; 33]) -> bool {
    key_p256(key).is_some()
}

pub(super) fn verify_p256(key: &[u8; 33], digest: &[u8; 32], signature: &[u8; 64]) -> bool {
    let (_, s) = halves(signature);
    let Ok(parsed) = p256::ecdsa::Signature::from_slice(signature) else { return false };
    is_low(&P256_ORDER, s) && key_p256(key).is_some_and(|key| key.verify_prehash(digest, &parsed).is_ok())
}

/// The crate also reads a form without parity, which is no key of the layer 1.
fn key_p256(key: &[u8; 33]) -> Option<VerifyingKey> {
    let is_compressed = key.first().is_some_and(|first| COMPRESSED.contains(first));
    if is_compressed { VerifyingKey::from_sec1_bytes(key).ok() } else { None }
}

/// `signature` with the smaller of s and n − s. What is no signature stays as it is.
pub(super) fn with_low_s(order: &U256, mut signature: [u8; 64]) -> [u8; 64] {
    let (_, s) = halves(&signature);
    let value = U256::from_big_endian(s);
    if let (Some(other), Some(s)) = (order.checked_sub(value), signature.last_chunk_mut::<32>())
        && other < value
    {
        other.to_big_endian(s);
    }
    signature
}

/// Whether s is at most half the order.
fn is_low(order: &U256, s: &[u8; 32]) -> bool {
    let s = U256::from_big_endian(s);
    order.checked_sub(s).is_some_and(|other| s <= other)
}

/// r and s.
fn halves(signature: &[u8; 64]) -> (&[u8; 32], &[u8; 32]) {
    match signature.as_chunks::<32>() {
        ([r, s], []) => (r, s),
        // 64 bytes are two halves.
        _ => (&[0; 32], &[0; 32]),
    }
}
