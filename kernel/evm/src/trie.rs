//! The root of a Merkle-Patricia trie (Yellow Paper, appendix D), of any pairs and of the list that a header
//! commits to for transactions and receipts.
//!
//! Built in one pass over the sorted keys, nothing kept. It recurses at most once a nibble of the longest
//! key and once more: 19 deep for a list, 65 for hashed keys.

use crate::keccak::keccak;
use crate::rlp;
use alloc::vec::Vec;
use millrace_primitives::H256;

/// Keccak-256 of the RLP of nothing: the root of an empty trie.
pub const EMPTY_ROOT: H256 = H256([
    0x56, 0xe8, 0x1f, 0x17, 0x1b, 0xcc, 0x55, 0xa6, 0xff, 0x83, 0x45, 0xe6, 0x92, 0xc0, 0xf8, 0x6e, 0x5b,
    0x48, 0xe0, 0x1b, 0x99, 0x6c, 0xad, 0xc0, 0x01, 0x62, 0x2f, 0xb5, 0xe3, 0x63, 0xb4, 0x21,
]);

/// The RLP of an index: at most 8 bytes, after one byte of prefix.
const INDEX_BYTES_MAX: usize = 9;

/// What a path of a list has at most; room to begin with for any other.
const PATH_BYTES: usize = INDEX_BYTES_MAX;

/// What a trie holds.
trait Leaf {
    fn key(&self) -> &[u8];
    fn value(&self) -> &[u8];

    /// Nibbles of the key.
    fn length(&self) -> usize {
        self.key().len().saturating_mul(2)
    }

    /// The nibble after `depth` others, the high one of a byte first.
    fn nibble(&self, depth: usize) -> Option<u8> {
        let byte = *self.key().get(depth / 2)?;
        Some(if depth.is_multiple_of(2) { byte >> 4 } else { byte & 0x0f })
    }
}

impl<K: AsRef<[u8]>, V: AsRef<[u8]>> Leaf for (K, V) {
    fn key(&self) -> &[u8] {
        self.0.as_ref()
    }

    fn value(&self) -> &[u8] {
        self.1.as_ref()
    }
}

/// A value of a list.
struct Indexed<'a> {
    key: [u8; INDEX_BYTES_MAX],
    size: u8,
    value: &'a [u8],
}

impl Leaf for Indexed<'_> {
    fn key(&self) -> &[u8] {
        self.key.get(..usize::from(self.size)).unwrap_or(&[])
    }

    fn value(&self) -> &[u8] {
        self.value
    }
}

/// The root of the trie of these pairs of key and value. The keys come in ascending order, each once, and no
/// value is empty: a trie holds none; the answer to anything else is the root of no trie.
pub fn root<K: AsRef<[u8]>, V: AsRef<[u8]>>(pairs: &[(K, V)]) -> H256 {
    root_of(pairs)
}

/// The root of the trie of these values in this order; their keys are the RLP of the indices.
pub fn ordered_root<T: AsRef<[u8]>>(values: &[T]) -> H256 {
    let mut key = Vec::with_capacity(INDEX_BYTES_MAX);
    let mut leaves: Vec<Indexed<'_>> =
        values.iter().zip(0u64..).map(|(value, index)| indexed(index, value.as_ref(), &mut key)).collect();
    leaves.sort_unstable_by(|left, right| left.key().cmp(right.key()));
    root_of(&leaves)
}

fn indexed<'a>(index: u64, value: &'a [u8], scratch: &mut Vec<u8>) -> Indexed<'a> {
    scratch.clear();
    rlp::write_u64(scratch, index);
    let mut key = [0; INDEX_BYTES_MAX];
    for (to, from) in key.iter_mut().zip(scratch.iter()) {
        *to = *from;
    }
    Indexed { key, size: u8::try_from(scratch.len()).unwrap_or(0), value }
}

fn root_of<L: Leaf>(leaves: &[L]) -> H256 {
    if leaves.is_empty() { EMPTY_ROOT } else { keccak(&node(leaves, 0)) }
}

/// The RLP of the node that holds these leaves, which share `depth` nibbles.
fn node<L: Leaf>(leaves: &[L], depth: usize) -> Vec<u8> {
    let (Some(first), Some(last)) = (leaves.first(), leaves.last()) else {
        return alloc::vec![0x80];
    };
    if leaves.len() == 1 {
        let mut path = Vec::with_capacity(PATH_BYTES);
        write_path(&mut path, first, (depth, first.length()), true);
        let size = rlp::text_size(&path).saturating_add(rlp::text_size(first.value()));
        let mut out = Vec::with_capacity(rlp::item_size(size));
        rlp::write_list_header(&mut out, size);
        rlp::write_text(&mut out, &path);
        rlp::write_text(&mut out, first.value());
        return out;
    }
    // Sorted, so what the first and the last share, all share.
    let differs = |at: &usize| first.nibble(*at) != last.nibble(*at);
    let fork = (depth..first.length()).find(differs).unwrap_or(first.length());
    if fork > depth {
        let mut content = Vec::with_capacity(PATH_BYTES.saturating_add(34));
        let mut path = Vec::with_capacity(PATH_BYTES);
        write_path(&mut path, first, (depth, fork), false);
        rlp::write_text(&mut content, &path);
        write_reference(&mut content, leaves, fork);
        return list(&content);
    }
    list(&branch(leaves, depth))
}

/// The content of a branch: sixteen children, and the value of the key that ends here.
fn branch<L: Leaf>(leaves: &[L], depth: usize) -> Vec<u8> {
    let mut content = Vec::with_capacity(16 * 33 + 1);
    // What ends here is the prefix of all the others, so it comes first.
    let (ends_here, mut rest) = match leaves.split_first() {
        Some((first, others)) if first.length() <= depth => (Some(first), others),
        _ => (None, leaves),
    };
    for nibble in 0..16u8 {
        let count = rest.partition_point(|leaf| leaf.nibble(depth) == Some(nibble));
        let (here, after) = rest.split_at_checked(count).unwrap_or((&[], rest));
        if here.is_empty() {
            content.push(0x80);
        } else {
            write_reference(&mut content, here, depth.saturating_add(1));
        }
        rest = after;
    }
    rlp::write_text(&mut content, ends_here.map_or(&[], Leaf::value));
    content
}

fn list(content: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(rlp::item_size(content.len()));
    rlp::write_list_header(&mut out, content.len());
    out.extend_from_slice(content);
    out
}

/// A node below 32 bytes stands for itself, any other is named by its hash.
fn write_reference<L: Leaf>(out: &mut Vec<u8>, leaves: &[L], depth: usize) {
    let node = node(leaves, depth);
    if node.len() < 32 {
        out.extend_from_slice(&node);
    } else {
        rlp::write_h256(out, keccak(&node));
    }
}

/// Hex-prefix encoding of the nibbles of the key from `from` up to `to`: a flag nibble for leaf and odd
/// length, then the nibbles.
fn write_path<L: Leaf>(out: &mut Vec<u8>, leaf: &L, (from, to): (usize, usize), is_leaf: bool) {
    let flag = if is_leaf { 0x20 } else { 0x00 };
    let nibble = |at: usize| leaf.nibble(at).unwrap_or(0);
    // Paired up, the rest starts at an even distance from the end.
    let pairs = if to.saturating_sub(from).is_multiple_of(2) {
        out.push(flag);
        from
    } else {
        out.push(flag | 0x10 | nibble(from));
        from.saturating_add(1)
    };
    for at in (pairs..to).step_by(2) {
        out.push((nibble(at) << 4) | nibble(at.saturating_add(1)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{collections::BTreeMap, vec};
    use alloy_primitives::bytes::BufMut;

    #[test]
    fn an_empty_list_has_the_empty_root() {
        assert_eq!(ordered_root::<Vec<u8>>(&[]), EMPTY_ROOT);
        assert_eq!(root::<Vec<u8>, Vec<u8>>(&[]), EMPTY_ROOT);
        assert_eq!(keccak(&[0x80]), EMPTY_ROOT);
    }

    #[test]
    fn every_shape_agrees_with_an_independent_trie() {
        for count in [1usize, 2, 3, 16, 17, 127, 128, 129, 130, 200, 256, 257, 300, 1000] {
            for size in [1usize, 5, 31, 32, 100] {
                let values: Vec<Vec<u8>> =
                    (0..count).map(|index| vec![(index % 251) as u8; size + index % 3]).collect();
                let expected = alloy_trie::root::ordered_trie_root_with_encoder(&values, |value, out| {
                    out.put_slice(value);
                });
                assert_eq!(ordered_root(&values).0, expected.0, "{count} values of {size} bytes");
            }
        }
    }

    #[test]
    fn hashed_keys_agree_with_an_independent_trie() {
        for count in [1u64, 2, 3, 17, 300] {
            let pairs: BTreeMap<H256, Vec<u8>> =
                (0..count).map(|n| (keccak(&n.to_be_bytes()), vec![1; n as usize % 70 + 1])).collect();
            let mut builder = alloy_trie::HashBuilder::default();
            for (key, value) in &pairs {
                builder.add_leaf(alloy_trie::Nibbles::unpack(key.0), value);
            }
            let pairs: Vec<(H256, Vec<u8>)> = pairs.into_iter().collect();
            assert_eq!(root(&pairs).0, builder.root().0, "{count} keys");
        }
    }

    #[test]
    fn keys_may_be_prefixes_of_each_other() {
        // The example of the Ethereum wiki, `TrieTests/trieanyorder.json: dogs`.
        let pairs = [("do", "verb"), ("dog", "puppy"), ("doge", "coin"), ("horse", "stallion")];
        let expected = "5991bb8c6514148a29db676a14ac506cd2cd5775ace63c30a4fe457715e9ac84";
        assert_eq!(hex::encode(root(&pairs)), expected);
        // By hand: a branch with the value of the empty key, and one child under 6, small enough to stand in it.
        let mut branch = vec![0xd3];
        branch.extend([0x80; 6]);
        branch.extend([0xc2, 0x31, b'y']);
        branch.extend([0x80; 9]);
        branch.push(b'x');
        assert_eq!(root(&[("", "x"), ("a", "y")]), keccak(&branch));
    }
}
