//! The scenarios that went wrong elsewhere (`docs/regressions.md`), one or more tests a row: `row_NN_…`.

mod blueprints;
mod committee;
mod dal;
mod delayed;
mod fallbacks;
mod fees;
mod key_change;
mod liveness;
mod runs;
mod timeouts;
pub(super) mod upgrades;
mod withdrawals;
