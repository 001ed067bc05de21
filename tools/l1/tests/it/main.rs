//! The client against the sandbox over a real socket, with a small kernel.

mod batcher;
mod client;
mod endpoints;
mod failures;
#[allow(dead_code, reason = "shared with the test that kills")]
mod kernel;
mod restart;
mod schema;
