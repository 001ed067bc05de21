//! Fetching pages from others.
//!
//! Endpoints are asked in turn, the one that gave the last page first. What one of them does wrong is noted under its name
//! and the next is asked; when all have failed and time may heal it, they are asked again after a pause that doubles.
//! A page is kept only when its hash is right, so that a fetch may be interrupted at any moment and goes on where it was.

use crate::fault::{EndpointFaults, Fault, Ledger};
use crate::folder::{Folder, FolderError, Kept};
use crate::page::{self, PAGE_BYTES_MAX, PAGES_MAX, Page};
use crate::tree::Tree;
use crate::{DEPTH_MAX, KERNEL_BYTES_MAX};
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use millrace_primitives::PreimageHash;
use reqwest::{Response, StatusCode, Url};
use std::collections::{BTreeSet, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout, timeout_at};

/// Limits of a [`Client`].
#[derive(Clone, Debug)]
pub struct FetchConfig {
    /// For a connection to be made.
    pub connect_timeout_ms: u64,
    /// For a request and its whole answer.
    pub request_timeout_ms: u64,
    /// For all pages together; what is there by then stays.
    pub fetch_timeout_ms: u64,
    /// How often all endpoints are asked for a page, at least once.
    pub rounds: u32,
    /// The pause after the first of these rounds; each further one is twice as long.
    pub pause_ms: u64,
    /// The longest pause.
    pub pause_ms_max: u64,
    /// Requests at a time, at least one.
    pub at_once: usize,
}

impl Default for FetchConfig {
    fn default() -> Self {
        Self {
            connect_timeout_ms: 5_000,
            request_timeout_ms: 15_000,
            fetch_timeout_ms: 600_000,
            rounds: 4,
            pause_ms: 500,
            pause_ms_max: 8_000,
            at_once: 8,
        }
    }
}

/// An endpoint that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// There is none.
    #[error("no endpoint to fetch pages from")]
    None,
    /// It is no `http://` URL, or has a question mark in it.
    #[error("the endpoint {0:?} is not an http URL without a query")]
    Url(String),
    /// No client of HTTP can be made.
    #[error("HTTP does not work: {0}")]
    Http(reqwest::Error),
}

/// How a fetch ended.
#[derive(Debug)]
pub struct Fetched {
    /// Pages that came from an endpoint.
    pub fetched: usize,
    /// Pages that were there before.
    pub present: usize,
    /// What the endpoints did wrong, whether another helped or not.
    pub faults: Vec<EndpointFaults>,
    /// The time for all of it was over.
    pub is_late: bool,
    /// What the folder has now: all, or not.
    pub tree: Tree,
}

/// Fetches from some endpoints.
#[derive(Debug)]
pub struct Client {
    endpoints: Vec<Url>,
    http: reqwest::Client,
    config: FetchConfig,
    /// The endpoint that gave a page last.
    preferred: AtomicUsize,
}

impl Client {
    /// A client of these endpoints: a page is at `<endpoint>/<hash>`. Nothing is sent yet.
    ///
    /// # Errors
    /// [`EndpointError`]: there is none, or one that is no `http` URL.
    pub fn new<E: AsRef<str>>(endpoints: &[E], config: FetchConfig) -> Result<Self, EndpointError> {
        let endpoints: Vec<Url> =
            endpoints.iter().map(|text| endpoint(text.as_ref())).collect::<Result<_, _>>()?;
        if endpoints.is_empty() {
            return Err(EndpointError::None);
        }
        let http = reqwest::Client::builder()
            .no_proxy()
            // An endpoint is asked for what it has, not sent after others.
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_millis(config.connect_timeout_ms))
            .build()
            .map_err(EndpointError::Http)?;
        Ok(Self { endpoints, http, config, preferred: AtomicUsize::new(0) })
    }

    /// Fetches all pages below `root` that a folder does not have. A page that nobody has does not keep the others
    /// from being fetched. [`Fetched::tree`] tells whether everything is there.
    ///
    /// # Errors
    /// [`FolderError`] when the folder cannot be read or written.
    pub async fn fetch(&self, folder: &Folder, root: PreimageHash) -> Result<Fetched, FolderError> {
        off_executor(folder, Folder::sweep).await?;
        let ledger = Mutex::new(Ledger::default());
        let mut walk = Walk::from(root);
        let deadline = Instant::now() + Duration::from_millis(self.config.fetch_timeout_ms);
        let is_late = match timeout_at(deadline, self.walk(folder, &ledger, &mut walk)).await {
            Ok(ended) => {
                ended?;
                false
            }
            Err(_) => true,
        };
        let tree = off_executor(folder, move |folder| Tree::of(folder, root)).await?;
        let faults = ledger.into_inner().unwrap_or_else(PoisonError::into_inner).into_list();
        Ok(Fetched { fetched: walk.fetched, present: walk.present, faults, is_late, tree })
    }

    async fn walk(
        &self,
        folder: &Folder,
        ledger: &Mutex<Ledger>,
        walk: &mut Walk,
    ) -> Result<(), FolderError> {
        let mut asked = FuturesUnordered::new();
        loop {
            while asked.len() < self.config.at_once.max(1)
                && let Some((hash, depth)) = walk.next()
            {
                asked.push(async move { (depth, self.obtain(folder, ledger, hash).await) });
            }
            let Some((depth, obtained)) = asked.next().await else { return Ok(()) };
            walk.take(depth, obtained?);
        }
    }

    /// A page from the folder, or else from an endpoint, which the folder then keeps; `None` when nobody has it.
    async fn obtain(
        &self,
        folder: &Folder,
        ledger: &Mutex<Ledger>,
        hash: PreimageHash,
    ) -> Result<Option<Obtained>, FolderError> {
        if let Kept::Right(page) = off_executor(folder, move |folder| folder.look(&hash)).await? {
            return Ok(Some(Obtained { page, was_present: true }));
        }
        let Some(page) = self.ask(ledger, hash).await else { return Ok(None) };
        let page = off_executor(folder, move |folder| folder.keep(&page).map(|_hash| page)).await?;
        Ok(Some(Obtained { page, was_present: false }))
    }

    /// Asks all endpoints, in rounds.
    async fn ask(&self, ledger: &Mutex<Ledger>, hash: PreimageHash) -> Option<Vec<u8>> {
        let mut pause_ms = self.config.pause_ms;
        for round in 1..=self.config.rounds.max(1) {
            let mut may_heal = false;
            let first = self.preferred.load(Ordering::Relaxed);
            for turn in 0..self.endpoints.len() {
                let index = (first + turn) % self.endpoints.len();
                match self.request(index, hash).await {
                    Ok(page) => {
                        self.preferred.store(index, Ordering::Relaxed);
                        return Some(page);
                    }
                    Err(fault) => {
                        may_heal |= fault.is_transient();
                        let mut ledger = ledger.lock().unwrap_or_else(PoisonError::into_inner);
                        ledger.note(index, self.endpoints[index].as_str(), hash, fault);
                    }
                }
            }
            if !may_heal || round == self.config.rounds {
                return None;
            }
            sleep(Duration::from_millis(pause_ms)).await;
            pause_ms = pause_ms.saturating_mul(2).min(self.config.pause_ms_max);
        }
        None
    }

    /// Asks one endpoint once, and checks what it says.
    async fn request(&self, index: usize, hash: PreimageHash) -> Result<Vec<u8>, Fault> {
        let timeout_ms = self.config.request_timeout_ms;
        let mut url = self.endpoints[index].clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push(&hash.to_string());
        }
        let answer = timeout(Duration::from_millis(timeout_ms), async {
            let mut response = self.http.get(url).send().await.map_err(|error| self.broken(&error))?;
            match response.status() {
                StatusCode::OK => self.body(&mut response).await,
                status => Err(Fault::Status { status: status.as_u16() }),
            }
        });
        let page = answer.await.map_err(|_| Fault::Late { timeout_ms })??;
        if page::hash(&page) == hash { Ok(page) } else { Err(Fault::OtherBytes { size_bytes: page.len() }) }
    }

    async fn body(&self, response: &mut Response) -> Result<Vec<u8>, Fault> {
        let mut body = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(|error| self.broken(&error))? {
            if body.len() + piece.len() > PAGE_BYTES_MAX {
                return Err(Fault::TooLarge { limit_bytes: PAGE_BYTES_MAX });
            }
            body.extend_from_slice(&piece);
        }
        Ok(body)
    }

    fn broken(&self, error: &reqwest::Error) -> Fault {
        if error.is_timeout() {
            return Fault::Late { timeout_ms: self.config.connect_timeout_ms };
        }
        let mut innermost: &dyn std::error::Error = error;
        while let Some(source) = innermost.source() {
            innermost = source;
        }
        Fault::Broken { cause: innermost.to_string() }
    }
}

fn endpoint(text: &str) -> Result<Url, EndpointError> {
    let refused = || EndpointError::Url(text.to_owned());
    let url = Url::parse(text).map_err(|_| refused())?;
    let is_plain = url.scheme() == "http" && url.query().is_none() && url.fragment().is_none();
    if is_plain && !url.cannot_be_a_base() { Ok(url) } else { Err(refused()) }
}

struct Obtained {
    page: Vec<u8>,
    was_present: bool,
}

/// The pages that are known of a tree, each once. What is beyond the bounds of a kernel is not fetched: [`Tree`] says later
/// what is wrong.
struct Walk {
    known: BTreeSet<PreimageHash>,
    waiting: VecDeque<(PreimageHash, usize)>,
    fetched: usize,
    present: usize,
    size_bytes: usize,
}

impl Walk {
    fn from(root: PreimageHash) -> Self {
        Self {
            known: BTreeSet::from([root]),
            waiting: VecDeque::from([(root, 0)]),
            fetched: 0,
            present: 0,
            size_bytes: 0,
        }
    }

    fn next(&mut self) -> Option<(PreimageHash, usize)> {
        if self.size_bytes > KERNEL_BYTES_MAX {
            return None;
        }
        self.waiting.pop_front()
    }

    /// Takes what came of a page that stands below `depth` pages of hashes.
    fn take(&mut self, depth: usize, obtained: Option<Obtained>) {
        let Some(Obtained { page, was_present }) = obtained else { return };
        let count = if was_present { &mut self.present } else { &mut self.fetched };
        *count += 1;
        match page::decode(&page) {
            Ok(Page::Contents(contents)) => self.size_bytes += contents.len(),
            Ok(Page::Hashes(below)) if depth < DEPTH_MAX => {
                for hash in below {
                    if self.known.len() < PAGES_MAX && self.known.insert(hash) {
                        self.waiting.push_back((hash, depth + 1));
                    }
                }
            }
            Ok(Page::Hashes(_)) | Err(page::Malformed) => {}
        }
    }
}

/// Does what touches the disk on a thread for it.
async fn off_executor<T: Send + 'static>(
    folder: &Folder,
    work: impl FnOnce(&Folder) -> Result<T, FolderError> + Send + 'static,
) -> Result<T, FolderError> {
    let folder = folder.clone();
    let path = folder.path().to_owned();
    match tokio::task::spawn_blocking(move || work(&folder)).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime is going down.
            Err(error) => Err(FolderError { path, error: std::io::Error::other(error) }),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_plain_http_urls() {
        let client = |endpoints: &[&str]| Client::new(endpoints, FetchConfig::default());
        assert!(client(&["http://127.0.0.1:1", "http://host/with/a/path/"]).is_ok());
        assert!(matches!(client(&[]), Err(EndpointError::None)));
        for bad in ["", "host", "https://host", "file:///etc", "http://host/?a=", "http://host/#a", "http:"] {
            assert!(matches!(client(&[bad]), Err(EndpointError::Url(_))), "{bad}");
        }
    }
}
