//! The kernels that governance has announced: their pages are fetched and they are compiled at once, not when the first block
//! waits for them.
//!
//! Nothing here decides anything. A kernel whose pages are missing when it is due keeps blocks from being made
//! ([`EngineError::PageMissing`]), and this says so before.

use crate::{
    NodeConfig, NodeError,
    shared::{Decided, Shared},
};
use millrace_engine::{EngineError, Pages};
use millrace_layout::governance::PendingUpgrade;
use millrace_preimages::{Client, FetchConfig, Folder};
use millrace_primitives::PreimageHash;
use std::{sync::Arc, time::Duration};
use tokio::{sync::watch, time::sleep};

/// Time between two looks at a kernel of which pages are missing: somebody may put them into the folder.
const LOOK_PERIOD_MS: u64 = 2_000;

/// Looks after the kernels that are to come.
pub(crate) struct Successors {
    folder: Folder,
    client: Option<Client>,
}

impl Successors {
    /// Those of a node with these settings.
    ///
    /// # Errors
    /// [`NodeError::Endpoint`].
    pub(crate) fn new(config: &NodeConfig) -> Result<Self, NodeError> {
        let endpoints = &config.preimages_endpoints;
        let client = match endpoints.as_slice() {
            [] => None,
            some => Some(Client::new(some, FetchConfig::default())?),
        };
        Ok(Self { folder: Folder::new(&config.genesis.preimages), client })
    }

    /// Works until it is aborted.
    pub(crate) async fn run(self, shared: Arc<Shared>) {
        let mut decided = shared.decided.subscribe();
        loop {
            let announced: Vec<PendingUpgrade> = decided
                .borrow_and_update()
                .as_ref()
                .map(|decided| decided.governance.upgrades.0.clone())
                .unwrap_or_default();
            let mut trouble = None;
            for upgrade in &announced {
                if let Some(found) = self.look_after(&shared, upgrade).await {
                    trouble.get_or_insert(found);
                }
            }
            let is_complete = trouble.is_none();
            shared.report(|status| status.upgrade = trouble);
            if wait_for_others(&mut decided, &announced, is_complete).await.is_err() {
                return;
            }
        }
    }

    /// Fetches what is missing of a kernel, and compiles it; says what is wrong with it after that.
    async fn look_after(&self, shared: &Arc<Shared>, upgrade: &PendingUpgrade) -> Option<String> {
        let PendingUpgrade { root_hash, activation, .. } = *upgrade;
        let root = PreimageHash::new(root_hash);
        let mut pages = prepare(shared, root_hash).await;
        if let (Ok(Pages::Missing { .. }), Some(client)) = (&pages, &self.client) {
            tracing::info!(%root, "the pages of an announced kernel are fetched");
            match client.fetch(&self.folder, root).await {
                Ok(fetched) => tracing::info!(%root, pages = fetched.fetched, "pages fetched"),
                Err(error) => tracing::warn!(%root, %error, "pages cannot be kept"),
            }
            pages = prepare(shared, root_hash).await;
        }
        let due = format!("the kernel {root}, due at {activation},");
        match pages {
            Ok(Pages::Whole) => None,
            Ok(Pages::Missing { page }) => {
                Some(format!("{due} is not whole here: page {} is missing", PreimageHash::new(page)))
            }
            Ok(Pages::Refused(refusal)) => Some(format!("{due} will be refused: {refusal}")),
            Err(error) => Some(format!("{due} cannot be looked at: {error}")),
        }
    }
}

/// Compiled kernels are kept where the rollup node of a sandbox finds them too.
async fn prepare(shared: &Arc<Shared>, root_hash: [u8; 33]) -> Result<Pages, EngineError> {
    let shared = Arc::clone(shared);
    let looking = tokio::task::spawn_blocking(move || shared.engine.prepare(&shared.head().state, root_hash));
    looking.await.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
}

/// Returns when other kernels are announced than those, or when it is time to look again.
async fn wait_for_others(
    decided: &mut watch::Receiver<Option<Arc<Decided>>>,
    announced: &[PendingUpgrade],
    is_complete: bool,
) -> Result<(), watch::error::RecvError> {
    let are_others = |decided: &Option<Arc<Decided>>| {
        decided.as_ref().is_some_and(|decided| decided.governance.upgrades.0 != announced)
    };
    if is_complete {
        return decided.wait_for(are_others).await.map(|_| ());
    }
    tokio::select! {
        others = decided.wait_for(are_others) => others.map(|_| ()),
        () = sleep(Duration::from_millis(LOOK_PERIOD_MS)) => Ok(()),
    }
}
