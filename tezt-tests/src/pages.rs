//! The pages of a kernel, cut and served by the built binary.

use crate::{PATIENCE, millrace};
use anyhow::{Context as _, ensure};
use std::{path::Path, process::Stdio};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
    time::timeout,
};

/// Cuts a kernel into a folder of pages (`millrace preimages make`); answers its root hash.
///
/// # Errors
/// When it is no kernel.
pub async fn cut(kernel: &Path, folder: &Path) -> anyhow::Result<String> {
    let mut command = Command::new(millrace()?);
    let output = command.args(["preimages", "make"]).arg(kernel).arg("--out").arg(folder).output().await?;
    ensure!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout)?;
    let root = text.lines().find_map(|line| line.strip_prefix("root hash")).context("no root hash")?;
    Ok(root.trim().to_owned())
}

/// A running `millrace preimages serve`. It ends with this value.
#[derive(Debug)]
pub struct PageServer {
    /// Where it is.
    pub url: String,
    _process: Child,
}

impl PageServer {
    /// Serves a folder on any free port.
    ///
    /// # Errors
    /// When it does not say where it is.
    pub async fn start(folder: &Path) -> anyhow::Result<Self> {
        let mut command = Command::new(millrace()?);
        command.args(["preimages", "serve", "--listen", "127.0.0.1:0", "--dir"]).arg(folder);
        let mut process = command.stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
        let output = process.stdout.take().context("no standard output")?;
        let mut lines = BufReader::new(output).lines();
        let line = timeout(PATIENCE, lines.next_line()).await.context("it did not start in time")??;
        let line = line.context("it stopped at once")?;
        let url = line.rsplit(' ').next().context("an empty line")?.to_owned();
        Ok(Self { url, _process: process })
    }
}
