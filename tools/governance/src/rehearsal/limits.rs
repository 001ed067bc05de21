//! The bounds of a rehearsal.

use millrace_primitives::Ticks;

/// What a run should stay below to be provable on the layer 1 (`docs/benchmarks.md`).
pub const RUN_TICKS_MAX: Ticks = Ticks::new(100_000_000_000);
/// Blocks of a level that are compared: as many hashes as the kernel keeps.
pub const BLOCKS_PER_LEVEL_MAX: u64 = 256;
/// Keys that are shown of each group.
pub const KEYS_SHOWN_MAX: usize = 5;
