//! Layer 1 and rollup node in this process, on the same installer and preimages that a real network gets.
//!
//! [`Sandbox::start`] opens or makes a data directory, starts producing levels, runs the kernel on them and
//! serves the RPC of the rollup node on a loopback port. In the data directory:
//!
//! * `l1.redb`: the chain and the messages that wait ([`chain`]);
//! * `rollup-node.redb`: the durable storage, one transaction per level ([`rollup_node`]);
//! * `kernels/`: compiled kernels, can be deleted at any time ([`SandboxConfig::compiled`]);
//! * `simulation_kernel_logs/`: debug output of simulations that asked for it, likewise.
//!
//! A crash at any moment loses nothing that was promised: an injected message is on disk before the answer,
//! a level before anybody sees it, and levels that the rollup node had not finished are run again.

pub mod chain;
mod clock;
mod codec;
mod contracts;
pub mod limits;
mod micheline;
mod outbox_message;
pub mod recording;
pub mod rollup_node;
mod server;
mod store;

pub use clock::{Phase, Progress};
pub use contracts::{BRIDGE, ContractError, Contracts, DEPOSITOR, EXECUTOR, TICKETER};
pub use rollup_node::Commitments;
pub use store::StoreError;

use crate::MessageId;
use crate::control::faults::Behaviour;
use chain::Rules;
use chain::{Block, Chain, InjectError, NewMessage};
use contracts::Caller;
use millrace_preimages::{Client, EndpointError, FetchConfig};
use millrace_primitives::{Address, L1Level, Mutez, RollupAddress};
use rollup_node::{EmbeddedNode, Endpoints, NodeError, NodeStatus, Origination};
use server::App;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use tracing::{info, warn};

/// The file of the chain and of the messages that wait.
pub(crate) const CHAIN_FILE: &str = "l1.redb";
/// The file of the durable storage.
pub(crate) const NODE_FILE: &str = "rollup-node.redb";

/// The folder of debug output of simulations, named as Octez names it.
const SIMULATION_LOGS: &str = "simulation_kernel_logs";

/// Time that open connections get to end at shutdown.
const GRACE_MS: u64 = 5_000;

/// What a sandbox is made of.
#[derive(Clone, Debug)]
pub struct SandboxConfig {
    /// Where everything is kept. Made when absent.
    pub data_dir: PathBuf,
    /// The installer kernel.
    pub installer: PathBuf,
    /// The folder of preimages. What is fetched is added.
    pub preimages: PathBuf,
    /// Where preimages are fetched from that the folder does not have, asked in turn; none: they are waited for.
    pub preimages_endpoints: Vec<String>,
    /// Milliseconds between levels; `None`: levels are made on demand only.
    pub level_time_ms: Option<u64>,
    /// Where the RPC listens: a loopback address, port 0 for any free port.
    pub rpc_addr: SocketAddr,
    /// The contracts that call the rollup; the kernel must know them by the same addresses.
    pub contracts: Contracts,
    /// How operations come into blocks.
    pub rules: Rules,
    /// When the rollup node commits to a state, and when that is settled.
    pub commitments: Commitments,
    /// Where compiled kernels are kept; other sandboxes may share it. It must be as private as the program itself.
    pub compiled: PathBuf,
}

impl SandboxConfig {
    /// A sandbox with a level each second, on any free port.
    pub fn new(data_dir: PathBuf, installer: PathBuf, preimages: PathBuf) -> Self {
        Self {
            compiled: data_dir.join("kernels"),
            data_dir,
            installer,
            preimages,
            preimages_endpoints: Vec::new(),
            level_time_ms: Some(1_000),
            rpc_addr: SocketAddr::from(([127, 0, 0, 1], 0)),
            contracts: Contracts::SANDBOX,
            rules: Rules::default(),
            commitments: Commitments::default(),
        }
    }
}

/// Why a sandbox does not start or go on.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// A file or folder cannot be used.
    #[error("{path}: {error}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The installer is larger than [`limits::INSTALLER_BYTES_MAX`].
    #[error("{path} is too large for an installer kernel")]
    InstallerTooLarge {
        /// The file.
        path: PathBuf,
    },
    /// The RPC does not listen on an address that other machines reach: whoever reaches it owns the sandbox.
    #[error("{0} is not a loopback address")]
    NotLoopback(SocketAddr),
    /// The address is taken, or not ours.
    #[error("cannot listen on {addr}: {error}")]
    Listen {
        /// The address.
        addr: SocketAddr,
        /// Why.
        error: std::io::Error,
    },
    /// A pre-images endpoint cannot be used.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// The database of the layer 1.
    #[error("layer 1: {0}")]
    Chain(#[from] StoreError),
    /// The rollup node.
    #[error("rollup node: {0}")]
    Node(#[from] NodeError),
    /// The rollup node has halted.
    #[error("the rollup node has halted: {0}")]
    Halted(Arc<NodeError>),
    /// The sandbox is shutting down.
    #[error("the sandbox is shutting down")]
    Stopping,
}

/// Why a contract of the layer 1 was not called.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The contract refuses it.
    #[error(transparent)]
    Contract(#[from] ContractError),
    /// The mempool does not take it.
    #[error(transparent)]
    Inject(#[from] InjectError),
}

/// A running sandbox. Dropping it abandons it where it is, as a crash would; [`Sandbox::shutdown`] waits until
/// all is closed.
pub struct Sandbox {
    chain: Arc<Chain>,
    node: Arc<EmbeddedNode>,
    contracts: Contracts,
    addr: SocketAddr,
    stop: watch::Sender<bool>,
    progress: watch::Receiver<Progress>,
    clock: Option<JoinHandle<()>>,
    observer: JoinHandle<()>,
    server: JoinHandle<()>,
}

impl Sandbox {
    /// Starts a sandbox. Returns before the kernel has booted: watch [`Sandbox::progress`].
    ///
    /// # Errors
    /// [`SandboxError`] when a file, the address or a database cannot be used, or the data directory holds
    /// another rollup.
    pub async fn start(config: SandboxConfig) -> Result<Self, SandboxError> {
        if !config.rpc_addr.ip().is_loopback() {
            return Err(SandboxError::NotLoopback(config.rpc_addr));
        }
        let (data_dir, contracts) = (config.data_dir.clone(), config.contracts);
        let addr = config.rpc_addr;
        let listener = TcpListener::bind(addr).await.map_err(|error| SandboxError::Listen { addr, error })?;
        let addr = listener.local_addr().map_err(|error| SandboxError::Listen { addr, error })?;
        let level_time_ms = config.level_time_ms;
        let endpoints = endpoints(&config.preimages_endpoints)?;
        let (chain, node) = off_executor(move || open(&config, endpoints)).await?;
        let stop = watch::channel(false).0;
        let (observer, progress) = clock::observe(&chain, &node);
        let levels_stopped = watch::channel(false).0;
        let clock = level_time_ms.map(|level_time_ms| {
            let stopped = levels_stopped.subscribe();
            tokio::spawn(clock::tick(level_time_ms, chain.clone(), node.clone(), stopped, stop.subscribe()))
        });
        let app = App {
            chain: chain.clone(),
            node: node.clone(),
            contracts,
            behaviour: watch::channel(Behaviour::default()).0,
            level_time_ms,
            simulation_logs: data_dir.join(SIMULATION_LOGS),
            simulations: Arc::new(Semaphore::new(limits::SIMULATIONS_AT_ONCE)),
            levels_stopped,
            stop: stop.subscribe(),
        };
        let server = tokio::spawn(serve(listener, app, stop.subscribe()));
        info!(%addr, data_dir = %data_dir.display(), "the sandbox serves the rollup node's RPC");
        Ok(Self { chain, node, contracts, addr, stop, progress, clock, observer, server })
    }

    /// The address of the rollup; it depends on the installer alone.
    pub fn rollup_address(&self) -> RollupAddress {
        self.node.rollup()
    }

    /// Where the RPC is: `http://127.0.0.1:port`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// How far layer 1 and rollup node are; changes with every level.
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.clone()
    }

    /// The rollup node in detail, its durable storage included.
    pub fn node_status(&self) -> NodeStatus {
        self.node.status()
    }

    /// The newest block of the layer 1.
    pub fn head(&self) -> Arc<Block> {
        self.chain.head()
    }

    /// The block of a level; `None` above the head and below what is kept.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read.
    pub fn block_at(&self, level: L1Level) -> Result<Option<Arc<Block>>, StoreError> {
        self.chain.block_at(level)
    }

    /// Makes one level and waits until the rollup node has processed it.
    ///
    /// # Errors
    /// [`SandboxError::Chain`] when the level cannot be stored, [`SandboxError::Halted`] when the rollup node
    /// cannot run it, [`SandboxError::Stopping`] during shutdown.
    pub async fn bake(&self) -> Result<Arc<Block>, SandboxError> {
        bake(&self.chain, &self.node, 1).await
    }

    /// Puts a deposit in the mempool: `amount` arrives at `receiver` when the kernel and the sequencer have
    /// dealt with it.
    ///
    /// # Errors
    /// [`CallError`] when the contract refuses it or the mempool does not take it.
    pub async fn deposit(&self, receiver: Address, amount: Mutez) -> Result<(), CallError> {
        let caller = Caller { rollup: self.rollup_address(), contracts: self.contracts };
        let call = caller.deposit(DEPOSITOR, receiver, amount)?;
        let chain = Arc::clone(&self.chain);
        off_executor(move || chain.call(call)).await?;
        Ok(())
    }

    /// Puts messages in the mempool, all or none, and names them.
    ///
    /// # Errors
    /// [`InjectError`] when the mempool does not take them.
    pub async fn inject(&self, messages: Vec<NewMessage>) -> Result<Vec<MessageId>, InjectError> {
        let chain = Arc::clone(&self.chain);
        off_executor(move || chain.inject(messages)).await
    }

    /// Stops in order: no more levels, then no more requests, then the rollup node after the level at hand.
    /// When it returns, the data directory is closed.
    pub async fn shutdown(mut self) {
        self.stop.send_replace(true);
        if let Some(clock) = self.clock.take() {
            let _ended = clock.await;
        }
        let grace = std::time::Duration::from_millis(GRACE_MS);
        if tokio::time::timeout(grace, &mut self.server).await.is_err() {
            warn!("some connections did not end in {GRACE_MS} ms and are cut");
            self.server.abort();
            let _cut = (&mut self.server).await;
        }
        let node = Arc::clone(&self.node);
        off_executor(move || node.join()).await;
        let _ended = (&mut self.observer).await;
        info!("the sandbox has stopped");
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        self.node.stop();
        self.observer.abort();
        self.server.abort();
        if let Some(clock) = &self.clock {
            clock.abort();
        }
    }
}

/// Limits of a round of asking the pre-images endpoints: rounds follow each other.
const ROUND: FetchConfig = FetchConfig {
    connect_timeout_ms: 5_000,
    request_timeout_ms: 15_000,
    fetch_timeout_ms: 120_000,
    rounds: 1,
    pause_ms: 0,
    pause_ms_max: 0,
    at_once: 8,
};

fn endpoints(urls: &[String]) -> Result<Option<Endpoints>, SandboxError> {
    if urls.is_empty() {
        return Ok(None);
    }
    Ok(Some(Endpoints { client: Client::new(urls, ROUND)?, runtime: tokio::runtime::Handle::current() }))
}

/// Opens what is on disk and starts the rollup node.
fn open(
    config: &SandboxConfig,
    endpoints: Option<Endpoints>,
) -> Result<(Arc<Chain>, Arc<EmbeddedNode>), SandboxError> {
    let file = |path: &Path| {
        let path = path.to_owned();
        move |error| SandboxError::File { path, error }
    };
    std::fs::create_dir_all(&config.data_dir).map_err(file(&config.data_dir))?;
    let size_bytes = std::fs::metadata(&config.installer).map_err(file(&config.installer))?.len();
    if size_bytes > limits::INSTALLER_BYTES_MAX {
        return Err(SandboxError::InstallerTooLarge { path: config.installer.clone() });
    }
    let installer = std::fs::read(&config.installer).map_err(file(&config.installer))?;
    let rollup = rollup_node::rollup_address(&installer);
    let endowment = config.contracts.endowment();
    let chain =
        Arc::new(Chain::open(&config.data_dir.join(CHAIN_FILE), clock::now(), config.rules, &endowment)?);
    let preimages = config.preimages.clone();
    let (compiled, commitments) = (config.compiled.clone(), config.commitments);
    let origination = Origination { installer, preimages, rollup, compiled, commitments, endpoints };
    let node = EmbeddedNode::start(&config.data_dir, Arc::clone(&chain), origination)?;
    Ok((chain, Arc::new(node)))
}

async fn serve(listener: TcpListener, app: App, mut stop: watch::Receiver<bool>) {
    let router = server::router(Arc::new(app));
    let stopped = async move {
        // An error means that the sandbox is gone.
        let _stop = stop.wait_for(|stop| *stop).await;
    };
    if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(stopped).await {
        tracing::error!(%error, "the RPC of the sandbox has failed");
    }
}

/// Makes levels and waits until the rollup node has processed the last one.
async fn bake(chain: &Arc<Chain>, node: &EmbeddedNode, levels: u32) -> Result<Arc<Block>, SandboxError> {
    let chain = Arc::clone(chain);
    let block = off_executor(move || {
        let mut block = chain.head();
        for _ in 0..levels {
            block = chain.bake(clock::now())?;
        }
        Ok::<_, SandboxError>(block)
    })
    .await?;
    processed(node, &block).await?;
    Ok(block)
}

/// Waits until the rollup node has processed a block, or rests.
async fn processed(node: &EmbeddedNode, block: &Block) -> Result<(), SandboxError> {
    let mut status = node.watch();
    let tried = |status: &NodeStatus| status.seen.hash == block.hash || status.seen.level > block.level;
    let done =
        |status: &NodeStatus| status.resting || status.stopped || tried(status) || node.is_done_with(block);
    let status = status.wait_for(done).await.map_err(|_| SandboxError::Stopping)?;
    match &status.error {
        _ if status.resting || node.is_done_with(block) => Ok(()),
        Some(error) => Err(SandboxError::Halted(Arc::clone(error))),
        None => Err(SandboxError::Stopping),
    }
}

/// Runs what touches the disk on a thread for it.
async fn off_executor<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime is going down, and this task with it.
            Err(_) => std::future::pending().await,
        },
    }
}
