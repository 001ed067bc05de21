//! From a file to its cases: the format is known by what a test contains; the path tells secure tries apart.

use crate::case::{Case, Id, Subject};
use crate::collect::Fixture;
use crate::rlp_test::RlpTest;
use crate::state_test::StateTest;
use crate::transaction_test::TransactionTest;
use crate::trie_test::TrieTest;
use millrace_primitives::Fork;
use serde_json::Value;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Forks that the kernel does not have: older than [`Fork::Shanghai`].
const OLDER: &[&str] = &[
    "Frontier",
    "FrontierToHomesteadAt5",
    "Homestead",
    "HomesteadToDaoAt5",
    "HomesteadToEIP150At5",
    "EIP150",
    "EIP158",
    "EIP158ToByzantiumAt5",
    "Byzantium",
    "ByzantiumToConstantinopleAt5",
    "ByzantiumToConstantinopleFixAt5",
    "Constantinople",
    "ConstantinopleFix",
    "Istanbul",
    "MuirGlacier",
    "Berlin",
    "BerlinToLondonAt5",
    "London",
    "ArrowGlacier",
    "ArrowGlacierToParisAtDiffC0000",
    "GrayGlacier",
    "Merge",
    "Paris",
];

/// What a file holds.
#[derive(Debug)]
pub enum Found {
    /// Cases, in the order of the file: none when it is about older forks only. Whatever is wrong with it is a case that
    /// fails.
    Cases(Vec<Case>),
    /// A scenario of the PVM, which has nothing to do with Ethereum. They lie beside Ethereum's fixtures.
    OfThePvm,
}

/// What a file holds.
pub fn read(fixture: &Fixture) -> Found {
    let unusable = |why: String| Found::Cases(vec![unusable(id(&fixture.path, "", ""), why)]);
    let text = match fixture.read() {
        Ok(text) => text,
        Err(error) => return unusable(format!("cannot be read: {error}")),
    };
    let tests: BTreeMap<String, Value> = match serde_json::from_slice(&text) {
        Ok(tests) => tests,
        Err(error) => return unusable(format!("is no JSON of tests by name: {error}")),
    };
    if tests.is_empty() {
        return unusable("has no tests".to_owned());
    }
    if ["pvm_version", "kernel", "levels"].iter().all(|field| tests.contains_key(*field)) {
        return Found::OfThePvm;
    }
    Found::Cases(tests.into_iter().flat_map(|(name, test)| of_test(&fixture.path, &name, test)).collect())
}

fn id(file: &str, test: &str, place: &str) -> Id {
    Id { file: file.to_owned(), test: test.to_owned(), place: place.to_owned() }
}

fn unusable(id: Id, why: String) -> Case {
    Case { id, fork: None, transaction_type: None, subject: Subject::Unusable(why) }
}

fn of_test(file: &str, name: &str, test: Value) -> Vec<Case> {
    let has = |keys: &[&str]| keys.iter().all(|key| test.get(key).is_some());
    let result = if has(&["env", "pre", "transaction", "post"]) {
        of_state_test(file, name, test)
    } else if has(&["txbytes", "result"]) {
        of_transaction_test(file, name, test)
    } else if has(&["in", "out"]) {
        RlpTest::parse(&test).map(|test| vec![plain(file, name, Subject::Rlp(test))])
    } else if has(&["in", "root"]) {
        let is_secure = file.to_lowercase().contains("secure");
        TrieTest::parse(&test, is_secure).map(|test| vec![plain(file, name, Subject::Trie(test))])
    } else if has(&["in", "tests"]) {
        TrieTest::parse_neighbours(&test).map(|test| vec![plain(file, name, Subject::Trie(test))])
    } else {
        Err("is of no known format".to_owned())
    };
    result.unwrap_or_else(|why| vec![unusable(id(file, name, ""), why)])
}

fn plain(file: &str, name: &str, subject: Subject) -> Case {
    Case { id: id(file, name, ""), fork: None, transaction_type: None, subject }
}

/// The fork of a name; nothing when it is older than all that the kernel has.
fn fork(name: &str) -> Result<Option<Fork>, String> {
    if OLDER.contains(&name) {
        return Ok(None);
    }
    let known = Fork::ALL.into_iter().find(|fork| fork.name().eq_ignore_ascii_case(name));
    known.map(Some).ok_or_else(|| format!("nobody knows the fork {name}"))
}

fn of_state_test(file: &str, name: &str, test: Value) -> Result<Vec<Case>, String> {
    let (test, entries) = StateTest::parse(test).map_err(|error| error.to_string())?;
    let test = Rc::new(test);
    let mut cases = Vec::new();
    for (fork_name, entries) in entries {
        let fork = match fork(&fork_name) {
            Ok(Some(fork)) => fork,
            Ok(None) => continue,
            Err(why) => {
                cases.push(unusable(id(file, name, &fork_name), why));
                continue;
            }
        };
        for (index, entry) in entries.into_iter().enumerate() {
            cases.push(match entry.parse(fork) {
                Ok(post) => Case {
                    id: id(file, name, &post.place()),
                    fork: Some(fork),
                    transaction_type: Some(test.transaction_type(&post)),
                    subject: Subject::State(Rc::clone(&test), post),
                },
                Err(error) => {
                    unusable(id(file, name, &format!("{fork_name} entry {index}")), error.to_string())
                }
            });
        }
    }
    Ok(cases)
}

fn of_transaction_test(file: &str, name: &str, test: Value) -> Result<Vec<Case>, String> {
    let (test, results) = TransactionTest::parse(test).map_err(|error| error.to_string())?;
    let test = Rc::new(test);
    let mut cases = Vec::new();
    for (fork_name, expected) in results {
        let id = id(file, name, &fork_name);
        match fork(&fork_name) {
            Ok(Some(fork)) => cases.push(Case {
                id,
                fork: Some(fork),
                transaction_type: test.transaction_type(),
                subject: Subject::Transaction(Rc::clone(&test), fork, expected),
            }),
            Ok(None) => {}
            Err(why) => cases.push(unusable(id, why)),
        }
    }
    Ok(cases)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::Verdict;
    use crate::collect::Content;

    fn verdicts(text: &str) -> Vec<Verdict> {
        let content = Content::Bytes(text.as_bytes().to_vec());
        let fixture = Fixture { path: "a/b.json".to_owned(), content };
        match read(&fixture) {
            Found::Cases(cases) => cases.iter().map(|case| case.run(false)).collect(),
            Found::OfThePvm => panic!("{text} is no scenario of the PVM"),
        }
    }

    fn only_failure(text: &str) -> String {
        match verdicts(text).as_slice() {
            [Verdict::Failed(why)] => why.clone(),
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn what_cannot_be_used_fails() {
        assert!(only_failure("").contains("no JSON"));
        assert!(only_failure("[]").contains("no JSON"));
        assert!(only_failure("{}").contains("no tests"));
        assert!(only_failure(r#"{ "a": { "blocks": [] } }"#).contains("no known format"));
        assert!(only_failure(r#"{ "a": 1 }"#).contains("no known format"));
        assert!(only_failure(r#"{ "a": { "in": 1, "out": "0x" } }"#).contains("refused"));
        let fork = r#"{ "a": { "txbytes": "0x", "result": { "Eternity": { "exception": "X" } } } }"#;
        assert!(only_failure(fork).contains("nobody knows the fork Eternity"));
    }

    #[test]
    fn scenarios_of_the_pvm_are_told_apart() {
        let read = |text: &str| {
            let content = Content::Bytes(text.as_bytes().to_vec());
            read(&Fixture { path: "a.json".to_owned(), content })
        };
        assert!(matches!(read(r#"{ "pvm_version": 1, "kernel": "", "levels": [] }"#), Found::OfThePvm));
        assert!(matches!(read(r#"{ "pvm_version": 1, "kernel": "" }"#), Found::Cases(_)));
    }

    #[test]
    fn older_forks_do_not_count() {
        let paris = r#"{ "a": { "txbytes": "0x", "result": { "Paris": { "exception": "X" } } } }"#;
        assert_eq!(verdicts(paris), []);
    }
}
