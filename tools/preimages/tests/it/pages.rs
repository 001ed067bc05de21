//! Trees of pages to serve and fetch.

use millrace_preimages::{Folder, PAGE_BYTES_MAX, hash};
use millrace_primitives::PreimageHash;
use std::collections::BTreeMap;

/// Pages by their hashes, below one root.
#[derive(Clone, Debug)]
pub(crate) struct Pages {
    pub(crate) root: PreimageHash,
    pub(crate) all: BTreeMap<PreimageHash, Vec<u8>>,
}

impl Pages {
    /// A tree over so many different leaves, each full.
    pub(crate) fn over(leaves: usize) -> Self {
        let mut pages = Self { root: hash(b""), all: BTreeMap::new() };
        let leaf = |n: usize| {
            let mut body = vec![0xab; PAGE_BYTES_MAX - 5];
            body[..8].copy_from_slice(&n.to_be_bytes());
            body
        };
        let mut row: Vec<_> = (0..leaves).map(|n| pages.add(0, &leaf(n))).collect();
        while row.len() > 1 {
            row = row.chunks(100).map(|below| pages.add_hashes(below)).collect();
        }
        pages.root = row[0];
        pages
    }

    /// One leaf below so many pages of hashes.
    pub(crate) fn deep(depth: usize) -> Self {
        let mut pages = Self { root: hash(b""), all: BTreeMap::new() };
        pages.root = pages.add(0, b"the bottom");
        for _ in 0..depth {
            pages.root = pages.add_hashes(&[pages.root]);
        }
        pages
    }

    fn add_hashes(&mut self, below: &[PreimageHash]) -> PreimageHash {
        let body: Vec<u8> = below.iter().flat_map(|hash| *hash.as_bytes()).collect();
        self.add(1, &body)
    }

    fn add(&mut self, tag: u8, body: &[u8]) -> PreimageHash {
        let length = u32::try_from(body.len()).unwrap().to_be_bytes();
        let page = [&[tag][..], &length, body].concat();
        let name = hash(&page);
        self.all.insert(name, page);
        name
    }

    /// The hash of the leaf with this number, of [`Pages::over`].
    pub(crate) fn leaf(&self, n: usize) -> PreimageHash {
        let is_leaf = |page: &[u8]| page[0] == 0 && page[5..13] == n.to_be_bytes();
        *self.all.iter().find(|(_, page)| is_leaf(page)).unwrap().0
    }

    pub(crate) fn keep(&self, folder: &Folder) {
        for page in self.all.values() {
            folder.keep(page).unwrap();
        }
    }
}

/// A folder that is removed in the end.
pub(crate) struct Site {
    dir: tempfile::TempDir,
}

impl Site {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn folder(&self) -> Folder {
        Folder::new(self.dir.path())
    }

    pub(crate) fn path_of(&self, hash: &PreimageHash) -> std::path::PathBuf {
        self.dir.path().join(hash.to_string())
    }

    /// The names in the folder.
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.dir.path()).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }
}
