//! Durable storages in files, and levels in files: the formats of the wasm debugger of Octez, which also its rollup node
//! writes (`dump durable storage`, `smart-rollup-installer` configurations; inputs of `octez-smart-rollup-wasm-debugger`).

use super::{RecordedLevel, Recording};
use millrace_engine::standing::Standing;
use millrace_layout::clock::L1Clock;
use millrace_primitives::{L1Level, RollupAddress, Timestamp};
use millrace_pvm::{
    Rollup, State, Status, Version,
    durable::{Durable, ErrorCode},
    inputs::{LevelInfo, external, level_inputs},
};
use millrace_wire::{frame::Kind, message};
use serde::Deserialize;

/// Largest file that is read.
pub const FILE_BYTES_MAX: u64 = 1 << 30;
/// Time from one level to the next.
const LEVEL_S: u64 = 6;
/// Levels without messages after one that forces the upgrade.
const QUIET_LEVELS: usize = 3;

/// Why a file is not what it should be.
#[derive(Debug, thiserror::Error)]
pub enum DumpError {
    /// Neither YAML nor JSON of this kind.
    #[error("not a dump of durable storage: {0}")]
    Storage(String),
    /// Not the inputs of the debugger.
    #[error("not a list of levels of messages: {0}")]
    Inputs(String),
    /// Something else than `set`: what a program would do is not in a dump.
    #[error("instruction {index} is not `set`")]
    Instruction {
        /// Which, from 0.
        index: usize,
    },
    /// A value or message that is not hexadecimal.
    #[error("{what} is not hexadecimal")]
    Digits {
        /// Which.
        what: String,
    },
    /// Keys that the PVM does not have.
    #[error("a key that the PVM does not have ({0:?})")]
    Key(ErrorCode),
    /// It has no version of the PVM that we know, or none of its own keys.
    #[error("the durable storage has no version of the PVM")]
    Version,
    /// The kernel has never run.
    #[error("the durable storage has no time of the layer 1: its kernel has not run")]
    Clock,
}

#[derive(Deserialize)]
struct Program {
    instructions: Vec<Instruction>,
}

#[derive(Deserialize)]
struct Instruction {
    set: Option<Set>,
}

#[derive(Deserialize)]
struct Set {
    value: String,
    to: String,
}

#[derive(Deserialize)]
struct Message {
    external: Option<String>,
    serialized: Option<String>,
}

/// Reads a durable storage: `instructions`, each `set: {value: hexadecimal, to: key}`, in YAML or JSON.
///
/// # Errors
/// [`DumpError`].
pub fn storage(text: &str) -> Result<Durable, DumpError> {
    let program: Program = if text.trim_start().starts_with('{') {
        serde_json::from_str(text).map_err(|error| DumpError::Storage(error.to_string()))?
    } else {
        // The default bounds are for configurations; the size of the file bounds this.
        let options = serde_saphyr::options! { budget: None };
        serde_saphyr::from_str_with_options(text, options)
            .map_err(|error| DumpError::Storage(error.to_string()))?
    };
    let mut values = Vec::with_capacity(program.instructions.len());
    for (index, instruction) in program.instructions.into_iter().enumerate() {
        let Set { value, to } = instruction.set.ok_or(DumpError::Instruction { index })?;
        let value = digits(&value).ok_or_else(|| DumpError::Digits { what: format!("the value of {to}") })?;
        values.push((to, value));
    }
    let durable = Durable::from_values(values).map_err(DumpError::Key)?;
    if Version::of(&durable).is_none() {
        return Err(DumpError::Version);
    }
    Ok(durable)
}

/// Reads the inputs of levels: a list of lists of messages, each `{"external": hexadecimal}` (without its tag) or
/// `{"serialized": hexadecimal}` (whole).
///
/// # Errors
/// [`DumpError::Inputs`] and [`DumpError::Digits`].
pub fn inputs(text: &str) -> Result<Vec<Vec<Vec<u8>>>, DumpError> {
    let levels: Vec<Vec<Message>> =
        serde_json::from_str(text).map_err(|error| DumpError::Inputs(error.to_string()))?;
    let bytes_of = |(level, index, message): (usize, usize, &Message)| {
        let what = || format!("message {index} of level {level}");
        let bytes = match (&message.external, &message.serialized) {
            (Some(text), None) => digits(text).map(|bytes| external(&bytes)),
            (None, Some(text)) => digits(text),
            _ => return Err(DumpError::Inputs(format!("{} is neither external nor serialized", what()))),
        };
        bytes.ok_or_else(|| DumpError::Digits { what: what() })
    };
    let of_level = |(level, messages): (usize, &Vec<Message>)| {
        messages.iter().enumerate().map(|(index, message)| bytes_of((level, index, message))).collect()
    };
    levels.iter().enumerate().map(of_level).collect()
}

fn digits(text: &str) -> Option<Vec<u8>> {
    hex::decode(text.strip_prefix("0x").unwrap_or(text)).ok()
}

/// Levels that follow a durable storage, six seconds apart. Without any messages there are no blocks either: then the
/// second level has the message with which anybody forces an upgrade that is overdue.
///
/// # Errors
/// [`DumpError::Clock`].
pub fn recording(
    durable: Durable,
    rollup: Rollup,
    levels: Option<Vec<Vec<Vec<u8>>>>,
) -> Result<Recording, DumpError> {
    let clock = Standing::of(&durable).clock().ok().flatten().ok_or(DumpError::Clock)?;
    let levels = levels.unwrap_or_else(|| {
        let address = RollupAddress::new(rollup.address);
        let mut levels = vec![Vec::new(), vec![message::external(&address, Kind::ForcedUpgrade, &[])]];
        levels.resize(levels.len() + QUIET_LEVELS, Vec::new());
        levels
    });
    let levels = (1..).zip(levels).map(|(distance, messages)| level_after(clock, distance, &messages));
    let levels = levels.collect();
    Ok(Recording { rollup, start: State::of(durable, Status::WaitingForInput), levels })
}

fn level_after(clock: L1Clock, distance: u32, messages: &[Vec<u8>]) -> RecordedLevel {
    let level = L1Level::new(clock.level.get().saturating_add(distance));
    let time: Timestamp = clock.timestamp.saturating_add(u64::from(distance) * LEVEL_S);
    let predecessor_timestamp = i64::try_from(time.get()).unwrap_or(i64::MAX);
    let info = LevelInfo { predecessor_timestamp, predecessor: [0; 32] };
    RecordedLevel { level, inputs: level_inputs(info, None, messages), after: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERSION: &str = "2e302e302d7235";

    fn yaml(instructions: &str) -> String {
        format!(
            "instructions:\n- set:\n    value: 32{VERSION}\n    to: /readonly/wasm_version\n{instructions}"
        )
    }

    #[test]
    fn storages_are_read_in_both_forms() {
        // What looks like a number is text as well.
        for (text, bytes) in [("0aff", [0x0a, 0xff]), ("0010", [0, 0x10]), ("1e05", [0x1e, 5])] {
            let durable = storage(&yaml(&format!("- set:\n    value: {text}\n    to: /a/b\n"))).unwrap();
            assert_eq!(durable.get("/a/b").unwrap().to_bytes().as_ref(), bytes);
        }
        let json = format!(
            r#"{{"instructions": [{{"set": {{"value": "32{VERSION}", "to": "/readonly/wasm_version"}}}}]}}"#
        );
        assert_eq!(storage(&json).unwrap().values().count(), 1);
    }

    #[test]
    fn what_is_no_storage_is_told_for_what_it_is() {
        let of = |text: &str| storage(text).unwrap_err();
        assert!(matches!(of("instructions: 7"), DumpError::Storage(_)));
        assert!(matches!(of("{}"), DumpError::Storage(_)));
        assert!(matches!(
            of(&yaml("- move:\n    from: /a\n    to: /b\n")),
            DumpError::Instruction { index: 1 }
        ));
        assert!(matches!(of(&yaml("- set:\n    value: xx\n    to: /a\n")), DumpError::Digits { .. }));
        assert!(matches!(of(&yaml("- set:\n    value: ''\n    to: a\n")), DumpError::Key(_)));
        assert!(matches!(of("instructions: []"), DumpError::Version));
    }

    #[test]
    fn inputs_are_read_as_the_debugger_reads_them() {
        let text = r#"[[{"external": "0aff"}, {"serialized": "0x0001"}], []]"#;
        assert_eq!(inputs(text).unwrap(), [vec![vec![1, 0x0a, 0xff], vec![0, 1]], vec![]]);
        assert!(matches!(inputs(r#"[[{"external": "0"}]]"#), Err(DumpError::Digits { .. })));
        for bad in ["{}", "[7]", r#"[[{"payload": "Unit"}]]"#, r#"[[{"external": "", "serialized": ""}]]"#] {
            assert!(matches!(inputs(bad), Err(DumpError::Inputs(_))), "{bad}");
        }
    }

    #[test]
    fn a_storage_without_a_clock_has_no_next_level() {
        let durable = storage(&yaml("")).unwrap();
        let rollup = Rollup { address: [1; 20], origination_level: 0 };
        assert!(matches!(recording(durable, rollup, None), Err(DumpError::Clock)));
    }
}
