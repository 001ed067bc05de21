//! The tree of pages from which the PVM reveals a kernel.
//!
//! Format (version 0 of the data availability committee's pages, Octez smart rollups): a page has at most 4,096 bytes:
//! tag (0 contents, 1 hashes), u32 big-endian length, body. A page is named by a zero byte and the Blake2b-256
//! of its bytes; pages of hashes are stacked until one page is left, the root.

use crate::InstallerError;
use blake2::{Blake2b, Digest, digest::consts::U32};
use millrace_primitives::PreimageHash;
use std::collections::BTreeMap;

/// Largest page in bytes: what one reveal can answer.
pub const PAGE_BYTES_MAX: usize = 4_096;

/// Pages by their names.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Preimages {
    pages: BTreeMap<PreimageHash, Vec<u8>>,
}

impl Preimages {
    /// Cuts `contents` into pages, and answers the name of the root.
    ///
    /// # Errors
    /// [`InstallerError::Preimage`] when there is nothing to cut.
    pub fn add(&mut self, contents: &[u8]) -> Result<PreimageHash, InstallerError> {
        if contents.is_empty() {
            return Err(InstallerError::Preimage("nothing to reveal".to_owned()));
        }
        let keep = |hash: tezos_smart_rollup_encoding::dac::PreimageHash, page: Vec<u8>| {
            self.pages.insert(PreimageHash::new(*hash.as_ref()), page);
        };
        tezos_smart_rollup_encoding::dac::pages::prepare_preimages(contents, keep)
            .map(|root| PreimageHash::new(*root.as_ref()))
            .map_err(|error| InstallerError::Preimage(error.to_string()))
    }

    /// A page.
    pub fn page(&self, hash: &PreimageHash) -> Option<&[u8]> {
        self.pages.get(hash).map(Vec::as_slice)
    }

    /// All pages, in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&PreimageHash, &[u8])> {
        self.pages.iter().map(|(hash, page)| (hash, page.as_slice()))
    }

    /// How many pages there are.
    pub fn count(&self) -> usize {
        self.pages.len()
    }

    /// The name of a page.
    pub fn name(page: &[u8]) -> PreimageHash {
        let digest: [u8; 32] = Blake2b::<U32>::digest(page).into();
        let mut name = [0; PreimageHash::SIZE_BYTES];
        name[1..].copy_from_slice(&digest);
        PreimageHash::new(name)
    }
}
