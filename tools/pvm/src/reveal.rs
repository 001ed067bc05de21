//! Data that a kernel asks for by name: preimages, metadata, data-availability pages.

use crate::PvmError;
use crate::durable::blake2b;
use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::{PoisonError, RwLock};

/// Bytes of the largest preimage.
pub const PREIMAGE_BYTES_MAX: usize = 4_096;
/// Bytes of the largest request.
pub const REQUEST_BYTES_MAX: usize = 4_096;

/// A hash as the PVM writes it: a zero byte for Blake2b, then 32 bytes.
pub type RevealHash = [u8; 33];

/// The hash of some bytes.
pub fn reveal_hash(preimage: &[u8]) -> RevealHash {
    let mut hash = [0; 33];
    hash[1..].copy_from_slice(&blake2b(preimage));
    hash
}

/// The constants of the data-availability layer, as the reveal of tag 3 gives them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DalParameters {
    /// Slots of a level.
    pub number_of_slots: i64,
    /// Levels from publication to attestation.
    pub attestation_lag: i64,
    /// Bytes of a slot.
    pub slot_size_bytes: i64,
    /// Bytes of a page.
    pub page_size_bytes: i64,
}

impl DalParameters {
    /// Those of Ushuaia.
    pub const USHUAIA: Self =
        Self { number_of_slots: 160, attestation_lag: 5, slot_size_bytes: 380_832, page_size_bytes: 3_967 };

    pub(crate) fn to_bytes(self) -> Vec<u8> {
        [self.number_of_slots, self.attestation_lag, self.slot_size_bytes, self.page_size_bytes]
            .iter()
            .flat_map(|number| number.to_be_bytes())
            .collect()
    }
}

/// A page of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DalPage {
    /// The level whose block published the slot.
    pub published_level: i32,
    /// The slot.
    pub slot: u8,
    /// The page of the slot.
    pub page: i16,
}

impl DalPage {
    /// The request that asks for it, tag included.
    pub fn request(self) -> Vec<u8> {
        let level = self.published_level.to_be_bytes();
        [&[2], level.as_slice(), &[self.slot], &self.page.to_be_bytes()].concat()
    }
}

/// Where revealed data comes from. What it answers is checked against the hash by the PVM.
pub trait Preimages: Send + Sync {
    /// The preimage of this hash; `None` when nobody has it: the level cannot be run then.
    ///
    /// # Errors
    /// The source cannot be read.
    fn preimage(&self, hash: &RevealHash) -> io::Result<Option<Vec<u8>>>;

    /// The page, or `None` when its slot was not attested or is out of range.
    ///
    /// # Errors
    /// The source cannot be read.
    fn dal_page(&self, _page: DalPage) -> io::Result<Option<Vec<u8>>> {
        Ok(None)
    }

    /// The answer to a request of a kind that this host does not know; `None` when nobody does, and the kernel gets
    /// nothing.
    ///
    /// # Errors
    /// The source cannot be read.
    fn other(&self, _request: &[u8]) -> io::Result<Option<Vec<u8>>> {
        Ok(None)
    }

    /// The constants of the data-availability layer.
    fn dal_parameters(&self) -> DalParameters {
        DalParameters::USHUAIA
    }
}

/// The preimage of a hash, as the PVM takes it: checked.
///
/// # Errors
/// [`PvmError::PreimageMissing`], [`PvmError::PreimageCorrupt`], [`PvmError::Reveal`].
pub fn preimage_of(source: &dyn Preimages, hash: &RevealHash) -> Result<Vec<u8>, PvmError> {
    // Everybody has the preimage that answers requests nobody understands.
    if *hash == reveal_hash(&[]) {
        return Ok(Vec::new());
    }
    let unreadable = |error: io::Error| PvmError::Reveal { detail: error.to_string() };
    let preimage = source.preimage(hash).map_err(unreadable)?;
    let preimage = preimage.ok_or(PvmError::PreimageMissing { hash: *hash })?;
    if preimage.len() > PREIMAGE_BYTES_MAX || reveal_hash(&preimage) != *hash {
        return Err(PvmError::PreimageCorrupt { hash: *hash });
    }
    Ok(preimage)
}

/// Preimages in a folder: each a file named by the 66 hexadecimal digits of its hash.
#[derive(Clone, Debug)]
pub struct PreimageFolder {
    path: PathBuf,
}

impl PreimageFolder {
    /// The preimages in `path`, which is read at each request.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }
}

impl Preimages for PreimageFolder {
    fn preimage(&self, hash: &RevealHash) -> io::Result<Option<Vec<u8>>> {
        match std::fs::read(self.path.join(hex(hash))) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Preimages in memory.
#[derive(Clone, Debug, Default)]
pub struct PreimageMap(BTreeMap<RevealHash, Vec<u8>>);

impl PreimageMap {
    /// Adds a page; answers its hash.
    pub fn insert(&mut self, preimage: Vec<u8>) -> RevealHash {
        let hash = reveal_hash(&preimage);
        self.0.insert(hash, preimage);
        hash
    }
}

impl Preimages for PreimageMap {
    fn preimage(&self, hash: &RevealHash) -> io::Result<Option<Vec<u8>>> {
        Ok(self.0.get(hash).cloned())
    }
}

/// Slots of the data-availability layer in memory, and preimages from elsewhere.
#[derive(Debug)]
pub struct Slots<P> {
    preimages: P,
    parameters: DalParameters,
    slots: RwLock<BTreeMap<(i32, u8), Vec<u8>>>,
}

impl<P> Slots<P> {
    /// No slot yet.
    pub fn new(preimages: P, parameters: DalParameters) -> Self {
        Self { preimages, parameters, slots: RwLock::default() }
    }

    /// Makes a slot of a level available that begins with these bytes; zeros follow, and what does not fit is cut.
    pub fn attest(&self, published_level: i32, slot: u8, mut bytes: Vec<u8>) {
        bytes.resize(usize::try_from(self.parameters.slot_size_bytes).unwrap_or(0), 0);
        let mut slots = self.slots.write().unwrap_or_else(PoisonError::into_inner);
        slots.insert((published_level, slot), bytes);
    }
}

impl<P: Preimages> Preimages for Slots<P> {
    fn preimage(&self, hash: &RevealHash) -> io::Result<Option<Vec<u8>>> {
        self.preimages.preimage(hash)
    }

    fn dal_page(&self, page: DalPage) -> io::Result<Option<Vec<u8>>> {
        let slots = self.slots.read().unwrap_or_else(PoisonError::into_inner);
        let size_bytes = usize::try_from(self.parameters.page_size_bytes).unwrap_or(0);
        let pages = |slot: &Vec<u8>| {
            let index = usize::try_from(page.page).ok()?;
            slot.chunks(size_bytes.max(1)).nth(index).map(<[u8]>::to_vec)
        };
        Ok(slots.get(&(page.published_level, page.slot)).and_then(pages))
    }

    fn other(&self, request: &[u8]) -> io::Result<Option<Vec<u8>>> {
        self.preimages.other(request)
    }

    fn dal_parameters(&self) -> DalParameters {
        self.parameters
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    Preimage(RevealHash),
    Metadata,
    Page(DalPage),
    DalParameters,
    /// Anything else: answered as the hash of nothing, whose preimage is empty.
    Unknown,
}

impl Request {
    pub(crate) fn decode(payload: &[u8]) -> Self {
        match payload {
            [0, hash @ ..] => match RevealHash::try_from(hash) {
                Ok(hash) if hash[0] == 0 => Self::Preimage(hash),
                _ => Self::Unknown,
            },
            [1] => Self::Metadata,
            [2, a, b, c, d, slot, e, f] => Self::Page(DalPage {
                published_level: i32::from_be_bytes([*a, *b, *c, *d]),
                slot: *slot,
                page: i16::from_be_bytes([*e, *f]),
            }),
            [3] => Self::DalParameters,
            _ => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_served_page_by_page() {
        let parameters = DalParameters { slot_size_bytes: 10, page_size_bytes: 4, ..DalParameters::USHUAIA };
        let slots = Slots::new(PreimageMap::default(), parameters);
        slots.attest(7, 255, vec![1, 2, 3, 4, 5]);
        slots.attest(8, 255, vec![9; 99]);
        let page = |published_level, slot, page| {
            slots.dal_page(DalPage { published_level, slot, page }).expect("memory can be read")
        };
        assert_eq!(page(7, 255, 0), Some(vec![1, 2, 3, 4]));
        assert_eq!(page(7, 255, 1), Some(vec![5, 0, 0, 0]));
        assert_eq!(page(8, 255, 2), Some(vec![9, 9]));
        for (level, slot, index) in [(7, 255, 3), (7, 255, -1), (7, 0, 0), (6, 255, 0)] {
            assert_eq!(page(level, slot, index), None);
        }
        assert_eq!(slots.dal_parameters(), parameters);
    }
}
