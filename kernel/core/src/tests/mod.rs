//! Whole levels through the kernel, on the host in memory.

mod chain;
mod scenarios;
mod survival;
