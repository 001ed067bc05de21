//! Our EVM against revm: random contracts and transactions, of which both must make the same.
//!
//! A [`case::Case`] is made of a seed: a fork, a few contracts and one to three transactions. [`verdict::check`] runs
//! it in `millrace-evm`, all in one block, and in revm, one after the other, under Ethereum's own fee rules, and
//! compares after each transaction whether it was valid, how it ended, gas, output, logs and the whole state.
//! [`shrink::shrink`] makes a case that fails smaller. Nothing of it is in the kernel.
//!
//! **Bounds**: a case has at most three transactions, of [`case::GAS_MAX`] gas at most.
//! **Failure**: a difference is a value, [`verdict::Difference`]; an error is a bug in here.
//! **Deliberately unknown**: data availability and its fees, blocks, the layout; blobs, which a rollup has none of.

pub mod case;
pub mod cast;
pub mod corpus;
mod input;
pub mod ours;
pub mod program;
pub mod session;
pub mod shrink;
pub mod theirs;
pub mod verdict;
pub mod world;
