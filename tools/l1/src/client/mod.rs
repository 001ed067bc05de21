//! A client of the rollup node's RPC. It works alike against Octez and against the [sandbox](crate::sandbox).
//!
//! Every request has a time limit and every answer a size limit. Nothing is retried here: the caller knows
//! what a repetition means (`POST` of messages is not idempotent), and [`ClientError::is_transient`] tells
//! whether it may help. No TLS: the rollup node is on the same machine or behind a tunnel.

mod error;
mod simulation;
mod stream;
mod types;

pub use error::{ClientError, ErrorTrace};
pub use simulation::{Insight, Simulated, Simulation};
pub use stream::BlockStream;
pub use types::{BlockHeader, BlockId, Commitment, Health, L1Health, Version};

use crate::{L1BlockHash, MessageId};
use millrace_primitives::{L1Level, RollupAddress};
use millrace_wire::base58::Base58Check;
use millrace_wire::frame::EXTERNAL_TAG;
use reqwest::{Method, Response, Url};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use types::{CommitmentWithHash, Universal};

/// Time and size limits of a [`RollupNode`].
#[derive(Clone, Debug)]
pub struct RollupNodeConfig {
    /// For a connection to be made.
    pub connect_timeout_ms: u64,
    /// For a request and its whole answer. Streams are excepted.
    pub request_timeout_ms: u64,
    /// For the next item of a stream of blocks: longer than the layer 1 may pause.
    pub stream_timeout_ms: u64,
    /// Largest answer, and largest unfinished item of a stream. A durable value costs two bytes a byte.
    pub answer_bytes_max: usize,
}

impl Default for RollupNodeConfig {
    fn default() -> Self {
        Self {
            connect_timeout_ms: 5_000,
            request_timeout_ms: 30_000,
            stream_timeout_ms: 120_000,
            answer_bytes_max: 64 << 20,
        }
    }
}

/// A connection to a rollup node. Cheap to clone; clones share their connections.
#[derive(Clone, Debug)]
pub struct RollupNode {
    endpoint: Url,
    http: reqwest::Client,
    config: RollupNodeConfig,
}

impl RollupNode {
    /// A client of the rollup node at `endpoint` (`http://host:port`, a path is kept as prefix). Nothing is
    /// sent yet.
    ///
    /// # Errors
    /// [`ClientError::Endpoint`] when it is no `http` URL.
    pub fn new(endpoint: &str, config: RollupNodeConfig) -> Result<Self, ClientError> {
        let refused = || ClientError::Endpoint(endpoint.to_owned());
        let url = Url::parse(endpoint).map_err(|_| refused())?;
        if url.scheme() != "http" || url.cannot_be_a_base() {
            return Err(refused());
        }
        let http = reqwest::Client::builder()
            .no_proxy()
            .connect_timeout(Duration::from_millis(config.connect_timeout_ms))
            .build()
            .map_err(|_| refused())?;
        Ok(Self { endpoint: url, http, config })
    }

    /// Where the requests go.
    pub fn endpoint(&self) -> &str {
        self.endpoint.as_str()
    }

    /// The address of the rollup that the node follows.
    ///
    /// # Errors
    /// Any [`ClientError`] of a request.
    pub async fn smart_rollup_address(&self) -> Result<RollupAddress, ClientError> {
        let request = self.get(&["global", "smart_rollup_address"]);
        let text: String = request.json().await?;
        RollupAddress::from_base58(&text).map_err(|error| request.undecodable(error))
    }

    /// The level of the layer 1 that the node has seen last; `None` before its first block.
    ///
    /// # Errors
    /// Any [`ClientError`] of a request.
    pub async fn tezos_level(&self) -> Result<Option<L1Level>, ClientError> {
        let level: Option<u32> = self.get(&["global", "tezos_level"]).json().await?;
        Ok(level.map(L1Level::new))
    }

    /// The head of the layer 1 that the node has seen last; `None` before its first block.
    ///
    /// # Errors
    /// Any [`ClientError`] of a request.
    pub async fn tezos_head(&self) -> Result<Option<L1BlockHash>, ClientError> {
        self.get(&["global", "tezos_head"]).json().await
    }

    /// The level of a block.
    ///
    /// # Errors
    /// Any [`ClientError`] of a request; [`ClientError::Status`] for a block that the node does not know.
    pub async fn block_level(&self, id: BlockId) -> Result<L1Level, ClientError> {
        let level: u32 = self.get(&["global", "block", &id.to_string(), "level"]).json().await?;
        Ok(L1Level::new(level))
    }

    /// The hash of a block.
    ///
    /// # Errors
    /// Any [`ClientError`] of a request; [`ClientError::Status`] for a block that the node does not know.
    pub async fn block_hash(&self, id: BlockId) -> Result<L1BlockHash, ClientError> {
        self.get(&["global", "block", &id.to_string(), "hash"]).json().await
    }

    /// The messages of the level of a block, as the kernel read them, its own of the protocol included.
    ///
    /// # Errors
    /// Any [`ClientError`] of a request; [`ClientError::Status`] for a block that the node does not know.
    pub async fn block_messages(&self, id: BlockId) -> Result<Vec<Vec<u8>>, ClientError> {
        #[derive(Deserialize)]
        struct Full {
            messages: Vec<String>,
        }
        let request = self.get(&["global", "block", &id.to_string()]);
        let Full { messages } = request.json().await?;
        let messages: Result<_, hex::FromHexError> = messages.into_iter().map(hex::decode).collect();
        messages.map_err(|error| request.undecodable(error))
    }

    /// The value at a durable key after a block, `None` when there is none. Keys start with `/`.
    ///
    /// # Errors
    /// Any [`ClientError`] of a request; [`ClientError::Status`] for a block that the node does not know or
    /// whose state it has forgotten.
    pub async fn durable_value(&self, id: BlockId, key: &str) -> Result<Option<Vec<u8>>, ClientError> {
        let request = self.durable(id, "value", key);
        let text: Option<String> = request.json().await?;
        text.map(|text| hex::decode(text).map_err(|error| request.undecodable(error))).transpose()
    }

    /// The number of bytes at a durable key after a block, `None` when there is no value.
    ///
    /// # Errors
    /// As [`RollupNode::durable_value`].
    pub async fn durable_length(&self, id: BlockId, key: &str) -> Result<Option<u64>, ClientError> {
        let request = self.durable(id, "length", key);
        let Some(length) = request.json::<Option<types::Int64>>().await? else { return Ok(None) };
        length.get().map(Some).ok_or_else(|| request.undecodable("not a number of bytes"))
    }

    /// The names directly below a durable key after a block; the empty name stands for the key's own value.
    ///
    /// # Errors
    /// As [`RollupNode::durable_value`].
    pub async fn durable_subkeys(&self, id: BlockId, key: &str) -> Result<Vec<String>, ClientError> {
        let names: Vec<Universal> = self.durable(id, "subkeys", key).json().await?;
        Ok(names.into_iter().map(Universal::into_text).collect())
    }

    /// The values directly below a durable key after a block, with their names.
    ///
    /// # Errors
    /// As [`RollupNode::durable_value`].
    pub async fn durable_values(
        &self,
        id: BlockId,
        key: &str,
    ) -> Result<Vec<(String, Vec<u8>)>, ClientError> {
        #[derive(Deserialize)]
        struct Entry {
            #[serde(deserialize_with = "Universal::text")]
            key: String,
            value: String,
        }
        let request = self.durable(id, "values", key);
        let entries: Vec<Entry> = request.json().await?;
        let read = |entry: Entry| Ok((entry.key, hex::decode(entry.value)?));
        let entries: Result<_, hex::FromHexError> = entries.into_iter().map(read).collect();
        entries.map_err(|error| request.undecodable(error))
    }

    /// Gives messages to the batcher, which puts them in the inbox of one of the next levels. A payload is
    /// what follows the tag of an external message: at most 4,095 bytes. All are taken or none.
    ///
    /// An error that [is transient](ClientError::is_transient) leaves open whether they were taken.
    ///
    /// # Errors
    /// Any [`ClientError`] of a request; [`ClientError::Status`] for a message that is too large.
    pub async fn inject<M: AsRef<[u8]>>(&self, payloads: &[M]) -> Result<Vec<MessageId>, ClientError> {
        let texts: Vec<String> = payloads.iter().map(hex::encode).collect();
        let mut request = Request::new(self, Method::POST, &["local", "batcher", "injection"]);
        request.url.query_pairs_mut().append_pair("drop_duplicate", "false");
        let body = serde_json::to_vec(&texts).map_err(|error| request.undecodable(error))?;
        request.body = Some(body);
        request.json().await
    }

    /// Like [`RollupNode::inject`], but takes complete external messages as `millrace_wire` makes them: the
    /// tag `01` first. The layer 1 puts the tag back.
    ///
    /// # Errors
    /// [`ClientError::NotExternal`] before anything is sent, else as [`RollupNode::inject`].
    pub async fn inject_external<M: AsRef<[u8]>>(
        &self,
        messages: &[M],
    ) -> Result<Vec<MessageId>, ClientError> {
        let untagged = |(index, message): (usize, &'_ M)| {
            let payload = message.as_ref().strip_prefix(&[EXTERNAL_TAG]).map(<[u8]>::to_vec);
            payload.ok_or(ClientError::NotExternal { index })
        };
        let payloads: Vec<Vec<u8>> = messages.iter().enumerate().map(untagged).collect::<Result<_, _>>()?;
        self.inject(&payloads).await
    }

    /// The oldest level whose durable storage can be asked for.
    ///
    /// # Errors
    /// Any [`ClientError`] of a request.
    pub async fn first_available_level(&self) -> Result<L1Level, ClientError> {
        #[derive(Deserialize)]
        struct GcInfo {
            #[serde(with = "types::level_number")]
            first_available_level: L1Level,
        }
        let GcInfo { first_available_level } = self.get(&["local", "gc_info"]).json().await?;
        Ok(first_available_level)
    }

    /// The newest commitment that nobody can dispute any more; `None` when there is none but that of the origination.
    ///
    /// # Errors
    /// Any [`ClientError`] of a request.
    pub async fn last_cemented_commitment(&self) -> Result<Option<Commitment>, ClientError> {
        let answer: Option<CommitmentWithHash> =
            self.get(&["global", "last_cemented_commitment"]).json().await?;
        Ok(answer.map(Commitment::from))
    }

    /// Whether the node works, and how far behind its layer 1 it is.
    ///
    /// # Errors
    /// Any [`ClientError`] of a request.
    pub async fn health(&self) -> Result<Health, ClientError> {
        self.get(&["health"]).json().await
    }

    /// What software answers.
    ///
    /// # Errors
    /// Any [`ClientError`] of a request.
    pub async fn version(&self) -> Result<Version, ClientError> {
        self.get(&["version"]).json().await
    }

    /// The blocks that the node processes from now on, each as soon as its state can be asked for. A node
    /// may send its current head first, and after a reorganisation the levels go back: compare predecessors.
    /// The stream ends when the node closes it and after its first error; connecting again, and reading what
    /// was missed, is the caller's business.
    ///
    /// # Errors
    /// Any [`ClientError`] of a request.
    pub async fn monitor_blocks(&self) -> Result<BlockStream, ClientError> {
        BlockStream::open(self.get(&["global", "monitor_blocks"])).await
    }

    /// Like [`RollupNode::monitor_blocks`], each block once it is final.
    ///
    /// # Errors
    /// Any [`ClientError`] of a request.
    pub async fn monitor_finalized_blocks(&self) -> Result<BlockStream, ClientError> {
        BlockStream::open(self.get(&["global", "monitor_finalized_blocks"])).await
    }

    /// Sends a JSON body, and reads a JSON answer.
    pub(crate) async fn post<B: Serialize, A: DeserializeOwned>(
        &self,
        path: &[&str],
        body: &B,
    ) -> Result<A, ClientError> {
        self.posting(path, body)?.json().await
    }

    fn posting<B: Serialize>(&self, path: &[&str], body: &B) -> Result<Request<'_>, ClientError> {
        let mut request = Request::new(self, Method::POST, path);
        request.body = Some(serde_json::to_vec(body).map_err(|error| request.undecodable(error))?);
        Ok(request)
    }

    /// Reads a JSON answer.
    pub(crate) async fn fetch<A: DeserializeOwned>(&self, path: &[&str]) -> Result<A, ClientError> {
        self.get(path).json().await
    }

    fn get(&self, path: &[&str]) -> Request<'_> {
        Request::new(self, Method::GET, path)
    }

    fn durable(&self, id: BlockId, what: &str, key: &str) -> Request<'_> {
        let path = ["global", "block", &id.to_string(), "durable", "wasm_2_0_0", what];
        let mut request = self.get(&path);
        request.url.query_pairs_mut().append_pair("key", key);
        request
    }
}

/// One request, kept so that an error can name it.
struct Request<'a> {
    node: &'a RollupNode,
    method: Method,
    url: Url,
    body: Option<Vec<u8>>,
}

impl<'a> Request<'a> {
    fn new(node: &'a RollupNode, method: Method, path: &[&str]) -> Self {
        let mut url = node.endpoint.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        Self { node, method, url, body: None }
    }

    /// Sends the request and reads the whole answer as JSON.
    async fn json<T: DeserializeOwned>(&self) -> Result<T, ClientError> {
        let timeout_ms = self.node.config.request_timeout_ms;
        let answer = tokio::time::timeout(Duration::from_millis(timeout_ms), async {
            let mut response = self.send().await?;
            self.body(&mut response).await
        });
        let body = answer.await.map_err(|_| self.late(timeout_ms))??;
        serde_json::from_slice(&body).map_err(|error| self.undecodable(error))
    }

    /// Sends the request; an answer with another status than success becomes an error.
    async fn send(&self) -> Result<Response, ClientError> {
        // Octez also speaks a binary form.
        let mut builder = self
            .node
            .http
            .request(self.method.clone(), self.url.clone())
            .header("accept", "application/json");
        if let Some(body) = &self.body {
            builder = builder.header("content-type", "application/json").body(body.clone());
        }
        let mut response = builder.send().await.map_err(|error| self.broken(&error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let body = self.body(&mut response).await.unwrap_or_default();
        Err(ClientError::Status {
            request: self.name(),
            status: status.as_u16(),
            trace: ErrorTrace::read(&body),
        })
    }

    async fn body(&self, response: &mut Response) -> Result<Vec<u8>, ClientError> {
        let limit_bytes = self.node.config.answer_bytes_max;
        let mut body = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(|error| self.broken(&error))? {
            if body.len() + piece.len() > limit_bytes {
                return Err(ClientError::TooLarge { request: self.name(), limit_bytes });
            }
            body.extend_from_slice(&piece);
        }
        Ok(body)
    }

    fn name(&self) -> String {
        format!("{} {}", self.method, self.url.path())
    }

    fn late(&self, timeout_ms: u64) -> ClientError {
        ClientError::Timeout { request: self.name(), timeout_ms }
    }

    fn undecodable(&self, cause: impl ToString) -> ClientError {
        ClientError::Decoding { request: self.name(), cause: cause.to_string() }
    }

    fn broken(&self, error: &reqwest::Error) -> ClientError {
        if error.is_timeout() {
            return self.late(self.node.config.connect_timeout_ms);
        }
        ClientError::Refused { request: self.name(), cause: innermost(error) }
    }
}

/// The last cause in a chain of errors: the outer ones only repeat the URL.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
