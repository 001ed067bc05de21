//! Preimages that the kernel asks for and the folder does not have.
//!
//! As on Octez, the rollup node stands still before the level that asks for one, until the file is in the folder; with
//! pre-images endpoints it fetches it itself, with everything below it, since a kernel asks for all of that next. Rounds of
//! asking all endpoints follow each other with pauses, for as long as it takes.

use super::NodeError;
use millrace_preimages::{Client, Fetched, Folder, FolderError, Kept};
use millrace_primitives::{L1Level, PreimageHash};
use millrace_pvm::PvmError;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

/// The pause after the first round that has failed; each further one is twice as long.
const PAUSE_MS: u64 = 500;
/// The longest pause.
const PAUSE_MS_MAX: u64 = 30_000;

/// Where pages come from when the folder does not have them.
pub(in crate::sandbox) struct Endpoints {
    pub(in crate::sandbox) client: Client,
    /// Rounds run on it: the thread of the node has other things to do.
    pub(in crate::sandbox) runtime: Handle,
}

type Round = JoinHandle<Result<Fetched, FolderError>>;

/// The page that a level waits for, and the rounds to get it.
pub(super) struct Pages {
    folder: Folder,
    endpoints: Option<(Arc<Client>, Handle)>,
    waiting: Option<Waiting>,
}

struct Waiting {
    level: L1Level,
    hash: PreimageHash,
    round: Option<Round>,
    /// Rounds that have failed.
    failures: u32,
    /// What the last one met.
    met: Option<String>,
}

impl Pages {
    pub(super) fn new(folder: Folder, endpoints: Option<Endpoints>) -> Self {
        let endpoints = endpoints.map(|Endpoints { client, runtime }| (Arc::new(client), runtime));
        Self { folder, endpoints, waiting: None }
    }

    /// Why the level cannot be run that was tried last: its page is still not there. Running it again would end at the same
    /// place.
    pub(super) fn still_missing(&self) -> Option<NodeError> {
        let waiting = self.waiting.as_ref()?;
        // A folder that cannot be read is for the PVM to complain of.
        let is_missing = matches!(self.folder.look(&waiting.hash), Ok(Kept::Absent | Kept::Wrong));
        is_missing.then(|| waiting.error())
    }

    /// Takes how an attempt to go on ended, and asks for the page that it lacks, if that is why.
    pub(super) fn after(&mut self, outcome: &Result<(), NodeError>) {
        let Err(NodeError::Preimage { level, hash, .. }) = outcome else {
            self.abandon();
            return;
        };
        if self.waiting.as_ref().is_none_or(|waiting| waiting.hash != *hash) {
            self.abandon();
            self.waiting = Some(Waiting { level: *level, hash: *hash, round: None, failures: 0, met: None });
        }
        let (Some(waiting), Some((client, runtime))) = (&mut self.waiting, &self.endpoints) else { return };
        if waiting.round.is_none() {
            let (client, folder, hash) = (Arc::clone(client), self.folder.clone(), *hash);
            let pause = waiting.pause();
            waiting.round = Some(runtime.spawn(async move {
                tokio::time::sleep(pause).await;
                client.fetch(&folder, hash).await
            }));
        }
    }

    /// Whether what could be done for the page has been tried once: nobody is to wait for the outcome any longer.
    pub(super) fn has_tried(&self) -> bool {
        let is_first_round = |waiting: &Waiting| waiting.round.is_some() && waiting.failures == 0;
        !self.waiting.as_ref().is_some_and(is_first_round)
    }

    /// Returns when a round has ended; never when there is none. Dropping the future loses nothing.
    pub(super) async fn round_ended(&mut self) {
        let Some(waiting) = &mut self.waiting else { return pending().await };
        let Some(round) = &mut waiting.round else { return pending().await };
        let ended = round.await;
        waiting.round = None;
        waiting.met = match ended {
            Ok(Ok(fetched)) if fetched.faults.is_empty() => None,
            Ok(Ok(fetched)) => Some(met(&fetched)),
            Ok(Err(error)) => Some(error.to_string()),
            // The runtime is going down, and the node with it.
            Err(_) => {
                self.endpoints = None;
                None
            }
        };
        waiting.failures = waiting.failures.saturating_add(1);
    }

    fn abandon(&mut self) {
        if let Some(Waiting { round: Some(round), .. }) = self.waiting.take() {
            round.abort();
        }
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        self.abandon();
    }
}

impl Waiting {
    fn error(&self) -> NodeError {
        NodeError::Preimage { level: self.level, hash: self.hash, met: self.met.clone() }
    }

    fn pause(&self) -> Duration {
        let Some(doublings) = self.failures.checked_sub(1) else { return Duration::ZERO };
        let factor = 1u64.checked_shl(doublings).unwrap_or(u64::MAX);
        Duration::from_millis(PAUSE_MS.saturating_mul(factor).min(PAUSE_MS_MAX))
    }
}

/// What endpoints did wrong, without the counts, so that the same text comes of the same trouble.
fn met(fetched: &Fetched) -> String {
    let lines = fetched.faults.iter().map(|faults| format!("{}: {}", faults.endpoint, faults.first));
    lines.collect::<Vec<_>>().join(", ")
}

/// What the node makes of an error of the PVM.
pub(super) fn level_error(level: L1Level, error: PvmError) -> NodeError {
    match error {
        PvmError::PreimageMissing { hash } | PvmError::PreimageCorrupt { hash } => {
            NodeError::Preimage { level, hash: PreimageHash::new(hash), met: None }
        }
        error => NodeError::Level { level, error },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_limit() {
        let pause_ms = |failures| {
            let hash = millrace_preimages::hash(b"page");
            let waiting = Waiting { level: L1Level::ZERO, hash, round: None, failures, met: None };
            waiting.pause().as_millis()
        };
        assert_eq!([0, 1, 2, 3].map(pause_ms), [0, 500, 1_000, 2_000]);
        assert_eq!([7, 8, 100, u32::MAX].map(pause_ms), [30_000; 4]);
    }
}
