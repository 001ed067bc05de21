//! A bounded series of cases, each with a seed of its own.

use anyhow::{Context, Result};
use std::{
    collections::BTreeMap,
    env, fmt,
    hash::{BuildHasher, RandomState},
    time::{Duration, Instant},
};

/// How long to fuzz, and from where.
#[derive(Clone, Copy, Debug)]
pub struct Session {
    /// The seed of the first case; each next one is one larger.
    pub seed: u64,
    /// For how long cases are started. At least one is.
    pub duration: Duration,
    /// However slow the machine is, so many cases are run; but for a session of no time, which is one case.
    pub cases_min: u64,
}

impl Session {
    /// The session that the environment asks for: `MILLRACE_FUZZ_SECONDS` (default 10) and
    /// `MILLRACE_FUZZ_SEED` (default: another one each time).
    ///
    /// # Errors
    /// When one of them is not a number.
    pub fn from_environment() -> Result<Self> {
        let number = |name: &str| -> Result<Option<u64>> {
            env::var(name).ok().map(|text| text.parse().with_context(|| format!("{name}={text}"))).transpose()
        };
        let seed = number("MILLRACE_FUZZ_SEED")?.unwrap_or_else(|| RandomState::new().hash_one(0));
        let seconds = number("MILLRACE_FUZZ_SECONDS")?.unwrap_or(10);
        Ok(Self { seed, duration: Duration::from_secs(seconds), cases_min: 1 })
    }

    /// The same session, shared with `parts − 1` others.
    pub fn share(self, parts: u32) -> Self {
        Self { duration: self.duration / parts.max(1), ..self }
    }

    /// The same session, with so many cases at least.
    pub fn at_least(self, cases_min: u64) -> Self {
        Self { cases_min, ..self }
    }

    fn is_over(&self, start: Instant, cases: u64) -> bool {
        start.elapsed() >= self.duration && (self.duration.is_zero() || cases >= self.cases_min)
    }

    /// Runs cases until the time is over. `case` answers what became of its messages, for the report.
    pub fn run(self, mut case: impl FnMut(&mut fastrand::Rng) -> Vec<String>) -> Report {
        let start = Instant::now();
        let mut report = Report::default();
        loop {
            let seed = self.seed.wrapping_add(report.cases);
            let _guard = ShowSeed(seed);
            for outcome in case(&mut fastrand::Rng::with_seed(seed)) {
                *report.outcomes.entry(outcome).or_default() += 1;
            }
            report.cases += 1;
            if self.is_over(start, report.cases) {
                return report;
            }
        }
    }
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

/// What a session did.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// How many cases ran.
    pub cases: u64,
    /// How often each outcome was seen.
    pub outcomes: BTreeMap<String, u64>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} cases", self.cases)?;
        self.outcomes.iter().try_for_each(|(outcome, count)| writeln!(f, "{count:>12} {outcome}"))
    }
}
