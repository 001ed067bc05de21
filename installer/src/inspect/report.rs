//! An inspection for people.

use super::{Content, Decoded, Inspection, Instruction, Kernel, Stored, json};
use crate::INSTALLER_BYTES_MAX;
use serde_json::Value;
use std::fmt;

/// Most bytes of a value that are shown.
const SHOWN_BYTES_MAX: usize = 48;

impl fmt::Display for Inspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whose = if self.is_sdk_kernel { "the Tezos SDK's" } else { "another than the Tezos SDK's" };
        let most = INSTALLER_BYTES_MAX - 1;
        writeln!(f, "installer  {} bytes of at most {most}; its kernel is {whose}", self.size_bytes)?;
        match &self.kernel {
            Some(kernel) => writeln!(f, "kernel     {kernel}")?,
            None => writeln!(f, "kernel     not known")?,
        }
        writeln!(f, "program    {} instructions", self.instructions.len())?;
        for (number, instruction) in (1..).zip(&self.instructions) {
            let is_unknown = matches!(instruction, Instruction::Unknown { .. });
            if is_unknown || self.parameters.is_none() {
                writeln!(f, "  {number}: {instruction}")?;
            }
        }
        self.values.iter().try_for_each(|value| write!(f, "\n{value}"))?;
        writeln!(f)?;
        self.faults.iter().try_for_each(|fault| writeln!(f, "fault      {fault}"))?;
        match self.faults.len() {
            0 => write!(f, "nothing is wrong with it"),
            1 => write!(f, "1 fault"),
            count => write!(f, "{count} faults"),
        }
    }
}

impl fmt::Display for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, ", self.root_hash)?;
        match (self.size_bytes, &self.pvm_version) {
            (Some(size), Some(version)) => {
                write!(f, "{size} bytes in {} pages, needs PVM {version} or later", self.pages)
            }
            (Some(size), None) => write!(f, "{size} bytes in {} pages", self.pages),
            (None, _) => write!(f, "of unknown size: {} pages are at hand", self.pages),
        }
    }
}

impl fmt::Display for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path)?;
        if let Content::Revealed(hash, _) = &self.content {
            write!(f, ", revealed from {hash}")?;
        }
        match (&self.decoded, self.content.bytes()) {
            (_, None) => writeln!(f, ": its pages are not at hand"),
            (Some(decoded), Some(bytes)) => {
                writeln!(f, ": {} bytes", bytes.len())?;
                lines(f, "  ", &shown(decoded))
            }
            (None, Some(bytes)) => {
                writeln!(f, ": {} bytes", bytes.len())?;
                let start = &bytes[..bytes.len().min(SHOWN_BYTES_MAX)];
                let dots = if start.len() < bytes.len() { "…" } else { "" };
                let is_text = !bytes.is_empty() && bytes.iter().all(|b| b.is_ascii_graphic() || *b == b' ');
                match std::str::from_utf8(start) {
                    Ok(text) if is_text => writeln!(f, "  {text:?}{dots}"),
                    _ => writeln!(f, "  {}{dots}", hex::encode(start)),
                }
            }
        }
    }
}

/// A value with no more of code than its beginning.
fn shown(decoded: &Decoded) -> Value {
    let mut value = json::decoded(decoded);
    if let Some(Value::String(code)) = value.get_mut("code")
        && code.len() > 2 * SHOWN_BYTES_MAX
    {
        code.truncate(2 * SHOWN_BYTES_MAX);
        code.push('…');
    }
    value
}

/// Nested values as lines, one a leaf, by their paths.
fn lines(f: &mut fmt::Formatter<'_>, path: &str, value: &Value) -> fmt::Result {
    match value {
        Value::Object(entries) => entries.iter().try_for_each(|(name, value)| {
            let separator = if path.ends_with(' ') { "" } else { "." };
            lines(f, &format!("{path}{separator}{name}"), value)
        }),
        Value::Array(items) if !items.is_empty() => (0..)
            .zip(items)
            .try_for_each(|(index, value): (usize, _)| lines(f, &format!("{path}[{index}]"), value)),
        Value::Array(_) => writeln!(f, "{path}: none"),
        // An account without code.
        Value::Null => Ok(()),
        Value::String(text) => writeln!(f, "{path}: {text}"),
        value => writeln!(f, "{path}: {value}"),
    }
}
