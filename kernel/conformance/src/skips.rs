//! What is not run, and why: `skips.yaml`.

use crate::case::Case;
use millrace_primitives::Fork;
use serde::Deserialize;

/// An entry of the list. It applies to a case when each part that it names fits.
#[derive(Deserialize, Clone, PartialEq, Eq, Debug)]
#[serde(deny_unknown_fields)]
pub struct Skip {
    /// A part of the path of the file.
    pub suite: Option<String>,
    /// A part of the name of the test.
    pub test: Option<String>,
    /// The name of the fork.
    pub fork: Option<String>,
    /// The type of the transaction (EIP-2718).
    pub transaction_type: Option<u8>,
    /// Why a rollup cannot have it.
    pub reason: String,
}

/// The list that is checked in is not one.
#[derive(Debug, thiserror::Error)]
pub enum SkipsError {
    /// It is no YAML of entries.
    #[error("skips.yaml: {0}")]
    Yaml(String),
    /// An entry that names nothing would skip everything.
    #[error("skips.yaml: an entry names no case: {0}")]
    Everything(String),
}

/// The list that is checked in.
///
/// # Errors
/// When it is no list of entries.
pub fn checked_in() -> Result<Vec<Skip>, SkipsError> {
    parse(include_str!("../skips.yaml"))
}

fn parse(text: &str) -> Result<Vec<Skip>, SkipsError> {
    let skips: Vec<Skip> =
        serde_saphyr::from_str(text).map_err(|error| SkipsError::Yaml(error.to_string()))?;
    let names_nothing = |skip: &&Skip| {
        let Skip { suite, test, fork, transaction_type, .. } = skip;
        suite.is_none() && test.is_none() && fork.is_none() && transaction_type.is_none()
    };
    match skips.iter().find(names_nothing) {
        Some(skip) => Err(SkipsError::Everything(skip.reason.clone())),
        None => Ok(skips),
    }
}

impl Skip {
    /// Whether it applies to this case.
    pub fn applies_to(&self, case: &Case) -> bool {
        let has_fork =
            |name: &String| case.fork.is_some_and(|fork: Fork| fork.name().eq_ignore_ascii_case(name));
        self.suite.as_ref().is_none_or(|part| case.id.file.contains(part))
            && self.test.as_ref().is_none_or(|part| case.id.test.contains(part))
            && self.fork.as_ref().is_none_or(has_fork)
            && self.transaction_type.is_none_or(|wanted| case.transaction_type == Some(wanted))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::{Id, Subject};

    #[test]
    fn the_list_is_one_and_every_entry_has_a_reason() {
        for skip in checked_in().unwrap() {
            assert!(skip.reason.len() > 10, "{skip:?}");
        }
        assert!(matches!(parse("- reason: everything"), Err(SkipsError::Everything(_))));
        assert!(matches!(parse("- reason: x\n  file: y"), Err(SkipsError::Yaml(_))));
    }

    #[test]
    fn every_part_must_fit() {
        let skip =
            &parse("- {suite: stA, test: one, fork: Cancun, transaction_type: 3, reason: r}").unwrap()[0];
        let case = |file: &str, test: &str, fork, transaction_type| Case {
            id: Id { file: file.to_owned(), test: test.to_owned(), place: String::new() },
            fork: Some(fork),
            transaction_type: Some(transaction_type),
            subject: Subject::Unusable(String::new()),
        };
        assert!(skip.applies_to(&case("x/stA/a.json", "one[1]", Fork::Cancun, 3)));
        assert!(!skip.applies_to(&case("x/stB/a.json", "one[1]", Fork::Cancun, 3)));
        assert!(!skip.applies_to(&case("x/stA/a.json", "two", Fork::Cancun, 3)));
        assert!(!skip.applies_to(&case("x/stA/a.json", "one[1]", Fork::Prague, 3)));
        assert!(!skip.applies_to(&case("x/stA/a.json", "one[1]", Fork::Cancun, 2)));
    }
}
