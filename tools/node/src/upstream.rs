//! Other nodes that have blocks before the layer 1 has them: their blueprints are asked for and their pools are given
//! transactions.
//!
//! A blueprint counts when whoever is in office has certified it, as this node's own rollup node shows the office, and
//! when the block that comes of it here is the upstream's. What it presumes of the layer 1 is believed until the rollup
//! node confirms the block or has another; only paths that the layer 1 decides about may be touched.

use crate::{
    gathered::Gathered,
    import::{Import, ImportError},
    layer1::Report,
    shared::{Decided, Shared},
};
use millrace_primitives::{BlockHash, BlockNumber};
use millrace_wire::{authority::Authority, blueprint::Domain};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::sync::{mpsc, oneshot, watch};

/// An upstream answers within this time: it waits up to 20 s for a block itself.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(40);
/// A transaction is taken within this time, or goes to the next.
const SUBMIT_TIMEOUT: Duration = Duration::from_secs(5);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// The largest reply that is read.
const REPLY_BYTES_MAX: usize = 64 << 20;
/// Pause after an upstream that failed, or has another chain.
const PAUSE: Duration = Duration::from_millis(500);

/// Why an upstream is of no use now.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UpstreamError {
    #[error("{endpoint}: {source}")]
    Http { endpoint: String, source: reqwest::Error },
    #[error("{endpoint} sends more than {REPLY_BYTES_MAX} bytes")]
    TooLarge { endpoint: String },
    #[error("{endpoint} answers what is no reply: {reason}")]
    Reply { endpoint: String, reason: String },
    /// It answered with an error: of a transaction, that it is no good.
    #[error("{endpoint}: {message}")]
    Refused { endpoint: String, message: String },
}

/// The upstreams, the one that works first.
pub(crate) struct Upstreams {
    http: reqwest::Client,
    endpoints: Vec<String>,
    current: AtomicUsize,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Blueprints {
    head: Hex,
    is_parent_known: bool,
    blueprints: Vec<Signed>,
}

#[derive(Deserialize)]
struct Signed {
    number: Hex,
    hash: Hex,
    messages: Vec<Hex>,
    premises: Vec<(Hex, Option<Hex>)>,
}

/// Bytes or a quantity, in hexadecimal behind `0x`.
struct Hex(Vec<u8>);

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        let digits = text.strip_prefix("0x").ok_or_else(|| serde::de::Error::custom("no 0x"))?;
        let digits = if digits.len() % 2 == 1 { format!("0{digits}") } else { digits.to_owned() };
        hex::decode(digits).map(Self).map_err(serde::de::Error::custom)
    }
}

impl Hex {
    fn number(&self) -> Option<BlockNumber> {
        let mut bytes = [0; 8];
        let start = bytes.len().checked_sub(self.0.len())?;
        bytes.get_mut(start..)?.copy_from_slice(&self.0);
        Some(BlockNumber::new(u64::from_be_bytes(bytes)))
    }
}

impl Upstreams {
    /// These upstreams; `None` when there are none.
    pub(crate) fn new(endpoints: &[String]) -> Result<Option<Arc<Self>>, reqwest::Error> {
        if endpoints.is_empty() {
            return Ok(None);
        }
        let http = reqwest::Client::builder().connect_timeout(CONNECT_TIMEOUT).build()?;
        Ok(Some(Arc::new(Self { http, endpoints: endpoints.to_vec(), current: AtomicUsize::new(0) })))
    }

    /// The endpoints, beginning with the current one, and where they stand.
    fn in_turn(&self) -> impl Iterator<Item = (usize, &str)> {
        let (first, count) = (self.current.load(Ordering::Relaxed), self.endpoints.len());
        (0..count).filter_map(move |step| {
            let place = first.wrapping_add(step).checked_rem(count)?;
            Some((place, self.endpoints.get(place)?.as_str()))
        })
    }

    /// Gives a transaction to the first upstream that answers.
    pub(crate) async fn submit(&self, raw: &[u8]) -> Result<(), UpstreamError> {
        let mut last = None;
        for (place, endpoint) in self.in_turn() {
            let params = json!([format!("0x{}", hex::encode(raw))]);
            match self.call::<Value>(endpoint, "eth_sendRawTransaction", params, SUBMIT_TIMEOUT).await {
                Ok(_) => {
                    self.current.store(place, Ordering::Relaxed);
                    return Ok(());
                }
                Err(UpstreamError::Refused { message, .. }) if message.contains("already known") => {
                    return Ok(());
                }
                Err(refused @ UpstreamError::Refused { .. }) => return Err(refused),
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| UpstreamError::Reply {
            endpoint: String::new(),
            reason: "none is left".into(),
        }))
    }

    /// From now on the next one is the current one.
    fn turn(&self) {
        self.current.fetch_add(1, Ordering::Relaxed);
    }

    /// The blueprints after a block, of the current upstream.
    async fn blueprints(&self, parent: BlockNumber, hash: BlockHash) -> Result<Blueprints, UpstreamError> {
        let Some((_, endpoint)) = self.in_turn().next() else {
            return Err(UpstreamError::Reply { endpoint: String::new(), reason: "there is none".into() });
        };
        let params = json!([format!("{:#x}", parent.get()), format!("0x{hash}")]);
        self.call(endpoint, "millrace_blueprints", params, REQUEST_TIMEOUT).await
    }

    async fn call<T: DeserializeOwned>(
        &self,
        endpoint: &str,
        method: &str,
        params: Value,
        timeout: Duration,
    ) -> Result<T, UpstreamError> {
        let http = |source| UpstreamError::Http { endpoint: endpoint.to_owned(), source };
        let unfit = |reason: &dyn ToString| UpstreamError::Reply {
            endpoint: endpoint.to_owned(),
            reason: reason.to_string(),
        };
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let request = self.http.post(endpoint).json(&request).timeout(timeout);
        let mut answer = request.send().await.and_then(reqwest::Response::error_for_status).map_err(http)?;
        let mut body = Vec::new();
        while let Some(piece) = answer.chunk().await.map_err(http)? {
            if body.len().saturating_add(piece.len()) > REPLY_BYTES_MAX {
                return Err(UpstreamError::TooLarge { endpoint: endpoint.to_owned() });
            }
            body.extend_from_slice(&piece);
        }
        let mut reply: Value = serde_json::from_slice(&body).map_err(|error| unfit(&error))?;
        if let Some(message) = reply.pointer("/error/message").and_then(Value::as_str) {
            return Err(UpstreamError::Refused {
                endpoint: endpoint.to_owned(),
                message: message.to_owned(),
            });
        }
        let result = reply.get_mut("result").map(Value::take).ok_or_else(|| unfit(&"no result"))?;
        serde_json::from_value(result).map_err(|error| unfit(&error))
    }
}

/// The task that asks for blueprints and has them made.
pub(crate) struct Following {
    pub(crate) shared: Arc<Shared>,
    pub(crate) upstreams: Arc<Upstreams>,
    pub(crate) domain: Domain,
    pub(crate) reports: mpsc::Sender<Report>,
}

/// Why the next block of the upstream is not one here.
#[derive(Debug, thiserror::Error)]
enum FollowError {
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    #[error("the upstream has not block {0}, the last of this node: its chain is another, or behind")]
    OtherChain(BlockNumber),
    #[error(
        "the upstream has no blueprint of block {0}: it is the layer 1's, where this node will find it too"
    )]
    NoBlueprint(BlockNumber),
    #[error("block {0} of the upstream does not decode")]
    Malformed(BlockNumber),
    #[error("block {0} of the upstream is not certified by who is in office")]
    NotCertified(BlockNumber),
    #[error("block {number} of the upstream: {source}")]
    Import { number: BlockNumber, source: ImportError },
}

impl Following {
    /// Follows until the node stops.
    pub(crate) async fn run(self) {
        let mut decided = self.shared.decided.subscribe();
        let mut told = None;
        loop {
            let trouble = match self.office(&mut decided).await {
                None => return,
                Some(authority) => self.follow(&authority).await.err(),
            };
            let trouble = trouble.map(|trouble| trouble.to_string());
            if trouble != told {
                match &trouble {
                    Some(trouble) => tracing::warn!(trouble, "the upstream cannot be followed"),
                    None => tracing::info!("the upstream is followed"),
                }
                told.clone_from(&trouble);
            }
            if self.reports.is_closed() {
                return;
            }
            let is_well = trouble.is_none();
            self.shared.report(|status| status.upstream = trouble);
            if !is_well {
                self.upstreams.turn();
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    /// Who orders transactions, once somebody does; `None` when the node stops.
    async fn office(&self, decided: &mut watch::Receiver<Option<Arc<Decided>>>) -> Option<Authority> {
        let authority = |decided: &Option<Arc<Decided>>| decided.as_ref()?.governance.authority.clone();
        let found = decided.wait_for(|decided| authority(decided).is_some()).await.ok()?;
        authority(&found)
    }

    /// Takes the blocks that come after the head.
    async fn follow(&self, authority: &Authority) -> Result<(), FollowError> {
        let mut blocks = self.shared.blocks.subscribe();
        let head = self.shared.head();
        let found = tokio::select! {
            found = self.upstreams.blueprints(head.number(), head.block.hash) => found?,
            // The rollup node's blocks took the place of some: the question is another one now.
            _ = blocks.recv() => return Ok(()),
        };
        if !found.is_parent_known {
            return Err(FollowError::OtherChain(head.number()));
        }
        let mut next = head.number().saturating_add(1);
        if found.blueprints.is_empty() {
            if found.head.number().is_some_and(|theirs| theirs >= next) {
                // The reply did not wait: neither must the next question come at once.
                return Err(FollowError::NoBlueprint(next));
            }
            // It has nothing new for long: another may have.
            self.upstreams.turn();
        }
        for signed in found.blueprints {
            let import = self.certified(signed, next, authority)?;
            let number = next;
            let (answer, answered) = oneshot::channel();
            if self.reports.send(Report::Upstream(Box::new(import), answer)).await.is_err() {
                return Ok(());
            }
            let taken = answered.await.unwrap_or(Err(ImportError::Interrupted));
            taken.map_err(|source| FollowError::Import { number, source })?;
            next = next.saturating_add(1);
        }
        Ok(())
    }

    fn certified(
        &self,
        signed: Signed,
        next: BlockNumber,
        authority: &Authority,
    ) -> Result<Import, FollowError> {
        let malformed = || FollowError::Malformed(next);
        if signed.number.number() != Some(next) {
            return Err(malformed());
        }
        let hash = BlockHash::from_slice(&signed.hash.0).ok_or_else(malformed)?;
        let messages: Vec<Vec<u8>> = signed.messages.into_iter().map(|Hex(bytes)| bytes).collect();
        let gathered = Gathered::of_messages(&messages, &self.domain.rollup);
        let blueprint = gathered.certified(next, authority, &self.domain).pop();
        let blueprint = blueprint.ok_or(FollowError::NotCertified(next))?;
        let premises =
            signed.premises.into_iter().map(|(path, value)| (path.0, value.map(|Hex(value)| value)));
        Ok(Import { blueprint, epoch: authority.epoch, hash, messages, premises: premises.collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_is_read_strictly() {
        let read = |text: &str| serde_json::from_value::<Hex>(json!(text)).ok();
        assert_eq!(read("0x0102").map(|hex| hex.0), Some(vec![1, 2]));
        assert_eq!(read("0x").map(|hex| hex.0), Some(Vec::new()));
        assert_eq!(read("0x1f4").and_then(|hex| hex.number()), Some(BlockNumber::new(500)));
        assert_eq!(read("0xffffffffffffffffff").and_then(|hex| hex.number()), None);
        assert!(read("12").is_none() && read("0xg1").is_none());
    }

    #[test]
    fn upstreams_take_turns_from_the_one_that_works() {
        assert!(Upstreams::new(&[]).unwrap().is_none());
        let upstreams = Upstreams::new(&["a".to_owned(), "b".to_owned(), "c".to_owned()]).unwrap().unwrap();
        let turn = || upstreams.in_turn().map(|(_, endpoint)| endpoint).collect::<Vec<_>>();
        assert_eq!(turn(), ["a", "b", "c"]);
        upstreams.current.store(2, Ordering::Relaxed);
        assert_eq!(turn(), ["c", "a", "b"]);
    }
}
