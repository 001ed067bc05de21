//! Nodes that follow another node, which may be anybody.

use super::{Scene, commit_genesis, sequencer_key, soon, stranger};
use crate::{
    rollup::{self, Batcher},
    wallet::Wallet,
};
use axum::{Json, Router, extract::State, routing::post};
use millrace_node::{Node, NodeConfig, Status};
use millrace_primitives::U256;
use millrace_sequencing::follower::Cause;
use millrace_wire::blueprint::Payload;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use tokio::{net::TcpListener, task::JoinHandle};

/// What somebody in between makes of a reply with blueprints.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Turned {
    Nothing,
    /// The block has another hash.
    Hash,
    /// The blueprint says something else than what was signed.
    Blueprint,
    /// The layer 1 gave somebody money.
    Premise,
    /// The next block was made of no blueprint.
    Bare,
    /// What is no reply.
    Garbage,
    /// The upstream is on another chain.
    Chain,
}

/// Stands before a node and turns its replies.
struct Between {
    url: String,
    turned: Arc<Mutex<Turned>>,
    server: JoinHandle<()>,
}

impl Drop for Between {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Between {
    async fn start(node: &Node) -> Self {
        let turned = Arc::new(Mutex::new(Turned::Nothing));
        let (http, behind) = (reqwest::Client::new(), format!("http://{}", node.rpc_address()));
        let router = Router::new().route("/", post(pass)).with_state((http, behind, Arc::clone(&turned)));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, turned, server }
    }

    fn turn(&self, turned: Turned) {
        *self.turned.lock().unwrap() = turned;
    }
}

type Behind = (reqwest::Client, String, Arc<Mutex<Turned>>);

async fn pass(State((http, behind, turned)): State<Behind>, Json(request): Json<Value>) -> Json<Value> {
    let answer = http.post(behind).json(&request).send().await.unwrap();
    let mut answer: Value = answer.json().await.unwrap();
    if request["method"] == "millrace_blueprints" {
        let result = &mut answer["result"];
        match *turned.lock().unwrap() {
            Turned::Nothing => {}
            Turned::Garbage => *result = json!({ "blueprints": 3 }),
            Turned::Chain => result["isParentKnown"] = json!(false),
            Turned::Bare => result["blueprints"] = json!([]),
            Turned::Hash => result["blueprints"][0]["hash"] = json!(format!("0x{}", "77".repeat(32))),
            Turned::Blueprint => {
                let message = result["blueprints"][0]["messages"][0].as_str().unwrap().to_owned();
                let last = if message.ends_with('0') { "1" } else { "0" };
                let other = format!("{}{last}", &message[..message.len() - 1]);
                result["blueprints"][0]["messages"][0] = json!(other);
            }
            Turned::Premise => {
                let path = format!("0x{}", hex::encode("/evm/world/accounts/aa"));
                let premises = result["blueprints"][0]["premises"].as_array_mut().unwrap();
                premises.push(json!([path, "0x01"]));
            }
        }
    }
    Json(answer)
}

impl Scene {
    /// A node without keys, of the same rollup, that follows these.
    async fn observer(&self, upstreams: Vec<String>) -> Node {
        let data_dir = self.dir.path().join("observer");
        if !data_dir.exists() {
            let accounts: Vec<_> =
                (1..=3).map(|number| (Wallet::new(number).address(), U256::exp10(22))).collect();
            commit_genesis(&data_dir, &rollup::genesis(&accounts, sequencer_key().public_key()));
        }
        Node::start(NodeConfig { data_dir, keys: Vec::new(), upstreams, ..self.config() }).await.unwrap()
    }
}

async fn trouble(node: &Node, word: &str) {
    let mut status = node.status();
    let is_told = |status: &Status| status.upstream.as_ref().is_some_and(|told| told.contains(word));
    soon(word, status.wait_for(is_told)).await.unwrap();
}

async fn reached(node: &Node, number: u64) {
    let mut blocks = node.blocks();
    let reached = async {
        while node.head().block.header.number.get() < number {
            blocks.recv().await.unwrap();
        }
    };
    soon("the block of the upstream", reached).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_upstream_says_is_checked() {
    let scene = Scene::new().await;
    let node = scene.node().await;
    let between = Between::start(&node).await;
    between.turn(Turned::Garbage);
    let block = scene.include(&node, &Wallet::new(1).transfer(0, stranger(), 5, 1)).await;
    let observer = scene.observer(vec![between.url.clone()]).await;
    for (turned, word) in [
        (Turned::Garbage, "no reply"),
        (Turned::Hash, "at the upstream"),
        (Turned::Blueprint, "not certified"),
        (Turned::Bare, "no blueprint of block 1"),
        (Turned::Premise, "decides nothing at /evm/world/accounts/aa"),
        (Turned::Chain, "has not block 0"),
    ] {
        between.turn(turned);
        trouble(&observer, word).await;
        assert_eq!(observer.head().block.header.number.get(), 0, "{turned:?}");
    }
    between.turn(Turned::Nothing);
    reached(&observer, 1).await;
    assert_eq!(observer.head().hash, block.hash);
    assert_eq!(scene.balance(&observer, stranger()).await, U256::from(5));
    let mut status = observer.status();
    soon("no trouble", status.wait_for(|status| status.upstream.is_none())).await.unwrap();

    // What it took is on the disk, and it gives transactions on.
    observer.stop().await;
    let observer = scene.observer(vec![between.url.clone()]).await;
    assert_eq!(observer.head().hash, block.hash);
    scene.send(&observer, &Wallet::new(1).transfer(1, stranger(), 6, 1)).await.unwrap();
    reached(&observer, 2).await;
    assert_eq!(scene.balance(&observer, stranger()).await, U256::from(11));
    assert_eq!(observer.head().hash, node.head().hash);
    observer.stop().await;
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_layer_1_is_right_and_an_upstream_is_not() {
    let scene = Scene::new().await;
    scene.rollup.set_batcher(Batcher::Loses);
    let node = scene.node().await;
    let observer = scene.observer(vec![format!("http://{}", node.rpc_address())]).await;
    let mut reorganisations = observer.reorganisations();
    let told = scene.include(&node, &Wallet::new(1).transfer(0, stranger(), 5, 1)).await;
    reached(&observer, 1).await;
    assert_eq!(observer.head().hash, told.hash);

    // The sequencer signed another block as well, and that is the one in the inbox.
    let transactions = vec![Wallet::new(2).transfer(0, stranger(), 40, 1)];
    scene.rollup.sequence(&sequencer_key(), vec![Payload { delayed: Vec::new(), transactions }]);
    scene.rollup.bake();
    let event = soon("an unwinding", reorganisations.recv()).await.unwrap();
    assert_eq!((event.branch.get(), event.cause), (0, Cause::Upstream));
    assert_eq!(observer.head().hash, scene.rollup.head().1);
    assert_eq!(scene.balance(&observer, stranger()).await, U256::from(40));
    trouble(&observer, "has not block 1").await;
    observer.stop().await;
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_nobody_to_give_a_transaction_to_refuses_it() {
    let scene = Scene::new().await;
    let alone = scene.observer(Vec::new()).await;
    let refusal = scene.send(&alone, &Wallet::new(1).transfer(0, stranger(), 5, 1)).await.unwrap_err();
    assert!(refusal["message"].as_str().unwrap().contains("no upstream"), "{refusal}");
    alone.stop().await;
    // Nobody listens there.
    let lost = scene.observer(vec!["http://127.0.0.1:9".to_owned()]).await;
    trouble(&lost, "127.0.0.1:9").await;
    let mut status = lost.status();
    soon("the rollup node", status.wait_for(|status| status.is_linked)).await.unwrap();
    let refusal = scene.send(&lost, &Wallet::new(1).transfer(0, stranger(), 5, 1)).await.unwrap_err();
    assert!(refusal["message"].as_str().unwrap().contains("no upstream takes it"), "{refusal}");
    let waiting = scene.ask(&lost, "txpool_status", json!([])).await.unwrap();
    assert_eq!((&waiting["pending"], &waiting["queued"]), (&json!("0x0"), &json!("0x0")));
    lost.stop().await;
}
