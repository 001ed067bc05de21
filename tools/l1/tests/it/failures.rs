//! Kernels and requests that misbehave.

use crate::kernel::{PREIMAGE, Site, client, count};
use millrace_l1::client::BlockId;
use millrace_l1::sandbox::rollup_node::NodeError;
use millrace_l1::sandbox::{Phase, SandboxError};
use millrace_primitives::L1Level;
use millrace_pvm::reveal::reveal_hash;
use reqwest::Method;
use serde_json::Value;

#[tokio::test]
async fn a_missing_preimage_halts_the_node_until_it_is_there() {
    let site = Site::new();
    let sandbox = site.start().await;
    let node = client(&sandbox);
    sandbox.bake().await.unwrap();
    node.inject(&["P"]).await.unwrap();
    let error = sandbox.bake().await.unwrap_err();
    let SandboxError::Halted(halted) = &error else { panic!("{error}") };
    let NodeError::Preimage { level, hash, met: None } = &**halted else { panic!("{halted}") };
    assert_eq!((*level, *hash.as_bytes()), (L1Level::new(2), reveal_hash(PREIMAGE)));
    assert!(error.to_string().contains(&format!("waits for the preimage {hash}")), "{error}");
    let mut progress = sandbox.progress();
    let seen =
        progress.wait_for(|progress| matches!(progress.phase, Phase::Halted(_))).await.unwrap().to_string();
    assert!(seen.starts_with("halted before level 2: "), "{seen}");
    let health = node.health().await.unwrap();
    assert!(!health.healthy && health.degraded);
    assert_eq!(health.l1.blocks_late, 1);
    // It serves on what it has, and is still halted after another level and after a restart.
    assert_eq!(node.durable_value(BlockId::Head, "/count").await.unwrap(), Some(count(3)));
    assert!(matches!(sandbox.bake().await, Err(SandboxError::Halted(_))));
    sandbox.shutdown().await;
    let sandbox = site.start().await;
    assert!(matches!(sandbox.bake().await, Err(SandboxError::Halted(_))));

    site.provide_preimage();
    let block = sandbox.bake().await.unwrap();
    assert_eq!(block.level, L1Level::new(5));
    let node = client(&sandbox);
    assert_eq!(node.durable_value(BlockId::Head, "/count").await.unwrap(), Some(count(16)));
    assert_eq!(node.durable_value(BlockId::Head, "/revealed").await.unwrap().unwrap(), PREIMAGE);
    assert!(node.health().await.unwrap().healthy);
    sandbox.shutdown().await;
}

#[tokio::test]
async fn a_trap_costs_the_rest_of_a_level() {
    let site = Site::new();
    let sandbox = site.start().await;
    let node = client(&sandbox);
    node.inject(&["T", "lost"]).await.unwrap();
    sandbox.bake().await.unwrap();
    assert_eq!(node.durable_value(BlockId::Head, "/messages/last").await.unwrap().unwrap(), b"\x01T");
    assert_eq!(
        node.durable_value(BlockId::Head, "/readonly/kernel/env/stuck").await.unwrap(),
        Some(Vec::new())
    );
    sandbox.bake().await.unwrap();
    assert_eq!(node.durable_value(BlockId::Head, "/readonly/kernel/env/stuck").await.unwrap(), None);
    assert_eq!(node.durable_value(BlockId::Head, "/count").await.unwrap(), Some(count(6)));
    assert!(node.health().await.unwrap().healthy);
    sandbox.shutdown().await;
}

#[tokio::test]
async fn a_dead_kernel_is_shown_and_stays_dead() {
    let site = Site::new();
    let mut sandbox = site.start().await;
    client(&sandbox).inject(&["S"]).await.unwrap();
    sandbox.bake().await.unwrap();
    for _restarted in [false, true] {
        sandbox.bake().await.unwrap();
        let node = client(&sandbox);
        assert_eq!(node.durable_value(BlockId::Head, "/count").await.unwrap(), Some(count(3)));
        let health = node.health().await.unwrap();
        assert!(!health.healthy && health.degraded);
        let status = reqwest::get(format!("{}/global/block/head/status", sandbox.endpoint())).await.unwrap();
        assert_eq!(status.json::<String>().await.unwrap(), "Stuck: call stack exhausted");
        let progress = sandbox.progress().borrow().clone();
        assert!(
            matches!(&progress.phase, Phase::Dead(reason) if reason.contains("call stack")),
            "{progress}"
        );
        sandbox.shutdown().await;
        sandbox = site.start().await;
    }
    sandbox.shutdown().await;
}

#[tokio::test]
async fn garbage_on_the_inbox_reaches_the_kernel_and_nothing_breaks() {
    let site = Site::new();
    let sandbox = site.start().await;
    let url = format!("{}/sandbox/inbox", sandbox.endpoint());
    let body = r#"{"messages": ["ff", "0x0003", "00", "01"]}"#;
    let answer = reqwest::Client::new().post(url).body(body).send().await.unwrap();
    assert_eq!(answer.json::<Vec<String>>().await.unwrap().len(), 4);
    let block = sandbox.bake().await.unwrap();
    assert_eq!(block.messages, [vec![0xff], vec![0, 3], vec![0], vec![1]]);
    assert_eq!(client(&sandbox).durable_value(BlockId::Head, "/count").await.unwrap(), Some(count(7)));
    sandbox.shutdown().await;
}

#[tokio::test]
async fn what_no_layer_1_makes_is_refused() {
    let site = Site::new();
    let sandbox = site.start().await;
    let url = format!("{}/sandbox/inbox", sandbox.endpoint());
    // A second end of level and a malformed migration would be the end of the PVM.
    for body in [
        r#"{"messages": ["01", "0002"]}"#,
        r#"{"messages": ["0004ff"]}"#,
        r#"{"messages": ["000400000009aa"]}"#,
    ] {
        let answer = reqwest::Client::new().post(&url).body(body).send().await.unwrap();
        assert_eq!(answer.status(), 400, "{body}");
    }
    assert!(sandbox.bake().await.unwrap().messages.is_empty());
    sandbox.shutdown().await;
}

#[tokio::test]
async fn bad_requests_get_typed_errors() {
    let site = Site::new();
    let sandbox = site.start().await;
    sandbox.bake().await.unwrap();
    let http = reqwest::Client::new();
    let long_key = "/global/block/head/durable/wasm_2_0_0/value?key=/".to_owned() + &"a".repeat(300);
    let large = format!("[\"{}\"]", "00".repeat(4_096));
    let huge = "x".repeat(5 << 20);
    let injection = "/local/batcher/injection";
    let cases: [(&str, &str, &str, u16, &str); 22] = [
        ("GET", "/global/block/nonsense/hash", "", 400, "sandbox.bad_block_id"),
        ("GET", "/global/block/-1/level", "", 400, "sandbox.bad_block_id"),
        ("GET", "/global/block/99999999999999/level", "", 400, "sandbox.bad_block_id"),
        ("GET", "/global/block/%FF/level", "", 400, "sandbox.bad_path"),
        ("GET", "/global/block/77", "", 404, "sandbox.unknown_block"),
        ("GET", "/global/block/head/durable/wasm_2_0_0/value", "", 400, "sandbox.missing_key"),
        ("GET", "/global/block/head/durable/wasm_2_0_0/value?key=a", "", 400, "sandbox.bad_key"),
        ("GET", "/global/block/head/durable/wasm_2_0_0/length?key=//", "", 400, "sandbox.bad_key"),
        ("GET", "/global/block/head/durable/wasm_2_0_0/subkeys?key=/%00", "", 400, "sandbox.bad_key"),
        ("GET", &long_key, "", 400, "sandbox.bad_key"),
        ("GET", "/global/block/head/outbox/x/messages", "", 400, "sandbox.bad_level"),
        ("GET", "/nothing/here", "", 404, "sandbox.no_such_service"),
        ("POST", "/global/tezos_level", "", 405, "sandbox.no_such_method"),
        ("GET", "/local/batcher/queue/xyz", "", 400, "sandbox.bad_message_id"),
        ("POST", injection, "[\"0g\"]", 400, "sandbox.bad_hexadecimal"),
        ("POST", injection, "{\"a\": 1}", 400, "sandbox.bad_body"),
        ("POST", injection, &large, 400, "sandbox.message_refused"),
        ("POST", injection, &huge, 413, "sandbox.bad_body"),
        ("POST", "/sandbox/deposit", r#"{"receiver":"0x12","amount_mutez":1}"#, 400, "sandbox.bad_address"),
        ("POST", "/sandbox/deposit", r#"{"receiver":"0x12"}"#, 400, "sandbox.bad_body"),
        ("POST", "/sandbox/bake", r#"{"levels":0}"#, 400, "sandbox.bad_levels"),
        ("POST", "/sandbox/inbox", r#"{"messages":[""]}"#, 400, "sandbox.message_refused"),
    ];
    for (method, path, body, status, id) in cases {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let url = format!("{}{path}", sandbox.endpoint());
        let answer = http.request(method, url).body(body.to_owned()).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{path}");
        let trace: Value = answer.json().await.unwrap();
        assert_eq!(trace[0]["id"], id, "{path}: {trace}");
        assert_eq!(trace[0]["kind"], "permanent", "{path}");
        assert!(trace[0]["msg"].as_str().is_some_and(|message| !message.is_empty()), "{path}");
    }
    assert_eq!(sandbox.bake().await.unwrap().level, L1Level::new(2), "still alive");
    sandbox.shutdown().await;
}

#[tokio::test]
async fn states_are_forgotten_in_the_end_and_say_so() {
    use millrace_l1::sandbox::limits::STATES_MAX;
    let site = Site::new();
    let sandbox = site.start().await;
    let url = format!("{}/sandbox/bake", sandbox.endpoint());
    let levels = STATES_MAX as u32 + 5;
    let body = format!("{{\"levels\": {levels}}}");
    let baked: Value =
        reqwest::Client::new().post(url).body(body).send().await.unwrap().json().await.unwrap();
    assert_eq!(baked["level"], levels);
    let value = async |level: u32| {
        let path = format!("/global/block/{level}/durable/wasm_2_0_0/value?key=/count");
        reqwest::get(format!("{}{path}", sandbox.endpoint())).await.unwrap()
    };
    let info: Value =
        reqwest::get(format!("{}/local/gc_info", sandbox.endpoint())).await.unwrap().json().await.unwrap();
    assert_eq!(info["first_available_level"], 6);
    assert_eq!(value(6).await.status(), 200);
    let forgotten = value(5).await;
    assert_eq!(forgotten.status(), 410);
    let trace: Value = forgotten.json().await.unwrap();
    assert_eq!(trace[0]["id"], "sandbox.state_forgotten");
    let hash = reqwest::get(format!("{}/global/block/5/hash", sandbox.endpoint())).await.unwrap();
    assert_eq!(hash.status(), 200, "the block itself is remembered");
    sandbox.shutdown().await;
}
