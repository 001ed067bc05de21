//! The pages of a kernel outside of any rollup: kept in a folder, served over HTTP, fetched from others, looked through.
//!
//! A kernel reaches a rollup by the name of its root page; rollup nodes must find all pages below it when it is due, or they
//! stand still. A page is a file named by the 66 hexadecimal digits of its hash, and the same name is its URL below an
//! endpoint: the layout of Octez's rollup node (`<data dir>/wasm_2_0_0/<hash>` and `GET <endpoint>/<hash>`).
//!
//! ```text
//! Server ── Folder ◀── Client ◀── endpoints of others
//!              └────── Tree: is everything there?
//! ```
//!
//! **Bounds**: a page has at most [`PAGE_BYTES_MAX`] bytes, a kernel [`PAGES_MAX`] pages, [`KERNEL_BYTES_MAX`] bytes and
//! [`DEPTH_MAX`] levels of pages of hashes, as the kernel's own bounds are; requests, rounds and connections have limits of
//! their own ([`FetchConfig`], [`server`]). **Failure**: what an endpoint does wrong is a [`Fault`] with its name, what is wrong with
//! the tree a [`Refusal`], and only a folder or a URL that cannot be used is an error. **Deliberately
//! unknown**: what a kernel is, when it is due, how it is cut into pages.
//!
//! No TLS: every page is checked against its hash, so that nobody on the way can change it, and whoever wants to hide what
//! is fetched puts a tunnel before it.

mod client;
mod fault;
mod folder;
mod page;
pub mod server;
mod tree;

pub use client::{Client, EndpointError, FetchConfig, Fetched};
pub use fault::{EndpointFaults, Fault, FaultKind};
pub use folder::{Folder, FolderError, Kept};
pub use millrace_layout::upgrade::{DEPTH_MAX, KERNEL_BYTES_MAX};
pub use page::{Malformed, NAME_CHARS, PAGE_BYTES_MAX, PAGES_MAX, Page, decode, hash, parse_name};
pub use tree::{Refusal, Tree};
