//! The client against the sandbox over a real socket, with a small kernel.

mod batcher;
mod client;
mod contracts;
mod database;
mod endpoints;
mod failures;
mod faults;
#[allow(dead_code, reason = "shared with the test that kills")]
mod kernel;
mod octez;
mod outbox;
mod preimages;
mod recording;
mod restart;
mod schema;
mod simulate;
