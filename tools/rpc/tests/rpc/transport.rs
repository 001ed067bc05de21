//! Malformed requests, batches, limits, browsers.

use crate::support::client::send;
use crate::support::{Fixture, repeated};
use millrace_rpc::Cors;
use serde_json::{Value, json};

#[tokio::test]
async fn malformed_requests_get_the_codes_of_the_specification() {
    let fixture = Fixture::new().await;
    let table = [
        ("{", -32700),
        ("nonsense", -32700),
        ("", -32700),
        ("[", -32700),
        ("\u{1F600}", -32700),
        (r#"{"jsonrpc":"2.0","id":1,"method":"eth_chainId""#, -32700),
        (r#"{"jsonrpc":"2.0","id":1}"#, -32600),
        (r#"{"jsonrpc":"2.0","id":1,"method":5}"#, -32600),
        (r#"{"jsonrpc":"1.0","id":1,"method":"eth_chainId"}"#, -32600),
        ("[]", -32600),
        (r#"{"jsonrpc":"2.0","id":1,"method":"eth_nothing"}"#, -32601),
        (r#"{"jsonrpc":"2.0","id":1,"method":""}"#, -32601),
        (r#"{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":[1]}"#, -32602),
        (r#"{"jsonrpc":"2.0","id":1,"method":"eth_getBalance","params":{"address":"0x"}}"#, -32602),
    ];
    for (body, code) in table {
        let reply = fixture.post(body).await;
        assert_eq!(reply.json()["error"]["code"], code, "{body}: {} {}", reply.status, reply.body);
    }
    assert_eq!(fixture.call("eth_chainId", json!([])).await, "0x539", "nothing stopped");
}

#[tokio::test]
async fn a_wrong_argument_is_named() {
    let fixture = Fixture::new().await;
    let address = repeated(1, 20);
    let table = [
        ("eth_getBalance", json!([]), "missing value for required argument 0 (address)"),
        ("eth_getBalance", json!([null]), "missing value for required argument 0 (address)"),
        ("eth_getBalance", json!(["0x12"]), "invalid argument 0 (address): expected 20 bytes"),
        ("eth_getBalance", json!([5]), "invalid argument 0 (address): expected a string"),
        ("eth_getBalance", json!([address, "soon"]), "invalid argument 1 (block): expected a block"),
        (
            "eth_getBalance",
            json!([address, "0x1ffffffffffffffff"]),
            "invalid argument 1 (block): block number above",
        ),
        ("eth_getBalance", json!([address, {}]), "invalid argument 1 (block): expected either"),
        (
            "eth_getBalance",
            json!([address, { "blockNumber": "0x1", "blockHash": repeated(1, 32) }]),
            "expected either",
        ),
        ("eth_getBalance", json!([address, "latest", 1]), "too many arguments: got 3, want at most 2"),
        ("eth_getBlockByNumber", json!(["latest", "yes"]), "(hydrated transactions): expected true or false"),
        ("eth_getBlockByHash", json!(["0x12", true]), "invalid argument 0 (block hash): expected 32 bytes"),
        (
            "eth_getStorageAt",
            json!([address, "five"]),
            "invalid argument 1 (storage slot): expected a quantity",
        ),
        (
            "eth_getTransactionByHash",
            json!(["0xzz"]),
            "invalid argument 0 (transaction hash): expected 32 bytes",
        ),
        ("eth_sendRawTransaction", json!(["02"]), "invalid argument 0 (transaction): expected hexadecimal"),
        ("eth_sendRawTransaction", json!(["0x0"]), "invalid argument 0 (transaction): odd number"),
        ("eth_call", json!(["0x"]), "invalid argument 0 (transaction): expected a transaction object"),
        ("eth_call", json!([{ "to": "0x1" }]), "invalid argument 0 (transaction): to: expected 20 bytes"),
        ("eth_call", json!([{ "data": "0x01", "input": "0x02" }]), "data and input are both set and differ"),
        (
            "eth_call",
            json!([{ "gasPrice": "0x1", "maxFeePerGas": "0x2" }]),
            "gasPrice and maxFeePerGas are both set",
        ),
        ("eth_call", json!([{ "chainId": "0x1" }]), "invalid chain id for signer: have 1 want 1337"),
        ("eth_call", json!([{ "accessList": [{ "address": "0x" }] }]), "accessList: expected 20 bytes"),
        (
            "eth_call",
            json!([{ "gasPrice": "0x1", "maxPriorityFeePerGas": "0x2" }]),
            "gasPrice and maxPriorityFeePerGas are both set",
        ),
        ("eth_call", json!([{}, "latest", { "0x01": {} }]), "(state overrides): 0x01: expected 20 bytes"),
        (
            "eth_call",
            json!([{}, "latest", { address.clone(): { "movePrecompileToAddress": address } }]),
            "movePrecompileToAddress: precompiles cannot be moved",
        ),
        ("eth_call", json!([{}, "latest", {}, { "withdrawals": [] }]), "(block overrides): unknown field"),
        (
            "eth_feeHistory",
            json!(["0x1", "latest", [60, 50]]),
            "(reward percentiles): percentiles must ascend",
        ),
        ("eth_feeHistory", json!(["0x1", "latest", [101]]), "(reward percentiles): percentiles must ascend"),
        (
            "eth_getLogs",
            json!([{ "topics": ["0x1"] }]),
            "invalid argument 0 (filter): topics: expected 32 bytes",
        ),
        (
            "eth_uninstallFilter",
            json!(["mine"]),
            "invalid argument 0 (filter identifier): expected a quantity",
        ),
        ("web3_sha3", json!(["text"]), "invalid argument 0 (data): expected hexadecimal"),
    ];
    for (method, params, reason) in table {
        let (code, message) = fixture.error(method, params.clone()).await;
        assert_eq!(code, -32602, "{method} {params}: {message}");
        assert!(message.contains(reason), "{method} {params}: {message}");
    }
    let (code, message) = fixture.error("eth_nothing", json!([])).await;
    assert_eq!((code, message.as_str()), (-32601, "the method eth_nothing does not exist/is not available"));
    let (code, message) = fixture.error("eth_subscribe", json!(["newHeads"])).await;
    assert_eq!((code, message.as_str()), (-32601, "the method eth_subscribe needs a websocket connection"));
}

#[tokio::test]
async fn batches_answer_each_request_in_order() {
    let fixture = Fixture::new().await;
    let batch = json!([
        { "jsonrpc": "2.0", "id": 1, "method": "eth_chainId" },
        { "jsonrpc": "2.0", "id": "two", "method": "eth_nothing" },
        5,
        { "jsonrpc": "2.0", "method": "eth_blockNumber" },
        { "jsonrpc": "2.0", "id": 4, "method": "eth_call", "params": [{ "data": "0x07" }, "latest"] },
    ]);
    let replies = fixture.post(&batch.to_string()).await.json();
    let replies = replies.as_array().expect("an array");
    assert_eq!(replies.len(), 4, "a notification has no reply");
    assert_eq!((&replies[0]["id"], &replies[0]["result"]), (&json!(1), &json!("0x539")));
    assert_eq!((&replies[1]["id"], &replies[1]["error"]["code"]), (&json!("two"), &json!(-32601)));
    assert_eq!((&replies[2]["id"], &replies[2]["error"]["code"]), (&Value::Null, &json!(-32600)));
    assert_eq!((&replies[3]["id"], &replies[3]["result"]), (&json!(4), &json!("0x07")));
}

#[tokio::test]
async fn sizes_are_limited() {
    let fixture = Fixture::with(|config| {
        config.request_size_bytes_max = 10_000;
        config.response_size_bytes_max = 2_000;
        config.batch_requests_max = 3;
    })
    .await;
    let request = json!({ "jsonrpc": "2.0", "id": 1, "method": "eth_chainId" });
    let batch = vec![request.clone(); 4];
    let reply = fixture.post(&json!(batch).to_string()).await.json();
    assert_eq!(reply["error"]["code"], -32010, "{reply}");
    let reply = fixture.post(&json!(batch[..3]).to_string()).await.json();
    assert_eq!(reply.as_array().map(Vec::len), Some(3));

    let reply = fixture.post(&" ".repeat(10_001)).await;
    assert_eq!((reply.status, &reply.json()["error"]["code"]), (413, &json!(-32007)));
    let (code, _) = fixture.error("eth_getBlockByNumber", json!(["0x2", true])).await;
    assert_eq!(code, -32008, "the reply is too large");
}

#[tokio::test]
async fn what_is_not_a_post_of_json_is_refused() {
    let fixture = Fixture::new().await;
    let body = br#"{"jsonrpc":"2.0","id":1,"method":"eth_chainId"}"#;
    let reply = send(fixture.address(), "GET / HTTP/1.1", b"").await;
    assert_eq!(reply.status, 405);
    let reply = send(fixture.address(), "POST / HTTP/1.1\r\ncontent-type: text/plain", body).await;
    assert_eq!(reply.status, 415);
    let head = "POST / HTTP/1.1\r\ncontent-type: application/json; charset=utf-8";
    assert_eq!(send(fixture.address(), head, body).await.json()["result"], "0x539");
}

#[tokio::test]
async fn browsers_are_answered_according_to_their_origin() {
    let preflight = "OPTIONS / HTTP/1.1\r\norigin: https://dapp.example\r\n\
        access-control-request-method: POST\r\naccess-control-request-headers: content-type";
    let allowed =
        |headers: &str, origin: &str| headers.contains(&format!("access-control-allow-origin: {origin}"));

    let fixture = Fixture::new().await;
    let reply = send(fixture.address(), preflight, b"").await;
    assert_eq!(reply.status, 200);
    assert!(allowed(&reply.headers, "*"), "{}", reply.headers);

    let fixture =
        Fixture::with(|config| config.cors = Cors::Origins(vec!["https://dapp.example".into()])).await;
    let reply = send(fixture.address(), preflight, b"").await;
    assert!(allowed(&reply.headers, "https://dapp.example"), "{}", reply.headers);

    let fixture = Fixture::with(|config| config.cors = Cors::Origins(Vec::new())).await;
    let reply = send(fixture.address(), preflight, b"").await;
    assert!(!reply.headers.contains("access-control-allow-origin"), "{}", reply.headers);
}

#[tokio::test]
async fn a_stopped_server_frees_its_port() {
    let fixture = Fixture::new().await;
    assert_eq!(fixture.call("eth_chainId", json!([])).await, "0x539");
    let address = fixture.address();
    fixture.server.stop().await;
    tokio::net::TcpListener::bind(address).await.expect("the port is free");
}
