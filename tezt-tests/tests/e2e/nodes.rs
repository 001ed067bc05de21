//! A sequencer and observers as processes of their own, beside a rollup node.

use anyhow::{Context as _, ensure};
use millrace_tezt::{Layer1, Node, Options, Rpc, Scene, clients, millrace, quantity};
use serde_json::{Value, json};
use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

/// `bootstrap1` of every Tezos sandbox, whom the installer of the sandbox names.
const SECRET: &str = "edsk3gUfUPyBSfrS9CCgmCiQsTCHGkviBDusMxDJstFtojtc1zcpsh";

/// Where the sequencer finds its key.
fn key(scene: &Scene) -> anyhow::Result<String> {
    let path = scene.path("key");
    fs::write(&path, SECRET)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
    Ok(format!("file:{}", path.display()))
}

async fn sequencer(scene: &Scene, layer1: &Layer1) -> anyhow::Result<Node> {
    let key = key(scene)?;
    let arguments = ["--key", &key, "--slot-ms", "100", "--empty-block-ms", "1000"];
    Node::start("sequencer", &scene.path("sequencer"), &layer1.rollup_node, &arguments).await
}

async fn observer(folder: &Path, layer1: &Layer1, upstreams: &[&Rpc]) -> anyhow::Result<Node> {
    let upstreams: Vec<_> = upstreams.iter().map(|rpc| rpc.url()).collect();
    let list = upstreams.join(",");
    let arguments: &[&str] = if upstreams.is_empty() { &[] } else { &["--upstream", &list] };
    Node::start("observer", folder, &layer1.rollup_node, arguments).await
}

async fn send(rpc: &Rpc, raw: &Value) -> anyhow::Result<Value> {
    rpc.call("eth_sendRawTransaction", json!([raw])).await
}

/// Both have the same block of this receipt.
async fn same_block(one: &Rpc, other: &Rpc, hash: &Value) -> anyhow::Result<u64> {
    let (here, there) = (one.receipt(hash).await?, other.receipt(hash).await?);
    ensure!(here == there, "{here} here, {there} there");
    quantity(&here["blockNumber"])
}

async fn finalized(rpc: &Rpc, number: u64) -> anyhow::Result<()> {
    let is_final = |block: &Value| quantity(&block["number"]).is_ok_and(|finalized| finalized >= number);
    rpc.until(("eth_getBlockByNumber", json!(["finalized", false])), is_final).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn observers_follow_one_another_before_the_layer_1_has_a_block() -> anyhow::Result<()> {
    let scene = Scene::begin().await?;
    // No level comes by itself: what an observer has, an upstream gave it.
    let options = Options::new().with(&["--level-time-ms", "manual"]);
    let layer1 = Layer1::start(&scene.data_dir(), options).await?;
    let first = sequencer(&scene, &layer1).await?;
    let near = observer(&scene.path("near"), &layer1, &[&first.rpc]).await?;
    let far = observer(&scene.path("far"), &layer1, &[&near.rpc]).await?;
    let raws = clients::run("sign.mjs", &["1337", "0", "3"]).await?;
    // Given to the last, it goes all the way up and comes all the way down.
    let hash = send(&far.rpc, &raws[0]).await?;
    let number = same_block(&far.rpc, &first.rpc, &hash).await?;
    same_block(&near.rpc, &first.rpc, &hash).await?;
    let safe = far.rpc.call("eth_getBlockByNumber", json!(["safe", false])).await?;
    ensure!(quantity(&safe["number"])? < number, "the layer 1 has it already");

    // One that was away has what it missed.
    near.crash().await?;
    let hash = send(&first.rpc, &raws[1]).await?;
    first.rpc.receipt(&hash).await?;
    let near = observer(&scene.path("near"), &layer1, &[&first.rpc]).await?;
    same_block(&near.rpc, &first.rpc, &hash).await?;
    for node in [near, far, first] {
        node.stop().await?;
    }
    layer1.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_observer_goes_on_with_another_upstream_and_with_none() -> anyhow::Result<()> {
    let scene = Scene::begin().await?;
    let layer1 = Layer1::start(&scene.data_dir(), Options::new()).await?;
    let first = sequencer(&scene, &layer1).await?;
    let middle = observer(&scene.path("middle"), &layer1, &[&first.rpc]).await?;
    let last = observer(&scene.path("last"), &layer1, &[&middle.rpc, &first.rpc]).await?;
    let alone = observer(&scene.path("alone"), &layer1, &[]).await?;
    let raws = clients::run("sign.mjs", &["1337", "0", "3"]).await?;
    let hash = send(&last.rpc, &raws[0]).await?;
    same_block(&last.rpc, &first.rpc, &hash).await?;
    middle.crash().await?;
    let hash = send(&last.rpc, &raws[1]).await?;
    let number = same_block(&last.rpc, &first.rpc, &hash).await?;
    same_block(&alone.rpc, &first.rpc, &hash).await?;
    // All agree with the rollup node, and nobody but the sequencer had anything to publish.
    for node in [&first, &last, &alone] {
        finalized(&node.rpc, number).await?;
    }

    // Nobody is there to order: a transaction is refused rather than kept for nobody.
    first.crash().await?;
    let refusal = last.rpc.failure("eth_sendRawTransaction", json!([raws[2]])).await?;
    ensure!(refusal.message.contains("no upstream takes it"), "{refusal:?}");
    let refusal = alone.rpc.failure("eth_sendRawTransaction", json!([raws[2]])).await?;
    ensure!(refusal.message.contains("no upstream"), "{refusal:?}");
    for node in [&last, &alone] {
        let status = node.rpc.call("txpool_status", json!([])).await?;
        ensure!(status["pending"] == "0x0" && status["queued"] == "0x0", "{status}");
    }
    let first = sequencer(&scene, &layer1).await?;
    let last = {
        last.stop().await?;
        observer(&scene.path("last"), &layer1, &[&first.rpc]).await?
    };
    let hash = send(&last.rpc, &raws[2]).await?;
    same_block(&last.rpc, &first.rpc, &hash).await?;
    for node in [last, alone, first] {
        node.stop().await?;
    }
    layer1.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_node_cannot_start_with_is_told() -> anyhow::Result<()> {
    let scene = Scene::begin().await?;
    let run = async |arguments: &[&str]| -> anyhow::Result<String> {
        let output = tokio::process::Command::new(millrace()?).args(arguments).output().await?;
        ensure!(output.status.code() == Some(1), "{output:?}");
        String::from_utf8(output.stderr).context("not text")
    };
    let folder = scene.path("node");
    let folder = folder.to_str().context("not text")?;
    let error = run(&["sequencer", "--data-dir", folder]).await?;
    ensure!(error.contains("a sequencer needs a key"), "{error}");
    let open = scene.path("open");
    fs::write(&open, SECRET)?;
    fs::set_permissions(&open, fs::Permissions::from_mode(0o644))?;
    let error =
        run(&["sequencer", "--data-dir", folder, "--key", &format!("file:{}", open.display())]).await?;
    ensure!(error.contains("chmod 600") && !error.contains(SECRET), "{error}");
    let file = scene.path("node.toml");
    fs::write(&file, "[rpc]\nlisten = \"127.0.0.1:0\"\nport = 3\n")?;
    let file = file.to_str().context("not text")?;
    let error = run(&["observer", "--config", file]).await?;
    ensure!(error.contains("line 3") && error.contains("port"), "{error}");
    let error = run(&["observer", "--data-dir", folder, "--origin", folder]).await?;
    ensure!(error.contains("--origin"), "{error}");
    Ok(())
}
