//! Whatever is announced, cancelled, forced and lost, in whatever order: node and rollup change kernels at the same block.
//!
//! Each schedule is drawn from a seed, which a failure names; `MILLRACE_SCHEDULE_SEEDS=17,18` tries others.

use anyhow::{Context as _, bail, ensure};
use fastrand::Rng;
use millrace_next_kernel::{Conduct, NextKernel};
use millrace_tezt::{Options, PATIENCE, PageServer, Sandbox, Scene, cut, dist, millrace, quantity};
use serde_json::{Value, json};
use std::{collections::BTreeMap, env, fs, path::PathBuf, time::Instant};

/// Names seeds to try in the place of [`SEEDS`], separated by commas.
const SEEDS_VARIABLE: &str = "MILLRACE_SCHEDULE_SEEDS";
const SEEDS: [u64; 3] = [1, 2, 3];
/// Decisions in a schedule.
const STEPS: u32 = 24;
/// Most of one kind of decision that wait at a time, so that none is refused.
const WAITING_MAX: usize = 6;
/// What is announced takes effect within so many seconds.
const NOTICE_S_MAX: u64 = 4;

/// Both are keys of the node: `bootstrap1` and `bootstrap2` of every Tezos sandbox.
const KEYS: [&str; 2] = [
    "edpkuBknW28nW72KG6RoHtYW7p12T6GKc7nAbwYX5m8Wd9sDVC9yav",
    "edpktzNbDAUjUk697W7gYg2CRuBQjyPxbEg8dLccYYwKSKvkPvjtV9",
];
const SECOND_SECRET: &str = "edsk39qAm1fiMjgmPkw1EgQYkMzkJezLNewd7PLNHTkr6w9XA2zdfo";
const POOL: &str = "0x7070707070707070707070707070707070707070";

/// Deadlines of the delayed inbox that a test can wait for.
const DELAYED_INBOX: &str =
    "\ndelayed_inbox:\n  timeout_s: 1\n  timeout_levels: 4\n  forced_items_max: 100\n";

/// An upgrade as it was announced.
#[derive(Clone, Debug)]
struct Announced {
    root: String,
    activation: u64,
    /// The last block of the rollup before the level of the announcement.
    after: u64,
}

/// What the rollup had after a level.
#[derive(Debug)]
struct Standing {
    level: u64,
    /// Its last block.
    number: u64,
    /// The root of the kernel that runs; `None` for that of the origination.
    root: Option<String>,
}

/// A sandbox whose levels come when the schedule says so.
struct Play {
    sandbox: Sandbox,
    rng: Rng,
    /// The roots of what may be announced: a kernel that takes over, one that fails, and the first one again.
    kernels: Vec<String>,
    accounts: Value,
    announced: Vec<Announced>,
    standings: Vec<Standing>,
    forced: u32,
    _pages: PageServer,
}

/// The folder of a rollup like that of the other scenarios, with [`DELAYED_INBOX`].
async fn originate(scene: &Scene) -> anyhow::Result<PathBuf> {
    let (config, out) = (scene.path("rollup.yaml"), scene.path("dist"));
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../installer/sandbox.yaml");
    fs::write(&config, fs::read_to_string(example)? + DELAYED_INBOX)?;
    let mut command = tokio::process::Command::new(millrace()?);
    command.args(["installer", "build", "--config"]).arg(&config).arg("--out").arg(&out);
    let output = command.arg("--kernel").arg(dist()?.join("kernel.wasm")).output().await?;
    ensure!(output.status.success(), "{output:?}");
    Ok(out)
}

impl Play {
    async fn begin(scene: &Scene, seed: u64) -> anyhow::Result<Self> {
        let pages = scene.path("pages");
        let mut kernels = Vec::new();
        for conduct in [Conduct::SameLayout, Conduct::FailsToMigrate] {
            let kernel = scene.path("next.wasm");
            fs::write(&kernel, NextKernel::built()?.with(conduct))?;
            kernels.push(cut(&kernel, &pages).await?);
        }
        kernels.push(cut(&dist()?.join("kernel.wasm"), &pages).await?);
        let server = PageServer::start(&pages).await?;
        let origin = originate(scene).await?;
        let options = Options::new()
            .with(&["--dist", origin.to_str().context("not text")?, "--level-time-ms", "manual"])
            .with(&["--preimages-endpoint", &server.url, "--sequencer-key", SECOND_SECRET])
            .with(&["--handover-margin-s", "1", "--empty-block-ms", "400"]);
        let sandbox = Sandbox::start(&scene.data_dir(), &options).await?;
        let accounts = sandbox.rpc.call("eth_accounts", json!([])).await?;
        let rng = Rng::with_seed(seed);
        let (announced, standings, forced) = (Vec::new(), Vec::new(), 0);
        let mut play = Self { sandbox, rng, kernels, accounts, announced, standings, forced, _pages: server };
        play.bake().await?;
        Ok(play)
    }

    /// Makes a level, waits until the node has read it, and notes what the rollup has then.
    async fn bake(&mut self) -> anyhow::Result<()> {
        let level = self.sandbox.control("bake", &json!({})).await?["level"].as_u64().context("no level")?;
        let is_read = |authority: &Value| quantity(&authority["level"]).is_ok_and(|read| read >= level);
        self.sandbox.rpc.until(("millrace_authority", json!([])), is_read).await?;
        let number = quantity(&self.block("safe").await?["number"])?;
        let root = self.sandbox.durable(&level.to_string(), "/upgrade/root").await?;
        self.standings.push(Standing { level, number, root });
        Ok(())
    }

    async fn block(&self, name: &str) -> anyhow::Result<Value> {
        self.sandbox.rpc.call("eth_getBlockByNumber", json!([name, false])).await
    }

    /// The last block that the rollup has.
    fn confirmed(&self) -> u64 {
        self.standings.last().map_or(0, |standing| standing.number)
    }

    async fn is_in_office(&self) -> anyhow::Result<bool> {
        let authority = self.sandbox.rpc.call("millrace_authority", json!([])).await?;
        Ok(authority["inOffice"] == true)
    }

    /// Decides one thing more.
    async fn step(&mut self) -> anyhow::Result<()> {
        match self.rng.u32(..10) {
            0..=2 => self.transfer().await?,
            3 | 4 => self.announce_kernel().await?,
            5 => self.cancel().await?,
            6 => self.announce_sequencer().await?,
            7 => self.force().await?,
            _ => self.pass_time().await?,
        }
        for _ in 0..self.rng.u32(..3) {
            self.bake().await?;
        }
        Ok(())
    }

    /// Some blocks, when this is the time for any.
    async fn transfer(&mut self) -> anyhow::Result<()> {
        for _ in 0..self.rng.u32(1..4) {
            if self.is_in_office().await? {
                let transfer = json!([{ "from": self.accounts[0], "to": self.accounts[1], "value": "0x1" }]);
                self.sandbox.rpc.call("eth_sendTransaction", transfer).await?;
                self.reach(|before, block| block["number"] != before["number"]).await?;
            }
        }
        Ok(())
    }

    /// Makes levels until the chain has got there.
    async fn reach(&mut self, is_there: impl Fn(&Value, &Value) -> bool) -> anyhow::Result<()> {
        let (before, deadline) = (self.block("latest").await?, Instant::now() + PATIENCE);
        while !is_there(&before, &self.block("latest").await?) {
            ensure!(Instant::now() < deadline, "the chain stands still: {before}");
            self.bake().await?;
        }
        Ok(())
    }

    async fn decide(&self, from: &str, decision: Value) -> anyhow::Result<()> {
        self.sandbox.control("governance", &json!({ "from": from, "decision": decision })).await?;
        Ok(())
    }

    async fn now(&self) -> anyhow::Result<u64> {
        let authority = self.sandbox.rpc.call("millrace_authority", json!([])).await?;
        Ok(quantity(&authority["timestamp"])?.max(quantity(&self.block("latest").await?["timestamp"])?))
    }

    async fn announce_kernel(&mut self) -> anyhow::Result<()> {
        let waiting = self.sandbox.rpc.call("millrace_pendingUpgrades", json!([])).await?;
        if waiting["waiting"].as_array().map_or(0, Vec::len) >= WAITING_MAX {
            return Ok(());
        }
        let root = self.kernels[self.rng.usize(..self.kernels.len())].clone();
        let activation = self.now().await? + self.rng.u64(..=NOTICE_S_MAX);
        let from = if self.rng.u32(..4) == 0 { "security" } else { "kernel" };
        let upgrade = json!({ "root_hash": root, "activation": { "at_s": activation } });
        self.decide(from, json!({ "kernel_upgrade": upgrade })).await?;
        let after = self.confirmed();
        self.bake().await?;
        self.announced.push(Announced { root, activation, after });
        Ok(())
    }

    /// Cancels something that may wait, or not.
    async fn cancel(&mut self) -> anyhow::Result<()> {
        let root = self.kernels[self.rng.usize(..self.kernels.len())].clone();
        self.decide("admin", json!({ "cancel_upgrade": { "root_hash": root } })).await
    }

    async fn announce_sequencer(&mut self) -> anyhow::Result<()> {
        let authority = self.sandbox.rpc.call("millrace_authority", json!([])).await?;
        if authority["announced"].as_array().map_or(0, Vec::len) >= WAITING_MAX {
            return Ok(());
        }
        let key = KEYS[self.rng.usize(..KEYS.len())];
        let activation = self.now().await? + self.rng.u64(1..=NOTICE_S_MAX);
        let sequencer = json!({ "key": key, "pool": POOL, "activation": { "at_s": activation } });
        self.decide("sequencer", json!({ "sequencer": sequencer })).await
    }

    /// What the node publishes is lost until the kernel has forced a delayed deposit into a block of its own.
    async fn force(&mut self) -> anyhow::Result<()> {
        let fate = |fate: &str, count: u32| json!({ "fate": fate, "which": { "next": count } });
        let deposit = json!({ "receiver": POOL, "amount_mutez": 1 });
        self.sandbox.control("deposit", &deposit).await?;
        self.bake().await?;
        self.sandbox.control("fault/operations", &fate("dropped", 1_000)).await?;
        let (before, deadline) = (self.confirmed(), Instant::now() + PATIENCE);
        while self.confirmed() == before {
            ensure!(Instant::now() < deadline, "nothing is forced");
            self.bake().await?;
        }
        self.sandbox.control("fault/none", &Value::Null).await?;
        self.forced += 1;
        Ok(())
    }

    /// Time goes by until the next announced activation is behind.
    async fn pass_time(&mut self) -> anyhow::Result<()> {
        let head = quantity(&self.block("latest").await?["timestamp"])?;
        let next = self.announced.iter().map(|upgrade| upgrade.activation).filter(|time| *time > head).min();
        let until = next.unwrap_or(head + 1);
        self.reach(|_, block| quantity(&block["timestamp"]).is_ok_and(|time| time >= until)).await
    }

    /// Until nothing waits any more and all of it is final.
    async fn settle(&mut self) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            self.pass_time().await?;
            let upgrades = self.sandbox.rpc.call("millrace_pendingUpgrades", json!([])).await?;
            let authority = self.sandbox.rpc.call("millrace_authority", json!([])).await?;
            if upgrades["waiting"] == json!([]) && authority["announced"] == json!([]) {
                break;
            }
            ensure!(Instant::now() < deadline, "something waits for ever: {upgrades} {authority}");
        }
        let last = quantity(&self.block("latest").await?["number"])?;
        while quantity(&self.block("finalized").await?["number"])? < last {
            ensure!(Instant::now() < deadline, "block {last} is never final");
            self.bake().await?;
        }
        Ok(())
    }

    /// The kernel that made each block here.
    async fn kernels_here(&self) -> anyhow::Result<BTreeMap<u64, Option<String>>> {
        let last = self.confirmed();
        let mut kernels = BTreeMap::new();
        for number in 0..=last {
            let root = self.sandbox.rpc.call("millrace_kernelRoot", json!([format!("{number:#x}")])).await?;
            let root = root.as_str().map(|root| root.trim_start_matches("0x").to_owned());
            kernels.insert(number, root);
        }
        Ok(kernels)
    }

    /// After each level both have the same kernel.
    fn agree(&self, here: &BTreeMap<u64, Option<String>>) -> anyhow::Result<()> {
        for Standing { level, number, root } in &self.standings {
            let own = here.get(number).context("a block is missing")?;
            ensure!(own == root, "level {level}, block {number}: {own:?} here, {root:?} on the rollup");
        }
        Ok(())
    }

    /// Answers how many kernels took over; each with a block that was late enough, after its announcement.
    async fn were_due(&self, here: &BTreeMap<u64, Option<String>>) -> anyhow::Result<usize> {
        let mut count = 0;
        let mut before = None;
        for (number, root) in here {
            let change = before.replace(root).is_some_and(|before| before != root);
            if let (true, Some(root)) = (change, root) {
                let block = self.block(&format!("{number:#x}")).await?;
                let timestamp = quantity(&block["timestamp"])?;
                let is_cause = |upgrade: &&Announced| {
                    upgrade.root == *root && upgrade.activation <= timestamp && upgrade.after < *number
                };
                let cause = self.announced.iter().find(is_cause);
                cause.with_context(|| format!("block {number} at {timestamp}: {root} was not due"))?;
                count += 1;
            }
        }
        Ok(count)
    }
}

fn seeds() -> anyhow::Result<Vec<u64>> {
    match env::var(SEEDS_VARIABLE) {
        Ok(seeds) => seeds.split(',').map(|seed| Ok(seed.trim().parse()?)).collect(),
        Err(_) => Ok(SEEDS.to_vec()),
    }
}

async fn play(seed: u64) -> anyhow::Result<(usize, u32)> {
    let scene = Scene::begin().await?;
    let mut play = Play::begin(&scene, seed).await?;
    for _ in 0..STEPS {
        play.step().await?;
    }
    play.settle().await?;
    let here = play.kernels_here().await?;
    play.agree(&here)?;
    let changes = play.were_due(&here).await?;
    let (levels, forced) = (play.standings.len(), play.forced);
    eprintln!("seed {seed}: {} blocks in {levels} levels, {changes} kernels, {forced} forced", here.len());
    play.sandbox.stop().await?;
    Ok((changes, forced))
}

#[tokio::test(flavor = "multi_thread")]
async fn node_and_rollup_change_kernels_at_the_same_block_in_any_schedule() -> anyhow::Result<()> {
    let (mut changes, mut forced) = (0, 0);
    for seed in seeds()? {
        match play(seed).await {
            Ok(counts) => (changes, forced) = (changes + counts.0, forced + counts.1),
            Err(error) => bail!("seed {seed}: {error:#}"),
        }
    }
    ensure!(
        changes > 0 && forced > 0,
        "{changes} changes of kernel, {forced} forced blocks: that tries nothing"
    );
    Ok(())
}
