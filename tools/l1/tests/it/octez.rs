//! The client against answers as a rollup node of Octez gives them: every field of the OpenAPI file, and none that is optional.

use crate::client::limited;
use futures::StreamExt;
use millrace_l1::client::{BlockId, ClientError, RollupNode, Simulation};
use millrace_l1::{CommitmentHash, InboxHash, InboxWitness, L1BlockHash, StateHash};
use millrace_primitives::L1Level;
use serde_json::{Value, json};

fn answers(head: &str, body: &str) -> RollupNode {
    let text = format!("HTTP/1.1 {head}\r\ncontent-type: application/json\r\n{body}");
    limited(Some(Box::leak(text.into_boxed_str())), 10_000)
}

fn answers_json(body: &Value) -> RollupNode {
    let body = body.to_string();
    answers("200 OK", &format!("content-length: {}\r\n\r\n{body}", body.len()))
}

/// The pieces of a body that does not say how long it is.
fn chunked(pieces: &[&str]) -> String {
    let chunks: String = pieces.iter().map(|piece| format!("{:x}\r\n{piece}\r\n", piece.len())).collect();
    format!("transfer-encoding: chunked\r\n\r\n{chunks}0\r\n\r\n")
}

fn header(level: u32) -> Value {
    json!({
        "block_hash": L1BlockHash::new([1; 32]),
        "level": level,
        "predecessor": L1BlockHash::new([2; 32]),
        "commitment_hash": null,
        "previous_commitment_hash": CommitmentHash::new([3; 32]),
        "inbox_witness": InboxWitness::new([4; 32]),
        "inbox_hash": InboxHash::new([5; 32]),
        "initial_tick": "0",
        "num_ticks": "150000000000000",
    })
}

#[tokio::test]
async fn headers_come_with_all_fields_or_the_least_and_with_blanks_between() {
    let mut full = header(2);
    full["commitment_hash"] = json!(CommitmentHash::new([6; 32]));
    full["context"] = json!("CoVfGTFCZq9WkGQVJJjwwaZMYNJzVnKzGdvkxvSE5g6nKPmZ4UCR");
    full["state_hash"] = json!(StateHash::new([7; 32]));
    full["pvm_status"] = json!("Waiting for input message");
    let (least, full) = (header(1).to_string(), full.to_string());
    let (begin, end) = full.split_at(full.len() / 2);
    // Octez sends item after item without a line between; a proxy may send blanks to keep the connection.
    let node = answers("200 OK", &chunked(&[&least, "\n", begin, end, " \r\n", "\n", &least]));
    let stream = node.monitor_blocks().await.unwrap();
    let items: Vec<_> = stream.map(|item| item.unwrap()).collect().await;
    assert_eq!(items.iter().map(|item| item.level.get()).collect::<Vec<_>>(), [1, 2, 1]);
    assert_eq!((items[0].pvm_status.as_deref(), items[0].commitment_hash), (None, None));
    assert_eq!(items[1].pvm_status.as_deref(), Some("Waiting for input message"));
    assert_eq!(items[1].commitment_hash, Some(CommitmentHash::new([6; 32])));
}

#[tokio::test]
async fn every_method_reads_what_octez_answers() {
    let parts = json!({
        "compressed_state": StateHash::new([1; 32]),
        "inbox_level": 150,
        "predecessor": CommitmentHash::new([2; 32]),
        "number_of_ticks": "9223372036854775807",
    });
    let commitment = json!({ "commitment": parts, "hash": CommitmentHash::new([3; 32]) });
    let read = answers_json(&commitment).last_cemented_commitment().await.unwrap().unwrap();
    assert_eq!((read.level, read.hash), (L1Level::new(150), CommitmentHash::new([3; 32])));
    assert_eq!((read.state, read.predecessor), (StateHash::new([1; 32]), CommitmentHash::new([2; 32])));
    assert_eq!(answers_json(&Value::Null).last_cemented_commitment().await.unwrap(), None);

    let collected = json!({
        "first_available_level": 7, "last_gc_level": 9,
        "last_context_split_level": 8, "last_successful_gc_target": 7,
    });
    for answer in [collected, json!({ "first_available_level": 7 })] {
        assert_eq!(answers_json(&answer).first_available_level().await.unwrap(), L1Level::new(7));
    }
    let simulated = json!({
        "state_hash": StateHash::new([4; 32]), "status": { "invalid_utf8_string": [79, 75] },
        "output": [], "inbox_level": 8, "num_ticks": "1", "insights": ["00ff", null],
    });
    let read = answers_json(&simulated).simulate(BlockId::Head, &Simulation::default()).await.unwrap();
    assert_eq!((read.status.as_str(), read.level), ("OK", L1Level::new(8)));
    assert_eq!(read.insights, [Some(vec![0, 255]), None]);
    let health = json!({
        "healthy": true, "degraded": false, "active_workers": [["batcher", "running"], ["injector", { "crashed": "x" }]],
        "l1": { "connection": "connected", "blocks_late": -1 },
    });
    assert_eq!(answers_json(&health).health().await.unwrap().l1.blocks_late, -1);
    let version = json!({ "version": "Octez 25.1", "store_version": "v6", "context_version": "Irmin" });
    assert_eq!(answers_json(&version).version().await.unwrap().version, "Octez 25.1");
    let names = json!(["", "kernel", { "invalid_utf8_string": [97, 255] }]);
    let names = answers_json(&names).durable_subkeys(BlockId::Head, "/").await.unwrap();
    assert_eq!(names, ["", "kernel", "a\u{fffd}"]);
    let values = json!([{ "key": "a", "value": "00" }]);
    let values = answers_json(&values).durable_values(BlockId::Head, "/").await.unwrap();
    assert_eq!(values, [("a".to_owned(), vec![0])]);
    assert_eq!(answers_json(&json!("12")).durable_length(BlockId::Head, "/a").await.unwrap(), Some(12));
    assert_eq!(answers_json(&Value::Null).durable_value(BlockId::Head, "/a").await.unwrap(), None);
    assert_eq!(answers_json(&Value::Null).tezos_level().await.unwrap(), None);
    let negative = answers_json(&json!(-1)).tezos_level().await;
    assert!(matches!(negative, Err(ClientError::Decoding { .. })));
}

#[tokio::test]
async fn errors_of_octez_say_whether_they_go_away() {
    let failing =
        |status: &str, body: &str| answers(status, &format!("content-length: {}\r\n\r\n{body}", body.len()));
    let cases = [
        (
            "500 Internal Server Error",
            r#"[{"kind":"permanent","id":"sc_rollup.node.unknown_block","block":"B"}]"#,
            false,
        ),
        ("500 Internal Server Error", r#"[{"kind":"temporary","id":"failure","msg":"not yet"}]"#, true),
        ("404 Not Found", "No service found at this URL", false),
        ("400 Bad Request", "Failed to parse argument 'block_id' (\"x\"): Invalid block id", false),
        ("503 Service Unavailable", "", true),
    ];
    for (status, body, is_transient) in cases {
        let error = failing(status, body).block_hash(BlockId::Head).await.unwrap_err();
        assert!(matches!(error, ClientError::Status { .. }), "{error}");
        assert_eq!(error.is_transient(), is_transient, "{error}");
        assert!(error.to_string().contains(body), "{error}");
    }
}
