//! The tree of pages from which the PVM reveals a kernel.
//!
//! The format of a page is [`millrace_wire::page`]'s. A page is named by a zero byte and the Blake2b-256 of its bytes; pages of
//! hashes are stacked until one page is left, the root.

use crate::InstallerError;
use blake2::{Blake2b, Digest, digest::consts::U32};
use millrace_primitives::PreimageHash;
use std::collections::BTreeMap;

pub use millrace_wire::page::PAGE_BYTES_MAX;

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
