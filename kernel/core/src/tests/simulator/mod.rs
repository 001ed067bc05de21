//! A level simulator: hundreds of levels of valid and hostile messages, and what must hold whatever they are.
//!
//! ```text
//! setup       parameters, contracts, accounts; one sequencer, a committee, or nobody
//! users · sequencer · layer1    who sends what; key_changes, what sequencers ask for
//! slots       the same in the data availability layer
//! rollup      runs levels; watched sees every block
//! books       hashes, gas, money, delayed items; withdrawals
//! simulation  the levels of a seed, and the checks between them
//! ```
//! A seed makes a history. It is printed when a check fails; `MILLRACE_SEED` runs that one alone, and
//! `MILLRACE_FUZZ_SECONDS` goes on with new seeds for as long.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the simulator asks the environment for a seed and for how long; nothing of it is in a kernel"
)]

mod books;
mod key_changes;
mod layer1;
mod mends;
mod rollup;
mod sequencer;
mod setup;
mod simulation;
mod slots;
mod users;
mod watched;
mod withdrawals;

use std::{
    env,
    hash::{BuildHasher, RandomState},
    time::{Duration, Instant},
};

/// Seeds that every run of the tests goes through.
const SEEDS: u64 = 5;

/// Runs `case` with the seed that the environment names, or with a few fixed ones and a new one, and then with more as
/// long as there is time.
fn with_seeds(what: &str, case: impl Fn(u64)) {
    let number = |name: &str| env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let run = |seed| {
        let _guard = ShowSeed(what, seed);
        case(seed);
    };
    if let Some(seed) = number("MILLRACE_SEED") {
        return run(seed);
    }
    let start = Instant::now();
    let first = RandomState::new().hash_one(0) >> 16;
    eprintln!("{what}: seeds 0..{SEEDS} and {first}");
    (0..SEEDS).chain([first]).for_each(run);
    let duration = Duration::from_secs(number("MILLRACE_FUZZ_SECONDS").unwrap_or(0));
    let mut seed = first;
    while start.elapsed() < duration {
        seed += 1;
        run(seed);
    }
    eprintln!("{what}: up to seed {seed} in {:?}", start.elapsed());
}

/// Says how to run the case again when it panics.
struct ShowSeed<'a>(&'a str, u64);

impl Drop for ShowSeed<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}: run it again with MILLRACE_SEED={}", self.0, self.1);
        }
    }
}

#[test]
fn any_history_keeps_every_promise() {
    with_seeds("histories", simulation::history);
}

#[test]
fn runs_of_any_size_make_the_same_blocks() {
    with_seeds("reboots", simulation::reboots);
}

#[test]
fn a_run_that_is_killed_anywhere_loses_no_more_than_the_messages_it_had_read() {
    with_seeds("deaths", simulation::deaths);
}
