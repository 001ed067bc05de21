//! All pages of a kernel: which are there, which are what their names say, and what they make up.
//!
//! The kernel walks the same tree when an upgrade is due, and stops at the first page that is wrong; a page that nobody has
//! stops its rollup node. Here the walk goes on, so that all that is missing is known at once. Pages are read with the
//! decoder of the kernel, within its bounds.

use millrace_engine::standing::{Page, Refusal, decode_page};
use millrace_layout::upgrade::{DEPTH_MAX, KERNEL_BYTES_MAX, PAGES_MAX};
use millrace_primitives::PreimageHash;
use millrace_pvm::{Preimages, reveal::reveal_hash};
use std::{collections::BTreeSet, io};

/// What was found of a kernel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pages {
    /// Pages, as the kernel counts them: one that is used twice counts twice.
    pub count: u32,
    /// Those that nobody has, in the order of their names. What hangs on them is not known.
    pub missing: BTreeSet<PreimageHash>,
    /// Those in whose place there is something else.
    pub corrupt: BTreeSet<PreimageHash>,
    /// Why the kernel would not take them even if all are there.
    pub refusal: Option<Refusal>,
    /// What they make up; only what is before the first page that is not there.
    pub contents: Vec<u8>,
}

impl Pages {
    /// Whether they make up a kernel, of whatever quality.
    pub fn are_whole(&self) -> bool {
        self.missing.is_empty() && self.corrupt.is_empty() && self.refusal.is_none()
    }

    /// Reads all pages below `root`.
    ///
    /// # Errors
    /// The source cannot be read.
    pub fn collect(root: PreimageHash, source: &dyn Preimages) -> io::Result<Self> {
        let mut pages = Self::default();
        // Depth first, the next page on top.
        let mut waiting = vec![(root, 0)];
        while let Some((hash, depth)) = waiting.pop() {
            if pages.count >= PAGES_MAX {
                pages.refusal = Some(Refusal::TooLarge);
                break;
            }
            pages.count += 1;
            let Some(bytes) = pages.page(&hash, source)? else { continue };
            match decode_page(&bytes) {
                Ok(Page::Contents(contents)) => {
                    if pages.contents.len() + contents.len() > KERNEL_BYTES_MAX {
                        pages.refusal = Some(Refusal::TooLarge);
                        break;
                    }
                    if pages.missing.is_empty() && pages.corrupt.is_empty() {
                        pages.contents.extend_from_slice(contents);
                    }
                }
                Ok(Page::Hashes(_)) if depth >= DEPTH_MAX => {
                    pages.refusal = Some(Refusal::Depth);
                    break;
                }
                Ok(Page::Hashes(children)) => {
                    waiting.extend(children.into_iter().rev().map(|child| (child, depth + 1)));
                }
                Err(refusal) => {
                    pages.refusal = Some(refusal);
                    break;
                }
            }
        }
        Ok(pages)
    }

    /// A page, if it is there and what its name says.
    fn page(&mut self, hash: &PreimageHash, source: &dyn Preimages) -> io::Result<Option<Vec<u8>>> {
        if self.missing.contains(hash) || self.corrupt.contains(hash) {
            return Ok(None);
        }
        let Some(bytes) = source.preimage(hash.as_bytes())? else {
            self.missing.insert(*hash);
            return Ok(None);
        };
        if reveal_hash(&bytes) != *hash.as_bytes() {
            self.corrupt.insert(*hash);
            return Ok(None);
        }
        Ok(Some(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use millrace_pvm::PreimageMap;

    fn page(tag: u8, body: &[u8]) -> Vec<u8> {
        [&[tag][..], &(body.len() as u32).to_be_bytes(), body].concat()
    }

    fn hashes(children: &[PreimageHash]) -> Vec<u8> {
        page(1, &children.iter().flat_map(|child| *child.as_bytes()).collect::<Vec<_>>())
    }

    fn add(map: &mut PreimageMap, page: Vec<u8>) -> PreimageHash {
        PreimageHash::new(map.insert(page))
    }

    fn name(page: &[u8]) -> PreimageHash {
        PreimageHash::new(reveal_hash(page))
    }

    #[test]
    fn pages_make_up_what_was_cut() {
        let mut map = PreimageMap::default();
        let leaves: Vec<_> = (0..5u8).map(|byte| add(&mut map, page(0, &[byte; 3]))).collect();
        let left = add(&mut map, hashes(&leaves[..3]));
        let right = add(&mut map, hashes(&leaves[3..]));
        let root = add(&mut map, hashes(&[left, right]));
        let pages = Pages::collect(root, &map).unwrap();
        assert!(pages.are_whole());
        assert_eq!(pages.count, 8);
        assert_eq!(pages.contents, [[0; 3], [1; 3], [2; 3], [3; 3], [4; 3]].concat());
    }

    #[test]
    fn all_that_is_missing_is_named() {
        let mut map = PreimageMap::default();
        let there = add(&mut map, page(0, b"a"));
        let (one, two) = (name(&page(0, b"b")), name(&page(0, b"c")));
        let root = add(&mut map, hashes(&[there, one, there, two, one]));
        let pages = Pages::collect(root, &map).unwrap();
        assert_eq!(pages.missing, BTreeSet::from([one, two]));
        assert_eq!(pages.contents, b"a", "nothing after the first gap");
        let nothing = Pages::collect(one, &map).unwrap();
        assert_eq!(nothing.missing, BTreeSet::from([one]));
    }

    #[test]
    fn what_is_not_the_page_is_told_from_what_is_missing() {
        struct Liar;
        impl Preimages for Liar {
            fn preimage(&self, _: &[u8; 33]) -> io::Result<Option<Vec<u8>>> {
                Ok(Some(page(0, b"something else")))
            }
        }
        let hash = name(&page(0, b"a"));
        let pages = Pages::collect(hash, &Liar).unwrap();
        assert_eq!((pages.corrupt, pages.missing.len()), (BTreeSet::from([hash]), 0));
    }

    #[test]
    fn the_bounds_of_the_kernel_hold() {
        let mut map = PreimageMap::default();
        let leaf = add(&mut map, page(0, b"a"));
        let refusal_of = |root, map: &PreimageMap| Pages::collect(root, map).unwrap().refusal;

        let mut tower = leaf;
        for _ in 0..=DEPTH_MAX {
            tower = add(&mut map, hashes(&[tower]));
        }
        assert_eq!(refusal_of(tower, &map), Some(Refusal::Depth));

        // A few pages that stand for very many.
        let mut wide = leaf;
        for _ in 0..3 {
            wide = add(&mut map, hashes(&[wide; 123]));
        }
        let bomb = Pages::collect(wide, &map).unwrap();
        assert_eq!((bomb.refusal, bomb.count), (Some(Refusal::TooLarge), PAGES_MAX));

        let full = add(&mut map, page(0, &[7; 4_091]));
        let row = add(&mut map, hashes(&[full; 123]));
        let large = add(&mut map, hashes(&[row; 40]));
        assert_eq!(refusal_of(large, &map), Some(Refusal::TooLarge));

        for bad in [page(2, b"a"), page(0, b""), b"\0".to_vec()] {
            let bad = add(&mut map, bad);
            assert_eq!(refusal_of(bad, &map), Some(Refusal::Page));
        }
    }
}
