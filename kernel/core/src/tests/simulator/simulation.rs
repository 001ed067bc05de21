//! The levels of a seed, and what is checked between and after them.

use super::{
    books::Books,
    layer1::{self, is_internal},
    rollup::{Level, Ran, Rollup},
    sequencer::{Conduct, Desk, Sequencer},
    setup::{Mode, SECURITY_GOVERNANCE, Setup, UPGRADE, upgrade},
    slots::{self, Published},
    users::{Nonces, Site},
};
use fastrand::Rng;
use millrace_host::Budget;
use millrace_layout::{
    dal,
    events::Event,
    governance::{self, AUTHORITIES_MAX, PendingUpgrades, Source, UPGRADES_MAX},
};
use millrace_primitives::{L1Level, PreimageHash, Ticks, Timestamp};
use millrace_wire::{
    governance::{CancelUpgrade, Decision, KernelUpgrade},
    message::Parameter,
};
use std::ops::Range;

/// Levels of a history.
const LEVELS: u32 = 120;
/// Most levels until everything that waits is done.
const SETTLING_LEVELS: u32 = 400;

/// A rollup with all who use it.
struct Simulation {
    rng: Rng,
    setup: Setup,
    rollup: Rollup,
    sequencer: Sequencer,
    /// External messages that were sent.
    seen: Vec<Vec<u8>>,
    /// Slots that were published since the last level.
    slots: Vec<Published>,
    level: u32,
    now: Timestamp,
}

impl Simulation {
    fn new(seed: u64, mode: Option<Mode>, conduct: Conduct) -> Self {
        let mut rng = Rng::with_seed(seed);
        let mode = mode.unwrap_or_else(|| match rng.u8(0..8) {
            0..4 => Mode::Single,
            4 | 5 => Mode::Committee,
            _ => Mode::Nobody,
        });
        let setup = Setup::random(&mut rng, mode);
        let mut rollup = Rollup::new(&setup);
        let now = setup.parameters.genesis_timestamp;
        rollup.run(&Level::new(0, now, vec![]), &Budget::RUN, None);
        let sequencer = Sequencer::new(conduct, &rollup);
        Self { rng, setup, rollup, sequencer, seen: vec![], slots: vec![], level: 1, now }
    }

    /// The next level: what everybody sends, in some order.
    fn next(&mut self) -> Level {
        self.now = self.now.saturating_add(self.seconds());
        let mut bundles = self.bundles();
        self.rng.shuffle(&mut bundles);
        let messages: Vec<_> = bundles.into_iter().flatten().collect();
        self.seen.extend(messages.iter().filter(|message| !is_internal(message)).cloned());
        let surplus = self.seen.len().saturating_sub(300);
        self.seen.drain(..surplus);
        let slots = core::mem::take(&mut self.slots);
        let level = Level { slots, ..Level::new(self.level, self.now, messages) };
        self.level += 1;
        level
    }

    /// Levels come every few seconds, in bursts, and after outages.
    fn seconds(&mut self) -> u64 {
        match self.rng.u8(0..20) {
            // What a sequencer asked for takes a day.
            0 if self.sequencer.conduct == Conduct::Wild && self.rng.u8(0..4) == 0 => 90_000,
            0 => self.rng.u64(60..4_000),
            1..5 => self.rng.u64(0..2),
            _ => self.rng.u64(4..10),
        }
    }

    /// What is sent, in pieces that stay together.
    fn bundles(&mut self) -> Vec<Vec<Vec<u8>>> {
        let Self { rng, setup, rollup, sequencer, seen, slots, level, now } = self;
        let mut bundles = vec![];
        let is_wild = sequencer.conduct == Conduct::Wild;
        let authority = rollup.authority();
        if authority.is_some() {
            let desk = Desk { setup, rollup, level: *level, now: *now };
            bundles.extend(sequencer.act(rng, &desk).into_iter().map(|message| vec![message]));
            slots.extend(sequencer.take_slots());
        }
        for _ in 0..rng.u8(0..3) {
            let (slot, message) = slots::of_others(rng, setup, (*level, rollup.number()));
            slots.push(slot);
            bundles.push(vec![message]);
        }
        let base_fee = rollup.head().header.base_fee_per_gas;
        let mut nonces = Nonces::default();
        let mut site = Site { setup, host: &rollup.host, base_fee, pays_da: true };
        let queued = if authority.is_none() { rng.u8(0..8) } else { rng.u8(0..2) };
        bundles.extend((0..queued).map(|_| layer1::queued_transaction(rng, &site, &mut nonces)));
        site.pays_da = false;
        if rng.u8(0..3) == 0 {
            let count = if rng.u8(0..12) == 0 { 20 } else { rng.u8(1..4) };
            bundles.extend((0..count).map(|_| layer1::delayed_transaction(rng, &site, &mut nonces, is_wild)));
        }
        if rng.u8(0..3) == 0 {
            let count = if rng.u8(0..12) == 0 { 30 } else { rng.u8(1..4) };
            bundles.extend((0..count).map(|_| vec![layer1::any_deposit(rng, setup)]));
        }
        bundles.extend((0..rng.u8(0..2)).map(|_| vec![layer1::decision(rng, *now, is_wild)]));
        let strangers = if rng.u8(0..10) == 0 { 60 } else { rng.u8(0..8) };
        bundles.extend((0..strangers).map(|_| vec![layer1::stranger(rng, seen)]));
        bundles
    }

    /// An empty level.
    fn quiet(&mut self) -> Level {
        self.now = self.now.saturating_add(6);
        let level = Level::new(self.level, self.now, vec![]);
        self.level += 1;
        level
    }

    /// Whatever has happened, governance is heard in the next level, and the chain can go on.
    fn check_alive(&mut self) {
        let mut rollup = self.rollup.clone();
        let mut number = self.level;
        let mut now = self.now;
        let mut run = |rollup: &mut Rollup, messages: Vec<Vec<u8>>| {
            now = now.saturating_add(6);
            rollup.run(&Level::new(number, now, messages), &Budget::RUN, None);
            number += 1;
            now
        };
        let before = rollup.number();
        let time = run(&mut rollup, self.upgrade());
        let is_announced = |event: &Event| matches!(event, Event::UpgradeAnnounced { root_hash, .. } if root_hash == upgrade(UPGRADE).0.as_bytes());
        assert!(rollup.events().iter().any(is_announced), "deaf: {:?}", rollup.host.debug_lines());
        if rollup.authority().is_none() {
            assert!(rollup.number() > before, "stuck: {:?}", rollup.host.debug_lines());
            return;
        }
        // What is overdue comes first, in each level as much as it may. Then, whatever was signed for the next number
        // and is incomplete is sent again; then nothing is in the way of another blueprint.
        for _ in 0..SETTLING_LEVELS {
            let before = rollup.number();
            // A change of who is in charge takes a level too.
            for attempt in 0..3 + AUTHORITIES_MAX {
                let mut messages = if attempt == 0 { self.sequencer.again(before) } else { vec![] };
                messages.extend(Sequencer::empty(&mut self.rng, &self.setup, &rollup, time));
                run(&mut rollup, messages);
                if rollup.number() > before {
                    break;
                }
            }
            assert!(rollup.number() > before, "stuck: {:?}", rollup.host.debug_lines());
            let was_forced = rollup.events().iter().any(|event| matches!(event, Event::Forced { .. }));
            if !was_forced && rollup.keys("/base/queue/transactions").is_empty() {
                return;
            }
        }
        panic!("{} items still overdue", rollup.waiting().len());
    }

    /// An announcement of the security council, and room for it.
    fn upgrade(&self) -> Vec<Vec<u8>> {
        let PendingUpgrades(waiting) =
            governance::upgrades().unwrap().read(&self.rollup.host).unwrap().unwrap_or_default();
        let mut decisions = vec![];
        let waiting: Vec<_> = waiting.iter().filter(|other| other.source == Source::Security).collect();
        if waiting.len() >= UPGRADES_MAX {
            let root_hash = PreimageHash::from_slice(&waiting[0].root_hash).unwrap();
            decisions.push(Decision::CancelUpgrade(CancelUpgrade { root_hash, timestamp: self.now }));
        }
        let activation = self.now.saturating_add(u64::from(self.level));
        decisions.push(Decision::KernelUpgrade(KernelUpgrade { root_hash: upgrade(UPGRADE).0, activation }));
        decisions
            .iter()
            .map(|decision| layer1::transfer(SECURITY_GOVERNANCE, Parameter::Governance(&decision.encode())))
            .collect()
    }

    /// When nobody says anything any more, what waited is done and nothing is left lying about.
    fn check_settles(&mut self, books: &mut Books) {
        let Parameters { timeout_s, timeout_levels } = self.timeouts();
        let patience = timeout_s / 6 + u64::from(timeout_levels) + 2;
        let mut levels = 0;
        let is_queue_empty = |rollup: &Rollup| rollup.keys("/base/queue/transactions").is_empty();
        while levels < patience || !self.rollup.waiting().is_empty() || !is_queue_empty(&self.rollup) {
            let level = self.quiet();
            let ran = self.rollup.run(&level, &Budget::RUN, None);
            books.enter(&self.setup, &self.rollup, &level, (&ran.blocks, false));
            levels += 1;
            assert!(
                levels < patience + u64::from(SETTLING_LEVELS),
                "{} items wait",
                self.rollup.waiting().len()
            );
        }
        books.debts.check_paid();
        let head = self.rollup.number();
        for left in [
            "/tmp",
            "/base/progress",
            "/base/delayed/items",
            "/base/delayed/names",
            "/evm/world/outbox/messages",
        ] {
            assert_eq!(self.rollup.keys(left), [""; 0], "left behind");
        }
        let import = dal::import().unwrap().read(&self.rollup.host).unwrap().unwrap_or_default();
        assert_eq!(import.slots, [], "slots are never left unread");
        let numbers = self.rollup.keys("/base/blueprints/");
        for key in numbers {
            let number: u64 = key.split('/').nth(3).unwrap().parse().unwrap();
            assert!(number > head, "{key} is left of a block below {head}");
        }
    }

    fn timeouts(&self) -> Parameters {
        let delayed = &self.setup.parameters.delayed;
        Parameters { timeout_s: delayed.timeout_s, timeout_levels: delayed.timeout_levels }
    }
}

struct Parameters {
    timeout_s: u64,
    timeout_levels: u32,
}

/// Books are kept over a whole history, in some of whose levels a run is killed.
pub(super) fn history(seed: u64) {
    let mut simulation = Simulation::new(seed, None, Conduct::Wild);
    let mut books = Books::open(&simulation.rollup);
    let has_deaths = simulation.rng.bool() && simulation.setup.parameters.delayed.forced_items_max > 4;
    let (mut runs, mut slots) = (0, 0);
    for _ in 0..LEVELS {
        let level = simulation.next();
        let killed_at = (has_deaths && simulation.rng.u8(0..8) == 0).then(|| simulation.rng.u64(0..400));
        let ran = simulation.rollup.run(&level, &Budget::RUN, killed_at);
        (runs, slots) = (runs + ran.runs, slots + ran.slots);
        books.enter(
            &simulation.setup,
            &simulation.rollup,
            &level,
            (&ran.blocks, ran.read_at_death.is_some()),
        );
        if simulation.rng.u8(0..10) == 0 {
            simulation.check_alive();
        }
    }
    simulation.check_alive();
    simulation.check_settles(&mut books);
    simulation.check_alive();
    eprintln!(
        "{:?}: {runs} runs, {slots} slots, {} blocks ({} predicted, {} forced), {} transactions, {} dropped, items {} executed {} dropped, {} withdrawals, {} key changes asked for, {} in effect",
        simulation.setup.mode,
        books.blocks,
        books.predicted,
        books.forced,
        books.transactions,
        books.dropped,
        books.items_executed,
        books.items_dropped,
        books.debts.count(),
        books.key_changes,
        books.key_changes_in_effect,
    );
}

/// The same levels with runs of any size: durable storage is the same after each level.
pub(super) fn reboots(seed: u64) {
    let mut simulation = Simulation::new(seed, None, Conduct::Wild);
    let mut small = simulation.rollup.clone();
    let mut runs = 0;
    for _ in 0..LEVELS / 2 {
        let level = simulation.next();
        let budget = match simulation.rng.u8(0..4) {
            // One message or one transaction a run.
            0 | 1 => Budget::new(Ticks::new(1)),
            2 => Budget::new(Ticks::new(simulation.rng.u64(1..700_000_000))),
            _ => Budget::unlimited(),
        };
        let whole = simulation.rollup.run(&level, &Budget::RUN, None);
        let parts = small.run(&level, &budget, None);
        runs += parts.runs;
        let hashes = |ran: &Ran| ran.blocks.iter().map(|block| block.head.hash).collect::<Vec<_>>();
        if hashes(&whole) != hashes(&parts) || !difference(&simulation.rollup, &small).is_empty() {
            let lines = [simulation.rollup.host.debug_lines(), small.host.debug_lines()];
            let [at, budget] = [level.number.to_string(), format!("{budget:?}")];
            let differs = difference(&simulation.rollup, &small);
            panic!("level {at}, {budget}: {lines:#?} {differs:?}");
        }
        assert!(whole.blocks == parts.blocks, "level {}", level.number);
        assert_eq!(difference(&simulation.rollup, &small), [""; 0], "level {}", level.number);
    }
    eprintln!("{:?}: {runs} runs for {} levels", simulation.setup.mode, LEVELS / 2);
}

/// A run is killed; what the rollup has not confirmed is sent again.
///
/// The rule: the message that the run had read last has had its effect or never has; all before it have had theirs, and
/// all after it are read by the next run of the level. Only a run that dies before it could ask for another one loses
/// the rest of the level. What users and the sequencer lose they send again; a deposit, a transaction of the delayed
/// bridge or a decision of governance that is lost so is lost. Then the world is that of a rollup without a death that
/// never got the lost message.
///
/// It holds to the byte as long as blueprints alone make blocks, because then nothing of a block depends on the level
/// in which it is made; that the kernel's own blocks lose nothing is checked by the books of [`history`].
pub(super) fn deaths(seed: u64) {
    let mode = if seed.is_multiple_of(3) { Mode::Committee } else { Mode::Single };
    let mut simulation = Simulation::new(seed, Some(mode), Conduct::Honest);
    let delayed = &mut simulation.setup.parameters.delayed;
    (delayed.timeout_s, delayed.timeout_levels) = (u64::MAX, u32::MAX);
    simulation.setup.parameters.delayed.forced_items_max = 1_000;
    simulation.restart();
    for _ in 0..LEVELS / 3 {
        let before = simulation.rollup.clone();
        let level = simulation.next();
        let ran = simulation.rollup.run(&level, &Budget::RUN, None);
        for _ in 0..3 {
            let killed_at = simulation.rng.u64(0..ran.calls);
            simulation.check_death(&before, &level, killed_at);
        }
    }
}

impl Simulation {
    /// From the beginning, with other parameters.
    fn restart(&mut self) {
        self.rollup = Rollup::new(&self.setup);
        self.rollup.run(&Level::new(0, self.now, vec![]), &Budget::RUN, None);
        self.sequencer = Sequencer::new(Conduct::Honest, &self.rollup);
    }

    fn check_death(&self, before: &Rollup, level: &Level, killed_at: u64) {
        let mut killed = before.clone();
        let ran = killed.run(level, &Budget::RUN, Some(killed_at));
        let read = usize::try_from(ran.read_at_death.unwrap()).unwrap();
        self.send_again(&mut killed, level);
        let lost = match (killed_at, read.checked_sub(1)) {
            (0, _) => 0..usize::MAX,
            (_, Some(last)) => last..read,
            (_, None) => 0..0,
        };
        let outcomes = [0..0, lost].map(|lost| self.undisturbed(before, level, lost));
        let is_one = outcomes.iter().any(|outcome| is_same(outcome, &killed));
        if !is_one {
            let differences = outcomes.each_ref().map(|outcome| difference(outcome, &killed));
            panic!(
                "level {}, call {killed_at} after {read} of {} messages, head {} then {}: {differences:?} {:?}",
                level.number,
                level.messages.len() + 3,
                before.number(),
                killed.number(),
                killed.host.debug_lines(),
            );
        }
        for left in ["/tmp", "/base/progress"] {
            assert_eq!(killed.keys(left), [""; 0]);
        }
    }

    /// The same levels without a death, and without what was lost in it.
    fn undisturbed(&self, before: &Rollup, level: &Level, lost: Range<usize>) -> Rollup {
        let mut rollup = before.clone();
        rollup.run(&Level { lost, ..level.clone() }, &Budget::RUN, None);
        self.send_again(&mut rollup, level);
        rollup
    }

    /// The sequencer sends what is not confirmed, for a few levels.
    fn send_again(&self, rollup: &mut Rollup, level: &Level) {
        for further in 1..=3 {
            let messages = self.sequencer.again(rollup.number());
            let now = level.now.saturating_add(u64::from(further) * 6);
            let level = Level::new(level.number + further, now, messages);
            rollup.run(&level, &Budget::RUN, None);
        }
    }
}

fn is_same(one: &Rollup, other: &Rollup) -> bool {
    let pending = |rollup: &Rollup| {
        let mut authorities = governance::authorities_waiting(&rollup.host).unwrap();
        // A block that is made later is later with what it asks for.
        for change in authorities.waiting.iter_mut().filter(|change| change.is_key_change()) {
            (change.announced_at, change.activation) = (L1Level::ZERO, Timestamp::ZERO);
        }
        (governance::upgrades_waiting(&rollup.host).unwrap(), authorities)
    };
    one.world() == other.world() && one.waiting() == other.waiting() && pending(one) == pending(other)
}

/// The keys that differ, for whoever has to find out why.
fn difference(one: &Rollup, other: &Rollup) -> Vec<String> {
    let (one, other) = (one.host.dump(), other.host.dump());
    let keys = one.keys().chain(other.keys().filter(|key| !one.contains_key(*key)));
    keys.filter(|key| one.get(*key) != other.get(*key)).cloned().collect()
}
