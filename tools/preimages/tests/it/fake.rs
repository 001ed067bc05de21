//! A fake endpoint: pages in memory, served as badly as a test wants.

use crate::pages::Pages;
use millrace_preimages::parse_name;
use millrace_primitives::PreimageHash;
use std::collections::BTreeMap;
use std::future::pending;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Barrier, watch};
use tokio::task::JoinHandle;

/// What a fake does with a request.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// Sends the page, or 404.
    Serve,
    /// The same, when as many requests are here as the barrier wants.
    ServeTogether(Arc<Barrier>),
    /// Answers with this status.
    Status(u16),
    /// Sends other bytes of the same length.
    Lie,
    /// Announces the page and sends half of it.
    Truncate,
    /// Sends half of the page as if it were all.
    Shorten,
    /// Sends more than a page has, without saying how much.
    Flood,
    /// Sends the head of an answer and then nothing, for ever.
    Stall,
    /// Closes the connection.
    Hang,
    /// Sends the client to an honest server.
    Redirect(String),
}

type Script = dyn Fn(usize, PreimageHash) -> Act + Send + Sync;

/// A fake that listens.
pub(crate) struct FakeEndpoint {
    url: String,
    asked: watch::Receiver<Vec<PreimageHash>>,
    task: JoinHandle<()>,
}

impl FakeEndpoint {
    /// Acts by `script`, which gets the number of the request, from 0, and the page that is asked for.
    pub(crate) async fn start(
        pages: &Pages,
        script: impl Fn(usize, PreimageHash) -> Act + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let (sender, asked) = watch::channel(Vec::new());
        let shared = Arc::new(Shared {
            pages: pages.all.clone(),
            script: Box::new(script),
            asked: sender,
            order: Mutex::new(()),
        });
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let shared = Arc::clone(&shared);
                // A client that has gone away is no failure of the fake.
                tokio::spawn(async move { shared.answer(stream).await.ok() });
            }
        });
        Self { url, asked, task }
    }

    /// Always acts alike.
    pub(crate) async fn always(pages: &Pages, act: Act) -> Self {
        Self::start(pages, move |_, _| act.clone()).await
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The pages that were asked for, in order.
    pub(crate) fn asked(&self) -> Vec<PreimageHash> {
        self.asked.borrow().clone()
    }

    /// Returns when so many requests have come.
    pub(crate) async fn wait_for(&self, requests: usize) {
        self.asked.clone().wait_for(|asked| asked.len() >= requests).await.unwrap();
    }
}

impl Drop for FakeEndpoint {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Shared {
    pages: BTreeMap<PreimageHash, Vec<u8>>,
    script: Box<Script>,
    asked: watch::Sender<Vec<PreimageHash>>,
    order: Mutex<()>,
}

impl Shared {
    fn act(&self, hash: PreimageHash) -> Act {
        let _one_at_a_time = self.order.lock().unwrap();
        let number = self.asked.borrow().len();
        self.asked.send_modify(|asked| asked.push(hash));
        (self.script)(number, hash)
    }

    async fn answer(&self, stream: TcpStream) -> std::io::Result<()> {
        let mut stream = BufReader::new(stream);
        let mut first = String::new();
        stream.read_line(&mut first).await?;
        let mut line = String::new();
        while stream.read_line(&mut line).await? > 2 {
            line.clear();
        }
        let name = first.strip_prefix("GET /").and_then(|rest| rest.split(' ').next());
        let hash = name.and_then(parse_name).expect("only pages are asked for");
        let page = self.pages.get(&hash).cloned();
        let act = self.act(hash);
        let reply = match (act, page) {
            (Act::Hang, _) => return Ok(()),
            (Act::Status(status), _) => head(status, Some(0)).into_bytes(),
            (Act::Redirect(url), _) => format!(
                "HTTP/1.1 302 x\r\nlocation: {}/{hash}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
                url.trim_end_matches('/')
            )
            .into_bytes(),
            (_, None) => head(404, Some(0)).into_bytes(),
            (Act::Serve, Some(page)) => whole(&page),
            (Act::ServeTogether(barrier), Some(page)) => {
                barrier.wait().await;
                whole(&page)
            }
            (Act::Lie, Some(page)) => whole(&page.iter().map(|byte| !byte).collect::<Vec<_>>()),
            (Act::Truncate, Some(page)) => {
                [head(200, Some(page.len())).as_bytes(), &page[..page.len() / 2]].concat()
            }
            (Act::Shorten, Some(page)) => whole(&page[..page.len() / 2]),
            (Act::Flood, Some(_)) => [head(200, None).as_bytes(), &[0; 1 << 20]].concat(),
            (Act::Stall, Some(page)) => {
                stream.write_all(head(200, Some(page.len())).as_bytes()).await?;
                pending().await
            }
        };
        stream.write_all(&reply).await?;
        stream.shutdown().await
    }
}

fn head(status: u16, length: Option<usize>) -> String {
    let length = length.map(|length| format!("content-length: {length}\r\n")).unwrap_or_default();
    format!("HTTP/1.1 {status} x\r\n{length}connection: close\r\n\r\n")
}

fn whole(page: &[u8]) -> Vec<u8> {
    [head(200, Some(page.len())).as_bytes(), page].concat()
}
