//! Reads a kernel, whatever form its file has.

use crate::error::{DebuggerError, read_file};
use millrace_pvm::{Refused, accept};
use std::path::Path;

/// Bytes of the largest file of a kernel: far more than the PVM takes in practice, written as text.
const FILE_BYTES_MAX: u64 = 256 << 20;

/// The module in a file: `.wasm` is one, `.wast` and `.wat` are its text, `.hex` its digits.
///
/// # Errors
/// What keeps the file from being a module.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, DebuggerError> {
    let extension = path.extension().and_then(|extension| extension.to_str());
    let read = || read_file(path, FILE_BYTES_MAX);
    match extension {
        Some("wasm") => read(),
        Some("wast" | "wat") => {
            let syntax = |detail: String| DebuggerError::Syntax { path: path.to_owned(), detail };
            let text = String::from_utf8(read()?).map_err(|error| syntax(error.to_string()))?;
            wat::parse_str(&text).map_err(|error| syntax(error.to_string()))
        }
        Some("hex") => {
            let text = read()?;
            hex::decode(text.trim_ascii())
                .map_err(|_| DebuggerError::NotHexadecimal { path: path.to_owned() })
        }
        _ => Err(DebuggerError::Extension),
    }
}

/// Decodes the kernel and checks its types, which the PVM does not do.
///
/// # Errors
/// [`DebuggerError::Kernel`].
pub(crate) fn check(name: &str, wasm: &[u8]) -> Result<(), DebuggerError> {
    let refuse = |kind, detail| Err(DebuggerError::Kernel { name: name.to_owned(), kind, detail });
    let shape = match accept(wasm) {
        Ok(shape) => shape,
        Err(refused @ (Refused::Float { .. } | Refused::LongName { .. } | Refused::Invalid { .. })) => {
            return refuse("decoding error", refused.to_string());
        }
    };
    match shape.broken.first() {
        Some(function) => refuse("invalid module", format!("type mismatch in function {function}")),
        None => Ok(()),
    }
}

/// The name of a kernel: that of its file, without the extension.
pub(crate) fn name(path: &Path) -> String {
    path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned())
}
