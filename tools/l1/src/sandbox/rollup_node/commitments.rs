//! When the rollup node commits to the state of the rollup, to what, and when nobody can dispute that any more.

use crate::sandbox::codec::{Damaged, Reader, Writer};
use crate::sandbox::limits::STATES_MAX;
use crate::text::blake2b_256;
use crate::{CommitmentHash, StateHash};
use millrace_primitives::L1Level;

/// The periods of commitments, in levels. On the layer 1 they are 150 and 201,600; a sandbox has no two weeks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Commitments {
    /// A commitment is made at every level that is a multiple of this; with 0 at none.
    pub period_levels: u32,
    /// So many levels later it is cemented.
    pub challenge_levels: u32,
}

impl Default for Commitments {
    fn default() -> Self {
        Self { period_levels: 10, challenge_levels: 20 }
    }
}

// The state behind the newest cemented commitment can be asked for.
const _: () = assert!(STATES_MAX > 10 + 20);

impl Commitments {
    /// Whether a commitment is made at a level.
    pub(super) fn is_due(self, level: L1Level) -> bool {
        level > L1Level::ZERO && level.get().checked_rem(self.period_levels) == Some(0)
    }

    /// The newest level with a cemented commitment when the newest processed one is `head`. The origination is cemented
    /// from the beginning.
    pub(crate) fn cemented(self, head: L1Level) -> L1Level {
        let settled = head.saturating_sub(self.challenge_levels).get();
        let periods = settled.checked_div(self.period_levels).unwrap_or(0);
        L1Level::new(periods * self.period_levels)
    }

    /// The level whose commitment covers what happened at `level`; `None` when no commitment ever does.
    pub(crate) fn committed_at(self, level: L1Level) -> Option<L1Level> {
        let periods = level.get().div_ceil(self.period_levels.max(1));
        periods.checked_mul(self.period_levels).filter(|at| *at >= level.get()).map(L1Level::new)
    }

    /// The level at which what happened at `level` is covered by a cemented commitment; `None` for never.
    pub(crate) fn cemented_at(self, level: L1Level) -> Option<L1Level> {
        self.committed_at(level)?.checked_add(self.challenge_levels)
    }
}

/// What the rollup node commits to at the end of a period.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Commitment {
    /// The state at the end of the level.
    pub(crate) state: StateHash,
    /// The level.
    pub(crate) level: L1Level,
    /// The commitment before.
    pub(crate) predecessor: CommitmentHash,
    /// Ticks since the commitment before.
    pub(crate) ticks: u128,
}

impl Commitment {
    /// Its hash, as Octez makes it (`sc_rollup_commitment_repr.ml`).
    pub(crate) fn hash(&self) -> CommitmentHash {
        let (level, ticks) = (self.level.get().to_be_bytes(), self.ticks().to_be_bytes());
        let parts = [self.state.as_bytes().as_slice(), &level, self.predecessor.as_bytes(), &ticks];
        CommitmentHash::new(blake2b_256(&parts.concat()))
    }

    /// The ticks in the 64 bits that the layer 1 has for them.
    pub(crate) fn ticks(&self) -> i64 {
        i64::try_from(self.ticks).unwrap_or(i64::MAX)
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        Writer::default()
            .fixed(self.state.as_bytes())
            .fixed(&self.level.get().to_be_bytes())
            .fixed(self.predecessor.as_bytes())
            .fixed(&self.ticks.to_be_bytes())
            .finish()
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Damaged> {
        let mut reader = Reader::new(bytes);
        let commitment = Self {
            state: StateHash::new(reader.fixed()?),
            level: L1Level::new(reader.u32()?),
            predecessor: CommitmentHash::new(reader.fixed()?),
            ticks: reader.u128()?,
        };
        reader.end()?;
        Ok(commitment)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(level: u32) -> L1Level {
        L1Level::new(level)
    }

    #[test]
    fn commitments_are_made_and_settled_in_time() {
        let commitments = Commitments { period_levels: 10, challenge_levels: 20 };
        let due: Vec<u32> = (0..35).filter(|at| commitments.is_due(level(*at))).collect();
        assert_eq!(due, [10, 20, 30]);
        let cases = [(0, 0), (29, 0), (30, 10), (39, 10), (40, 20)];
        for (head, cemented) in cases {
            assert_eq!(commitments.cemented(level(head)), level(cemented), "{head}");
        }
        for (at, by) in [(0, 0), (1, 10), (10, 10), (11, 20)] {
            assert_eq!(commitments.committed_at(level(at)), Some(level(by)), "{at}");
        }
        for (at, when) in [(1, 30), (10, 30), (11, 40), (20, 40)] {
            assert_eq!(commitments.cemented_at(level(at)), Some(level(when)), "{at}");
            assert!(commitments.cemented(level(when)) >= level(at));
            assert!(commitments.cemented(level(when - 1)) < level(at));
        }
        assert_eq!(commitments.cemented_at(L1Level::MAX), None);
    }

    #[test]
    fn no_period_means_no_commitments() {
        let never = Commitments { period_levels: 0, challenge_levels: 5 };
        assert!(!(0..100).any(|at| never.is_due(level(at))));
        assert_eq!(never.cemented(level(1_000)), L1Level::ZERO);
        assert_eq!(never.cemented_at(level(7)), None);
    }

    #[test]
    fn a_commitment_is_read_back_and_every_part_of_it_counts() {
        let commitment = Commitment {
            state: StateHash::new([1; 32]),
            level: level(20),
            predecessor: CommitmentHash::new([2; 32]),
            ticks: 7,
        };
        let bytes = commitment.encode();
        assert_eq!(Commitment::decode(&bytes), Ok(commitment));
        assert_eq!(Commitment::decode(&bytes[1..]), Err(Damaged));
        let others = [
            Commitment { state: StateHash::new([3; 32]), ..commitment },
            Commitment { level: level(21), ..commitment },
            Commitment { predecessor: CommitmentHash::new([3; 32]), ..commitment },
            Commitment { ticks: 8, ..commitment },
        ];
        assert!(others.iter().all(|other| other.hash() != commitment.hash()));
        assert_eq!(Commitment { ticks: u128::MAX, ..commitment }.ticks(), i64::MAX);
    }
}
