//! Crashes, stops and restarts: the chain goes on, and a receipt that somebody saw stays.

use anyhow::{Context as _, ensure};
use millrace_tezt::{Options, Sandbox, clients, quantity};
use serde_json::{Value, json};

const CRASHES: u64 = 4;
const TRANSFERS_PER_LIFE: u64 = 12;

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_loses_no_block_whose_receipt_was_seen() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let data_dir = folder.path().join("data");
    let options = Options::new()?;
    let total = CRASHES * TRANSFERS_PER_LIFE;
    let raws = clients::run("sign.mjs", &["1337", "0", &total.to_string()]).await?;
    let mut seen: Vec<Value> = vec![];
    for life in 0..CRASHES {
        let sandbox = Sandbox::start(&data_dir, &options).await?;
        remembers(&sandbox, &seen).await?;
        for index in life * TRANSFERS_PER_LIFE..(life + 1) * TRANSFERS_PER_LIFE {
            let raw = &raws[usize::try_from(index)?];
            let hash = sandbox.rpc.call("eth_sendRawTransaction", json!([raw])).await?;
            seen.push(sandbox.rpc.receipt(&hash).await?);
        }
        // No pause: the last receipt was seen a moment ago.
        sandbox.crash().await?;
    }
    let sandbox = Sandbox::start(&data_dir, &options).await?;
    remembers(&sandbox, &seen).await?;
    let nonce = json!(["0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266", "latest"]);
    ensure!(quantity(&sandbox.rpc.call("eth_getTransactionCount", nonce).await?)? == total);
    finalizes(&sandbox).await?;
    sandbox.stop().await
}

/// Every receipt is there as it was seen.
async fn remembers(sandbox: &Sandbox, seen: &[Value]) -> anyhow::Result<()> {
    for receipt in seen {
        let hash = &receipt["transactionHash"];
        let again = sandbox.rpc.call("eth_getTransactionReceipt", json!([hash])).await?;
        ensure!(again == *receipt, "{hash} had the receipt {receipt}, now {again}");
    }
    Ok(())
}

/// What is the latest block now becomes final, with the same hash.
async fn finalizes(sandbox: &Sandbox) -> anyhow::Result<()> {
    let latest = sandbox.rpc.call("eth_getBlockByNumber", json!(["latest", false])).await?;
    let number = quantity(&latest["number"])?;
    let is_final = |block: &Value| quantity(&block["number"]).is_ok_and(|finalized| finalized >= number);
    sandbox.rpc.until(("eth_getBlockByNumber", json!(["finalized", false])), is_final).await?;
    let again = sandbox.rpc.call("eth_getBlockByNumber", json!([latest["number"], false])).await?;
    ensure!(again["hash"] == latest["hash"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_stops_and_the_chain_goes_on_until_it_is_forgotten() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let data_dir = folder.path().join("data");
    let options = Options::new()?;
    let raws = clients::run("sign.mjs", &["1337", "0", "2"]).await?;

    let sandbox = Sandbox::start(&data_dir, &options).await?;
    ensure!(sandbox.banner.contains("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"), "{}", sandbox.banner);
    ensure!(sandbox.banner.contains("sr1"), "{}", sandbox.banner);
    let first = sandbox.rpc.call("eth_sendRawTransaction", json!([raws[0]])).await?;
    let receipt = sandbox.rpc.receipt(&first).await?;
    sandbox.stop().await?;

    let sandbox = Sandbox::start(&data_dir, &options).await?;
    ensure!(sandbox.rpc.receipt(&first).await? == receipt);
    let second = sandbox.rpc.call("eth_sendRawTransaction", json!([raws[1]])).await?;
    sandbox.rpc.receipt(&second).await?;
    finalizes(&sandbox).await?;
    sandbox.stop().await?;

    let sandbox = Sandbox::start(&data_dir, &options.clone().with(&["--fresh"])).await?;
    ensure!(sandbox.rpc.call("eth_getTransactionReceipt", json!([first])).await?.is_null());
    let again = sandbox.rpc.call("eth_sendRawTransaction", json!([raws[0]])).await?;
    sandbox.rpc.receipt(&again).await?;
    sandbox.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_start_says_why() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let data_dir = folder.path().join("data");
    let options = Options::new()?;
    let sandbox = Sandbox::start(&data_dir, &options).await?;

    let same_folder = refusal(&data_dir, &Options::new()?).await?;
    ensure!(same_folder.contains("another sandbox uses"), "{same_folder}");
    let same_port = refusal(&folder.path().join("other"), &options).await?;
    ensure!(same_port.contains("in use"), "{same_port}");
    let foreign = folder.path().join("foreign");
    std::fs::create_dir(&foreign)?;
    std::fs::write(foreign.join("thesis.txt"), "years of work")?;
    let foreign_folder = refusal(&foreign, &Options::new()?.with(&["--fresh"])).await?;
    ensure!(foreign_folder.contains("is not the data folder of a sandbox"), "{foreign_folder}");
    ensure!(std::fs::read_to_string(foreign.join("thesis.txt"))? == "years of work");
    sandbox.stop().await
}

async fn refusal(data_dir: &std::path::Path, options: &Options) -> anyhow::Result<String> {
    let output = options.command(data_dir)?.output().await?;
    ensure!(output.status.code() == Some(1), "{output:?}");
    String::from_utf8(output.stderr).context("not text")
}
