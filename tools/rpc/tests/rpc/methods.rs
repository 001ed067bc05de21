//! What each method answers.

use crate::support::chain::{block_hash, contract, depositor, sender, unlocked};
use crate::support::transactions::{
    CHAIN_ID, deposit, dynamic_fee, hash, legacy, receiver, with_access_list, with_authorizations,
};
use crate::support::{Fixture, data, repeated};
use millrace_primitives::{BlockNumber, U256};
use millrace_rpc::{CLIENT_VERSION, Refusal, SubmitError, SyncProgress};
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
async fn the_node_says_who_it_is() {
    let fixture = Fixture::new().await;
    let empty = "0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470";
    let table = [
        ("web3_clientVersion", json!([]), json!("Millrace/v0.0.0-fake")),
        ("web3_sha3", json!(["0x"]), json!(empty)),
        ("net_version", json!([]), json!("1337")),
        ("net_listening", json!([]), json!(true)),
        ("net_peerCount", json!([]), json!("0x0")),
        ("eth_chainId", json!([]), json!("0x539")),
        ("eth_syncing", json!([]), json!(false)),
        ("eth_accounts", json!([]), json!([data(unlocked().as_bytes())])),
        ("eth_coinbase", json!([]), json!(repeated(0x99, 20))),
        ("eth_mining", json!([]), json!(false)),
        ("eth_blockNumber", json!([]), json!("0x3")),
        ("eth_blockNumber", json!(null), json!("0x3")),
    ];
    for (method, params, expected) in table {
        assert_eq!(fixture.call(method, params).await, expected, "{method}");
    }
    assert_eq!(fixture.call("rpc_modules", json!([])).await["eth"], "1.0");
    let at = |number| BlockNumber::new(number);
    fixture.chain.set_progress(SyncProgress { starting: at(1), current: at(3), highest: at(20) });
    let progress = json!({ "startingBlock": "0x1", "currentBlock": "0x3", "highestBlock": "0x14" });
    assert_eq!(fixture.call("eth_syncing", json!([])).await, progress);
}

#[tokio::test]
async fn what_the_layer_1_has_decided_is_told() {
    let fixture = Fixture::new().await;
    let expected = json!({
        "level": "0x7", "timestamp": "0x3e8", "epoch": "0x2", "members": ["edpk"], "quorum": "0x1",
        "pool": repeated(0x99, 20), "inOffice": false, "standby": "waiting",
        "announced": [{
            "activation": "0x7d0", "announcedAt": "0x6", "members": [], "quorum": "0x0", "pool": null,
        }],
    });
    assert_eq!(fixture.call("millrace_authority", json!([])).await, expected);
    let upgrade = json!({ "rootHash": repeated(0x11, 33), "activation": "0xbb8", "source": "admin" });
    let expected = json!({ "kernelRoot": null, "waiting": [upgrade] });
    assert_eq!(fixture.call("millrace_pendingUpgrades", json!([])).await, expected);
    assert_eq!(fixture.call("millrace_kernelRoot", json!(["0x1"])).await, json!(null));
    assert_eq!(fixture.call("millrace_kernelRoot", json!([])).await, repeated(0x22, 33));
}

#[tokio::test]
async fn blueprints_are_told_after_a_block_that_both_have() {
    let fixture = Fixture::new().await;
    let blueprint = json!({
        "number": "0x3", "hash": repeated(0x33, 32), "messages": ["0x01", "0x02"],
        "premises": [["0x2f61", "0x03"], ["0x2f62", null]],
    });
    let hash = hash_of_block;
    let found = fixture.call("millrace_blueprints", json!(["0x2", hash(2)])).await;
    assert_eq!(found, json!({ "head": "0x3", "isParentKnown": true, "blueprints": [blueprint] }));
    let other = fixture.call("millrace_blueprints", json!(["0x2", hash(1)])).await;
    assert_eq!(other, json!({ "head": "0x3", "isParentKnown": false, "blueprints": [] }));
    // At the head the reply comes with the next block.
    let params = json!(["0x3", hash(3)]);
    let watched = fixture.chain.blocks_watched();
    let asked = fixture.call("millrace_blueprints", params);
    let made = async {
        while fixture.chain.blocks_watched() == watched {
            tokio::task::yield_now().await;
        }
        fixture.chain.push_block();
    };
    let (found, ()) = tokio::join!(asked, made);
    assert_eq!((&found["head"], found["blueprints"].as_array().map(Vec::len)), (&json!("0x4"), Some(1)));
}

#[test]
fn the_version_names_platform_and_compiler() {
    let parts: Vec<_> = CLIENT_VERSION.split('/').collect();
    let platform = format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH);
    assert_eq!(parts[..3], ["Millrace", concat!("v", env!("CARGO_PKG_VERSION")), &platform]);
    // The compiler is no older than the oldest that will do.
    let oldest = env!("CARGO_PKG_RUST_VERSION");
    let number =
        |text: &str| text.split('.').map(|part| part.parse().expect("a number")).collect::<Vec<u32>>();
    let compiler = parts[3].strip_prefix("rust").expect("a compiler");
    assert!(number(compiler) >= number(oldest), "{CLIENT_VERSION}");
    assert_eq!((parts.len(), number(compiler).len()), (4, 3), "{CLIENT_VERSION}");
}

#[tokio::test]
async fn blocks_are_found_by_tag_number_and_hash() {
    let fixture = Fixture::new().await;
    let table = [
        ("earliest", "0x0"),
        ("finalized", "0x1"),
        ("safe", "0x2"),
        ("latest", "0x3"),
        ("pending", "0x3"),
        ("0x2", "0x2"),
    ];
    for (block, number) in table {
        let found = fixture.call("eth_getBlockByNumber", json!([block, false])).await;
        assert_eq!(found["number"], number, "{block}");
    }
    let by_hash = fixture.call("eth_getBlockByHash", json!([hash_of_block(2), false])).await;
    assert_eq!(by_hash, fixture.call("eth_getBlockByNumber", json!(["0x2"])).await);
    assert_eq!(by_hash["hash"], hash_of_block(2));
    assert_eq!(by_hash["parentHash"], hash_of_block(1));
    assert_eq!(by_hash["timestamp"], "0x6553f102");
    assert_eq!(by_hash["baseFeePerGas"], "0x3b9aca02");
    assert_eq!(by_hash["gasUsed"], "0xf618");
    assert_eq!(by_hash["logsBloom"], repeated(0xff, 256));
    let hashes = [dynamic_fee(None), dynamic_fee(Some(contract())), with_authorizations()]
        .map(|raw| transaction_hash(&raw));
    assert_eq!(by_hash["transactions"], json!(hashes));

    assert_eq!(fixture.call("eth_getBlockByNumber", json!(["0x63", false])).await, Value::Null);
    assert_eq!(fixture.call("eth_getBlockByHash", json!([unknown_hash(), true])).await, Value::Null);
}

#[tokio::test]
async fn every_type_of_transaction_is_shown_whole() {
    let fixture = Fixture::new().await;
    let mut shown = Vec::new();
    for number in ["0x1", "0x2", "0x3"] {
        let block = fixture.call("eth_getBlockByNumber", json!([number, true])).await;
        let transactions = block["transactions"].as_array().expect("transactions").clone();
        for (index, transaction) in transactions.iter().enumerate() {
            let at = json!([number, format!("{index:#x}")]);
            assert_eq!(&fixture.call("eth_getTransactionByBlockNumberAndIndex", at).await, transaction);
            let at = json!([block["hash"], format!("{index:#x}")]);
            assert_eq!(&fixture.call("eth_getTransactionByBlockHashAndIndex", at).await, transaction);
            assert_eq!(
                &fixture.call("eth_getTransactionByHash", json!([transaction["hash"]])).await,
                transaction
            );
        }
        shown.extend(transactions);
    }
    let types: Vec<_> =
        shown.iter().map(|transaction| transaction["type"].as_str().expect("a type")).collect();
    assert_eq!(types, ["0x0", "0x1", "0x2", "0x2", "0x4", "0x0"]);

    let transfer = &shown[0];
    let expected = json!({
        "hash": transaction_hash(&legacy(35 + 2 * CHAIN_ID)), "type": "0x0", "chainId": "0x539",
        "blockHash": hash_of_block(1), "blockNumber": "0x1", "blockTimestamp": "0x6553f101",
        "transactionIndex": "0x0", "from": data(sender().as_bytes()), "to": data(receiver().as_bytes()),
        "nonce": "0x3", "gas": "0x5208", "gasPrice": "0x77359400", "value": "0xde0b6b3a7640000",
        "input": "0x", "v": "0xa95", "r": "0x1234567", "s": format!("0x7{}", "f".repeat(63)),
    });
    assert_eq!(transfer, &expected);
    let key = |byte| repeated(byte, 32);
    let list = json!([{ "address": repeated(0xa1, 20), "storageKeys": [key(1), key(2)] }]);
    assert_eq!(shown[1]["accessList"], list);
    assert_eq!(shown[1]["yParity"], "0x1");
    assert_eq!(shown[2]["to"], Value::Null);
    // Mined: what it paid, not what it offered.
    assert_eq!(shown[2]["gasPrice"], "0x3b9aca00");
    assert_eq!(shown[2]["maxFeePerGas"], "0xb2d05e00");
    assert_eq!(shown[2]["maxPriorityFeePerGas"], "0x7");
    assert_eq!(shown[4]["authorizationList"][0]["address"], repeated(0xb1, 20));
}

#[tokio::test]
async fn a_deposit_is_a_legacy_transaction_of_zero_signature() {
    let fixture = Fixture::new().await;
    let shown = fixture.call("eth_getTransactionByHash", json!([transaction_hash(&deposit())])).await;
    assert_eq!(shown["from"], data(depositor().as_bytes()));
    assert_eq!((&shown["v"], &shown["r"], &shown["s"]), (&json!("0x0"), &json!("0x0"), &json!("0x0")));
    assert_eq!((&shown["gas"], &shown["gasPrice"]), (&json!("0x0"), &json!("0x0")));
    assert_eq!(shown.get("chainId"), None);
    assert_eq!(shown["input"], data(b"deposit\x00\x00\x00\x05\x00\x00\x00\x02"));
    let receipt = fixture.call("eth_getTransactionReceipt", json!([shown["hash"]])).await;
    assert_eq!((&receipt["status"], &receipt["gasUsed"]), (&json!("0x1"), &json!("0x0")));
}

#[tokio::test]
async fn receipts_carry_status_logs_and_created_contracts() {
    let fixture = Fixture::new().await;
    for number in ["0x0", "0x1", "0x2", "0x3"] {
        let receipts = fixture.call("eth_getBlockReceipts", json!([number])).await;
        for receipt in receipts.as_array().expect("receipts") {
            let alone = fixture.call("eth_getTransactionReceipt", json!([receipt["transactionHash"]])).await;
            assert_eq!(&alone, receipt);
        }
    }
    let receipt = |raw: Vec<u8>| fixture.call("eth_getTransactionReceipt", json!([transaction_hash(&raw)]));
    let failed = receipt(with_access_list()).await;
    assert_eq!((&failed["status"], &failed["cumulativeGasUsed"]), (&json!("0x0"), &json!("0xa410")));
    let created = receipt(dynamic_fee(None)).await;
    assert_eq!(created["contractAddress"], data(contract().as_bytes()));
    assert_eq!(created["to"], Value::Null);
    let called = receipt(dynamic_fee(Some(contract()))).await;
    let indices: Vec<_> =
        called["logs"].as_array().expect("logs").iter().map(|log| log["logIndex"].clone()).collect();
    assert_eq!(indices, [json!("0x1"), json!("0x2")], "counted over the block");
    assert_ne!(called["logsBloom"], repeated(0, 256));
    assert_eq!(called["effectiveGasPrice"], "0x3b9aca00");
    assert_eq!(fixture.call("eth_getBlockReceipts", json!(["0x63"])).await, Value::Null);
    assert_eq!(fixture.call("eth_getTransactionReceipt", json!([unknown_hash()])).await, Value::Null);
}

#[tokio::test]
async fn counts_and_things_that_are_not_there() {
    let fixture = Fixture::new().await;
    let table = [
        ("eth_getBlockTransactionCountByNumber", json!(["0x2"]), json!("0x3")),
        ("eth_getBlockTransactionCountByHash", json!([hash_of_block(1)]), json!("0x2")),
        ("eth_getBlockTransactionCountByNumber", json!(["0x63"]), Value::Null),
        ("eth_getBlockTransactionCountByHash", json!([unknown_hash()]), Value::Null),
        ("eth_getUncleCountByBlockNumber", json!(["0x2"]), json!("0x0")),
        ("eth_getUncleCountByBlockHash", json!([hash_of_block(1)]), json!("0x0")),
        ("eth_getUncleByBlockNumberAndIndex", json!(["0x2", "0x0"]), Value::Null),
        ("eth_getUncleByBlockHashAndIndex", json!([hash_of_block(1), "0x0"]), Value::Null),
        ("eth_getTransactionByHash", json!([unknown_hash()]), Value::Null),
        ("eth_getTransactionByBlockNumberAndIndex", json!(["0x1", "0x9"]), Value::Null),
        ("eth_getTransactionByBlockHashAndIndex", json!([unknown_hash(), "0x0"]), Value::Null),
    ];
    for (method, params, expected) in table {
        assert_eq!(fixture.call(method, params.clone()).await, expected, "{method} {params}");
    }
}

#[tokio::test]
async fn accounts_are_read_at_any_block() {
    let fixture = Fixture::new().await;
    let (sender, contract) = (data(sender().as_bytes()), data(contract().as_bytes()));
    let table = [
        ("eth_getBalance", json!([sender, "latest"]), json!("0xde0b6b3a7640003")),
        ("eth_getBalance", json!([sender]), json!("0xde0b6b3a7640003")),
        ("eth_getBalance", json!([sender, "0x1"]), json!("0xde0b6b3a7640001")),
        ("eth_getBalance", json!([sender, { "blockNumber": "0x1" }]), json!("0xde0b6b3a7640001")),
        (
            "eth_getBalance",
            json!([sender, { "blockHash": hash_of_block(2), "requireCanonical": true }]),
            json!("0xde0b6b3a7640002"),
        ),
        ("eth_getBalance", json!([sender, hash_of_block(2)]), json!("0xde0b6b3a7640002")),
        ("eth_getBalance", json!([contract, "latest"]), json!("0x0")),
        ("eth_getTransactionCount", json!([sender, "latest"]), json!("0x7")),
        ("eth_getTransactionCount", json!([sender, "pending"]), json!("0x9")),
        ("eth_getCode", json!([contract, "latest"]), json!(repeated(0x60, 50))),
        ("eth_getCode", json!([sender, "latest"]), json!("0x")),
        ("eth_getStorageAt", json!([contract, "0x5", "latest"]), json!(format!("0x{:064x}", 42))),
        ("eth_getStorageAt", json!([contract, format!("0x{:064x}", 5)]), json!(format!("0x{:064x}", 42))),
        ("eth_getStorageAt", json!([contract, "0x6", "latest"]), json!(repeated(0, 32))),
    ];
    for (method, params, expected) in table {
        assert_eq!(fixture.call(method, params.clone()).await, expected, "{method} {params}");
    }
    for block in [json!("0x63"), json!({ "blockHash": unknown_hash() })] {
        let error = fixture.error("eth_getBalance", json!([sender, block])).await;
        assert_eq!(error, (-32001, "block not found".into()));
    }
    let (code, message) = fixture.error("eth_getBalance", json!([sender, "earliest"])).await;
    assert_eq!((code, message.as_str()), (-32002, "the state after block 0 is not available on this node"));
}

#[tokio::test]
async fn prices_come_without_tips() {
    let fixture = Fixture::new().await;
    assert_eq!(fixture.call("eth_gasPrice", json!([])).await, "0x4a817c80");
    assert_eq!(fixture.call("eth_maxPriorityFeePerGas", json!([])).await, "0x0");
    assert_eq!(fixture.call("eth_blobBaseFee", json!([])).await, "0x1");

    let history = fixture.call("eth_feeHistory", json!(["0x2", "latest", [25.0, 75]])).await;
    assert_eq!(history["oldestBlock"], "0x2");
    assert_eq!(
        history["baseFeePerGas"],
        json!(["0x3b9aca02", "0x3b9aca03", "0x4190ab00"]),
        "with the next one"
    );
    assert_eq!(history["gasUsedRatio"].as_array().map(Vec::len), Some(2));
    assert_eq!(history["reward"], json!([["0x0", "0x0"], ["0x0", "0x0"]]));
    let history = fixture.call("eth_feeHistory", json!([2, "0x1", []])).await;
    assert_eq!(history["baseFeePerGas"], json!(["0x3b9aca00", "0x3b9aca01", "0x3b9aca02"]));
    let history = fixture.call("eth_feeHistory", json!(["0xffffffff", "latest"])).await;
    assert_eq!(history["oldestBlock"], "0x0", "no more than there are");
    assert_eq!(history.get("reward"), None);
    let history = fixture.call("eth_feeHistory", json!(["0x0", "latest", []])).await;
    assert_eq!(history["baseFeePerGas"], json!([]));
}

#[tokio::test]
async fn a_raw_transaction_enters_the_pool() {
    let fixture = Fixture::new().await;
    let raw = dynamic_fee(Some(receiver()));
    let hash = fixture.call("eth_sendRawTransaction", json!([data(&raw)])).await;
    assert_eq!(hash, transaction_hash(&raw));
    // The description knows mined transactions only.
    let pending = fixture.call_unchecked("eth_getTransactionByHash", json!([hash])).await;
    for place in ["blockHash", "blockNumber", "transactionIndex"] {
        assert_eq!(pending.get(place), Some(&Value::Null), "{place}");
    }
    assert_eq!(pending["gasPrice"], pending["maxFeePerGas"]);
    assert_eq!(fixture.call("eth_getTransactionReceipt", json!([hash])).await, Value::Null);

    fixture.call("eth_sendRawTransaction", json!([data(&legacy(27))])).await;
    let status = json!({ "pending": "0x1", "queued": "0x1" });
    assert_eq!(fixture.call("txpool_status", json!([])).await, status);
    let content = fixture.call("txpool_content", json!([])).await;
    let own = data(sender().as_bytes());
    assert_eq!(content["pending"][&own]["5"], pending);
    assert_eq!(content["queued"][&own]["5"]["type"], "0x0");
    let from = fixture.call("txpool_contentFrom", json!([own])).await;
    assert_eq!(from["pending"], content["pending"][&own]);
    assert_eq!(fixture.call("txpool_contentFrom", json!([repeated(3, 20)])).await["queued"], json!({}));
}

#[tokio::test]
async fn refusals_are_in_the_words_that_wallets_know() {
    let fixture = Fixture::new().await;
    let one = U256::one();
    let table: [(SubmitError, i64, &str); 8] = [
        (
            Refusal::NonceTooLow { next: 5, nonce: 3 }.into(),
            -32000,
            "nonce too low: next nonce 5, tx nonce 3",
        ),
        (
            Refusal::InsufficientFunds { balance: one, cost: one + 1 }.into(),
            -32000,
            "insufficient funds for gas * price + value: balance 1, tx cost 2",
        ),
        (Refusal::AlreadyKnown.into(), -32000, "already known"),
        (Refusal::ReplacementUnderpriced.into(), -32000, "replacement transaction underpriced"),
        (
            Refusal::FeeTooLow { offered: one, base_fee: one + 1 }.into(),
            -32000,
            "max fee per gas less than block base fee: maxFeePerGas: 1, baseFee: 2",
        ),
        (Refusal::TypeNotSupported.into(), -32000, "transaction type not supported"),
        (
            SubmitError::Chain(millrace_rpc::ChainError::Unavailable("the heads differ".into())),
            -32002,
            "the heads differ",
        ),
        (SubmitError::Chain(millrace_rpc::ChainError::Internal("a secret".into())), -32603, "internal error"),
    ];
    for (refusal, code, message) in table {
        fixture.chain.refuse_with(refusal);
        let error = fixture.error("eth_sendRawTransaction", json!(["0x02c0"])).await;
        assert_eq!(error, (code, message.to_owned()));
    }
}
