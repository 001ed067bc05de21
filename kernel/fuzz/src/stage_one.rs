//! The whole of stage 1 on a host in memory.

use crate::{mutation, seeds::Seeds};
use anyhow::Result;
use fastrand::Rng;
use millrace_host::{Budget, FaultAt};
use millrace_inbox::scenario::Scenario;
use millrace_layout::{delayed, events};
use std::collections::BTreeMap;

/// Most messages of one case.
const MESSAGES_MAX: usize = 6;
/// Most items that a case can put into the delayed inbox.
const ITEMS_MAX: usize = 64;

type Storage = BTreeMap<String, Vec<u8>>;

/// What the cases start from.
pub struct StageOne {
    seeds: Seeds,
    start: Scenario,
    /// Durable storage once all authentic blueprints have arrived.
    complete: Storage,
}

impl StageOne {
    /// Makes a rollup and the valid messages.
    ///
    /// # Errors
    /// When the scenario cannot be set up.
    pub fn new() -> Result<Self> {
        let mut start = Scenario::new()?;
        start.run_level(&[], &Budget::RUN);
        let seeds = Seeds::new(&start);
        let mut complete = start.clone();
        complete.run_messages(&seeds.authentic);
        Ok(Self { seeds, complete: complete.dump(), start })
    }

    /// One case: a few messages, most of them damaged; then the real ones.
    pub fn case(&self, rng: &mut Rng) -> Vec<String> {
        let mut scenario = self.start.clone();
        scenario.host.reset_meter();
        if rng.u8(0..8) == 0 {
            scenario.host.set_fault(Some(FaultAt::Dead(rng.u64(0..60))));
        }
        let mut from_layer_1 = false;
        for _ in 0..rng.usize(1..=MESSAGES_MAX) {
            let message = self.message(rng);
            from_layer_1 |= message.first() == Some(&0);
            let before = scenario.dump();
            let summary = scenario.run_messages(&[message]);
            let unchanged = summary.is_some_and(|summary| summary.ignored == 1);
            assert!(!unchanged || scenario.dump() == before, "an ignored message changed durable storage");
        }
        self.check_written(&scenario.dump(), from_layer_1);
        let outcomes = outcomes(&scenario);
        self.check_alive(scenario);
        outcomes
    }

    fn message(&self, rng: &mut Rng) -> Vec<u8> {
        match rng.u8(0..10) {
            0 => self.seeds.any(rng).to_vec(),
            1 => {
                let prefix = self.seeds.any(rng);
                mutation::noise(rng, prefix)
            }
            2..=6 => {
                let (message, other) = (self.seeds.external(rng), self.seeds.external(rng));
                mutation::mutated(rng, message, other)
            }
            _ => {
                let (message, other) = (self.seeds.any(rng), self.seeds.any(rng));
                mutation::mutated(rng, message, other)
            }
        }
    }

    /// Only authentic blueprints may have been stored, byte for byte; a run that died may have left the
    /// first part of a value. What the layer 1 vouches for may move the clock, events and delayed inbox.
    fn check_written(&self, after: &Storage, from_layer_1: bool) {
        let before = self.start.dump();
        for (key, value) in after {
            if before.get(key) == Some(value) {
                continue;
            }
            let by_layer_1 = ["/base/l1", "/base/events/", "/base/delayed/"];
            if from_layer_1 && by_layer_1.iter().any(|prefix| key.starts_with(prefix)) {
                continue;
            }
            let authentic = self.complete.get(key);
            assert!(authentic.is_some_and(|authentic| authentic.starts_with(value)), "{key} was written");
        }
        for key in before.keys() {
            let forgets_events = from_layer_1 && key.starts_with("/base/events/");
            assert!(forgets_events || after.contains_key(key), "{key} was deleted");
        }
    }

    /// Whatever came before, storage decodes and the real blueprints get through.
    fn check_alive(&self, mut scenario: Scenario) {
        scenario.host.set_fault(None);
        assert!(delayed::oldest(&scenario.host, ITEMS_MAX).is_ok(), "the delayed inbox does not decode");
        assert!(events::all(&scenario.host).is_ok(), "the events do not decode");
        let runs = scenario.run_level(&self.seeds.authentic, &Budget::RUN);
        assert!(runs.iter().all(|run| run.failed == 0), "{runs:?}");
        let blueprints = |storage: &Storage| -> Storage {
            let mut storage = storage.clone();
            storage.retain(|key, _| key.starts_with("/base/blueprints/"));
            storage
        };
        assert_eq!(
            blueprints(&scenario.dump()),
            blueprints(&self.complete),
            "a real blueprint did not get through"
        );
    }
}

/// The reasons that were given, without the numbers that differ from case to case.
fn outcomes(scenario: &Scenario) -> Vec<String> {
    let lines = scenario.host.debug_lines();
    lines.iter().filter_map(|line| line.split_once(": ")).map(|(_, reason)| reason.to_owned()).collect()
}
