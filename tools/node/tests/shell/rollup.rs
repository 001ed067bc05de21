//! A rollup node that is not one: it serves the same RPC over HTTP, but levels are made on demand, blueprints
//! become blocks natively, and it can be told to lie, to lose messages and to refuse them.

use axum::{
    Json, Router,
    body::Body,
    extract::{Path, Query, State},
    http::StatusCode,
    routing::{get, post},
};
use millrace_engine::{Engine, header_hash};
use millrace_l1::{CommitmentHash, InboxHash, InboxWitness, L1BlockHash, client::BlockHeader};
use millrace_layout::{
    Key, Value,
    clock::{self, L1Clock},
    delayed::Item,
    events,
    governance::{self, PendingAuthorities, PendingAuthority, PendingUpgrades},
    parameters::{self, DelayedInbox, Parameters},
    pvm, sequencers, version,
    world::{Body as BlockBody, Head, World, allocation_digest},
};
use millrace_primitives::{
    Account, Address, BlockHash, BlockNumber, Bloom, Epoch, Gas, H160, H256, Header, L1Level, RollupAddress,
    Timestamp, U256,
};
use millrace_pvm::durable::{self, Durable};
use millrace_wire::{
    authority::Authority,
    base58::Base58Check as _,
    blueprint::{Blueprint, Certificate, Chunk, Domain, Payload, prepare},
    message::{self, Message},
    signature::{PublicKey, SecretKey},
};
use serde_json::{Value as JsonValue, json};
use std::{
    collections::{BTreeMap, HashMap},
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

pub(crate) const ROLLUP: RollupAddress = RollupAddress::new([7; 20]);

/// A contract whose code is not there: no block can be made with a transaction that calls it.
pub(crate) const POISON: Address = H160([0xde; 20]);

/// What the batcher does with messages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Batcher {
    Takes,
    Loses,
    Refuses,
}

/// What governance decides.
#[derive(Clone, Debug)]
pub(crate) enum Decision {
    /// A change of authority takes effect: nobody or one, and perhaps another pool.
    Office(Option<PublicKey>, Option<Address>),
    /// Changes of authority wait: to one sequencer each, at a time.
    Announce(Vec<(PublicKey, Timestamp)>),
    /// Kernel upgrades wait.
    Upgrades(PendingUpgrades),
}

/// Seconds of the layer 1 at level 0, and from level to level.
const FIRST_LEVEL_S: u64 = 1_700_000_000;
const LEVEL_S: u64 = 10;

/// What the rollup node has and does.
struct Ground {
    engine: Engine,
    /// The state after each level.
    levels: Vec<Durable>,
    /// The messages of each level.
    messages: Vec<Vec<Vec<u8>>>,
    /// What happens at the beginning of the next level.
    decisions: Vec<Decision>,
    /// The kernel forces what is overdue in the next level.
    forces: bool,
    /// Messages for the next level.
    waiting: Vec<Vec<u8>>,
    /// Complete blueprints by number.
    held: BTreeMap<u64, Blueprint>,
    batcher: Batcher,
    /// From this block on the hashes are wrong.
    lies_from: Option<u64>,
    /// The kernel drops the next blueprint for this reason.
    drops: Option<u8>,
}

#[derive(Clone)]
struct Shared {
    world: Arc<Mutex<Ground>>,
    level: watch::Sender<u32>,
    /// How many messages the batcher was given, lost ones included.
    injected: watch::Sender<usize>,
}

/// The rollup node with its layer 1.
pub(crate) struct Rollup {
    shared: Shared,
    address: SocketAddr,
    server: JoinHandle<()>,
}

impl Rollup {
    pub(crate) async fn start(genesis: &Durable) -> Self {
        let world = Ground {
            engine: Engine::of(genesis).unwrap(),
            levels: vec![genesis.clone()],
            messages: vec![Vec::new()],
            decisions: Vec::new(),
            forces: false,
            waiting: Vec::new(),
            held: BTreeMap::new(),
            batcher: Batcher::Takes,
            lies_from: None,
            drops: None,
        };
        let shared = Shared {
            world: Arc::new(Mutex::new(world)),
            level: watch::Sender::new(0),
            injected: watch::Sender::new(0),
        };
        let router = Router::new()
            .route("/global/smart_rollup_address", get(|| async { Json(ROLLUP.to_base58()) }))
            .route("/global/monitor_blocks", get(monitor_blocks))
            .route("/global/block/{id}", get(full_block))
            .route("/global/block/{id}/hash", get(block_hash))
            .route("/global/block/{id}/level", get(block_level))
            .route("/global/block/{id}/durable/wasm_2_0_0/value", get(value))
            .route("/global/block/{id}/durable/wasm_2_0_0/values", get(values))
            .route("/local/batcher/injection", post(injection))
            .with_state(shared.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { shared, address, server }
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    fn world(&self) -> MutexGuard<'_, Ground> {
        self.shared.world.lock().unwrap()
    }

    pub(crate) fn set_batcher(&self, batcher: Batcher) {
        self.world().batcher = batcher;
    }

    pub(crate) fn lie_from(&self, number: u64) {
        self.world().lies_from = Some(number);
    }

    /// The next blueprint that arrives is dropped with this reason.
    pub(crate) fn drop_next(&self, reason: u8) {
        self.world().drops = Some(reason);
    }

    /// Waits until the batcher was given so many messages in all.
    pub(crate) async fn injected(&self, count: usize) {
        self.shared.injected.subscribe().wait_for(|injected| *injected >= count).await.unwrap();
    }

    /// At the beginning of the next level this happens.
    pub(crate) fn decide(&self, decision: Decision) {
        self.world().decisions.push(decision);
    }

    /// In the next level the kernel forces what is overdue.
    pub(crate) fn force(&self) {
        self.world().forces = true;
    }

    /// The last levels are no longer part of the layer 1, and what was in them is lost.
    pub(crate) fn reorganise(&self, depth: usize) {
        let mut world = self.world();
        let kept = world.levels.len() - depth;
        world.levels.truncate(kept);
        world.messages.truncate(kept);
    }

    /// The last block.
    pub(crate) fn head(&self) -> (u64, BlockHash) {
        let world = self.world();
        let head = world.engine.head(world.levels.last().unwrap()).unwrap();
        (head.header.number.get(), head.hash)
    }

    /// Somebody else sends blueprints of consecutive blocks on the head, one for each list of transactions and delayed items.
    pub(crate) fn sequence(&self, key: &SecretKey, payloads: Vec<Payload>) {
        let mut world = self.world();
        let mut state = world.decided(world.levels.last().unwrap().clone());
        let epoch = world.engine.authority(&state).unwrap().unwrap().epoch;
        let domain = Domain { rollup: ROLLUP, chain_id: world.engine.chain_id() };
        for payload in payloads {
            let head = world.engine.head(&state).unwrap();
            let blueprint = Blueprint {
                number: head.header.number.saturating_add(1),
                parent: head.hash,
                timestamp: head.header.timestamp.saturating_add(1),
                payload,
            };
            state = world.engine.apply(&state, &blueprint).unwrap().state;
            let prepared = prepare(epoch, &blueprint, Certificate::SINGLE_SIZE_BYTES).unwrap();
            let signature = key.sign(&prepared.signing_bytes(&domain));
            world.waiting.extend(prepared.seal(Certificate::Single(signature), &ROLLUP).unwrap());
        }
    }

    /// Makes a level: whatever waits is executed.
    pub(crate) fn bake(&self) {
        let mut world = self.world();
        let state = world.levels.last().unwrap().clone();
        let mut state = world.start_level(state);
        world.collect(&state);
        state = world.force_block(state);
        let head = world.engine.head(&state).unwrap();
        let mut next = head.header.number.get() + 1;
        world.drop_blueprint(&mut state, next);
        while let Some(blueprint) = world.held.remove(&next) {
            if blueprint.parent != world.engine.head(&state).unwrap().hash {
                world.held.clear();
                let fault = millrace_engine::BlueprintFault::Parent.code();
                add_event(
                    &mut state,
                    &events::Event::BlueprintDropped { number: BlockNumber::new(next), reason: fault },
                );
                break;
            }
            state = world.engine.apply(&state, &blueprint).unwrap().state;
            next += 1;
        }
        let state = world.falsified(state);
        world.levels.push(state);
        let level = u32::try_from(world.levels.len() - 1).unwrap();
        drop(world);
        self.shared.level.send_replace(level);
    }

    /// Puts an item into the delayed inbox, as if the last level had brought it.
    pub(crate) fn delay(&self, item: &Item) {
        let mut world = self.world();
        let state = world.engine.delay(world.levels.last().unwrap(), item).unwrap();
        *world.levels.last_mut().unwrap() = state;
    }

    pub(crate) fn balance(&self, address: Address) -> U256 {
        let world = self.world();
        let account = world.engine.account(world.levels.last().unwrap(), address).unwrap();
        account.unwrap_or_default().balance
    }
}

impl Drop for Rollup {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Ground {
    /// The state with what governance decided for the next level.
    fn decided(&self, mut state: Durable) -> Durable {
        let level = L1Level::new(u32::try_from(self.levels.len()).unwrap());
        let timestamp = Timestamp::new(FIRST_LEVEL_S + LEVEL_S * u64::from(level.get()));
        write(&mut state, &clock::key().unwrap(), &L1Clock { level, timestamp });
        for decision in &self.decisions {
            match decision {
                Decision::Office(key, pool) => {
                    let last = find(&state, &sequencers::change().unwrap()).unwrap_or_default();
                    let epoch = last.epoch.saturating_add(1);
                    let change = sequencers::Change { epoch, number: last.number + 1, activation: timestamp };
                    write(&mut state, &sequencers::change().unwrap(), &change);
                    match key {
                        Some(key) => {
                            write(&mut state, &sequencers::key().unwrap(), &Authority::single(epoch, *key));
                        }
                        None => remove(&mut state, &sequencers::key().unwrap()),
                    }
                    if let Some(pool) = pool {
                        let parameters = read(&state, &parameters::key().unwrap());
                        let parameters = Parameters { pool: *pool, ..parameters };
                        write(&mut state, &parameters::key().unwrap(), &parameters);
                    }
                    remove(&mut state, &governance::authorities().unwrap());
                }
                Decision::Announce(changes) => {
                    let waiting = changes.iter().map(|(key, activation)| PendingAuthority {
                        number: 9,
                        announced_at: level,
                        members: vec![*key],
                        quorum: 1,
                        pool: None,
                        activation: *activation,
                    });
                    let waiting =
                        PendingAuthorities { next_number: 10, key_changes: 0, waiting: waiting.collect() };
                    write(&mut state, &governance::authorities().unwrap(), &waiting);
                }
                Decision::Upgrades(upgrades) => {
                    write(&mut state, &governance::upgrades().unwrap(), upgrades);
                }
            }
        }
        state
    }

    fn start_level(&mut self, state: Durable) -> Durable {
        let mut state = self.decided(state);
        clear_events(&mut state);
        let is_change = |decision: &Decision| matches!(decision, Decision::Office(..));
        if std::mem::take(&mut self.decisions).iter().any(is_change) {
            // What the old authority signed counts no more.
            self.held.clear();
        }
        state
    }

    /// The kernel's own block, when it is to make one.
    fn force_block(&mut self, state: Durable) -> Durable {
        if !std::mem::take(&mut self.forces) {
            return state;
        }
        let clock = read(&state, &clock::key().unwrap());
        let candidate = self.engine.forced(&state, clock).unwrap().expect("something is overdue");
        let mut state = self.engine.apply_own(&state, &candidate).unwrap().state;
        let number = candidate.blueprint.number;
        let items = u32::try_from(candidate.blueprint.payload.delayed.len()).unwrap();
        add_event(&mut state, &events::Event::Forced { number, items });
        state
    }

    /// Turns the messages that wait into blueprints, as the kernel does.
    fn collect(&mut self, state: &Durable) {
        let epoch = self.engine.authority(state).unwrap().map(|authority| authority.epoch);
        let mut pieces: BTreeMap<u64, BTreeMap<u16, Vec<u8>>> = BTreeMap::new();
        let messages = std::mem::take(&mut self.waiting);
        self.messages.push(messages.clone());
        for bytes in messages {
            let Ok(Message::External(external)) = message::parse(&bytes, &ROLLUP) else {
                panic!("not an external message for this rollup")
            };
            let chunk = Chunk::decode(external.body).unwrap();
            assert!(chunk.proves_piece());
            let header = chunk.announced.header;
            if Some(header.epoch) != epoch {
                continue;
            }
            let found = pieces.entry(header.number.get()).or_default();
            found.insert(chunk.index, chunk.piece.to_vec());
            if found.len() == usize::from(header.chunk_count) {
                let bytes = found.values().flatten().copied().collect::<Vec<_>>();
                let payload = Payload::decode(&bytes).unwrap();
                let blueprint = Blueprint {
                    number: header.number,
                    parent: header.parent,
                    timestamp: header.timestamp,
                    payload,
                };
                self.held.insert(header.number.get(), blueprint);
            }
        }
        // The kernel forgets what it has executed.
        let state = self.levels.last().unwrap();
        let head = self.engine.head(state).unwrap().header.number.get();
        self.held.retain(|number, _| *number > head);
    }

    /// Drops the next blueprint if it is there and is to be dropped, and says so in the events of the level.
    fn drop_blueprint(&mut self, state: &mut Durable, next: u64) {
        if self.held.contains_key(&next)
            && let Some(reason) = self.drops.take()
        {
            self.held.remove(&next);
            let number = BlockNumber::new(next);
            add_event(state, &events::Event::BlueprintDropped { number, reason });
        }
    }

    /// The state with wrong hashes, if this node lies.
    fn falsified(&self, mut state: Durable) -> Durable {
        let mut head = read(&state, &World::Committed.head().unwrap());
        if self.lies_from.is_some_and(|from| from <= head.header.number.get()) {
            head.hash = BlockHash::new([0xee; 32]);
            write(&mut state, &World::Committed.block_hash(head.header.number).unwrap(), &head.hash);
            write(&mut state, &World::Committed.head().unwrap(), &head);
        }
        state
    }

    fn level_of(&self, id: &str) -> Option<usize> {
        let last = self.levels.len() - 1;
        match id {
            "head" => Some(last),
            "finalized" => Some(last.saturating_sub(2)),
            id => (0..=last).find(|level| id == level.to_string() || id == hash_of(*level).to_string()),
        }
    }
}

fn hash_of(level: usize) -> L1BlockHash {
    let mut bytes = [0; 32];
    bytes[24..].copy_from_slice(&level.to_be_bytes());
    L1BlockHash::new(bytes)
}

fn header_of(level: u32) -> BlockHeader {
    let level_index = usize::try_from(level).unwrap();
    BlockHeader {
        block_hash: hash_of(level_index),
        level: L1Level::new(level),
        predecessor: hash_of(level_index.saturating_sub(1)),
        commitment_hash: None,
        previous_commitment_hash: CommitmentHash::new([0; 32]),
        inbox_witness: InboxWitness::new([0; 32]),
        inbox_hash: InboxHash::new([0; 32]),
        initial_tick: "0".to_owned(),
        num_ticks: "0".to_owned(),
        pvm_status: None,
    }
}

type Answer<T> = Result<Json<T>, StatusCode>;

async fn block_hash(State(shared): State<Shared>, Path(id): Path<String>) -> Answer<L1BlockHash> {
    let level = shared.world.lock().unwrap().level_of(&id);
    level.map(|level| Json(hash_of(level))).ok_or(StatusCode::NOT_FOUND)
}

async fn block_level(State(shared): State<Shared>, Path(id): Path<String>) -> Answer<usize> {
    let level = shared.world.lock().unwrap().level_of(&id);
    level.map(Json).ok_or(StatusCode::NOT_FOUND)
}

fn state_at(shared: &Shared, id: &str) -> Result<Durable, StatusCode> {
    let world = shared.world.lock().unwrap();
    let level = world.level_of(id).ok_or(StatusCode::NOT_FOUND)?;
    Ok(world.levels[level].clone())
}

async fn value(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    Query(query): Query<HashMap<String, String>>,
) -> Answer<Option<String>> {
    let state = state_at(&shared, &id)?;
    Ok(Json(state.get(&query["key"]).map(|value| hex::encode(value.to_bytes()))))
}

async fn values(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    Query(query): Query<HashMap<String, String>>,
) -> Answer<Vec<JsonValue>> {
    let state = state_at(&shared, &id)?;
    let path = &query["key"];
    let entry = |name: String| {
        let value = state.get(&format!("{path}/{name}"))?;
        Some(json!({ "key": name, "value": hex::encode(value.to_bytes()) }))
    };
    Ok(Json(state.subkeys(path).into_iter().filter_map(entry).collect()))
}

async fn full_block(State(shared): State<Shared>, Path(id): Path<String>) -> Answer<JsonValue> {
    let world = shared.world.lock().unwrap();
    let level = world.level_of(&id).ok_or(StatusCode::NOT_FOUND)?;
    let messages: Vec<String> = world.messages[level].iter().map(hex::encode).collect();
    Ok(Json(json!({ "messages": messages })))
}

async fn injection(State(shared): State<Shared>, Json(texts): Json<Vec<String>>) -> Answer<Vec<String>> {
    let messages: Vec<Vec<u8>> = texts.iter().map(|text| hex::decode(format!("01{text}")).unwrap()).collect();
    let count = messages.len();
    {
        let mut world = shared.world.lock().unwrap();
        match world.batcher {
            Batcher::Takes => world.waiting.extend(messages),
            Batcher::Loses => {}
            Batcher::Refuses => return Err(StatusCode::SERVICE_UNAVAILABLE),
        }
    }
    shared.injected.send_modify(|injected| *injected += count);
    Ok(Json(vec![millrace_l1::MessageId::new([0; 32]).to_string(); count]))
}

async fn monitor_blocks(State(shared): State<Shared>) -> Body {
    let levels = shared.level.subscribe();
    let next = *levels.borrow() + 1;
    let items = futures::stream::unfold((levels, next), |(mut levels, next)| async move {
        levels.wait_for(|level| *level >= next).await.ok()?;
        let item = serde_json::to_vec(&header_of(next)).unwrap();
        Some((Ok::<_, std::io::Error>(item), (levels, next + 1)))
    });
    Body::from_stream(items)
}

/// Reads a value that must be there.
fn read<V: Value>(state: &Durable, key: &Key<V>) -> V {
    V::decode(&state.get(key.path().as_str()).unwrap().to_bytes()).unwrap()
}

fn find<V: Value>(state: &Durable, key: &Key<V>) -> Option<V> {
    state.get(key.path().as_str()).map(|value| V::decode(&value.to_bytes()).unwrap())
}

fn remove<V: Value>(state: &mut Durable, key: &Key<V>) {
    state.delete_value(durable::Key::parse(key.path().as_bytes()).unwrap());
}

fn clear_events(state: &mut Durable) {
    let events::Count(count) = find(state, &events::count().unwrap()).unwrap_or(events::Count(0));
    (0..count).for_each(|index| remove(state, &events::event(index).unwrap()));
    write(state, &events::count().unwrap(), &events::Count(0));
}

fn add_event(state: &mut Durable, event: &events::Event) {
    let events::Count(count) = find(state, &events::count().unwrap()).unwrap_or(events::Count(0));
    write(state, &events::event(count).unwrap(), event);
    write(state, &events::count().unwrap(), &events::Count(count + 1));
}

fn set_kernel(state: &mut Durable, kernel: &str) {
    state.set(durable::Key::parse(pvm::BOOT_KERNEL.as_str().as_bytes()).unwrap(), kernel.as_bytes().to_vec());
}

fn write<V: Value>(state: &mut Durable, key: &Key<V>, value: &V) {
    state.set(durable::Key::parse(key.path().as_bytes()).unwrap(), value.encode());
}

/// A rollup at block 0, with these accounts and this sequencer.
pub(crate) fn genesis(accounts: &[(Address, U256)], sequencer: PublicKey) -> Durable {
    let mut state = Durable::new();
    set_kernel(&mut state, &[millrace_engine::SOURCES_MARK, millrace_engine::SOURCES].concat());
    let accounts: Vec<_> = accounts
        .iter()
        .map(|(address, balance)| (*address, Account { balance: *balance, ..Account::default() }))
        .collect();
    let poison = Account { nonce: 1, code_hash: H256::repeat_byte(0x11), ..Account::default() };
    let accounts = [accounts, vec![(POISON, poison)]].concat();
    // What waits is overdue at once; the kernel of these tests forces it when it is told to.
    let delayed = DelayedInbox { timeout_s: 0, timeout_levels: 0, ..DelayedInbox::default() };
    let allocation_digest = allocation_digest(&accounts);
    let parameters = Parameters { allocation_digest, delayed, ..Parameters::default() };
    write(&mut state, &version::key().unwrap(), &version::CURRENT);
    write(&mut state, &parameters::key().unwrap(), &parameters);
    write(&mut state, &sequencers::key().unwrap(), &Authority::single(Epoch::ZERO, sequencer));
    write(&mut state, &events::count().unwrap(), &events::Count(0));
    for (address, account) in &accounts {
        write(&mut state, &World::Committed.account(*address).unwrap(), account);
    }
    let header = Header {
        parent_hash: BlockHash::new([0; 32]),
        beneficiary: parameters.pool,
        state_root: H256::repeat_byte(1),
        transactions_root: H256::repeat_byte(2),
        receipts_root: H256::repeat_byte(3),
        logs_bloom: Bloom::default(),
        number: BlockNumber::ZERO,
        gas_limit: parameters.gas_limit_header,
        gas_used: Gas::ZERO,
        timestamp: parameters.genesis_timestamp,
        base_fee_per_gas: parameters.base_fee_min,
    };
    let hash = header_hash(&header);
    write(&mut state, &World::Committed.block_hash(BlockNumber::ZERO).unwrap(), &hash);
    write(&mut state, &World::Committed.body().unwrap(), &BlockBody::default());
    let (backlog, consumed) = (Gas::ZERO, Vec::new());
    let head = Head { hash, header, backlog, consumed, queue_front: 0, key_change: None };
    write(&mut state, &World::Committed.head().unwrap(), &head);
    state
}
