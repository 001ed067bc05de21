//! The children of a directory: a persistent B+ tree ordered by the bytes of the names.
//!
//! Cloning is O(1) at every inner node; a change copies only the nodes on its path that are shared. Every
//! leaf stands at the same depth. `first` of a branch is a lower bound of the names below it, greater than
//! every name of the branch before.

use super::Node;
use std::cmp::Ordering;
use std::sync::Arc;

/// Entries of a leaf and branches of an inner node.
const WIDTH_MAX: usize = 32;
/// Below this a node is joined with a neighbour when both fit in [`JOINED_WIDTH_MAX`].
const WIDTH_MIN: usize = 8;
/// Leaves room so that the next insertion does not split again.
const JOINED_WIDTH_MAX: usize = 24;

/// The name of a child. Most comparisons are decided by the first bytes, which are at hand.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Name {
    /// The first 8 bytes as a big-endian number, padded with zeros, which no name contains.
    prefix: u64,
    text: Arc<str>,
}

/// A name to look for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Sought<'a> {
    prefix: u64,
    text: &'a str,
}

impl<'a> Sought<'a> {
    fn new(text: &'a str) -> Self {
        let mut prefix = [0; 8];
        let count = text.len().min(8);
        prefix[..count].copy_from_slice(&text.as_bytes()[..count]);
        Self { prefix: u64::from_be_bytes(prefix), text }
    }
}

impl Name {
    fn as_sought(&self) -> Sought<'_> {
        Sought { prefix: self.prefix, text: &self.text }
    }

    /// The characters, shared.
    pub(super) fn text(&self) -> &Arc<str> {
        &self.text
    }
}

impl std::ops::Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

/// A child and its name.
#[derive(Clone)]
pub(super) struct Entry {
    /// One step of a key.
    pub(super) name: Name,
    /// Never empty.
    pub(super) node: Arc<Node>,
}

/// A subtree of an inner node.
#[derive(Clone)]
pub(super) struct Branch {
    first: Name,
    count: usize,
    below: Arc<Children>,
}

/// A sorted map from names to nodes.
#[derive(Clone)]
pub(super) enum Children {
    /// Sorted by name.
    Leaf(Vec<Entry>),
    /// Sorted, never empty.
    Inner(Vec<Branch>),
}

impl Default for Children {
    fn default() -> Self {
        Self::Leaf(Vec::new())
    }
}

/// Where the branch is that may hold `name`.
fn branch_of(branches: &[Branch], name: Sought<'_>) -> usize {
    branches.partition_point(|branch| branch.first.as_sought() <= name).saturating_sub(1)
}

fn entry_of(entries: &[Entry], name: Sought<'_>) -> Option<usize> {
    entries.binary_search_by(|entry| entry.name.as_sought().cmp(&name)).ok()
}

fn count_of(branches: &[Branch]) -> usize {
    branches.iter().map(|branch| branch.count).sum()
}

impl Children {
    /// Number of children.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Leaf(entries) => entries.len(),
            Self::Inner(branches) => count_of(branches),
        }
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        matches!(self, Self::Leaf(entries) if entries.is_empty())
    }

    /// The child of this name.
    pub(super) fn get(&self, name: &str) -> Option<&Arc<Node>> {
        let name = Sought::new(name);
        let mut tree = self;
        loop {
            match tree {
                Self::Inner(branches) => tree = &branches[branch_of(branches, name)].below,
                Self::Leaf(entries) => {
                    let index = entry_of(entries, name)?;
                    return Some(&entries[index].node);
                }
            }
        }
    }

    /// The child of this name, its path unshared.
    pub(super) fn get_mut(&mut self, name: &str) -> Option<&mut Arc<Node>> {
        let name = Sought::new(name);
        let mut tree = self;
        loop {
            match tree {
                Self::Inner(branches) => {
                    let index = branch_of(branches, name);
                    tree = Arc::make_mut(&mut branches[index].below);
                }
                Self::Leaf(entries) => {
                    let index = entry_of(entries, name)?;
                    return Some(&mut entries[index].node);
                }
            }
        }
    }

    /// Number of names before `name` in the order.
    pub(super) fn rank(&self, name: &str) -> usize {
        let name = Sought::new(name);
        let mut tree = self;
        let mut before = 0;
        loop {
            match tree {
                Self::Inner(branches) => {
                    let index = branch_of(branches, name);
                    before += count_of(&branches[..index]);
                    tree = &branches[index].below;
                }
                Self::Leaf(entries) => {
                    return before + entries.partition_point(|entry| entry.name.as_sought() < name);
                }
            }
        }
    }

    /// The child at this place of the order.
    pub(super) fn nth(&self, mut index: usize) -> Option<&Entry> {
        let mut tree = self;
        loop {
            match tree {
                Self::Leaf(entries) => return entries.get(index),
                Self::Inner(branches) => {
                    let mut branches = branches.iter();
                    tree = loop {
                        let branch = branches.next()?;
                        if index < branch.count {
                            break &branch.below;
                        }
                        index -= branch.count;
                    };
                }
            }
        }
    }

    /// Puts a child, replacing the one of the same name.
    pub(super) fn insert(&mut self, name: &str, node: Arc<Node>) {
        if let Some(place) = self.get_mut(name) {
            *place = node;
            return;
        }
        if let Some(right) = self
            .insert_new(Entry { name: Name { prefix: Sought::new(name).prefix, text: name.into() }, node })
        {
            let left = std::mem::take(self);
            let first = left.first().unwrap_or_else(|| right.first.clone());
            let left = Branch { first, count: left.len(), below: Arc::new(left) };
            *self = Self::Inner(vec![left, right]);
        }
    }

    fn first(&self) -> Option<Name> {
        match self {
            Self::Leaf(entries) => entries.first().map(|entry| entry.name.clone()),
            Self::Inner(branches) => branches.first().map(|branch| branch.first.clone()),
        }
    }

    /// Puts a child whose name is not there; answers the right half when this node had to split.
    fn insert_new(&mut self, entry: Entry) -> Option<Branch> {
        match self {
            Self::Leaf(entries) => {
                let index = entries.partition_point(|other| other.name < entry.name);
                entries.insert(index, entry);
                if entries.len() <= WIDTH_MAX {
                    return None;
                }
                let right = entries.split_off(WIDTH_MAX / 2);
                let first = right.first()?.name.clone();
                Some(Branch { first, count: right.len(), below: Arc::new(Self::Leaf(right)) })
            }
            Self::Inner(branches) => {
                let index = branch_of(branches, entry.name.as_sought());
                let branch = &mut branches[index];
                if entry.name < branch.first {
                    branch.first = entry.name.clone();
                }
                branch.count += 1;
                let right = Arc::make_mut(&mut branch.below).insert_new(entry)?;
                branch.count -= right.count;
                branches.insert(index + 1, right);
                if branches.len() <= WIDTH_MAX {
                    return None;
                }
                let right = branches.split_off(WIDTH_MAX / 2);
                let first = right.first()?.first.clone();
                Some(Branch { first, count: count_of(&right), below: Arc::new(Self::Inner(right)) })
            }
        }
    }

    /// Takes a child out.
    pub(super) fn remove(&mut self, name: &str) -> Option<Arc<Node>> {
        self.get(name)?;
        let node = self.remove_present(Sought::new(name));
        // A root with one branch is that branch.
        loop {
            match self {
                Self::Inner(branches) if branches.is_empty() => *self = Self::default(),
                Self::Inner(branches) if branches.len() == 1 => {
                    let below = branches.remove(0).below;
                    *self = Arc::try_unwrap(below).unwrap_or_else(|shared| (*shared).clone());
                }
                _ => return node,
            }
        }
    }

    fn remove_present(&mut self, name: Sought<'_>) -> Option<Arc<Node>> {
        match self {
            Self::Leaf(entries) => {
                let index = entry_of(entries, name)?;
                Some(entries.remove(index).node)
            }
            Self::Inner(branches) => {
                let index = branch_of(branches, name);
                let branch = &mut branches[index];
                let node = Arc::make_mut(&mut branch.below).remove_present(name)?;
                branch.count -= 1;
                if branch.count == 0 {
                    branches.remove(index);
                } else if branch.below.width() < WIDTH_MIN {
                    join(branches, index);
                }
                Some(node)
            }
        }
    }

    fn width(&self) -> usize {
        match self {
            Self::Leaf(entries) => entries.len(),
            Self::Inner(branches) => branches.len(),
        }
    }

    /// All children in order.
    pub(super) fn iter(&self) -> Iter<'_> {
        let mut iter = Iter { branches: Vec::new(), entries: [].iter() };
        iter.enter(self);
        iter
    }

    /// Calls `visit` for every name whose node is not the same object in both, in order.
    pub(super) fn differences<'a>(old: &'a Self, new: &'a Self, mut visit: impl FnMut(Difference<'a>)) {
        let (mut old, mut new) = (Pending::of(old), Pending::of(new));
        loop {
            match (old.last(), new.last()) {
                (None, None) => return,
                (Some(Part::Entry(entry)), None) => {
                    visit(Difference { name: &entry.name, old: Some(&entry.node), new: None });
                    old.pop();
                }
                (None, Some(Part::Entry(entry))) => {
                    visit(Difference { name: &entry.name, old: None, new: Some(&entry.node) });
                    new.pop();
                }
                (Some(Part::Branch(_)), None) => old.expand(),
                (None, Some(Part::Branch(_))) => new.expand(),
                (Some(Part::Entry(a)), Some(Part::Entry(b))) => match a.name.cmp(&b.name) {
                    Ordering::Less => {
                        visit(Difference { name: &a.name, old: Some(&a.node), new: None });
                        old.pop();
                    }
                    Ordering::Greater => {
                        visit(Difference { name: &b.name, old: None, new: Some(&b.node) });
                        new.pop();
                    }
                    Ordering::Equal => {
                        if !Arc::ptr_eq(&a.node, &b.node) {
                            visit(Difference { name: &a.name, old: Some(&a.node), new: Some(&b.node) });
                        }
                        old.pop();
                        new.pop();
                    }
                },
                (Some(Part::Entry(a)), Some(Part::Branch(branch))) => {
                    if a.name < branch.first {
                        visit(Difference { name: &a.name, old: Some(&a.node), new: None });
                        old.pop();
                    } else {
                        new.expand();
                    }
                }
                (Some(Part::Branch(branch)), Some(Part::Entry(b))) => {
                    if b.name < branch.first {
                        visit(Difference { name: &b.name, old: None, new: Some(&b.node) });
                        new.pop();
                    } else {
                        old.expand();
                    }
                }
                (Some(Part::Branch(a)), Some(Part::Branch(b))) => {
                    if Arc::ptr_eq(&a.below, &b.below) {
                        old.pop();
                        new.pop();
                    } else {
                        // The one that begins first, or is larger, may hold the other as a part.
                        match a.first.cmp(&b.first).then(b.count.cmp(&a.count)) {
                            Ordering::Less => old.expand(),
                            Ordering::Greater => new.expand(),
                            Ordering::Equal => {
                                old.expand();
                                new.expand();
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Joins a narrow node with a neighbour where both fit in one.
fn join(branches: &mut Vec<Branch>, index: usize) {
    let left = if index + 1 < branches.len() { index } else { index.saturating_sub(1) };
    let right = left + 1;
    if right >= branches.len()
        || branches[left].below.width() + branches[right].below.width() > JOINED_WIDTH_MAX
    {
        return;
    }
    let moved = branches.remove(right);
    let branch = &mut branches[left];
    branch.count += moved.count;
    let moved = Arc::try_unwrap(moved.below).unwrap_or_else(|shared| (*shared).clone());
    match (Arc::make_mut(&mut branch.below), moved) {
        (Children::Leaf(entries), Children::Leaf(mut others)) => entries.append(&mut others),
        (Children::Inner(branches), Children::Inner(mut others)) => branches.append(&mut others),
        // All leaves stand at the same depth.
        _ => unreachable!("neighbours of different height"),
    }
}

/// A name that two directories do not hold as the same object.
pub(super) struct Difference<'a> {
    pub(super) name: &'a Name,
    pub(super) old: Option<&'a Arc<Node>>,
    pub(super) new: Option<&'a Arc<Node>>,
}

/// What a comparison has still to look at, the next on top.
struct Pending<'a>(Vec<Part<'a>>);

#[derive(Clone, Copy)]
enum Part<'a> {
    Branch(&'a Branch),
    Entry(&'a Entry),
}

impl<'a> Pending<'a> {
    fn of(children: &'a Children) -> Self {
        let mut pending = Self(Vec::new());
        pending.push_all(children);
        pending
    }

    fn push_all(&mut self, children: &'a Children) {
        match children {
            Children::Leaf(entries) => self.0.extend(entries.iter().rev().map(Part::Entry)),
            Children::Inner(branches) => self.0.extend(branches.iter().rev().map(Part::Branch)),
        }
    }

    fn last(&self) -> Option<Part<'a>> {
        self.0.last().copied()
    }

    fn pop(&mut self) {
        self.0.pop();
    }

    fn expand(&mut self) {
        if let Some(Part::Branch(branch)) = self.0.pop() {
            self.push_all(&branch.below);
        }
    }
}

/// The children in order.
pub(super) struct Iter<'a> {
    branches: Vec<std::slice::Iter<'a, Branch>>,
    entries: std::slice::Iter<'a, Entry>,
}

impl<'a> Iter<'a> {
    fn enter(&mut self, children: &'a Children) {
        match children {
            Children::Leaf(entries) => self.entries = entries.iter(),
            Children::Inner(branches) => self.branches.push(branches.iter()),
        }
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = &'a Entry;

    fn next(&mut self) -> Option<&'a Entry> {
        loop {
            if let Some(entry) = self.entries.next() {
                return Some(entry);
            }
            match self.branches.last_mut()?.next() {
                Some(branch) => self.enter(&branch.below),
                None => {
                    self.branches.pop();
                }
            }
        }
    }
}

impl Children {
    /// Drops the entries; what nobody else holds of the nodes below goes to `pending`.
    pub(super) fn take_apart(self, pending: &mut Vec<Children>) {
        match self {
            Self::Leaf(entries) => {
                for entry in entries {
                    if let Some(mut node) = Arc::into_inner(entry.node) {
                        node.take_children_apart(pending);
                    }
                }
            }
            Self::Inner(branches) => {
                pending.extend(branches.into_iter().filter_map(|branch| Arc::into_inner(branch.below)));
            }
        }
    }
}
