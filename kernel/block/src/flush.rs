//! The one ordered write of a block, and the host call that makes it visible.

use crate::BlockError;
use millrace_evm::state::{AccountChange, Changes};
use millrace_host::Store;
use millrace_layout::world::{self, Body, Code, Head, World};
use millrace_primitives::Address;

/// Writes a block into a fresh working copy. Until [`commit`] nobody sees any of it; a copy that a dead run left
/// behind is replaced by the next one.
pub(crate) fn flush(
    store: &mut impl Store,
    changes: &Changes,
    head: &Head,
    body: &Body,
) -> Result<(), BlockError> {
    world::open_working_copy(store)?;
    for (hash, code) in &changes.codes {
        World::Working.code(*hash)?.write(store, &Code(code.to_vec()))?;
    }
    for (address, change) in &changes.accounts {
        write_account(store, *address, change)?;
    }
    World::Working.body()?.write(store, body)?;
    World::Working.block_hash(head.header.number)?.write(store, &head.hash)?;
    Ok(World::Working.head()?.write(store, head)?)
}

/// Makes what was flushed the world.
pub(crate) fn commit(store: &mut impl Store) -> Result<(), BlockError> {
    Ok(world::commit_working_copy(store)?)
}

fn write_account(store: &mut impl Store, address: Address, change: &AccountChange) -> Result<(), BlockError> {
    let Some(account) = &change.account else {
        return Ok(World::Working.delete_account(store, address)?);
    };
    if change.storage_cleared {
        World::Working.delete_slots(store, address)?;
    }
    World::Working.account(address)?.write(store, account)?;
    for (slot, value) in &change.slots {
        let key = World::Working.slot(address, *slot)?;
        if value.is_zero() {
            key.delete(store)?;
        } else {
            key.write(store, value)?;
        }
    }
    Ok(())
}
