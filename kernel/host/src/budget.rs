//! How much of a run is left.

use millrace_primitives::Ticks;

/// What a run may still do. Stages spend from it as they go and stop at a boundary of their own when the next
/// step is not covered; the run then asks for another one.
///
/// It bounds honest work only. What keeps a single step small are the limits of the step: bytes of a message,
/// gas of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    all: Ticks,
    left: Ticks,
}

impl Budget {
    /// What one run should do at most: far below the 5·10^13 ticks at which the PVM ends it, and not above the
    /// 10^11 up to which a dispute about it can still be replayed in reasonable time.
    pub const RUN: Self = Self::new(Ticks::new(100_000_000_000));

    /// A budget of this many ticks.
    pub const fn new(ticks: Ticks) -> Self {
        Self { all: ticks, left: ticks }
    }

    /// A budget that never ends: for the node, which has no runs.
    pub const fn unlimited() -> Self {
        Self::new(Ticks::MAX)
    }

    /// Takes `ticks` away, as far as they are there.
    pub const fn spend(&mut self, ticks: Ticks) {
        if self.all.get() != Ticks::MAX.get() {
            self.left = self.left.saturating_sub(ticks.get());
        }
    }

    /// Whether a step of this size may begin. The first step of a run always may: one that is larger than the
    /// whole budget would wait for ever otherwise.
    pub fn covers(&self, ticks: Ticks) -> bool {
        self.left >= ticks || self.left == self.all
    }

    /// What is left.
    pub const fn left(&self) -> Ticks {
        self.left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_larger_than_the_budget_may_only_be_the_first() {
        let mut budget = Budget::new(Ticks::new(100));
        assert!(budget.covers(Ticks::new(1_000)));
        budget.spend(Ticks::new(60));
        assert!(budget.covers(Ticks::new(40)) && !budget.covers(Ticks::new(41)));
        budget.spend(Ticks::new(60));
        assert_eq!(budget.left(), Ticks::ZERO);
        assert!(!budget.covers(Ticks::new(1)));
    }

    #[test]
    fn what_is_unlimited_never_ends() {
        let mut budget = Budget::unlimited();
        budget.spend(Ticks::MAX);
        assert!(budget.covers(Ticks::MAX));
    }
}
