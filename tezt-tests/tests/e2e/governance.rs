//! What somebody who decides about a rollup does with a sandbox.

use anyhow::{Context as _, ensure};
use millrace_tezt::{Sandbox, Scene, compiled_kernels, dist, millrace, quantity};
use serde_json::{Value, json};
use std::path::Path;

/// A custom section named `x` that holds nothing: the same kernel under another root hash.
const CUSTOM_SECTION: [u8; 4] = [0, 2, 1, b'x'];

/// Blocks with a transfer each, all of which are final.
async fn traffic(sandbox: &Sandbox) -> anyhow::Result<()> {
    let accounts = sandbox.rpc.call("eth_accounts", json!([])).await?;
    let mut last = 0;
    for _ in 0..4 {
        let transfer = json!([{ "from": accounts[0], "to": accounts[1], "value": "0x1" }]);
        let hash = sandbox.rpc.call("eth_sendTransaction", transfer).await?;
        last = quantity(&sandbox.rpc.receipt(&hash).await?["blockNumber"])?;
    }
    let is_final = |block: &Value| quantity(&block["number"]).is_ok_and(|finalized| finalized >= last);
    sandbox.rpc.until(("eth_getBlockByNumber", json!(["finalized", false])), is_final).await?;
    Ok(())
}

/// Rehearses a kernel; answers the exit code and the report.
async fn rehearse(data_dir: &Path, kernel: &Path) -> anyhow::Result<(Option<i32>, Value)> {
    let output = tokio::process::Command::new(millrace()?)
        .args(["governance", "rehearse", "--json", "--data-dir"])
        .arg(data_dir)
        .arg("--kernel")
        .arg(kernel)
        .arg("--cache-dir")
        .arg(compiled_kernels()?)
        .output()
        .await?;
    let report = serde_json::from_slice(&output.stdout).with_context(|| format!("{output:?}"))?;
    Ok((output.status.code(), report))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_is_rehearsed_while_the_sandbox_runs() -> anyhow::Result<()> {
    let scene = Scene::begin().await?;
    let sandbox = scene.sandbox().await?;
    traffic(&sandbox).await?;

    let kernel = scene.path("kernel.wasm");
    let mut bytes = std::fs::read(dist()?.join("kernel.wasm"))?;
    bytes.extend_from_slice(&CUSTOM_SECTION);
    std::fs::write(&kernel, &bytes)?;
    let (code, report) = rehearse(&scene.data_dir(), &kernel).await?;
    ensure!(code == Some(0) && report["verdict"]["kind"] == "good", "{report:#}");
    ensure!(report["chain"]["equal_blocks"].as_u64() >= Some(1), "{report:#}");
    ensure!(report["kernel_root"] == report["root_hash"], "{report:#}");
    ensure!(report["is_baseline_recorded"] == true, "{report:#}");

    std::fs::write(&kernel, b"no kernel at all")?;
    let (code, report) = rehearse(&scene.data_dir(), &kernel).await?;
    ensure!(code == Some(1) && report["verdict"]["kind"] == "refused", "{report:#}");

    // None of it happened to the rollup itself.
    let before = quantity(&sandbox.rpc.call("eth_blockNumber", json!([])).await?)?;
    traffic(&sandbox).await?;
    ensure!(quantity(&sandbox.rpc.call("eth_blockNumber", json!([])).await?)? > before, "no more blocks");
    ensure!(sandbox.durable("head", "/upgrade/root").await?.is_none(), "an upgrade happened");
    sandbox.stop().await
}
