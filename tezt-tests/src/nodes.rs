//! Nodes in processes of their own, beside a layer 1 in another.

use crate::{Options, Process, Rpc, compiled_kernels, dist, millrace};
use std::path::Path;
use tokio::process::Command;

/// A running `millrace sandbox --without-node`.
#[derive(Debug)]
pub struct Layer1 {
    process: Process,
    /// Its rollup node.
    pub rollup_node: String,
}

impl Layer1 {
    /// Starts layer 1 and rollup node.
    ///
    /// # Errors
    /// When they stop before they are ready.
    pub async fn start(data_dir: &Path, options: Options) -> anyhow::Result<Self> {
        let command = options.with(&["--without-node"]).command(data_dir)?;
        let process = Process::start("layer 1", command).await?;
        let rollup_node = process.address("Rollup node")?;
        Ok(Self { process, rollup_node })
    }

    /// Stops it.
    ///
    /// # Errors
    /// When it does not stop well.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.process.stop().await
    }
}

/// A running `millrace sequencer` or `millrace observer`.
#[derive(Debug)]
pub struct Node {
    process: Process,
    /// Its JSON-RPC.
    pub rpc: Rpc,
}

impl Node {
    /// Starts `millrace <what>` over a data folder, beside a rollup node.
    ///
    /// # Errors
    /// When it stops before it is ready.
    pub async fn start(
        what: &'static str,
        data_dir: &Path,
        rollup_node: &str,
        arguments: &[&str],
    ) -> anyhow::Result<Self> {
        let mut command = Command::new(millrace()?);
        command.arg(what).args(["--rollup-node", rollup_node, "--rpc-listen", "127.0.0.1:0", "--data-dir"]);
        command.arg(data_dir).arg("--origin").arg(dist()?).arg("--cache-dir").arg(compiled_kernels()?);
        let process = Process::start(what, {
            command.args(arguments);
            command
        });
        let process = process.await?;
        let rpc = Rpc::new(process.address("JSON-RPC")?)?;
        Ok(Self { process, rpc })
    }

    /// Kills it with signal 9.
    ///
    /// # Errors
    /// When it is gone already.
    pub async fn crash(self) -> anyhow::Result<()> {
        self.process.crash().await
    }

    /// Stops it.
    ///
    /// # Errors
    /// When it does not stop well.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.process.stop().await
    }
}
