//! The stage of a scenario: a folder of its own, and a turn among the others.

use crate::{Options, Sandbox};
use anyhow::Context as _;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tokio::sync::{Semaphore, SemaphorePermit};

/// Scenarios at a time: each has processes that are busy, and all of them have deadlines.
const AT_ONCE: usize = 2;

static TURNS: Semaphore = Semaphore::const_new(AT_ONCE);

/// A scenario that has its turn. What is in its folder goes with it.
#[derive(Debug)]
pub struct Scene {
    folder: TempDir,
    _turn: SemaphorePermit<'static>,
}

impl Scene {
    /// Waits for a turn.
    ///
    /// # Errors
    /// When there is no room for a temporary folder.
    pub async fn begin() -> anyhow::Result<Self> {
        let turn = TURNS.acquire().await.context("nobody closes it")?;
        Ok(Self { folder: tempfile::tempdir()?, _turn: turn })
    }

    /// A place in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Where the chain of this scenario is.
    pub fn data_dir(&self) -> PathBuf {
        self.path("data")
    }

    /// Starts a sandbox as it comes.
    ///
    /// # Errors
    /// As [`Sandbox::start`].
    pub async fn sandbox(&self) -> anyhow::Result<Sandbox> {
        Sandbox::start(&self.data_dir(), &Options::new()).await
    }

    /// The folder itself.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}
