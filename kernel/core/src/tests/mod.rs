//! Whole levels through the kernel, on the host in memory.

mod bridge;
mod chain;
mod kernels;
mod node;
mod rows;
mod scenarios;
mod simulator;
mod survival;
