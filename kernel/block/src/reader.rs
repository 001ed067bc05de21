//! The committed world as the EVM reads it, and who is in office.

use crate::key_change;
use alloc::vec::Vec;
use millrace_evm::{
    state::StateReader,
    system::{Approval, KeyChangeFault, KeyChangeRequest},
};
use millrace_host::Store;
use millrace_layout::{LayoutError, world::World};
use millrace_primitives::{Account, Address, BlockNumber, Epoch, H256};

/// Reads accounts, storage, code and block hashes from durable storage.
pub struct WorldReader<'a, S> {
    store: &'a S,
}

impl<'a, S: Store> WorldReader<'a, S> {
    /// Reads from `store`.
    pub fn new(store: &'a S) -> Self {
        Self { store }
    }
}

impl<S: Store> StateReader for WorldReader<'_, S> {
    type Error = LayoutError;

    fn account(&self, address: Address) -> Result<Option<Account>, LayoutError> {
        World::Committed.account(address)?.read(self.store)
    }

    fn storage(&self, address: Address, slot: H256) -> Result<H256, LayoutError> {
        Ok(World::Committed.slot(address, slot)?.read(self.store)?.unwrap_or_default())
    }

    fn code(&self, hash: H256) -> Result<Vec<u8>, LayoutError> {
        Ok(World::Committed.code(hash)?.require(self.store)?.0)
    }

    fn block_hash(&self, number: BlockNumber) -> Result<Option<H256>, LayoutError> {
        Ok(World::Committed.block_hash(number)?.read(self.store)?.map(H256::from))
    }

    fn epoch(&self) -> Result<Epoch, LayoutError> {
        key_change::epoch(self.store)
    }

    fn approve_key_change(
        &self,
        request: &KeyChangeRequest<'_>,
    ) -> Result<Result<Approval, KeyChangeFault>, LayoutError> {
        key_change::approve(self.store, request)
    }
}
