//! Every method that Ethereum's OpenRPC description has, and the server too, answers in the described form.

use crate::support::chain::{block_hash, contract, sender, unlocked};
use crate::support::transactions::{dynamic_fee, hash, receiver};
use crate::support::{Fixture, data, openrpc};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Described, and refused with an error of their own.
const REFUSED: [&str; 1] = ["eth_getProof"];

/// A request to each method whose reply says something.
fn examples() -> Vec<(&'static str, Value)> {
    let [block, mined] =
        [block_hash(2).as_bytes(), hash(&dynamic_fee(None)).as_bytes()].map(|bytes| data(bytes));
    let [contract, sender, unlocked] =
        [contract(), sender(), unlocked()].map(|address| data(address.as_bytes()));
    let call = json!({ "from": sender, "to": contract, "input": "0x0102" });
    let transaction = json!({ "from": unlocked, "to": contract, "value": "0x1" });
    let raw = data(&dynamic_fee(Some(receiver())));
    vec![
        ("debug_traceBlockByHash", json!([block])),
        ("debug_traceBlockByNumber", json!(["0x2", { "tracer": "callTracer" }])),
        ("debug_traceTransaction", json!([mined])),
        ("eth_accounts", json!([])),
        ("eth_blobBaseFee", json!([])),
        ("eth_blockNumber", json!([])),
        ("eth_call", json!([call, "latest"])),
        ("eth_chainId", json!([])),
        ("eth_coinbase", json!([])),
        ("eth_createAccessList", json!([call])),
        ("eth_estimateGas", json!([call])),
        ("eth_feeHistory", json!(["0x2", "latest", [25, 75]])),
        ("eth_gasPrice", json!([])),
        ("eth_getBalance", json!([sender, "latest"])),
        ("eth_getBlockByHash", json!([block, true])),
        ("eth_getBlockByNumber", json!(["0x2", true])),
        ("eth_getBlockReceipts", json!(["0x2"])),
        ("eth_getBlockTransactionCountByHash", json!([block])),
        ("eth_getBlockTransactionCountByNumber", json!(["0x2"])),
        ("eth_getCode", json!([contract, "latest"])),
        ("eth_getLogs", json!([{ "fromBlock": "0x0" }])),
        ("eth_getStorageAt", json!([contract, "0x5", "latest"])),
        ("eth_getTransactionByBlockHashAndIndex", json!([block, "0x0"])),
        ("eth_getTransactionByBlockNumberAndIndex", json!(["0x2", "0x0"])),
        ("eth_getTransactionByHash", json!([mined])),
        ("eth_getTransactionCount", json!([sender, "pending"])),
        ("eth_getTransactionReceipt", json!([mined])),
        ("eth_maxPriorityFeePerGas", json!([])),
        ("eth_newBlockFilter", json!([])),
        ("eth_newFilter", json!([{ "fromBlock": "0x0" }])),
        ("eth_newPendingTransactionFilter", json!([])),
        ("eth_sendRawTransaction", json!([raw])),
        ("eth_sendTransaction", json!([transaction])),
        ("eth_sign", json!([unlocked, "0x01"])),
        ("eth_signTransaction", json!([transaction])),
        ("eth_simulateV1", json!([{ "blockStateCalls": [{ "calls": [call] }] }, "latest"])),
        ("eth_syncing", json!([])),
        ("eth_uninstallFilter", json!(["0x1"])),
        ("net_version", json!([])),
        ("txpool_content", json!([])),
        ("txpool_contentFrom", json!([sender])),
        ("txpool_status", json!([])),
    ]
}

/// Those that need a filter made before.
async fn polled(fixture: &Fixture) -> Vec<(&'static str, Value)> {
    let filter = fixture.call("eth_newFilter", json!([{ "fromBlock": "0x0" }])).await;
    fixture.chain.push_block();
    vec![("eth_getFilterChanges", json!([filter])), ("eth_getFilterLogs", json!([filter]))]
}

#[tokio::test]
async fn every_described_method_that_is_served_conforms() {
    let fixture = Fixture::new().await;
    let mut served = BTreeSet::new();
    for method in openrpc().methods().filter(|method| !REFUSED.contains(method)) {
        let reply = fixture.reply(method, json!([])).await;
        if reply["error"]["code"] != -32601 {
            served.insert(method);
        }
    }
    let mut validated = BTreeSet::new();
    for (method, params) in examples().into_iter().chain(polled(&fixture).await) {
        let result = fixture.call_unchecked(method, params).await;
        assert_ne!(result, Value::Null, "{method}: nothing to validate");
        assert_ne!(result, json!([]), "{method}: nothing to validate");
        openrpc().check(method, &result).expect("conforms");
        validated.insert(method);
    }
    let missing: Vec<_> = served.difference(&validated).collect();
    assert!(missing.is_empty(), "served, described, and without an example here: {missing:?}");
    let stale: Vec<_> = validated.difference(&served).collect();
    assert!(stale.is_empty(), "not served: {stale:?}");
}

#[tokio::test]
async fn what_is_refused_says_why() {
    let fixture = Fixture::new().await;
    for method in REFUSED {
        assert!(openrpc().describes(method), "{method} is gone from the description");
        let (code, message) = fixture.error(method, json!([{}, [], "latest"])).await;
        assert_eq!(code, -32601);
        assert!(message.contains("is not supported:"), "{message}");
    }
}
