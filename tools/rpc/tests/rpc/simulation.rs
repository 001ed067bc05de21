//! `eth_simulateV1`: what reaches the chain, the forms of the answers, and the codes of errors.

use crate::support::chain::{callee, contract, reverted_because};
use crate::support::{Fixture, data, repeated};
use millrace_primitives::{Address, U256};
use serde_json::{Value, json};

fn to(last: u8) -> Value {
    json!({ "to": format!("0x{last:040x}"), "input": "0x0102" })
}

#[tokio::test]
async fn blocks_reach_the_chain_whole() {
    let fixture = Fixture::new().await;
    let call = json!({ "from": repeated(3, 20), "to": repeated(4, 20), "value": "0x5", "nonce": "0x6",
        "maxFeePerGas": "0x7", "maxPriorityFeePerGas": "0x0", "type": "0x2" });
    let blocks = json!([
        { "blockOverrides": { "number": "0x63" }, "stateOverrides": { repeated(9, 20): { "balance": "0x8" } },
          "calls": [call, {}] },
        {},
    ]);
    let payload = json!({ "blockStateCalls": blocks, "validation": true, "traceTransfers": true });
    let reply = fixture.call("eth_simulateV1", json!([payload, "0x2"])).await;
    assert_eq!(reply.as_array().map(Vec::len), Some(2));
    let request = fixture.chain.last_simulation();
    assert_eq!((request.at.get(), request.validates, request.shows_transfers), (2, true, true));
    let [first, second] = request.blocks.as_slice() else { panic!("two blocks") };
    assert_eq!(first.overrides.block.number.map(|number| number.get()), Some(0x63));
    assert_eq!(first.overrides.accounts[&Address::repeat_byte(9)].balance, Some(U256::from(8)));
    let (call, nonce) = &first.calls[0];
    assert_eq!(
        (call.to, call.value, call.gas_price),
        (Some(Address::repeat_byte(4)), 5.into(), Some(7.into()))
    );
    assert_eq!((*nonce, first.calls[1].1), (Some(6), None));
    assert_eq!((second.calls.len(), second.overrides.accounts.len()), (0, 0));
}

#[tokio::test]
async fn answers_are_blocks_with_their_calls() {
    let fixture = Fixture::new().await;
    let calls = [to(1), to(callee::REVERTS), to(callee::RUNS_OUT_OF_GAS)];
    let payload = json!({ "blockStateCalls": [{ "calls": calls }] });
    let reply = fixture.call("eth_simulateV1", json!([payload])).await;
    let block = &reply[0];
    assert_eq!((&block["number"], block["transactions"][0].is_string()), (&json!("0x2"), true));
    let [returned, reverted, halted] = [0, 1, 2].map(|index| &block["calls"][index]);
    assert_eq!((&returned["status"], &returned["returnData"]), (&json!("0x1"), &json!("0x0102")));
    assert_eq!(returned["logs"][0]["address"], data(contract().as_bytes()));
    assert_eq!(returned["logs"][0]["blockHash"], block["hash"]);
    assert_eq!(returned["logs"][0]["transactionHash"], block["transactions"][0]);
    let error = json!({ "code": 3, "message": "execution reverted: not the owner",
        "data": data(&reverted_because("not the owner")) });
    assert_eq!((&reverted["status"], &reverted["error"]), (&json!("0x0"), &error));
    let error = json!({ "code": -32015, "message": "vm execution error: out of gas" });
    assert_eq!((&halted["status"], &halted["error"]), (&json!("0x0"), &error));
    let payload = json!({ "blockStateCalls": [{}], "returnFullTransactions": true });
    let reply = fixture.call("eth_simulateV1", json!([payload, "latest"])).await;
    assert!(reply[0]["transactions"][0]["hash"].is_string());
}

#[tokio::test]
async fn what_cannot_be_simulated_has_its_code() {
    let fixture = Fixture::new().await;
    let one = |block: Value| json!([{ "blockStateCalls": [block] }]);
    let table = [
        (json!([{}]), -32602, "missing field `blockStateCalls`"),
        (json!([{ "blockStateCalls": [] }]), -32602, "there are none"),
        (json!([{ "blockStateCalls": vec![json!({}); 257] }]), -32602, "more than 256"),
        (one(json!({ "call": [] })), -32602, "blockStateCalls[0]: unknown field `call`"),
        (one(json!({ "calls": [{}, { "to": "0x" }] })), -32602, "blockStateCalls[0]: calls[1]: to:"),
        (one(json!({ "calls": [to(callee::CANNOT_PAY)] })), -38014, "insufficient funds"),
        (one(json!({ "calls": [to(callee::NEVER_ENDS)] })), -38020, "block numbers"),
        (json!([{ "blockStateCalls": [{}] }, "0x0"]), -32002, "not available"),
    ];
    for (params, code, message) in table {
        let (got, text) = fixture.error("eth_simulateV1", params).await;
        assert_eq!(got, code, "{text}");
        assert!(text.contains(message), "{text}");
    }
}
