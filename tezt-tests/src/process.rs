//! A process of the built binary that runs until it is stopped.

use crate::PATIENCE;
use anyhow::{Context as _, bail, ensure};
use std::process::Stdio;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader},
    process::{Child, Command},
    time::timeout,
};

/// How the last line of the banner begins.
const LAST_LINE: &str = "Stop with Ctrl-C";

/// A running process. It ends with this value.
#[derive(Debug)]
pub struct Process {
    name: &'static str,
    child: Child,
    /// What it printed until it was ready.
    pub banner: String,
}

impl Process {
    /// Starts it and waits until it says that it is ready.
    ///
    /// # Errors
    /// When it stops before; the error has what it printed.
    pub async fn start(name: &'static str, mut command: Command) -> anyhow::Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().context("millrace cannot be started")?;
        let output = child.stdout.take().context("no standard output")?;
        let mut lines = BufReader::new(output).lines();
        let mut banner = String::new();
        let ready = async {
            while let Some(line) = lines.next_line().await? {
                banner.push_str(&line);
                banner.push('\n');
                if line.starts_with(LAST_LINE) {
                    return Ok(true);
                }
            }
            anyhow::Ok(false)
        };
        let is_ready = timeout(PATIENCE, ready).await;
        let is_ready = is_ready.with_context(|| format!("the {name} did not start in time"))??;
        if !is_ready {
            let mut errors = String::new();
            if let Some(mut stderr) = child.stderr.take() {
                stderr.read_to_string(&mut errors).await?;
            }
            bail!("the {name} stopped before it was ready:\n{banner}{errors}");
        }
        // Whatever it prints later must not fill the pipes.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        if let Some(stderr) = child.stderr.take() {
            let mut lines = BufReader::new(stderr).lines();
            tokio::spawn(async move {
                while let Ok(Some(line)) = lines.next_line().await {
                    eprintln!("{name}: {line}");
                }
            });
        }
        Ok(Self { name, child, banner })
    }

    /// The address that stands behind a name in the banner.
    ///
    /// # Errors
    /// When there is none.
    pub fn address(&self, name: &str) -> anyhow::Result<String> {
        let line = self.banner.lines().find_map(|line| line.strip_prefix(name));
        let address = line.and_then(|line| line.split_whitespace().next());
        address.map(str::to_owned).with_context(|| format!("the banner has no {name}:\n{}", self.banner))
    }

    /// Kills it with signal 9, as a crash would.
    ///
    /// # Errors
    /// When it is gone already.
    pub async fn crash(mut self) -> anyhow::Result<()> {
        self.child.kill().await.with_context(|| format!("the {} was gone already", self.name))
    }

    /// Stops it with Ctrl-C and waits until it is gone.
    ///
    /// # Errors
    /// When it does not stop, or not well.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        let name = self.name;
        let id = self.child.id().with_context(|| format!("the {name} was gone already"))?;
        let status = Command::new("kill").args(["-INT", &id.to_string()]).status().await?;
        ensure!(status.success(), "kill failed");
        let status = timeout(PATIENCE, self.child.wait()).await;
        let status = status.with_context(|| format!("the {name} did not stop"))??;
        ensure!(status.success(), "the {name} ended with {status}");
        Ok(())
    }
}
