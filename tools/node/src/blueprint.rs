//! Making one block: from what was selected to what is on the disk. Runs on a blocking thread.

use crate::{
    database::{self, transaction_hash},
    shared::{Shared, Snapshot},
};
use millrace_engine::{Dropped, Engine, EngineError, TransactionFault};
use millrace_layout::delayed::Item;
use millrace_primitives::{Address, Epoch, Timestamp, TransactionHash};
use millrace_pvm::durable::Durable;
use millrace_rpc::SealedBlock;
use millrace_sequencing::pool::Transaction;
use millrace_store::StoreError;
use millrace_wire::{
    base58::Base58Check as _,
    blueprint::{Blueprint, Certificate, Domain, Payload, PrepareError, prepare},
    signature::SecretKey,
};
use std::{collections::BTreeSet, sync::Arc, time::Instant};

/// Why a block could not be made. Nothing of it is visible then.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BuildError {
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error("the blueprint cannot be sent: {0}")]
    Prepare(#[from] PrepareError),
    #[error("this node may not order transactions: {0}")]
    Authority(String),
    #[error("the block cannot be stored: {0}")]
    Store(#[from] StoreError),
}

impl BuildError {
    /// Whether another selection of transactions may be spared this.
    pub(crate) const fn may_be_the_content(&self) -> bool {
        match self {
            Self::Engine(_) | Self::Prepare(_) => true,
            Self::Authority(_) | Self::Store(_) => false,
        }
    }
}

/// Signs blueprints.
#[derive(Clone)]
pub(crate) struct Signer {
    pub(crate) key: SecretKey,
    pub(crate) domain: Domain,
}

/// What goes into a block.
pub(crate) struct Order {
    pub(crate) parent: Snapshot,
    pub(crate) timestamp: Timestamp,
    pub(crate) delayed: Vec<Item>,
    pub(crate) transactions: Vec<Arc<Transaction>>,
}

/// A block that is on the disk with its blueprint and its state.
pub(crate) struct Built {
    pub(crate) snapshot: Snapshot,
    /// The nonces after it of those who had transactions in the blueprint.
    pub(crate) nonces: Vec<(Address, u64)>,
    /// Transactions that the block left out and that will not be valid later.
    pub(crate) invalid: Vec<(TransactionHash, TransactionFault)>,
}

impl Signer {
    /// The epoch in which this key alone orders transactions.
    pub(crate) fn epoch(&self, engine: &Engine, state: &Durable) -> Result<Epoch, BuildError> {
        let authority = engine.authority(state)?;
        let authority =
            authority.ok_or_else(|| BuildError::Authority("the rollup has no sequencer".to_owned()))?;
        let ours = self.key.public_key();
        match (authority.members.as_slice(), authority.quorum) {
            ([member], 1) if *member == ours => Ok(authority.epoch),
            ([member], 1) => Err(BuildError::Authority(format!(
                "the sequencer is {}, the key of this node is {}",
                member.to_base58(),
                ours.to_base58()
            ))),
            _ => Err(BuildError::Authority("the sequencer is a committee".to_owned())),
        }
    }

    fn sign(&self, epoch: Epoch, blueprint: &Blueprint) -> Result<Vec<Vec<u8>>, BuildError> {
        let prepared = prepare(epoch, blueprint, Certificate::SINGLE_SIZE_BYTES)?;
        let signature = self.key.sign(&prepared.signing_bytes(&self.domain));
        Ok(prepared.seal(Certificate::Single(signature), &self.domain.rollup)?)
    }
}

/// Executes, signs and stores a block. When this returns, the disk has it.
pub(crate) fn build(shared: &Shared, signer: &Signer, order: &Order) -> Result<Built, BuildError> {
    let parent = &order.parent;
    let epoch = signer.epoch(&shared.engine, &parent.state)?;
    let blueprint = Blueprint {
        number: parent.number().saturating_add(1),
        parent: parent.block.hash,
        timestamp: order.timestamp,
        payload: Payload {
            delayed: order.delayed.iter().map(|item| item.name).collect(),
            transactions: order.transactions.iter().map(|transaction| transaction.raw.clone()).collect(),
        },
    };
    let started = Instant::now();
    let queue = |state: Durable, item| shared.engine.delay(&state, item);
    let state = order.delayed.iter().try_fold(parent.state.clone(), queue)?;
    let applied = shared.engine.apply(&state, &blueprint)?;
    let executed = started.elapsed();
    // All that can fail comes before the block is on the disk: from then on it is the head.
    let nonces = nonces(shared, &applied.state, order)?;
    let messages = signer.sign(epoch, &blueprint)?;
    let transaction_hashes = applied.block.transactions.iter().map(|raw| transaction_hash(raw)).collect();
    let sealed = SealedBlock { hash: applied.hash, block: applied.block, transaction_hashes };
    shared.store.commit_block(&database::commit_of(&sealed, messages, &applied.state, &parent.state))?;
    let stored = started.elapsed().saturating_sub(executed);
    tracing::debug!(number = %blueprint.number, ?executed, ?stored, "a block is made");
    Ok(Built {
        nonces,
        invalid: invalid(order, &applied.dropped),
        snapshot: Snapshot { block: Arc::new(sealed), state: applied.state },
    })
}

/// The nonces in `state` of all who had a transaction in the blueprint.
fn nonces(shared: &Shared, state: &Durable, order: &Order) -> Result<Vec<(Address, u64)>, EngineError> {
    let senders: BTreeSet<Address> =
        order.transactions.iter().map(|transaction| transaction.sender).collect();
    let nonce = |sender| {
        let account = shared.engine.account(state, sender)?;
        Ok((sender, account.map_or(0, |account| account.nonce)))
    };
    senders.into_iter().map(nonce).collect()
}

/// The dropped transactions that do not deserve another try.
fn invalid(order: &Order, dropped: &[Dropped]) -> Vec<(TransactionHash, TransactionFault)> {
    let gone = |dropped: &Dropped| {
        let index = usize::try_from(dropped.position).ok()?.checked_sub(order.delayed.len())?;
        let transaction = order.transactions.get(index)?;
        let may_be_valid_later =
            matches!(dropped.fault, TransactionFault::BlockFull | TransactionFault::NonceTooHigh);
        (!may_be_valid_later).then_some((transaction.hash, dropped.fault))
    };
    dropped.iter().filter_map(gone).collect()
}
