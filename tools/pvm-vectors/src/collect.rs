//! Where vectors are.

use std::path::{Path, PathBuf};

/// The folder that holds vectors: what `MILLRACE_PVM_VECTORS` names, or `shared/vectors/pvm` beside the checkout.
pub fn vectors() -> PathBuf {
    match std::env::var_os("MILLRACE_PVM_VECTORS") {
        Some(folder) => folder.into(),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors/pvm"),
    }
}

/// All files of vectors at a path and below, in order.
///
/// # Errors
/// A folder cannot be read.
pub fn files(path: &Path) -> std::io::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut found = Vec::new();
    let mut folders = vec![path.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "json") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}
