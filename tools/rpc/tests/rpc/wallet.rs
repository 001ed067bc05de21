//! Accounts that the node signs for, and the methods that a node without keys does not have.

use crate::support::chain::{callee, contract, sender, unlocked};
use crate::support::wallet::SIGNATURE;
use crate::support::{Fixture, data};
use millrace_primitives::{BlockNumber, Gas, H256, U256};
use millrace_rpc::{Price, Refusal, Stage, UnsignedTransaction};
use serde_json::{Value, json};
use sha3::{Digest, Keccak256};

fn address(address: millrace_primitives::Address) -> String {
    data(address.as_bytes())
}

#[tokio::test]
async fn a_transaction_is_filled_in_signed_and_sent() {
    let fixture = Fixture::new().await;
    let transaction =
        json!({ "from": address(unlocked()), "to": address(contract()), "input": "0x0102", "value": "0x5" });
    let hash = fixture.call("eth_sendTransaction", json!([transaction])).await;
    let expected = UnsignedTransaction {
        chain_id: U256::from(1_337),
        nonce: 4,
        // Twice the next base fee.
        price: Price::Dynamic { fee_max: U256::from(2_200_000_000u64), tip_max: U256::zero() },
        gas: Gas::new(21_002),
        to: Some(contract()),
        value: U256::from(5),
        data: vec![1, 2],
        access_list: vec![],
        authorizations: vec![],
    };
    assert_eq!(fixture.chain.wallet.last(), expected);
    let estimated = fixture.chain.last_call();
    assert_eq!((estimated.at, estimated.stage), (BlockNumber::new(3), Stage::Next));
    assert_eq!(estimated.call.from, Some(unlocked()));
    let pooled = fixture.call_unchecked("eth_getTransactionByHash", json!([hash])).await;
    assert_eq!((&pooled["type"], &pooled["nonce"]), (&json!("0x2"), &json!("0x4")));
}

#[tokio::test]
async fn what_is_given_is_kept() {
    let fixture = Fixture::new().await;
    let transaction = json!({ "from": address(unlocked()), "nonce": "0x9", "gas": "0x7", "gasPrice": "0x8",
        "chainId": "0x539", "data": "0x01", "type": "0x0" });
    let signed = fixture.call("eth_signTransaction", json!([transaction])).await;
    let last = fixture.chain.wallet.last();
    assert_eq!((last.nonce, last.gas, last.price), (9, Gas::new(7), Price::Fixed(U256::from(8))));
    assert_eq!((last.to, last.data), (None, vec![1]));
    assert_eq!((&signed["tx"]["type"], &signed["tx"]["nonce"]), (&json!("0x0"), &json!("0x9")));
    assert_eq!(fixture.call("txpool_status", json!([])).await["queued"], "0x0", "signed, not sent");

    let fees = json!({ "from": address(unlocked()), "gas": "0x7", "maxFeePerGas": "0x9", "maxPriorityFeePerGas": "0x3" });
    fixture.call("eth_signTransaction", json!([fees])).await;
    let price = Price::Dynamic { fee_max: U256::from(9), tip_max: U256::from(3) };
    assert_eq!(fixture.chain.wallet.last().price, price);
    let tip = json!({ "from": address(unlocked()), "gas": "0x7", "maxPriorityFeePerGas": "0x3" });
    fixture.call("eth_signTransaction", json!([tip])).await;
    let price = Price::Dynamic { fee_max: U256::from(2_200_000_003u64), tip_max: U256::from(3) };
    assert_eq!(fixture.chain.wallet.last().price, price);
}

#[tokio::test]
async fn transactions_sent_together_have_their_own_nonces() {
    let fixture = Fixture::new().await;
    let transaction = json!({ "from": address(unlocked()), "gas": "0x7" });
    let send = || fixture.call("eth_sendTransaction", json!([transaction]));
    let hashes: [Value; 4] = futures::future::join_all([send(), send(), send(), send()])
        .await
        .try_into()
        .expect("as many as were sent");
    let mut nonces = Vec::new();
    for hash in hashes {
        let pooled = fixture.call_unchecked("eth_getTransactionByHash", json!([hash])).await;
        nonces.push(pooled["nonce"].as_str().expect("a nonce").to_owned());
    }
    nonces.sort();
    assert_eq!(nonces, ["0x4", "0x5", "0x6", "0x7"]);
}

#[tokio::test]
async fn messages_are_signed_with_their_prefix() {
    let fixture = Fixture::new().await;
    let (account, signature) = (address(unlocked()), json!(data(&SIGNATURE)));
    assert_eq!(fixture.call("eth_sign", json!([account, data(b"hello")])).await, signature);
    let digest: [u8; 32] = Keccak256::digest(b"\x19Ethereum Signed Message:\n5hello").into();
    assert_eq!(fixture.chain.wallet.last_digest(), H256(digest));
    assert_eq!(fixture.call("personal_sign", json!([data(b"hello"), account, "secret"])).await, signature);
    assert_eq!(fixture.chain.wallet.last_digest(), H256(digest));
}

#[tokio::test]
async fn what_cannot_be_signed_says_why() {
    let fixture = Fixture::new().await;
    let (own, other) = (address(unlocked()), address(sender()));
    let reverts = format!("0x{:040x}", callee::REVERTS);
    let table = [
        ("eth_sendTransaction", json!([{ "from": other }]), -32000, "unknown account"),
        ("eth_sendTransaction", json!([{ "to": own }]), -32602, "from: the sender is missing"),
        (
            "eth_sendTransaction",
            json!([{ "from": own, "chainId": "0x1" }]),
            -32602,
            "invalid chain id for signer",
        ),
        (
            "eth_sendTransaction",
            json!([{ "from": own, "to": reverts }]),
            3,
            "execution reverted: not the owner",
        ),
        ("eth_sign", json!([other, "0x01"]), -32000, "unknown account"),
        ("personal_sign", json!(["0x01", other]), -32000, "unknown account"),
    ];
    for (method, params, code, reason) in table {
        let error = fixture.error(method, params.clone()).await;
        assert_eq!(error.0, code, "{method} {params}: {}", error.1);
        assert!(error.1.contains(reason), "{method} {params}: {}", error.1);
    }
    fixture.chain.refuse_with(Refusal::AlreadyKnown);
    let error = fixture.error("eth_sendTransaction", json!([{ "from": own }])).await;
    assert_eq!(error, (-32000, "already known".into()));
}

#[tokio::test]
async fn a_node_without_keys_signs_nothing() {
    let fixture = Fixture::new().await;
    fixture.chain.wallet.take_away();
    assert_eq!(fixture.call("eth_accounts", json!([])).await, json!([]));
    let own = address(unlocked());
    for (method, params) in [
        ("eth_sendTransaction", json!([{ "from": own }])),
        ("eth_signTransaction", json!([{ "from": own }])),
        ("eth_sign", json!([own, "0x01"])),
        ("personal_sign", json!(["0x01", own])),
    ] {
        let error = fixture.error(method, params).await;
        assert_eq!(error, (-32601, "this node signs for no accounts".into()), "{method}");
    }
}
