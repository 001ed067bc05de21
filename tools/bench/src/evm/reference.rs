//! revm, in a process of its own (`kernel/differential`).

use super::Program;
use anyhow::{Context as _, ensure};
use serde::{Deserialize, Serialize};
use std::{
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

/// What revm is asked to run.
#[derive(Serialize)]
pub(super) struct Question {
    pub(super) fork: u8,
    pub(super) sender: String,
    pub(super) setup: Vec<Asked>,
    pub(super) programs: Vec<Asked>,
    pub(super) times: u32,
}

/// A program as it is sent there.
#[derive(Serialize)]
pub(super) struct Asked {
    to: Option<String>,
    data: String,
    gas: u64,
}

/// What it says of one.
#[derive(Deserialize)]
pub(super) struct Answer {
    pub(super) gas: u64,
    pub(super) us: u64,
}

impl From<&Program> for Asked {
    fn from(program: &Program) -> Self {
        let to = program.to.map(hex::encode);
        Self { to, data: hex::encode(&program.data), gas: program.gas }
    }
}

impl Question {
    /// Asks; one answer for each program.
    pub(super) fn ask(&self, revm: &Path) -> anyhow::Result<Vec<Answer>> {
        let mut child = Command::new(revm)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot run {}", revm.display()))?;
        let mut stdin = child.stdin.take().context("it has no stdin")?;
        stdin.write_all(&serde_json::to_vec(self)?)?;
        drop(stdin);
        let output = child.wait_with_output()?;
        ensure!(output.status.success(), "{} failed: {}", revm.display(), output.status);
        let answers: Vec<Answer> = serde_json::from_slice(&output.stdout)?;
        ensure!(answers.len() == self.programs.len(), "{} answers", answers.len());
        Ok(answers)
    }
}
