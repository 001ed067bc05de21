//! TrieTests: pairs of key and value, put in one by one, and the root they come to; or sorted keys and their
//! neighbours.

use crate::read;
use millrace_evm::{keccak, trie};
use millrace_primitives::H256;
use serde_json::Value;
use std::collections::BTreeMap;

/// A case of TrieTests.
#[derive(Debug)]
pub enum TrieTest {
    /// What is left after all pairs were put in, and the root of it.
    Root(BTreeMap<Vec<u8>, Vec<u8>>, H256),
    /// Keys, and questions about them: a text, the key before it, the key after it; nothing where there is none.
    Neighbours(Vec<String>, Vec<[String; 3]>),
}

impl TrieTest {
    /// Reads `{ "in": pairs, "root": "0x…" }`, the pairs an array (in order, `null` removes) or an object (any order),
    /// texts or `0x` and hexadecimal; `is_secure` when the trie has the Keccak-256 of a key in its place.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn parse(test: &Value, is_secure: bool) -> Result<Self, String> {
        let root = test.get("root").and_then(Value::as_str).ok_or("\"root\" is no text")?;
        let root = read::digest(root).map_err(|error| error.to_string())?;
        let mut pairs = BTreeMap::new();
        for (key, value) in listed(test.get("in"))? {
            let key = spelt(&key)?;
            let key = if is_secure { keccak(&key).0.to_vec() } else { key };
            match value.as_deref().map(spelt).transpose()?.filter(|value| !value.is_empty()) {
                Some(value) => pairs.insert(key, value),
                None => pairs.remove(&key),
            };
        }
        Ok(Self::Root(pairs, root))
    }

    /// Reads `{ "in": [key], "tests": [[text, before, after]] }`.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn parse_neighbours(test: &Value) -> Result<Self, String> {
        let of = |name: &str| test.get(name).cloned().unwrap_or_default();
        let keys = serde_json::from_value(of("in")).map_err(|error| error.to_string())?;
        let questions = serde_json::from_value(of("tests")).map_err(|error| error.to_string())?;
        Ok(Self::Neighbours(keys, questions))
    }

    /// Runs it.
    ///
    /// # Errors
    /// What differs.
    pub fn run(&self) -> Result<(), String> {
        match self {
            Self::Root(pairs, expected) => {
                let pairs: Vec<(&Vec<u8>, &Vec<u8>)> = pairs.iter().collect();
                let root = trie::root(&pairs);
                if root == *expected { Ok(()) } else { Err(format!("root {root:?}, not {expected:?}")) }
            }
            Self::Neighbours(keys, questions) => {
                questions.iter().try_for_each(|question| ask(keys, question))
            }
        }
    }
}

/// A trie is made here of sorted keys and never walked, so the keys themselves know their neighbours.
fn ask(keys: &[String], [text, before, after]: &[String; 3]) -> Result<(), String> {
    let found_before = keys.iter().filter(|key| *key < text).max().map_or("", String::as_str);
    let found_after = keys.iter().filter(|key| *key > text).min().map_or("", String::as_str);
    if (found_before, found_after) == (before, after) {
        return Ok(());
    }
    Err(format!("{text:?} is between {found_before:?} and {found_after:?}, not {before:?} and {after:?}"))
}

type Pair = (String, Option<String>);

fn listed(pairs: Option<&Value>) -> Result<Vec<Pair>, String> {
    let value = |value: &Value| match value {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text.clone())),
        other => Err(format!("{other} is no value of a trie")),
    };
    match pairs {
        Some(Value::Object(pairs)) => {
            pairs.iter().map(|(key, text)| Ok((key.clone(), value(text)?))).collect()
        }
        Some(Value::Array(pairs)) => pairs
            .iter()
            .map(|pair| match pair.as_array().map(Vec::as_slice) {
                Some([Value::String(key), text]) => Ok((key.clone(), value(text)?)),
                _ => Err(format!("{pair} is no pair")),
            })
            .collect(),
        _ => Err("\"in\" holds no pairs".to_owned()),
    }
}

fn spelt(text: &str) -> Result<Vec<u8>, String> {
    if text.starts_with("0x") {
        read::bytes(text).map_err(|error| error.to_string())
    } else {
        Ok(text.as_bytes().to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn pairs_are_put_in_and_taken_out() {
        let expected = "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421";
        let run = |pairs: Value| TrieTest::parse(&json!({ "in": pairs, "root": expected }), true)?.run();
        assert_eq!(run(json!([["a", "b"], ["a", null]])), Ok(()));
        assert_eq!(run(json!({})), Ok(()));
        assert!(run(json!({ "a": "b" })).is_err());
        assert!(run(json!("a")).is_err());
    }

    #[test]
    fn neighbours_are_told_apart() {
        let run = |question: Value| {
            TrieTest::parse_neighbours(&json!({ "in": ["cat", "doge"], "tests": [question] }))?.run()
        };
        assert_eq!(run(json!(["cat", "", "doge"])), Ok(()));
        assert_eq!(run(json!(["d", "cat", "doge"])), Ok(()));
        assert!(run(json!(["z", "doge", "cat"])).is_err());
    }
}
