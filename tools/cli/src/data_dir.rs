//! The folder in which a sandbox or a node keeps its chain.
//!
//! A marker file tells it from any other folder, so that `--fresh` never deletes what is not ours; a lock on
//! that file keeps two processes apart, and goes with the process however it ends.

use anyhow::{Context as _, bail};
use std::{
    fs::{self, File, TryLockError},
    io::Write as _,
    path::{Path, PathBuf},
};

/// Whose folder it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Owner {
    /// A sandbox, which may forget its chain.
    Sandbox,
    /// A sequencer or an observer.
    Node,
}

impl Owner {
    /// Marks the folder; locked while it is used.
    fn marker(self) -> &'static str {
        match self {
            Self::Sandbox => "millrace-sandbox",
            Self::Node => "millrace-node",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Sandbox => "sandbox",
            Self::Node => "node",
        }
    }
}

/// A data folder that this process uses.
#[derive(Debug)]
pub(crate) struct DataDir {
    path: PathBuf,
    /// Locked as long as it is open.
    _marker: File,
}

impl DataDir {
    /// Takes the folder, which is made if it is not there.
    pub(crate) fn open(path: &Path, owner: Owner) -> anyhow::Result<Self> {
        let (shown, marker_name, name) = (path.display(), owner.marker(), owner.name());
        if !path.join(marker_name).exists() && !is_vacant(path)? {
            bail!(
                "{shown} is not the data folder of a {name}: it has no file {marker_name}. Choose another --data-dir"
            );
        }
        fs::create_dir_all(path).with_context(|| format!("cannot make the data folder {shown}"))?;
        let mut marker = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path.join(marker_name))
            .with_context(|| format!("cannot use the data folder {shown}"))?;
        match marker.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => bail!("another {name} uses the data folder {shown}"),
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("cannot lock the data folder {shown}"));
            }
        }
        let text = format!("This folder holds the chain of a Millrace {name}.\n");
        marker.write_all(text.as_bytes()).with_context(|| format!("cannot write in {shown}"))?;
        Ok(Self { path: path.to_path_buf(), _marker: marker })
    }

    /// Where layer 1 and rollup node keep what they have.
    pub(crate) fn l1(&self) -> PathBuf {
        self.path.join("l1")
    }

    /// Where the node keeps what it has.
    pub(crate) fn node(&self) -> PathBuf {
        self.path.join("node")
    }

    /// Where installer, kernel and preimages of the chain are kept.
    pub(crate) fn origin(&self) -> PathBuf {
        self.path.join("origin")
    }

    /// Where a node keeps compiled kernels.
    pub(crate) fn kernels(&self) -> PathBuf {
        self.path.join("kernels")
    }

    /// Whether there is a chain in it.
    pub(crate) fn has_chain(&self) -> bool {
        self.node().exists()
    }

    /// Removes everything that a sandbox makes. The node goes last: without it there is no chain.
    pub(crate) fn forget(&self) -> anyhow::Result<()> {
        for part in [self.l1(), self.origin(), self.node()] {
            match fs::remove_dir_all(&part) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(error).with_context(|| format!("cannot remove {}", part.display()));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// Whether there is nothing at `path`, or an empty folder.
fn is_vacant(path: &Path) -> anyhow::Result<bool> {
    match fs::read_dir(path) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error).with_context(|| format!("cannot use the data folder {}", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_folder_is_not_used() {
        let dir = tempfile::tempdir().unwrap();
        let precious = dir.path().join("precious.txt");
        fs::write(&precious, "mine").unwrap();
        let error = DataDir::open(dir.path(), Owner::Sandbox).unwrap_err().to_string();
        assert!(error.contains("is not the data folder of a sandbox"), "{error}");
        assert!(precious.exists());
        assert!(DataDir::open(&precious, Owner::Sandbox).is_err(), "a file is no folder");
    }

    #[test]
    fn forgetting_removes_the_chain_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("sandbox");
        let data_dir = DataDir::open(&path, Owner::Sandbox).unwrap();
        assert!(!data_dir.has_chain());
        for part in [data_dir.l1(), data_dir.node(), data_dir.origin(), path.join("notes")] {
            fs::create_dir(&part).unwrap();
            fs::write(part.join("file"), "content").unwrap();
        }
        drop(data_dir);
        assert!(DataDir::open(&path, Owner::Sandbox).unwrap().has_chain());
        let fresh = DataDir::open(&path, Owner::Sandbox).unwrap();
        fresh.forget().unwrap();
        assert!(!fresh.has_chain() && !fresh.l1().exists() && !fresh.origin().exists());
        assert!(path.join("notes/file").exists());
    }

    #[test]
    fn two_sandboxes_do_not_share_a_folder() {
        let dir = tempfile::tempdir().unwrap();
        let first = DataDir::open(dir.path(), Owner::Sandbox).unwrap();
        let error = DataDir::open(dir.path(), Owner::Sandbox).unwrap_err().to_string();
        assert!(error.contains("another sandbox uses"), "{error}");
        drop(first);
        assert!(DataDir::open(dir.path(), Owner::Sandbox).is_ok());
        let error = DataDir::open(dir.path(), Owner::Node).unwrap_err().to_string();
        assert!(error.contains("not the data folder of a node"), "{error}");
    }
}
