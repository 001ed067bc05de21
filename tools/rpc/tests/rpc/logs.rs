//! Logs, and the filters that are polled.

use crate::support::chain::{block_hash, contract};
use crate::support::transactions::{dynamic_fee, hash};
use crate::support::{Fixture, data, repeated};
use serde_json::{Value, json};

fn transaction_hash(raw: &[u8]) -> String {
    data(hash(raw).as_bytes())
}

fn hash_of_block(number: u64) -> String {
    data(block_hash(number).as_bytes())
}

fn unknown_hash() -> String {
    repeated(0x77, 32)
}

#[tokio::test]
async fn logs_are_searched_by_block_address_and_topics() {
    let fixture = Fixture::new().await;
    let topic = |byte| repeated(byte, 32);
    let contract = data(contract().as_bytes());
    let table = [
        (json!({ "fromBlock": "earliest", "toBlock": "latest" }), vec!["0x0", "0x1", "0x2"]),
        (json!({ "fromBlock": "0x0", "address": contract }), vec!["0x0", "0x1", "0x2"]),
        (json!({ "fromBlock": "0x0", "address": [repeated(1, 20), contract] }), vec!["0x0", "0x1", "0x2"]),
        (json!({ "fromBlock": "0x0", "address": repeated(1, 20) }), vec![]),
        (json!({ "fromBlock": "0x0", "topics": [null, [topic(1), topic(3)]] }), vec!["0x0", "0x2"]),
        (json!({ "fromBlock": "0x0", "topics": [topic(0xe0), topic(2)] }), vec!["0x1"]),
        (json!({ "blockHash": hash_of_block(2) }), vec!["0x0", "0x1", "0x2"]),
        (json!({ "blockHash": hash_of_block(1) }), vec![]),
        (json!({}), vec![]),
        (json!({ "fromBlock": "0x63" }), vec![]),
        (json!({ "fromBlock": "0x2", "toBlock": "0x63" }), vec!["0x0", "0x1", "0x2"]),
    ];
    for (filter, expected) in table {
        let found = fixture.call("eth_getLogs", json!([filter])).await;
        let indices: Vec<_> = found
            .as_array()
            .expect("logs")
            .iter()
            .map(|log| log["logIndex"].as_str().expect("an index"))
            .collect();
        assert_eq!(indices, expected, "{filter}");
    }
    let error = fixture.error("eth_getLogs", json!([{ "blockHash": unknown_hash() }])).await;
    assert_eq!(error, (-32001, "block not found".into()));
    let (code, message) =
        fixture.error("eth_getLogs", json!([{ "fromBlock": "0x2", "toBlock": "0x1" }])).await;
    assert_eq!(code, -32602);
    assert!(message.contains("fromBlock 2 is after toBlock 1"), "{message}");
}

#[tokio::test]
async fn searches_for_logs_are_limited() {
    let fixture = Fixture::with(|config| {
        config.log_range_blocks_max = 3;
        config.logs_max = 2;
    })
    .await;
    let error = fixture.error("eth_getLogs", json!([{ "fromBlock": "0x0" }])).await;
    assert_eq!(error, (-32005, "block range too large: 4 blocks, limit 3".into()));
    let error = fixture.error("eth_getLogs", json!([{ "fromBlock": "0x1" }])).await;
    let message = "query returned more than 2 results. Try with this block range [0x1, 0x1].";
    assert_eq!(error, (-32005, message.into()));
    // Block 2 has three: who asks for it alone cannot ask for less.
    for filter in [json!({ "fromBlock": "0x2", "toBlock": "0x2" }), json!({ "blockHash": hash_of_block(2) })]
    {
        let found = fixture.call("eth_getLogs", json!([filter])).await;
        assert_eq!(found.as_array().map(Vec::len), Some(3), "{filter}");
    }
}

#[tokio::test]
async fn a_search_may_span_the_whole_chain_and_takes_no_longer_than_it_may() {
    let fixture = Fixture::with(|config| {
        config.read_time_ms_max = 500;
        config.searches_max = 1;
    })
    .await;
    fixture.chain.pretend_head(10_000_000);
    let found = fixture.call("eth_getLogs", json!([{ "fromBlock": "earliest" }])).await;
    assert_eq!(found.as_array().map(Vec::len), Some(3));
    assert!(fixture.chain.bloom_span_max() <= millrace_rpc::config::BLOOM_BLOCKS_MAX);

    // More than a hundred looks at blooms, of ten milliseconds each.
    fixture.chain.pretend_slow_blooms();
    let error = fixture.error("eth_getLogs", json!([{ "fromBlock": "earliest" }])).await;
    assert_eq!(error, (-32002, "request timed out after 500ms: ask for less at a time".into()));
    // The one thread is free again long before that search could have ended.
    let found = fixture.call("eth_getLogs", json!([{ "blockHash": hash_of_block(2) }])).await;
    assert_eq!(found.as_array().map(Vec::len), Some(3));
}

#[tokio::test]
async fn filters_give_each_change_once() {
    let fixture = Fixture::new().await;
    let logs = fixture.call("eth_newFilter", json!([{ "fromBlock": "0x0" }])).await;
    let later = fixture.call("eth_newFilter", json!([{ "fromBlock": "0x5", "toBlock": "0x5" }])).await;
    let blocks = fixture.call("eth_newBlockFilter", json!([])).await;
    let pending = fixture.call("eth_newPendingTransactionFilter", json!([])).await;
    for filter in [&logs, &later, &blocks, &pending] {
        assert_eq!(fixture.call("eth_getFilterChanges", json!([filter])).await, json!([]));
    }
    let raw = dynamic_fee(None);
    fixture.call("eth_sendRawTransaction", json!([data(&raw)])).await;
    let [four, five, six] = [0; 3].map(|_| fixture.chain.push_block());

    let changes = |filter: &Value| fixture.call("eth_getFilterChanges", json!([filter]));
    let hashes = [&four, &five, &six].map(|block| data(block.hash.as_bytes()));
    assert_eq!(changes(&blocks).await, json!(hashes));
    assert_eq!(changes(&pending).await, json!([transaction_hash(&raw)]));
    let found = changes(&logs).await;
    let numbers = |found: &Value| -> Vec<Value> {
        found.as_array().expect("logs").iter().map(|log| log["blockNumber"].clone()).collect()
    };
    assert_eq!(numbers(&found), ["0x4", "0x5", "0x6"]);
    assert_eq!(numbers(&changes(&later).await), ["0x5"]);
    for filter in [&logs, &later, &blocks, &pending] {
        assert_eq!(changes(filter).await, json!([]), "a second time");
    }
    let whole = fixture.call("eth_getFilterLogs", json!([logs])).await;
    assert_eq!(numbers(&whole).len(), 6, "the whole range of the filter");
    let error = fixture.error("eth_getFilterLogs", json!([blocks])).await;
    assert_eq!(error, (-32000, "not a filter of logs".into()));
}

#[tokio::test]
async fn a_filter_that_could_not_be_answered_loses_nothing() {
    let fixture = Fixture::new().await;
    let logs = fixture.call("eth_newFilter", json!([{ "fromBlock": "0x0" }])).await;
    let blocks = fixture.call("eth_newBlockFilter", json!([])).await;
    fixture.chain.push_block();
    for filter in [&logs, &blocks] {
        fixture.chain.fail_reads(1);
        let error = fixture.error("eth_getFilterChanges", json!([filter])).await;
        assert_eq!(error, (-32603, "internal error".into()));
        let found = fixture.call("eth_getFilterChanges", json!([filter])).await;
        assert_eq!(found.as_array().map(Vec::len), Some(1), "it comes the next time");
        assert_eq!(fixture.call("eth_getFilterChanges", json!([filter])).await, json!([]));
    }
}

#[tokio::test]
async fn a_filter_with_much_to_tell_tells_it_in_pages_of_whole_blocks() {
    let fixture = Fixture::with(|config| config.logs_max = 5).await;
    let filter = fixture.call("eth_newFilter", json!([{ "fromBlock": "0x0" }])).await;
    for count in [2, 3, 1, 9, 4] {
        fixture.chain.push_block_with_logs(count);
    }
    for page in [vec![4, 4, 5, 5, 5], vec![6], vec![7; 9], vec![8; 4], vec![]] {
        let found = fixture.call("eth_getFilterChanges", json!([filter])).await;
        let found = found.as_array().expect("logs").iter().map(|log| log["blockNumber"].clone());
        let expected: Vec<_> = page.iter().map(|number| json!(format!("{number:#x}"))).collect();
        assert_eq!(found.collect::<Vec<_>>(), expected);
    }
}

#[tokio::test]
async fn a_filter_gives_no_more_than_a_reply_can_carry() {
    let fixture = Fixture::with(|config| config.response_size_bytes_max = 4_500).await;
    let filter = fixture.call("eth_newFilter", json!([{ "fromBlock": "0x0" }])).await;
    for count in [4, 4, 100] {
        fixture.chain.push_block_with_logs(count);
    }
    for _ in 0..2 {
        let found = fixture.call("eth_getFilterChanges", json!([filter])).await;
        assert_eq!(found.as_array().map(Vec::len), Some(4));
    }
    for _ in 0..2 {
        let (code, message) = fixture.error("eth_getFilterChanges", json!([filter])).await;
        assert_eq!(code, -32005);
        assert!(message.contains("use a narrower filter"), "{message}");
    }
}

#[tokio::test]
async fn filters_end_when_uninstalled_or_forgotten() {
    let fixture = Fixture::with(|config| config.filters_max = 2).await;
    let first = fixture.call("eth_newBlockFilter", json!([])).await;
    let second = fixture.call("eth_newBlockFilter", json!([])).await;
    let error = fixture.error("eth_newBlockFilter", json!([])).await;
    assert_eq!(error, (-32005, "too many filters: limit 2".into()));
    assert_eq!(fixture.call("eth_uninstallFilter", json!([first])).await, true);
    assert_eq!(fixture.call("eth_uninstallFilter", json!([first])).await, false);
    fixture.advance_ms(300_000);
    assert_eq!(fixture.call("eth_getFilterChanges", json!([second])).await, json!([]));
    fixture.advance_ms(300_001);
    let error = fixture.error("eth_getFilterChanges", json!([second])).await;
    assert_eq!(error, (-32000, "filter not found".into()));
}
