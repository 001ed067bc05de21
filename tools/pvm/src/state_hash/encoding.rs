//! Directories to be hashed, and Octez's encodings of what is in them.

use crate::durable::{HashedEntry, NodeHash, Value, of_entries, of_leaf};
use std::collections::BTreeMap;

/// A directory of Octez's tree. What holds nothing is not there.
#[derive(Default)]
pub(super) struct Directory(BTreeMap<String, (bool, NodeHash)>);

impl Directory {
    /// Puts bytes.
    pub(super) fn leaf(&mut self, name: impl Into<String>, bytes: impl AsRef<[u8]>) {
        self.0.insert(name.into(), (true, of_leaf(bytes.as_ref())));
    }

    /// Puts characters with their number.
    pub(super) fn string(&mut self, name: &str, text: &str) {
        self.leaf(name, string(text));
    }

    /// Puts a directory that is hashed already.
    pub(super) fn node(&mut self, name: impl Into<String>, hash: NodeHash) {
        self.0.insert(name.into(), (false, hash));
    }

    /// Puts a directory.
    pub(super) fn directory(&mut self, name: impl Into<String>, directory: Self) {
        if !directory.0.is_empty() {
            self.node(name, directory.hash());
        }
    }

    /// Its hash.
    pub(super) fn hash(&self) -> NodeHash {
        let entries: Vec<_> = self
            .0
            .iter()
            .map(|(name, (is_leaf, hash))| HashedEntry { name: name.into(), is_leaf: *is_leaf, hash: *hash })
            .collect();
        of_entries(&entries)
    }
}

/// A vector whose first element has the index `head`.
pub(super) fn vector(head: usize, contents: Directory) -> Directory {
    let mut vector = Directory::default();
    vector.leaf("length", z(contents.0.len() as u128));
    vector.leaf("head", z(head as u128));
    vector.directory("contents", contents);
    vector
}

/// Bytes in chunks, as the durable storage has them.
pub(super) fn chunks(bytes: &[u8]) -> Directory {
    let mut contents = Directory::default();
    Value::from(bytes).written_chunks(|index, chunk| contents.leaf(index.to_string(), chunk));
    let mut chunked = Directory::default();
    chunked.leaf("length", (bytes.len() as u64).to_be_bytes());
    chunked.directory("contents", contents);
    chunked
}

/// `data_encoding`'s `n`: seven bits a byte, the lowest first.
pub(super) fn n(mut number: u128) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

/// `data_encoding`'s `z`, of a number that is not negative: as [`n`], but the first byte has six bits.
pub(super) fn z(number: u128) -> Vec<u8> {
    if number < 0x40 {
        return vec![number as u8];
    }
    [vec![number as u8 & 0x3f | 0x80], n(number >> 6)].concat()
}

/// Characters after their number.
pub(super) fn string(text: &str) -> Vec<u8> {
    counted(text.as_bytes())
}

/// Bytes after their number (int32).
pub(super) fn counted(bytes: &[u8]) -> Vec<u8> {
    [(bytes.len() as u32).to_be_bytes().as_slice(), bytes].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_data_encoding() {
        assert_eq!([n(0), n(127), n(128), n(1_001)], [vec![0], vec![127], vec![128, 1], vec![0xe9, 7]]);
        assert_eq!([z(0), z(63), z(64), z(100)], [vec![0], vec![63], vec![0x80, 1], vec![0xa4, 1]]);
    }
}
