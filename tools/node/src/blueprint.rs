//! Making one block: from what was selected to what is on the disk. Runs on a blocking thread.

use crate::{
    database::{self, transaction_hash},
    shared::{Decided, Shared, Snapshot},
};
use millrace_engine::{Applied, Dropped, EngineError, Switched, TransactionFault};
use millrace_layout::delayed::Item;
use millrace_primitives::{Address, BlockNumber, Epoch, PreimageHash, Timestamp, TransactionHash};
use millrace_pvm::durable::Durable;
use millrace_rpc::SealedBlock;
use millrace_sequencing::{pool::Transaction, schedule::Office};
use millrace_store::StoreError;
use millrace_wire::{
    base58::Base58Check as _,
    blueprint::{Blueprint, Certificate, Domain, Payload, PrepareError, prepare},
    signature::{PublicKey, SecretKey},
};
use std::{collections::BTreeSet, sync::Arc, time::Instant};

/// Why a block could not be made. Nothing of it is visible then.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BuildError {
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error("the blueprint cannot be sent: {0}")]
    Prepare(#[from] PrepareError),
    #[error("this node has no key for {0}")]
    NoKey(String),
    #[error("the block cannot be stored: {0}")]
    Store(#[from] StoreError),
}

impl BuildError {
    /// Whether another selection of transactions may be spared this.
    pub(crate) const fn may_be_the_content(&self) -> bool {
        match self {
            Self::Engine(error) => error.may_be_the_content(),
            Self::Prepare(_) => true,
            Self::NoKey(_) | Self::Store(_) => false,
        }
    }
}

/// Signs blueprints.
#[derive(Clone)]
pub(crate) struct Signer {
    pub(crate) keys: Vec<SecretKey>,
    pub(crate) domain: Domain,
}

/// What goes into a block.
pub(crate) struct Order {
    pub(crate) parent: Snapshot,
    pub(crate) timestamp: Timestamp,
    pub(crate) delayed: Vec<Item>,
    pub(crate) transactions: Vec<Arc<Transaction>>,
    /// The epoch and the key that it is signed in and with.
    pub(crate) office: Office,
    /// What the layer 1 has decided.
    pub(crate) decided: Option<Arc<Decided>>,
}

/// A block that is on the disk with its blueprint and its state.
pub(crate) struct Built {
    pub(crate) snapshot: Snapshot,
    /// The nonces after it of those who had transactions in the blueprint.
    pub(crate) nonces: Vec<(Address, u64)>,
    /// The delayed items that left the delayed inbox with it: those in the block, and those that were dropped.
    pub(crate) consumed: BTreeSet<TransactionHash>,
    /// Transactions that the block left out and that will not be valid later.
    pub(crate) invalid: Vec<(TransactionHash, TransactionFault)>,
}

impl Signer {
    /// The public keys.
    pub(crate) fn public_keys(&self) -> Vec<PublicKey> {
        self.keys.iter().map(SecretKey::public_key).collect()
    }

    fn sign(&self, office: Office, blueprint: &Blueprint) -> Result<Vec<Vec<u8>>, BuildError> {
        let key = self.keys.iter().find(|key| key.public_key() == office.key);
        let key = key.ok_or_else(|| BuildError::NoKey(office.key.to_base58()))?;
        let prepared = prepare(office.epoch, blueprint, Certificate::SINGLE_SIZE_BYTES)?;
        let signature = key.sign(&prepared.signing_bytes(&self.domain));
        Ok(prepared.seal(Certificate::Single(signature), &self.domain.rollup)?)
    }
}

/// Executes, signs and stores a block. When this returns, the disk has it.
pub(crate) fn build(shared: &Shared, signer: &Signer, order: &Order) -> Result<Built, BuildError> {
    let parent = &order.parent;
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
    let state = match &order.decided {
        Some(decided) => {
            let upgrades = shared.upgrades_to_come(decided)?;
            shared.engine.adopt(&parent.state, &decided.governance, &upgrades)?
        }
        None => parent.state.clone(),
    };
    let queue = |state: Durable, item| shared.engine.delay(&state, item);
    let state = order.delayed.iter().try_fold(state, queue)?;
    let applied = shared.engine.apply(&state, &blueprint)?;
    let executed = started.elapsed();
    tell_kernels(&applied, blueprint.number);
    // All that can fail comes before the block is on the disk: from then on it is the head.
    let nonces = nonces(shared, &applied.state, order)?;
    let messages = signer.sign(order.office, &blueprint)?;
    let invalid = invalid(order, &applied.dropped);
    let made = Made { messages, presumed: state, applied, epoch: order.office.epoch };
    let (snapshot, consumed) = keep(shared, parent, made)?;
    let stored = started.elapsed().saturating_sub(executed);
    tracing::debug!(number = %blueprint.number, ?executed, ?stored, "a block is made");
    Ok(Built { nonces, consumed, invalid, snapshot })
}

/// Says which kernels took over with a block, and which did not.
pub(crate) fn tell_kernels(applied: &Applied, number: BlockNumber) {
    for failed in &applied.failed {
        let (root, reason) = (PreimageHash::new(failed.root_hash), failed.reason);
        tracing::error!(%root, reason, %number, "a kernel did not take over");
    }
    if let Some(Switched { root_hash }) = applied.switched {
        let root = PreimageHash::new(root_hash);
        tracing::info!(%root, %number, "another kernel has taken over");
    }
}

/// A block that was executed.
pub(crate) struct Made {
    /// Its blueprint as the layer 1 gets it.
    pub(crate) messages: Vec<Vec<u8>>,
    /// The state that it was executed on.
    pub(crate) presumed: Durable,
    pub(crate) applied: Applied,
    /// The epoch in which it was signed.
    pub(crate) epoch: Epoch,
}

/// Stores a block that was made on `parent`; answers it, and the delayed items that it consumed.
pub(crate) fn keep(
    shared: &Shared,
    parent: &Snapshot,
    made: Made,
) -> Result<(Snapshot, BTreeSet<TransactionHash>), BuildError> {
    let Made { messages, presumed, applied, epoch } = made;
    let consumed = shared.engine.consumed(&applied.state)?;
    let transaction_hashes = applied.block.transactions.iter().map(|raw| transaction_hash(raw)).collect();
    let sealed = SealedBlock { hash: applied.hash, block: applied.block, transaction_hashes };
    let premises = database::changes(&presumed, &parent.state);
    let commit = database::commit_of(&sealed, (messages, premises), &applied.state, &parent.state);
    shared.store.commit_block(&commit)?;
    let snapshot = Snapshot { block: Arc::new(sealed), state: applied.state, made_in: Some(epoch) };
    Ok((snapshot, consumed))
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
