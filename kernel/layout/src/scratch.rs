//! What is written to be moved to its place when it is whole.

use crate::{
    LayoutError,
    catalog::SCRATCH,
    key::{at, path},
};
use alloc::string::ToString;
use millrace_host::Store;

/// Forgets what a run that died has left there.
///
/// # Errors
/// [`LayoutError::Host`].
pub fn clear(store: &mut impl Store) -> Result<(), LayoutError> {
    let scratch = path(SCRATCH.pattern.to_string())?;
    store.store_delete(scratch.as_path()).map_err(at(&scratch))
}
