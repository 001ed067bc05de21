//! The Merkle tree over the pieces of a payload, in Blake2b-256.
//!
//! A leaf is `H(0x00 | count u16 | index u16 | piece)`, an inner node `H(0x01 | left | right)`. The leaves
//! are filled up to a power of two with zero hashes, which no piece can have, so that every proof of a tree
//! has the same length. Prefixes keep leaves and nodes apart; count and index are bound in.

use super::CHUNKS_MAX;
use crate::digest::blake2b_256;
use alloc::vec::Vec;
use millrace_primitives::Blake2bHash;

const LEAF: &[u8] = &[0];
const INNER: &[u8] = &[1];
const FILLER: [u8; 32] = [0; 32];

/// Hashes in the longest proof.
pub const PROOF_DEPTH_MAX: usize = CHUNKS_MAX.next_power_of_two().trailing_zeros() as usize;

/// How many hashes a proof has in a tree of `count` leaves.
pub(super) fn depth(count: u16) -> usize {
    // The next power of two of at most 128 fits.
    count.checked_next_power_of_two().map_or(0, |width| width.trailing_zeros() as usize)
}

fn leaf(count: u16, index: u16, piece: &[u8]) -> [u8; 32] {
    blake2b_256(&[LEAF, &count.to_be_bytes(), &index.to_be_bytes(), piece])
}

fn inner(left: &[u8; 32], right: &[u8; 32]) -> [u8; 32] {
    blake2b_256(&[INNER, left, right])
}

/// A whole tree: level 0 holds the leaves, the last level the root.
pub(super) struct Tree {
    levels: Vec<Vec<[u8; 32]>>,
}

impl Tree {
    /// The tree over at most [`CHUNKS_MAX`] pieces.
    pub(super) fn new(pieces: &[Vec<u8>]) -> Option<Self> {
        let count = u16::try_from(pieces.len()).ok().filter(|count| (1..=CHUNKS_MAX).contains(count))?;
        let mut level: Vec<_> =
            (0..count).zip(pieces).map(|(index, piece)| leaf(count, index, piece)).collect();
        level.resize(usize::from(count).next_power_of_two(), FILLER);
        let mut levels = Vec::new();
        for _ in 0..depth(count) {
            let above =
                level.chunks_exact(2).filter_map(|pair| Some(inner(pair.first()?, pair.get(1)?))).collect();
            levels.push(core::mem::replace(&mut level, above));
        }
        levels.push(level);
        Some(Self { levels })
    }

    pub(super) fn root(&self) -> Blake2bHash {
        let root = self.levels.last().and_then(|level| level.first());
        Blake2bHash::new(root.copied().unwrap_or(FILLER))
    }

    /// The siblings of leaf `index`, from the leaves up.
    pub(super) fn proof(&self, index: u16) -> Vec<u8> {
        let mut position = usize::from(index);
        let mut proof = Vec::new();
        for level in self.levels.iter().take(self.levels.len().saturating_sub(1)) {
            proof.extend_from_slice(level.get(position ^ 1).unwrap_or(&FILLER));
            position >>= 1;
        }
        proof
    }
}

/// Whether `piece` is leaf `index` of `count` under `root`. `proof` has exactly [`depth`] hashes.
pub(super) fn verify(root: &Blake2bHash, count: u16, index: u16, proof: &[u8], piece: &[u8]) -> bool {
    let (hashes, []) = proof.as_chunks::<32>() else { return false };
    if index >= count || hashes.len() != depth(count) {
        return false;
    }
    let mut position = index;
    let mut hash = leaf(count, index, piece);
    for sibling in hashes {
        hash = if position & 1 == 0 { inner(&hash, sibling) } else { inner(sibling, &hash) };
        position >>= 1;
    }
    hash == *root.as_bytes()
}
