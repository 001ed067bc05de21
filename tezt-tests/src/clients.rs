//! The npm clients, and `cast`-like signing by them: scripts in `npm/`, run by Node.js.

use anyhow::{Context as _, ensure};
use serde_json::Value;
use std::path::PathBuf;
use tokio::{process::Command, sync::OnceCell};

static INSTALLED: OnceCell<()> = OnceCell::const_new();

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("npm")
}

/// Installs what `package-lock.json` pins, once for all tests of a process and not at all when it is there.
async fn install() -> anyhow::Result<()> {
    INSTALLED
        .get_or_try_init(|| async {
            let lock = std::fs::read(folder().join("package-lock.json"))?;
            let stamp = folder().join("node_modules/.millrace-lock");
            if std::fs::read(&stamp).is_ok_and(|stamp| stamp == lock) {
                return Ok(());
            }
            let output = Command::new("npm")
                .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
                .current_dir(folder())
                .output()
                .await
                .context("npm is not there: the end-to-end tests need Node.js 18 or newer")?;
            ensure!(output.status.success(), "npm ci: {}", String::from_utf8_lossy(&output.stderr));
            std::fs::write(stamp, lock)?;
            Ok(())
        })
        .await
        .copied()
}

/// Runs a script of `npm/` to its end; answers the JSON of its last line.
///
/// # Errors
/// When it fails; the error has what it printed.
pub async fn run(script: &str, arguments: &[&str]) -> anyhow::Result<Value> {
    install().await?;
    let output = Command::new("node")
        .arg(script)
        .args(arguments)
        .current_dir(folder())
        .output()
        .await
        .context("node is not there: the end-to-end tests need Node.js 18 or newer")?;
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.success(), "{script}: {stdout}\n{stderr}");
    let last = stdout.lines().last().context("nothing was printed")?;
    serde_json::from_str(last).with_context(|| format!("{script} printed {last}"))
}
