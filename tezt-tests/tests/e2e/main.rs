//! The scenarios: each starts sandboxes of its own.

mod clients;
mod garbage;
mod governance;
mod hostile;
mod layer1;
mod nodes;
mod preimages;
mod schedules;
mod survival;
mod toolchains;
mod upgrades;
