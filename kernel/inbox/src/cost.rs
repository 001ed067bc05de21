//! What messages take of a run, in ticks: upper bounds of what `make bench` measures, in operators times eight.

use crate::dal::PAGES_MAX;
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

/// Ticks of looking one record up: a signal whose slot was taken up before takes 17,000 operators in all.
pub(crate) const RECORD: Ticks = Ticks::new(100_000);

/// Ticks of revealing a page of a slot and of finding the chunks in it. Operators hardly count here (640, measured): it
/// is derived from what the reference PVM takes for a byte, 42 to fill the buffer, 42 to reveal, and three times 48 to copy
/// it into a buffer that grows.
pub(crate) const PAGE: Ticks = Ticks::new(1_000_000);

/// Ticks of opening the largest slot.
pub(crate) const SLOT_MAX: Ticks = Ticks::new(PAGE.get().saturating_mul(PAGES_MAX));

/// Ticks of the largest chunk in a slot.
pub(crate) const SLOT_CHUNK_MAX: Ticks = slot_chunk(4_200, true);

/// Ticks of a chunk in a slot that is kept, besides reading it: 13,000 operators are measured, and its piece is copied twice,
/// written once, and compared with an older one of the same size.
const SLOT_KEPT: u64 = 1_000_000;

/// Ticks of a chunk in a slot. Nobody signed it, and nothing is hashed.
pub(crate) const fn slot_chunk(size_bytes: usize, is_kept: bool) -> Ticks {
    message(size_bytes).saturating_add(if is_kept { SLOT_KEPT } else { 0 })
}
