//! Files that a session writes.

use crate::DebuggerError;
use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use time::OffsetDateTime;

/// Profiles of one second that get names of their own.
const NAMES_MAX: usize = 1_000;

pub(super) fn create(path: &Path) -> Result<File, DebuggerError> {
    File::create(path).map_err(|error| DebuggerError::File { path: path.to_owned(), error })
}

/// Writes a profile under a name that nothing has, in a file for each extension; answers the path of the first.
pub(super) fn write_profile(folder: &Path, contents: [(&str, &String); 3]) -> Result<PathBuf, DebuggerError> {
    let now = OffsetDateTime::now_utc();
    let time = format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}",
        now.year(),
        u8::from(now.month()),
        now.day(),
        now.hour(),
        now.minute(),
        now.second()
    );
    let mut names = (0..NAMES_MAX).map(|count| match count {
        0 => format!("wasm-debugger-profiling-{time}.out"),
        _ => format!("wasm-debugger-profiling-{time}-{count}.out"),
    });
    loop {
        let path = folder.join(names.next().unwrap_or_else(|| "wasm-debugger-profiling.out".into()));
        let failed = |path: &Path, error| DebuggerError::File { path: path.to_owned(), error };
        match File::create_new(&path) {
            Ok(_) => {
                for (extension, text) in contents {
                    let path = path.with_extension(extension);
                    std::fs::write(&path, text).map_err(|error| failed(&path, error))?;
                }
                return Ok(path);
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists && names.len() > 0 => {}
            Err(error) => return Err(failed(&path, error)),
        }
    }
}
