//! Black-box scenarios in the style of Tezt: processes that are started and stopped, sockets, clients.
//!
//! [`Sandbox`] is the built `millrace sandbox`; [`Layer1`] and [`Node`] are its parts in processes of their own; [`clients`] are the npm libraries that dApp developers use,
//! [`toolchains`] Foundry and Hardhat. The scenarios themselves are in `tests/e2e/`; each begins with a [`Scene`].
//!
//! **Failure**: everything that goes wrong is an error that says what was awaited; a scenario bounds its
//! patience with [`PATIENCE`]. **Deliberately unknown**: everything inside the processes.

pub mod clients;
mod nodes;
mod npm;
mod pages;
mod places;
mod process;
mod rpc;
mod sandbox;
mod scene;
pub mod toolchains;

pub use nodes::{Layer1, Node};
pub use pages::{PageServer, cut};
pub use places::{compiled_kernels, dist, millrace};
pub use process::Process;
pub use rpc::{Failure, Rpc, quantity};
pub use sandbox::{Options, Sandbox};
pub use scene::Scene;

use std::time::Duration;

/// How long a scenario waits for something that should happen soon.
pub const PATIENCE: Duration = Duration::from_secs(90);
