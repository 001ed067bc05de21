//! One page of a kernel.
//!
//! Format (version 0 of the data availability committee's pages, Octez smart rollups): at most 4,096 bytes, tag (0
//! contents, 1 hashes), u32 big-endian length, body. Hashes have 33 bytes each.

use crate::Refusal;
use alloc::vec::Vec;
use millrace_primitives::PreimageHash;

const CONTENTS: u8 = 0;
const HASHES: u8 = 1;

/// What is in a page.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Page<'a> {
    /// A piece of the kernel.
    Contents(&'a [u8]),
    /// Further pages.
    Hashes(Vec<PreimageHash>),
}

/// Reads a page. One that stands for nothing is none: a tree of them would never end.
///
/// # Errors
/// [`Refusal::Page`].
pub fn decode(bytes: &[u8]) -> Result<Page<'_>, Refusal> {
    let (tag, rest) = bytes.split_first().ok_or(Refusal::Page)?;
    let (length, body) = rest.split_first_chunk::<4>().ok_or(Refusal::Page)?;
    if u32::from_be_bytes(*length) as usize != body.len() || body.is_empty() {
        return Err(Refusal::Page);
    }
    match *tag {
        CONTENTS => Ok(Page::Contents(body)),
        HASHES => {
            let hashes = body.chunks(PreimageHash::SIZE_BYTES).map(PreimageHash::from_slice);
            hashes.collect::<Option<_>>().map(Page::Hashes).ok_or(Refusal::Page)
        }
        _ => Err(Refusal::Page),
    }
}
