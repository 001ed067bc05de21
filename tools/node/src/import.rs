//! Making a block of an upstream again here. Runs on a blocking thread.

use crate::{
    blueprint::{BuildError, Built, Made, keep, tell_kernels},
    shared::Shared,
    takeover::nonces,
};
use millrace_engine::{EngineError, Premise};
use millrace_primitives::{BlockHash, BlockNumber, Epoch};
use millrace_wire::blueprint::Blueprint;

/// A block that an upstream has, and that whoever is in office certified.
#[derive(Clone, Debug)]
pub(crate) struct Import {
    pub(crate) blueprint: Blueprint,
    /// The epoch in which it was signed.
    pub(crate) epoch: Epoch,
    /// What the block is at the upstream.
    pub(crate) hash: BlockHash,
    pub(crate) messages: Vec<Vec<u8>>,
    pub(crate) premises: Vec<Premise>,
}

/// Why a block of an upstream was not taken. Nothing has changed then.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ImportError {
    #[error("this node orders transactions itself")]
    InOffice,
    #[error("this chain differs from that of the rollup node")]
    Diverged,
    #[error("it is not on the head")]
    NotNext,
    #[error("block {number} is {theirs} at the upstream and {ours} here")]
    Differs { number: BlockNumber, theirs: BlockHash, ours: BlockHash },
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error(transparent)]
    Store(#[from] BuildError),
    #[error("it was not taken to the end")]
    Interrupted,
}

/// Executes and stores a block of an upstream. When this returns, the disk has it.
pub(crate) fn import(shared: &Shared, import: &Import) -> Result<Built, ImportError> {
    let parent = shared.head();
    let Import { blueprint, epoch, hash, messages, premises } = import;
    let number = blueprint.number;
    if parent.number().saturating_add(1) != number || parent.block.hash != blueprint.parent {
        return Err(ImportError::NotNext);
    }
    let presumed = shared.engine.presume(&parent.state, premises)?;
    let applied = shared.engine.apply(&presumed, blueprint)?;
    tell_kernels(&applied, number);
    if applied.hash != *hash {
        return Err(ImportError::Differs { number, theirs: *hash, ours: applied.hash });
    }
    let made = Made { messages: messages.clone(), presumed, applied, epoch: *epoch };
    let (snapshot, consumed) = keep(shared, &parent, made)?;
    let nonces = nonces(shared, &snapshot.state, std::iter::once(&snapshot))?;
    Ok(Built { snapshot, nonces, consumed, invalid: Vec::new() })
}
