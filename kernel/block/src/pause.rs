//! A block that does not fit one run: keeping what is done, and going on from there.

use crate::{
    BlockError, Dropped, TransactionFault, candidate::Candidate, execution::Executed, reader::WorldReader,
};
use alloc::vec::Vec;
use millrace_evm::state::{Changes, State};
use millrace_host::Store;
use millrace_layout::{
    LayoutError,
    attempt::OrderedBy,
    progress::{self, Progress},
    world::Body,
};
use millrace_primitives::H256;
use millrace_wire::blueprint::Blueprint;
use sha3::{Digest, Keccak256};

/// What an earlier run made of a candidate.
pub(crate) struct Begun {
    executed: Executed,
    changes: Changes,
}

impl Begun {
    /// Takes up `progress`, if it is of this candidate.
    pub(crate) fn read(progress: &Progress, candidate: &Candidate) -> Option<Self> {
        let is_same = progress.number == candidate.blueprint.number
            && progress.ordered_by == candidate.ordered_by
            && progress.content == content(&candidate.blueprint);
        if !is_same {
            return None;
        }
        let consumed = &progress.consumed;
        let dropped = |(position, code): &(u32, u8)| {
            let name = candidate.blueprint.payload.delayed.get(*position as usize);
            let item = name.filter(|name| consumed.contains(name)).copied();
            Some(Dropped { position: *position, fault: TransactionFault::from_code(*code)?, item })
        };
        Some(Self {
            changes: Changes::decode(&progress.changes).ok()?,
            executed: Executed {
                position: progress.position,
                transactions: progress.body.transactions.clone(),
                receipts: progress.body.receipts.clone(),
                consumed: consumed.clone(),
                outbox: progress.outbox.clone(),
                key_change: None,
                dropped: progress.dropped.iter().map(dropped).collect::<Option<Vec<_>>>()?,
                gas_used: progress.gas_used,
                execution_gas: progress.execution_gas,
            },
        })
    }
}

/// Binds what a block is made of.
fn content(blueprint: &Blueprint) -> H256 {
    let digest = Keccak256::new()
        .chain_update(blueprint.parent.as_bytes())
        .chain_update(blueprint.timestamp.get().to_be_bytes())
        .chain_update(blueprint.payload.encode());
    H256(digest.finalize().into())
}

/// The state to go on from, and what is done.
pub(crate) fn resume<S: Store>(
    store: &S,
    begun: Option<Begun>,
) -> Result<(State<WorldReader<'_, S>>, Executed), LayoutError> {
    let reader = WorldReader::new(store);
    match begun {
        None => Ok((State::new(reader), Executed::default())),
        Some(Begun { executed, changes }) => Ok((State::resume(reader, &changes)?, executed)),
    }
}

/// Keeps what is done.
pub(crate) fn save(
    store: &mut impl Store,
    candidate: &Candidate,
    executed: &Executed,
    changes: &Changes,
) -> Result<(), BlockError> {
    let Candidate { ordered_by, blueprint, .. } = candidate;
    let count = |items: usize| u32::try_from(items).unwrap_or(u32::MAX);
    let is_ours = *ordered_by != OrderedBy::Authority;
    let progress = Progress {
        number: blueprint.number,
        timestamp: blueprint.timestamp,
        ordered_by: *ordered_by,
        items: if is_ours { count(blueprint.payload.delayed.len()) } else { 0 },
        transactions: if is_ours { count(blueprint.payload.transactions.len()) } else { 0 },
        content: content(blueprint),
        position: executed.position,
        gas_used: executed.gas_used,
        execution_gas: executed.execution_gas,
        consumed: executed.consumed.clone(),
        dropped: executed.dropped.iter().map(|dropped| (dropped.position, dropped.fault.code())).collect(),
        outbox: executed.outbox.clone(),
        body: Body { transactions: executed.transactions.clone(), receipts: executed.receipts.clone() },
        changes: changes.encode(),
    };
    Ok(progress::save(store, &progress)?)
}
