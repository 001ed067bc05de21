//! How far the queues have followed the head. A block is committed in one step; that its blueprint and its
//! delayed items leave their queues comes after, and may be done again after a run that died in between.

use crate::{Key, LayoutError, catalog::SETTLED};
use alloc::string::ToString;
use millrace_primitives::BlockNumber;

/// The key of the number of the last block whose blueprint and delayed items have left their queues.
///
/// # Errors
/// Never, short of a bug in this crate.
pub fn key() -> Result<Key<BlockNumber>, LayoutError> {
    Key::new(SETTLED.pattern.to_string())
}
