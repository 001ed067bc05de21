//! The log, on the standard error stream.

use anyhow::Context as _;
use std::io::IsTerminal as _;
use tracing_subscriber::EnvFilter;

/// Starts logging what `directives` ask for.
pub(crate) fn start(directives: &str) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(directives).with_context(|| format!("bad log level {directives:?}"))?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .try_init()
        .map_err(|error| anyhow::anyhow!("the log cannot be started: {error}"))
}
