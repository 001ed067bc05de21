//! Levels that are run to see what would come of them.

use crate::kernel::{Site, client, count};
use millrace_l1::client::{BlockId, ClientError, Insight, Simulation};
use millrace_primitives::L1Level;
use serde_json::{Value, json};

fn simulation(messages: &[&str], keys: &[&str]) -> Simulation {
    Simulation {
        messages: messages.iter().map(|message| [b"\x01", message.as_bytes()].concat()).collect(),
        pages: Vec::new(),
        insights: keys.iter().map(|key| Insight::durable(key)).collect(),
    }
}

#[tokio::test]
async fn a_simulation_ends_as_the_level_would_and_leaves_nothing() {
    let site = Site::new();
    let sandbox = site.start().await;
    let node = client(&sandbox);
    node.inject(&["F one"]).await.unwrap();
    sandbox.bake().await.unwrap();
    let hash = sandbox.node_status().head.durable.hash();
    let asked = simulation(&["two", "X three"], &["/count", "/messages/last", "/extra", "/nothing"]);
    let simulated = node.simulate(BlockId::Head, &asked).await.unwrap();
    assert_eq!(simulated.level, L1Level::new(2));
    assert_eq!(simulated.status, "Waiting for input message");
    assert_eq!(simulated.insights, [Some(count(9)), Some(b"\x01X three".to_vec()), None, None]);
    assert_eq!(simulated.num_ticks, "100000000000000");
    assert_eq!(sandbox.node_status().head.durable.hash(), hash, "nothing of it stays");
    assert_eq!(node.durable_value(BlockId::Head, "/count").await.unwrap(), Some(count(4)));

    // The level itself ends in the same state.
    node.inject(&["two", "X three"]).await.unwrap();
    sandbox.bake().await.unwrap();
    assert_eq!(sandbox.node_status().head.durable.hash(), *simulated.state_hash.as_bytes());
    // And an older block can be asked again.
    let again = node.simulate(BlockId::Level(L1Level::new(1)), &asked).await.unwrap();
    assert_eq!(again, simulated);
    sandbox.shutdown().await;
}

#[tokio::test]
async fn the_state_of_the_machine_is_told_as_far_as_it_is_kept() {
    let site = Site::new();
    let sandbox = site.start().await;
    sandbox.bake().await.unwrap();
    let path = |path: &str| Insight::PvmState(path.split('/').map(str::to_owned).collect());
    let insights = [
        "durable/count/@/length",
        "durable/count/@/contents/0",
        "durable/count/@/contents/1",
        "durable/count/@/contents/00",
        "durable/count",
        "durable",
    ];
    let asked = Simulation { insights: insights.map(path).to_vec(), ..simulation(&[], &[]) };
    let answers = client(&sandbox).simulate(BlockId::Head, &asked).await.unwrap().insights;
    let mut chunk = count(6);
    chunk.resize(512, 0);
    let length = 4u64.to_be_bytes().to_vec();
    assert_eq!(answers, [Some(length.clone()), Some(chunk), None, None, None, None]);
    let get = async |key: &str| {
        let url = format!("{}/global/block/head/state?key={key}", sandbox.endpoint());
        let answer = reqwest::get(url).await.unwrap();
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
    };
    assert_eq!(get("durable/count/@/length").await, (200, json!(hex::encode(length))));
    for (key, status, id) in [
        ("durable/nothing/@/length", 404, "sandbox.no_such_state"),
        ("", 404, "sandbox.no_such_state"),
        ("wasm/current_tick", 501, "sandbox.no_machine_state"),
    ] {
        let (found, answer) = get(key).await;
        assert_eq!((found, &answer[0]["id"]), (status, &json!(id)), "{key}");
    }
    sandbox.shutdown().await;
}

#[tokio::test]
async fn debug_output_goes_to_a_file_and_nowhere_else() {
    let site = Site::new();
    let sandbox = site.start().await;
    let url = format!("{}/global/block/head/simulate", sandbox.endpoint());
    let simulate = async |name: &str| {
        let body = json!({ "messages": [hex::encode("\x01D said")], "log_kernel_debug_file": name });
        reqwest::Client::new().post(&url).json(&body).send().await.unwrap().status().as_u16()
    };
    assert_eq!(simulate("one.log").await, 200);
    let folder = site.data_dir().join("simulation_kernel_logs");
    assert_eq!(std::fs::read(folder.join("one.log")).unwrap(), b"\x01D said");
    for name in ["../one", "a/b", "", ".", "..", ".hidden", "a\0b", &"a".repeat(101)] {
        assert_eq!(simulate(name).await, 400, "{name:?}");
    }
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), 1);
    sandbox.shutdown().await;
}

#[tokio::test]
async fn what_cannot_be_simulated_is_refused_and_kernels_that_fail_are_not() {
    let site = Site::new();
    let sandbox = site.start().await;
    sandbox.bake().await.unwrap();
    let node = client(&sandbox);
    let http = reqwest::Client::new();
    let url = format!("{}/global/block/head/simulate", sandbox.endpoint());
    let large = "00".repeat(4_097);
    let level = vec!["00".repeat(4_096); 129];
    let many = vec![json!({ "kind": "pvm_state", "key": [] }); 1_001];
    for (body, id) in [
        (json!({}), "sandbox.bad_body"),
        (json!({ "messages": [], "more": 1 }), "sandbox.bad_body"),
        (json!({ "messages": ["0"] }), "sandbox.bad_hexadecimal"),
        (json!({ "messages": [large] }), "sandbox.cannot_be_simulated"),
        (json!({ "messages": level }), "sandbox.cannot_be_simulated"),
        (json!({ "messages": ["0002"] }), "sandbox.cannot_be_simulated"),
        (json!({ "messages": [], "reveal_pages": [large] }), "sandbox.cannot_be_simulated"),
        (json!({ "messages": [], "insight_requests": many }), "sandbox.too_many_insights"),
        (
            json!({ "messages": [], "insight_requests": [{ "kind": "durable_storage", "key": ["a b"] }] }),
            "sandbox.bad_key",
        ),
        (
            json!({ "messages": [], "insight_requests": [{ "kind": "memory", "key": [] }] }),
            "sandbox.bad_body",
        ),
    ] {
        let answer = http.post(&url).json(&body).send().await.unwrap();
        assert_eq!(answer.status(), 400, "{id}");
        assert_eq!(answer.json::<Value>().await.unwrap()[0]["id"], id);
    }
    let unknown = node.simulate(BlockId::Level(L1Level::new(9)), &simulation(&[], &[])).await.unwrap_err();
    assert!(matches!(unknown, ClientError::Status { status: 404, .. }), "{unknown}");

    // A trap and a stuck machine are outcomes; the node itself is none the worse.
    let trapped =
        node.simulate(BlockId::Head, &simulation(&["T"], &["/readonly/kernel/env/stuck"])).await.unwrap();
    assert_eq!(trapped.insights, [Some(Vec::new())]);
    let stuck = node.simulate(BlockId::Head, &simulation(&["S"], &["/count"])).await.unwrap();
    assert_eq!(
        (stuck.status.as_str(), stuck.insights),
        ("Stuck: call stack exhausted", vec![Some(count(6))])
    );
    sandbox.bake().await.unwrap();
    assert!(node.health().await.unwrap().healthy);
    assert_eq!(node.durable_value(BlockId::Head, "/count").await.unwrap(), Some(count(6)));
    sandbox.shutdown().await;
}
