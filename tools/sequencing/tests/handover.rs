//! Several nodes in a world in which the authority changes, blocks are forced and the layer 1 loses, delays and
//! reorganises. Each node follows its schedule; together they must make one chain. A seed names each world.

use millrace_primitives::{BlockHash, BlockNumber, Epoch, L1Level, Timestamp};
use millrace_sequencing::{
    Moment,
    follower::{Evidence, Follower, first_doomed},
    publisher::{self, Limits, Publisher},
    schedule::{Announced, Charge, Schedule, Standby, View},
};
use millrace_wire::{authority::Authority, signature::PublicKey};
use std::collections::{BTreeMap, HashSet};

const STEP_MS: u64 = 50;
const BLOCK_TIME_MS: u64 = 200;
const LEVEL_TIME_MS: u64 = 1_000;
const MARGIN_S: u64 = 5;
/// Each node has two keys of its own; nobody has the last.
const NODES: u8 = 3;
const KEYS: u8 = 2 * NODES + 1;

/// A small generator of pseudo-random numbers (xorshift), seeded.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }

    fn chance(&mut self, one_in: u64) -> bool {
        one_in > 0 && self.roll(one_in) == 0
    }
}

/// What goes wrong, each as one chance in so many; 0 for never.
#[derive(Clone, Copy)]
struct Weather {
    /// A change is announced in a level.
    change: u64,
    /// Seconds from an announcement to its activation, at least and at most.
    notice_s: (u64, u64),
    /// A message is lost.
    loss: u64,
    /// Levels that a message may be late.
    delay_levels: u64,
    /// The last levels are reorganised.
    reorganisation: u64,
    /// The kernel forces a block.
    forced: u64,
    /// A node dies and starts again.
    restart: u64,
}

const CALM: Weather = Weather {
    change: 20,
    notice_s: (10, 30),
    loss: 0,
    delay_levels: 2,
    reorganisation: 0,
    forced: 0,
    restart: 0,
};
const STORM: Weather = Weather {
    change: 15,
    notice_s: (0, 20),
    loss: 30,
    delay_levels: 4,
    reorganisation: 20,
    forced: 40,
    restart: 60,
};
const QUIET: Weather = Weather { change: 0, ..CALM };

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Block {
    hash: BlockHash,
    parent: BlockHash,
}

/// A blueprint on its way.
#[derive(Clone, Copy, Debug)]
struct Signed {
    number: u64,
    block: Block,
    epoch: Epoch,
}

#[derive(Clone, Debug)]
struct Change {
    announced_at: usize,
    activation: u64,
    key: Option<u8>,
}

/// What the kernel has after a level.
#[derive(Clone)]
struct Level {
    timestamp_s: u64,
    /// The time of the predecessor.
    clock_s: u64,
    chain: Vec<Block>,
    held: BTreeMap<u64, Block>,
    epoch: Epoch,
    key: Option<u8>,
    waiting: Vec<Change>,
    /// The block that was forced in it.
    forced: Option<u64>,
}

struct Node {
    number: u8,
    /// Blocks with the epoch in which this node made them.
    chain: Vec<(Block, Option<Epoch>)>,
    schedule: Schedule,
    publisher: Publisher,
    next_block: Moment,
    unwound: u64,
    given_up: HashSet<BlockHash>,
}

struct World {
    seed: u64,
    dice: Dice,
    now: Moment,
    levels: Vec<Level>,
    /// The levels up to this one are final.
    finals: usize,
    /// By the level in which they arrive.
    messages: BTreeMap<usize, Vec<Signed>>,
    nodes: Vec<Node>,
    hashes: u64,
    refused: u64,
    /// How often each number was signed.
    signatures: BTreeMap<u64, u32>,
}

fn key(number: u8) -> PublicKey {
    PublicKey::Ed25519([number + 1; 32])
}

fn hash(number: u64) -> BlockHash {
    let mut bytes = [7; 32];
    bytes[24..].copy_from_slice(&number.to_be_bytes());
    BlockHash::new(bytes)
}

fn level_number(index: usize) -> L1Level {
    L1Level::new(u32::try_from(index).unwrap())
}

impl Node {
    fn start(number: u8, chain: Vec<(Block, Option<Epoch>)>, now: Moment) -> Self {
        let head = BlockNumber::new(chain.len() as u64 - 1);
        let made_in = chain.last().and_then(|(_, made_in)| *made_in);
        let keys = vec![key(2 * number), key(2 * number + 1)];
        // What the rollup node has is told by the first level.
        let confirmed = chain.iter().take_while(|(_, made_in)| made_in.is_none()).count() as u64 - 1;
        let limits = Limits { resend_after_levels: 4, ..Limits::default() };
        Self {
            number,
            schedule: Schedule::new(keys, MARGIN_S, head, made_in),
            publisher: Publisher::new(limits, BlockNumber::new(confirmed), head, L1Level::ZERO),
            chain,
            next_block: now,
            unwound: 0,
            given_up: HashSet::new(),
        }
    }

    fn head(&self) -> BlockNumber {
        BlockNumber::new(self.chain.len() as u64 - 1)
    }

    fn block(&self, number: BlockNumber) -> Option<Block> {
        self.chain.get(usize::try_from(number.get()).unwrap()).map(|(block, _)| *block)
    }

    /// Reads a level as the shell does: takes over what differs for a known cause, and then observes.
    fn follow(&mut self, index: usize, level: &Level) {
        let theirs: Vec<_> =
            (0..).map(BlockNumber::new).zip(level.chain.iter().map(|block| block.hash)).collect();
        let local = |number| self.block(number).map(|block| block.hash);
        let epoch = level.key.map(|_| level.epoch);
        let differs = Follower::difference(&theirs, local).map(|difference| difference.number());
        let unconfirmed = (level.chain.len()..self.chain.len())
            .map(|number| (BlockNumber::new(number as u64), self.chain[number].1));
        let doomed = first_doomed(unconfirmed, epoch);
        if let Some(number) = differs.or(doomed) {
            let index = usize::try_from(number.get()).unwrap();
            if let Some((_, made_in)) = self.chain.get(index) {
                let is_forced = level.chain.get(index).is_some_and(|block| block.hash.as_bytes()[0] == 0xf0);
                let theirs = level.chain.get(index).map(|block| block.hash);
                let is_given_up = theirs.is_some_and(|hash| self.given_up.contains(&hash));
                let (made_in, is_upgrade) = (*made_in, false);
                let evidence = Evidence { made_in, epoch, is_forced, is_upgrade, is_given_up };
                assert!(evidence.cause().is_some(), "unexplained at block {number}: {evidence:?}");
                self.unwound += (self.chain.len() - index) as u64;
            }
            let gone = self.chain.drain(index.min(self.chain.len())..);
            self.given_up.extend(gone.filter(|(_, made_in)| made_in.is_some()).map(|(block, _)| block.hash));
            let branch = BlockNumber::new(number.get() - 1);
            self.publisher.unwound(branch);
            self.chain.extend(level.chain.iter().skip(index).map(|block| (*block, None)));
            self.publisher.signed_up_to(self.head());
            self.schedule.moved(self.head());
        }
        let confirmed = BlockNumber::new(level.chain.len() as u64 - 1);
        self.publisher.confirmed(confirmed);
        self.publisher.level(level_number(index));
        self.schedule.observe(View {
            level: level_number(index),
            timestamp: Timestamp::new(level.clock_s),
            authority: level.key.map(|member| Authority::single(level.epoch, key(member))),
            announced: level.waiting.iter().map(announced).collect(),
            confirmed,
            is_queue_empty: true,
        });
    }
}

fn announced(change: &Change) -> Announced {
    Announced { activation: Timestamp::new(change.activation), sole: change.key.map(key) }
}

impl World {
    fn new(seed: u64) -> Self {
        let now = Moment::from_ms(1_700_000_000_000);
        let genesis = Block { hash: hash(0), parent: BlockHash::new([0; 32]) };
        let seconds = now.as_ms() / 1_000;
        let first = Level {
            timestamp_s: seconds,
            clock_s: seconds,
            chain: vec![genesis],
            held: BTreeMap::new(),
            epoch: Epoch::ZERO,
            key: Some(0),
            waiting: Vec::new(),
            forced: None,
        };
        let nodes = (0..NODES).map(|number| Node::start(number, vec![(genesis, None)], now)).collect();
        let mut world = Self {
            seed,
            dice: Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1),
            now,
            levels: vec![first],
            finals: 0,
            messages: BTreeMap::new(),
            nodes,
            hashes: 0,
            refused: 0,
            signatures: BTreeMap::new(),
        };
        world.follow();
        world
    }

    fn run(&mut self, duration_ms: u64, weather: Weather) {
        for _ in 0..duration_ms / STEP_MS {
            self.now = self.now.after_ms(STEP_MS);
            for index in 0..self.nodes.len() {
                self.produce(index);
                self.publish(index, weather);
            }
            if self.now.as_ms().is_multiple_of(LEVEL_TIME_MS) {
                self.bake(weather);
                if self.dice.chance(weather.restart) {
                    self.restart();
                }
                self.follow();
            }
        }
    }

    fn fresh_hash(&mut self, first_byte: u8) -> BlockHash {
        self.hashes += 1;
        let mut bytes = *hash(self.hashes).as_bytes();
        bytes[0] = first_byte;
        BlockHash::new(bytes)
    }

    fn produce(&mut self, index: usize) {
        let node = &self.nodes[index];
        if self.now < node.next_block {
            return;
        }
        let Charge::InOffice(office) = node.schedule.charge(self.now) else { return };
        assert!([key(2 * node.number), key(2 * node.number + 1)].contains(&office.key));
        let parent = node.chain.last().unwrap().0.hash;
        let block = Block { hash: self.fresh_hash(7), parent };
        let now = self.now;
        let node = &mut self.nodes[index];
        node.chain.push((block, Some(office.epoch)));
        node.next_block = now.after_ms(BLOCK_TIME_MS);
        node.publisher.signed_up_to(node.head());
        node.schedule.moved(node.head());
        *self.signatures.entry(node.head().get()).or_default() += 1;
    }

    fn publish(&mut self, index: usize, weather: Weather) {
        let publisher::Decision::HandOver(batch) = self.nodes[index].publisher.decide(self.now) else {
            return;
        };
        let arrival = self.levels.len() + self.dice.roll(weather.delay_levels + 1) as usize;
        for number in &batch {
            let place = usize::try_from(number.get()).unwrap();
            let (block, made_in) = self.nodes[index].chain[place];
            // A block that was taken over has no blueprint here.
            let Some(epoch) = made_in else { continue };
            if !self.dice.chance(weather.loss) {
                let signed = Signed { number: number.get(), block, epoch };
                self.messages.entry(arrival).or_default().push(signed);
            }
        }
        self.nodes[index].publisher.handed(&batch);
    }

    fn bake(&mut self, weather: Weather) {
        if self.dice.chance(weather.reorganisation) {
            let depth = 1 + self.dice.roll(2) as usize;
            let kept = self.levels.len().saturating_sub(depth).max(self.finals + 1);
            self.levels.truncate(kept);
        }
        let index = self.levels.len();
        let last = self.levels.last().unwrap();
        let clock_s = last.timestamp_s;
        let timestamp_s = self.now.as_ms() / 1_000;
        let mut level = Level { timestamp_s, clock_s, forced: None, ..last.clone() };
        level.take_office(index);
        for signed in self.messages.remove(&index).unwrap_or_default() {
            if !level.receive(signed) {
                self.refused += 1;
            }
        }
        if self.dice.chance(weather.change) && level.waiting.len() < 3 {
            let (least, most) = weather.notice_s;
            let activation = timestamp_s + least + self.dice.roll(most - least + 1);
            let key = Some(self.dice.roll(u64::from(KEYS) + 1) as u8).filter(|key| *key < KEYS);
            if level.waiting.iter().all(|other| other.activation != activation) {
                level.waiting.push(Change { announced_at: index, activation, key });
                level.waiting.sort_by_key(|change| change.activation);
            }
        }
        if self.dice.chance(weather.forced) {
            let (parent, hash) = (level.chain.last().unwrap().hash, self.fresh_hash(0xf0));
            level.forced = Some(level.chain.len() as u64);
            level.chain.push(Block { hash, parent });
        }
        level.make_blocks();
        self.levels.push(level);
        self.finals = self.finals.max(index.saturating_sub(2));
    }

    fn restart(&mut self) {
        let index = self.dice.roll(u64::from(NODES)) as usize;
        let Node { chain, given_up, .. } = &mut self.nodes[index];
        let (chain, given_up) = (std::mem::take(chain), std::mem::take(given_up));
        self.nodes[index] = Node { given_up, ..Node::start(index as u8, chain, self.now) };
    }

    fn follow(&mut self) {
        let index = self.levels.len() - 1;
        for node in &mut self.nodes {
            node.follow(index, &self.levels[index]);
        }
    }

    fn confirmed(&self) -> &[Block] {
        &self.levels.last().unwrap().chain
    }

    /// Every node has the confirmed chain, and perhaps more.
    fn assert_one_chain(&self) {
        let confirmed = self.confirmed();
        assert!(confirmed.windows(2).all(|pair| pair[0].hash == pair[1].parent), "seed {}", self.seed);
        for node in &self.nodes {
            let local: Vec<_> = node.chain.iter().take(confirmed.len()).map(|(block, _)| *block).collect();
            assert_eq!(local, confirmed, "seed {}, node {}", self.seed, node.number);
        }
    }

    /// Whether somebody here has the key in office.
    fn has_sequencer(&self) -> bool {
        self.levels.last().unwrap().key.is_some_and(|key| key < 2 * NODES)
    }
}

impl Level {
    fn take_office(&mut self, index: usize) {
        while let Some(change) =
            self.waiting.first().filter(|c| c.activation <= self.clock_s && c.announced_at < index).cloned()
        {
            self.epoch = self.epoch.saturating_add(1);
            self.key = change.key;
            self.held.clear();
            self.waiting.remove(0);
        }
    }

    /// False when it is not of the epoch in office.
    fn receive(&mut self, signed: Signed) -> bool {
        if self.key.is_none() || signed.epoch != self.epoch {
            return false;
        }
        let head = self.chain.last().unwrap().hash;
        let is_next = signed.number == self.chain.len() as u64;
        if signed.number >= self.chain.len() as u64 {
            let stored = self.held.entry(signed.number).or_insert(signed.block);
            if is_next && stored.parent != head {
                *stored = signed.block;
            }
        }
        true
    }

    fn make_blocks(&mut self) {
        while let Some(block) = self.held.remove(&(self.chain.len() as u64)) {
            if block.parent != self.chain.last().unwrap().hash {
                return self.held.clear();
            }
            self.chain.push(block);
        }
    }
}

#[test]
fn with_time_enough_no_number_is_signed_twice_and_nothing_is_refused() {
    for seed in 0..2_000 {
        let mut world = World::new(seed);
        world.run(60_000, CALM);
        world.run(40_000, QUIET);
        world.assert_one_chain();
        assert_eq!(world.refused, 0, "seed {seed}");
        assert!(world.signatures.values().all(|count| *count == 1), "seed {seed}");
        assert!(world.nodes.iter().all(|node| node.unwound == 0), "seed {seed}");
    }
}

#[test]
fn whatever_happens_the_nodes_end_on_one_chain_that_grows() {
    let (mut changes, mut unwound, mut forced) = (0, 0, 0);
    for seed in 0..2_000 {
        let mut world = World::new(seed);
        world.run(80_000, STORM);
        world.run(60_000, QUIET);
        world.assert_one_chain();
        let height = world.confirmed().len();
        world.run(10_000, QUIET);
        world.assert_one_chain();
        if world.has_sequencer() {
            assert!(world.confirmed().len() >= height + 40, "seed {seed}: the chain stands still");
        }
        changes += u64::from(world.levels.last().unwrap().epoch.get());
        unwound += world.nodes.iter().map(|node| node.unwound).sum::<u64>();
        forced += world.levels.iter().filter(|level| level.forced.is_some()).count();
    }
    // The worlds are as bad as they should be.
    assert!(changes > 5_000 && unwound > 5_000 && forced > 1_000, "{changes} {unwound} {forced}");
}

#[test]
fn a_successor_begins_within_a_few_levels_of_its_activation() {
    for successor in 0..2 * NODES {
        let mut world = World::new(u64::from(successor) + 1);
        world.run(10_000, QUIET);
        let activation = world.now.as_ms() / 1_000 + 20;
        let announced_at = world.levels.len() - 1;
        let change = Change { announced_at, activation, key: Some(successor) };
        world.levels.last_mut().unwrap().waiting.push(change);
        world.follow();
        world.run((20 - MARGIN_S) * 1_000, QUIET);
        let stopped_at = world.confirmed().len();
        world.run(MARGIN_S * 1_000 - STEP_MS, QUIET);
        let ended = world.confirmed().len();
        assert!(ended <= stopped_at + 20, "nothing new is signed in the margin");
        let ending =
            |node: &Node| matches!(node.schedule.charge(world.now), Charge::Standby(Standby::Ending { .. }));
        assert!(ending(&world.nodes[0]), "until it is over");
        world.run(6_000, QUIET);
        assert!(world.confirmed().len() > ended, "successor {successor} has begun");
        world.assert_one_chain();
    }
}
