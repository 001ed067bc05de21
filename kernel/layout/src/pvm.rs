//! The keys that the PVM itself reads and writes (Octez smart rollup node, PVM versions 2.0.0 to r6).

use millrace_host::Path;

/// Below this only the PVM writes.
pub const READ_ONLY: Path<'static> = Path::constant("/readonly");
/// The module that the next run executes.
pub const BOOT_KERNEL: Path<'static> = Path::constant("/kernel/boot.wasm");
/// Present when the kernel wants another run in this level.
pub const REBOOT: Path<'static> = Path::constant("/kernel/env/reboot");
/// How many further runs this level allows: an i32, little-endian.
pub const REBOOT_COUNTER: Path<'static> = Path::constant("/readonly/kernel/env/reboot_counter");
/// Present when the previous run trapped.
pub const STUCK: Path<'static> = Path::constant("/readonly/kernel/env/stuck");
/// Present when the previous kernel did not decode, link or start, and was replaced by its predecessor.
pub const UPGRADE_ERROR: Path<'static> = Path::constant("/readonly/kernel/env/upgrade_error");
