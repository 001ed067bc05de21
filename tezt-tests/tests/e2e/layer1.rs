//! What happens on the layer 1.

use crate::garbage;
use anyhow::{Context as _, ensure};
use millrace_tezt::{Options, Sandbox, Scene, clients, millrace, quantity};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const RECEIVER: &str = "0x00000000000000000000000000000000000000ca";

#[tokio::test(flavor = "multi_thread")]
async fn a_deposit_arrives() -> anyhow::Result<()> {
    let scene = Scene::begin().await?;
    let sandbox = scene.sandbox().await?;
    let output = tokio::process::Command::new(millrace()?)
        .args(["l1", "deposit", "--receiver", RECEIVER, "--amount-mutez", "1500000"])
        .args(["--rollup-node", sandbox.rollup_node()])
        .output()
        .await?;
    ensure!(output.status.success(), "{output:?}");
    let arrived =
        |balance: &Value| quantity(balance).is_ok_and(|balance| balance == 1_500_000_000_000_000_000);
    sandbox.rpc.until(("eth_getBalance", json!([RECEIVER, "latest"])), arrived).await?;
    sandbox.rpc.until(("eth_getBalance", json!([RECEIVER, "finalized"])), arrived).await?;
    sandbox.stop().await
}

/// What the kernel keeps, but for the clock of the layer 1, which every level moves.
async fn kept(sandbox: &Sandbox, level: &Value) -> anyhow::Result<BTreeMap<String, String>> {
    let mut tree = sandbox.tree(&level.to_string(), &["/base", "/evm"]).await?;
    tree.remove("/base/l1").context("the kernel has no clock")?;
    ensure!(tree.contains_key("/base/authority") && tree.contains_key("/evm/world/head"), "{tree:?}");
    Ok(tree)
}

/// A chain without empty blocks, all of which is confirmed: from then on nothing changes by itself.
async fn quiet(scene: &Scene) -> anyhow::Result<Sandbox> {
    let options = Options::new().with(&["--empty-block-ms", "0"]);
    let sandbox = Sandbox::start(&scene.data_dir(), &options).await?;
    let raws = clients::run("sign.mjs", &["1337", "0", "1"]).await?;
    let hash = sandbox.rpc.call("eth_sendRawTransaction", json!([raws[0]])).await?;
    let number = quantity(&sandbox.rpc.receipt(&hash).await?["blockNumber"])?;
    let is_final = |block: &Value| quantity(&block["number"]).is_ok_and(|finalized| finalized >= number);
    sandbox.rpc.until(("eth_getBlockByNumber", json!(["finalized", false])), is_final).await?;
    // Past the levels of a hand-over that went twice.
    sandbox.control("bake", &json!({ "levels": 3 })).await?;
    Ok(sandbox)
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_in_the_inbox_changes_nothing() -> anyhow::Result<()> {
    let scene = Scene::begin().await?;
    let sandbox = quiet(&scene).await?;
    let head = sandbox.rpc.call("eth_getBlockByNumber", json!(["latest", false])).await?;
    let address = sandbox.get("/global/smart_rollup_address").await?;
    let garbage = garbage::messages(address.as_str().context("no address")?, &head)?;
    let level = sandbox.control("bake", &json!({})).await?["level"].clone();
    let before = kept(&sandbox, &level).await?;

    for (what, message) in garbage {
        let messages = json!({ "messages": [hex::encode(message)] });
        sandbox.control("inbox", &messages).await?;
        let level = sandbox.control("bake", &json!({})).await?["level"].clone();
        ensure!(kept(&sandbox, &level).await? == before, "{what} changed the durable storage");
    }
    // The chain goes on, and what it does can be seen this way.
    let raws = clients::run("sign.mjs", &["1337", "1", "1"]).await?;
    let hash = sandbox.rpc.call("eth_sendRawTransaction", json!([raws[0]])).await?;
    let number = quantity(&sandbox.rpc.receipt(&hash).await?["blockNumber"])?;
    let is_final = |block: &Value| quantity(&block["number"]).is_ok_and(|finalized| finalized >= number);
    sandbox.rpc.until(("eth_getBlockByNumber", json!(["finalized", false])), is_final).await?;
    let level = sandbox.control("bake", &json!({})).await?["level"].clone();
    ensure!(kept(&sandbox, &level).await? != before, "a transfer must change it");
    sandbox.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_installer_is_built_from_a_file() -> anyhow::Result<()> {
    let scene = Scene::begin().await?;
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../installer/rollup.example.yaml");
    let build = async |out: &str| -> anyhow::Result<std::path::PathBuf> {
        let out = scene.path(out);
        let output = tokio::process::Command::new(millrace()?)
            .args(["installer", "build", "--config", example, "--kernel"])
            .arg(millrace_tezt::dist()?.join("kernel.wasm"))
            .arg("--out")
            .arg(&out)
            .output()
            .await?;
        ensure!(output.status.success(), "{output:?}");
        Ok(out)
    };
    let (first, second) = (build("first").await?, build("second").await?);
    let installer = std::fs::read(first.join("installer.wasm"))?;
    ensure!(installer.len() < 32_000, "{}", installer.len());
    ensure!(installer == std::fs::read(second.join("installer.wasm"))?, "two builds, two installers");
    let pages = std::fs::read_dir(first.join("preimages"))?.count();
    ensure!(pages > 100, "{pages} preimages");
    let name = std::fs::read_dir(first.join("preimages"))?.next().context("none")??.file_name();
    ensure!(name.len() == 66, "{name:?}");
    Ok(())
}
