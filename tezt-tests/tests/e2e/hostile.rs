//! Malformed requests: each gets a typed error, and nothing stops.

use anyhow::ensure;
use millrace_tezt::{Scene, quantity};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

#[tokio::test(flavor = "multi_thread")]
async fn malformed_requests_get_typed_errors_and_nothing_stops() -> anyhow::Result<()> {
    let scene = Scene::begin().await?;
    let sandbox = scene.sandbox().await?;
    let rpc = &sandbox.rpc;
    // The server library calls everything that is no request a parse error, but for an empty batch.
    let mut wrong = vec![];
    for body in ["", "{", "[]", "{}", "42", "null"] {
        let (_, text) = rpc.post(body).await?;
        let reply: Value = serde_json::from_str(&text)?;
        let code = &reply["error"]["code"];
        if *code != -32_700 && *code != -32_600 {
            wrong.push(format!("{body:?}: {text}"));
        }
    }
    let calls = [
        ("eth_noSuchMethod", json!([]), -32_601),
        ("eth_getBalance", json!([]), -32_602),
        ("eth_getBalance", json!(["0x12", "latest"]), -32_602),
        ("eth_getBlockByNumber", json!(["yesterday", false]), -32_602),
        ("eth_sendRawTransaction", json!(["0xzz"]), -32_602),
        ("eth_sendRawTransaction", json!(["0x"]), -32_000),
        ("eth_sendRawTransaction", json!(["0xdeadbeef"]), -32_000),
        ("eth_sendRawTransaction", json!(["0x03c0"]), -32_000),
        ("eth_getFilterChanges", json!(["0x123456"]), -32_000),
    ];
    for (method, params, code) in calls {
        let failure = rpc.failure(method, params.clone()).await?;
        if failure.code != code || failure.message.is_empty() {
            wrong.push(format!("{method} {params}: {failure:?}"));
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    refuse_large_bodies(rpc.url()).await?;
    let batch = json!([
        {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []},
        {"jsonrpc": "2.0", "id": 2, "method": "eth_nothing", "params": []},
        7
    ]);
    let (_, text) = rpc.post(batch.to_string()).await?;
    let replies: Vec<Value> = serde_json::from_str(&text)?;
    ensure!(replies.len() == 3 && replies[0]["result"] == "0x539", "{text}");
    ensure!(replies[1]["error"]["code"] == -32_601 && replies[2]["error"]["code"].is_i64(), "{text}");
    quantity(&rpc.call("eth_blockNumber", json!([])).await?)?;
    sandbox.stop().await
}

/// A body that is too large is refused by what it says its size is, before any of it is read.
async fn refuse_large_bodies(url: &str) -> anyhow::Result<()> {
    let address = url.trim_start_matches("http://").trim_end_matches('/');
    let mut stream = TcpStream::connect(address).await?;
    let size_bytes = 20 << 20;
    let head = format!(
        "POST / HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: {size_bytes}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await?;
    let mut reply = [0; 12];
    stream.read_exact(&mut reply).await?;
    ensure!(&reply == b"HTTP/1.1 413", "{}", String::from_utf8_lossy(&reply));
    Ok(())
}
