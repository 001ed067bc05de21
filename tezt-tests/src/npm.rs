//! Folders of npm packages, installed as their lock files say.

use anyhow::{Context as _, ensure};
use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
};
use tokio::{process::Command, sync::OnceCell};

/// A folder with a `package-lock.json`.
pub(crate) struct Packages {
    folder: &'static str,
    installed: OnceCell<()>,
}

impl Packages {
    /// The folder of this name beside the sources.
    pub(crate) const fn new(folder: &'static str) -> Self {
        Self { folder, installed: OnceCell::const_new() }
    }

    /// Where it is.
    pub(crate) fn folder(&self) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join(self.folder)
    }

    /// A program in a subfolder, with all packages installed.
    ///
    /// # Errors
    /// When they cannot be installed.
    pub(crate) async fn command(
        &self,
        program: impl AsRef<OsStr>,
        subfolder: &str,
    ) -> anyhow::Result<Command> {
        self.installed.get_or_try_init(|| self.install()).await?;
        let mut command = Command::new(program);
        command.current_dir(self.folder().join(subfolder));
        Ok(command)
    }

    /// A program that a package brings.
    ///
    /// # Errors
    /// When the packages cannot be installed.
    pub(crate) async fn program(&self, name: &str, subfolder: &str) -> anyhow::Result<Command> {
        self.command(self.folder().join("node_modules/.bin").join(name), subfolder).await
    }

    /// Installs once for all tests of a process, and not at all what is there.
    async fn install(&self) -> anyhow::Result<()> {
        let folder = self.folder();
        let lock = std::fs::read(folder.join("package-lock.json"))?;
        let stamp = folder.join("node_modules/.millrace-lock");
        if std::fs::read(&stamp).is_ok_and(|stamp| stamp == lock) {
            return Ok(());
        }
        eprintln!("installing the npm packages of {}", self.folder);
        let output = Command::new("npm")
            .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
            .current_dir(&folder)
            .output()
            .await
            .context("npm is not there: the end-to-end tests need Node.js 18 or newer")?;
        ensure!(output.status.success(), "npm ci: {}", String::from_utf8_lossy(&output.stderr));
        std::fs::write(stamp, lock)?;
        Ok(())
    }
}

/// Runs a command to its end; answers what it printed.
///
/// # Errors
/// When it fails; the error has what it printed.
pub(crate) async fn printed(mut command: Command) -> anyhow::Result<String> {
    let output = command.output().await.with_context(|| format!("{command:?}"))?;
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.success(), "{command:?}: {}: {stdout}\n{stderr}", output.status);
    Ok(stdout.into_owned())
}

/// The JSON of the last line.
///
/// # Errors
/// When it is none.
pub(crate) fn last_json(printed: &str) -> anyhow::Result<serde_json::Value> {
    let last = printed.lines().last().context("nothing was printed")?;
    serde_json::from_str(last).with_context(|| format!("printed was {last}"))
}
