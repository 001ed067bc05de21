//! One page of preimages: contents that are too large for one reveal are a tree of them.
//!
//! Format (version 0 of the data availability committee's pages, Octez smart rollups): at most [`PAGE_BYTES_MAX`] bytes, tag
//! (0 contents, 1 hashes), u32 big-endian length, body. Hashes have 33 bytes each.

use alloc::vec::Vec;
use millrace_primitives::PreimageHash;

/// Largest page in bytes: what one reveal can answer.
pub const PAGE_BYTES_MAX: usize = 4_096;

const CONTENTS: u8 = 0;
const HASHES: u8 = 1;

/// What is in a page.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Page<'a> {
    /// A piece of the contents.
    Contents(&'a [u8]),
    /// Further pages.
    Hashes(Vec<PreimageHash>),
}

/// Reads a page; `None` when it is none: another tag, a length that is not that of the body, or a piece of a hash. One that
/// stands for nothing is none either: a tree of them would never end.
pub fn decode(bytes: &[u8]) -> Option<Page<'_>> {
    let (tag, rest) = bytes.split_first()?;
    let (length, body) = rest.split_first_chunk::<4>()?;
    if u32::from_be_bytes(*length) as usize != body.len() || body.is_empty() {
        return None;
    }
    match *tag {
        CONTENTS => Some(Page::Contents(body)),
        HASHES => {
            let hashes = body.chunks(PreimageHash::SIZE_BYTES).map(PreimageHash::from_slice);
            hashes.collect::<Option<_>>().map(Page::Hashes)
        }
        _ => None,
    }
}
