//! What a client of a running sandbox sees: the time from `eth_sendRawTransaction` to the receipt, and how many
//! transfers a second go through the JSON-RPC for a while.

use crate::accounts::{self, Account, Ask};
use anyhow::{Context as _, bail, ensure};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use millrace_primitives::U256;
use serde::Serialize;
use serde_json::{Value, json};
use std::{
    net::TcpListener,
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};

const LATENCY_SAMPLES: usize = 100;
const TRANSFERS_PER_SENDER: u64 = 500;
/// How often a client asks for a receipt.
const POLL_MS: u64 = 2;
/// Transactions that are on their way at once, each in a request of its own.
const IN_FLIGHT: usize = 64;
const GAS_LIMIT: u64 = 650_000;
const PATIENCE_S: u64 = 120;

/// What was measured of the sandbox.
#[derive(Debug, Serialize)]
pub(crate) struct LoadReport {
    /// From sending to a receipt in hand, in milliseconds, one transaction at a time.
    latency_p50_ms: f64,
    latency_p99_ms: f64,
    /// Native transfers that were sent through the JSON-RPC and are in blocks.
    transfers: u64,
    /// From the first sending to the last receipt.
    elapsed_ms: u64,
    transfers_per_s: f64,
}

/// A client of the sandbox.
struct Client {
    http: reqwest::Client,
    url: String,
}

/// Starts a sandbox, puts it under load, stops it.
pub(crate) async fn measure(millrace: &Path, dist: &Path) -> anyhow::Result<LoadReport> {
    let folder = tempfile::tempdir()?;
    let (mut sandbox, url) = start(millrace, dist, folder.path()).await?;
    let client = Client { http: reqwest::Client::new(), url };
    let result = client.measure().await;
    sandbox.kill().await?;
    result
}

async fn start(millrace: &Path, dist: &Path, folder: &Path) -> anyhow::Result<(Child, String)> {
    let (rpc_port, rollup_node_port) = (free_port()?, free_port()?);
    let mut sandbox = Command::new(millrace)
        .arg("sandbox")
        .args(["--rpc-port", &rpc_port.to_string()])
        .args(["--rollup-node-port", &rollup_node_port.to_string()])
        .arg("--data-dir")
        .arg(folder.join("data"))
        .arg("--dist")
        .arg(dist)
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("cannot start {}", millrace.display()))?;
    let url = format!("http://127.0.0.1:{rpc_port}");
    let output = sandbox.stdout.take().context("no standard output")?;
    let mut lines = BufReader::new(output).lines();
    while let Some(line) = lines.next_line().await? {
        if line.contains(&url) {
            // Whatever comes later must not fill the pipe.
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            return Ok((sandbox, url));
        }
    }
    bail!("the sandbox stopped before it was ready")
}

fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

impl Client {
    async fn measure(&self) -> anyhow::Result<LoadReport> {
        let accounts = accounts::all()?;
        let chain_id = U256::from(quantity(&self.ask("eth_chainId", json!([])).await?)?);
        let mut latencies_ms = self.latencies(&accounts[0], &accounts[1], chain_id).await?;
        latencies_ms.sort_by(f64::total_cmp);

        let batches = presigned(&accounts, chain_id, self.nonce(&accounts[0]).await?)?;
        let transfers = batches.iter().map(|batch| batch.len() as u64).sum();
        let started = Instant::now();
        self.send_all(batches).await?;
        for account in &accounts {
            let first = if account.address == accounts[0].address { LATENCY_SAMPLES as u64 } else { 0 };
            self.wait_for_nonce(account, first + TRANSFERS_PER_SENDER).await?;
        }
        let elapsed = started.elapsed();
        #[allow(clippy::cast_precision_loss, reason = "a quotient for people to read")]
        let transfers_per_s = transfers as f64 / elapsed.as_secs_f64();
        Ok(LoadReport {
            latency_p50_ms: percentile(&latencies_ms, 50),
            latency_p99_ms: percentile(&latencies_ms, 99),
            transfers,
            elapsed_ms: u64::try_from(elapsed.as_millis())?,
            transfers_per_s,
        })
    }

    async fn latencies(&self, from: &Account, to: &Account, chain_id: U256) -> anyhow::Result<Vec<f64>> {
        let mut latencies_ms = vec![];
        for nonce in 0..LATENCY_SAMPLES as u64 {
            let ask = Ask { nonce, to: Some(to.address), value: 1, data: vec![], gas_limit: GAS_LIMIT };
            let raw = hexadecimal(&from.sign(chain_id, ask)?);
            let started = Instant::now();
            let hash = self.ask("eth_sendRawTransaction", json!([raw])).await?;
            self.receipt(&hash).await?;
            latencies_ms.push(started.elapsed().as_secs_f64() * 1_000.0);
        }
        Ok(latencies_ms)
    }

    async fn receipt(&self, hash: &Value) -> anyhow::Result<()> {
        let deadline = Instant::now() + Duration::from_secs(PATIENCE_S);
        while Instant::now() < deadline {
            let receipt = self.ask("eth_getTransactionReceipt", json!([hash])).await?;
            if !receipt.is_null() {
                ensure!(receipt["status"] == "0x1", "a transfer failed: {receipt}");
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(POLL_MS)).await;
        }
        bail!("no receipt for {hash}")
    }

    /// Each sender sends in the order of its nonces; the senders go side by side.
    async fn send_all(&self, batches: Vec<Vec<String>>) -> anyhow::Result<()> {
        let width = IN_FLIGHT.div_ceil(batches.len().max(1));
        stream::iter(batches)
            .map(anyhow::Ok)
            .try_for_each_concurrent(None, |batch| async move {
                stream::iter(batch)
                    .map(|raw| self.send_when_there_is_room(raw))
                    .buffered(width)
                    .try_collect::<Vec<()>>()
                    .await
                    .map(|_| ())
            })
            .await
    }

    /// A full pool refuses; a client that wants to get through tries again.
    async fn send_when_there_is_room(&self, raw: String) -> anyhow::Result<()> {
        let deadline = Instant::now() + Duration::from_secs(PATIENCE_S);
        loop {
            match self.ask("eth_sendRawTransaction", json!([raw])).await {
                Ok(_) => return Ok(()),
                Err(error) if Instant::now() > deadline => return Err(error),
                Err(_) => tokio::time::sleep(Duration::from_millis(POLL_MS)).await,
            }
        }
    }

    async fn wait_for_nonce(&self, account: &Account, nonce: u64) -> anyhow::Result<()> {
        let deadline = Instant::now() + Duration::from_secs(PATIENCE_S);
        while self.nonce(account).await? < nonce {
            ensure!(Instant::now() < deadline, "transfers of {:?} got lost", account.address);
            tokio::time::sleep(Duration::from_millis(POLL_MS)).await;
        }
        Ok(())
    }

    async fn nonce(&self, account: &Account) -> anyhow::Result<u64> {
        let address = format!("{:?}", account.address);
        quantity(&self.ask("eth_getTransactionCount", json!([address, "latest"])).await?)
    }

    async fn ask(&self, method: &str, params: Value) -> anyhow::Result<Value> {
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let reply: Value = self.http.post(&self.url).json(&body).send().await?.json().await?;
        match reply.get("result") {
            Some(result) => Ok(result.clone()),
            None => bail!("{method}: {}", reply["error"]),
        }
    }
}

/// For each sender its transfers in the order of their nonces.
fn presigned(accounts: &[Account], chain_id: U256, first_of_first: u64) -> anyhow::Result<Vec<Vec<String>>> {
    let mut batches = vec![];
    for (index, account) in accounts.iter().enumerate() {
        let to = accounts[(index + 1) % accounts.len()].address;
        let first = if index == 0 { first_of_first } else { 0 };
        let sign = |nonce: u64| -> anyhow::Result<String> {
            let ask = Ask { nonce, to: Some(to), value: 1, data: vec![], gas_limit: GAS_LIMIT };
            Ok(hexadecimal(&account.sign(chain_id, ask)?))
        };
        batches.push((first..first + TRANSFERS_PER_SENDER).map(sign).collect::<Result<_, _>>()?);
    }
    Ok(batches)
}

fn percentile(sorted: &[f64], percent: usize) -> f64 {
    let index = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(index).copied().unwrap_or_default()
}

fn hexadecimal(bytes: &[u8]) -> String {
    format!("0x{}", hex::encode(bytes))
}

fn quantity(value: &Value) -> anyhow::Result<u64> {
    let text = value.as_str().and_then(|text| text.strip_prefix("0x")).context("not a quantity")?;
    Ok(u64::from_str_radix(text, 16)?)
}

impl LoadReport {
    /// A few lines.
    pub(crate) fn print(&self) {
        println!(
            "\nsandbox: receipt after {:.1} ms (p50), {:.1} ms (p99); {} transfers in {} ms, {:.0} a second",
            self.latency_p50_ms, self.latency_p99_ms, self.transfers, self.elapsed_ms, self.transfers_per_s
        );
    }
}
