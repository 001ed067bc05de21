//! A block of the sandbox's layer 1.

use crate::L1BlockHash;
use crate::sandbox::codec::{Damaged, Reader, Writer};
use crate::text::blake2b_256;
use millrace_primitives::{L1Level, Timestamp};

/// What a block hash is taken over, before the encoded block.
const HASH_DOMAIN: &[u8] = b"millrace/sandbox/block/2";

/// A block: the messages that came in at a level, on top of the block before.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Block {
    /// Its level; one more than its predecessor's.
    pub level: L1Level,
    /// Blake2b-256 of its other fields.
    pub hash: L1BlockHash,
    /// Hash of the block before; all zero for the first.
    pub predecessor: L1BlockHash,
    /// When it was made; never before its predecessor.
    pub timestamp: Timestamp,
    /// How many reorganisations there were before: it tells equal blocks of two branches apart.
    pub branch: u32,
    /// Complete inbox messages, tags included, in operation order. The messages that frame every level
    /// (start of level, info per level, end of level) are not here: the rollup node adds them.
    pub messages: Vec<Vec<u8>>,
}

impl Block {
    /// Makes a block and its hash.
    pub fn new(
        level: L1Level,
        predecessor: L1BlockHash,
        timestamp: Timestamp,
        messages: Vec<Vec<u8>>,
        branch: u32,
    ) -> Self {
        let hash = L1BlockHash::new([0; 32]);
        let mut block = Self { level, hash, predecessor, timestamp, branch, messages };
        block.hash = hash_of(&block.encode());
        block
    }

    /// The first block of a chain, in which the rollup is originated. It has level 0 and no messages.
    pub fn genesis(timestamp: Timestamp) -> Self {
        Self::new(L1Level::ZERO, L1BlockHash::new([0; 32]), timestamp, Vec::new(), 0)
    }

    /// As stored: level, predecessor, timestamp, branch, messages.
    pub(super) fn encode(&self) -> Vec<u8> {
        let head = Writer::default()
            .fixed(&self.level.get().to_be_bytes())
            .fixed(self.predecessor.as_bytes())
            .fixed(&self.timestamp.get().to_be_bytes())
            .fixed(&self.branch.to_be_bytes());
        self.messages.iter().fold(head, |writer, message| writer.string(message)).finish()
    }

    /// Reads a stored block and checks it against the hash that it is stored under.
    pub(super) fn decode(bytes: &[u8], hash: L1BlockHash) -> Result<Self, Damaged> {
        if hash_of(bytes) != hash {
            return Err(Damaged);
        }
        let mut reader = Reader::new(bytes);
        let level = L1Level::new(reader.u32()?);
        let predecessor = L1BlockHash::new(reader.fixed()?);
        let timestamp = Timestamp::new(reader.u64()?);
        let branch = reader.u32()?;
        let mut messages = Vec::new();
        while !reader.is_empty() {
            messages.push(reader.string()?.to_vec());
        }
        Ok(Self { level, hash, predecessor, timestamp, branch, messages })
    }
}

fn hash_of(encoded: &[u8]) -> L1BlockHash {
    L1BlockHash::new(blake2b_256(&[HASH_DOMAIN, encoded].concat()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_read_back_under_its_hash_only() {
        let genesis = Block::genesis(Timestamp::new(5));
        let messages = vec![vec![1, 2], vec![], vec![0; 4_096]];
        let block = Block::new(L1Level::new(1), genesis.hash, Timestamp::new(6), messages, 0);
        assert_eq!(Block::decode(&block.encode(), block.hash), Ok(block.clone()));
        assert_eq!(Block::decode(&block.encode(), genesis.hash), Err(Damaged));
        let mut damaged = block.encode();
        damaged[10] ^= 1;
        assert_eq!(Block::decode(&damaged, block.hash), Err(Damaged));
    }

    #[test]
    fn the_hash_covers_every_field() {
        let block = |level, byte, timestamp, branch, messages: &[&[u8]]| {
            let messages = messages.iter().map(|m| m.to_vec()).collect();
            let (level, predecessor) = (L1Level::new(level), L1BlockHash::new([byte; 32]));
            Block::new(level, predecessor, Timestamp::new(timestamp), messages, branch).hash
        };
        let hashes = [
            block(1, 1, 1, 0, &[b"ab"]),
            block(2, 1, 1, 0, &[b"ab"]),
            block(1, 2, 1, 0, &[b"ab"]),
            block(1, 1, 2, 0, &[b"ab"]),
            block(1, 1, 1, 1, &[b"ab"]),
            block(1, 1, 1, 0, &[b"a", b"b"]),
            block(1, 1, 1, 0, &[]),
        ];
        for (index, hash) in hashes.iter().enumerate() {
            assert!(!hashes[..index].contains(hash), "{index}");
        }
    }
}
