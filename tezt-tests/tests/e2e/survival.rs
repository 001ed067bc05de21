//! Crashes, stops and restarts: the chain goes on, and a receipt that somebody saw stays.

use anyhow::{Context as _, ensure};
use fastrand::Rng;
use millrace_tezt::{Options, Sandbox, Scene, clients, quantity};
use serde_json::{Value, json};
use std::{
    path::Path,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

const CRASHES: u64 = 4;
const TRANSFERS_PER_LIFE: u64 = 12;
const CHAINS: u64 = 3;
const KILLS_PER_CHAIN: u64 = 5;

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_loses_no_block_whose_receipt_was_seen() -> anyhow::Result<()> {
    let scene = Scene::begin().await?;
    let data_dir = scene.data_dir();
    let options = Options::new();
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

/// Whatever a start was busy with when it was killed, the next one goes on from there.
#[tokio::test(flavor = "multi_thread")]
async fn kill_9_during_a_start_never_needs_a_fresh_chain() -> anyhow::Result<()> {
    let scene = Scene::begin().await?;
    let options = Options::new();
    let seed = seed()?;
    eprintln!("MILLRACE_SEED={seed}");
    let mut rng = Rng::with_seed(seed);
    let started = Instant::now();
    Sandbox::start(&scene.path("measured"), &options).await?.crash().await?;
    let start_ms = u64::try_from(started.elapsed().as_millis())?;
    let raws = clients::run("sign.mjs", &["1337", "0", "1"]).await?;
    for chain in 0..CHAINS {
        let data_dir = scene.path(&format!("chain-{chain}"));
        for _ in 0..KILLS_PER_CHAIN {
            kill_after(&data_dir, &options, rng.u64(0..=start_ms)).await?;
        }
        let sandbox = Sandbox::start(&data_dir, &options).await;
        let sandbox = sandbox.with_context(|| format!("MILLRACE_SEED={seed}, chain {chain}"))?;
        let hash = sandbox.rpc.call("eth_sendRawTransaction", json!([raws[0]])).await?;
        sandbox.rpc.receipt(&hash).await?;
        finalizes(&sandbox).await?;
        sandbox.stop().await?;
    }
    Ok(())
}

/// `MILLRACE_SEED`, or one that nobody chose.
fn seed() -> anyhow::Result<u64> {
    match std::env::var("MILLRACE_SEED") {
        Ok(seed) => Ok(seed.parse()?),
        Err(_) => Ok(u64::from(SystemTime::now().duration_since(UNIX_EPOCH)?.subsec_nanos())),
    }
}

/// Starts a sandbox and kills it so long after, wherever it is then.
async fn kill_after(data_dir: &Path, options: &Options, ms: u64) -> anyhow::Result<()> {
    let mut process = options.command(data_dir)?.spawn()?;
    let ended = tokio::time::timeout(Duration::from_millis(ms), process.wait()).await;
    ensure!(ended.is_err(), "after {ms} ms it had ended by itself: {ended:?}");
    Ok(process.kill().await?)
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
    let scene = Scene::begin().await?;
    let data_dir = scene.data_dir();
    let options = Options::new();
    let raws = clients::run("sign.mjs", &["1337", "0", "2"]).await?;

    let sandbox = Sandbox::start(&data_dir, &options).await?;
    ensure!(sandbox.banner.contains("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"), "{}", sandbox.banner);
    ensure!(sandbox.banner.contains("sr1"), "{}", sandbox.banner);
    let first = sandbox.rpc.call("eth_sendRawTransaction", json!([raws[0]])).await?;
    let receipt = sandbox.rpc.receipt(&first).await?;
    sandbox.stop().await?;

    // A chain has its own copy of what it began with.
    let without_dist = options.clone().with(&["--dist", "/nowhere"]);
    let sandbox = Sandbox::start(&data_dir, &without_dist).await?;
    ensure!(sandbox.rpc.receipt(&first).await? == receipt);
    // Also in the states of before.
    let before = quantity(&receipt["blockNumber"])? - 1;
    let nonce = json!(["0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266", format!("{before:#x}")]);
    ensure!(sandbox.rpc.call("eth_getTransactionCount", nonce).await? == "0x0");
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
    let scene = Scene::begin().await?;
    let data_dir = scene.data_dir();
    let options = Options::new();
    let sandbox = Sandbox::start(&data_dir, &options).await?;

    let same_folder = options.refusal(&data_dir).await?;
    ensure!(same_folder.contains("another sandbox uses"), "{same_folder}");
    let port = sandbox.rpc.url().rsplit(':').next().context("no port")?;
    let same_port = options.clone().with(&["--rpc-port", port]).refusal(&scene.path("other")).await?;
    ensure!(same_port.contains("in use"), "{same_port}");
    let foreign = scene.path("foreign");
    std::fs::create_dir(&foreign)?;
    std::fs::write(foreign.join("thesis.txt"), "years of work")?;
    let foreign_folder = options.with(&["--fresh"]).refusal(&foreign).await?;
    ensure!(foreign_folder.contains("is not the data folder of a sandbox"), "{foreign_folder}");
    ensure!(std::fs::read_to_string(foreign.join("thesis.txt"))? == "years of work");
    sandbox.stop().await
}
