//! Runs vectors recorded from the Octez PVM, from the folder that `MILLRACE_PVM_VECTORS` names.
//!
//! Compared after each level: status, runs and how each ended, durable storage, outbox, debug output, reveal
//! requests and the durable hash. Not compared: ticks, and the hash of the whole machine.

use blake2::digest::consts::U32;
use blake2::{Blake2b, Digest};
use millrace_pvm::reveal::{DalPage, DalParameters, RevealHash};
use millrace_pvm::{
    LevelReport, Machine, MachineConfig, Outcome, Preimages, Pvm, PvmError, Rollup, Status, Stuck, Trap,
    Version,
};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// Vectors that this host answers differently, and why.
const EXPECTED_DIFFERENT: [(&str, &str); 3] = [
    ("too_many_ticks", "ticks are not counted"),
    ("too_many_ticks_edge_fails", "ticks are not counted"),
    ("too_many_ticks_edge_passes", "ticks are not counted"),
];

struct Recorded {
    preimages: BTreeMap<Vec<u8>, Vec<u8>>,
    dal: DalParameters,
}

impl Preimages for Recorded {
    fn preimage(&self, hash: &RevealHash) -> std::io::Result<Option<Vec<u8>>> {
        Ok(self.preimages.get(hash.as_slice()).cloned())
    }

    fn dal_page(&self, _: DalPage) -> std::io::Result<Option<Vec<u8>>> {
        Ok(None)
    }

    fn dal_parameters(&self) -> DalParameters {
        self.dal
    }
}

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().expect("a string of hexadecimal digits")).expect("hexadecimal digits")
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a string")
}

fn machine_of(vector: &Value, machine: &Machine) -> Pvm {
    let parameters = &vector["params"];
    let metadata = bytes(&parameters["metadata"]);
    let dal = bytes(&parameters["dal_parameters"]);
    let number =
        |index: usize| i64::from_be_bytes(dal[8 * index..8 * index + 8].try_into().expect("8 bytes"));
    let preimages = vector["preimages"].as_object().expect("a table of preimages");
    let recorded = Recorded {
        preimages: preimages
            .iter()
            .map(|(hash, data)| (hex::decode(hash).expect("a hash"), bytes(data)))
            .collect(),
        dal: DalParameters {
            number_of_slots: number(0),
            attestation_lag: number(1),
            slot_size_bytes: number(2),
            page_size_bytes: number(3),
        },
    };
    let rollup = Rollup {
        address: metadata[..20].try_into().expect("20 bytes"),
        origination_level: u32::from_be_bytes(metadata[20..].try_into().expect("4 bytes")),
    };
    let version = Version::parse(text(&vector["pvm_version"]).as_bytes()).expect("a known version");
    let kernel = bytes(&vector["kernel"]["wasm"]);
    Pvm::originate(machine.clone(), rollup, Arc::new(recorded), version, kernel)
}

/// Whether recorded bytes, in full or as length and digest, are `actual`.
fn is_same(expected: &Value, actual: &[u8]) -> bool {
    if let Some(digits) = expected.as_str() {
        return hex::encode(actual) == digits;
    }
    let length = expected["length"].as_u64();
    let digest = expected["blake2b"].as_str().map(str::to_owned);
    length == Some(actual.len() as u64)
        && digest.is_none_or(|digest| hex::encode(Blake2b::<U32>::digest(actual)) == digest)
}

fn differences_in_list(what: &str, expected: &Value, actual: &[impl AsRef<[u8]>]) -> Vec<String> {
    let expected = expected.as_array().map(Vec::as_slice).unwrap_or_default();
    let same = expected.len() == actual.len()
        && expected.iter().zip(actual).all(|(expected, actual)| is_same(expected, actual.as_ref()));
    if same {
        return Vec::new();
    }
    let actual: Vec<_> =
        actual.iter().map(|bytes| hex::encode(&bytes.as_ref()[..bytes.as_ref().len().min(40)])).collect();
    vec![format!("{what}: expected {expected:?}, is {actual:?}")]
}

fn stuck_kind(stuck: &Stuck) -> &'static [&'static str] {
    match stuck {
        Stuck::NoFallbackKernel { .. } => &["no_fallback_kernel"],
        Stuck::NoEntry => &["invalid_state"],
        Stuck::EntryWithParameters | Stuck::CallStackExhausted => &["eval_error"],
        Stuck::Fatal { .. } => &["eval_error", "unknown_error"],
        Stuck::TooManyTicks => &["too_many_ticks"],
        Stuck::MalformedMigration => &["decode_error", "unknown_error"],
    }
}

fn trap_text(trap: Trap) -> String {
    trap.to_string()
}

fn outcome_differences(expected: &Value, report: &LevelReport) -> Vec<String> {
    let mut differences = Vec::new();
    let mut runs = report.runs.iter();
    for group in expected["runs"].as_array().expect("runs") {
        for _ in 0..group["count"].as_u64().expect("a count") {
            let Some(run) = runs.next() else { return vec!["too few runs".into()] };
            let is_right = match (text(&group["outcome"]), &run.outcome) {
                ("ok", Outcome::Finished) => true,
                ("trap", Outcome::Trapped(trap)) => text(&group["trap"]) == trap_text(*trap),
                ("fallback", Outcome::FellBack { phase, .. }) => {
                    text(&group["error"]["kind"]) == format!("{phase:?}_error").to_lowercase()
                }
                ("stuck", Outcome::Stuck(_)) => true,
                _ => false,
            };
            if !is_right {
                differences.push(format!("run: expected {group}, is {:?}", run.outcome));
            }
        }
    }
    if runs.next().is_some() {
        differences.push("too many runs".into());
    }
    differences
}

fn status_differences(expected: &Value, report: &LevelReport) -> Vec<String> {
    let is_right = match (text(&expected["status"]), &report.status) {
        ("ok", Status::WaitingForInput) => true,
        ("stuck", Status::Stuck(stuck)) => {
            let cause = match stuck {
                Stuck::NoFallbackKernel { phase, .. } => Some(format!("{phase:?}_error").to_lowercase()),
                _ => None,
            };
            stuck_kind(stuck).contains(&text(&expected["stuck"]["kind"]))
                && cause.is_none_or(|cause| text(&expected["stuck"]["cause"]["kind"]) == cause)
        }
        _ => false,
    };
    if is_right {
        return Vec::new();
    }
    vec![format!("status: expected {} {}, is {:?}", expected["status"], expected["stuck"], report.status)]
}

fn durable_differences(expected: &Value, pvm: &Pvm) -> Vec<String> {
    let mut differences = Vec::new();
    let dump = expected["durable"].as_object().expect("a durable storage");
    for (key, value) in dump {
        match pvm.durable().get(key) {
            None => differences.push(format!("{key}: missing")),
            // A huge value is not spelled out; the durable hash covers it.
            Some(actual) if actual.len() > 1 << 24 => {
                if value["length"].as_u64() != Some(actual.len() as u64) {
                    differences.push(format!("{key}: expected {value}, has {} bytes", actual.len()));
                }
            }
            Some(actual) if !is_same(value, &actual.to_bytes()) => {
                let actual = actual.to_bytes();
                differences.push(format!(
                    "{key}: expected {value}, is {}",
                    hex::encode(&actual[..actual.len().min(400)])
                ));
            }
            Some(_) => {}
        }
    }
    for (key, _) in pvm.durable().values() {
        if !dump.contains_key(&key) {
            differences.push(format!("{key}: must not be there"));
        }
    }
    if let Some(hash) = expected["durable_hash"].as_str()
        && hex::encode(pvm.durable().hash()) != hash
    {
        differences.push(format!("durable hash: expected {hash}"));
    }
    differences
}

fn level_differences(expected: &Value, report: &LevelReport, pvm: &Pvm) -> Vec<String> {
    let mut rest = report.debug.as_slice();
    let debug: Vec<&[u8]> = report
        .debug_call_sizes
        .iter()
        .map(|size| {
            let (piece, after) = rest.split_at(*size);
            rest = after;
            piece
        })
        .collect();
    [
        status_differences(expected, report),
        outcome_differences(expected, report),
        differences_in_list("outbox", &expected["outbox"], &report.outbox),
        differences_in_list("debug", &expected["debug"], &debug),
        differences_in_list("reveals", &expected["reveal_requests"], &report.reveal_requests),
        durable_differences(expected, pvm),
    ]
    .concat()
}

fn differences(vector: &Value, machine: &Machine) -> Vec<String> {
    let mut pvm = machine_of(vector, machine);
    let levels = vector["levels"].as_array().expect("levels");
    for (level, expected) in levels.iter().zip(vector["expected"]["levels"].as_array().expect("levels")) {
        let inputs: Vec<_> = level["inbox"].as_array().expect("an inbox").iter().map(bytes).collect();
        let number = expected["level"].as_u64().expect("a level") as u32;
        let found = match pvm.run_level(number, &inputs) {
            Ok(report) => level_differences(expected, &report, &pvm),
            Err(PvmError::PreimageMissing { hash }) if text(&expected["status"]) == "waiting_for_reveal" => {
                // The recording ends here, in the middle of a run.
                let request = format!("00{}", hex::encode(hash));
                if expected["waiting_reveal"] == request {
                    Vec::new()
                } else {
                    vec![format!("waits for {request}")]
                }
            }
            Err(error) => vec![format!("{error}")],
        };
        if !found.is_empty() {
            return found.into_iter().map(|what| format!("level {number}: {what}")).collect();
        }
    }
    Vec::new()
}

#[test]
fn recorded_vectors_agree() {
    let Some(folder) = std::env::var_os("MILLRACE_PVM_VECTORS") else {
        eprintln!("MILLRACE_PVM_VECTORS names no folder: no vector was run");
        return;
    };
    let machine = Machine::new(MachineConfig::default()).expect("a machine");
    let mut files: Vec<_> = std::fs::read_dir(Path::new(&folder))
        .expect("the folder of vectors")
        .map(|entry| entry.expect("an entry of the folder").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    files.sort();
    let (mut passed, mut failed, mut skipped) = (0, 0, 0);
    for file in &files {
        let content = std::fs::read_to_string(file).expect("a readable file");
        let vector: Value = serde_json::from_str(&content).expect("a vector");
        let name = text(&vector["name"]);
        if let Some((_, reason)) = EXPECTED_DIFFERENT.iter().find(|(different, _)| *different == name) {
            skipped += 1;
            eprintln!("skipped {name}: {reason}");
            continue;
        }
        let found = differences(&vector, &machine);
        if found.is_empty() {
            passed += 1;
        } else {
            failed += 1;
            eprintln!("FAILED {name}");
            found
                .iter()
                .for_each(|difference| eprintln!("  {}", difference.chars().take(600).collect::<String>()));
        }
    }
    eprintln!("{passed} passed, {failed} failed, {skipped} skipped");
    assert!(!files.is_empty(), "no vector in the folder");
    assert_eq!(failed, 0, "vectors failed");
}
