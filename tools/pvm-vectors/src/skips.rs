//! What is not compared, and why: `skips.yaml`.

use serde::Deserialize;

/// An entry of the list.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Skip {
    /// The name of the vector.
    pub name: String,
    /// Why this host cannot answer as Octez did.
    pub reason: String,
}

/// The list that is checked in is none.
#[derive(Debug, thiserror::Error)]
#[error("skips.yaml: {0}")]
pub struct SkipsError(String);

/// The list that is checked in.
///
/// # Errors
/// When it is no list of entries, or one has no reason.
pub fn checked_in() -> Result<Vec<Skip>, SkipsError> {
    parse(include_str!("../skips.yaml"))
}

fn parse(text: &str) -> Result<Vec<Skip>, SkipsError> {
    let skips: Vec<Skip> = serde_saphyr::from_str(text).map_err(|error| SkipsError(error.to_string()))?;
    match skips.iter().find(|skip| skip.reason.trim().is_empty()) {
        Some(skip) => Err(SkipsError(format!("{} has no reason", skip.name))),
        None => Ok(skips),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_one_and_every_entry_has_a_reason() {
        assert!(checked_in().is_ok());
        assert_eq!(parse("- {name: a, reason: b}").unwrap()[0].name, "a");
        for wrong in ["- {name: a}", "- {name: a, reason: ' '}", "- {name: a, reason: b, when: c}", "a: b"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
