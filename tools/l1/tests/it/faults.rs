//! A layer 1 and a rollup node that misbehave on command, over HTTP.

use crate::kernel::{Site, client, count};
use futures::StreamExt;
use millrace_l1::client::{BlockId, ClientError, RollupNode, RollupNodeConfig};
use millrace_l1::control::Control;
use millrace_l1::control::faults::{
    Behaviour, Clock, Fate, FullBlocks, Levels, Migration, Operations, Reorg, Which,
};
use millrace_l1::sandbox::limits::{LEVEL_BYTES_MAX, MESSAGE_BYTES_MAX, MESSAGE_OVERHEAD_BYTES};
use millrace_l1::sandbox::{Sandbox, SandboxConfig};
use millrace_primitives::L1Level;
use std::time::Duration;

fn control(sandbox: &Sandbox) -> Control {
    Control::new(&sandbox.endpoint()).unwrap()
}

/// A client that does not wait long.
fn impatient(sandbox: &Sandbox) -> RollupNode {
    let config = RollupNodeConfig { request_timeout_ms: 50, ..RollupNodeConfig::default() };
    RollupNode::new(&sandbox.endpoint(), config).unwrap()
}

fn reorg(levels: u32) -> Reorg {
    Reorg { levels, new_levels: None, operations: None, beyond_finality: false }
}

fn ids(error: ClientError) -> Vec<String> {
    match error {
        ClientError::Status { trace, .. } => trace.ids,
        other => panic!("{other}"),
    }
}

/// Makes a level with a message.
async fn level_with(sandbox: &Sandbox, message: &str) {
    client(sandbox).inject(&[message]).await.unwrap();
    sandbox.bake().await.unwrap();
}

#[tokio::test]
async fn the_rollup_node_goes_back_and_streams_say_so() {
    let site = Site::new();
    let sandbox = site.start().await;
    let node = client(&sandbox);
    let mut blocks = node.monitor_blocks().await.unwrap();
    let mut finals = node.monitor_finalized_blocks().await.unwrap();
    level_with(&sandbox, "one").await;
    level_with(&sandbox, "two").await;
    let before = sandbox.node_status().head;
    level_with(&sandbox, "F three").await;
    let abandoned = sandbox.node_status().head.record.block_hash;
    level_with(&sandbox, "O four").await;
    let mut told = Vec::new();
    for _ in 0..=4 {
        told.push(blocks.next().await.unwrap().unwrap());
    }
    let lost = Reorg { operations: Some(Fate::Dropped), ..reorg(2) };
    let head = control(&sandbox).reorganise(&lost).await.unwrap();
    assert_eq!((head.level, head.block_hash), (4, sandbox.head().hash));

    // As if the two levels had been empty from the beginning.
    assert_eq!(node.durable_value(BlockId::Head, "/count").await.unwrap(), Some(count(4 * 3 + 2)));
    assert_eq!(node.durable_value(BlockId::Head, "/extra").await.unwrap(), None);
    assert_eq!(node.durable_value(BlockId::Head, "/messages/last").await.unwrap().unwrap(), b"\x01two");
    let outbox: Vec<String> =
        reqwest::get(format!("{}/sandbox/outbox/4", sandbox.endpoint())).await.unwrap().json().await.unwrap();
    assert!(outbox.is_empty());
    let unknown = node.block_level(BlockId::Hash(abandoned)).await.unwrap_err();
    assert_eq!(ids(unknown), ["sandbox.unknown_block"]);

    for _ in 0..2 {
        told.push(blocks.next().await.unwrap().unwrap());
    }
    let levels: Vec<u32> = told.iter().map(|header| header.level.get()).collect();
    assert_eq!(levels, [0, 1, 2, 3, 4, 3, 4]);
    assert_eq!(told[5].predecessor, before.record.block_hash);
    assert_eq!((told[3].block_hash, told[6].block_hash), (abandoned, head.block_hash));
    for level in 0..=2 {
        assert_eq!(finals.next().await.unwrap().unwrap().level, L1Level::new(level), "final is final");
    }
    sandbox.bake().await.unwrap();
    assert_eq!(blocks.next().await.unwrap().unwrap().predecessor, head.block_hash);
    assert_eq!(finals.next().await.unwrap().unwrap().block_hash, told[5].block_hash);
    sandbox.shutdown().await;
}

#[tokio::test]
async fn operations_of_a_reorganised_level_come_again() {
    let site = Site::new();
    let sandbox = site.start().await;
    let node = client(&sandbox);
    sandbox.bake().await.unwrap();
    level_with(&sandbox, "F").await;
    node.inject(&["later"]).await.unwrap();
    control(&sandbox).reorganise(&Reorg { new_levels: Some(2), ..reorg(1) }).await.unwrap();
    let again = sandbox.block_at(L1Level::new(2)).unwrap().unwrap();
    assert_eq!(again.messages, [b"\x01F".to_vec(), b"\x01later".to_vec()]);
    assert_eq!(node.durable_value(BlockId::Head, "/count").await.unwrap(), Some(count(3 * 3 + 2)));
    assert_eq!(node.block_level(BlockId::Head).await.unwrap(), L1Level::new(3));

    let late = Reorg { operations: Some(Fate::DelayedLevels(2)), ..reorg(2) };
    control(&sandbox).reorganise(&late).await.unwrap();
    assert_eq!(node.durable_value(BlockId::Head, "/count").await.unwrap(), Some(count(3 * 3)));
    sandbox.bake().await.unwrap();
    assert_eq!(node.durable_value(BlockId::Head, "/count").await.unwrap(), Some(count(4 * 3 + 2)));

    for (wrong, id) in [
        (reorg(3), "sandbox.final"),
        (reorg(0), "sandbox.bad_levels"),
        (reorg(5), "sandbox.bad_levels"),
        (Reorg { new_levels: Some(1), ..reorg(2) }, "sandbox.bad_levels"),
    ] {
        assert_eq!(ids(control(&sandbox).reorganise(&wrong).await.unwrap_err()), [id], "{wrong:?}");
    }
    let deep = Reorg { beyond_finality: true, ..reorg(4) };
    assert_eq!(control(&sandbox).reorganise(&deep).await.unwrap().level, 4);
    assert_eq!(sandbox.block_at(L1Level::new(1)).unwrap().unwrap().messages.len(), 2);
    sandbox.shutdown().await;
}

#[tokio::test]
async fn a_crash_between_reorganisation_and_rollup_node_is_caught_up_with() {
    let site = Site::new();
    let sandbox = site.start().await;
    for message in ["one", "F two", "three"] {
        level_with(&sandbox, message).await;
    }
    let behind = site.crash_image();
    let lost = Reorg { operations: Some(Fate::Dropped), ..reorg(2) };
    control(&sandbox).reorganise(&lost).await.unwrap();
    let hash = sandbox.node_status().head.durable.hash();
    let ahead = site.crash_image();
    sandbox.shutdown().await;

    // The layer 1 after the reorganisation, the rollup node before it.
    std::fs::copy(ahead.data_dir().join("l1.redb"), behind.data_dir().join("l1.redb")).unwrap();
    let sandbox = behind.start().await;
    let head = sandbox.head();
    let mut progress = sandbox.progress();
    let caught_up = |_: &_| sandbox.node_status().head.record.block_hash == head.hash;
    progress.wait_for(caught_up).await.unwrap();
    assert_eq!(sandbox.node_status().head.durable.hash(), hash, "to the last byte");
    sandbox.bake().await.unwrap();
    assert_eq!(
        client(&sandbox).durable_value(BlockId::Head, "/count").await.unwrap(),
        Some(count(4 * 3 + 1))
    );
    sandbox.shutdown().await;
}

#[tokio::test]
async fn levels_stop_and_come_all_at_once() {
    let site = Site::new();
    let config = SandboxConfig { level_time_ms: Some(1), ..site.config() };
    let sandbox = Sandbox::start(config).await.unwrap();
    let control = control(&sandbox);
    assert!(control.levels(Levels { stopped: true, burst: 0 }).await.unwrap().levels_stopped);
    // A level that the clock had begun may still come.
    let level = sandbox.bake().await.unwrap().level;
    let mut progress = sandbox.progress();
    let more = progress.wait_for(|progress| progress.head > level.saturating_add(1));
    assert!(tokio::time::timeout(Duration::from_millis(100), more).await.is_err(), "levels stopped");
    let in_force = control.levels(Levels { stopped: true, burst: 20 }).await.unwrap();
    assert!(in_force.levels_stopped && sandbox.head().level >= level.saturating_add(20));
    assert!(!control.mend().await.unwrap().levels_stopped);
    let level = sandbox.head().level;
    progress.wait_for(|progress| progress.head > level.saturating_add(1)).await.unwrap();
    sandbox.shutdown().await;
}

#[tokio::test]
async fn the_clock_jumps_and_the_kernel_is_told() {
    let site = Site::new();
    let sandbox = site.start().await;
    let before = sandbox.bake().await.unwrap().timestamp;
    let in_force = control(&sandbox).clock(Clock { skip_s: 50_000 }).await.unwrap();
    assert_eq!(in_force.clock_offset_s, 50_000);
    let late = sandbox.bake().await.unwrap();
    assert!(late.timestamp.since(before) >= 50_000);
    sandbox.bake().await.unwrap();
    let block: serde_json::Value = reqwest::get(format!("{}/global/block/head", sandbox.endpoint()))
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let info = format!("0003{:016x}{}", late.timestamp.get(), hex::encode(late.hash.as_bytes()));
    assert_eq!(block["messages"][1], info.as_str());
    control(&sandbox).clock(Clock { skip_s: -40_000 }).await.unwrap();
    let stands = sandbox.bake().await.unwrap().timestamp;
    assert!(stands >= late.timestamp && stands.since(late.timestamp) < 10_000, "it never goes back");
    sandbox.shutdown().await;
}

#[tokio::test]
async fn operations_are_lost_or_late() {
    let site = Site::new();
    let sandbox = site.start().await;
    let (node, control) = (client(&sandbox), control(&sandbox));
    let operations = |fate, which| Operations { fate, which };
    let in_force = control.operations(operations(Fate::Dropped, Which::Next(1))).await.unwrap();
    assert_eq!(in_force.arriving, Some((Fate::Dropped, 1)));
    assert_eq!(node.inject(&["lost", "lost too"]).await.unwrap().len(), 2, "nobody notices");
    control.operations(operations(Fate::DelayedLevels(1), Which::Next(1))).await.unwrap();
    let late = node.inject(&["late"]).await.unwrap();
    let soon = node.inject(&["soon"]).await.unwrap();
    control.operations(operations(Fate::DelayedLevels(2), Which::Id(soon[0]))).await.unwrap();
    let gone = node.inject(&["gone"]).await.unwrap();
    control.operations(operations(Fate::Dropped, Which::Id(gone[0]))).await.unwrap();
    let unknown = control.operations(operations(Fate::Dropped, Which::Id(gone[0]))).await.unwrap_err();
    assert_eq!(ids(unknown), ["sandbox.unknown_operation"]);
    let mut levels = Vec::new();
    for _ in 0..4 {
        levels.push(sandbox.bake().await.unwrap().messages.concat());
    }
    assert_eq!(levels, [b"".to_vec(), b"\x01late".to_vec(), b"\x01soon".to_vec(), b"".to_vec()]);
    use millrace_l1::control::outbox::Operation;
    let state = control.operation(late[0]).await.unwrap();
    assert_eq!(state, Operation::Included { level: 2, fee_mutez: 0, failure: None });
    assert_eq!(control.operation(gone[0]).await.unwrap(), Operation::Unknown);
    sandbox.shutdown().await;
}

#[tokio::test]
async fn others_fill_blocks() {
    let site = Site::new();
    let sandbox = site.start().await;
    let full = FullBlocks { levels: 1, free_bytes: 200, messages: true };
    control(&sandbox).full_blocks(full).await.unwrap();
    client(&sandbox).inject(&["waits"]).await.unwrap();
    let block = sandbox.bake().await.unwrap();
    let others = (LEVEL_BYTES_MAX - 200) / (MESSAGE_BYTES_MAX + MESSAGE_OVERHEAD_BYTES);
    assert_eq!(block.messages.len(), others + 1, "ours needs 172 bytes");
    let full = FullBlocks { levels: 2, free_bytes: 0, messages: false };
    assert_eq!(control(&sandbox).full_blocks(full).await.unwrap().full_blocks, Some(full));
    client(&sandbox).inject(&["waits longer"]).await.unwrap();
    for expected in [0, 0, 1] {
        assert_eq!(sandbox.bake().await.unwrap().messages.len(), expected);
    }
    assert_eq!(control(&sandbox).faults().await.unwrap().full_blocks, None);
    sandbox.shutdown().await;
}

#[tokio::test]
async fn a_protocol_gives_way_to_another() {
    let site = Site::new();
    let sandbox = site.start().await;
    let node = client(&sandbox);
    let version = async || {
        let value = node.durable_value(BlockId::Head, "/readonly/wasm_version").await.unwrap();
        String::from_utf8(value.unwrap()).unwrap()
    };
    level_with(&sandbox, "one").await;
    assert_eq!(version().await, "2.0.0-r6");
    let migration = Migration { protocol: "t024_024".to_owned() };
    control(&sandbox).migrate(&migration).await.unwrap();
    node.inject(&["two"]).await.unwrap();
    let block = sandbox.bake().await.unwrap();
    assert_eq!(block.messages[0][..6], [0, 4, 0, 0, 0, 8], "before everybody else");
    assert_eq!(version().await, "2.0.0-r5");
    // The migration is no operation that a reorganisation could lose.
    let lost = Reorg { operations: Some(Fate::Dropped), ..reorg(1) };
    control(&sandbox).reorganise(&lost).await.unwrap();
    assert_eq!((version().await.as_str(), sandbox.head().messages.len()), ("2.0.0-r5", 1));
    for wrong in ["", &"x".repeat(65)] {
        let wrong = Migration { protocol: wrong.to_owned() };
        assert_eq!(ids(control(&sandbox).migrate(&wrong).await.unwrap_err()), ["sandbox.bad_protocol"]);
    }
    sandbox.shutdown().await;
}

#[tokio::test]
async fn a_rollup_node_that_is_stopped_catches_up_later() {
    let site = Site::new();
    let sandbox = site.start().await;
    let (node, control) = (client(&sandbox), control(&sandbox));
    level_with(&sandbox, "one").await;
    let mut blocks = node.monitor_blocks().await.unwrap();
    assert_eq!(blocks.next().await.unwrap().unwrap().level, L1Level::new(1));
    assert_eq!(control.behave(Behaviour::Stopped).await.unwrap().rollup_node, Behaviour::Stopped);
    let error = node.tezos_level().await.unwrap_err();
    assert!(matches!(&error, ClientError::Refused { .. }) && error.is_transient(), "{error}");
    assert!(matches!(blocks.next().await, Some(Err(ClientError::Refused { .. }))), "the stream is cut");
    assert!(matches!(node.inject(&["lost"]).await, Err(ClientError::Refused { .. })));

    assert_eq!(control.bake(3).await.unwrap().level, 4, "the layer 1 goes on without it");
    assert_eq!(sandbox.node_status().head.record.level, L1Level::new(1));
    control.behave(Behaviour::Working).await.unwrap();
    sandbox.bake().await.unwrap();
    assert_eq!(node.durable_value(BlockId::Head, "/count").await.unwrap(), Some(count(5 * 3 + 1)));
    sandbox.shutdown().await;
}

#[tokio::test]
async fn a_rollup_node_hangs_is_slow_or_refuses() {
    let site = Site::new();
    let sandbox = site.start().await;
    let (node, hasty, control) = (client(&sandbox), impatient(&sandbox), control(&sandbox));
    for silent in [Behaviour::Hanging, Behaviour::SlowMs(600_000)] {
        control.behave(silent).await.unwrap();
        let error = hasty.tezos_level().await.unwrap_err();
        assert!(matches!(error, ClientError::Timeout { timeout_ms: 50, .. }), "{error}");
    }
    // Whoever has patience is answered when it works again.
    let (level, _) = tokio::join!(node.tezos_level(), control.behave(Behaviour::Working));
    assert_eq!(level.unwrap(), Some(L1Level::ZERO));
    control.behave(Behaviour::SlowMs(1)).await.unwrap();
    assert_eq!(node.tezos_level().await.unwrap(), Some(L1Level::ZERO));

    control.behave(Behaviour::RefusingInjections).await.unwrap();
    let error = node.inject(&["refused"]).await.unwrap_err();
    assert!(matches!(&error, ClientError::Status { status: 503, .. }) && error.is_transient(), "{error}");
    assert_eq!(node.tezos_level().await.unwrap(), Some(L1Level::ZERO), "and does everything else");

    control.behave(Behaviour::BadGateway).await.unwrap();
    let error = node.tezos_level().await.unwrap_err();
    assert!(matches!(&error, ClientError::Status { status: 502, .. }) && error.is_transient(), "{error}");
    assert!(matches!(node.monitor_blocks().await, Err(ClientError::Status { status: 502, .. })));

    control.mend().await.unwrap();
    level_with(&sandbox, "one").await;
    assert_eq!(node.durable_value(BlockId::Head, "/count").await.unwrap(), Some(count(4)));
    // A sandbox that is told to stop does not wait for those that hang.
    control.behave(Behaviour::Hanging).await.unwrap();
    let waiting = tokio::spawn(async move { node.tezos_level().await });
    sandbox.shutdown().await;
    assert!(waiting.await.unwrap().is_err());
}
