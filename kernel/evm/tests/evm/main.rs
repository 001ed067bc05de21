//! The EVM of the rollup from outside: transactions, execution, gas, state, blocks.

mod support;

mod blocks;
mod bridge;
mod bridge_tickets;
mod conservation;
mod contracts;
mod delegation;
mod forks;
mod gas;
mod invalid;
mod key_change;
mod limits;
mod simulation;
mod state;
mod tracing;
mod transactions;
