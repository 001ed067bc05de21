//! The only place that knows which implementation checks Ed25519, and under which rules: those of ZIP-215, on which
//! all implementations of them agree for every input, and no key of small order.

use super::Signature;
use crate::digest::blake2b_256;
use millrace_ed25519::Key;

/// Whether `signature` is that of `key` over `message`.
pub(super) fn verify_ed25519(key: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
    Key::decode(key).is_some_and(|key| !key.is_small_order() && key.verify(message, signature))
}

/// Whether `key` is a point, written with a y below p, and not of small order.
pub(super) fn is_valid(key: &[u8; 32]) -> bool {
    is_canonical(key) && Key::decode(key).is_some_and(|key| !key.is_small_order())
}

/// Whether the y of `key` is below p = 2^255 − 19. One point must not pass for two keys.
fn is_canonical(key: &[u8; 32]) -> bool {
    let [low, middle @ .., high] = key;
    let is_near_p = high & 0x7f == 0x7f && middle.iter().all(|byte| *byte == 0xff);
    !is_near_p || *low < 0xed
}

/// An Ed25519 key with multiples of it worked out: a check costs a third less than with
/// [`super::PublicKey::verify`], and answers the same.
pub struct PreparedKey(millrace_ed25519::PreparedKey);

impl PreparedKey {
    /// Bytes of [`PreparedKey::to_bytes`].
    pub const SIZE_BYTES: usize = 1_760;

    /// Prepares a key. It costs as much as a check, once. `None` for what is no valid key.
    pub fn new(key: &[u8; 32]) -> Option<Self> {
        Key::decode(key).filter(|key| !key.is_small_order()).map(|key| Self(key.prepare()))
    }

    /// What [`PreparedKey::from_trusted_bytes`] takes.
    pub fn to_bytes(&self) -> [u8; Self::SIZE_BYTES] {
        self.0.to_bytes()
    }

    /// Takes up what [`PreparedKey::to_bytes`] gave, unchecked: who can change these bytes decides which signatures
    /// are valid.
    pub fn from_trusted_bytes(bytes: &[u8; Self::SIZE_BYTES]) -> Self {
        Self(millrace_ed25519::PreparedKey::from_trusted_bytes(bytes))
    }

    /// The key that was prepared.
    pub fn key(&self) -> &[u8; 32] {
        self.0.bytes()
    }

    /// As [`super::PublicKey::verify`].
    pub fn verify(&self, bytes: &[u8], signature: &Signature) -> bool {
        self.0.verify(&blake2b_256(&[bytes]), &signature.0)
    }
}
