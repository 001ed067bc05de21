//! What came of a run, as text.

use crate::case::{Id, Verdict};
use crate::skips::Skip;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// What became of one case.
#[derive(Debug)]
pub struct Outcome {
    /// Which case.
    pub id: Id,
    /// What became of it.
    pub verdict: Verdict,
    /// How long it took.
    pub time: Duration,
}

/// What came of a run. Its text ends with the line `N passed, N failed, N skipped`.
#[derive(Debug)]
pub struct Report {
    /// Files that were found, those of the PVM apart.
    pub files: usize,
    /// Scenarios of the PVM among them, which belong to `tools/pvm`.
    pub pvm_files: usize,
    /// Files that are about forks before Shanghai only.
    pub older_files: usize,
    /// In the order of the files, and of the cases in them.
    pub outcomes: Vec<Outcome>,
    /// Entries of the skip list whose suite is there and that applied to nothing.
    pub unused_skips: Vec<Skip>,
}

/// How many there were of each.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Counts {
    /// As they should be.
    pub passed: usize,
    /// Something differs.
    pub failed: usize,
    /// Not run.
    pub skipped: usize,
}

impl Counts {
    fn add(&mut self, verdict: &Verdict) {
        match verdict {
            Verdict::Passed => self.passed += 1,
            Verdict::Failed(_) => self.failed += 1,
            Verdict::Skipped(_) => self.skipped += 1,
        }
    }
}

impl Report {
    /// The sums.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        self.outcomes.iter().for_each(|outcome| counts.add(&outcome.verdict));
        counts
    }

    /// Whether there was something to run and nothing failed.
    pub fn is_success(&self) -> bool {
        self.files > 0 && self.counts().failed == 0
    }

    /// The counts of each folder, oldest path first.
    fn folders(&self) -> BTreeMap<&str, Counts> {
        let mut folders: BTreeMap<&str, Counts> = BTreeMap::new();
        for outcome in &self.outcomes {
            let folder = outcome.id.file.rsplit_once('/').map_or(".", |(folder, _)| folder);
            folders.entry(folder).or_default().add(&outcome.verdict);
        }
        folders
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut skipped: BTreeMap<&str, usize> = BTreeMap::new();
        for outcome in &self.outcomes {
            match &outcome.verdict {
                Verdict::Passed => {}
                Verdict::Failed(why) => writeln!(out, "FAILED {}\n    {why}", outcome.id)?,
                Verdict::Skipped(reason) => *skipped.entry(reason).or_default() += 1,
            }
        }
        for (folder, counts) in self.folders().into_iter().filter(|(_, counts)| counts.failed > 0) {
            writeln!(out, "{folder}: {counts}")?;
        }
        for (reason, count) in skipped {
            writeln!(out, "skipped {count}: {reason}")?;
        }
        for skip in &self.unused_skips {
            let suite = skip.suite.as_deref().unwrap_or_default();
            writeln!(out, "nothing in {suite} is skipped any more by the entry: {}", skip.reason)?;
        }
        if self.pvm_files > 0 {
            writeln!(out, "{} files are scenarios of the PVM: not Ethereum's, not counted", self.pvm_files)?;
        }
        if self.older_files > 0 {
            writeln!(out, "{} files are about forks before Shanghai only", self.older_files)?;
        }
        if self.files == 0 {
            writeln!(out, "no fixtures were found")?;
        }
        if let Some(slowest) = self.outcomes.iter().max_by_key(|outcome| outcome.time) {
            writeln!(out, "slowest, {:.1} s: {}", slowest.time.as_secs_f64(), slowest.id)?;
        }
        writeln!(out, "{} cases of {} files", self.outcomes.len(), self.files)?;
        writeln!(out, "{}", self.counts())
    }
}
