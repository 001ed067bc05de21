//! One thing that passes or fails.

use crate::rlp_test::RlpTest;
use crate::state_test::{Post, StateTest};
use crate::transaction_test::TransactionTest;
use crate::trie_test::TrieTest;
use millrace_primitives::Fork;
use std::fmt;
use std::rc::Rc;

/// Which case it is.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Id {
    /// Path of the file.
    pub file: String,
    /// Name of the test in it; empty when the file has none.
    pub test: String,
    /// Fork and indices, where there are any.
    pub place: String,
}

impl fmt::Display for Id {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.file)?;
        for part in [&self.test, &self.place].into_iter().filter(|part| !part.is_empty()) {
            write!(out, " {part}")?;
        }
        Ok(())
    }
}

/// What is checked.
#[derive(Debug)]
pub enum Subject {
    /// An execution.
    State(Rc<StateTest>, Post),
    /// The decoding of a transaction.
    Transaction(Rc<TransactionTest>, Fork, crate::transaction_test::Expected),
    /// An encoding.
    Rlp(RlpTest),
    /// A root.
    Trie(TrieTest),
    /// Nothing can be: it says why.
    Unusable(String),
}

/// A case, not yet run.
#[derive(Debug)]
pub struct Case {
    /// Which it is.
    pub id: Id,
    /// The fork whose rules it is about, where there is one.
    pub fork: Option<Fork>,
    /// The type of its transaction (EIP-2718), where there is one.
    pub transaction_type: Option<u8>,
    /// What is checked.
    pub subject: Subject,
}

/// What became of a case.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// As it should be.
    Passed,
    /// Something differs; it says what.
    Failed(String),
    /// Not run; it says why.
    Skipped(String),
}

impl Case {
    /// Runs it.
    pub fn run(&self, verbose: bool) -> Verdict {
        let result = match &self.subject {
            Subject::State(test, post) => test.run(post, verbose),
            Subject::Transaction(test, fork, expected) => test.run(*fork, expected),
            Subject::Rlp(test) => test.run(),
            Subject::Trie(test) => test.run(),
            Subject::Unusable(why) => Err(why.clone()),
        };
        result.map_or_else(Verdict::Failed, |()| Verdict::Passed)
    }
}
