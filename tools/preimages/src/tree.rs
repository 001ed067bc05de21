//! All pages below a root, as the kernel will walk them.

use crate::folder::{Folder, FolderError, Kept};
use crate::page::{self, PAGES_MAX, Page};
use crate::{DEPTH_MAX, KERNEL_BYTES_MAX};
use millrace_primitives::PreimageHash;
use std::collections::BTreeSet;

/// Why a kernel will refuse these pages, however many of them there are (`UpgradeFailed`, reasons 1 to 3).
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refusal {
    /// A page that is neither contents nor hashes.
    #[error("{0} is the hash of something that is no page of a kernel")]
    Page(PreimageHash),
    /// More pages than [`PAGES_MAX`].
    #[error("more than {PAGES_MAX} pages")]
    TooManyPages,
    /// More contents than [`KERNEL_BYTES_MAX`].
    #[error("more than {KERNEL_BYTES_MAX} bytes")]
    TooLarge,
    /// More than [`DEPTH_MAX`] pages of hashes above each other.
    #[error("more than {DEPTH_MAX} pages of hashes above each other, at {0}")]
    Depth(PreimageHash),
}

/// What a folder has of the pages below a root.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tree {
    /// The name of all of them together.
    pub root: PreimageHash,
    /// Pages that are there and right; one that stands in several places is counted each time, as the kernel does.
    pub pages: usize,
    /// Contents in them, in bytes.
    pub size_bytes: usize,
    /// Pages that are not there. What is below them is not known.
    pub missing: BTreeSet<PreimageHash>,
    /// Names under which there is something else.
    pub wrong: BTreeSet<PreimageHash>,
    /// Why a kernel will refuse them. The walk ends there.
    pub refusal: Option<Refusal>,
}

impl Tree {
    /// Walks all pages below `root` that a folder has.
    ///
    /// # Errors
    /// [`FolderError`] when the folder cannot be read.
    pub fn of(folder: &Folder, root: PreimageHash) -> Result<Self, FolderError> {
        Self::walk(folder, root, |_contents| {})
    }

    /// The same, with the contents of the kernel in order; `None` when the tree is not whole.
    ///
    /// # Errors
    /// [`FolderError`] when the folder cannot be read.
    pub fn contents(folder: &Folder, root: PreimageHash) -> Result<(Self, Option<Vec<u8>>), FolderError> {
        let mut kernel = Vec::new();
        let tree = Self::walk(folder, root, |contents| kernel.extend_from_slice(contents))?;
        let kernel = tree.is_whole().then_some(kernel);
        Ok((tree, kernel))
    }

    /// Whether a rollup node with this folder can reveal the kernel.
    pub fn is_whole(&self) -> bool {
        self.missing.is_empty() && self.wrong.is_empty() && self.refusal.is_none()
    }

    fn walk(
        folder: &Folder,
        root: PreimageHash,
        mut contents: impl FnMut(&[u8]),
    ) -> Result<Self, FolderError> {
        let mut tree = Self {
            root,
            pages: 0,
            size_bytes: 0,
            missing: BTreeSet::new(),
            wrong: BTreeSet::new(),
            refusal: None,
        };
        // From left to right: the last one is the next.
        let mut open = vec![(root, 0)];
        let mut visits = 0;
        while let Some((hash, depth)) = open.pop() {
            visits += 1;
            if visits > PAGES_MAX {
                tree.refusal = Some(Refusal::TooManyPages);
                break;
            }
            let bytes = match folder.look(&hash)? {
                Kept::Right(bytes) => bytes,
                Kept::Absent => {
                    tree.missing.insert(hash);
                    continue;
                }
                Kept::Wrong => {
                    tree.wrong.insert(hash);
                    continue;
                }
            };
            tree.pages += 1;
            match page::decode(&bytes) {
                Ok(Page::Contents(piece)) => {
                    tree.size_bytes += piece.len();
                    contents(piece);
                    tree.refusal = (tree.size_bytes > KERNEL_BYTES_MAX).then_some(Refusal::TooLarge);
                }
                Ok(Page::Hashes(_)) if depth >= DEPTH_MAX => tree.refusal = Some(Refusal::Depth(hash)),
                Ok(Page::Hashes(below)) => open.extend(below.into_iter().rev().map(|hash| (hash, depth + 1))),
                Err(page::Malformed) => tree.refusal = Some(Refusal::Page(hash)),
            }
            if tree.refusal.is_some() {
                break;
            }
        }
        Ok(tree)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::PAGE_BYTES_MAX;

    fn page(tag: u8, body: &[u8]) -> Vec<u8> {
        [&[tag][..], &u32::try_from(body.len()).unwrap().to_be_bytes(), body].concat()
    }

    fn hashes(below: &[PreimageHash]) -> Vec<u8> {
        page(1, &below.iter().flat_map(|hash| *hash.as_bytes()).collect::<Vec<_>>())
    }

    fn folder() -> (tempfile::TempDir, Folder) {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::new(dir.path());
        (dir, folder)
    }

    #[test]
    fn a_whole_tree_gives_the_kernel_back() {
        let (_dir, folder) = folder();
        let [a, b] = [b"first ", &b"second"[..]].map(|piece| folder.keep(&page(0, piece)).unwrap());
        let left = folder.keep(&hashes(&[a, b])).unwrap();
        let root = folder.keep(&hashes(&[left, a])).unwrap();
        let (tree, kernel) = Tree::contents(&folder, root).unwrap();
        assert!(tree.is_whole());
        assert_eq!(kernel.unwrap(), b"first secondfirst ");
        assert_eq!((tree.pages, tree.size_bytes), (5, 18));
    }

    #[test]
    fn what_is_missing_or_wrong_is_named_and_the_rest_is_looked_at() {
        let (dir, folder) = folder();
        let [a, b, c] = [b"a", b"b", b"c"].map(|piece| folder.keep(&page(0, piece)).unwrap());
        let root = folder.keep(&hashes(&[a, b, c, a])).unwrap();
        std::fs::remove_file(dir.path().join(a.to_string())).unwrap();
        std::fs::write(dir.path().join(b.to_string()), "b").unwrap();
        let (tree, kernel) = Tree::contents(&folder, root).unwrap();
        assert_eq!(tree.missing, BTreeSet::from([a]));
        assert_eq!(tree.wrong, BTreeSet::from([b]));
        assert_eq!((tree.pages, kernel), (2, None));
        let nothing = Tree::of(&folder, page::hash(b"nothing")).unwrap();
        assert_eq!(nothing.missing, BTreeSet::from([page::hash(b"nothing")]));
    }

    #[test]
    fn trees_that_a_kernel_refuses_are_refused() {
        let (_dir, folder) = folder();
        let refusal = |root| Tree::of(&folder, root).unwrap().refusal;
        let odd = folder.keep(b"\x07no page").unwrap();
        assert_eq!(refusal(odd), Some(Refusal::Page(odd)));
        let mut top = folder.keep(&page(0, b"deep")).unwrap();
        for _ in 0..DEPTH_MAX {
            top = folder.keep(&hashes(&[top])).unwrap();
        }
        assert_eq!(refusal(top), None);
        top = folder.keep(&hashes(&[top])).unwrap();
        assert!(matches!(refusal(top), Some(Refusal::Depth(_))));
        // Pages of 123 times the same below: 123³ of them in four files.
        let mut wide = folder.keep(&page(0, b"w")).unwrap();
        for _ in 0..3 {
            wide = folder.keep(&hashes(&[wide; 123])).unwrap();
        }
        assert_eq!(refusal(wide), Some(Refusal::TooManyPages));
        let full = folder.keep(&page(0, &[0; PAGE_BYTES_MAX - 5])).unwrap();
        let middle = folder.keep(&hashes(&[full; 123])).unwrap();
        let large = folder.keep(&hashes(&[middle; 34])).unwrap();
        assert_eq!(refusal(large), Some(Refusal::TooLarge));
        let fits = folder.keep(&hashes(&[middle; 33])).unwrap();
        assert_eq!(refusal(fits), None);
    }
}
