//! The members of the workspace and their dependencies.

use serde::Deserialize;
use std::{
    path::{Path, PathBuf},
    process::Command,
};
use thiserror::Error;

/// Why the workspace cannot be read.
#[derive(Debug, Error)]
pub enum WorkspaceError {
    /// Cargo cannot be run.
    #[error("cannot run cargo metadata: {0}")]
    Run(#[from] std::io::Error),
    /// Cargo refuses.
    #[error("cargo metadata failed: {0}")]
    Cargo(String),
    /// What it prints is not what it documents.
    #[error("cargo metadata printed something else: {0}")]
    Json(#[from] serde_json::Error),
}

/// The workspace.
#[derive(Debug, Deserialize)]
pub struct Workspace {
    /// The folder of the checkout.
    #[serde(rename = "workspace_root")]
    pub root: PathBuf,
    /// Its members.
    #[serde(rename = "packages")]
    pub members: Vec<Member>,
}

/// A member of the workspace.
#[derive(Clone, Debug, Deserialize)]
pub struct Member {
    /// The name of the package.
    pub name: String,
    /// Its `Cargo.toml`.
    pub manifest_path: PathBuf,
    /// What it depends on, in any way.
    pub dependencies: Vec<Dependency>,
}

/// An edge between packages.
#[derive(Clone, Debug, Deserialize)]
pub struct Dependency {
    /// The package depended on.
    pub name: String,
    /// `None` for a plain dependency, else `dev` or `build`.
    pub kind: Option<String>,
}

impl Workspace {
    /// Asks cargo about the workspace that `folder` is in.
    ///
    /// # Errors
    /// [`WorkspaceError`].
    pub fn of(folder: &Path) -> Result<Self, WorkspaceError> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let output = Command::new(cargo)
            .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
            .current_dir(folder)
            .output()?;
        if !output.status.success() {
            return Err(WorkspaceError::Cargo(String::from_utf8_lossy(&output.stderr).into_owned()));
        }
        Ok(serde_json::from_slice(&output.stdout)?)
    }
}

impl Member {
    /// Its folder, relative to the checkout, with `/`.
    pub fn folder(&self, root: &Path) -> String {
        let folder = self.manifest_path.parent().unwrap_or(&self.manifest_path);
        folder.strip_prefix(root).unwrap_or(folder).to_string_lossy().replace('\\', "/")
    }
}
