//! One page of a kernel.

use crate::Refusal;

pub use millrace_wire::page::Page;

/// Reads a page.
///
/// # Errors
/// [`Refusal::Page`].
pub fn decode(bytes: &[u8]) -> Result<Page<'_>, Refusal> {
    millrace_wire::page::decode(bytes).ok_or(Refusal::Page)
}
