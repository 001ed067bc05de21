//! What dApp developers do, with the libraries they use.

use anyhow::{Context as _, ensure};
use millrace_tezt::{Options, Sandbox, Scene, clients, quantity};
use serde_json::json;

const OWNER: &str = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";
const RECEIVER: &str = "0x00000000000000000000000000000000000000ca";

/// viem and ethers deploy a token, make a thousand transfers, read events by filter and subscription, see
/// reverts; and the rollup node's durable storage holds the balances that they read.
#[tokio::test(flavor = "multi_thread")]
async fn viem_and_ethers_use_a_token_and_the_rollup_node_has_the_same_balances() -> anyhow::Result<()> {
    let scene = Scene::begin().await?;
    let sandbox = scene.sandbox().await?;
    let seen = clients::run("erc20.mjs", &[sandbox.rpc.url()]).await?;
    ensure!(seen["transfers"] == 1_000, "{seen}");

    let head = seen["head"].as_u64().context("no head")?;
    let is_final = |block: &serde_json::Value| quantity(&block["number"]).is_ok_and(|number| number >= head);
    let finalized =
        sandbox.rpc.until(("eth_getBlockByNumber", json!(["finalized", false])), is_final).await?;
    let number = finalized["number"].clone();
    let latest = sandbox.rpc.call("eth_getBlockByNumber", json!([number, false])).await?;
    ensure!(latest["hash"] == finalized["hash"], "two blocks {number}");

    let token = seen["token"].as_str().context("no token")?.trim_start_matches("0x").to_lowercase();
    let balances = seen["balances"].as_object().context("no balances")?;
    ensure!(balances.len() == 10);
    for (address, balance) in balances {
        let slot = seen["slots"][address].as_str().context("no slot")?.trim_start_matches("0x").to_owned();
        let key = format!("/evm/world/accounts/{token}/storage/{slot}");
        let stored =
            sandbox.durable("finalized", &key).await?.with_context(|| format!("nothing at {key}"))?;
        let stored = u128::from_str_radix(&stored, 16)?;
        let read: u128 = balance.as_str().context("no balance")?.parse()?;
        ensure!(stored == read, "{address}: {stored} in durable storage, {read} by JSON-RPC");
    }
    sandbox.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn another_chain_id_is_another_chain() -> anyhow::Result<()> {
    let scene = Scene::begin().await?;
    let options = Options::new().with(&["--chain-id", "4242"]);
    let sandbox = Sandbox::start(&scene.data_dir(), &options).await?;
    ensure!(sandbox.rpc.call("eth_chainId", json!([])).await? == "0x1092");
    let raws = clients::run("sign.mjs", &["4242", "0", "1"]).await?;
    let hash = sandbox.rpc.call("eth_sendRawTransaction", json!([raws[0]])).await?;
    ensure!(sandbox.rpc.receipt(&hash).await?["status"] == "0x1");
    let foreign = clients::run("sign.mjs", &["1337", "1", "1"]).await?;
    let failure = sandbox.rpc.failure("eth_sendRawTransaction", json!([foreign[0]])).await?;
    ensure!(failure.code == -32_000 && failure.message.contains("chain"), "{failure:?}");
    sandbox.stop().await?;

    // The chain keeps its id, said or not; another one is another chain.
    let again = Sandbox::start(&scene.data_dir(), &Options::new()).await?;
    ensure!(again.rpc.call("eth_chainId", json!([])).await? == "0x1092");
    again.stop().await?;
    let other = Options::new().with(&["--chain-id", "1337"]).refusal(&scene.data_dir()).await?;
    ensure!(other.contains("chain id 4242") && other.contains("--fresh"), "{other}");
    Ok(())
}

/// Traces by every tracer, access lists that save gas, simulated blocks, accounts that run the code of a contract.
#[tokio::test(flavor = "multi_thread")]
async fn viem_and_ethers_look_into_executions() -> anyhow::Result<()> {
    let scene = Scene::begin().await?;
    let sandbox = scene.sandbox().await?;
    let seen = clients::run("trace.mjs", &[sandbox.rpc.url()]).await?;
    // 100 for the account and for each of three slots.
    ensure!(seen["saved"] == 400 && seen["blocks"] == 2, "{seen}");
    ensure!(seen["steps"].as_u64().is_some_and(|steps| steps > 100), "{seen}");
    sandbox.stop().await
}

/// With the fees of production a plain transfer needs more gas than 21,000, and says so.
#[tokio::test(flavor = "multi_thread")]
async fn the_fee_for_bytes_can_be_that_of_production() -> anyhow::Result<()> {
    let scene = Scene::begin().await?;
    let transfer = json!([{ "from": OWNER, "to": RECEIVER, "value": "0x1" }]);
    let cheap = scene.sandbox().await?;
    ensure!(quantity(&cheap.rpc.call("eth_estimateGas", transfer.clone()).await?)? == 21_000);
    cheap.stop().await?;
    let options = Options::new().with(&["--da-fee-per-byte", "4000 gwei"]);
    let dear = Sandbox::start(&scene.path("dear"), &options).await?;
    ensure!(quantity(&dear.rpc.call("eth_estimateGas", transfer).await?)? > 600_000);
    dear.stop().await
}
