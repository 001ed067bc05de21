//! Server and client over real sockets, against each other and against fakes that misbehave.

mod fake;
mod fetch;
mod pages;
mod server;
