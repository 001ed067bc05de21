//! Calls and estimates: where they run, what they pretend, how they fail, and how long they may take.

use crate::support::chain::{callee, reverted_because, sender};
use crate::support::{Fixture, data, repeated};
use millrace_primitives::{Address, BlockNumber, Gas, H256, Timestamp, U256};
use millrace_rpc::{AccountOverride, BlockOverrides, Overrides, Stage, StorageOverride};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

fn address_of(last: u8) -> String {
    format!("0x{last:040x}")
}

#[tokio::test]
async fn calls_return_or_say_why_not() {
    let fixture = Fixture::new().await;
    let to = |last: u8| format!("0x{:040x}", last);
    let call = json!({ "from": data(sender().as_bytes()), "to": to(1), "data": "0x0102", "gas": "0x5208", "maxFeePerGas": "0x1",
        "maxPriorityFeePerGas": "0x0", "value": "0x0", "nonce": "0x1", "type": "0x2", "chainId": "0x539",
        "accessList": [{ "address": to(9), "storageKeys": [repeated(1, 32)] }] });
    assert_eq!(fixture.call("eth_call", json!([call, "latest"])).await, "0x0102");
    assert_eq!(fixture.call("eth_call", json!([{ "to": to(1), "input": "0x03" }])).await, "0x03");
    assert_eq!(
        fixture.call("eth_call", json!([{ "to": to(1), "data": null }, "latest", {}, {}])).await,
        "0x"
    );
    assert_eq!(fixture.call("eth_call", json!([{ "data": "0x6000" }, "pending"])).await, "0x6000");
    assert_eq!(fixture.call("eth_estimateGas", json!([call])).await, "0x520a");

    for method in ["eth_call", "eth_estimateGas"] {
        let reply = fixture.reply(method, json!([{ "to": to(callee::REVERTS) }, "latest"])).await;
        let reverted = data(&reverted_because("not the owner"));
        let expected = json!({ "code": 3, "message": "execution reverted: not the owner", "data": reverted });
        assert_eq!(reply["error"], expected, "{method}");
        let error = fixture.error(method, json!([{ "to": to(callee::PANICS) }])).await;
        assert_eq!(error, (3, "execution reverted: division or modulo by zero".into()));
        let error = fixture.error(method, json!([{ "to": to(callee::RUNS_OUT_OF_GAS) }])).await;
        assert_eq!(error, (-32000, "out of gas".into()));
        let (code, message) = fixture.error(method, json!([{ "to": to(callee::CANNOT_PAY) }])).await;
        assert_eq!(code, -32000);
        assert!(message.starts_with("insufficient funds for gas * price + value"), "{message}");
        // The caller does not learn what broke.
        let error = fixture.error(method, json!([{ "to": to(callee::BREAKS_THE_NODE) }])).await;
        assert_eq!(error, (-32603, "internal error".into()));
    }
}

#[tokio::test]
async fn a_pending_call_and_an_estimate_are_in_the_next_block() {
    let fixture = Fixture::new().await;
    let number = |number| BlockNumber::new(number);
    let table = [
        ("eth_call", json!([{}]), number(3), Stage::Same),
        ("eth_call", json!([{}, "latest"]), number(3), Stage::Same),
        ("eth_call", json!([{}, "pending"]), number(3), Stage::Next),
        ("eth_call", json!([{}, "safe"]), number(2), Stage::Same),
        ("eth_estimateGas", json!([{}]), number(3), Stage::Next),
        ("eth_estimateGas", json!([{}, "latest"]), number(3), Stage::Next),
        ("eth_estimateGas", json!([{}, "pending"]), number(3), Stage::Next),
        ("eth_estimateGas", json!([{}, "0x2"]), number(2), Stage::Same),
    ];
    for (method, params, at, stage) in table {
        fixture.call(method, params.clone()).await;
        let request = fixture.chain.last_call();
        assert_eq!((request.at, request.stage), (at, stage), "{method} {params}");
        assert_eq!(request.gas_max, Gas::new(50_000_000), "{method} {params}");
    }
}

#[tokio::test]
async fn overrides_reach_the_chain() {
    let fixture = Fixture::new().await;
    let account = json!({ "balance": "0x5", "nonce": "0x6", "code": "0x60", "stateDiff": { repeated(1, 32): repeated(2, 32) } });
    let accounts = json!({ repeated(9, 20): account });
    let block = json!({ "number": "0x63", "time": "0x7", "baseFeePerGas": "0x8", "gasLimit": "0x9", "feeRecipient": repeated(4, 20) });
    let expected = Overrides {
        accounts: BTreeMap::from([(
            Address::repeat_byte(9),
            AccountOverride {
                balance: Some(U256::from(5)),
                nonce: Some(6),
                code: Some(vec![0x60]),
                storage: StorageOverride::Slots(BTreeMap::from([(
                    H256::repeat_byte(1),
                    H256::repeat_byte(2),
                )])),
            },
        )]),
        block: BlockOverrides {
            number: Some(BlockNumber::new(99)),
            timestamp: Some(Timestamp::new(7)),
            beneficiary: Some(Address::repeat_byte(4)),
            gas_limit: Some(Gas::new(9)),
            base_fee: Some(U256::from(8)),
            prev_randao: None,
        },
    };
    for method in ["eth_call", "eth_estimateGas"] {
        fixture.call(method, json!([{}, "latest", accounts, block])).await;
        assert_eq!(fixture.chain.last_call().overrides, expected, "{method}");
        fixture.call(method, json!([{}, "latest", null, null])).await;
        assert_eq!(fixture.chain.last_call().overrides, Overrides::default(), "{method}");
    }
}

#[tokio::test]
async fn a_call_that_takes_too_long_is_ended() {
    let fixture = Fixture::with(|config| config.call_time_ms_max = 20).await;
    for method in ["eth_call", "eth_estimateGas"] {
        let error = fixture.error(method, json!([{ "to": address_of(callee::NEVER_ENDS) }])).await;
        assert_eq!(error, (-32000, "execution aborted (timeout = 20ms)".into()), "{method}");
        fixture.chain.interrupted().await;
    }
}

#[tokio::test]
async fn reads_and_searches_do_not_wait_for_calls() {
    let fixture = Arc::new(
        Fixture::with(|config| {
            config.calls_max = 1;
            config.waiting_max = 0;
            config.call_time_ms_max = 600_000;
        })
        .await,
    );
    let busy = tokio::spawn({
        let fixture = Arc::clone(&fixture);
        async move { fixture.reply("eth_call", json!([{ "to": address_of(callee::NEVER_ENDS) }])).await }
    });
    fixture.chain.never_ending_runs().await;
    let (code, message) = fixture.error("eth_call", json!([{}])).await;
    assert_eq!((code, message.as_str()), (-32005, "the node is busy: too many calls are waiting"));
    assert_ne!(fixture.call("eth_getBlockByNumber", json!(["latest", true])).await, Value::Null);
    assert_ne!(fixture.call("eth_getLogs", json!([{ "fromBlock": "0x0" }])).await, json!([]));
    // The connection closes, and with it the call ends.
    busy.abort();
    fixture.chain.interrupted().await;
}
