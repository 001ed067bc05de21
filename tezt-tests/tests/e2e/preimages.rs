//! A sandbox whose kernel is somewhere else.

use anyhow::{Context as _, ensure};
use millrace_tezt::{Options, PATIENCE, PageServer, Sandbox, Scene, dist};
use serde_json::json;
use std::{fs, path::Path, process::Stdio};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
    time::timeout,
};

/// Reads what a process prints until a line has this in it; answers the line.
async fn line_with(process: &mut Child, text: &str) -> anyhow::Result<String> {
    let mut lines = BufReader::new(process.stdout.as_mut().context("no standard output")?).lines();
    let found = async {
        while let Some(line) = lines.next_line().await? {
            if line.contains(text) {
                return Ok(line);
            }
        }
        anyhow::bail!("it ended without a line with {text:?}")
    };
    timeout(PATIENCE, found).await.with_context(|| format!("no line with {text:?} came"))?
}

/// Ctrl-C, and how it ends.
async fn interrupt(mut process: Child) -> anyhow::Result<()> {
    let id = process.id().context("it is gone already")?.to_string();
    ensure!(Command::new("kill").args(["-INT", &id]).status().await?.success(), "kill failed");
    let status = timeout(PATIENCE, process.wait()).await.context("it did not stop")??;
    ensure!(status.success(), "it ended with {status}");
    Ok(())
}

fn copy_pages(to: &Path) -> anyhow::Result<usize> {
    let mut count = 0;
    for page in fs::read_dir(dist()?.join("preimages"))? {
        let page = page?;
        fs::copy(page.path(), to.join(page.file_name()))?;
        count += 1;
    }
    Ok(count)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sandbox_waits_for_the_pages_of_its_kernel_and_stops_when_told() -> anyhow::Result<()> {
    let scene = Scene::begin().await?;
    let (bare, pages) = (scene.path("bare"), scene.path("pages"));
    fs::create_dir_all(bare.join("preimages"))?;
    fs::create_dir(&pages)?;
    for name in ["kernel.wasm", "installer.wasm", "rollup.json"] {
        fs::copy(dist()?.join(name), bare.join(name))?;
    }
    let server = PageServer::start(&pages).await?;
    let bare = bare.to_str().context("a path that is no text")?;
    let options = Options::new().with(&["--dist", bare, "--preimages-endpoint", &server.url]);

    let mut waiting = options.command(&scene.data_dir())?.stderr(Stdio::null()).spawn()?;
    line_with(&mut waiting, "waits for the preimage 00").await?;
    interrupt(waiting).await?;

    let count = copy_pages(&pages)?;
    let sandbox = Sandbox::start(&scene.data_dir(), &options).await?;
    sandbox.rpc.call("eth_blockNumber", json!([])).await?;
    sandbox.stop().await?;
    let fetched = fs::read_dir(scene.data_dir().join("origin/preimages"))?.count();
    ensure!(fetched == count, "{fetched} of {count} pages");
    Ok(())
}
