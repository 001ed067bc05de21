//! Two durable storages, and two chains, side by side.

use super::{limits::KEYS_SHOWN_MAX, replay::Played};
use millrace_primitives::{BlockHash, BlockNumber};
use millrace_pvm::durable::Durable;
use serde::Serialize;
use std::collections::BTreeMap;

/// What became of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// Only with the upgrade it is there.
    Added,
    /// It is there both times, with other bytes.
    Changed,
    /// Only without the upgrade it is there.
    Removed,
}

/// A key that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeyDifference {
    /// The key.
    pub key: String,
    /// What became of it.
    pub fate: Fate,
    /// Bytes of its value without the upgrade.
    pub size_bytes_before: Option<usize>,
    /// Bytes of its value with the upgrade.
    pub size_bytes_after: Option<usize>,
}

/// Keys that differ below one place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Group {
    /// How many are only there with the upgrade.
    pub added: usize,
    /// How many have other bytes.
    pub changed: usize,
    /// How many are only there without it.
    pub removed: usize,
    /// The first of them.
    pub first: Vec<KeyDifference>,
}

/// How two durable storages differ, by the first two steps of the keys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct StorageDifferences {
    /// By place.
    pub groups: BTreeMap<String, Group>,
}

impl StorageDifferences {
    /// From what is without the upgrade to what is with it.
    pub fn between(without: &Durable, with: &Durable) -> Self {
        let mut groups: BTreeMap<String, Group> = BTreeMap::new();
        for (key, after) in with.differences_since(without) {
            let before = without.get(&key);
            let group = groups.entry(place_of(&key)).or_default();
            let fate = match (before, after) {
                (None, _) => Fate::Added,
                (Some(_), Some(_)) => Fate::Changed,
                (Some(_), None) => Fate::Removed,
            };
            match fate {
                Fate::Added => group.added += 1,
                Fate::Changed => group.changed += 1,
                Fate::Removed => group.removed += 1,
            }
            if group.first.len() < KEYS_SHOWN_MAX {
                let (size_bytes_before, size_bytes_after) =
                    (before.map(|value| value.len()), after.map(|value| value.len()));
                group.first.push(KeyDifference { key, fate, size_bytes_before, size_bytes_after });
            }
        }
        Self { groups }
    }

    /// How many keys differ.
    pub fn count(&self) -> usize {
        self.groups.values().map(|group| group.added + group.changed + group.removed).sum()
    }

    /// The first keys, for an error.
    pub fn first_keys(&self) -> Vec<String> {
        self.groups.values().flat_map(|group| &group.first).map(|first| first.key.clone()).collect()
    }
}

/// The first two steps of a key.
fn place_of(key: &str) -> String {
    let end = key.match_indices('/').nth(2).map_or(key.len(), |(index, _)| index);
    key[..end].to_owned()
}

/// A block that is another one with the upgrade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockDifference {
    /// Its number.
    pub number: BlockNumber,
    /// Its hash without the upgrade; `None` when it is not made.
    pub without: Option<BlockHash>,
    /// Its hash with the upgrade; `None` when it is not made.
    pub with: Option<BlockHash>,
}

/// How two chains compare.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainComparison {
    /// Blocks that are the same.
    pub equal: usize,
    /// The first that is not.
    pub first_difference: Option<BlockDifference>,
    /// The last block without the upgrade.
    pub head_without: Option<BlockNumber>,
    /// The last block with it.
    pub head_with: Option<BlockNumber>,
}

impl ChainComparison {
    /// Compares what was played; `None` when one of the chains cannot be read.
    pub(crate) fn between(without: &[Played], with: &[Played]) -> Option<Self> {
        let (before, after) = (blocks(without)?, blocks(with)?);
        let mut numbers: Vec<_> = before.keys().chain(after.keys()).copied().collect();
        numbers.sort_unstable();
        numbers.dedup();
        let differs = |number: &&BlockNumber| before.get(number) != after.get(number);
        let first = numbers.iter().find(differs);
        let equal = numbers.iter().take_while(|number| !differs(number)).count();
        Some(Self {
            equal,
            first_difference: first.map(|number| BlockDifference {
                number: *number,
                without: before.get(number).copied(),
                with: after.get(number).copied(),
            }),
            head_without: head(without),
            head_with: head(with),
        })
    }

    /// How many blocks are missing at the end.
    pub fn behind(&self) -> u64 {
        let number = |head: Option<BlockNumber>| head.map_or(0, BlockNumber::get);
        number(self.head_without).saturating_sub(number(self.head_with))
    }
}

fn blocks(played: &[Played]) -> Option<BTreeMap<BlockNumber, BlockHash>> {
    let mut all = BTreeMap::new();
    for level in played {
        all.extend(level.blocks.as_ref()?.iter().copied());
    }
    Some(all)
}

fn head(played: &[Played]) -> Option<BlockNumber> {
    played.last()?.head
}

#[cfg(test)]
mod tests {
    use super::*;

    fn durable(values: &[(&str, &str)]) -> Durable {
        Durable::from_values(values.iter().map(|(key, value)| (*key, value.as_bytes()))).unwrap()
    }

    #[test]
    fn keys_that_differ_are_counted_by_place() {
        let without = durable(&[("/a/b/c", "1"), ("/a/b/d", "2"), ("/e", "3"), ("/same", "4")]);
        let with = durable(&[("/a/b/c", "11"), ("/a/x/y/z", "2"), ("/e", "3"), ("/same", "4"), ("/f", "")]);
        let differences = StorageDifferences::between(&without, &with);
        assert_eq!(differences.count(), 4);
        let group = &differences.groups["/a/b"];
        assert_eq!((group.added, group.changed, group.removed), (0, 1, 1));
        let first = KeyDifference {
            key: "/a/b/c".into(),
            fate: Fate::Changed,
            size_bytes_before: Some(1),
            size_bytes_after: Some(2),
        };
        assert_eq!(group.first[0], first);
        assert_eq!(differences.groups["/a/x"].first[0].key, "/a/x/y/z");
        assert_eq!(differences.groups["/f"].added, 1);
        assert_eq!(StorageDifferences::between(&with, &with.clone()).count(), 0);
    }

    #[test]
    fn of_many_keys_the_first_are_shown() {
        let many: Vec<_> = (0..20).map(|index| format!("/a/b/{index:02}")).collect();
        let values: Vec<_> = many.iter().map(|key| (key.as_str(), "x")).collect();
        let differences = StorageDifferences::between(&durable(&[]), &durable(&values));
        let group = &differences.groups["/a/b"];
        assert_eq!((group.added, group.first.len()), (20, KEYS_SHOWN_MAX));
        assert_eq!(group.first[4].key, "/a/b/04");
    }
}
