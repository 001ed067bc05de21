//! What the protocol fixes for a rollup when it is originated.

use crate::cycle::REBOOTS_PER_LEVEL_MAX;
use crate::guest::OUTBOX_MESSAGES_PER_LEVEL_MAX;
use crate::version::Version;

/// Constants that a machine keeps, whatever the protocol says later; only a protocol that switches to V4
/// changes two of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Constants {
    /// Ticks of a run, padding included: a run that would take more is stuck. It counts only on a machine that
    /// counts ticks.
    pub ticks_per_snapshot: u64,
    /// Levels that outboxes are kept.
    pub outbox_validity_levels: u32,
    /// Messages in the outbox of a level.
    pub outbox_messages_per_level_max: usize,
    /// Reboots of a level, after its first run.
    pub reboots_per_level_max: u32,
}

impl Constants {
    /// Those of a rollup that is originated at this version.
    pub const fn at_origination(version: Version) -> Self {
        let (ticks_per_snapshot, outbox_validity_levels) = match version {
            Version::V0 | Version::V1 | Version::V2 | Version::V3 => (11_000_000_000, 80_640),
            Version::V4 | Version::V5 | Version::V6 | Version::Experimental => (50_000_000_000_000, 241_920),
        };
        Self {
            ticks_per_snapshot,
            outbox_validity_levels,
            outbox_messages_per_level_max: OUTBOX_MESSAGES_PER_LEVEL_MAX,
            reboots_per_level_max: REBOOTS_PER_LEVEL_MAX,
        }
    }

    /// After a protocol has switched to this version.
    pub(crate) const fn migrated_to(self, version: Version) -> Self {
        match version {
            Version::V4 => {
                let Self { ticks_per_snapshot, outbox_validity_levels, .. } = Self::at_origination(version);
                Self { ticks_per_snapshot, outbox_validity_levels, ..self }
            }
            _ => self,
        }
    }
}

impl Default for Constants {
    fn default() -> Self {
        Self::at_origination(Version::LATEST)
    }
}
