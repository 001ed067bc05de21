//! `millrace sequencer` and `millrace observer`: a node beside a rollup node.

pub(crate) mod config;
mod keys;
mod settings;
pub(crate) mod watch;

use crate::{
    data_dir::{DataDir, Owner},
    origin::{Origin, Overrides},
    signals::{stop_signal, stopped},
};
use anyhow::{Context as _, ensure};
use keys::KeySource;
use millrace_node::{Genesis, Node, NodeConfig, Retention};
use millrace_primitives::U256;
use millrace_sequencing::producer::Rhythm;
use millrace_wire::{base58::Base58Check as _, signature::SecretKey};
use settings::Settings;
use std::{net::SocketAddr, path::PathBuf};
use watch::Watch;

/// Flags of both.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Common {
    /// A file of settings (`millrace config init` makes one). Flags and environment go before it.
    #[arg(long, value_name = "FILE", env = "MILLRACE_CONFIG")]
    config: Option<PathBuf>,
    /// Where the chain is kept.
    #[arg(long, value_name = "DIR", env = "MILLRACE_DATA_DIR")]
    data_dir: Option<PathBuf>,
    /// The RPC of the rollup node.
    #[arg(long, value_name = "URL", env = "MILLRACE_ROLLUP_NODE")]
    rollup_node: Option<String>,
    /// The folder that `millrace installer build` made for the rollup. The first start copies it into the data folder.
    #[arg(long, value_name = "DIR", env = "MILLRACE_ORIGIN")]
    origin: Option<PathBuf>,
    /// Who is asked for the pages of announced kernels, in turn.
    #[arg(long, value_name = "URL", value_delimiter = ',', env = "MILLRACE_PREIMAGES_ENDPOINT")]
    preimages_endpoint: Vec<String>,
    /// Where JSON-RPC listens; port 0 for any free one.
    #[arg(long, value_name = "ADDRESS", env = "MILLRACE_RPC_LISTEN")]
    rpc_listen: Option<SocketAddr>,
    /// A folder of compiled kernels, to share with other nodes on the machine. It must be as private as this program.
    #[arg(long, value_name = "DIR", env = "MILLRACE_CACHE_DIR")]
    cache_dir: Option<PathBuf>,
}

impl Common {
    /// The settings of file, environment and command line, in rising precedence.
    fn settings(&self) -> anyhow::Result<Settings> {
        let mut settings = Settings::read(self.config.as_deref())?;
        let Self { data_dir, rollup_node, origin, preimages_endpoint, rpc_listen, .. } = self.clone();
        put(&mut settings.data_dir, data_dir);
        put(&mut settings.rollup.node, rollup_node);
        put(&mut settings.rollup.origin, origin);
        put(&mut settings.rpc.listen, rpc_listen);
        put_list(&mut settings.rollup.preimages_endpoints, preimages_endpoint);
        Ok(settings)
    }
}

fn put<T>(setting: &mut T, given: Option<T>) {
    if let Some(given) = given {
        *setting = given;
    }
}

fn put_list<T>(setting: &mut Vec<T>, given: Vec<T>) {
    if !given.is_empty() {
        *setting = given;
    }
}

/// Flags of `millrace sequencer`.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(after_help = "Examples:
  millrace sequencer --config node.toml
  millrace sequencer --rollup-node http://127.0.0.1:8932 --origin my-rollup --key file:/etc/millrace/sequencer
  millrace sequencer --key client:/home/me/.tezos-client#alice --data-dir /var/lib/millrace --rpc-listen 0.0.0.0:8545

It orders transactions while the rollup names one of its keys, and stands by otherwise. Ctrl-C or SIGTERM stops it in order;
after a crash too the next start goes on where this one was.")]
pub(crate) struct SequencerArguments {
    #[command(flatten)]
    common: Common,
    /// Where a key is: `file:<path>` or `client:<folder of an Octez client>#<alias>`. Repeat it for several.
    #[arg(long = "key", value_name = "PLACE", value_delimiter = ',', env = "MILLRACE_KEY")]
    keys: Vec<KeySource>,
    /// Least time from block to block.
    #[arg(long, value_name = "MS", env = "MILLRACE_SLOT_MS")]
    slot_ms: Option<u64>,
    /// An empty block is made after this long without a block; 0 for never.
    #[arg(long, value_name = "MS", env = "MILLRACE_EMPTY_BLOCK_MS")]
    empty_block_ms: Option<u64>,
    /// No block is made in so many seconds before an announced change of the sequencer.
    #[arg(long, value_name = "SECONDS", env = "MILLRACE_HANDOVER_MARGIN_S")]
    handover_margin_s: Option<u64>,
}

/// Flags of `millrace observer`.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(after_help = "Examples:
  millrace observer --config node.toml
  millrace observer --rollup-node http://127.0.0.1:8932 --origin my-rollup
  millrace observer --upstream https://sequencer.example,https://observer.example

It makes every block again and compares it with the rollup node's. Without an upstream it has a block when the layer 1 has it.")]
pub(crate) struct ObserverArguments {
    #[command(flatten)]
    common: Common,
    /// JSON-RPC of nodes that have blocks before the layer 1 has them. They are followed and given transactions in turn.
    #[arg(long = "upstream", value_name = "URL", value_delimiter = ',', env = "MILLRACE_UPSTREAM")]
    upstreams: Vec<String>,
}

/// `millrace sequencer`.
pub(crate) async fn run_sequencer(arguments: SequencerArguments) -> anyhow::Result<()> {
    let mut settings = arguments.common.settings()?;
    let SequencerArguments { common, keys, slot_ms, empty_block_ms, handover_margin_s } = arguments;
    put_list(&mut settings.sequencer.keys, keys);
    put(&mut settings.sequencer.slot_ms, slot_ms);
    put(&mut settings.sequencer.empty_block_ms, empty_block_ms);
    put(&mut settings.sequencer.handover_margin_s, handover_margin_s);
    ensure!(
        !settings.sequencer.keys.is_empty(),
        "a sequencer needs a key: --key, or sequencer.keys in the settings; without one, start an observer"
    );
    let keys = settings.sequencer.keys.iter().map(KeySource::read).collect::<anyhow::Result<_>>()?;
    run("sequencer", &settings, keys, common.cache_dir).await
}

/// `millrace observer`.
pub(crate) async fn run_observer(arguments: ObserverArguments) -> anyhow::Result<()> {
    let mut settings = arguments.common.settings()?;
    put_list(&mut settings.observer.upstreams, arguments.upstreams);
    run("observer", &settings, Vec::new(), arguments.common.cache_dir).await
}

/// Starts a node, tells what happens, and stops it in order when it is told to.
async fn run(
    what: &str,
    settings: &Settings,
    keys: Vec<SecretKey>,
    cache_dir: Option<PathBuf>,
) -> anyhow::Result<()> {
    settings.check()?;
    let mut stop = stop_signal()?;
    let data_dir = DataDir::open(&settings.data_dir, Owner::Node)?;
    let origin = origin(settings, &data_dir)?;
    let config = config_of(settings, keys, &origin, &data_dir, cache_dir);
    let started = tokio::select! {
        started = Node::start(config) => started,
        () = stopped(&mut stop) => return Ok(()),
    };
    let shown = settings.data_dir.display();
    let node = started.with_context(|| format!("the node in {shown} cannot be started"))?;
    println!("Millrace {what} {}", env!("CARGO_PKG_VERSION"));
    println!("Chain id      {}", origin.parameters.chain_id);
    println!("Rollup        {}", node.rollup().to_base58());
    println!("JSON-RPC      http://{0}  ws://{0}", node.rpc_address());
    println!("Rollup node   {}", settings.rollup.node);
    println!("Data folder   {shown}");
    println!("Head          block {}", node.head().block.header.number);
    println!("Stop with Ctrl-C. The next start goes on from here.");
    let outcome = watch_over(&node, &mut stop).await;
    println!("stopping");
    let number = node.head().block.header.number;
    node.stop().await;
    println!("stopped at block {number}");
    outcome
}

async fn watch_over(node: &Node, stop: &mut tokio::sync::watch::Receiver<bool>) -> anyhow::Result<()> {
    let mut watch = Watch::of(node);
    loop {
        tokio::select! {
            () = stopped(stop) => return watch.outcome(),
            told = watch.next() => told?,
        }
    }
}

/// What the chain began with. Only the first start needs a program that has that kernel natively.
fn origin(settings: &Settings, data_dir: &DataDir) -> anyhow::Result<Origin> {
    match Origin::read(&data_dir.origin())? {
        Some(origin) => Ok(origin),
        None => Origin::built(&settings.rollup.origin, "--origin")?
            .keep(&Overrides::default(), &data_dir.origin()),
    }
}

fn config_of(
    settings: &Settings,
    keys: Vec<SecretKey>,
    origin: &Origin,
    data_dir: &DataDir,
    cache_dir: Option<PathBuf>,
) -> NodeConfig {
    let settings::Sequencer { slot_ms, empty_block_ms, handover_margin_s, .. } = settings.sequencer;
    NodeConfig {
        data_dir: data_dir.node(),
        rollup_node: settings.rollup.node.clone(),
        chain_id: U256::from(origin.parameters.chain_id),
        genesis: Genesis {
            installer: origin.installer(),
            preimages: origin.preimages(),
            compiled: Some(cache_dir.unwrap_or_else(|| data_dir.kernels())),
        },
        preimages_endpoints: settings.rollup.preimages_endpoints.clone(),
        upstreams: settings.observer.upstreams.clone(),
        keys,
        handover_margin_s,
        rpc: settings.rpc.config(),
        rhythm: Rhythm {
            block_time_ms: slot_ms,
            empty_block_ms: (empty_block_ms > 0).then_some(empty_block_ms),
        },
        pool: settings.pool.limits(),
        publication: settings.publication.limits(),
        states: Retention::default(),
        development_keys: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_goes_before_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("node.toml");
        std::fs::write(&file, "data_dir = \"a\"\n[rollup]\nnode = \"http://file\"\norigin = \"of-file\"\n")
            .unwrap();
        let common = Common {
            config: Some(file),
            rollup_node: Some("http://flag".to_owned()),
            preimages_endpoint: vec!["http://pages".to_owned()],
            ..Common::default()
        };
        let settings = common.settings().unwrap();
        assert_eq!((settings.rollup.node.as_str(), settings.data_dir), ("http://flag", PathBuf::from("a")));
        assert_eq!(settings.rollup.origin, PathBuf::from("of-file"));
        assert_eq!(settings.rollup.preimages_endpoints, ["http://pages"]);
        assert_eq!(settings.rpc, settings::Rpc::default());
    }
}
