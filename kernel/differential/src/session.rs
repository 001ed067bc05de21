//! A series of cases, bounded in time.

use crate::{
    case::Case,
    shrink::shrink,
    verdict::{End, Seen, check},
};
use anyhow::{Context, Result, bail};
use std::{
    collections::BTreeMap,
    env,
    hash::{BuildHasher, RandomState},
    time::{Duration, Instant},
};

/// How long, and from where.
#[derive(Clone, Copy, Debug)]
pub struct Session {
    /// The seed of the first case; each next one is one larger.
    pub seed: u64,
    /// For how long cases are started.
    pub duration: Duration,
    /// However slow the machine is, so many are run.
    pub cases_min: u64,
}

/// How many transactions ended how.
pub type Report = BTreeMap<String, u64>;

impl Session {
    /// What the environment asks for: `MILLRACE_FUZZ_SECONDS` (default 4; 0 for one case) and `MILLRACE_FUZZ_SEED`
    /// (default: another one each time).
    ///
    /// # Errors
    /// When one of them is not a number.
    pub fn from_environment() -> Result<Self> {
        let number = |name: &str| -> Result<Option<u64>> {
            env::var(name).ok().map(|text| text.parse().with_context(|| format!("{name}={text}"))).transpose()
        };
        let seed = number("MILLRACE_FUZZ_SEED")?.unwrap_or_else(|| RandomState::new().hash_one(0));
        let seconds = number("MILLRACE_FUZZ_SECONDS")?.unwrap_or(4);
        Ok(Self {
            seed,
            duration: Duration::from_secs(seconds),
            cases_min: if seconds == 0 { 1 } else { 300 },
        })
    }

    /// Runs cases until the time is over.
    ///
    /// # Errors
    /// At the first difference, with its seed and the smallest case that shows it.
    pub fn run(self) -> Result<Report> {
        let start = Instant::now();
        let mut report = Report::new();
        let mut cases = 0;
        while cases < self.cases_min || start.elapsed() < self.duration {
            run_seed(self.seed.wrapping_add(cases), &mut report)?;
            cases += 1;
        }
        report.insert("cases".into(), cases);
        Ok(report)
    }
}

/// Runs the case of a seed.
///
/// # Errors
/// When the sides differ or the case is broken.
pub fn run_seed(seed: u64, report: &mut Report) -> Result<()> {
    let case = Case::of_seed(seed);
    let again = || format!("run it again with MILLRACE_FUZZ_SEED={seed} MILLRACE_FUZZ_SECONDS=0");
    match check(&case).with_context(again)? {
        Ok(all) => {
            for seen in all {
                *report.entry(name(&seen)).or_default() += 1;
            }
            Ok(())
        }
        Err(_) => {
            let small = shrink(&case, |case| matches!(check(case), Ok(Err(_))));
            let difference = check(&small)?.err().context("the smaller case does not fail")?;
            bail!("{difference}\n{}\n{}", describe(&small), again())
        }
    }
}

fn name(seen: &Seen) -> String {
    // Without the figures that some reasons have.
    let kind = |text: &str| text.split([' ', '(']).next().unwrap_or_default().to_owned();
    match seen {
        Seen::Invalid(reason) => format!("invalid: {}", kind(reason)),
        Seen::Ended(ended) => match &ended.end {
            End::Success => "succeeded".into(),
            End::Revert => "reverted".into(),
            End::Halt(reason) => format!("halted: {}", kind(reason)),
        },
    }
}

fn describe(case: &Case) -> String {
    let mut out = format!("{:?}, base fee {}, beneficiary {:?}", case.fork, case.base_fee, case.beneficiary);
    for (index, code) in case.contracts.iter().enumerate() {
        out += &format!("\ncontract {index}: {}", hex::encode(code.concat()));
    }
    for plan in &case.transactions {
        out += &format!("\n{plan:?}\n data {}", hex::encode(plan.data.concat()));
    }
    out
}
