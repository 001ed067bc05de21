//! The files that a rollup is originated with.

use crate::{InstallerError, Parameters, Preimages};
use blake2::{Blake2b, Digest, digest::consts::U32};
use millrace_primitives::PreimageHash;
use serde::Serialize;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// A kernel, its installer and the pages that the installer reveals.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Dist {
    /// The kernel that will run.
    pub kernel: Vec<u8>,
    /// The boot sector of the origination.
    pub installer: Vec<u8>,
    /// What rollup nodes must be able to reveal.
    pub preimages: Preimages,
    /// The root of the kernel's pages; also what a kernel upgrade names.
    pub root_hash: PreimageHash,
    /// What the installer was made from.
    pub parameters: Parameters,
}

/// `rollup.json`: what is in the folder, for people and scripts.
#[derive(Serialize)]
struct Index<'a> {
    root_hash: String,
    kernel: File,
    installer: File,
    preimages: Pages,
    parameters: &'a Parameters,
}

#[derive(Serialize)]
struct File {
    size_bytes: usize,
    blake2b: String,
}

#[derive(Serialize)]
struct Pages {
    count: usize,
    size_bytes: usize,
}

impl Dist {
    /// Writes `kernel.wasm`, `installer.wasm`, `rollup.json` and `preimages/<66 hexadecimal digits>` into a folder, which is
    /// created, and removes pages of earlier kernels. Each file appears complete or not at all; the
    /// index comes last.
    ///
    /// # Errors
    /// [`InstallerError::Write`].
    pub fn write(&self, folder: &Path) -> Result<(), InstallerError> {
        let pages = folder.join("preimages");
        fs::create_dir_all(&pages).map_err(|source| InstallerError::Write { path: pages.clone(), source })?;
        for (hash, page) in self.preimages.iter() {
            write_file(&pages.join(hash.to_string()), page)?;
        }
        write_file(&folder.join("kernel.wasm"), &self.kernel)?;
        write_file(&folder.join("installer.wasm"), &self.installer)?;
        self.remove_other_pages(&pages)?;
        write_file(&folder.join("rollup.json"), self.index().as_bytes())
    }

    fn index(&self) -> String {
        let index = Index {
            root_hash: self.root_hash.to_string(),
            kernel: file(&self.kernel),
            installer: file(&self.installer),
            preimages: Pages {
                count: self.preimages.count(),
                size_bytes: self.preimages.iter().map(|(_, page)| page.len()).sum(),
            },
            parameters: &self.parameters,
        };
        // Maps have text keys and nothing else can fail.
        serde_json::to_string_pretty(&index).unwrap_or_default() + "\n"
    }

    fn remove_other_pages(&self, pages: &Path) -> Result<(), InstallerError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| InstallerError::Write { path, source }
        };
        for entry in fs::read_dir(pages).map_err(failed(pages))? {
            let entry = entry.map_err(failed(pages))?;
            let hash = entry.file_name().to_str().and_then(page_name);
            if hash.is_some_and(|hash| self.preimages.page(&hash).is_none()) {
                fs::remove_file(entry.path()).map_err(failed(&entry.path()))?;
            }
        }
        Ok(())
    }
}

/// The name that a file of `preimages/` stands for, if it is one.
fn page_name(file: &str) -> Option<PreimageHash> {
    PreimageHash::from_slice(&hex::decode(file).ok()?)
}

fn file(bytes: &[u8]) -> File {
    File { size_bytes: bytes.len(), blake2b: hex::encode(Blake2b::<U32>::digest(bytes)) }
}

/// Writes beside the file and renames, unless the file has these bytes already: its time then tells when it changed.
fn write_file(path: &Path, bytes: &[u8]) -> Result<(), InstallerError> {
    let failed = |source| InstallerError::Write { path: path.to_owned(), source };
    if fs::read(path).is_ok_and(|present| present == bytes) {
        return Ok(());
    }
    let mut beside = PathBuf::from(path).into_os_string();
    beside.push(format!(".{}.part", std::process::id()));
    fs::write(&beside, bytes).map_err(failed)?;
    fs::rename(&beside, path).map_err(failed)
}
