//! The root of the Merkle-Patricia trie of a list: keys are the RLP of the indices (Yellow Paper, appendix
//! D; what a header commits to for transactions and receipts).
//!
//! Built in one pass over the sorted keys, nothing kept. It recurses once a nibble of a
//! key, 18 deep at most.

use crate::keccak::keccak;
use crate::rlp;
use alloc::vec::Vec;
use core::cmp::Ordering;
use millrace_primitives::H256;

/// Keccak-256 of the RLP of nothing: the root of an empty trie.
pub const EMPTY_ROOT: H256 = H256([
    0x56, 0xe8, 0x1f, 0x17, 0x1b, 0xcc, 0x55, 0xa6, 0xff, 0x83, 0x45, 0xe6, 0x92, 0xc0, 0xf8, 0x6e, 0x5b,
    0x48, 0xe0, 0x1b, 0x99, 0x6c, 0xad, 0xc0, 0x01, 0x62, 0x2f, 0xb5, 0xe3, 0x63, 0xb4, 0x21,
]);

/// An index has at most 8 bytes, after one byte of prefix.
const KEY_BYTES_MAX: usize = 9;

/// Two nibbles a byte.
const KEY_NIBBLES_MAX: usize = 2 * KEY_BYTES_MAX;

/// A key as nibbles, and its value.
struct Leaf<'a> {
    nibbles: [u8; KEY_NIBBLES_MAX],
    length: usize,
    value: &'a [u8],
}

impl Leaf<'_> {
    fn key(&self) -> &[u8] {
        self.nibbles.get(..self.length).unwrap_or(&[])
    }

    fn rest(&self, depth: usize) -> &[u8] {
        self.key().get(depth..).unwrap_or(&[])
    }
}

/// The root of the trie of these values in this order.
pub fn ordered_root<T: AsRef<[u8]>>(values: &[T]) -> H256 {
    let mut leaves: Vec<Leaf<'_>> =
        values.iter().zip(0u64..).map(|(value, index)| leaf(index, value.as_ref())).collect();
    if leaves.is_empty() {
        return EMPTY_ROOT;
    }
    leaves.sort_unstable_by(|left, right| -> Ordering { left.key().cmp(right.key()) });
    keccak(&node(&leaves, 0))
}

fn leaf(index: u64, value: &[u8]) -> Leaf<'_> {
    let mut key = Vec::with_capacity(KEY_BYTES_MAX);
    rlp::write_u64(&mut key, index);
    let mut nibbles = [0; KEY_NIBBLES_MAX];
    for (pair, byte) in nibbles.chunks_exact_mut(2).zip(&key) {
        if let [high, low] = pair {
            (*high, *low) = (byte >> 4, byte & 0x0f);
        }
    }
    Leaf { nibbles, length: key.len().saturating_mul(2), value }
}

/// The RLP of the node that holds these leaves, which share `depth` nibbles.
fn node(leaves: &[Leaf<'_>], depth: usize) -> Vec<u8> {
    let (Some(first), Some(last)) = (leaves.first(), leaves.last()) else {
        return alloc::vec![0x80];
    };
    if leaves.len() == 1 {
        let mut path = Vec::with_capacity(KEY_BYTES_MAX);
        write_path(&mut path, first.rest(depth), true);
        let size = rlp::text_size(&path).saturating_add(rlp::text_size(first.value));
        let mut out = Vec::with_capacity(rlp::item_size(size));
        rlp::write_list_header(&mut out, size);
        rlp::write_text(&mut out, &path);
        rlp::write_text(&mut out, first.value);
        return out;
    }
    // Sorted, so what the first and the last share, all share.
    let shared = first.rest(depth).iter().zip(last.rest(depth)).take_while(|(a, b)| a == b).count();
    if shared > 0 {
        let mut content = Vec::with_capacity(KEY_BYTES_MAX.saturating_add(34));
        let mut path = Vec::with_capacity(KEY_BYTES_MAX);
        write_path(&mut path, first.rest(depth).get(..shared).unwrap_or(&[]), false);
        rlp::write_text(&mut content, &path);
        write_reference(&mut content, leaves, depth.saturating_add(shared));
        return list(&content);
    }
    let mut content = Vec::with_capacity(16 * 33 + 1);
    let mut rest = leaves;
    for nibble in 0..16u8 {
        let count = rest.partition_point(|leaf| leaf.rest(depth).first() == Some(&nibble));
        let (here, after) = rest.split_at_checked(count).unwrap_or((&[], rest));
        if here.is_empty() {
            content.push(0x80);
        } else {
            write_reference(&mut content, here, depth.saturating_add(1));
        }
        rest = after;
    }
    // No key is a prefix of another, so a branch has no value of its own.
    content.push(0x80);
    list(&content)
}

fn list(content: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(rlp::item_size(content.len()));
    rlp::write_list_header(&mut out, content.len());
    out.extend_from_slice(content);
    out
}

/// A node below 32 bytes stands for itself, any other is named by its hash.
fn write_reference(out: &mut Vec<u8>, leaves: &[Leaf<'_>], depth: usize) {
    let node = node(leaves, depth);
    if node.len() < 32 {
        out.extend_from_slice(&node);
    } else {
        rlp::write_h256(out, keccak(&node));
    }
}

/// Hex-prefix encoding: a flag nibble for leaf and odd length, then the nibbles.
fn write_path(out: &mut Vec<u8>, nibbles: &[u8], is_leaf: bool) {
    let flag = if is_leaf { 0x20 } else { 0x00 };
    let pairs = if nibbles.len().is_multiple_of(2) {
        out.push(flag);
        nibbles
    } else {
        let (first, rest) = nibbles.split_first().unwrap_or((&0, &[]));
        out.push(flag | 0x10 | first);
        rest
    };
    for pair in pairs.chunks_exact(2) {
        if let [high, low] = pair {
            out.push((high << 4) | low);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use alloy_primitives::bytes::BufMut;

    #[test]
    fn an_empty_list_has_the_empty_root() {
        assert_eq!(ordered_root::<Vec<u8>>(&[]), EMPTY_ROOT);
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
}
