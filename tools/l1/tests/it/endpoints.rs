//! Every endpoint that Octez also has, against Octez's OpenAPI file.

use crate::kernel::{Site, client};
use crate::schema::OpenApi;
use futures::StreamExt;
use millrace_l1::client::BlockId;
use serde_json::{Value, json};

/// The paths below a block that are served, with a query where one is needed.
const OF_A_BLOCK: [(&str, &str); 14] = [
    ("", ""),
    ("/hash", ""),
    ("/level", ""),
    ("/inbox", ""),
    ("/ticks", ""),
    ("/total_ticks", ""),
    ("/num_messages", ""),
    ("/status", ""),
    ("/state_current_level", ""),
    ("/outbox/{level}/messages", ""),
    ("/durable/wasm_2_0_0/value", "?key=/count"),
    ("/durable/wasm_2_0_0/length", "?key=/count"),
    ("/durable/wasm_2_0_0/subkeys", "?key=/"),
    ("/durable/wasm_2_0_0/values", "?key=/"),
];

const OF_THE_NODE: [&str; 8] = [
    "/global/smart_rollup_address",
    "/global/tezos_head",
    "/global/tezos_level",
    "/local/batcher/queue",
    "/local/gc_info",
    "/health",
    "/ping",
    "/version",
];

#[tokio::test]
async fn answers_have_the_shapes_of_octez() {
    let api = OpenApi::from_environment();
    let check = |method: &str, path: &str, answer: &Value| {
        if let Some(api) = &api {
            api.check(method, path, answer).unwrap_or_else(|wrong| panic!("{wrong}"));
        }
    };
    let site = Site::new();
    let sandbox = site.start().await;
    let endpoint = sandbox.endpoint();
    let get = async |path: &str| -> Value {
        let answer = reqwest::get(format!("{endpoint}{path}")).await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        answer.json().await.unwrap()
    };
    for levels in [0, 1, 3] {
        for _ in 0..levels {
            client(&sandbox).inject(&["F"]).await.unwrap();
            sandbox.bake().await.unwrap();
        }
        client(&sandbox).inject(&["waits"]).await.unwrap();
        for path in OF_THE_NODE {
            check("get", path, &get(path).await);
        }
        for id in ["head", "finalized", "cemented", "0", &sandbox.head().hash.to_string()] {
            for (path, query) in OF_A_BLOCK {
                let template = format!("/global/block/{{block_id}}{path}");
                let path = template.replace("{block_id}", id).replace("{level}", "1");
                check("get", &template, &get(&format!("{path}{query}")).await);
            }
        }
    }
    let absent = get("/global/block/head/durable/wasm_2_0_0/value?key=/nothing").await;
    assert!(absent.is_null());
    check("get", "/global/block/{block_id}/durable/wasm_2_0_0/value", &absent);

    let url = format!("{endpoint}/local/batcher/injection?order=1&drop_duplicate=true");
    let ids: Value =
        reqwest::Client::new().post(url).body("[\"00\"]").send().await.unwrap().json().await.unwrap();
    check("post", "/local/batcher/injection", &ids);
    check("get", "/local/batcher/queue", &get("/local/batcher/queue").await);
    let template = "/local/batcher/queue/{l2_message_id}";
    let waits = get(&template.replace("{l2_message_id}", ids[0].as_str().unwrap())).await;
    check("get", template, &waits);
    sandbox.bake().await.unwrap();
    check("get", template, &get(&template.replace("{l2_message_id}", ids[0].as_str().unwrap())).await);

    for path in ["/global/monitor_blocks", "/global/monitor_finalized_blocks"] {
        let answer = reqwest::get(format!("{endpoint}{path}")).await.unwrap();
        let first = answer.bytes_stream().next().await.unwrap().unwrap();
        check("get", path, &serde_json::from_slice(&first).unwrap());
    }
    sandbox.shutdown().await;
}

#[tokio::test]
async fn a_full_block_says_what_happened() {
    let site = Site::new();
    let sandbox = site.start().await;
    let endpoint = sandbox.endpoint();
    let get = async |path: &str| -> Value {
        reqwest::get(format!("{endpoint}{path}")).await.unwrap().json().await.unwrap()
    };
    sandbox.bake().await.unwrap();
    let first = sandbox.head();
    client(&sandbox).inject(&["O out"]).await.unwrap();
    let block = sandbox.bake().await.unwrap();
    let full = get("/global/block/head").await;
    assert_eq!(full["block_hash"], json!(block.hash));
    assert_eq!(full["predecessor"], json!(first.hash));
    assert_eq!(
        (full["num_ticks"].as_str(), full["initial_tick"].as_str()),
        (
            Some("100000000000000"), // the run of the kernel, and the padding of the level
            Some("100000000000000"),
        )
    );
    let info = format!("0003{:016x}{}", first.timestamp.get(), hex::encode(first.hash.as_bytes()));
    assert_eq!(full["messages"], json!(["0001", info, hex::encode("\x01O out"), "0002"]));
    assert_eq!(get("/global/block/head/num_messages").await, "4");
    assert_eq!(get("/global/block/head/status").await, "Waiting for input message");

    assert_eq!(get("/sandbox/outbox/2").await, json!([hex::encode("\x01O out")]));
    assert_eq!(get("/sandbox/outbox/1").await, json!([]));
    let undecoded = get("/global/block/head/outbox/2/messages").await;
    assert_eq!(undecoded[0]["id"], "sandbox.outbox_not_decoded");

    let deposit = r#"{"receiver":"0x00000000000000000000000000000000000000aa","amount_mutez":5}"#;
    let http = reqwest::Client::new();
    let answer = http.post(format!("{endpoint}/sandbox/deposit")).body(deposit).send().await.unwrap();
    assert!(answer.json::<Value>().await.unwrap()["id"].as_str().unwrap().starts_with("scmsg"));
    let baked = http.post(format!("{endpoint}/sandbox/bake")).send().await.unwrap();
    assert_eq!(baked.json::<Value>().await.unwrap()["level"], 3);
    assert_eq!(get("/global/block/3/num_messages").await, "4");
    let node = client(&sandbox);
    assert_eq!(node.block_level(BlockId::Head).await.unwrap().get(), 3);
    assert!(node.version().await.unwrap().version.starts_with("millrace-sandbox"));
    assert!(node.health().await.unwrap().healthy);
    sandbox.shutdown().await;
}
