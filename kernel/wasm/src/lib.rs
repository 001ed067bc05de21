//! The kernel as the PVM loads it: `kernel_run`, the host traits over the imports of the PVM, the allocator. And
//! `node_run`, which no PVM calls: a node does when it has this kernel only as wasm.
//!
//! This is the only crate that knows `tezos-smart-rollup`, and the only one of the kernel with `unsafe`.
//!
//! **Failure**: a panic cannot unwind here; it prints where it happened and traps. The PVM keeps what was
//! written before, and the next level runs the kernel again. **Deliberately unknown**: everything that a run
//! does (`core`). With the feature `test-migration` it is another kernel, which tests upgrade to.

mod host;
#[cfg(feature = "test-migration")]
#[path = "tests/next.rs"]
mod next;

use host::PvmHost;
use tezos_smart_rollup::{core_unsafe::rollup_host::RollupHost, kernel_entry};

kernel_entry!(kernel);

/// Where it comes from, for whoever has only the bytes: no code reads it.
#[used]
static SOURCES: [u8; millrace_core::SOURCES_MARK.len() + millrace_core::SOURCES.len()] =
    marked(millrace_core::SOURCES_MARK, millrace_core::SOURCES.as_bytes());

/// The layout that it works on, likewise.
#[used]
static LAYOUT: [u8; millrace_core::LAYOUT_MARK.len() + millrace_core::LAYOUT.len()] =
    marked(millrace_core::LAYOUT_MARK, &millrace_core::LAYOUT);

/// A text behind its mark; `N` is the length of both.
const fn marked<const N: usize>(mark: &str, text: &[u8]) -> [u8; N] {
    let mut bytes = [0; N];
    let (before, after) = bytes.split_at_mut(mark.len());
    before.copy_from_slice(mark.as_bytes());
    after.copy_from_slice(text);
    bytes
}

/// One run.
#[cfg_attr(not(target_arch = "wasm32"), allow(dead_code, reason = "only the PVM calls it"))]
fn kernel(rollup_host: &mut RollupHost) {
    let mut host = PvmHost::new(rollup_host);
    std::panic::set_hook(Box::new(host::report_panic));
    #[cfg(not(feature = "test-migration"))]
    millrace_core::run(&mut host);
    #[cfg(feature = "test-migration")]
    next::run(&mut host);
}

/// One run for a node.
#[cfg(target_arch = "wasm32")]
#[allow(unsafe_code, reason = "an export by name")]
#[unsafe(no_mangle)]
pub extern "C" fn node_run() {
    // SAFETY: whoever runs a kernel gives exactly one instance of its host functions to it, and they have no state.
    let rollup_host = unsafe { RollupHost::new() };
    std::panic::set_hook(Box::new(host::report_panic));
    let mut host = PvmHost::new(&rollup_host);
    #[cfg(not(feature = "test-migration"))]
    millrace_core::run_for_node(&mut host);
    #[cfg(feature = "test-migration")]
    next::run_for_node(&mut host);
}
