//! Ethereum's fixtures, run against the EVM of the kernel: state tests (of `ethereum/tests` and
//! `execution-spec-tests`), transaction tests, RLP tests, trie tests.
//!
//! A program for the host that stands on `evm` and `primitives` alone. It finds the files ([`collect`]), makes
//! cases of them by what they contain ([`mod@format`]), runs these on threads ([`runner`]) and counts ([`report`]).
//! Nothing is passed over in silence: a file that cannot be read, or is of no known format, is a failure; what is
//! not run on purpose is in `skips.yaml` with its reason ([`skips`]). Only the forks before Shanghai, which the
//! kernel does not have, are not counted.
//!
//! **Bounds**: an archive is held in memory unpacked; a case may take as long as [`runner::Options::case_time_max`]
//! says, and runs on a stack of [`runner::STACK_BYTES`]. **Failure**: whatever goes wrong in a case, a panic
//! and a hang included, is that case's failure. **Deliberately unknown**: hosts, layout, blocks.

pub mod case;
pub mod collect;
pub mod exceptions;
pub mod format;
pub mod read;
pub mod report;
pub mod rlp_test;
pub mod runner;
pub mod skips;
pub mod state_test;
pub mod transaction_test;
pub mod trie_test;
pub mod world;
