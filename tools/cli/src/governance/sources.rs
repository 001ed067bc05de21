//! Where the pages of kernels come from.

use anyhow::{Context as _, bail, ensure};
use millrace_installer::Preimages as Cut;
use millrace_primitives::PreimageHash;
use millrace_pvm::{PreimageFolder, PreimageMap, Preimages, reveal::RevealHash};
use std::{fs, io, path::Path, sync::Arc};

/// Several sources, asked in their order.
pub(super) struct Sources(pub(super) Vec<Arc<dyn Preimages>>);

impl Preimages for Sources {
    fn preimage(&self, hash: &RevealHash) -> io::Result<Option<Vec<u8>>> {
        for source in &self.0 {
            if let Some(page) = source.preimage(hash)? {
                return Ok(Some(page));
            }
        }
        Ok(None)
    }
}

/// The source that a user names.
pub(super) fn source(text: &str) -> anyhow::Result<Arc<dyn Preimages>> {
    if text.contains("://") {
        bail!("{text}: pages are read from folders; download them into one first");
    }
    ensure!(Path::new(text).is_dir(), "there is no folder {text}");
    Ok(Arc::new(PreimageFolder::new(text)))
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
