//! Which blueprints go to the layer 1, and when again.
//!
//! A blueprint is stored before this machine hears of it, and is handed to the batcher of the rollup node
//! in the order of the numbers until the rollup node confirms its block. Being handed over proves nothing:
//! a batcher may lose its queue, a level may be reorganised. When the confirmed head has not moved for some
//! levels, all that should have moved it is handed over again; the kernel ignores what it has.
//!
//! The local head may run ahead of the confirmed one only so far: above a first bound the slot of the
//! producer is stretched more and more, at the last bound production stops.

use crate::{Moment, producer::Pressure};
use millrace_primitives::{BlockNumber, L1Level};
use std::collections::BTreeMap;

/// The bounds of publication.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Unconfirmed blocks above which production slows down.
    pub lag_blocks_free: u64,
    /// Unconfirmed blocks at which production stops.
    pub lag_blocks_max: u64,
    /// How long a slot is just before production stops.
    pub stretch_percent_max: u64,
    /// Levels without progress of the confirmed head after which blueprints are handed over again.
    pub resend_after_levels: u32,
    /// Blueprints in one hand-over.
    pub batch_blueprints_max: usize,
    /// First pause after a hand-over that failed; each further failure doubles it.
    pub retry_min_ms: u64,
    /// Longest pause after a hand-over that failed.
    pub retry_max_ms: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            lag_blocks_free: 500,
            lag_blocks_max: 2_000,
            stretch_percent_max: 2_000,
            resend_after_levels: 6,
            batch_blueprints_max: 50,
            retry_min_ms: 250,
            retry_max_ms: 10_000,
        }
    }
}

/// Where an unconfirmed blueprint is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Stored, and to be handed over.
    Signed,
    /// The batcher took it when the layer 1 was at this level.
    Handed(L1Level),
}

/// What to do now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Hand these to the batcher in this order, then say [`Publisher::handed`] or [`Publisher::failed`].
    HandOver(Vec<BlockNumber>),
    /// Ask again at this moment.
    WaitUntil(Moment),
    /// Ask again when something happens.
    Wait,
}

/// The state of publication.
#[derive(Clone, Debug)]
pub struct Publisher {
    limits: Limits,
    confirmed: BlockNumber,
    latest: BlockNumber,
    /// All blueprints in `confirmed + 1 ..= latest`.
    unconfirmed: BTreeMap<BlockNumber, Stage>,
    level: L1Level,
    /// When the confirmed head moved last, or something was handed over again.
    progress_level: L1Level,
    is_busy: bool,
    failures: u32,
    retry_at: Moment,
}

impl Publisher {
    /// After a start: what the rollup node had not confirmed when it was asked is handed over again, whether
    /// or not it was before. The caller has all blueprints up to `latest`.
    pub fn new(limits: Limits, confirmed: BlockNumber, latest: BlockNumber, level: L1Level) -> Self {
        let latest = latest.max(confirmed);
        let mut publisher = Self {
            limits,
            confirmed,
            latest: confirmed,
            unconfirmed: BTreeMap::new(),
            level,
            progress_level: level,
            is_busy: false,
            failures: 0,
            retry_at: Moment::ZERO,
        };
        publisher.signed_up_to(latest);
        publisher
    }

    /// The blueprints up to `latest` are stored and can be handed over.
    pub fn signed_up_to(&mut self, latest: BlockNumber) {
        while self.latest < latest {
            self.latest = self.latest.saturating_add(1);
            self.unconfirmed.insert(self.latest, Stage::Signed);
        }
    }

    /// What to do at `now`. After [`Decision::HandOver`] nothing else is decided until its outcome is told.
    pub fn decide(&mut self, now: Moment) -> Decision {
        let signed = |(number, stage): (&BlockNumber, &Stage)| (*stage == Stage::Signed).then_some(*number);
        let batch: Vec<_> =
            self.unconfirmed.iter().filter_map(signed).take(self.limits.batch_blueprints_max).collect();
        if self.is_busy || batch.is_empty() {
            return Decision::Wait;
        }
        // A clock that was set back must not hold publication for longer than the longest pause.
        let pause_ms = self.retry_at.since_ms(now);
        if pause_ms > 0 && pause_ms <= self.limits.retry_max_ms {
            return Decision::WaitUntil(self.retry_at);
        }
        self.is_busy = true;
        Decision::HandOver(batch)
    }

    /// The batcher took these.
    pub fn handed(&mut self, numbers: &[BlockNumber]) {
        self.is_busy = false;
        self.failures = 0;
        let was_idle = !self.unconfirmed.values().any(|stage| matches!(stage, Stage::Handed(_)));
        if was_idle {
            // There was nothing that the confirmed head could have moved to.
            self.progress_level = self.level;
        }
        for number in numbers {
            // What was confirmed meanwhile is not there any more.
            if let Some(stage) = self.unconfirmed.get_mut(number) {
                *stage = Stage::Handed(self.level);
            }
        }
    }

    /// The batcher did not take the last batch.
    pub fn failed(&mut self, now: Moment) {
        self.is_busy = false;
        let pause_ms = self.limits.retry_min_ms.saturating_mul(1 << self.failures.min(20));
        self.retry_at = now.after_ms(pause_ms.min(self.limits.retry_max_ms));
        self.failures = self.failures.saturating_add(1);
    }

    /// The layer 1 is at this level, and the rollup node has applied it. Answers the blueprints that are
    /// handed over again because the confirmed head does not move.
    pub fn level(&mut self, level: L1Level) -> Vec<BlockNumber> {
        self.level = level;
        if level < self.progress_level {
            // A reorganisation of the layer 1.
            self.progress_level = level;
        }
        if level.since(self.progress_level) < self.limits.resend_after_levels {
            return Vec::new();
        }
        self.progress_level = level;
        let mut again = Vec::new();
        for (number, stage) in &mut self.unconfirmed {
            if let Stage::Handed(at) = *stage
                && (at > level || level.since(at) >= self.limits.resend_after_levels)
            {
                *stage = Stage::Signed;
                again.push(*number);
            }
        }
        again
    }

    /// The rollup node has all blocks up to this one; fewer than before after a reorganisation, and then the
    /// lost ones are handed over again.
    pub fn confirmed(&mut self, number: BlockNumber) {
        if number != self.confirmed {
            self.progress_level = self.level;
        }
        let mut lost = number;
        while lost < self.confirmed {
            lost = lost.saturating_add(1);
            self.unconfirmed.insert(lost, Stage::Signed);
        }
        self.confirmed = number;
        self.latest = self.latest.max(number);
        self.unconfirmed.retain(|unconfirmed, _| *unconfirmed > number);
    }

    /// The blocks after `branch` are no longer there: what was signed of them is of no use, and a hand-over that is under
    /// way is given up.
    pub fn unwound(&mut self, branch: BlockNumber) {
        drop(self.unconfirmed.split_off(&branch.saturating_add(1)));
        self.latest = self.latest.min(branch);
        self.confirmed = self.confirmed.min(branch);
        self.progress_level = self.level;
        self.is_busy = false;
    }

    /// The last block that the rollup node has, as far as this machine was told.
    pub fn confirmed_head(&self) -> BlockNumber {
        self.confirmed
    }

    /// The kernel dropped a blueprint that the layer 1 delivered, and may take it later: it goes again.
    pub fn dropped(&mut self, number: BlockNumber) {
        if let Some(stage) = self.unconfirmed.get_mut(&number) {
            *stage = Stage::Signed;
        }
    }

    /// How far the local head is ahead of the confirmed one, in blocks.
    pub fn lag_blocks(&self) -> u64 {
        self.latest.since(self.confirmed)
    }

    /// The stage of a blueprint; `None` when its block is confirmed or there is none.
    pub fn stage(&self, number: BlockNumber) -> Option<Stage> {
        self.unconfirmed.get(&number).copied()
    }

    /// How production must react to the lag.
    pub fn pressure(&self) -> Pressure {
        let Limits { lag_blocks_free, lag_blocks_max, stretch_percent_max, .. } = self.limits;
        let lag_blocks = self.lag_blocks();
        if lag_blocks >= lag_blocks_max {
            return Pressure::Stop { lag_blocks, lag_blocks_max };
        }
        let excess = lag_blocks.saturating_sub(lag_blocks_free);
        if excess == 0 {
            return Pressure::Free;
        }
        let room = lag_blocks_max.saturating_sub(lag_blocks_free).max(1);
        let more = stretch_percent_max.saturating_sub(100).saturating_mul(excess) / room;
        Pressure::Slow { stretch_percent: more.saturating_add(100) }
    }
}

#[cfg(test)]
mod tests;
