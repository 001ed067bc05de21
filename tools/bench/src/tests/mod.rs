//! What is tested on the kernel as wasm and measured by nobody.

mod upgrades;
