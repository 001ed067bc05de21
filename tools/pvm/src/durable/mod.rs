//! The durable storage: a persistent tree of values.
//!
//! Every version shares what it has in common with others, so [`Durable::clone`] costs nothing, copy, move
//! and delete of a subtree cost its depth, and [`Durable::changes_since`] looks only at what differs. There
//! are no empty directories. No operation recurses on the depth of the tree, which kernels control.

mod changes;
mod checked;
mod children;
mod hash;
mod hash_tree;
pub(crate) use hash::{Entry as HashedEntry, blake2b, of_entries, of_leaf};
pub(crate) use hash_tree::HashTree;
mod key;
mod value;

#[cfg(test)]
mod tests;

pub use changes::{Change, Values};
pub use checked::STORE_IO_BYTES_MAX;
pub use key::{ErrorCode, KEY_BYTES_MAX, Key};
pub use value::{VALUE_BYTES_MAX, Value};

use children::Children;
use hash_tree::Kept;
use std::sync::{Arc, OnceLock};

/// A Blake2b-256 digest of the tree, as Octez makes it.
pub type NodeHash = [u8; 32];

/// A node: a value, a directory, or both.
#[derive(Clone, Default)]
struct Node {
    value: Option<Value>,
    children: Children,
    /// Made on demand; emptied by every change below.
    hash: OnceLock<NodeHash>,
    kept: Kept,
}

impl Node {
    fn is_empty(&self) -> bool {
        self.value.is_none() && self.children.is_empty()
    }

    /// The way to every change: what is shared is copied, the hash forgotten.
    fn change(node: &mut Arc<Self>) -> &mut Self {
        let node = Arc::make_mut(node);
        node.hash.take();
        node
    }
}

impl Node {
    /// Takes out all that holds on to nodes below.
    fn take_children_apart(&mut self, pending: &mut Vec<Children>) {
        let kept = std::mem::take(&mut self.kept).into_children();
        let children = [Some(std::mem::take(&mut self.children)), kept];
        pending.extend(children.into_iter().flatten().filter(|children| !children.is_empty()));
    }
}

impl Drop for Node {
    /// Takes deep trees apart without recursion.
    fn drop(&mut self) {
        let mut pending = Vec::new();
        self.take_children_apart(&mut pending);
        while let Some(children) = pending.pop() {
            children.take_apart(&mut pending);
        }
    }
}

/// A version of the durable storage. Cloning is O(1).
#[derive(Clone, Default)]
pub struct Durable {
    root: Arc<Node>,
}

/// A node that was found, to ask whether another one is the same object.
#[derive(Clone)]
pub struct Handle(Arc<Node>);

impl std::fmt::Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Handle({:p})", self.0)
    }
}

impl Handle {
    /// Whether both are one object: then their values are equal. The reverse need not hold.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// The value of the node.
    pub fn value(&self) -> Option<&Value> {
        self.0.value.as_ref()
    }
}

impl Durable {
    /// An empty storage.
    pub fn new() -> Self {
        Self::default()
    }

    /// A storage with these values.
    ///
    /// # Errors
    /// As [`Key::parse`], for the first bad key.
    pub fn from_values<K: AsRef<[u8]>, V: Into<Value>>(
        values: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Self, ErrorCode> {
        let mut durable = Self::new();
        for (key, value) in values {
            let key = Key::parse(key.as_ref())?;
            if key == Key::ROOT {
                return Err(ErrorCode::InvalidKey);
            }
            durable.set(key, value);
        }
        Ok(durable)
    }

    fn node(&self, key: &str) -> Option<&Arc<Node>> {
        Key::trusted(key).steps().try_fold(&self.root, |node, step| node.children.get(step))
    }

    /// The node at `key`, to ask later whether it is still the same one.
    pub fn handle(&self, key: &str) -> Option<Handle> {
        self.node(key).cloned().map(Handle)
    }

    /// The node at `key`, made if need be, its path unshared.
    fn node_mut(&mut self, key: Key<'_>) -> &mut Node {
        let mut node = Node::change(&mut self.root);
        for step in key.steps() {
            if node.children.get(step).is_none() {
                node.children.insert(step, Arc::default());
            }
            let Some(child) = node.children.get_mut(step) else {
                unreachable!("a child that was just inserted")
            };
            node = Node::change(child);
        }
        node
    }

    /// The value at `key`.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.node(key)?.value.as_ref()
    }

    /// Whether there is a value or a subtree at `key`.
    pub fn exists(&self, key: &str) -> bool {
        self.node(key).is_some_and(|node| !node.is_empty())
    }

    /// Replaces the value at `key`.
    pub fn set(&mut self, key: Key<'_>, value: impl Into<Value>) {
        self.node_mut(key).value = Some(value.into());
    }

    /// The names below `key` in byte order; none when there is nothing. The value of `key` itself is not
    /// among them.
    pub fn subkeys(&self, key: &str) -> Vec<String> {
        let Some(node) = self.node(key) else { return Vec::new() };
        node.children.iter().map(|entry| entry.name.to_string()).collect()
    }

    /// Removes the value and the subtree at `key`; answers whether there was something.
    pub fn delete(&mut self, key: Key<'_>) -> bool {
        self.take(key).is_some()
    }

    /// Removes the value at `key`, not what is below; answers whether there was one.
    pub fn delete_value(&mut self, key: Key<'_>) -> bool {
        let Some(node) = self.node(key.as_str()) else { return false };
        if node.value.is_none() {
            return false;
        }
        if node.children.is_empty() {
            return self.delete(key);
        }
        self.node_mut(key).value = None;
        true
    }

    /// Puts the node at `from` also at `to`, in place of what was there; `false` when there is nothing.
    pub fn copy(&mut self, from: Key<'_>, to: Key<'_>) -> bool {
        let Some(node) = self.node(from.as_str()).cloned() else { return false };
        self.put(to, node);
        true
    }

    /// Puts the node at `from` at `to`, in place of what was there; `false` when there is nothing.
    pub fn rename(&mut self, from: Key<'_>, to: Key<'_>) -> bool {
        let Some(node) = self.take(from) else { return false };
        self.put(to, node);
        true
    }

    fn put(&mut self, key: Key<'_>, node: Arc<Node>) {
        let Some((parent, name)) = key.as_str().rsplit_once('/') else {
            self.root = node;
            return;
        };
        self.node_mut(Key::trusted(parent)).children.insert(name, node);
    }

    /// Takes the node at `key` out, and every directory that this empties.
    fn take(&mut self, key: Key<'_>) -> Option<Arc<Node>> {
        let taken = self.node(key.as_str())?.clone();
        // The highest directory that holds nothing but the way to `key` goes too.
        let mut cut = key.as_str();
        while let Some((parent, _)) = cut.rsplit_once('/') {
            let node = self.node(parent)?;
            if parent.is_empty() || node.value.is_some() || node.children.len() > 1 {
                let name = &cut[parent.len() + 1..];
                self.node_mut(Key::trusted(parent)).children.remove(name);
                return Some(taken);
            }
            cut = parent;
        }
        self.root = Arc::default();
        Some(taken)
    }

    /// Whether both are the same object: then they are equal. The reverse need not hold.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.root, &other.root)
    }

    /// The hash of everything, as Octez makes it of the directory `durable`.
    pub fn hash(&self) -> NodeHash {
        hash::of_node(&self.root)
    }

    /// The hash of the node at `key` (`__internal_store_get_hash`).
    pub fn hash_of(&self, key: &str) -> Option<NodeHash> {
        self.node(key).map(hash::of_node)
    }
}

impl std::fmt::Debug for Durable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map().entries(self.values()).finish()
    }
}
