//! The server as clients see it, over a fake chain. With `MILLRACE_SCHEMAS` naming the folder of
//! `ethereum-openrpc.json`, each reply of a described method is validated against it.

mod methods;
mod subscriptions;
mod support;
mod transport;
