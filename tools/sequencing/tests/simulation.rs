//! A sequencer in a simulated world: a layer 1 that loses, delays, reorganises and goes away, a node that
//! dies and starts again. Time is a counter, so hours pass in milliseconds, and a seed names each world.

use millrace_primitives::{BlockHash, BlockNumber, L1Level, Timestamp};
use millrace_sequencing::{
    Moment,
    follower::{Divergence, Follower, Progress},
    producer::{self, Demand, Producer, Rhythm, Stopped},
    publisher::{self, Limits, Publisher},
};
use std::collections::BTreeSet;

const BLOCK_TIME_MS: u64 = 100;
const LEVEL_TIME_MS: u64 = 1_000;
const HASHES_KEPT: u64 = 256;

fn limits() -> Limits {
    Limits { lag_blocks_free: 60, lag_blocks_max: 120, resend_after_levels: 4, ..Limits::default() }
}

/// A small generator of pseudo-random numbers (xorshift), seeded.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

/// What goes wrong, each as one chance in so many; 0 for never.
#[derive(Clone, Copy)]
struct Weather {
    lost_batch: u64,
    refused_batch: u64,
    reorganisation: u64,
    restart: u64,
    outage: bool,
}

const CALM: Weather =
    Weather { lost_batch: 0, refused_batch: 0, reorganisation: 0, restart: 0, outage: false };
const STORM: Weather =
    Weather { lost_batch: 5, refused_batch: 4, reorganisation: 15, restart: 300, outage: false };

/// The layer 1 with a rollup node: blueprints arrive in levels, blocks follow in the order of the numbers.
struct Layer1 {
    /// The head after each level.
    heads: Vec<u64>,
    /// The blueprints that the kernel holds.
    held: BTreeSet<u64>,
    /// What the batcher holds for the next level.
    batcher: Vec<u64>,
    /// How many levels are final: two others stood on each of them once.
    final_levels: usize,
}

impl Layer1 {
    fn level(&self) -> L1Level {
        L1Level::new(u32::try_from(self.heads.len()).unwrap())
    }

    fn head(&self) -> u64 {
        *self.heads.last().unwrap()
    }

    fn bake(&mut self) {
        self.held.extend(self.batcher.drain(..));
        let mut head = self.head();
        while self.held.remove(&(head + 1)) {
            head += 1;
        }
        self.heads.push(head);
        self.final_levels = self.final_levels.max(self.heads.len().saturating_sub(2)).max(1);
    }

    /// The last levels were not final after all, and their messages are lost.
    fn reorganise(&mut self, depth: usize) {
        self.heads.truncate(self.heads.len().saturating_sub(depth).max(self.final_levels));
        self.held.clear();
    }

    fn finalized(&self) -> u64 {
        self.heads[self.final_levels - 1]
    }
}

struct World {
    dice: Dice,
    now: Moment,
    layer1: Layer1,
    /// Hashes of the local chain, the database of the node.
    chain: Vec<BlockHash>,
    producer: Producer,
    publisher: Publisher,
    follower: Follower,
    stopped: u64,
}

impl World {
    fn new(seed: u64) -> Self {
        let now = Moment::from_ms(1_700_000_000_000);
        let layer1 = Layer1 { heads: vec![0], held: BTreeSet::new(), batcher: Vec::new(), final_levels: 1 };
        let (zero, level) = (BlockNumber::ZERO, layer1.level());
        let mut world = Self {
            dice: Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1),
            now,
            layer1,
            chain: vec![block_hash(0)],
            producer: Producer::new(rhythm(), now),
            publisher: Publisher::new(limits(), zero, zero, level),
            follower: Follower::new(),
            stopped: 0,
        };
        // A node looks where the rollup node is before anything else.
        world.follow();
        world
    }

    fn chance(&mut self, one_in: u64) -> bool {
        one_in > 0 && self.dice.roll(one_in) == 0
    }

    fn height(&self) -> u64 {
        self.chain.len() as u64 - 1
    }

    /// Time passes in steps of ten milliseconds.
    fn run(&mut self, duration_ms: u64, weather: Weather) {
        for _ in 0..duration_ms / 10 {
            self.now = self.now.after_ms(10);
            self.produce();
            self.publish(weather);
            if self.now.as_ms().is_multiple_of(LEVEL_TIME_MS) {
                self.level(weather);
            }
        }
    }

    fn produce(&mut self) {
        self.producer.press(self.publisher.pressure());
        let demand = Demand { has_transactions: true, has_delayed_items: false };
        match self.producer.decide(demand, Timestamp::ZERO, self.now) {
            producer::Decision::Produce { .. } => {
                self.producer.started(self.now);
                let number = self.height() + 1;
                self.chain.push(block_hash(number));
                self.publisher.signed_up_to(BlockNumber::new(number));
                self.producer.finished();
            }
            producer::Decision::Stopped(Stopped::Lag { lag_blocks, lag_blocks_max }) => {
                assert!(lag_blocks >= lag_blocks_max);
                self.stopped += 1;
            }
            producer::Decision::Stopped(other) => panic!("{other}"),
            _ => {}
        }
    }

    fn publish(&mut self, weather: Weather) {
        let publisher::Decision::HandOver(batch) = self.publisher.decide(self.now) else { return };
        assert!(batch.windows(2).all(|pair| pair[0] < pair[1]));
        if weather.outage || self.chance(weather.refused_batch) {
            return self.publisher.failed(self.now);
        }
        if !self.chance(weather.lost_batch) {
            self.layer1.batcher.extend(batch.iter().map(|number| number.get()));
        }
        self.publisher.handed(&batch);
    }

    fn level(&mut self, weather: Weather) {
        if self.chance(weather.reorganisation) {
            let depth = 1 + self.dice.roll(2) as usize;
            self.layer1.reorganise(depth);
        }
        self.layer1.bake();
        if self.chance(weather.restart) {
            self.layer1.batcher.clear();
            self.restart();
        }
        if !weather.outage {
            self.follow();
        }
    }

    fn restart(&mut self) {
        let (confirmed, level) = (BlockNumber::new(self.layer1.head()), self.layer1.level());
        self.publisher = Publisher::new(limits(), confirmed, BlockNumber::new(self.height()), level);
        self.producer = Producer::new(rhythm(), self.now);
        self.follower = Follower::new();
    }

    fn follow(&mut self) {
        let head = BlockNumber::new(self.layer1.head());
        let theirs: Vec<_> = self
            .follower
            .wanted(head, HASHES_KEPT)
            .map(|number| (BlockNumber::new(number), block_hash(number)))
            .collect();
        let local = |number: BlockNumber| self.chain.get(number.get() as usize).copied();
        let progress = self.follower.confirm(&theirs, local).unwrap();
        let finalized = self.layer1.finalized();
        self.follower.finalize((BlockNumber::new(finalized), block_hash(finalized)), local).unwrap();
        if progress != Progress::Same {
            self.publisher.confirmed(head);
        }
        self.publisher.level(self.layer1.level());
        self.producer.compared();
        assert!(self.follower.finalized() <= self.follower.confirmed());
    }
}

fn rhythm() -> Rhythm {
    Rhythm { block_time_ms: BLOCK_TIME_MS, empty_block_ms: Some(5_000) }
}

fn block_hash(number: u64) -> BlockHash {
    let mut bytes = [0; 32];
    bytes[24..].copy_from_slice(&number.to_be_bytes());
    BlockHash::new(bytes)
}

#[test]
fn in_calm_weather_the_confirmed_head_is_a_level_behind_and_nothing_slows_down() {
    let mut world = World::new(1);
    world.run(60_000, CALM);
    assert!(world.height() >= 595, "{}", world.height());
    assert!(world.publisher.lag_blocks() <= 20, "{}", world.publisher.lag_blocks());
    assert_eq!(world.stopped, 0);
    assert!(world.follower.finalized().unwrap().get() + 40 >= world.height());
}

#[test]
fn whatever_the_layer_1_loses_is_published_in_the_end() {
    for seed in 0..200 {
        let mut world = World::new(seed);
        world.run(120_000, STORM);
        assert!(world.publisher.lag_blocks() <= limits().lag_blocks_max, "seed {seed}");
        let height = world.height();
        assert!(height > 200, "seed {seed}: {height} blocks");
        world.run(60_000, CALM);
        assert!(world.publisher.lag_blocks() <= 20, "seed {seed}: {}", world.publisher.lag_blocks());
        assert!(world.height() >= height + 400, "seed {seed}: production did not recover");
    }
}

#[test]
fn a_long_outage_slows_production_down_stops_it_at_the_bound_and_is_recovered_from() {
    let mut world = World::new(7);
    world.run(10_000, CALM);
    let before = world.height();
    let outage = Weather { outage: true, ..CALM };
    world.run(9_000, outage);
    let slowed = world.height();
    world.run(3_600_000, outage);
    let made = world.height() - before;
    assert!(slowed < world.height(), "slowing down is not stopping");
    assert!(made <= limits().lag_blocks_max, "{made}");
    assert_eq!(world.publisher.lag_blocks(), limits().lag_blocks_max);
    assert!(world.stopped > 0);
    world.run(30_000, CALM);
    assert!(world.publisher.lag_blocks() <= 20, "{}", world.publisher.lag_blocks());
}

#[test]
fn a_divergence_stops_production_for_good() {
    let mut world = World::new(3);
    world.run(5_000, CALM);
    let forked = BlockHash::new([9; 32]);
    let number = BlockNumber::new(3);
    let local = |number: BlockNumber| world.chain.get(number.get() as usize).copied();
    let divergence = world.follower.confirm(&[(number, forked)], local).unwrap_err();
    assert_eq!(divergence, Divergence::Hash { number, local: block_hash(3), confirmed: forked });
    world.producer.diverge(divergence);
    world.producer.press(publisher::Publisher::pressure(&world.publisher));
    let demand = Demand { has_transactions: true, has_delayed_items: true };
    let decision = world.producer.decide(demand, Timestamp::ZERO, world.now.after_ms(1 << 40));
    assert_eq!(decision, producer::Decision::Stopped(Stopped::Diverged(divergence)));
}
