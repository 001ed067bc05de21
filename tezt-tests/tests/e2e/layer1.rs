//! What happens on the layer 1.

use anyhow::{Context as _, ensure};
use millrace_tezt::{Options, Sandbox, clients, millrace, quantity};
use serde_json::{Value, json};

const RECEIVER: &str = "0x00000000000000000000000000000000000000ca";

#[tokio::test(flavor = "multi_thread")]
async fn a_deposit_arrives() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let sandbox = Sandbox::start(&folder.path().join("data"), &Options::new()?).await?;
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

#[tokio::test(flavor = "multi_thread")]
async fn garbage_in_the_inbox_changes_nothing() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let sandbox = Sandbox::start(&folder.path().join("data"), &Options::new()?).await?;
    let address = sandbox.get("/global/smart_rollup_address").await?;
    ensure!(address.as_str().is_some_and(|address| address.starts_with("sr1")), "{address}");
    let garbage =
        ["ff", "01", "0100", "00", "0103", &"01".repeat(4_096), &"ab".repeat(4_096), &"00".repeat(64)];
    sandbox.control("inbox", &json!({ "messages": garbage })).await?;
    // The chain goes on: a transfer gets through and becomes final.
    let raws = clients::run("sign.mjs", &["1337", "0", "1"]).await?;
    let hash = sandbox.rpc.call("eth_sendRawTransaction", json!([raws[0]])).await?;
    let number = quantity(&sandbox.rpc.receipt(&hash).await?["blockNumber"])?;
    let is_final = |block: &Value| quantity(&block["number"]).is_ok_and(|finalized| finalized >= number);
    sandbox.rpc.until(("eth_getBlockByNumber", json!(["finalized", false])), is_final).await?;
    let waiting = sandbox.get("/global/block/head/durable/wasm_2_0_0/subkeys?key=/base/delayed").await?;
    ensure!(waiting.is_null() || waiting == json!([]), "{waiting}");
    sandbox.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_installer_is_built_from_a_file() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../installer/rollup.example.yaml");
    let build = async |out: &str| -> anyhow::Result<std::path::PathBuf> {
        let out = folder.path().join(out);
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
