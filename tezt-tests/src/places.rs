//! Where the things under test are.

use anyhow::{Context as _, ensure};
use std::{
    env,
    path::{Path, PathBuf},
};

/// The `millrace` binary: `MILLRACE_BIN`, or the one beside the test binary.
///
/// # Errors
/// When it was not built.
pub fn millrace() -> anyhow::Result<PathBuf> {
    let path = match env::var_os("MILLRACE_BIN") {
        Some(path) => PathBuf::from(path),
        None => {
            let test = env::current_exe()?;
            let profile = test.parent().and_then(Path::parent).context("no target folder")?;
            profile.join("millrace")
        }
    };
    ensure!(
        path.exists(),
        "{} is not there: make test builds it, or cargo build -p millrace-cli",
        path.display()
    );
    Ok(path)
}

/// The folder with kernel, installer and preimages: `MILLRACE_DIST`, or `dist/` of the checkout.
///
/// # Errors
/// When it was not built.
pub fn dist() -> anyhow::Result<PathBuf> {
    let path = match env::var_os("MILLRACE_DIST") {
        Some(path) => PathBuf::from(path),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../dist"),
    };
    ensure!(path.join("installer.wasm").exists(), "{} has no installer: make dist", path.display());
    Ok(path)
}

/// Where compiled kernels are kept, for all sandboxes of all test runs: below the target folder.
///
/// # Errors
/// When the test binary is not in a target folder.
pub fn compiled_kernels() -> anyhow::Result<PathBuf> {
    let test = env::current_exe()?;
    let profile = test.parent().and_then(Path::parent).context("no target folder")?;
    Ok(profile.join("compiled-kernels"))
}
