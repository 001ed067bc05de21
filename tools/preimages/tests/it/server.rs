//! The server, as seen from a socket.

use crate::pages::{Pages, Site};
use millrace_preimages::server::{HEAD_BYTES_MAX, Server, ServerConfig};
use millrace_primitives::PreimageHash;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

fn config() -> ServerConfig {
    ServerConfig::new(([127, 0, 0, 1], 0).into())
}

struct Reply {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Reply {
    fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(key, _)| *key == name).map(|(_, value)| value)
    }
}

/// Sends a request as it is written, and reads until the server closes.
async fn raw(server: &Server, request: &str) -> Reply {
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply).await.unwrap();
    let end = reply.windows(4).position(|bytes| bytes == b"\r\n\r\n").expect("the end of a head");
    let head = String::from_utf8(reply[..end].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Reply { status, head, body: reply[end + 4..].to_vec() }
}

async fn ask(server: &Server, method: &str, path: &str) -> Reply {
    raw(server, &format!("{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")).await
}

fn path(hash: &PreimageHash) -> String {
    format!("/{hash}")
}

#[tokio::test]
async fn a_page_is_sent_with_all_that_a_cache_needs() {
    let site = Site::new();
    let pages = Pages::over(2);
    pages.keep(&site.folder());
    let server = Server::start(site.folder(), config()).await.unwrap();
    for (hash, page) in &pages.all {
        let reply = ask(&server, "GET", &path(hash)).await;
        assert_eq!((reply.status, &reply.body), (200, page));
        let head = ask(&server, "HEAD", &path(hash)).await;
        assert_eq!((head.status, head.body.len()), (200, 0));
        for reply in [&reply, &head] {
            assert_eq!(reply.header("content-length"), Some(page.len().to_string().as_str()));
            assert_eq!(reply.header("content-type"), Some("application/octet-stream"));
            assert_eq!(reply.header("cache-control"), Some("public, max-age=31536000, immutable"));
            assert_eq!(reply.header("etag"), Some(format!("\"{hash}\"").as_str()));
        }
        let known = format!(
            "GET /{hash} HTTP/1.1\r\nhost: x\r\nif-none-match: \"{hash}\"\r\nconnection: close\r\n\r\n"
        );
        let unchanged = raw(&server, &known).await;
        assert_eq!((unchanged.status, unchanged.body.len()), (304, 0));
    }
    server.stop().await;
}

#[tokio::test]
async fn nothing_but_pages_is_served() {
    let site = Site::new();
    let pages = Pages::over(1);
    pages.keep(&site.folder());
    std::fs::write(site.folder().path().join("secret"), "secret").unwrap();
    let outside = site.folder().path().with_extension("outside");
    std::fs::write(&outside, "secret").unwrap();
    let name = outside.file_name().unwrap().to_str().unwrap();
    let server = Server::start(site.folder(), config()).await.unwrap();
    let root = pages.root;
    for bad in [
        "/".to_owned(),
        "/secret".to_owned(),
        format!("/../{name}"),
        format!("/%2e%2e%2f{name}"),
        format!("/..%2f{name}"),
        format!("/{root}/"),
        format!("//{root}"),
        format!("/{root}%00"),
        format!("/{}", root.to_string().to_uppercase()),
        format!("/{root}.1.0.part"),
        format!("/preimages/{root}"),
        format!("/{}", "0".repeat(66)),
        format!("/{}", "0".repeat(1_000)),
        "/%ff".to_owned(),
    ] {
        let reply = ask(&server, "GET", &bad).await;
        assert!(matches!(reply.status, 404 | 400), "{bad}: {}", reply.status);
        assert!(!reply.body.windows(6).any(|bytes| bytes == b"secret"), "{bad}");
        assert_ne!(reply.header("cache-control"), Some("public, max-age=31536000, immutable"), "{bad}");
    }
    for method in ["POST", "PUT", "DELETE"] {
        assert_eq!(ask(&server, method, &path(&root)).await.status, 405, "{method}");
    }
    assert_eq!(ask(&server, "GET", &path(&root)).await.status, 200, "it serves on");
    std::fs::remove_file(outside).unwrap();
    server.stop().await;
}

#[tokio::test]
async fn a_damaged_page_is_not_found_and_a_new_one_is_at_once() {
    let site = Site::new();
    let pages = Pages::over(1);
    let server = Server::start(site.folder(), config()).await.unwrap();
    let missing = ask(&server, "GET", &path(&pages.root)).await;
    assert_eq!((missing.status, missing.header("cache-control")), (404, Some("no-store")));
    for bytes in [&b"other"[..], &[0; 1 << 20]] {
        std::fs::write(site.path_of(&pages.root), bytes).unwrap();
        let damaged = ask(&server, "GET", &path(&pages.root)).await;
        assert_eq!((damaged.status, damaged.header("cache-control")), (404, Some("no-store")));
    }
    pages.keep(&site.folder());
    assert_eq!(ask(&server, "GET", &path(&pages.root)).await.status, 200);
    server.stop().await;
}

#[tokio::test]
async fn a_connection_that_says_nothing_makes_room_for_others() {
    let site = Site::new();
    let pages = Pages::over(1);
    pages.keep(&site.folder());
    let narrow = ServerConfig { connections_max: 1, idle_timeout_ms: 200, ..config() };
    let server = Server::start(site.folder(), narrow).await.unwrap();
    let mut silent = TcpStream::connect(server.address()).await.unwrap();
    silent.write_all(b"GET /").await.unwrap();
    // There is one place, and it is taken until the time of the silent one is over.
    assert_eq!(ask(&server, "GET", &path(&pages.root)).await.status, 200);
    let mut rest = Vec::new();
    // Closed, with an explanation, without one, or reset.
    let _closed = silent.read_to_end(&mut rest).await;
    assert!(!rest.starts_with(b"HTTP/1.1 200"));
    // So is one that has had its answer.
    let request = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", pages.root);
    let mut kept_alive = TcpStream::connect(server.address()).await.unwrap();
    kept_alive.write_all(request.as_bytes()).await.unwrap();
    assert_eq!(ask(&server, "GET", &path(&pages.root)).await.status, 200);
    server.stop().await;
}

#[tokio::test]
async fn a_head_that_never_ends_is_refused() {
    let site = Site::new();
    let server = Server::start(site.folder(), config()).await.unwrap();
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    let endless = format!("GET / HTTP/1.1\r\nx: {}", "x".repeat(HEAD_BYTES_MAX * 4));
    // The server may have closed before all of it was sent.
    let _sent = stream.write_all(endless.as_bytes()).await;
    let mut reply = Vec::new();
    let _closed = stream.read_to_end(&mut reply).await;
    assert!(!reply.starts_with(b"HTTP/1.1 200"));
    server.stop().await;
}

#[tokio::test]
async fn it_stops_though_connections_are_open() {
    let site = Site::new();
    let pages = Pages::over(1);
    pages.keep(&site.folder());
    let patient = ServerConfig { idle_timeout_ms: 3_600_000, grace_ms: 100, ..config() };
    let server = Server::start(site.folder(), patient).await.unwrap();
    let address = server.address();
    let mut kept_alive = TcpStream::connect(address).await.unwrap();
    let request = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", pages.root);
    kept_alive.write_all(request.as_bytes()).await.unwrap();
    let mut first = [0; 15];
    kept_alive.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200 OK");
    let mut half = TcpStream::connect(address).await.unwrap();
    half.write_all(b"GET /").await.unwrap();
    server.stop().await;
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
    let mut rest = Vec::new();
    kept_alive.read_to_end(&mut rest).await.unwrap();
}
