//! The hash of the tree, as Octez computes it (Irmin, context format 1, binary fan-out).
//!
//! A value at key `k` is the subtree `k/@` of Octez's tree: `length` (8 bytes, big endian) and below
//! `contents` one leaf of 512 bytes for each chunk that was ever written, named by its index in decimal.

use super::{Node, NodeHash, Value};
use blake2::digest::consts::U32;
use blake2::{Blake2b, Digest};
use std::borrow::Cow;
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

/// What a directory holds under one name.
pub(crate) struct Entry<'a> {
    /// One step of a path.
    pub(crate) name: Cow<'a, str>,
    /// Bytes, not a directory.
    pub(crate) is_leaf: bool,
    /// The hash of the bytes with their length, or of the directory.
    pub(crate) hash: NodeHash,
}

/// Children of the smallest directory whose hash tree is kept: hashing fewer anew takes tens of microseconds.
pub(super) const KEPT_CHILDREN_MIN: usize = 64;

/// The hash of a directory. Hashes below are kept in their nodes, and of large directories the whole hash tree, so
/// the cost follows what changed since the last time.
pub(super) fn of_node(node: &Arc<Node>) -> NodeHash {
    let mut pending = vec![Arc::clone(node)];
    loop {
        let Some(top) = pending.pop() else { unreachable!("the first one returns") };
        let unhashed = if top.hash.get().is_none() { unhashed_children(&top) } else { Vec::new() };
        if !unhashed.is_empty() {
            pending.push(top);
            pending.extend(unhashed);
            continue;
        }
        let hash = *top.hash.get_or_init(|| of_children(&top));
        if pending.is_empty() {
            return hash;
        }
    }
}

fn unhashed_children(node: &Node) -> Vec<Arc<Node>> {
    let is_unhashed = |child: &Arc<Node>| child.hash.get().is_none();
    // What was a child when the tree was made is hashed.
    if let Some(mut changed) = node.kept.changed_children(&node.children) {
        changed.retain(is_unhashed);
        return changed;
    }
    node.children.iter().map(|entry| &entry.node).filter(|child| is_unhashed(child)).cloned().collect()
}

fn of_children(node: &Node) -> NodeHash {
    let value = node.value.as_ref().map(of_value);
    if node.children.len() >= KEPT_CHILDREN_MIN {
        return node.kept.update(&node.children, value);
    }
    node.kept.forget();
    let mut entries = Vec::with_capacity(node.children.len() + 1);
    for entry in node.children.iter() {
        entries.push(Entry { name: (&*entry.name).into(), is_leaf: false, hash: hash_of_child(&entry.node) });
    }
    if let Some(hash) = value {
        let at = node.children.rank(VALUE_NAME);
        entries.insert(at, Entry { name: VALUE_NAME.into(), is_leaf: false, hash });
    }
    of_entries(&entries)
}

/// The hash of a child, which is hashed before the directory that it is in.
pub(super) fn hash_of_child(child: &Node) -> NodeHash {
    let Some(hash) = child.hash.get() else { unreachable!("children are hashed first") };
    *hash
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

/// The hash of a leaf.
pub(crate) fn of_leaf(bytes: &[u8]) -> NodeHash {
    let mut hasher = Blake2b256::new();
    hasher.update((bytes.len() as u64).to_be_bytes());
    hasher.update(bytes);
    hasher.finalize().into()
}

/// The hash of a directory with these entries, which are in byte order of their names.
pub(crate) fn of_entries(entries: &[Entry<'_>]) -> NodeHash {
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
pub(super) fn of_bucket(entries: &mut [([u8; 32], &Entry<'_>)], depth: usize) -> NodeHash {
    if entries.len() <= BUCKET_ENTRIES_MAX {
        let mut bytes = Vec::with_capacity(160);
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
    entries.sort_by_key(|(name, _)| is_right(name, depth));
    let count = entries.len();
    let (left, right) = entries.split_at_mut(entries.partition_point(|(name, _)| !is_right(name, depth)));
    let sides = [left, right].map(|side| (!side.is_empty()).then(|| of_bucket(side, depth + 1)));
    of_split(depth, count, sides)
}

/// On which side of the hash tree a hashed name is below `depth` bits that others share with it.
pub(super) fn is_right(name: &[u8; 32], depth: usize) -> bool {
    name[depth / 8] >> (7 - depth % 8) & 1 == 1
}

/// The hash of a part of the hash tree with more entries than fit a bucket, of the hashes of its two sides.
pub(super) fn of_split(depth: usize, count: usize, sides: [Option<NodeHash>; 2]) -> NodeHash {
    let mut bytes = Vec::with_capacity(96);
    bytes.push(1);
    leb128(depth, &mut bytes);
    leb128(count, &mut bytes);
    leb128(sides.iter().flatten().count(), &mut bytes);
    for (index, side) in sides.iter().enumerate() {
        if let Some(hash) = side {
            leb128(index, &mut bytes);
            bytes.extend_from_slice(hash);
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
