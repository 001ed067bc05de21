//! What one host call, one message and one level may carry (protocol constants of the Octez WASM PVM).

/// Bytes that one `store_read` or `store_write` moves.
pub const STORE_IO_BYTES_MAX: usize = 2_048;
/// Bytes of one inbox message, outer tag included.
pub const INBOX_MESSAGE_BYTES_MAX: usize = 4_096;
/// Bytes of one outbox message.
pub const OUTBOX_MESSAGE_BYTES_MAX: usize = 4_096;
/// Messages in the outbox of one level.
pub const OUTBOX_MESSAGES_PER_LEVEL_MAX: usize = 100;
/// Bytes of one preimage page.
pub const PREIMAGE_BYTES_MAX: usize = 4_096;
/// Bytes of one page of the data availability layer; the protocol has 3,967.
pub const DAL_PAGE_BYTES_MAX: usize = 4_096;
/// Bytes of a durable key.
pub const KEY_BYTES_MAX: usize = 240;
/// Bytes of one value.
pub const VALUE_BYTES_MAX: usize = i32::MAX as usize;
/// Reboots within one level, after its first run.
pub const REBOOTS_PER_LEVEL_MAX: u32 = 1_000;
