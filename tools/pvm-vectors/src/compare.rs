//! What a level left behind, against what was observed.

use crate::vector::{Content, Fault, Level, Runs};
use blake2::digest::consts::U32;
use blake2::{Blake2b, Digest};
use millrace_pvm::durable::{Durable, Value};
use millrace_pvm::{Interrupted, LevelReport, Outcome, RunReport, Status, Stuck};
use std::fmt::Display;

/// A value longer than this is compared by its length; the durable hash covers its bytes.
const VALUE_BYTES_COMPARED_MAX: usize = 1 << 24;
/// Bytes that are shown of what differs.
const BYTES_SHOWN: usize = 40;

/// All differences after a level, in words.
pub fn level(expected: &Level, report: &LevelReport, durable: &Durable, calls: &[String]) -> Vec<String> {
    let mut differences = Vec::new();
    status(expected, &report.status, &mut differences);
    runs(expected, report.runs.len() as u64, &mut differences);
    effects(expected, report, durable, calls, &mut differences);
    differences
}

/// The same for a level that waits, whose last run has not ended.
pub fn waiting(expected: &Level, interrupted: &Interrupted, calls: &[String]) -> Vec<String> {
    let Interrupted { report, durable } = interrupted;
    let mut differences = Vec::new();
    runs(expected, report.runs.len() as u64 + 1, &mut differences);
    effects(expected, report, durable, calls, &mut differences);
    differences
}

fn runs(expected: &Level, runs: u64, differences: &mut Vec<String>) {
    if runs != expected.kernel_runs {
        differences.push(format!("{} runs were recorded, there were {runs}", expected.kernel_runs));
    }
}

fn effects(
    expected: &Level,
    report: &LevelReport,
    durable: &Durable,
    calls: &[String],
    differences: &mut Vec<String>,
) {
    outcomes(&expected.runs, &report.runs, differences);
    contents("outbox", &expected.outbox, &report.outbox, differences);
    let recorded: Vec<Content> =
        expected.debug.iter().filter(|piece| !is_complaint(piece)).cloned().collect();
    contents("debug output", &recorded, &pieces(report), differences);
    contents("reveal requests", &expected.reveal_requests, &report.reveal_requests, differences);
    results(expected, durable, calls, differences);
    values(expected, durable, differences);
}

fn status(expected: &Level, actual: &Status, differences: &mut Vec<String>) {
    let is_right = match (expected.status.as_str(), actual) {
        ("ok", Status::WaitingForInput) => true,
        ("stuck", Status::Stuck(stuck)) => {
            expected.stuck.as_ref().is_some_and(|fault| is_same_fault(fault, stuck))
        }
        _ => false,
    };
    if !is_right {
        let recorded = describe(&expected.status, expected.stuck.as_ref());
        differences.push(format!("status {recorded} was recorded, it is {actual:?}"));
    }
}

fn describe(word: &str, fault: Option<&Fault>) -> String {
    let Some(fault) = fault else { return word.to_owned() };
    let cause = fault.cause.as_ref().map(|cause| format!(", {}", cause.kind)).unwrap_or_default();
    format!("{word} ({}{cause})", fault.kind)
}

/// Whether it is the same kind. What an interpreter calls an unknown error is any exception of its own.
fn is_same_fault(fault: &Fault, stuck: &Stuck) -> bool {
    let kinds: &[&str] = match stuck {
        Stuck::NoFallbackKernel { .. } => &["no_fallback_kernel"],
        Stuck::NoEntry => &["invalid_state"],
        Stuck::EntryWithParameters | Stuck::CallStackExhausted => &["eval_error"],
        Stuck::Fatal { .. } => &["eval_error", "unknown_error"],
        Stuck::TooManyTicks => &["too_many_ticks"],
        Stuck::MalformedMigration => &["decode_error", "unknown_error"],
    };
    let cause = match stuck {
        Stuck::NoFallbackKernel { phase, .. } => Some(phase_error(phase)),
        _ => None,
    };
    let recorded = fault.cause.as_ref().map(|cause| cause.kind.as_str());
    kinds.contains(&fault.kind.as_str()) && cause.is_none_or(|cause| recorded == Some(cause.as_str()))
}

fn phase_error(phase: &millrace_pvm::BootPhase) -> String {
    format!("{phase:?}_error").to_lowercase()
}

fn outcomes(expected: &[Runs], actual: &[RunReport], differences: &mut Vec<String>) {
    let recorded = expected.iter().flat_map(|runs| (0..runs.count).map(move |_| runs));
    for (index, (recorded, run)) in recorded.zip(actual).enumerate() {
        if !is_same_outcome(recorded, &run.outcome) {
            let what = recorded.trap.as_deref().unwrap_or_default();
            let recorded = describe(&recorded.outcome, recorded.error.as_ref());
            differences.push(format!("run {index}: {recorded} {what} was recorded, it is {:?}", run.outcome));
        }
    }
}

fn is_same_outcome(expected: &Runs, actual: &Outcome) -> bool {
    match (expected.outcome.as_str(), actual) {
        ("ok", Outcome::Finished) | ("stuck", Outcome::Stuck(_)) => true,
        ("trap", Outcome::Trapped(trap)) => {
            expected.trap.as_ref().is_none_or(|recorded| *recorded == trap.to_string())
        }
        ("fallback", Outcome::FellBack { phase, .. }) => {
            expected.error.as_ref().is_none_or(|error| error.kind == phase_error(phase))
        }
        _ => false,
    }
}

/// What the recorder's printer shows in the place of debug output that is not in the memory; we show nothing there.
fn is_complaint(recorded: &Content) -> bool {
    matches!(recorded, Content::Full(bytes) if bytes.0.starts_with(b"Error code: -"))
}

/// Debug output as it was written, call by call.
fn pieces(report: &LevelReport) -> Vec<&[u8]> {
    let mut rest = report.debug.as_slice();
    let take = |size: &usize| {
        let (piece, after) = rest.split_at(*size);
        rest = after;
        piece
    };
    report.debug_call_sizes.iter().map(take).collect()
}

fn contents(what: &str, expected: &[Content], actual: &[impl AsRef<[u8]>], differences: &mut Vec<String>) {
    if expected.len() != actual.len() {
        differences.push(format!("{what}: {} were recorded, there are {}", expected.len(), actual.len()));
    }
    for (index, (expected, actual)) in expected.iter().zip(actual).enumerate() {
        let actual = actual.as_ref();
        if !is_same(expected, actual) {
            differences.push(format!("{what}, number {index}: {}", differ(expected, actual)));
        }
    }
}

fn is_same(expected: &Content, actual: &[u8]) -> bool {
    match expected {
        Content::Full(bytes) => bytes.0 == actual,
        Content::Digest { length, blake2b } => {
            let is_digest =
                |digest: &crate::vector::Bytes| digest.0 == Blake2b::<U32>::digest(actual).as_slice();
            *length == actual.len() as u64 && blake2b.as_ref().is_none_or(is_digest)
        }
    }
}

fn differ(expected: &Content, actual: &[u8]) -> String {
    let recorded = match expected {
        Content::Full(bytes) => shown(&bytes.0),
        Content::Digest { length, .. } => format!("{length} bytes"),
    };
    format!("{recorded} was recorded, it is {}", shown(actual))
}

fn shown(bytes: &[u8]) -> String {
    let start = hex::encode(bytes.get(..BYTES_SHOWN).unwrap_or(bytes));
    if bytes.len() > BYTES_SHOWN {
        format!("{start}… ({} bytes)", bytes.len())
    } else {
        format!("0x{start}")
    }
}

fn results(expected: &Level, durable: &Durable, calls: &[String], differences: &mut Vec<String>) {
    let Some(recorded) = &expected.results else { return };
    let bytes = durable.get(&recorded.key).map(|value| value.to_bytes().into_owned()).unwrap_or_default();
    let codes: Vec<i32> = bytes.as_chunks().0.iter().map(|code| i32::from_le_bytes(*code)).collect();
    if codes.len() != recorded.codes.len() {
        let recorded = recorded.codes.len();
        differences.push(format!("{recorded} result codes were recorded, there are {}", codes.len()));
    }
    for (index, (recorded, code)) in recorded.codes.iter().zip(&codes).enumerate() {
        if recorded != code {
            let call = calls.get(index).map_or("", String::as_str);
            differences.push(format!("call {index} {call}: {recorded} was recorded, it is {code}"));
        }
    }
}

fn values(expected: &Level, durable: &Durable, differences: &mut Vec<String>) {
    let mut differs = |key: &str, how: &dyn Display| differences.push(format!("{key}: {how}"));
    for (key, recorded) in &expected.durable {
        match durable.get(key) {
            None => differs(key, &"is not there"),
            Some(value) => {
                if let Some(difference) = value_difference(recorded, value) {
                    differs(key, &difference);
                }
            }
        }
    }
    for (key, _) in durable.values().filter(|(key, _)| !expected.durable.contains_key(key)) {
        differs(&key, &"was not there");
    }
    if let Some(hash) = &expected.durable_hash
        && hash.0 != durable.hash()
    {
        differs(
            "durable hash",
            &format!("{} was recorded, it is {}", hex::encode(&hash.0), hex::encode(durable.hash())),
        );
    }
}

fn value_difference(expected: &Content, value: &Value) -> Option<String> {
    if value.len() > VALUE_BYTES_COMPARED_MAX {
        let recorded = match expected {
            Content::Full(bytes) => bytes.0.len() as u64,
            Content::Digest { length, .. } => *length,
        };
        let is_same = recorded == value.len() as u64;
        return (!is_same).then(|| format!("{recorded} bytes were recorded, there are {}", value.len()));
    }
    let bytes = value.to_bytes();
    (!is_same(expected, &bytes)).then(|| differ(expected, &bytes))
}
