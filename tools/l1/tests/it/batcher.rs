//! The batcher and the limits of a level, over HTTP.

use crate::kernel::{Site, client};
use millrace_l1::sandbox::limits::{
    BATCHER_KEYS, MESSAGE_BYTES_MAX, MESSAGE_OVERHEAD_BYTES, OPERATION_MESSAGES_BYTES_MAX,
};
use serde_json::{Value, json};

#[tokio::test]
async fn the_queue_shows_what_waits_until_it_is_included() {
    let site = Site::new();
    let sandbox = site.start().await;
    let ids = client(&sandbox).inject(&["one", "two"]).await.unwrap();
    sandbox.deposit(millrace_primitives::Address::zero(), millrace_primitives::Mutez::new(1)).await.unwrap();
    let get = async |path: String| -> Value {
        reqwest::get(format!("{}{path}", sandbox.endpoint())).await.unwrap().json().await.unwrap()
    };
    let queue = get("/local/batcher/queue".into()).await;
    assert_eq!(
        queue,
        json!([
            { "id": ids[0], "message": { "content": "6f6e65", "counter": "0" } },
            { "id": ids[1], "message": { "content": "74776f", "counter": "1" } },
        ]),
        "the deposit is no message of the batcher"
    );
    let waits = get(format!("/local/batcher/queue/{}", ids[1])).await;
    assert_eq!(waits, json!({ "content": "74776f", "status": "pending_batch" }));
    sandbox.bake().await.unwrap();
    assert_eq!(get("/local/batcher/queue".into()).await, json!([]));
    let included = get(format!("/local/batcher/queue/{}", ids[1])).await;
    assert_eq!((&included["status"], &included["content"]), (&json!("included"), &json!("74776f")));
    let layer1 = &included["layer1"];
    assert_eq!((&layer1["level"], &layer1["block_hash"]), (&json!(1), &json!(sandbox.head().hash)));
    assert_eq!((&included["finalized"], &included["cemented"]), (&json!(false), &json!(false)));
    sandbox.shutdown().await;
}

#[tokio::test]
async fn the_queue_is_cleared_by_order() {
    let site = Site::new();
    let sandbox = site.start().await;
    let http = reqwest::Client::new();
    let fill = async || {
        for query in ["", "order=2", "order=5"] {
            let url = format!("{}/local/batcher/injection?{query}", sandbox.endpoint());
            http.post(url).body("[\"00\"]").send().await.unwrap();
        }
    };
    let clear = async |query: &str| {
        let url = format!("{}/admin/batcher/queue?{query}", sandbox.endpoint());
        assert_eq!(http.delete(url).send().await.unwrap().json::<Value>().await.unwrap(), json!({}));
        let url = format!("{}/local/batcher/queue", sandbox.endpoint());
        let left: Vec<Value> = reqwest::get(url).await.unwrap().json().await.unwrap();
        left.iter().map(|message| message["order"].as_str().unwrap_or("none").to_owned()).collect::<Vec<_>>()
    };
    fill().await;
    // A call of a contract is not the batcher's.
    sandbox.deposit(millrace_primitives::Address::zero(), millrace_primitives::Mutez::new(1)).await.unwrap();
    assert_eq!(clear("order_below=2").await, ["2", "5", "none"]);
    assert_eq!(clear("order_below=5").await, ["5", "none"]);
    assert_eq!(clear("order_below=5&drop_no_order").await, ["5"]);
    fill().await;
    assert_eq!(clear("").await, [""; 0]);
    assert_eq!(sandbox.bake().await.unwrap().messages.len(), 1, "the deposit");
    sandbox.shutdown().await;
}

#[tokio::test]
async fn order_and_duplicates_are_obeyed() {
    let site = Site::new();
    let sandbox = site.start().await;
    let http = reqwest::Client::new();
    let inject = async |query: &str, message: &str| -> Vec<String> {
        let url = format!("{}/local/batcher/injection?{query}", sandbox.endpoint());
        let body = json!([hex::encode(message)]).to_string();
        http.post(url).body(body).send().await.unwrap().json().await.unwrap()
    };
    inject("drop_duplicate=false", "last").await;
    inject("order=7&drop_duplicate=false", "second").await;
    inject("order=3&drop_duplicate=false", "first").await;
    let once = inject("drop_duplicate=true", "once").await;
    assert_eq!(inject("drop_duplicate=true", "once").await, once);
    let block = sandbox.bake().await.unwrap();
    let texts: Vec<_> = block.messages.iter().map(|message| String::from_utf8_lossy(&message[1..])).collect();
    assert_eq!(texts, ["first", "second", "last", "once"]);
    sandbox.shutdown().await;
}

#[tokio::test]
async fn what_does_not_fit_in_a_level_waits_for_the_next() {
    let site = Site::new();
    let sandbox = site.start().await;
    // An operation a key, and seven of the largest messages in an operation.
    let batch = OPERATION_MESSAGES_BYTES_MAX / (MESSAGE_BYTES_MAX + MESSAGE_OVERHEAD_BYTES);
    assert_eq!(batch, 7);
    let fits = BATCHER_KEYS as usize * batch;
    let messages: Vec<_> = (0..fits + 3)
        .map(|n| {
            // A dot first: no instruction of the kernel.
            let mut payload = vec![n as u8; MESSAGE_BYTES_MAX - 1];
            payload[0] = b'.';
            payload
        })
        .collect();
    client(&sandbox).inject(&messages).await.unwrap();
    let first = sandbox.bake().await.unwrap();
    let second = sandbox.bake().await.unwrap();
    assert_eq!((first.messages.len(), second.messages.len()), (fits, 3));
    let order = first.messages.iter().chain(&second.messages).map(|message| usize::from(message[2]));
    assert!(order.eq(0..fits + 3));
    sandbox.shutdown().await;
}
