//! HTTP and websocket clients for tests.

use futures::io::{BufReader, BufWriter};
use serde_json::{Value, json};
use soketto::handshake::{Client, ServerResponse};
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::compat::{Compat, TokioAsyncReadCompatExt};

/// What a server answered.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: String,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("{}: {:?}", self.status, self.body))
    }
}

/// Posts JSON on a connection of its own.
pub(crate) async fn post(address: SocketAddr, body: &str) -> Reply {
    let head = "POST / HTTP/1.1\r\ncontent-type: application/json";
    send(address, head, body.as_bytes()).await
}

/// Sends a request whose first lines are given.
pub(crate) async fn send(address: SocketAddr, head: &str, body: &[u8]) -> Reply {
    let mut stream = TcpStream::connect(address).await.expect("connects");
    let size = body.len();
    let head = format!("{head}\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {size}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.expect("writes");
    // A server that refuses by the length may close before it has read everything.
    let _ = stream.write_all(body).await;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.expect("reads");
    let text = String::from_utf8(bytes).expect("text");
    let (headers, body) = text.split_once("\r\n\r\n").expect("headers and a body");
    let status = headers.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    Reply { status, headers: headers.to_lowercase(), body: body.to_owned() }
}

type Stream = BufReader<BufWriter<Compat<TcpStream>>>;

/// A websocket.
pub(crate) struct Websocket {
    sender: soketto::Sender<Stream>,
    receiver: soketto::Receiver<Stream>,
}

impl Websocket {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("connects");
        let host = address.to_string();
        let mut client = Client::new(BufReader::new(BufWriter::new(stream.compat())), &host, "/");
        match client.handshake().await.expect("shakes hands") {
            ServerResponse::Accepted { .. } => {}
            _ => panic!("the websocket was refused"),
        }
        let (sender, receiver) = client.into_builder().finish();
        Self { sender, receiver }
    }

    pub(crate) async fn send(&mut self, text: &str) {
        self.sender.send_text(text).await.expect("sends");
        self.sender.flush().await.expect("flushes");
    }

    pub(crate) async fn receive(&mut self) -> Value {
        let mut message = Vec::new();
        self.receiver.receive_data(&mut message).await.expect("receives");
        serde_json::from_slice(&message).expect("JSON")
    }

    /// Whether the connection ends, after whatever is still to be read.
    pub(crate) async fn is_closed_by_the_server(&mut self) -> bool {
        let mut message = Vec::new();
        while self.receiver.receive_data(&mut message).await.is_ok() {
            message.clear();
        }
        true
    }

    /// The whole reply to a request; no notification may come before it.
    pub(crate) async fn reply(&mut self, method: &str, params: Value) -> Value {
        let request = json!({ "jsonrpc": "2.0", "id": 9, "method": method, "params": params });
        self.send(&request.to_string()).await;
        let reply = self.receive().await;
        assert_eq!(reply["id"], 9, "{method}: {reply}");
        reply
    }

    /// Subscribes, and gives the name of the subscription.
    pub(crate) async fn subscribe(&mut self, params: Value) -> String {
        let reply = self.reply("eth_subscribe", params).await;
        reply["result"].as_str().unwrap_or_else(|| panic!("{reply}")).to_owned()
    }

    /// The next notification, which must be of this subscription.
    pub(crate) async fn notified(&mut self, subscription: &str) -> Value {
        let message = self.receive().await;
        assert_eq!(message["method"], "eth_subscription", "{message}");
        assert_eq!(message["params"]["subscription"], subscription, "{message}");
        message["params"].clone()
    }
}
