//! Contents that a program reveals, put together from the pages at hand as the installer kernel does it.

use crate::{PAGE_BYTES_MAX, Preimages};
use millrace_layout::upgrade::{self, DEPTH_MAX, KERNEL_BYTES_MAX};
use millrace_primitives::PreimageHash;
use std::{fs, io, path::PathBuf};

/// Bytes before the body of a page: tag, u32 big-endian length.
const HEADER_BYTES: usize = 5;
/// Bytes of the name of a page.
const HASH_BYTES: usize = PreimageHash::SIZE_BYTES;
/// Most pages that are read: what the kernel takes of an upgrade.
const PAGES_MAX: usize = upgrade::PAGES_MAX as usize;
/// Most missing pages that are named.
const MISSING_MAX: usize = 8;

/// Where pages are.
#[derive(Clone, Copy, Debug)]
pub enum Pages<'a> {
    /// In a folder, each in a file of its name.
    Folder(&'a std::path::Path),
    /// In memory.
    Memory(&'a Preimages),
    /// Nowhere.
    None,
}

/// What became of the pages of a root.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Revealed {
    /// The contents, when every page is there and sound.
    pub contents: Option<Vec<u8>>,
    /// How many pages were found and are sound.
    pub pages: usize,
    /// The first few that are missing.
    pub missing: Vec<PreimageHash>,
    /// The first page that is no good, and why.
    pub broken: Option<(PreimageHash, String)>,
}

/// Reads the pages of a root.
pub(super) fn reveal(pages: Pages<'_>, root: &PreimageHash) -> Revealed {
    let mut reading = Reading { pages, contents: Vec::new(), revealed: Revealed::default() };
    reading.page(root, 0);
    let Reading { contents, mut revealed, .. } = reading;
    if revealed.missing.is_empty() && revealed.broken.is_none() {
        revealed.contents = Some(contents);
    }
    revealed
}

struct Reading<'a> {
    pages: Pages<'a>,
    contents: Vec<u8>,
    revealed: Revealed,
}

impl Reading<'_> {
    fn page(&mut self, hash: &PreimageHash, depth: usize) {
        if self.revealed.broken.is_some() || self.revealed.missing.len() >= MISSING_MAX {
            return;
        }
        match self.fetch(hash) {
            Ok(Some(page)) => {
                if let Err(reason) = self.sound_page(hash, &page, depth) {
                    self.revealed.broken.get_or_insert((*hash, reason));
                }
            }
            Ok(None) => self.revealed.missing.push(*hash),
            Err(error) => self.revealed.broken = Some((*hash, error.to_string())),
        }
    }

    fn sound_page(&mut self, hash: &PreimageHash, page: &[u8], depth: usize) -> Result<(), String> {
        if page.len() > PAGE_BYTES_MAX {
            return Err(format!("it has {} bytes; a page has at most {PAGE_BYTES_MAX}", page.len()));
        }
        if Preimages::name(page) != *hash {
            return Err("its bytes are not those of its name".to_owned());
        }
        let (header, body) = page.split_first_chunk::<HEADER_BYTES>().ok_or("it is too short")?;
        let [tag, length @ ..] = *header;
        if u32::from_be_bytes(length) as usize != body.len() {
            return Err("it does not have the length that it gives".to_owned());
        }
        self.revealed.pages += 1;
        if self.revealed.pages > PAGES_MAX {
            return Err(format!("there are more than {PAGES_MAX} pages"));
        }
        match tag {
            0 if self.contents.len() + body.len() > KERNEL_BYTES_MAX => {
                Err(format!("the contents have more than {KERNEL_BYTES_MAX} bytes"))
            }
            0 => {
                self.contents.extend_from_slice(body);
                Ok(())
            }
            1 if depth + 1 >= DEPTH_MAX => {
                Err("pages are stacked deeper than the installer kernel goes".to_owned())
            }
            1 => {
                let (hashes, rest) = body.as_chunks::<HASH_BYTES>();
                if !rest.is_empty() {
                    return Err("it is no list of hashes".to_owned());
                }
                hashes.iter().for_each(|hash| self.page(&PreimageHash::new(*hash), depth + 1));
                Ok(())
            }
            tag => Err(format!("no page has tag {tag}")),
        }
    }

    fn fetch(&self, hash: &PreimageHash) -> io::Result<Option<Vec<u8>>> {
        let folder = match self.pages {
            Pages::None => return Ok(None),
            Pages::Memory(preimages) => return Ok(preimages.page(hash).map(<[u8]>::to_vec)),
            Pages::Folder(folder) => folder,
        };
        let path: PathBuf = folder.join(hash.to_string());
        let size = match fs::metadata(&path) {
            Ok(metadata) => metadata.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        if size > PAGE_BYTES_MAX as u64 {
            return Err(io::Error::other(format!(
                "it has {size} bytes; a page has at most {PAGE_BYTES_MAX}"
            )));
        }
        fs::read(path).map(Some)
    }
}
