//! Changes of who orders transactions, blocks of others, and the way back to where the chains part.

use super::{Scene, deposit, sequencer_key, soon, stranger};
use crate::{
    rollup::{Batcher, Decision},
    wallet::Wallet,
};
use millrace_layout::governance::{PendingUpgrade, PendingUpgrades, Source};
use millrace_node::{Node, NodeConfig, Reorganisation, Status};
use millrace_primitives::{Address, Timestamp, U256};
use millrace_sequencing::{follower::Cause, producer::Stopped, schedule::Standby};
use millrace_wire::{blueprint::Payload, signature::SecretKey};
use serde_json::json;
use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};
use tokio::sync::broadcast::Receiver;

fn other_key() -> SecretKey {
    SecretKey::from_seed(&[43; 32])
}

fn now() -> Timestamp {
    Timestamp::new(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs())
}

fn payload(transactions: Vec<Vec<u8>>) -> Payload {
    Payload { delayed: Vec::new(), transactions }
}

impl Scene {
    async fn node_with(&self, keys: Vec<SecretKey>) -> Node {
        Node::start(NodeConfig { keys, ..self.config() }).await.unwrap()
    }

    /// Makes a level and waits until the node has this head.
    async fn bake_to(&self, node: &Node, number: u64) {
        let mut blocks = node.blocks();
        self.rollup.bake();
        let reached = async {
            while node.head().block.header.number.get() != number {
                blocks.recv().await.unwrap();
            }
        };
        soon("the head", reached).await;
    }
}

async fn status(node: &Node, what: &str, is_so: impl Fn(&Status) -> bool) -> Status {
    let mut status = node.status();
    let found = soon(what, status.wait_for(|status| is_so(status))).await;
    found.unwrap().clone()
}

async fn in_office(node: &Node) {
    status(node, "the office", |status| status.is_linked && status.standby.is_none()).await;
}

async fn unwinding(reorganisations: &mut Receiver<Arc<Reorganisation>>) -> Arc<Reorganisation> {
    soon("an unwinding", reorganisations.recv()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_without_the_key_stands_by_and_has_every_block_of_the_sequencer() {
    let scene = Scene::new().await;
    let node = scene.node_with(vec![other_key()]).await;
    let wallet = Wallet::new(1);
    let transfers = (0..3).map(|nonce| payload(vec![wallet.transfer(nonce, stranger(), 1, 1)]));
    scene.rollup.sequence(&sequencer_key(), transfers.chain([payload(Vec::new())]).collect());
    scene.bake_to(&node, 4).await;
    assert_eq!(node.head().hash, scene.rollup.head().1);
    assert_eq!(scene.balance(&node, stranger()).await, U256::from(3));
    let standby = status(&node, "to stand by", |status| status.is_linked && status.standby.is_some()).await;
    assert!(matches!(standby.standby, Some(Standby::Other { .. })), "{standby:?}");
    let told = scene.ask(&node, "millrace_authority", json!([])).await.unwrap();
    assert_eq!((&told["epoch"], &told["inOffice"]), (&json!("0x0"), &json!(false)), "{told}");
    // A transaction in the first of several blocks of a level is found as well.
    let second = scene.ask(&node, "eth_getBlockByNumber", json!(["0x2", true])).await.unwrap();
    assert_eq!(second["transactions"].as_array().map(Vec::len), Some(1));
    node.stop().await;

    // Behind after an absence of some levels.
    scene.rollup.sequence(&sequencer_key(), vec![payload(vec![wallet.transfer(3, stranger(), 1, 1)])]);
    scene.rollup.bake();
    scene.rollup.bake();
    scene.rollup.sequence(&sequencer_key(), vec![payload(vec![wallet.transfer(4, stranger(), 1, 1)])]);
    scene.rollup.bake();
    let node = scene.node_with(vec![other_key()]).await;
    scene.bake_until(&node, |heads| heads.finalized.get() == 6).await;
    assert_eq!((node.head().hash, scene.balance(&node, stranger()).await), (scene.rollup.head().1, 5.into()));
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_key_goes_on_in_the_next_epoch_and_pays_the_next_pool() {
    let scene = Scene::new().await;
    let node = scene.node_with(vec![other_key(), sequencer_key()]).await;
    let wallet = Wallet::new(1);
    scene.include(&node, &wallet.transfer(0, stranger(), 1, 1)).await;
    soon("a hand-over", scene.rollup.injected(1)).await;
    scene.bake_until(&node, |heads| heads.confirmed.get() == 1).await;
    let pool = Address::repeat_byte(0x70);
    scene.rollup.decide(Decision::Office(Some(other_key().public_key()), Some(pool)));
    scene.rollup.bake();
    let told = async {
        while scene.ask(&node, "millrace_authority", json!([])).await.unwrap()["epoch"] != "0x1" {
            tokio::task::yield_now().await;
        }
    };
    soon("the epoch", told).await;
    in_office(&node).await;
    let block = scene.include(&node, &wallet.transfer(1, stranger(), 1, 1)).await;
    assert_eq!((block.block.header.number.get(), block.block.header.beneficiary), (2, pool));
    soon("a hand-over", scene.rollup.injected(2)).await;
    scene.bake_until(&node, |heads| heads.finalized.get() == 2).await;
    node.stop().await;
    // The epoch of the last block is remembered.
    let node = scene.node_with(vec![other_key(), sequencer_key()]).await;
    scene.rollup.bake();
    in_office(&node).await;
    let block = scene.include(&node, &wallet.transfer(2, stranger(), 1, 1)).await;
    assert_eq!((block.block.header.number.get(), block.block.header.beneficiary), (3, pool));
    scene.bake_until(&node, |heads| heads.confirmed.get() == 3).await;
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_old_authority_had_not_confirmed_is_unwound_and_lost_to_nobody() {
    let scene = Scene::new().await;
    scene.rollup.set_batcher(Batcher::Loses);
    let node = scene.node().await;
    let mut reorganisations = node.reorganisations();
    let wallet = Wallet::new(1);
    let mut gone = Vec::new();
    for nonce in 0..2 {
        gone.push(scene.include(&node, &wallet.transfer(nonce, stranger(), 1, 1)).await.hash);
    }
    scene.rollup.decide(Decision::Office(Some(other_key().public_key()), None));
    let theirs = Wallet::new(2).transfer(0, stranger(), 40, 1);
    scene.rollup.sequence(&other_key(), vec![payload(vec![theirs])]);
    scene.rollup.bake();
    let event = unwinding(&mut reorganisations).await;
    assert_eq!((event.branch.get(), event.cause), (0, Cause::Authority));
    assert_eq!(event.removed.iter().map(|block| block.hash).collect::<Vec<_>>(), gone);
    assert_eq!(event.added.iter().map(|block| block.hash).collect::<Vec<_>>(), [scene.rollup.head().1]);
    assert_eq!(scene.balance(&node, stranger()).await, U256::from(40));
    let hash = format!("0x{}", event.removed[0].transaction_hashes[0]);
    assert_eq!(scene.ask(&node, "eth_getTransactionReceipt", json!([hash])).await.unwrap(), json!(null));
    let standby = status(&node, "to stand by", |status| status.standby.is_some()).await;
    assert!(matches!(standby.stopped, Some(Stopped::Standby(Standby::Other { .. }))), "{standby:?}");
    let waiting = async {
        while scene.ask(&node, "txpool_status", json!([])).await.unwrap()["pending"] != "0x2" {
            tokio::task::yield_now().await;
        }
    };
    soon("both in the pool", waiting).await;

    // In office again, what was unwound gets through.
    scene.rollup.set_batcher(Batcher::Takes);
    scene.rollup.decide(Decision::Office(Some(sequencer_key().public_key()), None));
    let heads = scene.bake_until(&node, |heads| heads.confirmed.get() >= 2).await;
    assert!(heads.confirmed.get() <= 3);
    scene.bake_until(&node, |heads| heads.confirmed.get() == node.head().block.header.number.get()).await;
    assert_eq!(scene.balance(&node, stranger()).await, U256::from(42));
    assert_eq!(scene.rollup.balance(stranger()), U256::from(42));
    node.stop().await;
    let node = scene.node().await;
    assert_eq!(node.head().hash, scene.rollup.head().1, "all of it is on the disk");
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forced_block_is_made_here_too_and_the_chain_goes_on_from_it() {
    let scene = Scene::new().await;
    let node = scene.node().await;
    let mut reorganisations = node.reorganisations();
    for _ in 0..4 {
        scene.rollup.bake();
    }
    scene.rollup.set_batcher(Batcher::Loses);
    let wallet = Wallet::new(1);
    for nonce in 0..3 {
        scene.include(&node, &wallet.transfer(nonce, stranger(), 1, 1)).await;
    }
    // The node knows only what is final.
    scene.rollup.delay(&deposit(0, 3));
    scene.rollup.delay(&deposit(1, 4));
    scene.rollup.force();
    scene.rollup.set_batcher(Batcher::Takes);
    scene.rollup.bake();
    let event = unwinding(&mut reorganisations).await;
    assert_eq!((event.branch.get(), event.cause, event.removed.len()), (0, Cause::Flush, 3));
    let forced = &event.added[0];
    assert_eq!(forced.transaction_hashes, [deposit(0, 3).name, deposit(1, 4).name]);
    assert_eq!(forced.hash, scene.rollup.head().1);
    scene
        .bake_until(&node, |heads| {
            heads.confirmed.get() > 1 && heads.confirmed == node.head().block.header.number
        })
        .await;
    let wei = U256::from(7) * U256::exp10(12) + U256::from(3);
    let both = async {
        while scene.rollup.balance(stranger()) != wei {
            scene.bake_until(&node, |heads| heads.confirmed == node.head().block.header.number).await;
        }
    };
    soon("all transfers on the forced block", both).await;
    assert_eq!(scene.balance(&node, stranger()).await, wei);
    assert_eq!(node.status().borrow().stopped, None);
    // A trace tells delayed items from others though there is no blueprint of ours.
    let traced =
        scene.ask(&node, "debug_traceBlockByNumber", json!(["0x1", { "tracer": "callTracer" }])).await;
    assert_eq!(traced.unwrap().as_array().map(Vec::len), Some(2));
    node.stop().await;
    let node = scene.node().await;
    assert_eq!(scene.balance(&node, stranger()).await, wei, "all of it is on the disk");
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn production_stops_before_an_announced_change_and_says_why() {
    let scene = Scene::new().await;
    let node = scene.node().await;
    let wallet = Wallet::new(1);
    let later = now().saturating_add(3_600);
    scene.rollup.decide(Decision::Announce(vec![(other_key().public_key(), later)]));
    scene.rollup.bake();
    scene.include(&node, &wallet.transfer(0, stranger(), 1, 1)).await;
    soon("a hand-over", scene.rollup.injected(1)).await;
    scene.bake_until(&node, |heads| heads.confirmed.get() == 1).await;
    let told = scene.ask(&node, "millrace_authority", json!([])).await.unwrap();
    assert_eq!(told["announced"][0]["activation"], json!(format!("0x{:x}", later.get())), "{told}");
    assert_eq!(told["inOffice"], true);

    let soon_due = now().saturating_add(2);
    scene.rollup.decide(Decision::Announce(vec![(other_key().public_key(), soon_due)]));
    scene.rollup.bake();
    let ending = |status: &Status| matches!(status.stopped, Some(Stopped::Standby(Standby::Ending { .. })));
    let stopped = status(&node, "the end", ending).await.stopped.unwrap().to_string();
    assert!(stopped.contains(&soon_due.get().to_string()), "{stopped}");
    scene.send(&node, &wallet.transfer(1, stranger(), 1, 1)).await.unwrap();
    scene.rollup.bake();
    let pending = scene.ask(&node, "txpool_status", json!([])).await.unwrap();
    assert_eq!((&pending["pending"], node.head().block.header.number.get()), (&json!("0x1"), 1));
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reorganisation_of_the_layer_1_takes_followed_blocks_back() {
    let scene = Scene::new().await;
    let node = scene.node_with(vec![other_key()]).await;
    let mut reorganisations = node.reorganisations();
    scene.rollup.sequence(&sequencer_key(), vec![payload(Vec::new())]);
    scene.bake_to(&node, 1).await;
    let transfer = Wallet::new(1).transfer(0, stranger(), 1, 1);
    scene.rollup.sequence(&sequencer_key(), vec![payload(vec![transfer.clone()])]);
    scene.bake_to(&node, 2).await;
    // To its end: what this rollup node calls by one name is another level afterwards.
    let read = async {
        while scene.ask(&node, "millrace_authority", json!([])).await.unwrap()["level"] != "0x2" {
            tokio::task::yield_now().await;
        }
    };
    soon("the level", read).await;
    scene.rollup.reorganise(1);
    scene.rollup.sequence(&sequencer_key(), vec![payload(Vec::new())]);
    scene.rollup.bake();
    scene.rollup.bake();
    let event = unwinding(&mut reorganisations).await;
    assert_eq!((event.branch.get(), event.cause), (1, Cause::Reorganisation));
    assert_eq!(node.head().hash, scene.rollup.head().1);
    assert_eq!(scene.balance(&node, stranger()).await, U256::zero());
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn upgrades_that_wait_are_told() {
    let scene = Scene::new().await;
    let node = scene.node().await;
    let upgrade =
        PendingUpgrade { root_hash: [0x17; 33], activation: Timestamp::new(9), source: Source::Security };
    scene.rollup.decide(Decision::Upgrades(PendingUpgrades(vec![upgrade])));
    scene.rollup.bake();
    let root_hash = format!("0x{}", "17".repeat(33));
    let expected = json!([{ "rootHash": root_hash, "activation": "0x9", "source": "security governance" }]);
    let told = async {
        while scene.ask(&node, "millrace_pendingUpgrades", json!([])).await.unwrap()["waiting"] != expected {
            tokio::task::yield_now().await;
        }
    };
    soon("the upgrade", told).await;
    node.stop().await;
}
