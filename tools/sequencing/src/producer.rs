//! When a block is made.
//!
//! A block starts when something waits for it and the slot of the block before is over; whatever arrives
//! meanwhile shares the next one. Without anything to do an empty block is made now and then, so that the
//! timestamp of the chain keeps up with the world. Pressure from the publisher stretches the slot; a
//! divergence ends production for good. After a start no block is made before the local chain has been compared with
//! that of the rollup node: what follows a difference would be lost.

use crate::{Moment, follower::Divergence, schedule::Standby};
use millrace_primitives::{BlockNumber, Timestamp};
use thiserror::Error;

/// The rhythm of production.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rhythm {
    /// Least time from the start of a block to the start of the next one.
    pub block_time_ms: u64,
    /// An empty block is made after this long without a block; `None` for never.
    pub empty_block_ms: Option<u64>,
}

impl Default for Rhythm {
    fn default() -> Self {
        Self { block_time_ms: 100, empty_block_ms: Some(5_000) }
    }
}

/// Why no block is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Stopped {
    /// The rollup node computed something else. Only an operator can resolve this.
    #[error("block production stopped for good: {0}")]
    Diverged(Divergence),
    /// It is not this node's turn.
    #[error("{0}")]
    Standby(Standby),
    /// The rollup node has blocks that are not the local ones, for a known cause: they are taken over first.
    #[error("block production paused: the rollup node's chain is taken over from block {number} on")]
    TakingOver {
        /// The first of them.
        number: BlockNumber,
    },
    /// Too many blocks wait for their confirmation. Production resumes when they are confirmed.
    #[error(
        "block production paused: {lag_blocks} blocks are not confirmed by the rollup node, the bound is {lag_blocks_max}"
    )]
    Lag {
        /// Blocks that are not confirmed.
        lag_blocks: u64,
        /// The bound.
        lag_blocks_max: u64,
    },
    /// The operator paused production.
    #[error("block production paused by the operator")]
    Paused,
}

/// What waits for a block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Demand {
    /// At least one transaction could be executed.
    pub has_transactions: bool,
    /// At least one item of the delayed inbox has not been in a block.
    pub has_delayed_items: bool,
}

impl Demand {
    fn is_any(self) -> bool {
        self.has_transactions || self.has_delayed_items
    }
}

/// What to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Make a block with this timestamp, and say [`Producer::started`].
    Produce {
        /// Whole seconds, not before the parent.
        timestamp: Timestamp,
    },
    /// Ask again at this moment or when something arrives.
    WaitUntil(Moment),
    /// Ask again when something arrives.
    Wait,
    /// A block is being made: ask again when it is done.
    Busy,
    /// No block, and why.
    Stopped(Stopped),
}

/// Decides when a block is made. One at a time.
#[derive(Clone, Debug)]
pub struct Producer {
    rhythm: Rhythm,
    last_start: Moment,
    is_busy: bool,
    stretch_percent: u64,
    lag: Option<Stopped>,
    paused: bool,
    /// The local chain was compared with that of the rollup node since the start.
    is_compared: bool,
    standby: Option<Standby>,
    taking_over: Option<BlockNumber>,
    diverged: Option<Divergence>,
}

impl Producer {
    /// Nothing was produced before `now`, and nothing will be before [`Producer::compared`].
    pub fn new(rhythm: Rhythm, now: Moment) -> Self {
        Self {
            rhythm,
            last_start: now,
            is_busy: false,
            stretch_percent: 100,
            lag: None,
            paused: false,
            is_compared: false,
            standby: None,
            taking_over: None,
            diverged: None,
        }
    }

    /// What to do at `now`, given what waits and the timestamp of the head.
    pub fn decide(&self, demand: Demand, parent: Timestamp, now: Moment) -> Decision {
        if let Some(stopped) = self.stopped() {
            return Decision::Stopped(stopped);
        }
        if !self.is_compared {
            return Decision::Wait;
        }
        if self.is_busy {
            return Decision::Busy;
        }
        let wait_ms = if demand.is_any() {
            self.slot_ms()
        } else {
            match self.rhythm.empty_block_ms {
                Some(empty_block_ms) => empty_block_ms.max(self.slot_ms()),
                None => return Decision::Wait,
            }
        };
        let due = self.last_start.after_ms(wait_ms);
        // A clock that was set back must not hold production until it is where it was.
        let is_set_back = now < self.last_start;
        if now < due && !is_set_back {
            return Decision::WaitUntil(due);
        }
        Decision::Produce { timestamp: now.to_timestamp().max(parent) }
    }

    /// A block is being made since `now`.
    pub fn started(&mut self, now: Moment) {
        self.last_start = now;
        self.is_busy = true;
    }

    /// The block is done, or could not be made: then the same demand is met in the next slot.
    pub fn finished(&mut self) {
        self.is_busy = false;
    }

    /// Stretches or stops production according to how far the confirmed head is behind.
    pub fn press(&mut self, pressure: Pressure) {
        (self.stretch_percent, self.lag) = match pressure {
            Pressure::Free => (100, None),
            Pressure::Slow { stretch_percent } => (stretch_percent.max(100), None),
            Pressure::Stop { lag_blocks, lag_blocks_max } => {
                (100, Some(Stopped::Lag { lag_blocks, lag_blocks_max }))
            }
        };
    }

    /// The rollup node confirmed as much of the local chain as it has.
    pub fn compared(&mut self) {
        self.is_compared = true;
    }

    /// Says whether it is this node's turn; `None` when it is.
    pub fn stand_by(&mut self, standby: Option<Standby>) {
        self.standby = standby;
    }

    /// The rollup node's blocks from this one on are taken over; `None` when that is done.
    pub fn take_over(&mut self, number: Option<BlockNumber>) {
        self.taking_over = number;
    }

    /// Ends production for good.
    pub fn diverge(&mut self, divergence: Divergence) {
        // The first difference is the one to look at.
        self.diverged.get_or_insert(divergence);
    }

    /// Pauses or resumes on behalf of the operator.
    pub fn pause(&mut self, paused: bool) {
        self.paused = paused;
    }

    /// Why no block is made, the gravest reason first.
    pub fn stopped(&self) -> Option<Stopped> {
        let diverged = self.diverged.map(Stopped::Diverged);
        let taking_over = self.taking_over.map(|number| Stopped::TakingOver { number });
        let paused = self.paused.then_some(Stopped::Paused);
        diverged.or(taking_over).or(self.standby.map(Stopped::Standby)).or(self.lag).or(paused)
    }

    fn slot_ms(&self) -> u64 {
        self.rhythm.block_time_ms.saturating_mul(self.stretch_percent) / 100
    }
}

/// How hard the publisher presses on production.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pressure {
    /// Not at all.
    Free,
    /// The slot is stretched.
    Slow {
        /// Above 100.
        stretch_percent: u64,
    },
    /// No further block until some are confirmed.
    Stop {
        /// Blocks that are not confirmed.
        lag_blocks: u64,
        /// The bound.
        lag_blocks_max: u64,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use millrace_primitives::{BlockHash, BlockNumber};

    const NOTHING: Demand = Demand { has_transactions: false, has_delayed_items: false };
    const TRANSACTIONS: Demand = Demand { has_transactions: true, has_delayed_items: false };
    const DEPOSIT: Demand = Demand { has_transactions: false, has_delayed_items: true };

    fn at(ms: u64) -> Moment {
        Moment::from_ms(ms)
    }

    fn producer() -> Producer {
        let mut producer =
            Producer::new(Rhythm { block_time_ms: 100, empty_block_ms: Some(5_000) }, at(10_000));
        producer.compared();
        producer
    }

    fn decide(producer: &Producer, demand: Demand, ms: u64) -> Decision {
        producer.decide(demand, Timestamp::ZERO, at(ms))
    }

    #[test]
    fn a_waiting_transaction_or_deposit_is_met_when_the_slot_is_over() {
        let mut producer = producer();
        for demand in [TRANSACTIONS, DEPOSIT] {
            assert_eq!(decide(&producer, demand, 10_099), Decision::WaitUntil(at(10_100)));
            let timestamp = Timestamp::new(10);
            assert_eq!(decide(&producer, demand, 10_100), Decision::Produce { timestamp });
        }
        producer.started(at(10_100));
        assert_eq!(decide(&producer, TRANSACTIONS, 99_999), Decision::Busy);
        producer.finished();
        assert_eq!(decide(&producer, TRANSACTIONS, 10_150), Decision::WaitUntil(at(10_200)));
    }

    #[test]
    fn after_an_idle_time_a_transaction_is_met_at_once() {
        let timestamp = Timestamp::new(12);
        assert_eq!(decide(&producer(), TRANSACTIONS, 12_345), Decision::Produce { timestamp });
    }

    #[test]
    fn an_idle_chain_makes_an_empty_block_now_and_then_or_never() {
        let mut producer = producer();
        assert_eq!(decide(&producer, NOTHING, 14_999), Decision::WaitUntil(at(15_000)));
        assert_eq!(decide(&producer, NOTHING, 15_000), Decision::Produce { timestamp: Timestamp::new(15) });
        producer.rhythm.empty_block_ms = None;
        assert_eq!(decide(&producer, NOTHING, 1_000_000), Decision::Wait);
    }

    #[test]
    fn the_timestamp_never_goes_back() {
        let decision = producer().decide(TRANSACTIONS, Timestamp::new(500), at(20_000));
        assert_eq!(decision, Decision::Produce { timestamp: Timestamp::new(500) });
    }

    #[test]
    fn a_clock_that_was_set_back_does_not_hold_production() {
        let timestamp = Timestamp::new(9);
        assert_eq!(decide(&producer(), TRANSACTIONS, 9_000), Decision::Produce { timestamp });
    }

    #[test]
    fn pressure_stretches_the_slot_and_stops_production_until_it_goes() {
        let mut producer = producer();
        producer.press(Pressure::Slow { stretch_percent: 400 });
        assert_eq!(decide(&producer, TRANSACTIONS, 10_399), Decision::WaitUntil(at(10_400)));
        producer.press(Pressure::Stop { lag_blocks: 7, lag_blocks_max: 7 });
        let stopped = Stopped::Lag { lag_blocks: 7, lag_blocks_max: 7 };
        assert_eq!(decide(&producer, TRANSACTIONS, 99_000), Decision::Stopped(stopped));
        producer.press(Pressure::Free);
        assert!(matches!(decide(&producer, TRANSACTIONS, 99_000), Decision::Produce { .. }));
    }

    #[test]
    fn a_divergence_is_final_and_the_first_one_is_kept() {
        let mut producer = producer();
        let divergence = |number| Divergence::Hash {
            number: BlockNumber::new(number),
            local: BlockHash::new([1; 32]),
            confirmed: BlockHash::new([2; 32]),
        };
        producer.diverge(divergence(3));
        producer.diverge(divergence(4));
        producer.press(Pressure::Free);
        producer.pause(false);
        let stopped = Stopped::Diverged(divergence(3));
        assert_eq!(decide(&producer, TRANSACTIONS, 99_000), Decision::Stopped(stopped));
    }

    #[test]
    fn nothing_is_made_before_the_chain_was_compared() {
        let mut producer = Producer::new(Rhythm::default(), at(0));
        for demand in [TRANSACTIONS, DEPOSIT, NOTHING] {
            assert_eq!(decide(&producer, demand, 99_000), Decision::Wait);
        }
        producer.compared();
        assert!(matches!(decide(&producer, TRANSACTIONS, 99_000), Decision::Produce { .. }));
    }

    #[test]
    fn nothing_is_made_out_of_turn_or_while_blocks_are_taken_over() {
        let mut producer = producer();
        producer.stand_by(Some(Standby::Nobody));
        producer.take_over(Some(BlockNumber::new(4)));
        producer.press(Pressure::Stop { lag_blocks: 7, lag_blocks_max: 7 });
        let taking_over = Stopped::TakingOver { number: BlockNumber::new(4) };
        assert_eq!(decide(&producer, TRANSACTIONS, 99_000), Decision::Stopped(taking_over));
        producer.take_over(None);
        let standby = Stopped::Standby(Standby::Nobody);
        assert_eq!(decide(&producer, TRANSACTIONS, 99_000), Decision::Stopped(standby));
        producer.stand_by(None);
        producer.press(Pressure::Free);
        assert!(matches!(decide(&producer, TRANSACTIONS, 99_000), Decision::Produce { .. }));
    }

    #[test]
    fn the_operator_pauses_and_resumes() {
        let mut producer = producer();
        producer.pause(true);
        assert_eq!(decide(&producer, DEPOSIT, 99_000), Decision::Stopped(Stopped::Paused));
        producer.pause(false);
        assert!(matches!(decide(&producer, DEPOSIT, 99_000), Decision::Produce { .. }));
    }
}
