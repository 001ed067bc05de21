//! The header over what was executed.

use crate::{BlockError, candidate::Candidate, execution::Executed, fees::backlog_at};
use millrace_evm::{block, state::Changes};
use millrace_layout::{attempt::OrderedBy, parameters::Parameters, world::Head};
use millrace_primitives::{H256, Header, U256};
use sha3::{Digest, Keccak256};

/// Makes the head that the block of `candidate` becomes.
pub(crate) fn seal(
    parameters: &Parameters,
    parent: &Head,
    candidate: &Candidate,
    (executed, changes, base_fee): (&Executed, &Changes, U256),
) -> Result<Head, BlockError> {
    let blueprint = &candidate.blueprint;
    let (receipts_root, logs_bloom) = block::receipts_root(&executed.receipts);
    let header = Header {
        parent_hash: parent.hash,
        beneficiary: parameters.pool,
        state_root: state_root(parent.header.state_root, changes.digest()),
        transactions_root: block::transactions_root(&executed.transactions),
        receipts_root,
        logs_bloom,
        number: parent.header.number.checked_add(1).ok_or(BlockError::Overflow)?,
        gas_limit: parameters.gas_limit_header,
        gas_used: executed.gas_used,
        timestamp: blueprint.timestamp,
        base_fee_per_gas: base_fee,
    };
    let then = parent.header.timestamp;
    let backlog = backlog_at(parameters, parent.backlog, then, blueprint.timestamp)
        .saturating_add(executed.execution_gas.get());
    let hash = block::header_hash(&header);
    let from_queue = match candidate.ordered_by {
        OrderedBy::Nobody => blueprint.payload.transactions.len() as u64,
        OrderedBy::Authority | OrderedBy::Timeout => 0,
    };
    let queue_front = parent.queue_front.saturating_add(from_queue);
    let (consumed, key_change) = (executed.consumed.clone(), executed.key_change);
    Ok(Head { hash, header, backlog, consumed, queue_front, key_change })
}

/// The state root after a block: its changes, chained to the root before (`docs/state-root.md`).
fn state_root(parent: H256, changes: H256) -> H256 {
    H256(Keccak256::new().chain_update(parent).chain_update(changes).finalize().into())
}
