//! Checks that the workspace keeps the directions of the architecture page.
//!
//! Two kinds of rules: which crate may depend on which ([`directions`]), read from `cargo metadata`; and what source files
//! may say ([`sources`]), read as text. The test `directions` applies them to this repository; `make
//! check` runs it.
//!
//! **Bounds**: text is read line by line, not parsed: a rule can be fooled by somebody who wants to, and is there for
//! those who forget. **Failure**: [`Violation`] says where, what and which rule. **Deliberately unknown**:
//! what the crates do.

pub mod directions;
pub mod sources;
pub mod workspace;

use std::fmt;

/// A rule that is broken somewhere.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Violation {
    /// A crate, or a file with its line.
    pub place: String,
    /// What is there, and what the rule says.
    pub what: String,
}

impl Violation {
    pub(crate) fn new(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self { place: place.into(), what: what.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}
