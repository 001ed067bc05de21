//! Between the database and the types of the node.

use crate::{Genesis, NodeConfig, NodeError, shared::Snapshot};
use millrace_engine::{Engine, EngineError, keccak};
use millrace_primitives::{RollupAddress, TransactionHash};
use millrace_pvm::{
    Machine, MachineConfig, PreimageFolder,
    durable::{self, Durable},
};
use millrace_rpc::SealedBlock;
use millrace_store::{BlockCommit, Identity, StateChange, Store, StoreError};
use std::{fs, sync::Arc};

/// The file of the database in the data folder.
const FILE: &str = "node.redb";

/// Opens the database, which it makes together with block 0 if it is not there, and gives its head.
pub(crate) fn open(
    config: &NodeConfig,
    rollup: RollupAddress,
) -> Result<(Store, Engine, Snapshot), NodeError> {
    fs::create_dir_all(&config.data_dir)
        .map_err(|source| NodeError::DataDir { path: config.data_dir.clone(), source })?;
    let identity = Identity { chain_id: config.chain_id, rollup };
    let store = Store::open(&config.data_dir.join(FILE), &identity)?;
    let head = match store.head()? {
        Some(head) => {
            let stored =
                store.block(head.header.number)?.ok_or_else(|| inconsistent(&head.hash, "missing"))?;
            let block = SealedBlock {
                hash: stored.hash,
                block: stored.block,
                transaction_hashes: stored.transaction_hashes,
            };
            Snapshot { block: Arc::new(block), state: load_state(&store)? }
        }
        None => make_genesis(&store, &config.genesis, rollup)?,
    };
    let engine = Engine::of(&head.state)?;
    check(config, &engine, &head)?;
    Ok((store, engine, head))
}

/// Runs the installer and commits what comes out as block 0.
fn make_genesis(store: &Store, genesis: &Genesis, rollup: RollupAddress) -> Result<Snapshot, NodeError> {
    tracing::info!(installer = %genesis.installer.display(), "running the installer for the genesis state");
    let installer = fs::read(&genesis.installer)
        .map_err(|source| NodeError::Read { path: genesis.installer.clone(), source })?;
    let machine = MachineConfig { cache_dir: genesis.compiled.clone(), ..MachineConfig::default() };
    let machine = Machine::new(machine).map_err(EngineError::from)?;
    let preimages = Arc::new(PreimageFolder::new(&genesis.preimages));
    let state = Engine::boot(&machine, &installer, preimages, rollup)?;
    let engine = Engine::of(&state)?;
    let (head, block) = (engine.head(&state)?, engine.head_block(&state)?);
    let transaction_hashes = block.transactions.iter().map(|raw| transaction_hash(raw)).collect();
    let sealed = SealedBlock { hash: head.hash, block, transaction_hashes };
    store.commit_block(&commit_of(&sealed, Vec::new(), &state, &Durable::new()))?;
    Ok(Snapshot { block: Arc::new(sealed), state })
}

/// The name of a transaction.
pub(crate) fn transaction_hash(raw: &[u8]) -> TransactionHash {
    TransactionHash::new(keccak(raw).0)
}

/// What the database takes for a block.
pub(crate) fn commit_of(
    sealed: &SealedBlock,
    blueprint: Vec<Vec<u8>>,
    state: &Durable,
    parent: &Durable,
) -> BlockCommit {
    let changes = state.changes_since(parent).into_iter();
    BlockCommit {
        block: sealed.block.clone(),
        hash: sealed.hash,
        transaction_hashes: sealed.transaction_hashes.clone(),
        blueprint,
        state_changes: changes
            .map(|change| StateChange { key: change.key.into_bytes(), value: change.value })
            .collect(),
    }
}

fn load_state(store: &Store) -> Result<Durable, NodeError> {
    let mut state = Durable::new();
    store.visit_state(|path, value| {
        let key = durable::Key::parse(path).map_err(|_| StoreError::Corrupt {
            table: "state",
            key: String::from_utf8_lossy(path).into_owned(),
        })?;
        state.set(key, value.to_vec());
        Ok::<_, StoreError>(())
    })?;
    Ok(state)
}

fn check(config: &NodeConfig, engine: &Engine, head: &Snapshot) -> Result<(), NodeError> {
    let found = engine.head(&head.state)?;
    if found.hash != head.block.hash {
        return Err(inconsistent(&head.block.hash, &found.hash.to_string()));
    }
    let actual = engine.parameters().chain_id;
    let configured = config.chain_id;
    if actual == configured { Ok(()) } else { Err(NodeError::ChainId { actual, configured }) }
}

fn inconsistent(stored: &impl ToString, state: &str) -> NodeError {
    NodeError::Inconsistent { stored: stored.to_string(), state: state.to_owned() }
}
