//! Where the pages of kernels come from.

use anyhow::{Context as _, bail, ensure};
use millrace_installer::Preimages as Cut;
use millrace_preimages::{Client, FetchConfig, Folder};
use millrace_primitives::PreimageHash;
use millrace_pvm::{PreimageFolder, PreimageMap, Preimages, reveal::RevealHash};
use std::{fs, io, path::Path, sync::Arc};
use tempfile::TempDir;

/// Several places, asked in their order.
#[derive(Default)]
pub(super) struct Sources {
    places: Vec<Arc<dyn Preimages>>,
    /// What was fetched is there as long as this.
    _fetched: Option<TempDir>,
}

impl Sources {
    /// The folders that a user names, and after them the endpoints: all pages below `root` that the latter have are fetched at
    /// once, each checked by its hash. What they did wrong is said on the standard error stream.
    fn of(names: &[String], root: PreimageHash) -> anyhow::Result<Self> {
        let (endpoints, folders): (Vec<&String>, Vec<&String>) =
            names.iter().partition(|name| name.contains("://"));
        let mut sources = Self::default();
        for folder in folders {
            ensure!(Path::new(folder).is_dir(), "there is no folder {folder}");
            sources.push(Arc::new(PreimageFolder::new(folder)));
        }
        if !endpoints.is_empty() {
            let fetched = tempfile::tempdir().context("no temporary folder for pages")?;
            fetch(&endpoints, &Folder::new(fetched.path()), root)?;
            sources.push(Arc::new(PreimageFolder::new(fetched.path())));
            sources._fetched = Some(fetched);
        }
        Ok(sources)
    }

    /// Those of the kernel that is meant: of this root, or the one in a file, which is asked for its own pages last.
    pub(super) fn of_kernel(
        names: &[String],
        root_hash: Option<PreimageHash>,
        file: Option<&KernelFile>,
    ) -> anyhow::Result<(PreimageHash, Self)> {
        match (root_hash, file) {
            (Some(root_hash), _) => Ok((root_hash, Self::of(names, root_hash)?)),
            (None, Some(file)) => {
                let mut sources = Self::of(names, file.root_hash)?;
                sources.push(file.pages.clone());
                Ok((file.root_hash, sources))
            }
            (None, None) => bail!("neither a root hash nor a file"),
        }
    }

    /// Asks this one last.
    pub(super) fn push(&mut self, place: Arc<dyn Preimages>) {
        self.places.push(place);
    }
}

impl Preimages for Sources {
    fn preimage(&self, hash: &RevealHash) -> io::Result<Option<Vec<u8>>> {
        for place in &self.places {
            if let Some(page) = place.preimage(hash)? {
                return Ok(Some(page));
            }
        }
        Ok(None)
    }
}

fn fetch(endpoints: &[&String], folder: &Folder, root: PreimageHash) -> anyhow::Result<()> {
    let client = Client::new(endpoints, FetchConfig::default())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let fetched = runtime.block_on(client.fetch(folder, root))?;
    for faults in &fetched.faults {
        eprintln!("{faults}");
    }
    Ok(())
}

/// A kernel in a file, and its pages.
pub(super) struct KernelFile {
    /// The kernel.
    pub(super) bytes: Vec<u8>,
    /// The root of its pages.
    pub(super) root_hash: PreimageHash,
    /// Its pages.
    pub(super) pages: Arc<dyn Preimages>,
}

impl KernelFile {
    /// Reads a kernel and cuts it.
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let bytes = fs::read(path).with_context(|| format!("cannot read the kernel {}", path.display()))?;
        let mut cut = Cut::default();
        let root_hash = cut.add(&bytes).with_context(|| path.display().to_string())?;
        let mut pages = PreimageMap::default();
        cut.iter().for_each(|(_, page)| {
            pages.insert(page.to_vec());
        });
        Ok(Self { bytes, root_hash, pages: Arc::new(pages) })
    }
}
