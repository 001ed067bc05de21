//! Every endpoint that Octez also has, against Octez's OpenAPI file.

use crate::kernel::{Site, client};
use crate::schema::OpenApi;
use futures::StreamExt;
use millrace_l1::client::BlockId;
use millrace_l1::control::Control;
use millrace_l1::control::outbox::Execute;
use millrace_l1::sandbox::{Commitments, Sandbox, SandboxConfig, TICKETER};
use millrace_primitives::{L1Account, U256};
use millrace_wire::outbox::{Call, Ticket, Withdrawal};
use reqwest::Method;
use serde_json::{Value, json};
use std::cell::RefCell;
use std::collections::BTreeSet;

/// Described, and answered with an error of their own.
const REFUSED: [(&str, &str, &str); 5] = [
    ("get", "/global/block/{block_id}/helpers/proofs/outbox/{level}/messages", "sandbox.no_proofs"),
    ("post", "/local/dal/batcher/injection", "sandbox.no_dal"),
    ("post", "/local/dal/slot/indices", "sandbox.no_dal"),
    ("post", "/local/dal/injection/{injector_operation_hash}/forget", "sandbox.no_dal"),
    ("get", "/stats/ocaml_gc", "sandbox.no_ocaml"),
];

/// The paths below a block that are served, with a query where one is needed.
const OF_A_BLOCK: [(&str, &str); 21] = [
    ("", ""),
    ("", "?outbox=true"),
    ("/hash", ""),
    ("/level", ""),
    ("/inbox", ""),
    ("/ticks", ""),
    ("/total_ticks", ""),
    ("/num_messages", ""),
    ("/status", ""),
    ("/state", "?key=durable/kernel/boot.wasm/@/length"),
    ("/state_hash", ""),
    ("/state_current_level", ""),
    ("/committed_status", ""),
    ("/outbox", "?outbox_level=1"),
    ("/outbox/{level}/messages", ""),
    ("/durable/wasm_2_0_0/value", "?key=/count"),
    ("/durable/wasm_2_0_0/value", "?key=/nothing"),
    ("/durable/wasm_2_0_0/length", "?key=/count"),
    ("/durable/wasm_2_0_0/length", "?key=/nothing"),
    ("/durable/wasm_2_0_0/subkeys", "?key=/"),
    ("/durable/wasm_2_0_0/values", "?key=/"),
];

const OF_THE_NODE: [&str; 23] = [
    "/global/smart_rollup_address",
    "/global/tezos_head",
    "/global/tezos_level",
    "/global/last_stored_commitment",
    "/global/last_cemented_commitment",
    "/local/last_published_commitment",
    "/local/batcher/queue",
    "/local/outbox/pending",
    "/local/outbox/pending/executable",
    "/local/outbox/pending/unexecutable",
    "/local/outbox/pending?outbox_level=1",
    "/local/dal/injected/operations/statuses",
    "/local/gc_info",
    "/admin/cancel_gc",
    "/admin/injector/queues",
    "/admin/injector/queues?tag=publish",
    "/admin/injector/queues/total",
    "/health",
    "/ping",
    "/version",
    "/openapi",
    "/stats/memory",
    "/local/synchronized",
];

/// Asks a sandbox, checks what it answers, and remembers what was asked.
struct Checker {
    api: OpenApi,
    endpoint: String,
    http: reqwest::Client,
    checked: RefCell<BTreeSet<(String, String)>>,
}

impl Checker {
    fn new(sandbox: &Sandbox) -> Self {
        let (endpoint, http) = (sandbox.endpoint(), reqwest::Client::new());
        Self { api: OpenApi::vendored(), endpoint, http, checked: RefCell::default() }
    }

    /// The answer to a request; `template` has the parameters in braces, `path` has them filled in.
    async fn answer(&self, method: &str, path: &str, body: &Value) -> reqwest::Response {
        let verb = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
        let request = self.http.request(verb, format!("{}{path}", self.endpoint));
        let request = if method == "post" { request.json(body) } else { request };
        request.send().await.unwrap()
    }

    fn check(&self, method: &str, template: &str, answer: &Value) {
        self.api.check(method, template, answer).unwrap_or_else(|wrong| panic!("{wrong}"));
        self.checked.borrow_mut().insert((method.to_owned(), template.to_owned()));
    }

    async fn ask(&self, method: &str, template: &str, path: &str, body: &Value) -> Value {
        let answer = self.answer(method, path, body).await;
        assert_eq!(answer.status(), 200, "{path}");
        let answer = answer.json().await.unwrap();
        self.check(method, template, &answer);
        answer
    }

    async fn get(&self, template: &str, fill: &[(&str, &str)], query: &str) -> Value {
        let path = fill.iter().fold(template.to_owned(), |path, (name, value)| path.replace(name, value));
        self.ask("get", template, &format!("{path}{query}"), &Value::Null).await
    }

    async fn everything_about_the_node(&self) {
        for path in OF_THE_NODE {
            let (template, query) = path
                .split_once('?')
                .map_or((path, String::new()), |(template, query)| (template, format!("?{query}")));
            self.get(template, &[], &query).await;
        }
    }

    async fn everything_about_blocks(&self, ids: &[&str]) {
        for id in ids {
            for (path, query) in OF_A_BLOCK {
                let template = format!("/global/block/{{block_id}}{path}");
                self.get(&template, &[("{block_id}", id), ("{level}", "1")], query).await;
            }
        }
    }
}

/// Commitments often enough to see all that becomes of one.
async fn start(site: &Site) -> Sandbox {
    let commitments = Commitments { period_levels: 4, challenge_levels: 3 };
    Sandbox::start(SandboxConfig { commitments, ..site.config() }).await.unwrap()
}

/// A message for the kernel, which has it send a withdrawal.
fn withdrawal(amount: u64) -> Vec<u8> {
    let content = vec![7, 7, 0, 0, 3, 6];
    let ticket = Ticket { ticketer: TICKETER, content, amount: U256::from(amount) };
    let receiver = L1Account::new([0; 22]);
    [b"W".as_slice(), &Withdrawal { ticket, receiver, call: Call::Burn }.encode()].concat()
}

#[tokio::test]
async fn every_described_endpoint_answers_in_the_described_form() {
    let site = Site::new();
    let sandbox = start(&site).await;
    let (node, checker) = (client(&sandbox), Checker::new(&sandbox));
    sandbox
        .deposit(millrace_primitives::Address::zero(), millrace_primitives::Mutez::new(100))
        .await
        .unwrap();
    node.inject(&[withdrawal(1), b"O garbage".to_vec(), withdrawal(2)]).await.unwrap();
    for levels in [0, 1, 3, 5] {
        for _ in 0..levels {
            node.inject(&["F"]).await.unwrap();
            sandbox.bake().await.unwrap();
        }
        node.inject(&["waits"]).await.unwrap();
        checker.everything_about_the_node().await;
        let hash = sandbox.head().hash.to_string();
        checker.everything_about_blocks(&["head", "finalized", "cemented", "0", &hash]).await;
    }
    check_messages(&checker, &sandbox).await;
    check_commitments(&checker).await;
    let simulation = json!({
        "messages": ["01ff", hex::encode([b"\x01".as_slice(), &withdrawal(3)].concat())],
        "reveal_pages": ["00"],
        "insight_requests": [
            { "kind": "durable_storage", "key": ["count"] },
            { "kind": "durable_storage", "key": ["nothing"] },
            { "kind": "pvm_state", "key": ["durable", "count", "@", "length"] },
        ],
        "log_kernel_debug_file": "simulated.log",
    });
    let template = "/global/block/{block_id}/simulate";
    let simulated = checker.ask("post", template, "/global/block/head/simulate", &simulation).await;
    assert_eq!(simulated["output"].as_array().map(Vec::len), Some(1));
    let operation = "/local/injector/operation/{injector_operation_hash}/status";
    checker.get(operation, &[("{injector_operation_hash}", "iop")], "").await;
    for path in
        ["/admin/batcher/queue?order_below=5&drop_no_order=true", "/admin/injector/queues?drop_no_order"]
    {
        let template = path.split_once('?').unwrap().0;
        checker.ask("delete", template, path, &Value::Null).await;
    }
    assert_eq!(checker.get("/local/batcher/queue", &[], "").await, json!([]));
    assert_eq!(&checker.get("/openapi", &[], "").await, checker.api.document());
    check_streams(&checker, &sandbox).await;

    for (method, template, id) in REFUSED {
        let path = template.replace("{block_id}", "head").replace("{level}", "1");
        let answer = checker.answer(method, &path, &json!([])).await;
        assert_eq!(answer.status(), 501, "{path}");
        assert_eq!(answer.json::<Value>().await.unwrap()[0]["id"], id);
    }
    let mut told = checker.checked.take();
    told.extend(REFUSED.map(|(method, path, _)| (method.to_owned(), path.to_owned())));
    let missing: Vec<_> = checker.api.operations().difference(&told).cloned().collect();
    assert!(missing.is_empty(), "described, and neither checked nor refused here: {missing:?}");
    sandbox.shutdown().await;
}

#[test]
fn the_page_says_of_every_endpoint_whether_it_is_served() {
    let page = include_str!("../../../../docs/rollup-node.md");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once(" | "));
    let mut told = BTreeSet::new();
    for (endpoints, answer) in rows {
        for endpoint in endpoints.split('`').filter(|piece| piece.contains('/')) {
            let (method, path) = endpoint.split_once(' ').unwrap();
            let operation = (method.to_lowercase(), path.to_owned());
            let is_refused =
                REFUSED.iter().any(|(method, path, _)| (*method, *path) == (&operation.0, &operation.1));
            assert_eq!(is_refused, answer.starts_with("501"), "{endpoint}: {answer}");
            assert!(told.insert(operation), "{endpoint} is told twice");
        }
    }
    assert_eq!(told, OpenApi::vendored().operations());
}

/// What becomes of a message of the batcher.
async fn check_messages(checker: &Checker, sandbox: &Sandbox) {
    let template = "/local/batcher/queue/{l2_message_id}";
    let injection = "/local/batcher/injection";
    let path = format!("{injection}?order=1&drop_duplicate=true");
    let ids = checker.ask("post", injection, &path, &json!(["00"])).await;
    let id = ids[0].as_str().unwrap();
    checker.get("/local/batcher/queue", &[], "").await;
    let status = async || checker.get(template, &[("{l2_message_id}", id)], "").await["status"].clone();
    assert_eq!(status().await, "pending_batch");
    sandbox.bake().await.unwrap();
    assert_eq!(status().await, "included");
    for _ in 0..3 {
        sandbox.bake().await.unwrap();
    }
    let committed = checker.get(template, &[("{l2_message_id}", id)], "").await;
    assert_eq!((&committed["status"], &committed["cemented"]), (&json!("committed"), &json!(false)));
    assert_eq!(committed["finalized"], true);
    let template_of = "/local/commitments/{commitment_hash}";
    let hash = committed["hash"].as_str().unwrap();
    let commitment = checker.get(template_of, &[("{commitment_hash}", hash)], "").await;
    assert_eq!(commitment["commitment"], committed["commitment"]);
    let unknown = hex::encode([7; 32]);
    let unknown = millrace_l1::MessageId::new(hex::decode(unknown).unwrap().try_into().unwrap()).to_string();
    assert_eq!(
        checker.get(template, &[("{l2_message_id}", &unknown)], "").await,
        json!({ "status": "unknown" })
    );
}

/// What the node committed to, and what became of it: at level 13 with periods of 4 and 3 levels to dispute.
async fn check_commitments(checker: &Checker) {
    let get = async |template: &str| checker.get(template, &[], "").await;
    let stored = get("/global/last_stored_commitment").await;
    let cemented = get("/global/last_cemented_commitment").await;
    assert_eq!(stored["commitment"]["inbox_level"], 12);
    assert_eq!(cemented["commitment"]["inbox_level"], 8);
    assert_eq!(stored["commitment"]["predecessor"], cemented["hash"]);
    assert_eq!(get("/local/last_published_commitment").await["hash"], stored["hash"]);
    let block =
        async |level: &str| checker.get("/global/block/{block_id}", &[("{block_id}", level)], "").await;
    let at = block("12").await;
    assert_eq!((&at["commitment"], &at["commitment_hash"]), (&stored["commitment"], &stored["hash"]));
    assert_eq!(block("11").await.get("commitment"), None);
    let state = "/global/block/{block_id}/state_hash";
    assert_eq!(
        checker.get(state, &[("{block_id}", "12")], "").await,
        stored["commitment"]["compressed_state"]
    );
    let unknown = millrace_l1::CommitmentHash::new([7; 32]).to_string();
    let template = "/local/commitments/{commitment_hash}";
    assert!(checker.get(template, &[("{commitment_hash}", &unknown)], "").await.is_null());
    let template = "/global/block/{block_id}/committed_status";
    for (level, status, made_at) in
        [("13", "uncommitted", 16), ("12", "committed", 12), ("8", "cemented", 8), ("0", "cemented", 0)]
    {
        let answer = checker.get(template, &[("{block_id}", level)], "").await;
        assert_eq!(answer[status]["commitment_level"], made_at, "{level}: {answer}");
    }
}

/// All streams, each item by itself.
async fn check_streams(checker: &Checker, sandbox: &Sandbox) {
    let monitored = ["/global/monitor_blocks", "/global/monitor_finalized_blocks"];
    let mut streams = Vec::new();
    for path in monitored {
        streams.push(checker.answer("get", path, &Value::Null).await.bytes_stream());
    }
    for _ in 0..4 {
        sandbox.bake().await.unwrap();
        for (path, stream) in monitored.iter().zip(&mut streams) {
            let item = stream.next().await.unwrap().unwrap();
            checker.check("get", path, &serde_json::from_slice(&item).unwrap());
        }
    }
    drop(streams);
    // The kernel waits for a preimage, and the node stays behind.
    client(sandbox).inject(&["P"]).await.unwrap();
    sandbox.bake().await.unwrap_err();
    let path = "/local/synchronized";
    let mut stream = checker.answer("get", path, &Value::Null).await.bytes_stream();
    let behind: Value = serde_json::from_slice(&stream.next().await.unwrap().unwrap()).unwrap();
    checker.check("get", path, &behind);
    let (processed, head) = (sandbox.node_status().head.record.level.get(), sandbox.head().level.get());
    let told = &behind["synchronizing"];
    assert_eq!((&told["processed_level"], &told["l1_head_level"]), (&json!(processed), &json!(head)));
    assert_eq!(head, processed + 1);
    // A simulation of the same is no better off, unless it brings the page.
    let template = "/global/block/{block_id}/simulate";
    let path_of = "/global/block/head/simulate";
    let lacks = checker.answer("post", path_of, &json!({ "messages": ["0150"] })).await;
    assert_eq!(lacks.status(), 503);
    let page = hex::encode(crate::kernel::PREIMAGE);
    let revealed = json!([{ "kind": "durable_storage", "key": ["revealed"] }]);
    let brings = json!({ "messages": ["0150"], "reveal_pages": [page], "insight_requests": revealed });
    assert_eq!(checker.ask("post", template, path_of, &brings).await["insights"], json!([page]));
}

#[tokio::test]
async fn a_node_that_catches_up_says_so_and_ends_the_stream() {
    let site = Site::new();
    let sandbox = start(&site).await;
    let url = format!("{}/local/synchronized", sandbox.endpoint());
    client(&sandbox).inject(&["P"]).await.unwrap();
    sandbox.bake().await.unwrap_err();
    let mut stream = reqwest::get(&url).await.unwrap().bytes_stream();
    let first = stream.next().await.unwrap().unwrap();
    assert!(first.starts_with(b"{\"synchronizing\":"), "{first:?}");
    site.provide_preimage();
    sandbox.bake().await.unwrap();
    let mut rest = Vec::new();
    while let Some(piece) = stream.next().await {
        rest.extend_from_slice(&piece.unwrap());
    }
    assert!(rest.ends_with(b"\"synchronized\"\n"), "{}", String::from_utf8_lossy(&rest));
    assert_eq!(reqwest::get(&url).await.unwrap().text().await.unwrap(), "\"synchronized\"\n");
    sandbox.shutdown().await;
}

#[tokio::test]
async fn outbox_messages_wait_until_they_are_executed() {
    let site = Site::new();
    let sandbox = start(&site).await;
    let (node, control) = (client(&sandbox), Control::new(&sandbox.endpoint()).unwrap());
    let checker = Checker::new(&sandbox);
    let places = async |path: &str| -> Vec<(u64, Vec<u64>)> {
        let answer = checker.get(path, &[], "").await;
        let place = |group: &Value| {
            let messages = group["messages"].as_array().unwrap().iter();
            let indices = messages.map(|message| message["message_index"].as_u64().unwrap()).collect();
            (group["outbox_level"].as_u64().unwrap(), indices)
        };
        answer.as_array().unwrap().iter().map(place).collect()
    };
    let (all, executable, unexecutable) =
        ("/local/outbox/pending", "/local/outbox/pending/executable", "/local/outbox/pending/unexecutable");
    sandbox
        .deposit(millrace_primitives::Address::zero(), millrace_primitives::Mutez::new(100))
        .await
        .unwrap();
    node.inject(&[withdrawal(1), b"O garbage".to_vec(), withdrawal(2)]).await.unwrap();
    control.bake(1).await.unwrap();
    node.inject(&[withdrawal(3)]).await.unwrap();
    control.bake(4).await.unwrap();
    node.inject(&[withdrawal(4)]).await.unwrap();
    control.bake(1).await.unwrap();
    let early = vec![(1, vec![0, 1, 2]), (2, vec![0]), (6, vec![0])];
    assert_eq!(places(all).await, early);
    assert_eq!((places(executable).await, places(unexecutable).await), (vec![], early));

    control.bake(1).await.unwrap();
    control.execute(&Execute { level: 1, index: 0 }).await.unwrap();
    control.bake(1).await.unwrap();
    assert_eq!(places(executable).await, [(1, vec![1, 2]), (2, vec![0])]);
    assert_eq!(places(unexecutable).await, [(6, vec![0])]);
    let answer = checker.get(all, &[], "?outbox_level=1").await;
    assert_eq!(answer.as_array().unwrap().len(), 1);
    assert_eq!(answer[0]["status"], "executable");
    assert_eq!(
        answer[0]["messages"][0],
        json!({ "message_index": 1 }),
        "what does not decode has a place only"
    );
    let call = &answer[0]["messages"][1]["message"]["transactions"][0];
    assert_eq!((&call["entrypoint"], &call["parameters"]["prim"]), (&json!("burn"), &json!("Pair")));

    // By level: with the index that it has, and nothing of what the state after the block does not know yet.
    let messages = "/global/block/{block_id}/outbox/{level}/messages";
    let of = async |block: &str, level: &str| {
        checker.get(messages, &[("{block_id}", block), ("{level}", level)], "").await
    };
    let first = of("head", "1").await;
    assert_eq!((&first[0]["message_index"], &first[1]["message_index"]), (&json!("0"), &json!("2")));
    assert_eq!(first[1]["message"]["transactions"][0], *call);
    assert_eq!(of("5", "6").await, json!([]));
    assert_eq!(of("6", "6").await.as_array().unwrap().len(), 1);
    let block = checker.get("/global/block/{block_id}", &[("{block_id}", "1")], "?outbox").await;
    assert_eq!(block["outbox"][1]["transactions"][0], *call);
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
    assert_eq!(get("/global/block/head/outbox/2/messages").await, json!([]), "it is no outbox message");

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
