//! The server as clients see it, over a fake chain. Each reply of a method that Ethereum's OpenRPC description
//! has is validated against it.

mod calls;
mod conformance;
mod logs;
mod methods;
mod simulation;
mod subscriptions;
mod support;
mod traces;
mod transport;
mod wallet;
