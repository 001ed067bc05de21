//! Preimages that the rollup node fetches by itself.

use crate::kernel::{PREIMAGE, Site, client, count};
use axum::Router;
use millrace_l1::client::BlockId;
use millrace_l1::sandbox::rollup_node::NodeError;
use millrace_l1::sandbox::{Phase, Progress, Sandbox, SandboxConfig, SandboxError};
use millrace_preimages::server::{Server, ServerConfig};
use millrace_preimages::{Folder, Kept, hash};
use millrace_primitives::L1Level;
use tokio::net::TcpListener;

/// Somebody else's folder of pages, and a server of it.
struct Others {
    dir: tempfile::TempDir,
    server: Server,
}

impl Others {
    async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let config = ServerConfig::new(([127, 0, 0, 1], 0).into());
        let server = Server::start(Folder::new(dir.path()), config).await.unwrap();
        Self { dir, server }
    }

    fn publish(&self) {
        Folder::new(self.dir.path()).keep(PREIMAGE).unwrap();
    }

    fn url(&self) -> String {
        format!("http://{}", self.server.address())
    }
}

/// A fake endpoint that has something else for everybody.
async fn fake_liar() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().fallback(async || "not what you asked for");
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

async fn start(site: &Site, endpoints: &[&str]) -> Sandbox {
    let preimages_endpoints = endpoints.iter().map(|url| (*url).to_owned()).collect();
    Sandbox::start(SandboxConfig { preimages_endpoints, ..site.config() }).await.unwrap()
}

fn folder(site: &Site) -> Folder {
    Folder::new(site.path().join("preimages"))
}

async fn revealed(sandbox: &Sandbox) -> Option<Vec<u8>> {
    client(sandbox).durable_value(BlockId::Head, "/revealed").await.unwrap()
}

#[tokio::test]
async fn a_missing_preimage_is_fetched_and_nobody_notices() {
    let (site, others) = (Site::new(), Others::start().await);
    others.publish();
    let liar = fake_liar().await;
    let sandbox = start(&site, &[&liar, &others.url()]).await;
    client(&sandbox).inject(&["P"]).await.unwrap();
    assert_eq!(sandbox.bake().await.unwrap().level, L1Level::new(1));
    assert_eq!(revealed(&sandbox).await.unwrap(), PREIMAGE);
    assert_eq!(folder(&site).look(&hash(PREIMAGE)).unwrap(), Kept::Right(PREIMAGE.to_vec()));
    assert!(client(&sandbox).health().await.unwrap().healthy);
    sandbox.shutdown().await;
    // What it has, it does not ask for again.
    let sandbox = start(&site, &[&liar]).await;
    client(&sandbox).inject(&["P"]).await.unwrap();
    sandbox.bake().await.unwrap();
    sandbox.shutdown().await;
}

#[tokio::test]
async fn the_node_waits_for_a_preimage_that_nobody_has_and_goes_on_by_itself() {
    let (site, others) = (Site::new(), Others::start().await);
    let liar = fake_liar().await;
    let sandbox = start(&site, &[&liar, &others.url()]).await;
    sandbox.bake().await.unwrap();
    let node = client(&sandbox);
    node.inject(&["P"]).await.unwrap();
    let error = sandbox.bake().await.unwrap_err();
    let SandboxError::Halted(halted) = &error else { panic!("{error}") };
    let NodeError::Preimage { level, hash: waits_for, met: Some(met) } = &**halted else {
        panic!("{halted}")
    };
    assert_eq!((*level, *waits_for), (L1Level::new(2), hash(PREIMAGE)));
    assert!(met.contains(&format!("{liar}/: 22 bytes that have another hash")), "{met}");
    assert!(met.contains(&format!("{}/: status 404", others.url())), "{met}");
    // It answers, takes messages, and says what it waits for.
    assert_eq!(node.durable_value(BlockId::Head, "/count").await.unwrap(), Some(count(3)));
    node.inject(&["after"]).await.unwrap();
    assert!(matches!(sandbox.bake().await, Err(SandboxError::Halted(_))));
    let health = reqwest::get(format!("{}/health", sandbox.endpoint())).await.unwrap().text().await.unwrap();
    assert!(health.contains(&waits_for.to_string()), "{health}");
    let mut progress = sandbox.progress();
    let halted = progress.wait_for(|progress| matches!(progress.phase, Phase::Halted(_))).await.unwrap();
    assert!(halted.to_string().contains(&waits_for.to_string()), "{}", halted.to_string());
    drop(halted);
    // No level is made after this: the next round is enough.
    others.publish();
    let done = progress.wait_for(|progress| progress.processed == L1Level::new(3)).await.unwrap();
    assert!(matches!(done.phase, Phase::Following | Phase::CatchingUp), "{}", done.to_string());
    drop(done);
    assert_eq!(revealed(&sandbox).await.unwrap(), PREIMAGE);
    assert_eq!(node.durable_value(BlockId::Head, "/messages/last").await.unwrap().unwrap(), b"\x01after");
    assert!(node.health().await.unwrap().healthy);
    sandbox.shutdown().await;
}

#[tokio::test]
async fn a_damaged_preimage_is_fetched_anew() {
    let (site, others) = (Site::new(), Others::start().await);
    others.publish();
    site.provide_preimage();
    let path = site.path().join("preimages").join(hash(PREIMAGE).to_string());
    std::fs::write(&path, "lost power").unwrap();
    let sandbox = start(&site, &[]).await;
    client(&sandbox).inject(&["P"]).await.unwrap();
    let error = sandbox.bake().await.unwrap_err().to_string();
    assert!(error.contains(&hash(PREIMAGE).to_string()), "{error}");
    sandbox.shutdown().await;
    let sandbox = start(&site, &[&others.url()]).await;
    sandbox.bake().await.unwrap();
    assert_eq!(revealed(&sandbox).await.unwrap(), PREIMAGE);
    assert_eq!(std::fs::read(path).unwrap(), PREIMAGE);
    sandbox.shutdown().await;
}

#[tokio::test]
async fn an_endpoint_that_never_answers_keeps_nobody_from_stopping() {
    let site = Site::new();
    // Connections are made and nobody takes them.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let sandbox = start(&site, &[&url]).await;
    client(&sandbox).inject(&["P"]).await.unwrap();
    let mut progress = sandbox.progress();
    let halted = |progress: &Progress| matches!(progress.phase, Phase::Halted(_));
    // The page is in the folder before the endpoint has said anything: the next level is enough, for both.
    let (first, second) = tokio::join!(sandbox.bake(), async {
        progress.wait_for(halted).await.unwrap();
        site.provide_preimage();
        sandbox.bake().await
    });
    assert_eq!([first, second].map(|block| block.unwrap().level), [1, 2].map(L1Level::new));
    assert_eq!(revealed(&sandbox).await.unwrap(), PREIMAGE);
    sandbox.shutdown().await;

    let site = Site::new();
    let sandbox = start(&site, &[&url]).await;
    client(&sandbox).inject(&["P"]).await.unwrap();
    let mut progress = sandbox.progress();
    tokio::select! {
        _ = sandbox.bake() => panic!("nobody has the page"),
        halted = progress.wait_for(halted) => assert!(halted.is_ok()),
    }
    sandbox.shutdown().await;
}

#[tokio::test]
async fn an_endpoint_that_is_none_is_refused_at_the_start() {
    let site = Site::new();
    let preimages_endpoints = vec!["https://example.org".to_owned()];
    let config = SandboxConfig { preimages_endpoints, ..site.config() };
    let error = Sandbox::start(config).await.err().unwrap();
    assert!(matches!(error, SandboxError::Endpoint(_)), "{error}");
}
