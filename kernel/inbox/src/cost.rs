//! What messages take of a run, in ticks: upper bounds of what `make bench` measures, in operators times eight.

use millrace_primitives::Ticks;
use millrace_wire::signature::PublicKey;

/// A run reads no further message when it has less than this left: more than any one message takes.
pub(crate) const MESSAGE_MAX: Ticks = Ticks::new(500_000_000);

/// Ticks of a message that is kept, besides reading it: hashes over it and a few writes.
pub(crate) const KEPT: Ticks = Ticks::new(4_000_000);

/// Ticks of checking one signature.
pub(crate) const fn signature(key: &PublicKey) -> Ticks {
    Ticks::new(match key {
        PublicKey::Ed25519(_) => 8_000_000,
        PublicKey::Secp256k1(_) => 12_000_000,
        PublicKey::P256(_) => 160_000_000,
    })
}

/// Ticks of preparing an Ed25519 key.
pub(crate) const PREPARATION: Ticks = Ticks::new(9_000_000);

/// Ticks of reading a message and finding that it is nothing to us.
pub(crate) const fn message(size_bytes: usize) -> Ticks {
    Ticks::new(40_000).saturating_add((size_bytes as u64).saturating_mul(100))
}
