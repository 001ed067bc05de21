//! The hash of the tree, as Octez computes it (Irmin, context format 1, binary fan-out).
//!
//! A value at key `k` is the subtree `k/@` of Octez's tree: `length` (8 bytes, big endian) and below
//! `contents` one leaf of 512 bytes for each chunk that was ever written, named by its index in decimal.

use super::{Node, NodeHash, Value};
use blake2::digest::consts::U32;
use blake2::{Blake2b, Digest};
use std::sync::Arc;

type Blake2b256 = Blake2b<U32>;

/// The name of the value of a directory.
pub(super) const VALUE_NAME: &str = "@";
/// Entries of a bucket of the hash tree, and of a directory that is no hash tree.
const BUCKET_ENTRIES_MAX: usize = 2;

/// Blake2b-256 of some bytes.
pub(crate) fn blake2b(bytes: &[u8]) -> [u8; 32] {
    Blake2b256::digest(bytes).into()
}

struct Entry<'a> {
    name: std::borrow::Cow<'a, str>,
    is_leaf: bool,
    hash: NodeHash,
}

/// The hash of a directory. Hashes below are kept in their nodes, so the cost follows what changed, with
/// one exception: a directory of n names costs n whenever one of them changed.
pub(super) fn of_node(node: &Arc<Node>) -> NodeHash {
    let mut pending: Vec<&Arc<Node>> = vec![node];
    loop {
        let Some(top) = pending.last() else { unreachable!("the first one returns") };
        let waiting = pending.len();
        if top.hash.get().is_none() {
            let unknown = top.children.iter().map(|entry| &entry.node).filter(|n| n.hash.get().is_none());
            pending.extend(unknown);
        }
        if pending.len() > waiting {
            continue;
        }
        let Some(top) = pending.pop() else { unreachable!("looked at above") };
        let hash = *top.hash.get_or_init(|| of_children(top));
        if pending.is_empty() {
            return hash;
        }
    }
}

fn of_children(node: &Node) -> NodeHash {
    let mut entries = Vec::with_capacity(node.children.len() + 1);
    for entry in node.children.iter() {
        let Some(hash) = entry.node.hash.get() else { unreachable!("children are hashed first") };
        entries.push(Entry { name: (&*entry.name).into(), is_leaf: false, hash: *hash });
    }
    if let Some(value) = &node.value {
        let at = node.children.rank(VALUE_NAME);
        entries.insert(at, Entry { name: VALUE_NAME.into(), is_leaf: false, hash: of_value(value) });
    }
    of_entries(&entries)
}

fn of_value(value: &Value) -> NodeHash {
    let mut chunks = Vec::with_capacity(value.len().min(1 << 24) / 512);
    value.written_chunks(|index, chunk| {
        chunks.push(Entry { name: index.to_string().into(), is_leaf: true, hash: of_leaf(chunk) });
    });
    chunks.sort_by(|a, b| a.name.cmp(&b.name));
    let mut entries = Vec::with_capacity(2);
    if !chunks.is_empty() {
        entries.push(Entry { name: "contents".into(), is_leaf: false, hash: of_entries(&chunks) });
    }
    let length = (value.len() as u64).to_be_bytes();
    entries.push(Entry { name: "length".into(), is_leaf: true, hash: of_leaf(&length) });
    of_entries(&entries)
}

fn of_leaf(bytes: &[u8]) -> NodeHash {
    let mut hasher = Blake2b256::new();
    hasher.update((bytes.len() as u64).to_be_bytes());
    hasher.update(bytes);
    hasher.finalize().into()
}

/// The hash of a directory with these entries, which are in byte order of their names.
fn of_entries(entries: &[Entry<'_>]) -> NodeHash {
    if entries.len() > BUCKET_ENTRIES_MAX {
        let mut hashed: Vec<_> =
            entries.iter().map(|entry| (blake2b(entry.name.as_bytes()), entry)).collect();
        return of_bucket(&mut hashed, 0);
    }
    let mut bytes = (entries.len() as u64).to_be_bytes().to_vec();
    for entry in entries {
        bytes.extend_from_slice(&[if entry.is_leaf { 0xff } else { 0 }, 0, 0, 0, 0, 0, 0, 0]);
        leb128(entry.name.len(), &mut bytes);
        bytes.extend_from_slice(entry.name.as_bytes());
        bytes.extend_from_slice(&32u64.to_be_bytes());
        bytes.extend_from_slice(&entry.hash);
    }
    blake2b(&bytes)
}

/// The hash of a part of the hash tree: the entries whose hashed names share their first `depth` bits.
fn of_bucket(entries: &mut [([u8; 32], &Entry<'_>)], depth: usize) -> NodeHash {
    let mut bytes = Vec::with_capacity(160);
    if entries.len() <= BUCKET_ENTRIES_MAX {
        // Splitting keeps the order, so the names are still in byte order.
        bytes.push(0);
        leb128(entries.len(), &mut bytes);
        for (_, entry) in entries {
            leb128(entry.name.len(), &mut bytes);
            bytes.extend_from_slice(entry.name.as_bytes());
            bytes.push(u8::from(entry.is_leaf));
            bytes.extend_from_slice(&entry.hash);
        }
        return blake2b(&bytes);
    }
    let is_right = |name: &[u8; 32]| name[depth / 8] >> (7 - depth % 8) & 1 == 1;
    entries.sort_by_key(|(name, _)| is_right(name));
    let count = entries.len();
    let (left, right) = entries.split_at_mut(entries.partition_point(|(name, _)| !is_right(name)));
    bytes.push(1);
    leb128(depth, &mut bytes);
    leb128(count, &mut bytes);
    leb128(usize::from(!left.is_empty()) + usize::from(!right.is_empty()), &mut bytes);
    for (index, side) in [left, right].into_iter().enumerate() {
        if !side.is_empty() {
            leb128(index, &mut bytes);
            bytes.extend_from_slice(&of_bucket(side, depth + 1));
        }
    }
    blake2b(&bytes)
}

fn leb128(mut number: usize, bytes: &mut Vec<u8>) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}
