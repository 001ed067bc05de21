//! The hash tree of a large directory, kept to be changed: what is on the way to a change is all that is hashed again.
//!
//! It is the tree that [`of_entries`] goes through for more than two entries, down to parts of a few entries,
//! which are hashed as a whole. Cloning is O(1).

use super::children::Children;
use super::hash::{Entry, VALUE_NAME, blake2b, hash_of_child, is_right, of_bucket, of_entries, of_split};
use super::{Node, NodeHash};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// Entries that are hashed as a whole: an entry more and the part splits.
const GROUP_ENTRIES_MAX: usize = 16;
/// A part with fewer entries is a group again. More than a bucket of the hash tree has, so a split is one there too.
const SPLIT_ENTRIES_MIN: usize = 8;

/// A directory of directories, by the hashes of their names.
#[derive(Clone, Default)]
pub(crate) struct HashTree {
    root: Part,
}

/// The entries whose hashed names begin with the same bits.
#[derive(Clone)]
struct Part {
    form: Form,
    hash: OnceLock<NodeHash>,
}

#[derive(Clone)]
enum Form {
    /// In byte order of the names.
    Group(Vec<Named>),
    /// By the next bit.
    Split { count: usize, sides: [Arc<Part>; 2] },
}

/// A directory below.
#[derive(Clone)]
struct Named {
    name: Arc<str>,
    hash: NodeHash,
}

impl Default for Part {
    fn default() -> Self {
        Self { form: Form::Group(Vec::new()), hash: OnceLock::new() }
    }
}

impl HashTree {
    /// Puts a directory, replacing what has its name.
    pub(crate) fn set(&mut self, name: &Arc<str>, hash: NodeHash) {
        let hashed = blake2b(name.as_bytes());
        self.root.set(Named { name: Arc::clone(name), hash }, &hashed, 0);
    }

    /// Takes an entry out, if it is there.
    pub(crate) fn remove(&mut self, name: &str) {
        self.root.remove(name, &blake2b(name.as_bytes()), 0);
    }

    /// The hash of the directory.
    pub(crate) fn hash(&self) -> NodeHash {
        match &self.root.form {
            Form::Group(entries) => of_entries(&entries.iter().map(Named::entry).collect::<Vec<_>>()),
            Form::Split { .. } => self.root.hash(0),
        }
    }
}

impl Named {
    fn entry(&self) -> Entry<'_> {
        Entry { name: (&*self.name).into(), is_leaf: false, hash: self.hash }
    }
}

impl Part {
    fn len(&self) -> usize {
        match &self.form {
            Form::Group(entries) => entries.len(),
            Form::Split { count, .. } => *count,
        }
    }

    /// `depth` is the number of bits that select this part.
    fn set(&mut self, named: Named, hashed: &[u8; 32], depth: usize) {
        self.hash.take();
        match &mut self.form {
            Form::Group(entries) => {
                match entries.binary_search_by(|other| other.name.cmp(&named.name)) {
                    Ok(index) => entries[index] = named,
                    Err(index) => entries.insert(index, named),
                }
                if entries.len() > GROUP_ENTRIES_MAX {
                    self.split(depth);
                }
            }
            Form::Split { count, sides } => {
                let side = Arc::make_mut(&mut sides[usize::from(is_right(hashed, depth))]);
                let before = side.len();
                side.set(named, hashed, depth + 1);
                *count = *count + side.len() - before;
            }
        }
    }

    fn split(&mut self, depth: usize) {
        let Form::Group(entries) = &mut self.form else { return };
        let count = entries.len();
        let (right, left): (Vec<_>, Vec<_>) =
            entries.drain(..).partition(|named| is_right(&blake2b(named.name.as_bytes()), depth));
        let sides = [left, right].map(|entries| {
            let mut part = Self { form: Form::Group(entries), hash: OnceLock::new() };
            if part.len() > GROUP_ENTRIES_MAX {
                part.split(depth + 1);
            }
            Arc::new(part)
        });
        self.form = Form::Split { count, sides };
    }

    fn remove(&mut self, name: &str, hashed: &[u8; 32], depth: usize) {
        self.hash.take();
        match &mut self.form {
            Form::Group(entries) => {
                if let Ok(index) = entries.binary_search_by(|other| (*other.name).cmp(name)) {
                    entries.remove(index);
                }
            }
            Form::Split { count, sides } => {
                let side = Arc::make_mut(&mut sides[usize::from(is_right(hashed, depth))]);
                let before = side.len();
                side.remove(name, hashed, depth + 1);
                *count = *count + side.len() - before;
                if *count < SPLIT_ENTRIES_MIN {
                    let mut entries = Vec::with_capacity(*count);
                    self.collect(&mut entries);
                    entries.sort_by(|a, b| a.name.cmp(&b.name));
                    self.form = Form::Group(entries);
                }
            }
        }
    }

    fn collect(&self, into: &mut Vec<Named>) {
        match &self.form {
            Form::Group(entries) => into.extend(entries.iter().cloned()),
            Form::Split { sides, .. } => sides.iter().for_each(|side| side.collect(into)),
        }
    }

    fn hash(&self, depth: usize) -> NodeHash {
        *self.hash.get_or_init(|| match &self.form {
            Form::Group(entries) => {
                let entries: Vec<_> = entries.iter().map(Named::entry).collect();
                let mut hashed: Vec<_> =
                    entries.iter().map(|entry| (blake2b(entry.name.as_bytes()), entry)).collect();
                of_bucket(&mut hashed, depth)
            }
            Form::Split { count, sides } => {
                let sides = [&sides[0], &sides[1]].map(|side| (side.len() > 0).then(|| side.hash(depth + 1)));
                of_split(depth, *count, sides)
            }
        })
    }
}

/// A large directory as it was when it was hashed last.
#[derive(Clone, Default)]
struct Directory {
    children: Children,
    tree: HashTree,
}

impl Directory {
    fn update(&mut self, now: &Children, value: Option<NodeHash>) {
        let tree = &mut self.tree;
        Children::differences(&self.children, now, |difference| match difference.new {
            Some(child) => tree.set(difference.name.text(), hash_of_child(child)),
            None => tree.remove(difference.name),
        });
        self.children = now.clone();
        match value {
            Some(hash) => tree.set(&Arc::from(VALUE_NAME), hash),
            None => tree.remove(VALUE_NAME),
        }
    }
}

/// What a node keeps of its hash tree through changes. It holds on to the children that were hashed, no longer than until
/// the next time.
#[derive(Default)]
pub(super) struct Kept(Mutex<Option<Arc<Directory>>>);

impl Clone for Kept {
    fn clone(&self) -> Self {
        Self(Mutex::new(self.slot().clone()))
    }
}

impl Kept {
    fn slot(&self) -> MutexGuard<'_, Option<Arc<Directory>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The children of `now` that may not be hashed yet: `None` when none was.
    pub(super) fn changed_children(&self, now: &Children) -> Option<Vec<Arc<Node>>> {
        let kept = self.slot().clone()?;
        let mut changed = Vec::new();
        Children::differences(&kept.children, now, |difference| changed.extend(difference.new.cloned()));
        Some(changed)
    }

    /// The hash of a directory with these children, all of them hashed, and this value.
    pub(super) fn update(&self, now: &Children, value: Option<NodeHash>) -> NodeHash {
        // Another thread that hashes the same node meanwhile begins anew, and comes to the same.
        let mut directory = self.slot().take().unwrap_or_default();
        // Another version of this node that shares the directory keeps it as it was.
        Arc::make_mut(&mut directory).update(now, value);
        let hash = directory.tree.hash();
        *self.slot() = Some(directory);
        hash
    }

    /// Forgets it, if there is one.
    pub(super) fn forget(&self) {
        self.slot().take();
    }

    /// The children that it holds on to, if nobody else does.
    pub(super) fn into_children(self) -> Option<Children> {
        let kept = self.0.into_inner().unwrap_or_else(PoisonError::into_inner)?;
        Arc::into_inner(kept).map(|directory| directory.children)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn of_all(entries: &BTreeMap<String, NodeHash>) -> NodeHash {
        let entries: Vec<_> = entries
            .iter()
            .map(|(name, hash)| Entry { name: name.into(), is_leaf: false, hash: *hash })
            .collect();
        of_entries(&entries)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        /// Whatever the order of changes, and whatever was hashed between them.
        #[test]
        fn it_hashes_as_the_whole_does(
            steps in proptest::collection::vec((0u16..300, any::<Option<u8>>(), any::<bool>()), 1..600),
        ) {
            let (mut tree, mut model) = (HashTree::default(), BTreeMap::new());
            for (name, change, is_looked_at) in steps {
                let name = name.to_string();
                match change {
                    Some(byte) => {
                        tree.set(&Arc::from(name.as_str()), [byte; 32]);
                        model.insert(name, [byte; 32]);
                    }
                    None => {
                        tree.remove(&name);
                        model.remove(&name);
                    }
                }
                if is_looked_at {
                    prop_assert_eq!(tree.hash(), of_all(&model));
                }
            }
            prop_assert_eq!(tree.hash(), of_all(&model));
        }
    }
}
