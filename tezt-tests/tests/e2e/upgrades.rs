//! Kernels and sequencers change while users go on sending.

use anyhow::{Context as _, ensure};
use millrace_next_kernel::{Conduct, NextKernel};
use millrace_tezt::{Options, PageServer, Rpc, Sandbox, Scene, cut, millrace, quantity};
use serde_json::{Value, json};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};
use tokio::task::JoinHandle;

/// Time between an announcement and what it announces: some levels, so that there is a before.
const NOTICE: &str = "+6";
/// The longest that the chain may stand still around a kernel upgrade: the new kernel is compiled for wasm.
const PAUSE_S_MAX: u64 = 20;
/// `bootstrap2` of every Tezos sandbox.
const SUCCESSOR: &str = "edpktzNbDAUjUk697W7gYg2CRuBQjyPxbEg8dLccYYwKSKvkPvjtV9";
const SUCCESSOR_SECRET: &str = "edsk39qAm1fiMjgmPkw1EgQYkMzkJezLNewd7PLNHTkr6w9XA2zdfo";

/// Users who send one transfer after the other, each when the receipt of the one before is there.
struct Load {
    is_over: Arc<AtomicBool>,
    sending: JoinHandle<anyhow::Result<Vec<Value>>>,
}

impl Load {
    async fn begin(rpc: &Rpc) -> anyhow::Result<Self> {
        let accounts = rpc.call("eth_accounts", json!([])).await?;
        let is_over = Arc::new(AtomicBool::new(false));
        let (rpc, until) = (rpc.clone(), Arc::clone(&is_over));
        let sending = tokio::spawn(async move {
            let mut receipts = Vec::new();
            while !until.load(Ordering::Relaxed) {
                let transfer = json!([{ "from": accounts[0], "to": accounts[1], "value": "0x1" }]);
                let hash = rpc.call("eth_sendTransaction", transfer).await?;
                receipts.push(rpc.receipt(&hash).await?);
            }
            Ok(receipts)
        });
        Ok(Self { is_over, sending })
    }

    /// The receipts of all that was sent.
    async fn end(self) -> anyhow::Result<Vec<Value>> {
        self.is_over.store(true, Ordering::Relaxed);
        self.sending.await?
    }
}

/// Something happens on the layer 1.
async fn l1(sandbox: &Sandbox, arguments: &[&str]) -> anyhow::Result<()> {
    let mut command = tokio::process::Command::new(millrace()?);
    let output =
        command.arg("l1").args(arguments).args(["--rollup-node", sandbox.rollup_node()]).output().await?;
    ensure!(output.status.success(), "{output:?}");
    Ok(())
}

/// One more transfer is made and confirmed by the rollup node: both have the same blocks up to it.
async fn agree(sandbox: &Sandbox) -> anyhow::Result<()> {
    let accounts = sandbox.rpc.call("eth_accounts", json!([])).await?;
    let transfer = json!([{ "from": accounts[2], "to": accounts[3], "value": "0x1" }]);
    let hash = sandbox.rpc.call("eth_sendTransaction", transfer).await?;
    let number = quantity(&sandbox.rpc.receipt(&hash).await?["blockNumber"])?;
    let is_final = |block: &Value| quantity(&block["number"]).is_ok_and(|finalized| finalized >= number);
    sandbox.rpc.until(("eth_getBlockByNumber", json!(["finalized", false])), is_final).await?;
    Ok(())
}

/// All was executed, each transfer after the one before.
fn all_arrived(receipts: &[Value]) -> anyhow::Result<()> {
    ensure!(receipts.len() > 10, "that is no load: {} transfers", receipts.len());
    ensure!(receipts.iter().all(|receipt| receipt["status"] == "0x1"), "a transfer failed");
    let numbers = receipts.iter().map(|receipt| quantity(&receipt["blockNumber"]));
    let numbers = numbers.collect::<anyhow::Result<Vec<_>>>()?;
    ensure!(numbers.is_sorted(), "{numbers:?}");
    Ok(())
}

/// The longest time between two blocks, up to the head.
async fn longest_pause_s(rpc: &Rpc) -> anyhow::Result<u64> {
    let head = quantity(&rpc.call("eth_blockNumber", json!([])).await?)?;
    let (mut before, mut longest) = (None, 0);
    for number in 1..=head {
        let block = rpc.call("eth_getBlockByNumber", json!([format!("{number:#x}"), false])).await?;
        let timestamp = quantity(&block["timestamp"])?;
        longest = longest.max(before.map_or(0, |before| timestamp - before));
        before = Some(timestamp);
    }
    Ok(longest)
}

/// A sandbox under load to which this kernel is announced, until `is_over` says that its time has come and gone.
async fn upgraded(
    scene: &Scene,
    conduct: Conduct,
    is_over: impl AsyncFn(&Sandbox, &str) -> anyhow::Result<bool>,
) -> anyhow::Result<(Sandbox, String)> {
    let (kernel, pages) = (scene.path("next.wasm"), scene.path("pages"));
    std::fs::write(&kernel, NextKernel::built()?.with(conduct))?;
    let root = cut(&kernel, &pages).await?;
    let server = PageServer::start(&pages).await?;
    let options = Options::new().with(&["--preimages-endpoint", &server.url]);
    let sandbox = Sandbox::start(&scene.data_dir(), &options).await?;
    let load = Load::begin(&sandbox.rpc).await?;
    l1(&sandbox, &["propose-upgrade", "--root-hash", &root, "--activation", NOTICE]).await?;
    let announced = |upgrades: &Value| upgrades["waiting"][0]["rootHash"] == format!("0x{root}");
    sandbox.rpc.until(("millrace_pendingUpgrades", json!([])), announced).await?;
    let gone = |upgrades: &Value| upgrades["waiting"] == json!([]);
    sandbox.rpc.until(("millrace_pendingUpgrades", json!([])), gone).await?;
    ensure!(is_over(&sandbox, &root).await?, "the announcement was of no effect");
    agree(&sandbox).await?;
    let receipts = load.end().await?;
    all_arrived(&receipts)?;
    agree(&sandbox).await?;
    let pause_s = longest_pause_s(&sandbox.rpc).await?;
    eprintln!("{conduct:?}: {} transfers, at most {pause_s} s between blocks", receipts.len());
    ensure!(pause_s <= PAUSE_S_MAX, "{pause_s} s without a block");
    Ok((sandbox, root))
}

#[tokio::test(flavor = "multi_thread")]
async fn another_kernel_takes_over_under_load() -> anyhow::Result<()> {
    let scene = Scene::begin().await?;
    let runs = async |sandbox: &Sandbox, root: &str| {
        Ok(sandbox.durable("head", "/upgrade/root").await?.as_deref() == Some(root))
    };
    let (sandbox, root) = upgraded(&scene, Conduct::SameLayout, runs).await?;
    sandbox.stop().await?;
    // A node that starts on the other side of an upgrade goes on with the other kernel.
    let sandbox = Sandbox::start(&scene.data_dir(), &Options::new()).await?;
    agree(&sandbox).await?;
    ensure!(sandbox.durable("head", "/upgrade/root").await?.context("no root")? == root);
    sandbox.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kernel_that_cannot_migrate_is_survived_under_load() -> anyhow::Result<()> {
    let scene = Scene::begin().await?;
    let stays =
        async |sandbox: &Sandbox, _: &str| Ok(sandbox.durable("head", "/upgrade/root").await?.is_none());
    let (sandbox, _) = upgraded(&scene, Conduct::FailsToMigrate, stays).await?;
    let version = sandbox.durable("head", "/base/storage_version").await?;
    ensure!(version.as_deref() == Some("0000000000000001"), "{version:?}");
    sandbox.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn another_sequencer_takes_over_under_load() -> anyhow::Result<()> {
    let scene = Scene::begin().await?;
    let options = Options::new().with(&["--sequencer-key", SUCCESSOR_SECRET]);
    let sandbox = Sandbox::start(&scene.data_dir(), &options).await?;
    let load = Load::begin(&sandbox.rpc).await?;
    let epoch = |authority: &Value| quantity(&authority["epoch"]).ok();
    let first = sandbox.rpc.until(("millrace_authority", json!([])), |found| epoch(found).is_some()).await?;
    l1(&sandbox, &["propose-sequencer", SUCCESSOR, "--activation", NOTICE]).await?;
    let is_next = |found: &Value| epoch(found) > epoch(&first) && found["inOffice"] == true;
    let next = sandbox.rpc.until(("millrace_authority", json!([])), is_next).await?;
    ensure!(next["members"] == json!([SUCCESSOR]), "{next}");
    agree(&sandbox).await?;
    let receipts = load.end().await?;
    all_arrived(&receipts)?;
    agree(&sandbox).await?;
    sandbox.stop().await
}
