//! Between the database and the types of the node.

use crate::{Genesis, NodeConfig, NodeError, Retention, shared::Snapshot};
use millrace_engine::{Engine, EngineError, ForeignKernel, check_kernel, keccak};
use millrace_layout::pvm::BOOT_KERNEL;
use millrace_primitives::{BlockNumber, Epoch, RollupAddress, TransactionHash};
use millrace_pvm::{
    Machine, MachineConfig, PreimageFolder,
    durable::{self, Durable},
};
use millrace_rpc::SealedBlock;
use millrace_store::{BlockCommit, Divergence, Identity, Mark, StateChange, Store, StoreError};
use millrace_wire::{
    blueprint::Chunk,
    message::{self, Message},
};
use std::{collections::VecDeque, fs, sync::Arc};

/// The file of the database in the data folder.
const FILE: &str = "node.redb";

/// A database with what is at its end.
pub(crate) struct Opened {
    pub(crate) store: Store,
    pub(crate) engine: Engine,
    /// Consecutive blocks with their states, the head last; never empty.
    pub(crate) recent: VecDeque<Snapshot>,
}

/// Opens the database, which it makes together with block 0 if it is not there.
pub(crate) fn open(config: &NodeConfig, rollup: RollupAddress) -> Result<Opened, NodeError> {
    fs::create_dir_all(&config.data_dir)
        .map_err(|source| NodeError::DataDir { path: config.data_dir.clone(), source })?;
    let identity = Identity { chain_id: config.chain_id, rollup };
    let store = Store::open(&config.data_dir.join(FILE), &identity)?;
    if let Some(Divergence { number, finding }) = store.divergence()? {
        return Err(NodeError::Diverged { number, finding });
    }
    let compiled = config.genesis.compiled.clone();
    let machine = Machine::new(MachineConfig { cache_dir: compiled, ..MachineConfig::default() });
    let machine = machine.map_err(EngineError::from)?;
    let head = match store.head()? {
        Some(head) => {
            let number = head.header.number;
            let made_in = made_in(&store, number, &rollup)?;
            Snapshot { block: sealed_block(&store, number)?, state: load_state(&store)?, made_in }
        }
        None => make_genesis(&store, &config.genesis, &machine, rollup)?,
    };
    let preimages = Arc::new(PreimageFolder::new(&config.genesis.preimages));
    let engine = Engine::with_wasm(machine, preimages, rollup, &head.state)?;
    if let Err(foreign) = check_kernel_of(&head.state) {
        tracing::warn!(%foreign, "blocks are made by the rollup's kernel as wasm");
    }
    check(config, &engine, &head)?;
    let recent = with_ancestors(&store, &config.states, head, &rollup)?;
    Ok(Opened { store, engine, recent })
}

fn check_kernel_of(state: &Durable) -> Result<(), ForeignKernel> {
    check_kernel(&state.get(BOOT_KERNEL.as_str()).map(|kernel| kernel.to_bytes()).unwrap_or_default())
}

/// The head after its ancestors, whose states are made of the changes that the database keeps.
fn with_ancestors(
    store: &Store,
    retention: &Retention,
    head: Snapshot,
    rollup: &RollupAddress,
) -> Result<VecDeque<Snapshot>, NodeError> {
    let mut number = head.number();
    let finalized = store.mark(Mark::Finalized)?.map_or(BlockNumber::ZERO, |mark| mark.number);
    let first = retention.first(number, finalized);
    let mut state = head.state.clone();
    let mut recent = VecDeque::from([head]);
    while number > first
        && let Some(changes) = store.changes_back(number)?
        && let Some(before) = number.checked_sub(1)
    {
        for change in changes {
            change_state(&mut state, &change.key, change.value, "undo")?;
        }
        // What is final stays, whoever made it.
        let made_in = if before > finalized { made_in(store, before, rollup)? } else { None };
        recent.push_front(Snapshot { block: sealed_block(store, before)?, state: state.clone(), made_in });
        number = before;
    }
    Ok(recent)
}

/// The epoch in which this node signed a block; `None` when it did not.
fn made_in(store: &Store, number: BlockNumber, rollup: &RollupAddress) -> Result<Option<Epoch>, NodeError> {
    let Some(blueprint) = store.blueprint(number)? else { return Ok(None) };
    let corrupt = || StoreError::Corrupt { table: "blueprints", key: number.to_string() };
    let message = blueprint.first().ok_or_else(corrupt)?;
    let Ok(Message::External(external)) = message::parse(message, rollup) else {
        return Err(corrupt().into());
    };
    let chunk = Chunk::decode(external.body).map_err(|_| corrupt())?;
    Ok(Some(chunk.announced.header.epoch))
}

/// A block that the database must have.
fn sealed_block(store: &Store, number: BlockNumber) -> Result<Arc<SealedBlock>, NodeError> {
    let stored = store.block(number)?;
    let stored = stored.ok_or_else(|| StoreError::Corrupt { table: "bodies", key: number.to_string() })?;
    let transaction_hashes = stored.transaction_hashes;
    Ok(Arc::new(SealedBlock { hash: stored.hash, block: stored.block, transaction_hashes }))
}

/// Runs the installer and commits what comes out as block 0.
fn make_genesis(
    store: &Store,
    genesis: &Genesis,
    machine: &Machine,
    rollup: RollupAddress,
) -> Result<Snapshot, NodeError> {
    tracing::info!(installer = %genesis.installer.display(), "running the installer for the genesis state");
    let installer = fs::read(&genesis.installer)
        .map_err(|source| NodeError::Read { path: genesis.installer.clone(), source })?;
    let preimages = Arc::new(PreimageFolder::new(&genesis.preimages));
    let state = Engine::boot(machine, &installer, preimages, rollup)?;
    // The kernel of block 0 is that of `dist`, which has just been built with this program.
    let engine = Engine::of(&state)?;
    let (head, block) = (engine.head(&state)?, engine.head_block(&state)?);
    let transaction_hashes = block.transactions.iter().map(|raw| transaction_hash(raw)).collect();
    let sealed = SealedBlock { hash: head.hash, block, transaction_hashes };
    store.commit_block(&commit_of(&sealed, (Vec::new(), Vec::new()), &state, &Durable::new()))?;
    Ok(Snapshot { block: Arc::new(sealed), state, made_in: None })
}

/// The name of a transaction.
pub(crate) fn transaction_hash(raw: &[u8]) -> TransactionHash {
    TransactionHash::new(keccak(raw).0)
}

/// What the database takes for a block.
pub(crate) fn commit_of(
    sealed: &SealedBlock,
    (blueprint, premises): (Vec<Vec<u8>>, Vec<StateChange>),
    state: &Durable,
    parent: &Durable,
) -> BlockCommit {
    BlockCommit {
        block: sealed.block.clone(),
        hash: sealed.hash,
        transaction_hashes: sealed.transaction_hashes.clone(),
        blueprint,
        premises,
        state_changes: changes(state, parent),
    }
}

/// How a state differs from an older one.
pub(crate) fn changes(state: &Durable, older: &Durable) -> Vec<StateChange> {
    let changes = state.changes_since(older).into_iter();
    changes.map(|change| StateChange { key: change.key.into_bytes(), value: change.value }).collect()
}

fn load_state(store: &Store) -> Result<Durable, NodeError> {
    let mut state = Durable::new();
    store.visit_state(|path, value| change_state(&mut state, path, Some(value.to_vec()), "state"))?;
    Ok(state)
}

/// Makes one change to a state, as `table` has it.
fn change_state(
    state: &mut Durable,
    path: &[u8],
    value: Option<Vec<u8>>,
    table: &'static str,
) -> Result<(), StoreError> {
    let corrupt = || StoreError::Corrupt { table, key: String::from_utf8_lossy(path).into_owned() };
    let key = durable::Key::parse(path).map_err(|_| corrupt())?;
    match value {
        Some(value) => state.set(key, value),
        None => {
            state.delete_value(key);
        }
    }
    Ok(())
}

fn check(config: &NodeConfig, engine: &Engine, head: &Snapshot) -> Result<(), NodeError> {
    let found = engine.head(&head.state)?;
    if found.hash != head.block.hash {
        return Err(inconsistent(&head.block.hash, &found.hash.to_string()));
    }
    let actual = engine.chain_id();
    let configured = config.chain_id;
    if actual == configured { Ok(()) } else { Err(NodeError::ChainId { actual, configured }) }
}

fn inconsistent(stored: &impl ToString, state: &str) -> NodeError {
    NodeError::Inconsistent { stored: stored.to_string(), state: state.to_owned() }
}
