//! Websockets: requests, subscriptions, and clients that do not keep up.

use crate::support::chain::{EVENTS_MAX, contract};
use crate::support::client::Websocket;
use crate::support::transactions::dynamic_fee;
use crate::support::{Fixture, data, repeated};
use serde_json::{Value, json};

#[tokio::test]
async fn requests_and_batches_work_on_the_same_port() {
    let fixture = Fixture::new().await;
    let mut socket = Websocket::connect(fixture.address()).await;
    assert_eq!(socket.reply("eth_chainId", json!([])).await["result"], "0x539");
    socket.send(r#"[{"jsonrpc":"2.0","id":1,"method":"eth_blockNumber"},{"jsonrpc":"2.0","id":2,"method":"eth_no"}]"#).await;
    let replies = socket.receive().await;
    assert_eq!((&replies[0]["result"], &replies[1]["error"]["code"]), (&json!("0x3"), &json!(-32601)));
    socket.send("{").await;
    assert_eq!(socket.receive().await["error"]["code"], -32700);
    assert_eq!(fixture.call("eth_chainId", json!([])).await, "0x539", "HTTP too");
}

#[tokio::test]
async fn new_heads_are_announced_until_unsubscribed() {
    let fixture = Fixture::new().await;
    let mut socket = Websocket::connect(fixture.address()).await;
    let heads = socket.subscribe(json!(["newHeads"])).await;
    assert!(heads.starts_with("0x") && heads[2..].bytes().all(|digit| digit.is_ascii_hexdigit()), "{heads}");
    for number in ["0x4", "0x5"] {
        let block = fixture.chain.push_block();
        let head = socket.notified(&heads).await["result"].clone();
        assert_eq!((&head["number"], &head["hash"]), (&json!(number), &json!(data(block.hash.as_bytes()))));
        assert_eq!(head.get("transactions"), None, "a header, not a block");
    }
    assert_eq!(socket.reply("eth_unsubscribe", json!([heads])).await["result"], true);
    fixture.chain.push_block();
    assert_eq!(
        socket.reply("eth_blockNumber", json!([])).await["result"],
        "0x6",
        "no notification came before"
    );
    assert_eq!(socket.reply("eth_unsubscribe", json!([heads])).await["result"], false);
}

#[tokio::test]
async fn logs_are_announced_when_the_filter_wants_them() {
    let fixture = Fixture::new().await;
    let mut socket = Websocket::connect(fixture.address()).await;
    let topic = repeated(5, 32);
    let filter = json!({ "address": data(contract().as_bytes()), "topics": [null, topic] });
    let logs = socket.subscribe(json!(["logs", filter])).await;
    // Blocks 4, 5 and 6 have one log each, whose second topic is the number of the block.
    for _ in 0..3 {
        fixture.chain.push_block();
    }
    let log = socket.notified(&logs).await["result"].clone();
    assert_eq!((&log["blockNumber"], &log["removed"]), (&json!("0x5"), &json!(false)));
    assert_eq!(log["topics"][1], topic);
    assert_eq!(socket.reply("eth_blockNumber", json!([])).await["result"], "0x6", "and no other");
}

#[tokio::test]
async fn pending_transactions_are_announced_by_hash() {
    let fixture = Fixture::new().await;
    let mut socket = Websocket::connect(fixture.address()).await;
    let pending = socket.subscribe(json!(["newPendingTransactions"])).await;
    let hash = fixture.call("eth_sendRawTransaction", json!([data(&dynamic_fee(None))])).await;
    assert_eq!(socket.notified(&pending).await["result"], hash);
}

#[tokio::test]
async fn malformed_subscriptions_are_refused() {
    let fixture = Fixture::new().await;
    let mut socket = Websocket::connect(fixture.address()).await;
    let table = [
        (json!([]), "missing value for required argument 0 (subscription)"),
        (json!(["weather"]), "\"weather\" is none of newHeads, logs, newPendingTransactions"),
        (json!(["logs", { "address": "0x1" }]), "invalid argument 1 (filter): address: expected 20 bytes"),
        (json!(["newPendingTransactions", true]), "only hashes are given"),
    ];
    for (params, reason) in table {
        let reply = socket.reply("eth_subscribe", params.clone()).await;
        assert_eq!(reply["error"]["code"], -32602, "{params}: {reply}");
        let message = reply["error"]["message"].as_str().expect("a message");
        assert!(message.contains(reason), "{params}: {message}");
    }
}

#[tokio::test]
async fn a_reader_gets_every_log_of_a_block_however_many() {
    const LOGS: usize = 5_000;
    let fixture = Fixture::with(|config| config.messages_buffered_max = 16).await;
    let mut socket = Websocket::connect(fixture.address()).await;
    let logs = socket.subscribe(json!(["logs"])).await;
    for number in ["0x4", "0x5"] {
        fixture.chain.push_block_with_logs(LOGS);
        for index in 0..LOGS {
            let log = socket.notified(&logs).await["result"].clone();
            let place = (&log["blockNumber"], &log["logIndex"]);
            assert_eq!(place, (&json!(number), &json!(format!("{index:#x}"))));
        }
    }
    assert_eq!(socket.reply("eth_unsubscribe", json!([logs])).await["result"], true, "it is still there");
}

#[tokio::test]
async fn a_subscriber_that_lags_is_dropped_and_the_node_goes_on() {
    let fixture = Fixture::new().await;
    let mut socket = Websocket::connect(fixture.address()).await;
    let heads = socket.subscribe(json!(["newHeads"])).await;
    // All at once, on the thread of the server: more than the channel holds, before anybody can read.
    for _ in 0..=EVENTS_MAX {
        fixture.chain.push_block();
    }
    let last = socket.notified(&heads).await;
    assert_eq!(last.get("result"), None);
    assert!(last["error"].as_str().expect("an error").contains("subscription dropped"), "{last}");
    assert!(socket.is_closed_by_the_server().await, "a client notices that");

    let mut socket = Websocket::connect(fixture.address()).await;
    let heads = socket.subscribe(json!(["newHeads"])).await;
    fixture.chain.push_block();
    assert_ne!(socket.notified(&heads).await["result"], Value::Null, "the next one works");
}

#[tokio::test]
async fn a_subscriber_that_reads_nothing_is_disconnected() {
    let fixture = Fixture::with(|config| {
        config.messages_buffered_max = 1;
        config.notification_wait_ms_max = 20;
    })
    .await;
    let mut socket = Websocket::connect(fixture.address()).await;
    socket.subscribe(json!(["logs"])).await;
    // More than the buffers of the system take.
    fixture.chain.push_block_with_logs(100_000);
    fixture.chain.no_subscriber_is_left().await;
    assert!(socket.is_closed_by_the_server().await);
}

#[tokio::test]
async fn subscriptions_of_a_connection_are_limited() {
    let fixture = Fixture::with(|config| config.subscriptions_per_connection_max = 2).await;
    let mut socket = Websocket::connect(fixture.address()).await;
    socket.subscribe(json!(["newHeads"])).await;
    let second = socket.subscribe(json!(["logs"])).await;
    assert_eq!(socket.reply("eth_subscribe", json!(["newHeads"])).await["error"]["code"], -32006);
    assert_eq!(socket.reply("eth_unsubscribe", json!([second])).await["result"], true);
    // The place is free once the task of the subscription has ended; until then the refusal repeats.
    while socket.reply("eth_subscribe", json!(["newHeads"])).await.get("error").is_some() {
        tokio::task::yield_now().await;
    }
}
