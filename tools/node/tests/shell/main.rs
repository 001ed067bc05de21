//! The node as a whole: its real database, engine, client and JSON-RPC, against a rollup node that is made
//! for tests.

mod authority;
mod rollup;
mod upstream;
mod wallet;

use millrace_engine::BlueprintFault;
use millrace_layout::delayed::{Content, Item};
use millrace_node::{Genesis, Heads, Node, NodeConfig, NodeError, Retention, RpcConfig, SealedBlock};
use millrace_primitives::{Address, Block, L1Level, Mutez, Timestamp, TransactionHash, U256};
use millrace_pvm::durable::Durable;
use millrace_sequencing::{
    pool,
    producer::{Rhythm, Stopped},
    publisher,
};
use millrace_store::{BlockCommit, Identity, StateChange, Store};
use millrace_wire::{deposit::NativeDeposit, signature::SecretKey};
use rollup::{Batcher, POISON, ROLLUP, Rollup};
use serde_json::{Value, json};
use sha3::Digest as _;
use std::{fs, future::Future, path::Path, sync::Arc, time::Duration};
use tempfile::TempDir;
use wallet::{CHAIN_ID, Wallet};

/// Nothing here takes long; a test that waits for what never happens fails instead of hanging.
const PATIENCE: Duration = Duration::from_secs(60);

async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(PATIENCE, future).await;
    done.unwrap_or_else(|_| panic!("it never happened: {what}"))
}

fn sequencer_key() -> SecretKey {
    SecretKey::from_seed(&[42; 32])
}

/// A rollup node, and the folder of a node beside it.
struct Scene {
    rollup: Rollup,
    dir: TempDir,
    http: reqwest::Client,
}

impl Scene {
    async fn new() -> Self {
        let accounts: Vec<_> =
            (1..=3).map(|number| (Wallet::new(number).address(), U256::exp10(22))).collect();
        let genesis = rollup::genesis(&accounts, sequencer_key().public_key());
        let dir = tempfile::tempdir().unwrap();
        commit_genesis(dir.path(), &genesis);
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { rollup: Rollup::start(&genesis).await, dir, http }
    }

    /// Blocks come as fast as the machine makes them, and never empty ones.
    fn config(&self) -> NodeConfig {
        NodeConfig {
            data_dir: self.dir.path().to_path_buf(),
            rollup_node: self.rollup.endpoint(),
            chain_id: U256::from(CHAIN_ID),
            genesis: Genesis { installer: "none".into(), preimages: "none".into(), compiled: None },
            preimages_endpoints: Vec::new(),
            upstreams: Vec::new(),
            keys: vec![sequencer_key()],
            handover_margin_s: 5,
            rpc: RpcConfig { listen: ([127, 0, 0, 1], 0).into(), ..RpcConfig::default() },
            rhythm: Rhythm { block_time_ms: 1, empty_block_ms: None },
            pool: pool::Limits::default(),
            publication: publisher::Limits { resend_after_levels: 2, ..publisher::Limits::default() },
            states: Retention { states_min: 16, margin_blocks: 0, states_max: 16 },
            development_keys: None,
        }
    }

    async fn node(&self) -> Node {
        Node::start(self.config()).await.unwrap()
    }

    async fn ask(&self, node: &Node, method: &str, params: Value) -> Result<Value, Value> {
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let answer = self.http.post(format!("http://{}", node.rpc_address())).json(&body).send().await;
        let mut answer: Value = answer.unwrap().json().await.unwrap();
        if answer["error"].is_null() { Ok(answer["result"].take()) } else { Err(answer["error"].take()) }
    }

    async fn send(&self, node: &Node, raw: &[u8]) -> Result<Value, Value> {
        self.ask(node, "eth_sendRawTransaction", json!([format!("0x{}", hex::encode(raw))])).await
    }

    async fn balance(&self, node: &Node, address: Address) -> U256 {
        let text = self.ask(node, "eth_getBalance", json!([format!("{address:?}"), "latest"])).await.unwrap();
        U256::from_str_radix(text.as_str().unwrap().trim_start_matches("0x"), 16).unwrap()
    }

    /// Sends a transaction and waits for its block.
    async fn include(&self, node: &Node, raw: &[u8]) -> Arc<SealedBlock> {
        let mut blocks = node.blocks();
        self.send(node, raw).await.unwrap();
        soon("a block", blocks.recv()).await.unwrap()
    }

    /// Makes levels until the heads are as wanted.
    async fn bake_until(&self, node: &Node, is_reached: impl Fn(&Heads) -> bool) -> Heads {
        let mut heads = node.heads();
        let reached = async {
            loop {
                self.rollup.bake();
                let level =
                    tokio::time::timeout(Duration::from_millis(200), heads.wait_for(&is_reached)).await;
                if let Ok(heads) = level {
                    return *heads.unwrap();
                }
            }
        };
        soon("the heads", reached).await
    }
}

/// What the first start does, without a PVM.
fn commit_genesis(dir: &Path, genesis: &Durable) {
    fs::create_dir_all(dir).unwrap();
    let identity = Identity { chain_id: U256::from(CHAIN_ID), rollup: ROLLUP };
    let store = Store::open(&dir.join("node.redb"), &identity).unwrap();
    let engine = millrace_engine::Engine::of(genesis).unwrap();
    let head = engine.head(genesis).unwrap();
    let changes = genesis.changes_since(&Durable::new()).into_iter();
    let commit = BlockCommit {
        block: Block { header: head.header, transactions: Vec::new(), receipts: Vec::new() },
        hash: head.hash,
        transaction_hashes: Vec::new(),
        blueprint: Vec::new(),
        premises: Vec::new(),
        state_changes: changes
            .map(|change| StateChange { key: change.key.into_bytes(), value: change.value })
            .collect(),
    };
    store.commit_block(&commit).unwrap();
}

fn stranger() -> Address {
    Address::repeat_byte(0xaa)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_becomes_a_block_that_the_rollup_node_confirms() {
    let scene = Scene::new().await;
    let node = scene.node().await;
    let block = scene.include(&node, &Wallet::new(1).transfer(0, stranger(), 5, 1)).await;
    assert_eq!((block.block.header.number.get(), block.block.transactions.len()), (1, 1));
    assert_eq!(scene.balance(&node, stranger()).await, U256::from(5));
    let hash = format!("0x{}", block.transaction_hashes[0]);
    let receipt = scene.ask(&node, "eth_getTransactionReceipt", json!([hash])).await.unwrap();
    assert_eq!((receipt["status"].as_str(), receipt["blockNumber"].as_str()), (Some("0x1"), Some("0x1")));
    let safe = scene.ask(&node, "eth_getBlockByNumber", json!(["safe", false])).await.unwrap();
    assert_eq!(safe["number"], "0x0", "nothing is confirmed yet");

    soon("a hand-over", scene.rollup.injected(1)).await;
    let heads = scene.bake_until(&node, |heads| heads.finalized.get() == 1).await;
    assert_eq!(heads.confirmed.get(), 1);
    assert_eq!(scene.rollup.balance(stranger()), U256::from(5), "the rollup node computed the same");
    let finalized = scene.ask(&node, "eth_getBlockByNumber", json!(["finalized", false])).await.unwrap();
    assert_eq!(finalized["hash"], json!(format!("0x{}", block.hash)));
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn transactions_of_one_sender_are_included_in_the_order_of_their_nonces() {
    let scene = Scene::new().await;
    let node = scene.node().await;
    let wallet = Wallet::new(1);
    let mut blocks = node.blocks();
    for nonce in [3, 2, 1, 0] {
        scene.send(&node, &wallet.transfer(nonce, stranger(), 1 << nonce, 1)).await.unwrap();
    }
    let pending = scene
        .ask(&node, "eth_getTransactionCount", json!([format!("{:?}", wallet.address()), "pending"]))
        .await;
    assert_eq!(pending.unwrap(), "0x4");
    let mut included = 0;
    while included < 4 {
        included += soon("a block", blocks.recv()).await.unwrap().block.transactions.len();
    }
    assert_eq!(scene.balance(&node, stranger()).await, U256::from(15));
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_transactions_are_refused_with_a_reason() {
    let scene = Scene::new().await;
    let node = scene.node().await;
    let wallet = Wallet::new(1);
    scene.include(&node, &wallet.transfer(0, stranger(), 1, 1)).await;
    let poor = Wallet::new(9);
    let waiting = wallet.transfer(7, stranger(), 1, 10);
    scene.send(&node, &waiting).await.unwrap();
    let cases = [
        (wallet.transfer(0, stranger(), 2, 1), "nonce too low"),
        (wallet.transfer(100_000, stranger(), 2, 1), "nonce too high"),
        (poor.transfer(0, stranger(), 1, 1), "insufficient funds"),
        (waiting, "already known"),
        (wallet.transfer(7, stranger(), 2, 10), "replacement transaction underpriced"),
        (wallet.transfer(1, stranger(), 2, 0), "max fee per gas less than block base fee"),
        (vec![0xc0], "could not be decoded"),
    ];
    for (raw, expected) in cases {
        let error = scene.send(&node, &raw).await.unwrap_err();
        assert_eq!(error["code"], -32000, "{error}");
        assert!(error["message"].as_str().unwrap().contains(expected), "{expected}: {error}");
    }
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_difference_stops_production_but_not_reading() {
    let scene = Scene::new().await;
    scene.rollup.lie_from(2);
    let node = scene.node().await;
    let mut status = node.status();
    let wallet = Wallet::new(1);
    scene.include(&node, &wallet.transfer(0, stranger(), 1, 1)).await;
    soon("a hand-over", scene.rollup.injected(1)).await;
    scene.bake_until(&node, |heads| heads.confirmed.get() == 1).await;
    scene.include(&node, &wallet.transfer(1, stranger(), 1, 1)).await;
    soon("a hand-over", scene.rollup.injected(2)).await;
    scene.rollup.bake();
    let diverged = |status: &millrace_node::Status| matches!(status.stopped, Some(Stopped::Diverged(_)));
    let stopped = soon("the divergence", status.wait_for(diverged)).await.unwrap().stopped.unwrap();
    let text = stopped.to_string();
    assert!(text.contains("block 2 differs") && text.contains(&"ee".repeat(32)), "{text}");

    let refused = scene.send(&node, &wallet.transfer(2, stranger(), 1, 1)).await.unwrap_err();
    assert!(refused["message"].as_str().unwrap().contains("block 2 differs"), "{refused}");
    assert_eq!(scene.balance(&node, stranger()).await, U256::from(2));
    assert_eq!(node.heads().borrow().confirmed.get(), 1);
    assert_eq!(node.head().block.header.number.get(), 2);
    node.stop().await;

    let again = Node::start(scene.config()).await.err().unwrap();
    let NodeError::Diverged { number, finding } = &again else { panic!("{again}") };
    assert!(number.get() == 2 && finding.contains(&"ee".repeat(32)), "{again}");
}

/// A node with one block, whose blueprint the kernel drops for this reason.
async fn with_a_dropped_blueprint(reason: BlueprintFault) -> (Scene, Node) {
    let scene = Scene::new().await;
    scene.rollup.drop_next(reason.code());
    let node = scene.node().await;
    scene.include(&node, &Wallet::new(1).transfer(0, stranger(), 1, 1)).await;
    soon("a hand-over", scene.rollup.injected(1)).await;
    scene.rollup.bake();
    (scene, node)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blueprint_dropped_for_good_is_a_divergence() {
    let (scene, node) = with_a_dropped_blueprint(BlueprintFault::Parent).await;
    let mut status = node.status();
    let diverged = |status: &millrace_node::Status| matches!(status.stopped, Some(Stopped::Diverged(_)));
    let stopped = soon("the divergence", status.wait_for(diverged)).await.unwrap().stopped.unwrap();
    assert!(stopped.to_string().contains("dropped the blueprint of block 1"), "{stopped}");
    node.stop().await;
    assert!(matches!(Node::start(scene.config()).await, Err(NodeError::Diverged { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blueprint_ahead_of_the_layer_1_goes_again_and_the_status_says_so() {
    let (scene, node) = with_a_dropped_blueprint(BlueprintFault::TimestampAhead).await;
    let mut status = node.status();
    let told = soon("the status", status.wait_for(|status| status.publication.is_some())).await.unwrap();
    assert!(told.publication.as_ref().unwrap().contains("block 1 was ahead"), "{told:?}");
    drop(told);
    scene.bake_until(&node, |heads| heads.confirmed.get() == 1).await;
    soon("the status", status.wait_for(|status| status.publication.is_none())).await.unwrap();
    assert_eq!(status.borrow().stopped, None);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_whose_state_cannot_be_read_is_dropped_and_the_others_get_through() {
    let scene = Scene::new().await;
    // Nothing is made before all of them wait: they meet in one selection.
    let config = NodeConfig { rhythm: Rhythm { block_time_ms: 500, empty_block_ms: None }, ..scene.config() };
    let node = Node::start(config).await.unwrap();
    let mut blocks = node.blocks();
    let culprit = Wallet::new(2).transfer(0, POISON, 1, 1);
    for raw in [
        Wallet::new(1).transfer(0, stranger(), 1, 1),
        culprit,
        Wallet::new(3).transfer(0, stranger(), 2, 1),
        Wallet::new(1).transfer(1, stranger(), 4, 1),
    ] {
        scene.send(&node, &raw).await.unwrap();
    }
    let mut included = 0;
    while included < 3 {
        included += soon("a block", blocks.recv()).await.unwrap().block.transactions.len();
    }
    assert_eq!(scene.balance(&node, stranger()).await, U256::from(7));
    // It waits no longer: another one takes its nonce.
    scene.include(&node, &Wallet::new(2).transfer(0, stranger(), 8, 1)).await;
    assert_eq!(scene.balance(&node, stranger()).await, U256::from(15));
    assert_eq!(node.status().borrow().failure, None);
    node.stop().await;
}

fn deposit(index: u32, mutez: u64) -> Item {
    let level = L1Level::new(1);
    let amount = Mutez::new(mutez);
    let deposit = NativeDeposit { amount, receiver: stranger(), level, index };
    Item { name: deposit.hash(), level, timestamp: Timestamp::ZERO, content: Content::Deposit(deposit) }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deposit_is_included_once_whatever_happens_in_between() {
    let scene = Scene::new().await;
    let node = scene.node().await;
    let mut blocks = node.blocks();
    scene.rollup.bake();
    scene.rollup.delay(&deposit(0, 3));
    scene.rollup.bake();
    scene.rollup.bake();
    scene.rollup.bake();
    let block = soon("the deposit", blocks.recv()).await.unwrap();
    assert_eq!(block.transaction_hashes, [deposit(0, 3).name]);
    let wei = U256::from(3) * U256::exp10(12);
    assert_eq!(scene.balance(&node, stranger()).await, wei);
    node.stop().await;

    // Still waiting at the rollup node, and already in a block here.
    let node = scene.node().await;
    scene.rollup.delay(&deposit(1, 4));
    let mut blocks = node.blocks();
    for _ in 0..3 {
        scene.rollup.bake();
    }
    let block = soon("the second deposit", blocks.recv()).await.unwrap();
    assert_eq!(block.transaction_hashes, [deposit(1, 4).name]);
    scene.bake_until(&node, |heads| heads.finalized.get() == 2).await;
    let wei = U256::from(7) * U256::exp10(12);
    assert_eq!((scene.balance(&node, stranger()).await, scene.rollup.balance(stranger())), (wei, wei));
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_item_is_not_named_again_after_a_restart() {
    let scene = Scene::new().await;
    let node = scene.node().await;
    let mut blocks = node.blocks();
    scene.rollup.set_batcher(Batcher::Loses);
    let raw = vec![0xff; 40];
    let name = TransactionHash::new(sha3::Keccak256::digest(&raw).into());
    let item = Item { name, content: Content::Transaction(raw), ..deposit(0, 1) };
    scene.rollup.delay(&item);
    for _ in 0..3 {
        scene.rollup.bake();
    }
    let block = soon("the block that drops it", blocks.recv()).await.unwrap();
    assert_eq!(block.transaction_hashes, []);
    node.stop().await;

    scene.rollup.set_batcher(Batcher::Takes);
    let node = scene.node().await;
    scene.bake_until(&node, |heads| heads.finalized.get() == 1).await;
    let block = scene.include(&node, &Wallet::new(1).transfer(0, stranger(), 1, 1)).await;
    assert_eq!(block.block.header.number.get(), 2, "no block was made for it again");
    scene.bake_until(&node, |heads| heads.confirmed.get() == 2).await;
    assert_eq!(node.status().borrow().stopped, None);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_goes_on_from_the_database_and_publishes_what_was_not() {
    let scene = Scene::new().await;
    scene.rollup.set_batcher(Batcher::Refuses);
    let node = scene.node().await;
    let wallet = Wallet::new(1);
    let mut hashes = Vec::new();
    for nonce in 0..3 {
        hashes.push(scene.include(&node, &wallet.transfer(nonce, stranger(), 1, 1)).await.hash);
    }
    node.stop().await;

    scene.rollup.set_batcher(Batcher::Takes);
    let node = scene.node().await;
    assert_eq!((node.head().block.header.number.get(), node.head().hash), (3, hashes[2]));
    assert_eq!(scene.balance(&node, stranger()).await, U256::from(3));
    scene.bake_until(&node, |heads| heads.finalized.get() == 3).await;
    let block = scene.include(&node, &wallet.transfer(3, stranger(), 1, 1)).await;
    assert_eq!((block.block.header.number.get(), block.block.header.parent_hash), (4, hashes[2]));
    node.stop().await;
    let node = scene.node().await;
    assert_eq!(node.heads().borrow().finalized.get(), 3, "heads are remembered");
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_batcher_lost_is_handed_over_again() {
    let scene = Scene::new().await;
    scene.rollup.set_batcher(Batcher::Loses);
    let node = scene.node().await;
    scene.include(&node, &Wallet::new(1).transfer(0, stranger(), 1, 1)).await;
    soon("the lost hand-over", scene.rollup.injected(1)).await;
    scene.rollup.set_batcher(Batcher::Takes);
    scene.bake_until(&node, |heads| heads.confirmed.get() == 1).await;
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_recent_states_are_kept_and_all_blocks() {
    let scene = Scene::new().await;
    let node = Node::start(NodeConfig {
        states: Retention { states_min: 2, margin_blocks: 0, states_max: 2 },
        ..scene.config()
    })
    .await
    .unwrap();
    for nonce in 0..3 {
        scene.include(&node, &Wallet::new(1).transfer(nonce, stranger(), 1, 1)).await;
    }
    let recent = scene.ask(&node, "eth_getBalance", json!([format!("{:?}", stranger()), "0x2"])).await;
    assert_eq!(recent.unwrap(), "0x2");
    let old =
        scene.ask(&node, "eth_getBalance", json!([format!("{:?}", stranger()), "0x1"])).await.unwrap_err();
    assert!(old["message"].as_str().unwrap().contains("not available"), "{old}");
    let block = scene.ask(&node, "eth_getBlockByNumber", json!(["0x1", true])).await.unwrap();
    assert_eq!(block["transactions"].as_array().map(Vec::len), Some(1));
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn recent_states_survive_a_restart() {
    let scene = Scene::new().await;
    let node = scene.node().await;
    for nonce in 0..4 {
        scene.include(&node, &Wallet::new(1).transfer(nonce, stranger(), 1, 1)).await;
    }
    node.stop().await;
    let states = Retention { states_min: 3, margin_blocks: 0, states_max: 3 };
    for (states, first) in [(scene.config().states, 0), (states, 2)] {
        let node = Node::start(NodeConfig { states, ..scene.config() }).await.unwrap();
        for number in 0..=4u64 {
            let at = json!([format!("{:?}", stranger()), format!("0x{number:x}")]);
            let balance = scene.ask(&node, "eth_getBalance", at).await;
            if number >= first {
                assert_eq!(balance, Ok(json!(format!("0x{number:x}"))));
            } else {
                assert!(balance.is_err(), "the state of block {number} is not kept");
            }
        }
        node.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_does_not_fit_does_not_start() {
    let scene = Scene::new().await;
    let start = |change: fn(&mut NodeConfig)| {
        let mut config = scene.config();
        change(&mut config);
        Node::start(config)
    };
    let wrong_chain = start(|config| config.chain_id = U256::one()).await;
    assert!(matches!(wrong_chain, Err(NodeError::Store(_))));
    let nobody = start(|config| config.rollup_node = "http://127.0.0.1:1".to_owned()).await;
    assert!(matches!(nobody, Err(NodeError::RollupNode(_))));

    let node = scene.node().await;
    let twice = Node::start(scene.config()).await;
    assert!(matches!(twice, Err(NodeError::Store(_))), "the database is in use");
    let taken = node.rpc_address();
    let other = Scene::new().await;
    let mut config = other.config();
    config.rpc.listen = taken;
    assert!(matches!(Node::start(config).await, Err(NodeError::Rpc { .. })));
    node.stop().await;

    let mut config = other.config();
    config.preimages_endpoints = vec!["ftp://127.0.0.1".to_owned()];
    assert!(matches!(Node::start(config).await, Err(NodeError::Endpoint(_))));
}
