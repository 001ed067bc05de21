//! When the rollup node commits to the state of the rollup, and when nobody can dispute that any more.

use crate::sandbox::limits::STATES_MAX;
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

    /// The level at which what happened at `level` is covered by a cemented commitment; `None` for never.
    pub(crate) fn cemented_at(self, level: L1Level) -> Option<L1Level> {
        let periods = level.get().div_ceil(self.period_levels.max(1));
        let committed_at = periods.checked_mul(self.period_levels).filter(|at| *at >= level.get())?;
        L1Level::new(committed_at).checked_add(self.challenge_levels)
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
}
