//! Why a machine is stuck, as Octez spells it (`wasm_pvm_errors.ml`).
//!
//! An error of the interpreter is the exception, as OCaml prints it, and an explanation, each cut to 128 bytes.

use super::encoding::counted;
use crate::guest::Abort;
use crate::status::{BootPhase, Stuck};

/// Bytes of an exception or explanation: more are cut off.
const TEXT_BYTES_MAX: usize = 128;

const INIT_ERROR: u8 = 2;
const EVAL_ERROR: u8 = 3;
const INVALID_STATE: u8 = 4;
const UNKNOWN_ERROR: u8 = 5;
const TOO_MANY_TICKS: u8 = 6;
const NO_FALLBACK_KERNEL: u8 = 8;
const DECODE_CAUSE: u8 = 0;
const LINK_CAUSE: u8 = 1;
const INIT_CAUSE: u8 = INIT_ERROR;

/// The bytes at `wasm/value`; `None` when we do not know how Octez says it.
pub(super) fn encode(stuck: &Stuck) -> Option<Vec<u8>> {
    Some(match stuck {
        Stuck::NoFallbackKernel { phase, detail } => {
            [vec![NO_FALLBACK_KERNEL], cause(*phase, detail)?].concat()
        }
        Stuck::NoEntry => {
            tagged(INVALID_STATE, &truncated("Invalid_module: no `kernel_run` function exported"))
        }
        Stuck::EntryWithParameters => {
            tagged(EVAL_ERROR, &exception("Tezos_lazy_containers.Lazy_vector.Bounds", None))
        }
        Stuck::CallStackExhausted => tagged(EVAL_ERROR, &error("call stack exhausted")),
        Stuck::TooManyTicks => vec![TOO_MANY_TICKS],
        Stuck::Fatal { detail } if detail == Abort::SEVERAL_MEMORIES => tagged(EVAL_ERROR, &error(detail)),
        Stuck::Fatal { detail } if Abort::NEGATIVE_SIZES.contains(&detail.as_str()) => {
            tagged(UNKNOWN_ERROR, &truncated("Invalid_argument(\"String.sub / Bytes.sub\")"))
        }
        Stuck::Fatal { .. } | Stuck::MalformedMigration => return None,
    })
}

/// Why a kernel did not boot. Most of what can be wrong with a module is said in words of Octez's decoder.
fn cause(phase: BootPhase, detail: &str) -> Option<Vec<u8>> {
    /// What a detail of ours begins with, and Octez's words.
    const DECODING: [(&str, &str); 3] = [
        ("float instructions are forbidden", "float instructions are forbidden"),
        ("names cannot exceed 512 bytes", "Names cannot exceed 512 bytes"),
        ("not a module of the PVM: magic header not detected", "magic header not detected"),
    ];
    const TRAPS: [&str; 5] = [
        "unreachable executed",
        "out of bounds memory access",
        "integer divide by zero",
        "integer overflow",
        "out of bounds table access",
    ];
    match phase {
        BootPhase::Decode => {
            let known = DECODING.iter().find(|(start, _)| detail.starts_with(start)).map(|(_, words)| *words);
            let words = known.or_else(|| {
                let words = detail.strip_prefix("not a module of the PVM: ")?;
                words.starts_with("illegal opcode ").then_some(words)
            })?;
            Some(tagged(DECODE_CAUSE, &error(words)))
        }
        BootPhase::Link => {
            let rest = detail.strip_prefix('u')?;
            Some(tagged(LINK_CAUSE, &truncated(&format!("U{rest}"))))
        }
        BootPhase::Init if detail == NO_MEMORY => {
            let missing = exception(
                "Tezos_webassembly_interpreter.Eval.Missing_memory_0_export",
                Some("Module must export memory 0"),
            );
            Some(tagged(INIT_CAUSE, &missing))
        }
        BootPhase::Init if TRAPS.contains(&detail) || detail == Abort::Initialising.to_string() => {
            Some(tagged(INIT_CAUSE, &error(detail)))
        }
        BootPhase::Init => None,
    }
}

/// Our words for a module whose memory is not exported.
pub(crate) const NO_MEMORY: &str = "module must export memory 0";

fn tagged(tag: u8, rest: &[u8]) -> Vec<u8> {
    [&[tag], rest].concat()
}

/// An exception of the interpreter that has a place and words: OCaml prints the place as `_`.
fn error(words: &str) -> Vec<u8> {
    exception(&format!("Error(_, \"{words}\")"), Some(words))
}

fn exception(raw: &str, explanation: Option<&str>) -> Vec<u8> {
    let explanation = match explanation {
        Some(words) => tagged(1, &truncated(words)),
        None => vec![0],
    };
    [truncated(raw), explanation].concat()
}

/// Characters after their number. What is cut is bytes, whatever the characters.
fn truncated(text: &str) -> Vec<u8> {
    counted(&text.as_bytes()[..text.len().min(TEXT_BYTES_MAX)])
}
