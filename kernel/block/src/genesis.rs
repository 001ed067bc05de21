//! Block 0.

use crate::{
    BlockError,
    flush::{commit, flush},
};
use millrace_evm::{block, state::Changes};
use millrace_host::Store;
use millrace_layout::{
    Value,
    parameters::{self, Parameters},
    world::{Body, Head, World},
};
use millrace_primitives::{BlockHash, BlockNumber, Bloom, Gas, H256, Header};
use sha3::{Digest, Keccak256};

/// Separates the first state root from every other hash.
const GENESIS_DOMAIN: &[u8] = b"millrace/genesis/1";

/// Makes block 0 at the first run of a rollup; does nothing at any other.
///
/// # Errors
/// [`BlockError`]: without parameters there is no rollup.
pub fn ensure_genesis(store: &mut impl Store) -> Result<(), BlockError> {
    if World::Committed.head()?.exists(store)? {
        return Ok(());
    }
    let parameters = parameters::read(store)?;
    let header = header(&parameters);
    let hash = block::header_hash(&header);
    let (backlog, consumed) = (Gas::ZERO, alloc::vec![]);
    let head = Head { hash, header, backlog, consumed, queue_front: 0, key_change: None };
    flush(store, &Changes::default(), &head, &Body::default())?;
    commit(store)
}

fn header(parameters: &Parameters) -> Header {
    let empty_root = block::transactions_root::<&[u8]>(&[]);
    Header {
        parent_hash: BlockHash::new([0; 32]),
        beneficiary: parameters.pool,
        state_root: state_root(parameters),
        transactions_root: empty_root,
        receipts_root: empty_root,
        logs_bloom: Bloom::default(),
        number: BlockNumber::ZERO,
        gas_limit: parameters.gas_limit_header,
        gas_used: Gas::ZERO,
        timestamp: parameters.genesis_timestamp,
        base_fee_per_gas: parameters.base_fee_min,
    }
}

/// Commits to the parameters, and through them to the accounts that the installer wrote.
fn state_root(parameters: &Parameters) -> H256 {
    let digest = Keccak256::new().chain_update(GENESIS_DOMAIN).chain_update(parameters.encode());
    H256(digest.finalize().into())
}
