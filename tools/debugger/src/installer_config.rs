//! What an installer would set, as a file: values that are there before the kernel runs.
//!
//! `instructions:` is a list of `set: {value: hex, to: path}`, in YAML or JSON. Octez's debugger knows `set` only; `move: {from, to}`
//! works here too, and `reveal` nowhere.

use crate::error::{DebuggerError, read_file};
use millrace_pvm::durable::{Durable, ErrorCode, Key};
use serde::Deserialize;
use std::path::Path;

/// Bytes of the largest file.
const FILE_BYTES_MAX: u64 = 256 << 20;

/// What is wrong with a configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigFault {
    /// Another extension.
    #[error("Expecting either a .yaml or .json file")]
    Extension,
    /// Not of this form.
    #[error("Config is invalid: {0}")]
    Form(String),
    /// An instruction cannot be done.
    #[error("instruction {index}: {fault}")]
    Instruction {
        /// Its place, from 0.
        index: usize,
        /// Why.
        fault: InstructionFault,
    },
}

/// Why an instruction cannot be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InstructionFault {
    /// The value is not hexadecimal.
    #[error("the value is not hexadecimal")]
    Hexadecimal,
    /// The durable storage refuses.
    #[error("{0}")]
    Refused(#[from] ErrorCode),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    instructions: Vec<Instruction>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "lowercase")]
enum Instruction {
    Set(Set),
    Move(Move),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Set {
    value: String,
    to: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Move {
    from: String,
    to: String,
}

/// Does what the file says.
///
/// # Errors
/// [`DebuggerError::File`], [`DebuggerError::TooLarge`], [`DebuggerError::InstallerConfig`].
pub(crate) fn apply(path: &Path, durable: &mut Durable) -> Result<(), DebuggerError> {
    let refuse = |fault| DebuggerError::InstallerConfig { path: path.to_owned(), fault };
    let is_json = match path.extension().and_then(|extension| extension.to_str()) {
        Some("json") => true,
        Some("yaml" | "yml") => false,
        _ => return Err(refuse(ConfigFault::Extension)),
    };
    let text = read_file(path, FILE_BYTES_MAX)?;
    let config = parse(&text, is_json).map_err(refuse)?;
    for (index, instruction) in config.instructions.iter().enumerate() {
        instruction.apply(durable).map_err(|fault| refuse(ConfigFault::Instruction { index, fault }))?;
    }
    Ok(())
}

fn parse(text: &[u8], is_json: bool) -> Result<Config, ConfigFault> {
    if is_json {
        // A list is not taken for the members of an object, in their order.
        let object: Result<serde_json::Map<_, _>, _> = serde_json::from_slice(text);
        let config = object.and_then(|object| serde_json::from_value(object.into()));
        return config.map_err(|error| ConfigFault::Form(error.to_string()));
    }
    let text = std::str::from_utf8(text).map_err(|error| ConfigFault::Form(error.to_string()))?;
    serde_saphyr::from_str(text).map_err(|error| ConfigFault::Form(error.to_string()))
}

impl Instruction {
    fn apply(&self, durable: &mut Durable) -> Result<(), InstructionFault> {
        match self {
            Self::Set(Set { value, to }) => {
                let value = hex::decode(value).map_err(|_| InstructionFault::Hexadecimal)?;
                let key = Key::parse(to.as_bytes())?;
                if key.is_read_only() {
                    return Err(ErrorCode::ReadOnly.into());
                }
                durable.set(key, value);
            }
            Self::Move(Move { from, to }) => {
                durable.store_move(Key::parse(from.as_bytes())?, Key::parse(to.as_bytes())?)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(text: &str, name: &str) -> Result<Durable, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        let mut durable = Durable::new();
        apply(&path, &mut durable).map_err(|error| error.to_string())?;
        Ok(durable)
    }

    #[test]
    fn values_are_set_from_yaml_and_json() {
        let yaml = "instructions:\n- set:\n    value: 0010\n    to: /a\n- set: {value: '', to: /b/c}\n- move: {from: /b, to: /d}\n";
        let json = r#"{"instructions": [{"set": {"value": "0010", "to": "/a"}},
            {"set": {"value": "", "to": "/b/c"}}, {"move": {"from": "/b", "to": "/d"}}]}"#;
        for (text, name) in [(yaml, "c.yaml"), (json, "c.json")] {
            let durable = applied(text, name).unwrap();
            let values: Vec<_> =
                durable.values().map(|(key, value)| (key, value.to_bytes().into_owned())).collect();
            assert_eq!(values, [("/a".to_owned(), vec![0, 16]), ("/d/c".to_owned(), vec![])]);
        }
    }

    #[test]
    fn what_cannot_be_done_is_said() {
        let set =
            |value: &str, to: &str| format!("instructions: [{{set: {{value: '{value}', to: '{to}'}}}}]");
        for (text, expected) in [
            (set("0", "/a"), "instruction 0: the value is not hexadecimal"),
            (set("00", "a"), "instruction 0: invalid key"),
            (set("00", "/readonly/a"), "instruction 0: read-only"),
            (set("00", &"/a".repeat(121)), "instruction 0: key too large"),
            ("instructions: [{move: {from: /a, to: /b}}]".into(), "instruction 0: not a node"),
            ("instructions: [{reveal: {hash: '00', to: /b}}]".into(), "Config is invalid"),
            ("[".into(), "Config is invalid"),
        ] {
            let error = applied(&text, "c.yaml").expect_err(&text);
            assert!(error.contains(expected), "{text}: {error}");
        }
        assert!(applied("[[]]", "c.json").unwrap_err().contains("Config is invalid"));
        assert!(applied("", "c.toml").unwrap_err().contains("Expecting either"));
    }
}
