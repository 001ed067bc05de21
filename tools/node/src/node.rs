//! Starting and stopping.

use crate::{
    Heads, NodeConfig, NodeError, Status,
    blueprint::Signer,
    chain::LocalChain,
    database::{self, Opened},
    layer1::Layer1Task,
    sequencer::{Machines, Sequencer},
    shared::{Reorganisation, Shared},
    successors::Successors,
    time,
    upstream::{Following, Upstreams},
};
use millrace_l1::client::{RollupNode, RollupNodeConfig};
use millrace_primitives::{BlockNumber, L1Level, RollupAddress};
use millrace_rpc::{RpcServer, SealedBlock};
use millrace_sequencing::{producer::Producer, publisher::Publisher, schedule::Schedule};
use millrace_store::{Mark, Position};
use millrace_wire::blueprint::Domain;
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    sync::{broadcast, mpsc, watch},
    task::JoinHandle,
    time::Instant,
};

/// Reports of the layer 1 that may wait for the sequencer.
const REPORTS_MAX: usize = 16;

/// Time that requests get to end when the node stops.
const GRACE_MS: u64 = 3_000;
/// How often a stopping node looks whether the last reader is gone.
const CLOSING_POLL_MS: u64 = 1;

/// A running node. Dropping it abandons it where it is, as a crash would; [`Node::stop`] ends it in order.
pub struct Node {
    shared: Arc<Shared>,
    rollup: RollupAddress,
    rpc_address: SocketAddr,
    /// Taken by [`Node::stop`].
    rpc: Option<RpcServer>,
    stop: watch::Sender<bool>,
    sequencer: JoinHandle<()>,
    layer1: JoinHandle<()>,
    kernels: JoinHandle<()>,
    /// `None` without an upstream.
    following: Option<JoinHandle<()>>,
}

impl Drop for Node {
    fn drop(&mut self) {
        self.sequencer.abort();
        self.layer1.abort();
        self.kernels.abort();
        if let Some(following) = &self.following {
            following.abort();
        }
    }
}

impl Node {
    /// Starts a node: asks the rollup node who the rollup is, opens the database, which it makes at the first
    /// start, and serves JSON-RPC.
    ///
    /// # Errors
    /// [`NodeError`] says what is missing or does not fit.
    pub async fn start(config: NodeConfig) -> Result<Self, NodeError> {
        let rollup_node = RollupNode::new(&config.rollup_node, RollupNodeConfig::default())?;
        let rollup = rollup_node.smart_rollup_address().await?;
        let kernels = Successors::new(&config)?;
        let upstreams = Upstreams::new(&config.upstreams).map_err(NodeError::Upstream)?;
        let opening = config.clone();
        let opened = tokio::task::spawn_blocking(move || database::open(&opening, rollup)).await;
        let Opened { store, engine, recent } =
            opened.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?;
        let domain = Domain { rollup, chain_id: engine.chain_id() };
        let signer = Signer { keys: config.keys.clone(), domain };
        let shared = Arc::new(Shared::new(&config, engine, store, recent));
        let head = shared.head();
        let number = head.number();
        let keys = signer.public_keys();
        let confirmed = resume_heads(&shared, number)?;

        let address = config.rpc.listen;
        let chain = LocalChain::new(Arc::clone(&shared)).with_wallet(config.development_keys);
        let chain = chain.with_upstreams(upstreams.clone(), !config.keys.is_empty());
        let chain = Arc::new(chain);
        let rpc = millrace_rpc::start(config.rpc, chain, millrace_rpc::monotonic_clock()).await;
        let rpc = rpc.map_err(|source| NodeError::Rpc { address, source })?;
        tracing::info!(%number, %rollup, rpc = %rpc.address(), "the node has started");

        let (reports, inbox) = mpsc::channel(REPORTS_MAX);
        let following = upstreams.map(|upstreams| Following {
            shared: Arc::clone(&shared),
            upstreams,
            domain,
            reports: reports.clone(),
        });
        let layer1 =
            Layer1Task::new(Arc::clone(&shared), rollup_node.clone(), (keys.clone(), domain), reports);
        let schedule = Schedule::new(keys, config.handover_margin_s, number, head.made_in);
        let producer = Producer::new(config.rhythm, time::now());
        let publisher = Publisher::new(config.publication, confirmed.number, number, confirmed.level);
        let machines = Machines { producer, publisher, schedule };
        let sequencer = Sequencer::new(Arc::clone(&shared), rollup_node, signer, machines);
        let stop = watch::Sender::new(false);
        Ok(Self {
            rollup,
            rpc_address: rpc.address(),
            rpc: Some(rpc),
            layer1: tokio::spawn(layer1.run()),
            kernels: tokio::spawn(kernels.run(Arc::clone(&shared))),
            following: following.map(|following| tokio::spawn(following.run())),
            sequencer: tokio::spawn(sequencer.run(inbox, stop.subscribe())),
            stop,
            shared,
        })
    }

    /// The address of the rollup.
    pub fn rollup(&self) -> RollupAddress {
        self.rollup
    }

    /// Where JSON-RPC is served.
    pub fn rpc_address(&self) -> SocketAddr {
        self.rpc_address
    }

    /// The last block.
    pub fn head(&self) -> Arc<SealedBlock> {
        self.shared.head().block
    }

    /// How far the layer 1 has followed, and every change of it.
    pub fn heads(&self) -> watch::Receiver<Heads> {
        self.shared.heads.subscribe()
    }

    /// Every block from now on, once it is on the disk.
    pub fn blocks(&self) -> broadcast::Receiver<Arc<SealedBlock>> {
        self.shared.blocks.subscribe()
    }

    /// Every reorganisation from now on, once it is on the disk.
    pub fn reorganisations(&self) -> broadcast::Receiver<Arc<Reorganisation>> {
        self.shared.reorganisations.subscribe()
    }

    /// How the node is doing, and every change of it.
    pub fn status(&self) -> watch::Receiver<Status> {
        self.shared.status.subscribe()
    }

    /// Stops in order: no more requests, the block at hand to its end, then everything else. When it returns,
    /// the database is closed.
    pub async fn stop(mut self) {
        if let Some(rpc) = self.rpc.take() {
            let grace = Duration::from_millis(GRACE_MS);
            if tokio::time::timeout(grace, rpc.stop()).await.is_err() {
                tracing::warn!("some requests did not end in {GRACE_MS} ms and are cut");
            }
        }
        self.stop.send_replace(true);
        if let Err(error) = (&mut self.sequencer).await {
            tracing::error!(%error, "the sequencer ended badly");
        }
        self.layer1.abort();
        self.kernels.abort();
        // They end by the abort, or ended before.
        let _ = (&mut self.layer1).await;
        let _ = (&mut self.kernels).await;
        if let Some(following) = self.following.take() {
            following.abort();
            let _ = following.await;
        }
        self.wait_for_readers().await;
        tracing::info!(number = %self.shared.head().number(), "the node has stopped");
    }
}

impl Node {
    /// Requests that were cut may still read the database on blocking threads: whoever opens it next must find
    /// it closed.
    async fn wait_for_readers(&self) {
        let deadline = Instant::now() + Duration::from_millis(GRACE_MS);
        while Arc::strong_count(&self.shared) > 1 && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(CLOSING_POLL_MS)).await;
        }
    }
}

/// Takes up the heads where the last run left them; answers the confirmed one.
fn resume_heads(shared: &Shared, head: BlockNumber) -> Result<Position, NodeError> {
    let start = Position { number: BlockNumber::ZERO, level: L1Level::ZERO };
    let at_most = |position: Position| Position { number: position.number.min(head), ..position };
    let confirmed = at_most(shared.store.mark(Mark::Confirmed)?.unwrap_or(start));
    let finalized = at_most(shared.store.mark(Mark::Finalized)?.unwrap_or(start));
    shared.move_heads(|heads| *heads = Heads { confirmed: confirmed.number, finalized: finalized.number });
    Ok(confirmed)
}
