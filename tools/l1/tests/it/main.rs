//! The client against the sandbox over a real socket, with a small kernel.

mod batcher;
mod client;
mod endpoints;
mod failures;
mod kernel;
mod restart;
mod schema;
