//! Traces and access lists: what reaches the chain, and the forms of the answers.

use crate::support::chain::{TOO_LARGE, block_hash, callee, contract, sender, unlocked, word};
use crate::support::transactions::{dynamic_fee, hash, receiver};
use crate::support::{Fixture, data, repeated};
use millrace_primitives::U256;
use millrace_rpc::Authorization;
use serde_json::{Value, json};

fn named(raw: &[u8]) -> String {
    data(hash(raw).as_bytes())
}

fn options(tracer: &str) -> Value {
    json!({ "tracer": tracer, "tracerConfig": {}, "timeout": "5s" })
}

#[tokio::test]
async fn a_transaction_is_found_in_its_block() {
    let fixture = Fixture::new().await;
    // The first and second of block 2.
    let first = named(&dynamic_fee(None));
    let second = named(&dynamic_fee(Some(contract())));
    let gas_used = |trace: &Value| trace["gasUsed"].clone();
    let trace = fixture.call("debug_traceTransaction", json!([first, options("callTracer")])).await;
    assert_eq!((gas_used(&trace), &trace["type"]), (json!("0x5208"), &json!("CALL")));
    let trace = fixture.call("debug_traceTransaction", json!([second, options("callTracer")])).await;
    assert_eq!(gas_used(&trace), json!("0x5209"));
    let trace = fixture.call("debug_traceTransaction", json!([second])).await;
    assert_eq!((&trace["gas"], &trace["returnValue"]), (&json!(21_001), &json!("0x01")));
    assert_eq!(trace["structLogs"][0]["stack"], json!(["0x1"]));
    let trace = fixture.call("debug_traceTransaction", json!([second, options("prestateTracer")])).await;
    assert_eq!(trace, json!({ data(sender().as_bytes()): { "nonce": 2 } }));
    let diff = json!({ "tracer": "prestateTracer", "tracerConfig": { "diffMode": true } });
    let trace = fixture.call("debug_traceTransaction", json!([second, diff])).await;
    assert_eq!(trace["pre"], trace["post"]);
}

#[tokio::test]
async fn a_block_is_a_list_of_traces_by_name() {
    let fixture = Fixture::new().await;
    for (method, block) in [
        ("debug_traceBlockByNumber", json!("0x2")),
        ("debug_traceBlockByHash", json!(data(block_hash(2).as_bytes()))),
    ] {
        let traces = fixture.call(method, json!([block, options("callTracer")])).await;
        let traces = traces.as_array().expect("a list");
        assert_eq!(traces.len(), 3);
        assert_eq!(traces[0]["txHash"], named(&dynamic_fee(None)));
        assert_eq!(traces[2]["result"]["gasUsed"], "0x520a");
    }
}

#[tokio::test]
async fn what_cannot_be_traced_has_an_error() {
    let fixture = Fixture::new().await;
    let unknown = repeated(9, 32);
    let table = [
        ("debug_traceTransaction", json!([unknown]), -32000, "transaction not found"),
        ("debug_traceBlockByHash", json!([unknown]), -32001, "block not found"),
        ("debug_traceBlockByNumber", json!(["0x0"]), -32000, "genesis is not traceable"),
        ("debug_traceBlockByNumber", json!(["0x99"]), -32001, "block not found"),
        // The state before block 1 is not kept.
        ("debug_traceBlockByNumber", json!(["0x1"]), -32002, "the state after block 0 is not available"),
        ("debug_traceBlockByNumber", json!(["0x2", { "tracer": "muxTracer" }]), -32602, "is not supported"),
        ("debug_traceCall", json!([{ "data": data(&TOO_LARGE) }]), -32005, "the trace is too large"),
        ("debug_traceCall", json!([{}, "latest", { "blockOverrides": { "gas": "0x1" } }]), -32602, "gas"),
    ];
    for (method, params, code, message) in table {
        let (got, text) = fixture.error(method, params.clone()).await;
        assert_eq!(got, code, "{method} {params}: {text}");
        assert!(text.contains(message), "{method} {params}: {text}");
    }
}

#[tokio::test]
async fn a_traced_call_reaches_the_chain_with_its_overrides() {
    let fixture = Fixture::new().await;
    let config = json!({ "tracer": "callTracer", "stateOverrides": { repeated(9, 20): { "balance": "0x5" } },
        "blockOverrides": { "number": "0x63" } });
    let trace = fixture.call("debug_traceCall", json!([{ "to": repeated(1, 20) }, "0x2", config])).await;
    assert_eq!(trace["type"], "CALL");
    let request = fixture.chain.last_call();
    assert_eq!(request.at.get(), 2);
    assert_eq!(request.overrides.block.number.map(|number| number.get()), Some(0x63));
    assert_eq!(request.overrides.accounts.len(), 1);
}

#[tokio::test]
async fn an_access_list_has_accounts_and_slots() {
    let fixture = Fixture::new().await;
    let reply = fixture.call("eth_createAccessList", json!([{ "to": data(receiver().as_bytes()) }])).await;
    let slots = [word(1), word(2)].map(|slot| data(slot.as_bytes()));
    let expected = json!({ "accessList": [{ "address": data(contract().as_bytes()), "storageKeys": slots }],
        "gasUsed": "0x5208" });
    assert_eq!(reply, expected);
    let reverts = json!([{ "to": format!("0x{:040x}", callee::REVERTS) }]);
    let reply = fixture.call("eth_createAccessList", reverts).await;
    assert_eq!(reply, json!({ "accessList": [], "error": "execution reverted", "gasUsed": "0x5208" }));
}

#[tokio::test]
async fn authorizations_reach_the_chain() {
    let fixture = Fixture::new().await;
    let entry = json!({ "chainId": "0x1", "address": repeated(7, 20), "nonce": "0x2", "yParity": "0x1",
        "r": "0x3", "s": "0x4" });
    fixture.call("eth_call", json!([{ "to": repeated(1, 20), "authorizationList": [entry] }])).await;
    let expected = Authorization {
        chain_id: U256::one(),
        address: millrace_primitives::Address::repeat_byte(7),
        nonce: 2,
        y_parity: 1,
        r: U256::from(3),
        s: U256::from(4),
    };
    assert_eq!(fixture.chain.last_call().call.authorizations, [expected]);
    let transaction = json!({ "from": data(unlocked().as_bytes()), "to": repeated(1, 20),
        "authorizationList": [entry] });
    fixture.call("eth_sendTransaction", json!([transaction])).await;
    assert_eq!(fixture.chain.wallet.last().authorizations, [expected]);
    let mut with_v = entry.clone();
    let fields = with_v.as_object_mut().expect("an object");
    fields.remove("yParity");
    let (_, message) = fixture.error("eth_call", json!([{ "authorizationList": [with_v] }])).await;
    assert!(message.ends_with("authorizationList: yParity is missing"), "{message}");
    with_v["v"] = json!("0x1c");
    fixture.call("eth_call", json!([{ "authorizationList": [with_v] }])).await;
    assert_eq!(fixture.chain.last_call().call.authorizations, [expected]);
    let (_, message) = fixture.error("eth_call", json!([{ "authorizationList": [{}] }])).await;
    assert!(message.contains("authorizationList: missing field"), "{message}");
}
