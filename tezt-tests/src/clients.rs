//! The npm clients, and `cast`-like signing by them: scripts in `npm/`, run by Node.js.

use crate::npm::{Packages, last_json, printed};
use serde_json::Value;

static PACKAGES: Packages = Packages::new("npm");

/// Runs a script of `npm/` to its end; answers the JSON of its last line.
///
/// # Errors
/// When it fails; the error has what it printed.
pub async fn run(script: &str, arguments: &[&str]) -> anyhow::Result<Value> {
    let mut node = PACKAGES.command("node", "").await?;
    node.arg(script).args(arguments);
    last_json(&printed(node).await?)
}
