//! Compares the PVM of `tools/pvm` with what was recorded from the Octez PVM.
//!
//! A *vector* is a file: a kernel, the inboxes of some levels, and all that could be observed after each. The
//! [`runner`] runs all files below a folder and [`compare`]s; the [`report`] ends with
//! `N passed, N failed, N skipped`. Ticks and the hash of the whole machine are compared too, but a vector fails
//! by neither: the report says how often they agree. Every vector runs twice, on a machine that counts ticks and
//! on one that does not. `make pvm-vectors` and `make test` come here.
//!
//! **Bounds**: a run of a kernel may take [`runner::RUN_TIME_MS_MAX`]. **Failure**: a file that is no vector fails with what
//! is wrong; a field that nobody knows is passed over. **Deliberately unknown**: how the PVM does anything, what kernels are for.

pub mod collect;
pub mod compare;
pub mod report;
pub mod runner;
pub mod skips;
pub mod ticks;
pub mod vector;
