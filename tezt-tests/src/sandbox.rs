//! The sandbox as a process.

use crate::{PATIENCE, Process, Rpc, compiled_kernels, dist, millrace};
use anyhow::{Context as _, ensure};
use serde_json::Value;
use std::{collections::BTreeMap, path::Path, process::Stdio};
use tokio::{process::Command, time::timeout};

/// How a sandbox is started: on any free ports, with what all sandboxes of a test run share.
#[derive(Clone, Debug, Default)]
pub struct Options {
    arguments: Vec<String>,
}

impl Options {
    /// Nothing special.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with further command-line arguments.
    #[must_use]
    pub fn with(mut self, arguments: &[&str]) -> Self {
        self.arguments.extend(arguments.iter().map(|argument| (*argument).to_owned()));
        self
    }

    /// The command line over `data_dir`.
    ///
    /// # Errors
    /// When binary or `dist/` are not there.
    pub fn command(&self, data_dir: &Path) -> anyhow::Result<Command> {
        let mut command = Command::new(millrace()?);
        command.arg("sandbox").arg("--data-dir").arg(data_dir).args(&self.arguments);
        let defaults = [
            ("--rpc-port", "0".into()),
            ("--rollup-node-port", "0".into()),
            ("--dist", dist()?),
            ("--cache-dir", compiled_kernels()?),
        ];
        for (flag, value) in defaults {
            if !self.arguments.iter().any(|argument| argument == flag) {
                command.arg(flag).arg(value);
            }
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        Ok(command)
    }

    /// What it says when it cannot start.
    ///
    /// # Errors
    /// When it does not fail as it should.
    pub async fn refusal(&self, data_dir: &Path) -> anyhow::Result<String> {
        let output =
            timeout(PATIENCE, self.command(data_dir)?.output()).await.context("it did not end")??;
        ensure!(output.status.code() == Some(1), "{output:?}");
        String::from_utf8(output.stderr).context("not text")
    }
}

/// A running `millrace sandbox`.
#[derive(Debug)]
pub struct Sandbox {
    process: Process,
    /// Its JSON-RPC.
    pub rpc: Rpc,
    rollup_node: String,
    /// What it printed until it was ready.
    pub banner: String,
}

impl Sandbox {
    /// Starts it and waits until it says where it can be reached.
    ///
    /// # Errors
    /// When it stops before; the error has what it printed.
    pub async fn start(data_dir: &Path, options: &Options) -> anyhow::Result<Self> {
        let process = Process::start("sandbox", options.command(data_dir)?).await?;
        let (rpc, rollup_node) = (process.address("JSON-RPC")?, process.address("Rollup node")?);
        let banner = process.banner.clone();
        Ok(Self { process, rpc: Rpc::new(rpc)?, rollup_node, banner })
    }

    /// Where its rollup node answers.
    pub fn rollup_node(&self) -> &str {
        &self.rollup_node
    }

    /// A value of the rollup node's durable storage after the level `block`, in hexadecimal; `None` when there
    /// is none.
    ///
    /// # Errors
    /// When the rollup node does not answer.
    pub async fn durable(&self, block: &str, key: &str) -> anyhow::Result<Option<String>> {
        let path = format!("/global/block/{block}/durable/wasm_2_0_0/value?key={key}");
        let value = self.get(&path).await?;
        Ok(value.as_str().map(str::to_owned))
    }

    /// All values at and below some keys of the rollup node's durable storage after the level `block`, in hexadecimal.
    ///
    /// # Errors
    /// When the rollup node does not answer.
    pub async fn tree(&self, block: &str, roots: &[&str]) -> anyhow::Result<BTreeMap<String, String>> {
        let mut values = BTreeMap::new();
        let mut waiting: Vec<String> = roots.iter().map(|root| (*root).to_owned()).collect();
        while let Some(key) = waiting.pop() {
            let path = format!("/global/block/{block}/durable/wasm_2_0_0/subkeys?key={key}");
            let names = self.get(&path).await?;
            for name in names.as_array().into_iter().flatten().filter_map(Value::as_str) {
                if name.is_empty() {
                    // The empty name is the value of the key itself.
                    let value = self.durable(block, &key).await?.context("a value went away")?;
                    values.insert(key.clone(), value);
                } else {
                    waiting.push(format!("{key}/{name}"));
                }
            }
        }
        Ok(values)
    }

    /// Asks the rollup node.
    ///
    /// # Errors
    /// When it does not answer well.
    pub async fn get(&self, path: &str) -> anyhow::Result<Value> {
        let client = reqwest::Client::builder().no_proxy().build()?;
        let answer = client.get(format!("{}{path}", self.rollup_node)).send().await?;
        let status = answer.status();
        let text = answer.text().await?;
        ensure!(status.is_success(), "{path}: {status} {text}");
        Ok(serde_json::from_str(&text)?)
    }

    /// Tells the sandbox's layer 1 something.
    ///
    /// # Errors
    /// When it refuses.
    pub async fn control(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let client = reqwest::Client::builder().no_proxy().build()?;
        let answer = client.post(format!("{}/sandbox/{path}", self.rollup_node)).json(body).send().await?;
        let status = answer.status();
        let text = answer.text().await?;
        ensure!(status.is_success(), "{path}: {status} {text}");
        Ok(serde_json::from_str(&text).unwrap_or_default())
    }

    /// Kills it with signal 9, as a crash would.
    ///
    /// # Errors
    /// When it is gone already.
    pub async fn crash(self) -> anyhow::Result<()> {
        self.process.crash().await
    }

    /// Stops it with Ctrl-C and waits until it is gone.
    ///
    /// # Errors
    /// When it does not stop, or not well.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.process.stop().await
    }
}
