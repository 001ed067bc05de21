//! The database of a node: the blocks it executed, the blueprints it signed, its copy of the durable state.
//!
//! It stands beside the engine, under the node: the node executes a blueprint, then hands the block, the
//! signed messages and the changes of the state to [`Store::commit_block`], which writes all of them in one
//! transaction and returns when the disk has them. Whatever moment the process dies at, the database opened
//! again holds block *n*, its blueprint and the state after it, or none of the three.
//!
//! **Bounds**: one file; a value is at most [`VALUE_SIZE_BYTES_MAX`]; the undo records that
//! [`Store::truncate_after`] needs are kept for the last [`UNDO_BLOCKS_MAX`] blocks. One writer at a time,
//! any number of readers, each on a snapshot. **Failure**: every entry is decoded before it is returned; one
//! that does not decode is [`StoreError::Corrupt`] with its table and key. A database of another rollup,
//! another chain or a newer program is refused when it is opened, unchanged. **Deliberately unknown**: what
//! the state means (paths and values are bytes), how blocks are executed or hashed, when to publish.

mod codec;
mod error;
mod records;
mod schema;
mod state;
mod store;

pub use error::StoreError;
pub use records::{
    BlockCommit, Divergence, Mark, Position, SealedHeader, StateChange, StoredBlock, TransactionPosition,
};
pub use schema::{Identity, SCHEMA_VERSION};
pub use state::UNDO_BLOCKS_MAX;
pub use store::{CACHE_SIZE_BYTES, GIVEN_UP_MAX, Store, VALUE_SIZE_BYTES_MAX};

#[cfg(test)]
mod tests;
