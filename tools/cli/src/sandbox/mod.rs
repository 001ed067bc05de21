//! `millrace sandbox`: a whole rollup in this process.

mod screen;

use crate::{
    data_dir::{DataDir, Owner},
    node::watch::{Trouble, Watch},
    origin::{Origin, Overrides},
    signals::{stop_signal, stopped},
};
use anyhow::{Context as _, bail, ensure};
use millrace_installer::development;
use millrace_l1::sandbox::chain::Rules;
use millrace_l1::sandbox::limits::BATCHER_KEYS;
use millrace_l1::sandbox::{Commitments, Phase, Progress, Sandbox, SandboxConfig, rollup_node::NodeError};
use millrace_node::{Genesis, Node, NodeConfig, Retention, RpcConfig};
use millrace_primitives::{L1Level, U256};
use millrace_sequencing::{pool, producer::Rhythm, publisher};
use millrace_wire::{base58::Base58Check as _, signature::SecretKey};
use std::{
    net::{IpAddr, SocketAddr, TcpListener},
    path::PathBuf,
};
use tokio::sync::watch;

/// Flags of `millrace sandbox`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  millrace sandbox
  millrace sandbox --fresh --chain-id 4242
  millrace sandbox --level-time-ms manual
  millrace sandbox --without-node
  millrace sandbox --rpc-port 9545 --rollup-node-port 9932 --data-dir /tmp/second-chain

The chain goes on at the next start with the same --data-dir.")]
pub(crate) struct Arguments {
    /// Where the chain is kept.
    #[arg(long, value_name = "DIR", default_value = ".millrace")]
    pub(crate) data_dir: PathBuf,
    /// Forget the chain that is there, and start with block 0.
    #[arg(long)]
    fresh: bool,
    /// The folder of the built kernel, which `make dist` fills.
    #[arg(long, value_name = "DIR", default_value = "dist")]
    dist: PathBuf,
    #[command(flatten)]
    overrides: Overrides,
    /// Where compiled kernels are kept, to share them between chains; otherwise each data folder has its own. Only you
    /// may be able to write there: what it holds is executed.
    #[arg(long, value_name = "DIR")]
    cache_dir: Option<PathBuf>,
    /// Where the rollup node fetches the pages of new kernels, `http://` and asked in turn; each page is `<URL>/<hash>`. Without
    /// it, or as long as nobody has them, it waits until they are in `<data-dir>/origin/preimages`.
    #[arg(long, value_name = "URL", value_delimiter = ',')]
    preimages_endpoint: Vec<String>,
    /// Where JSON-RPC listens.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    rpc_addr: IpAddr,
    /// The port of JSON-RPC, HTTP and websocket; 0 for any free one.
    #[arg(long, value_name = "PORT", default_value_t = 8_545)]
    rpc_port: u16,
    /// The port of the rollup node on 127.0.0.1; 0 for any free one.
    #[arg(long, value_name = "PORT", default_value_t = 8_932)]
    rollup_node_port: u16,
    /// Time between two levels of the layer 1, or `manual`: then `millrace l1 bake` makes them.
    #[arg(long = "level-time-ms", alias = "level-time", value_name = "MS", default_value = "1000")]
    level_time: LevelTime,
    #[command(flatten)]
    layer1: Layer1,
    /// Least time between two blocks.
    #[arg(long, value_name = "MS", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..))]
    block_time_ms: u64,
    /// A further key that the node may sign with when governance puts it in charge, as edsk…, spsk…, p2sk… Repeat it for
    /// several. The development key is always there.
    #[arg(long = "sequencer-key", value_name = "KEY", value_parser = secret_key)]
    sequencer_keys: Vec<SecretKey>,
    /// No block is made in so many seconds before an announced change of the sequencer.
    #[arg(long, value_name = "SECONDS", default_value_t = 3)]
    handover_margin_s: u64,
    /// An empty block is made after this long without a block; 0 for never.
    #[arg(long, value_name = "MS", default_value_t = 5_000)]
    empty_block_ms: u64,
    /// Only layer 1 and rollup node: for `millrace sequencer` and `millrace observer` beside them.
    #[arg(long)]
    without_node: bool,
}

fn secret_key(text: &str) -> Result<SecretKey, String> {
    // The text stays out of the message: it may be all but one letter of a secret.
    SecretKey::from_base58(text).map_err(|error| format!("not a secret key: {error:?}"))
}

/// How the layer 1 behaves.
#[derive(Clone, Copy, Debug, clap::Args)]
#[command(next_help_heading = "Layer 1")]
struct Layer1 {
    /// Keys of the batcher: each signs one operation of 32 KiB a level, and 16 fill it.
    #[arg(long, value_name = "COUNT", default_value_t = BATCHER_KEYS, value_parser = clap::value_parser!(u32).range(1..=16))]
    batcher_keys: u32,
    /// Levels that an operation waits before it can be in one.
    #[arg(long, value_name = "LEVELS", default_value_t = 0)]
    inclusion_delay_levels: u32,
    /// A commitment is made at each level that is a multiple of this; 150 on Tezos.
    #[arg(long, value_name = "LEVELS", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    commitment_period_levels: u32,
    /// Levels until a commitment is cemented, and withdrawals before it can be paid out; 201,600 on Tezos.
    #[arg(long, value_name = "LEVELS", default_value_t = 20)]
    challenge_levels: u32,
}

impl Layer1 {
    fn rules(self) -> Rules {
        let Self { batcher_keys, inclusion_delay_levels, .. } = self;
        Rules { batcher_keys, inclusion_delay_levels }
    }

    fn commitments(self) -> Commitments {
        let (period_levels, challenge_levels) = (self.commitment_period_levels, self.challenge_levels);
        Commitments { period_levels, challenge_levels }
    }
}

/// Shortest time between two levels.
const LEVEL_TIME_MS_MIN: u64 = 50;

/// When levels are made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum LevelTime {
    /// At this distance, in milliseconds.
    EveryMs(u64),
    /// On demand only.
    Manual,
}

impl LevelTime {
    fn ms(self) -> Option<u64> {
        match self {
            Self::EveryMs(ms) => Some(ms),
            Self::Manual => None,
        }
    }
}

impl std::str::FromStr for LevelTime {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse() {
            _ if text == "manual" => Ok(Self::Manual),
            Ok(ms) if ms >= LEVEL_TIME_MS_MIN => Ok(Self::EveryMs(ms)),
            _ => Err(format!("milliseconds, {LEVEL_TIME_MS_MIN} or more, or `manual`")),
        }
    }
}

/// Starts everything, tells what happens, and stops in order when it is told to.
pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let mut stop = stop_signal()?;
    let data_dir = DataDir::open(&arguments.data_dir, Owner::Sandbox)?;
    check_free("JSON-RPC", arguments.rpc_addr, arguments.rpc_port, "--rpc-port")?;
    check_free("the rollup node", [127, 0, 0, 1].into(), arguments.rollup_node_port, "--rollup-node-port")?;

    let origin = origin(&arguments, &data_dir)?;

    println!("{}", if data_dir.has_chain() { "going on with the chain in" } else { "making a new chain in" });
    println!("  {}", arguments.data_dir.display());
    let Some(sandbox) = start_layer1(&arguments, &data_dir, &origin, &mut stop).await? else {
        println!("stopping");
        return Ok(());
    };
    if arguments.without_node {
        return serve_layer1(&arguments, sandbox, &mut stop).await;
    }
    let started = tokio::select! {
        started = start_node(&arguments, &data_dir, &origin, &sandbox) => started,
        () = stopped(&mut stop) => {
            println!("stopping");
            sandbox.shutdown().await;
            return Ok(());
        }
    };
    let node = match started {
        Ok(node) => node,
        Err(error) => {
            sandbox.shutdown().await;
            return Err(error);
        }
    };
    let places = screen::Places {
        rpc: node.rpc_address(),
        rollup_node: sandbox.endpoint(),
        data_dir: arguments.data_dir.clone(),
    };
    print!("{}", screen::banner(&places, &origin.parameters, node.rollup(), &node.head()));

    let outcome = watch_over(&node, &sandbox, &mut stop).await;
    println!("stopping");
    let number = node.head().block.header.number;
    node.stop().await;
    sandbox.shutdown().await;
    println!("stopped at block {number}");
    outcome
}

/// Leaves the rest to nodes in other processes, until it is told to stop.
async fn serve_layer1(
    arguments: &Arguments,
    sandbox: Sandbox,
    stop: &mut watch::Receiver<bool>,
) -> anyhow::Result<()> {
    println!("Rollup node   {}", sandbox.endpoint());
    println!("Data folder   {}", arguments.data_dir.display());
    println!("Stop with Ctrl-C. The next start goes on from here; with --fresh, from block 0.");
    let mut trouble = Trouble::default();
    let mut progress = sandbox.progress();
    let outcome = loop {
        tokio::select! {
            () = stopped(stop) => break trouble.outcome(),
            changed = progress.changed() => {
                changed.context("the layer 1 stopped by itself")?;
                let progress = progress.borrow_and_update().clone();
                trouble.of_rollup_node(trouble_of(&progress), matches!(progress.phase, Phase::Dead(_)));
            }
        }
    };
    println!("stopping");
    sandbox.shutdown().await;
    outcome
}

/// What the chain began with: at its first start that is what was built, and nothing is forgotten before that is known
/// to fit this program.
fn origin(arguments: &Arguments, data_dir: &DataDir) -> anyhow::Result<Origin> {
    let Arguments { dist, overrides, fresh, .. } = arguments;
    let kept = if *fresh { None } else { Origin::kept(&data_dir.origin(), overrides)? };
    if let Some(origin) = kept {
        if origin.differs_from(dist) {
            println!("{} has another kernel; this chain goes on with its own", dist.display());
        }
        return Ok(origin);
    }
    let built = Origin::built(dist, "--dist")?;
    ensure!(
        *fresh || !data_dir.has_chain(),
        "the chain in {} is of an older program and cannot go on: forget it with --fresh",
        arguments.data_dir.display()
    );
    data_dir.forget()?;
    built.keep(overrides, &data_dir.origin())
}

/// Fails early, and with a hint, when a port is taken.
fn check_free(what: &str, addr: IpAddr, port: u16, flag: &str) -> anyhow::Result<()> {
    let address = SocketAddr::new(addr, port);
    match TcpListener::bind(address) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
            bail!(
                "{address} is in use: is another sandbox running? Choose another port for {what} with {flag}"
            )
        }
        Err(error) => Err(error).with_context(|| format!("{what} cannot listen on {address}")),
    }
}

/// Starts layer 1 and rollup node, and waits until the kernel has booted; `None` when it was told to stop meanwhile.
async fn start_layer1(
    arguments: &Arguments,
    data_dir: &DataDir,
    origin: &Origin,
    stop: &mut watch::Receiver<bool>,
) -> anyhow::Result<Option<Sandbox>> {
    let config = SandboxConfig {
        level_time_ms: arguments.level_time.ms(),
        rpc_addr: SocketAddr::from(([127, 0, 0, 1], arguments.rollup_node_port)),
        contracts: origin.contracts()?,
        rules: arguments.layer1.rules(),
        commitments: arguments.layer1.commitments(),
        compiled: compiled(arguments, data_dir),
        preimages_endpoints: arguments.preimages_endpoint.clone(),
        ..SandboxConfig::new(data_dir.l1(), origin.installer(), origin.preimages())
    };
    let sandbox = Sandbox::start(config).await.with_context(|| {
        format!(
            "the layer 1 in {} cannot be started (with --fresh it starts anew)",
            arguments.data_dir.display()
        )
    })?;
    // Pages that nobody has may be waited for as long as anybody likes.
    let booted = tokio::select! {
        booted = boot(&sandbox, arguments.level_time, !arguments.preimages_endpoint.is_empty()) => booted.map(|()| true),
        () = stopped(stop) => Ok(false),
    };
    if matches!(booted, Ok(true)) {
        return Ok(Some(sandbox));
    }
    sandbox.shutdown().await;
    booted.map(|_stopped| None)
}

/// The folder of compiled kernels.
fn compiled(arguments: &Arguments, data_dir: &DataDir) -> PathBuf {
    arguments.cache_dir.clone().unwrap_or_else(|| data_dir.l1().join("kernels"))
}

/// Waits until the kernel has booted, which takes a level.
async fn boot(sandbox: &Sandbox, level_time: LevelTime, fetches: bool) -> anyhow::Result<()> {
    if level_time == LevelTime::Manual && sandbox.head().level == L1Level::ZERO {
        println!("  booting the kernel: level 1/1");
        sandbox.bake().await?;
    }
    wait_for_kernel(sandbox, fetches).await
}

/// Returns when there is a kernel that has booted. A successor's pages may be missing then: the node serves what there is.
async fn wait_for_kernel(sandbox: &Sandbox, fetches: bool) -> anyhow::Result<()> {
    let mut progress = sandbox.progress();
    let mut shown = String::new();
    loop {
        let current = progress.borrow_and_update().clone();
        let text = current.to_string();
        if text != shown {
            println!("  {text}");
            shown = text;
        }
        match current.phase {
            Phase::Following => return Ok(()),
            Phase::Halted(error) => match *error {
                NodeError::Preimage { .. } if current.processed > L1Level::ZERO => return Ok(()),
                NodeError::Preimage { .. } if fetches => {}
                _ => bail!("the rollup node has halted: {error}"),
            },
            Phase::Dead(reason) => bail!("the kernel is dead: {reason}"),
            Phase::Booting | Phase::CatchingUp => {}
        }
        progress.changed().await.context("the layer 1 stopped by itself")?;
    }
}

async fn start_node(
    arguments: &Arguments,
    data_dir: &DataDir,
    origin: &Origin,
    sandbox: &Sandbox,
) -> anyhow::Result<Node> {
    let key = SecretKey::from_base58(development::SEQUENCER_SECRET);
    let key = key.map_err(|error| anyhow::anyhow!("the development key is damaged: {error:?}"))?;
    let keys: Vec<SecretKey> = [key].into_iter().chain(arguments.sequencer_keys.iter().cloned()).collect();
    let sequencer = &origin.parameters.sequencer;
    ensure!(
        keys.iter().any(|key| key.public_key().to_base58() == *sequencer),
        "the installer names the sequencer {sequencer}, whose key this sandbox does not have: give it with --sequencer-key"
    );
    let empty_block_ms = (arguments.empty_block_ms > 0).then_some(arguments.empty_block_ms);
    let config = NodeConfig {
        data_dir: data_dir.node(),
        rollup_node: sandbox.endpoint(),
        chain_id: U256::from(origin.parameters.chain_id),
        genesis: Genesis {
            installer: origin.installer(),
            preimages: origin.preimages(),
            compiled: Some(compiled(arguments, data_dir)),
        },
        preimages_endpoints: arguments.preimages_endpoint.clone(),
        upstreams: Vec::new(),
        keys,
        handover_margin_s: arguments.handover_margin_s,
        rpc: RpcConfig {
            listen: SocketAddr::new(arguments.rpc_addr, arguments.rpc_port),
            ..RpcConfig::default()
        },
        rhythm: Rhythm { block_time_ms: arguments.block_time_ms, empty_block_ms },
        pool: pool::Limits::default(),
        publication: publisher::Limits::default(),
        states: Retention::default(),
        development_keys: Some(crate::accounts::development_keys()?),
    };
    Node::start(config).await.with_context(|| {
        format!(
            "the node in {} cannot be started (with --fresh it starts anew)",
            arguments.data_dir.display()
        )
    })
}

/// Tells what happens until the sandbox is told to stop; fails when it can no longer do its work.
async fn watch_over(node: &Node, sandbox: &Sandbox, stop: &mut watch::Receiver<bool>) -> anyhow::Result<()> {
    let mut watch = Watch::of(node);
    let mut progress = sandbox.progress();
    loop {
        tokio::select! {
            () = stopped(stop) => return watch.outcome(),
            told = watch.next() => told?,
            changed = progress.changed() => {
                changed.context("the layer 1 stopped by itself")?;
                let progress = progress.borrow_and_update().clone();
                watch.trouble.of_rollup_node(trouble_of(&progress), matches!(progress.phase, Phase::Dead(_)));
            }
        }
    }
}

fn trouble_of(progress: &Progress) -> Option<String> {
    matches!(progress.phase, Phase::Halted(_) | Phase::Dead(_)).then(|| progress.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_told_with_the_flag_that_helps() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        let error =
            check_free("JSON-RPC", [127, 0, 0, 1].into(), port, "--rpc-port").unwrap_err().to_string();
        assert!(error.contains("in use") && error.contains("--rpc-port"), "{error}");
        drop(taken);
        assert!(check_free("JSON-RPC", [127, 0, 0, 1].into(), port, "--rpc-port").is_ok());
    }

    #[test]
    fn levels_come_in_time_or_on_demand() {
        assert_eq!("50".parse(), Ok(LevelTime::EveryMs(50)));
        assert_eq!("manual".parse(), Ok(LevelTime::Manual));
        for wrong in ["49", "-1", "", "Manual", "1s"] {
            assert!(wrong.parse::<LevelTime>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_accounts_and_the_key_are_those_of_the_installer() {
        let listed: Vec<_> = crate::accounts::ACCOUNTS.iter().map(|account| account.address).collect();
        assert_eq!(listed, development::ACCOUNTS);
        assert_eq!(crate::accounts::MNEMONIC, development::MNEMONIC);
        assert_eq!(format!("{} ether", crate::accounts::TOKENS), development::BALANCE);
        let key = SecretKey::from_base58(development::SEQUENCER_SECRET).unwrap();
        assert_eq!(key.public_key().to_base58(), development::parameters().sequencer);
    }
}
