//! What dApp developers do, with the toolchains they use.

use anyhow::{Context as _, ensure};
use millrace_tezt::{Scene, quantity, toolchains};
use serde_json::{Value, json};

const KEY: &str = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
const OWNER: &str = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";
const NEIGHBOUR: &str = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";

#[tokio::test(flavor = "multi_thread")]
async fn cast_reads_and_sends() -> anyhow::Result<()> {
    let scene = Scene::begin().await?;
    let sandbox = scene.sandbox().await?;
    let url = sandbox.rpc.url();
    let cast = async |arguments: &[&str]| toolchains::cast(url, arguments).await;

    cast(&["block-number"]).await?.parse::<u64>()?;
    ensure!(cast(&["chain-id"]).await? == "1337");
    ensure!(cast(&["balance", "--ether", NEIGHBOUR]).await?.parse::<f64>()? == 10_000.0);
    // The command of the README, to the letter: no gas limit is given.
    let sent = cast(&["send", "--json", "--private-key", KEY, NEIGHBOUR, "--value", "1ether"]).await?;
    let sent: Value = serde_json::from_str(&sent)?;
    ensure!(sent["status"] == "0x1" && quantity(&sent["gasUsed"])? == 21_000, "{sent}");
    ensure!(cast(&["balance", "--ether", NEIGHBOUR]).await?.parse::<f64>()? == 10_001.0);
    let hash = sent["transactionHash"].as_str().context("no hash")?;
    let receipt: Value = serde_json::from_str(&cast(&["receipt", "--json", hash]).await?)?;
    ensure!(receipt["blockHash"] == sent["blockHash"], "{receipt} {sent}");
    ensure!(cast(&["nonce", OWNER]).await? == "1");
    sandbox.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn forge_deploys_by_create_and_create2_and_cast_sees_it() -> anyhow::Result<()> {
    let scene = Scene::begin().await?;
    let sandbox = scene.sandbox().await?;
    let url = sandbox.rpc.url();
    let record = toolchains::forge_script(url, "script/Deploy.s.sol", KEY, &scene.path("forge")).await?;
    let receipts = record["receipts"].as_array().context("no receipts")?;
    ensure!(receipts.len() == 4 && receipts.iter().all(|receipt| receipt["status"] == "0x1"), "{record}");
    let created = |kind: &str| {
        let is_it = |transaction: &&Value| transaction["transactionType"] == kind;
        let transaction = record["transactions"].as_array()?.iter().find(is_it)?;
        Some(transaction["contractAddress"].as_str()?.to_owned())
    };
    let plain = created("CREATE").context("nothing was created")?;
    let salted = created("CREATE2").context("the deterministic deployer made nothing")?;
    for (mill, sacks) in [(&plain, "42"), (&salted, "7")] {
        ensure!(toolchains::cast(url, &["call", mill, "sacks()(uint256)"]).await? == sacks);
        let code = sandbox.rpc.call("eth_getCode", json!([mill, "latest"])).await?;
        ensure!(code.as_str().is_some_and(|code| code.len() > 2), "no code at {mill}");
        let signature = "Ground(address,uint256)";
        let logs = ["logs", "--json", "--from-block", "0", "--address", mill, signature];
        let logs: Value = serde_json::from_str(&toolchains::cast(url, &logs).await?)?;
        ensure!(logs.as_array().map(Vec::len) == Some(1), "{logs}");
    }
    sandbox.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn hardhat_compiles_deploys_and_calls() -> anyhow::Result<()> {
    let scene = Scene::begin().await?;
    let sandbox = scene.sandbox().await?;
    let seen = toolchains::hardhat_run(sandbox.rpc.url(), "scripts/run.js", &scene.path("hardhat")).await?;
    ensure!(seen["sacks"] == 12, "{seen}");
    let code = sandbox.rpc.call("eth_getCode", json!([seen["granary"], "latest"])).await?;
    ensure!(code.as_str().is_some_and(|code| code.len() > 2), "no code at {seen}");
    sandbox.stop().await
}
