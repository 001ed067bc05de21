//! A bounded number of cases, or a time of them.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// The seed of the first case; each next one is one larger.
const SEED: u64 = 0x6d69_6c6c;

/// What cases came to, and how often.
pub(crate) type Seen = BTreeMap<String, u64>;

fn from_environment(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}")))
}

/// Runs `cases` of them, or as many as the environment gives time for; `parts` tests share that time.
pub(crate) fn run(cases: u64, parts: u32, mut case: impl FnMut(&mut fastrand::Rng) -> Vec<String>) -> Seen {
    let seed = from_environment("MILLRACE_FUZZ_SEED").unwrap_or(SEED);
    let time = from_environment("MILLRACE_FUZZ_SECONDS").map(|seconds| Duration::from_secs(seconds) / parts);
    let start = Instant::now();
    let mut seen = Seen::new();
    let mut count = 0;
    while time.map_or(count < cases, |time| count == 0 || start.elapsed() < time) {
        let seed = seed.wrapping_add(count);
        let _guard = ShowSeed(seed);
        for outcome in case(&mut fastrand::Rng::with_seed(seed)) {
            *seen.entry(outcome).or_default() += 1;
        }
        count += 1;
    }
    eprintln!("{count} cases in {:?}", start.elapsed());
    seen.iter().for_each(|(outcome, count)| eprintln!("{count:>8} {outcome}"));
    // Less time than this meets less.
    if time.is_some_and(|time| time < Duration::from_secs(2)) { Seen::new() } else { seen }
}

/// Says how to run the case again when it panics.
struct ShowSeed(u64);

impl Drop for ShowSeed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("run it again with MILLRACE_FUZZ_SEED={} MILLRACE_FUZZ_SECONDS=0", self.0);
        }
    }
}
