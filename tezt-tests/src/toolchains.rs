//! Foundry and Hardhat as they come from npm, on the projects in `npm-toolchains/`. What they build goes where the caller
//! says; nothing is downloaded, their compiler is the solc of npm.

use crate::npm::{Packages, last_json, printed};
use anyhow::Context as _;
use serde_json::Value;
use std::path::Path;
use tokio::process::Command;

static PACKAGES: Packages = Packages::new("npm-toolchains");

/// Runs `cast` with these arguments; answers what it printed.
///
/// # Errors
/// When it fails; the error has what it printed.
pub async fn cast(url: &str, arguments: &[&str]) -> anyhow::Result<String> {
    let mut cast = PACKAGES.program("cast", "foundry").await?;
    let (command, rest) = arguments.split_first().context("no command")?;
    cast.arg(command).args(["--rpc-url", url]).args(rest);
    Ok(printed(quiet(cast)).await?.trim().to_owned())
}

/// Runs `forge script --broadcast` with a script of the project; answers its record of transactions and receipts.
///
/// # Errors
/// When it fails; the error has what it printed.
pub async fn forge_script(url: &str, script: &str, private_key: &str, build: &Path) -> anyhow::Result<Value> {
    let mut forge = PACKAGES.program("forge", "foundry").await?;
    let broadcast = build.join("broadcast");
    forge
        .args(["script", script, "--rpc-url", url, "--private-key", private_key, "--broadcast"])
        .env("FOUNDRY_OUT", build.join("out"))
        .env("FOUNDRY_CACHE_PATH", build.join("cache"))
        .env("FOUNDRY_BROADCAST", &broadcast);
    printed(quiet(forge)).await?;
    let file = Path::new(script).file_name().context("a script has a name")?;
    let chains: Vec<_> = std::fs::read_dir(broadcast.join(file))?.collect::<Result<_, _>>()?;
    let chain = chains.first().context("nothing was broadcast")?.path();
    Ok(serde_json::from_slice(&std::fs::read(chain.join("run-latest.json"))?)?)
}

/// Runs a script of the Hardhat project on the sandbox; answers the JSON of its last line.
///
/// # Errors
/// When it fails; the error has what it printed.
pub async fn hardhat_run(url: &str, script: &str, build: &Path) -> anyhow::Result<Value> {
    let mut hardhat = PACKAGES.program("hardhat", "hardhat").await?;
    hardhat
        .args(["run", "--network", "sandbox", script])
        .env("SANDBOX_URL", url)
        .env("SANDBOX_BUILD", build)
        .env("HARDHAT_DISABLE_TELEMETRY_PROMPT", "true");
    last_json(&printed(quiet(hardhat)).await?)
}

/// Everything is on this machine: no proxy, no terminal.
fn quiet(mut command: Command) -> Command {
    command.env("NO_PROXY", "127.0.0.1").env("no_proxy", "127.0.0.1").env("NO_COLOR", "1");
    command.stdin(std::process::Stdio::null());
    command
}
