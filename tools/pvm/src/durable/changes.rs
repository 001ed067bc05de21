//! Walking a storage, and the difference of two.

use super::children::{Children, Iter};
use super::{Durable, Node, Value};
use std::sync::Arc;

/// A value that is not as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The key.
    pub key: String,
    /// The new bytes; `None` when the value is gone.
    pub value: Option<Vec<u8>>,
}

/// All values of a storage with their keys, depth first, names in byte order.
pub struct Values<'a> {
    /// The directories on the way, and how long the key of each is.
    way: Vec<(Iter<'a>, usize)>,
    key: String,
    root: Option<&'a Node>,
}

impl<'a> Iterator for Values<'a> {
    type Item = (String, &'a Value);

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(root) = self.root.take() {
            self.way.push((root.children.iter(), self.key.len()));
            if let Some(value) = &root.value {
                return Some((self.key.clone(), value));
            }
        }
        loop {
            let (iter, key_bytes) = self.way.last_mut()?;
            self.key.truncate(*key_bytes);
            let Some(entry) = iter.next() else {
                self.way.pop();
                continue;
            };
            self.key.push('/');
            self.key.push_str(&entry.name);
            if !entry.node.children.is_empty() {
                self.way.push((entry.node.children.iter(), self.key.len()));
            }
            if let Some(value) = &entry.node.value {
                return Some((self.key.clone(), value));
            }
        }
    }
}

impl Durable {
    /// All values with their keys, depth first, names in byte order.
    pub fn values(&self) -> Values<'_> {
        self.values_below("")
    }

    /// The value at `key` and all below it, with their whole keys.
    pub fn values_below(&self, key: &str) -> Values<'_> {
        Values { way: Vec::new(), key: key.to_owned(), root: self.node(key).map(|node| &**node) }
    }

    /// What to write and delete to make `self` out of `older`. The cost follows the number of nodes that
    /// the two do not share, not their size.
    ///
    /// A value with never-written parts comes with its zeros: a caller that keeps kernels which use
    /// `store_create` wants [`Durable::differences_since`] and [`Value::to_record`].
    pub fn changes_since(&self, older: &Self) -> Vec<Change> {
        self.differences_since(older)
            .into_iter()
            .map(|(key, value)| Change { key, value: value.map(|value| value.to_bytes().into_owned()) })
            .collect()
    }

    /// As [`Durable::changes_since`], without copying bytes.
    pub fn differences_since<'a>(&'a self, older: &'a Self) -> Vec<(String, Option<&'a Value>)> {
        let mut changes = Vec::new();
        let mut pending = vec![(String::new(), Some(&older.root), Some(&self.root))];
        static NOTHING: Children = Children::Leaf(Vec::new());
        while let Some((key, old, new)) = pending.pop() {
            if let (Some(old), Some(new)) = (old, new)
                && Arc::ptr_eq(old, new)
            {
                continue;
            }
            let value = new.and_then(|node| node.value.as_ref());
            if old.and_then(|node| node.value.as_ref()) != value {
                changes.push((key.clone(), value));
            }
            let old_children = old.map_or(&NOTHING, |node| &node.children);
            let new_children = new.map_or(&NOTHING, |node| &node.children);
            pending_below(old_children, new_children, &key, &mut pending);
        }
        changes
    }
}

type Pair<'a> = (String, Option<&'a Arc<Node>>, Option<&'a Arc<Node>>);

fn pending_below<'a>(old: &'a Children, new: &'a Children, key: &str, pending: &mut Vec<Pair<'a>>) {
    let from = pending.len();
    Children::differences(old, new, |difference| {
        pending.push((format!("{key}/{}", &**difference.name), difference.old, difference.new));
    });
    // The first name on top.
    pending[from..].reverse();
}
