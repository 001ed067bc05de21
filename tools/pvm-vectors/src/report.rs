//! What became of the vectors.

use crate::ticks::Estimate;
use crate::vector::StateHash;
use millrace_pvm::Pvm;
use std::fmt::{Display, Formatter, Result, Write};

/// Differences that are shown of one vector.
const DIFFERENCES_SHOWN: usize = 20;

/// What became of a vector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Everything is as it was recorded.
    Passed,
    /// What differs.
    Failed(Vec<String>),
    /// Why it was not run.
    Skipped(String),
}

/// How many passed, failed and were skipped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// As recorded.
    pub passed: usize,
    /// Not so.
    pub failed: usize,
    /// Not run.
    pub skipped: usize,
}

impl Display for Counts {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

/// What is compared but fails no vector.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Agreement {
    /// Levels that were run.
    pub levels: u64,
    /// Of them, those whose ticks are all as estimated.
    pub levels_of_exact_ticks: u64,
    /// And those at whose end the tick counter is right.
    pub levels_of_exact_counter: u64,
    /// Run by run.
    pub estimates: Vec<Estimate>,
    /// Hashes of whole machines that were recorded where a level was run.
    pub state_hashes: u64,
    /// Those that are the same.
    pub state_hashes_equal: u64,
    /// Those that are not known here.
    pub state_hashes_unknown: u64,
}

impl Agreement {
    pub(crate) fn level(&mut self, estimates: Vec<Estimate>, is_counted: bool) {
        self.levels += 1;
        self.levels_of_exact_ticks += u64::from(estimates.iter().all(Estimate::is_exact));
        self.levels_of_exact_counter += u64::from(is_counted);
        self.estimates.extend(estimates);
    }

    pub(crate) fn state_hash(&mut self, pvm: &Pvm, recorded: Option<&StateHash>) {
        let Some(recorded) = recorded else { return };
        self.state_hashes += 1;
        match pvm.state().hash() {
            Some(hash) => self.state_hashes_equal += u64::from(recorded.hex.0 == *hash.as_bytes()),
            None => self.state_hashes_unknown += 1,
        }
    }

    fn add(&mut self, other: &Self) {
        self.levels += other.levels;
        self.levels_of_exact_ticks += other.levels_of_exact_ticks;
        self.levels_of_exact_counter += other.levels_of_exact_counter;
        self.estimates.extend_from_slice(&other.estimates);
        self.state_hashes += other.state_hashes;
        self.state_hashes_equal += other.state_hashes_equal;
        self.state_hashes_unknown += other.state_hashes_unknown;
    }
}

/// A vector and what became of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Tally {
    /// Its name; of a file that is no vector, that of the file.
    pub name: String,
    /// What became of it.
    pub verdict: Verdict,
    /// What fails no vector.
    pub agreement: Agreement,
}

impl Tally {
    pub(crate) fn named(name: String) -> Self {
        Self { name, verdict: Verdict::Passed, agreement: Agreement::default() }
    }
}

/// What became of all of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// In the order of their files.
    pub tallies: Vec<Tally>,
    /// Files of other formats.
    pub other_files: usize,
}

impl Report {
    /// How many passed, failed and were skipped.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for tally in &self.tallies {
            match tally.verdict {
                Verdict::Passed => counts.passed += 1,
                Verdict::Failed(_) => counts.failed += 1,
                Verdict::Skipped(_) => counts.skipped += 1,
            }
        }
        counts
    }

    /// Whether there was something to run, and nothing failed.
    pub fn is_success(&self) -> bool {
        !self.tallies.is_empty() && self.counts().failed == 0
    }

    /// What is compared but fails no vector, of all of them.
    pub fn agreement(&self) -> Agreement {
        let mut all = Agreement::default();
        self.tallies.iter().for_each(|tally| all.add(&tally.agreement));
        all
    }

    /// Each vector, and each run whose ticks are not as estimated.
    pub fn details(&self) -> String {
        let mut text = String::new();
        for Tally { name, verdict, agreement } in &self.tallies {
            let word = match verdict {
                Verdict::Passed => "passed",
                Verdict::Failed(_) => "failed",
                Verdict::Skipped(_) => "skipped",
            };
            // Writing to a string does not fail.
            let _ = writeln!(text, "{word} {name}");
            for Estimate { recorded, estimated, count } in
                agreement.estimates.iter().filter(|e| !e.is_exact())
            {
                let _ = writeln!(text, "  {count} × {recorded:?}, estimated {estimated:?}");
            }
        }
        text
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        for Tally { name, verdict, .. } in &self.tallies {
            match verdict {
                Verdict::Passed => {}
                Verdict::Skipped(reason) => writeln!(f, "skipped {name}: {reason}")?,
                Verdict::Failed(differences) => {
                    writeln!(f, "failed {name}")?;
                    for difference in differences.iter().take(DIFFERENCES_SHOWN) {
                        writeln!(f, "  {difference}")?;
                    }
                    if let Some(more) =
                        differences.len().checked_sub(DIFFERENCES_SHOWN).filter(|more| *more > 0)
                    {
                        writeln!(f, "  and {more} more")?;
                    }
                }
            }
        }
        if self.tallies.is_empty() {
            writeln!(f, "no vectors were found")?;
        } else {
            write!(f, "{}", self.agreement())?;
        }
        if self.other_files > 0 {
            writeln!(f, "{} files are no vectors of the PVM", self.other_files)?;
        }
        writeln!(f, "{}", self.counts())
    }
}

impl Display for Agreement {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let Self { levels, levels_of_exact_ticks, levels_of_exact_counter, .. } = self;
        writeln!(f, "ticks: exact on {levels_of_exact_ticks} of {levels} levels, {}", self.errors())?;
        writeln!(f, "tick counter: the same after {levels_of_exact_counter} of {levels} levels")?;
        match self.state_hashes {
            0 => writeln!(f, "state hash: none was recorded"),
            recorded => {
                let Self { state_hashes_equal: equal, state_hashes_unknown: unknown, .. } = self;
                writeln!(f, "state hash: the same {equal} of {recorded} times, not known {unknown} times")
            }
        }
    }
}

impl Agreement {
    /// The relative errors of the estimates, run by run.
    fn errors(&self) -> String {
        let mut errors: Vec<(f64, u64)> =
            self.estimates.iter().map(|estimate| (estimate.error(), estimate.count)).collect();
        errors.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        let runs: u64 = errors.iter().map(|(_, count)| count).sum();
        let exact: u64 = self.estimates.iter().filter(|e| e.is_exact()).map(|e| e.count).sum();
        let mut before = 0;
        let median = errors.iter().find(|(_, count)| {
            before += count;
            before * 2 >= runs
        });
        let median = median.map_or(0.0, |(error, _)| *error);
        let worst = errors.last().map_or(0.0, |(error, _)| *error);
        format!(
            "{exact} of {runs} runs; error {:.2} % in the median, {:.2} % at worst",
            100.0 * median,
            100.0 * worst
        )
    }
}
