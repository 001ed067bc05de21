//! Runs vectors.

use crate::report::{Agreement, Report, Tally, Verdict};
use crate::skips::Skip;
use crate::ticks::{self, Counter};
use crate::vector::{Level, Vector};
use crate::{collect, compare};
use millrace_pvm::reveal::{DalPage, DalParameters, RevealHash};
use millrace_pvm::{Constants, Machine, MachineConfig, Preimages, Pvm, PvmError, Rollup, Version};
use std::collections::BTreeMap;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Wall-clock time that one run of a kernel may take.
pub const RUN_TIME_MS_MAX: u64 = 300_000;

/// What to run, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// A folder of vectors, or one.
    pub vectors: PathBuf,
    /// Only vectors whose name or path holds this text.
    pub filter: Option<String>,
    /// What is not run.
    pub skips: Vec<Skip>,
}

/// Why nothing was run.
#[derive(Debug, thiserror::Error)]
pub enum RunnerError {
    /// The folder cannot be read.
    #[error("{path}: {error}")]
    Folder {
        /// Where.
        path: PathBuf,
        /// What happened.
        error: io::Error,
    },
    /// This computer cannot run kernels.
    #[error(transparent)]
    Machine(#[from] PvmError),
}

/// Runs everything.
///
/// # Errors
/// [`RunnerError`]: there was nothing to begin with. A vector that is wrong is in the report.
pub fn run(options: &Options) -> Result<Report, RunnerError> {
    let config = MachineConfig { run_time_ms_max: Some(RUN_TIME_MS_MAX), ..MachineConfig::default() };
    let runner = Runner {
        counting: Machine::new(MachineConfig { counts_ticks: true, ..config.clone() })?,
        plain: Machine::new(config)?,
        options,
    };
    let path = &options.vectors;
    let files = collect::files(path).map_err(|error| RunnerError::Folder { path: path.clone(), error })?;
    let mut report = Report::default();
    for file in files {
        match runner.file(&file) {
            Found::Vector(tally) => report.tallies.push(*tally),
            Found::Other => report.other_files += 1,
            Found::FilteredOut => {}
        }
    }
    Ok(report)
}

struct Runner<'a> {
    counting: Machine,
    plain: Machine,
    options: &'a Options,
}

/// What a file is.
enum Found {
    Vector(Box<Tally>),
    /// JSON of another format.
    Other,
    FilteredOut,
}

impl Runner<'_> {
    fn file(&self, file: &Path) -> Found {
        let place = file.strip_prefix(&self.options.vectors).unwrap_or(file).display().to_string();
        let stem = file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let filter = self.options.filter.as_deref().unwrap_or_default();
        let vector = match read(file) {
            Ok(Some(vector)) => vector,
            Ok(None) => return Found::Other,
            Err(_) if !place.contains(filter) => return Found::FilteredOut,
            Err(error) => {
                let verdict = Verdict::Failed(vec![error]);
                return Found::Vector(Box::new(Tally { verdict, ..Tally::named(stem) }));
            }
        };
        if !vector.name.contains(filter) && !place.contains(filter) {
            return Found::FilteredOut;
        }
        let mut tally = Tally::named(vector.name.clone());
        tally.verdict = match self.options.skips.iter().find(|skip| skip.name == vector.name) {
            Some(skip) => Verdict::Skipped(skip.reason.clone()),
            None => match catch_unwind(AssertUnwindSafe(|| self.both(&vector, &mut tally.agreement))) {
                Ok(differences) if differences.is_empty() => Verdict::Passed,
                Ok(differences) => Verdict::Failed(differences),
                Err(_) => Verdict::Failed(vec!["the machine panicked".to_owned()]),
            },
        };
        Found::Vector(Box::new(tally))
    }

    /// On both machines; one that does not count cannot know when there were too many ticks.
    fn both(&self, vector: &Vector, agreement: &mut Agreement) -> Vec<String> {
        let mut differences = self.on(&self.counting, vector, Some(agreement));
        let is_cut = |level: &Level| level.stuck.as_ref().is_some_and(|fault| fault.kind == "too_many_ticks");
        if !vector.expected.levels.iter().any(is_cut) {
            let plain = self.on(&self.plain, vector, None);
            differences.extend(plain.into_iter().map(|what| format!("without counting ticks: {what}")));
        }
        differences
    }

    /// The differences of the first level that has any.
    fn on(&self, machine: &Machine, vector: &Vector, mut agreement: Option<&mut Agreement>) -> Vec<String> {
        let answers = Arc::new(Answers::of(vector));
        let mut pvm = match originate(machine, vector, answers.clone()) {
            Ok(pvm) => pvm,
            Err(error) => return vec![error],
        };
        if let Some(agreement) = &mut agreement {
            agreement.state_hash(&pvm, vector.expected.initial_state_hash.as_ref());
        }
        let mut counter = Counter::default();
        for (inbox, expected) in vector.levels.iter().zip(&vector.expected.levels) {
            let inputs: Vec<Vec<u8>> = inbox.inbox.iter().map(|input| input.0.clone()).collect();
            let at = |what: String| format!("level {}: {what}", expected.level);
            let report = match pvm.run_level(expected.level, &inputs) {
                Ok(report) => report,
                Err(error) => {
                    let mut differences: Vec<String> =
                        waiting(expected, &answers, &error).into_iter().collect();
                    if let Some(interrupted) = pvm.interrupted().filter(|_| differences.is_empty()) {
                        differences = compare::waiting(expected, interrupted, &vector.calls);
                    }
                    return differences.into_iter().map(at).collect();
                }
            };
            let differences = compare::level(expected, &report, pvm.durable(), &vector.calls);
            if !differences.is_empty() {
                return differences.into_iter().map(at).collect();
            }
            if let Some(agreement) = &mut agreement {
                let window = pvm.constants().ticks_per_snapshot;
                let is_counted = counter.agrees(expected, inputs.len(), &report, window);
                agreement.level(ticks::of_level(expected, &report), is_counted);
                agreement.state_hash(&pvm, expected.state_hash.as_ref());
            }
        }
        missing_levels(vector)
    }
}

/// A recording may only end early where the machine waits.
fn missing_levels(vector: &Vector) -> Vec<String> {
    let (inboxes, recorded) = (vector.levels.len(), vector.expected.levels.len());
    if inboxes == recorded {
        return Vec::new();
    }
    vec![format!("{inboxes} inboxes, but {recorded} levels were recorded")]
}

/// What stops a level is right when the recording waits for the same.
fn waiting(expected: &Level, answers: &Answers, error: &PvmError) -> Option<String> {
    let waits_for = answers.unanswered.lock().unwrap_or_else(PoisonError::into_inner).clone();
    match (expected.status.as_str(), &expected.waiting_reveal, waits_for) {
        ("waiting_for_reveal", Some(recorded), Some(request)) if recorded.0 == request => None,
        (status, ..) => Some(format!("{status} was recorded, but: {error}")),
    }
}

/// `None` for a file that nobody would take for a vector of the PVM: Ethereum's fixtures may lie in the same folder.
fn read(file: &Path) -> Result<Option<Vector>, String> {
    let text = std::fs::read_to_string(file).map_err(|error| error.to_string())?;
    let content: serde_json::Value =
        serde_json::from_str(&text).map_err(|error| format!("no JSON: {error}"))?;
    if content.get("pvm_version").is_none() && content.get("kernel").is_none() {
        return Ok(None);
    }
    serde_json::from_value(content).map(Some).map_err(|error| format!("no vector: {error}"))
}

fn originate(machine: &Machine, vector: &Vector, answers: Arc<Answers>) -> Result<Pvm, String> {
    let parameters = &vector.params;
    let version = Version::parse(vector.pvm_version.as_bytes())
        .ok_or_else(|| format!("nobody knows the version {}", vector.pvm_version))?;
    let (address, level) = parameters.metadata.0.split_at_checked(20).ok_or("metadata are 24 bytes")?;
    let rollup = Rollup {
        address: address.try_into().map_err(|_| "an address is 20 bytes")?,
        origination_level: u32::from_be_bytes(level.try_into().map_err(|_| "a level is 4 bytes")?),
    };
    let mut pvm = Pvm::originate(machine.clone(), rollup, answers, version, vector.kernel.wasm.0.clone());
    pvm.set_constants(Constants {
        ticks_per_snapshot: parameters.ticks_per_snapshot,
        outbox_validity_levels: parameters.outbox_validity_period,
        outbox_messages_per_level_max: parameters.outbox_message_limit,
        reboots_per_level_max: parameters.maximum_reboots_per_input,
    });
    Ok(pvm)
}

/// The answers that were given to reveals.
struct Answers {
    preimages: BTreeMap<String, Vec<u8>>,
    others: BTreeMap<String, Vec<u8>>,
    dal: DalParameters,
    /// The request that there is no answer to.
    unanswered: Mutex<Option<Vec<u8>>>,
}

impl Answers {
    fn of(vector: &Vector) -> Self {
        let table = |answers: &BTreeMap<String, crate::vector::Bytes>| {
            answers.iter().map(|(request, answer)| (request.to_lowercase(), answer.0.clone())).collect()
        };
        let numbers = vector.params.dal_parameters.0.as_chunks().0;
        let number = |index: usize| numbers.get(index).map_or(0, |bytes| i64::from_be_bytes(*bytes));
        Self {
            preimages: table(&vector.preimages),
            others: table(&vector.other_reveals),
            dal: DalParameters {
                number_of_slots: number(0),
                attestation_lag: number(1),
                slot_size_bytes: number(2),
                page_size_bytes: number(3),
            },
            unanswered: Mutex::default(),
        }
    }

    fn lacks(&self, request: Vec<u8>) {
        *self.unanswered.lock().unwrap_or_else(PoisonError::into_inner) = Some(request);
    }

    fn other(&self, request: Vec<u8>) -> io::Result<Vec<u8>> {
        if let Some(answer) = self.others.get(&hex::encode(&request)) {
            return Ok(answer.clone());
        }
        self.lacks(request);
        Err(io::Error::new(io::ErrorKind::NotFound, "no answer was recorded"))
    }
}

impl Preimages for Answers {
    fn preimage(&self, hash: &RevealHash) -> io::Result<Option<Vec<u8>>> {
        let preimage = self.preimages.get(&hex::encode(hash)).cloned();
        if preimage.is_none() {
            self.lacks([&[0], hash.as_slice()].concat());
        }
        Ok(preimage)
    }

    fn dal_page(&self, page: DalPage) -> io::Result<Option<Vec<u8>>> {
        self.other(page.request()).map(Some)
    }

    fn dal_parameters(&self) -> DalParameters {
        self.dal
    }

    fn other(&self, request: &[u8]) -> io::Result<Option<Vec<u8>>> {
        Ok(self.others.get(&hex::encode(request)).cloned())
    }
}
