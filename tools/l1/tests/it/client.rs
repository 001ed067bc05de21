//! Every method of the client, and every way in which it fails.

use crate::kernel::{Site, client, count};
use futures::StreamExt;
use millrace_l1::L1BlockHash;
use millrace_l1::client::{BlockId, ClientError, RollupNode, RollupNodeConfig};
use millrace_primitives::{Address, L1Level, Mutez};
use std::io::{Read, Write};
use std::net::TcpListener;

fn level(level: u32) -> L1Level {
    L1Level::new(level)
}

#[tokio::test]
async fn blocks_are_named_in_every_way() {
    let site = Site::new();
    let sandbox = site.start().await;
    let node = client(&sandbox);
    assert_eq!(node.smart_rollup_address().await.unwrap(), sandbox.rollup_address());
    assert_eq!(node.block_level(BlockId::Head).await.unwrap(), level(0));
    let mut hashes = vec![sandbox.head().hash];
    for _ in 0..4 {
        hashes.push(sandbox.bake().await.unwrap().hash);
    }
    assert_eq!(node.tezos_level().await.unwrap(), Some(level(4)));
    assert_eq!(node.tezos_head().await.unwrap(), Some(hashes[4]));
    for (id, expected) in [
        (BlockId::Head, 4),
        (BlockId::Finalized, 2),
        (BlockId::Cemented, 0),
        (BlockId::Level(level(3)), 3),
        (BlockId::Hash(hashes[1]), 1),
    ] {
        assert_eq!(node.block_level(id).await.unwrap(), level(expected), "{id}");
        assert_eq!(node.block_hash(id).await.unwrap(), hashes[expected as usize], "{id}");
    }
    for unknown in [BlockId::Level(level(5)), BlockId::Hash(L1BlockHash::new([1; 32]))] {
        let error = node.block_hash(unknown).await.unwrap_err();
        let ClientError::Status { status: 404, trace, .. } = &error else { panic!("{error}") };
        assert_eq!(trace.ids, ["sandbox.unknown_block"]);
        assert!(!error.is_transient());
    }
    sandbox.shutdown().await;
}

#[tokio::test]
async fn the_durable_storage_is_read_at_every_level() {
    let site = Site::new();
    let sandbox = site.start().await;
    let node = client(&sandbox);
    assert_eq!(node.durable_value(BlockId::Head, "/count").await.unwrap(), None);
    sandbox.bake().await.unwrap();
    assert_eq!(node.inject(&[b"one".as_slice(), b"F"]).await.unwrap().len(), 2);
    sandbox.bake().await.unwrap();
    let messages = node.block_messages(BlockId::Level(level(2))).await.unwrap();
    assert_eq!(messages.len(), 5, "three messages frame every level");
    assert_eq!(messages[2..4], [b"\x01one".to_vec(), b"\x01F".to_vec()]);
    node.inject(&[b"X three"]).await.unwrap();
    sandbox.bake().await.unwrap();
    sandbox.bake().await.unwrap();

    // Three messages frame every level.
    for (at, expected) in [(1, 3), (2, 8), (3, 12), (4, 15)] {
        let id = BlockId::Level(level(at));
        assert_eq!(node.durable_value(id, "/count").await.unwrap(), Some(count(expected)), "level {at}");
    }
    assert_eq!(node.durable_value(BlockId::Finalized, "/count").await.unwrap(), Some(count(8)));
    assert_eq!(node.durable_value(BlockId::Cemented, "/count").await.unwrap(), None);
    assert_eq!(node.durable_value(BlockId::Head, "/messages/last").await.unwrap().unwrap(), b"\x01X three");
    assert_eq!(node.durable_length(BlockId::Head, "/messages/last").await.unwrap(), Some(8));
    assert_eq!(node.durable_length(BlockId::Head, "/messages").await.unwrap(), None);
    assert_eq!(node.durable_value(BlockId::Level(level(2)), "/extra").await.unwrap().unwrap(), b"\x01");
    assert_eq!(node.durable_value(BlockId::Level(level(3)), "/extra").await.unwrap(), None);
    let root = node.durable_subkeys(BlockId::Head, "/").await.unwrap();
    assert_eq!(root, ["count", "kernel", "messages", "readonly"]);
    assert_eq!(node.durable_subkeys(BlockId::Head, "/count").await.unwrap(), [""]);
    assert!(node.durable_subkeys(BlockId::Head, "/nothing").await.unwrap().is_empty());
    let values = node.durable_values(BlockId::Head, "").await.unwrap();
    assert_eq!(values, [("count".to_owned(), count(15))]);
    sandbox.shutdown().await;
}

#[tokio::test]
async fn injection_takes_complete_messages_too() {
    let site = Site::new();
    let sandbox = site.start().await;
    let node = client(&sandbox);
    let ids = node.inject_external(&[b"\x01tagged"]).await.unwrap();
    let block = sandbox.bake().await.unwrap();
    assert_eq!(block.messages, [b"\x01tagged"]);
    assert!(ids[0].to_string().starts_with("scmsg"));
    let refused = node.inject_external(&[b"\x01fine".as_slice(), b"\x00internal"]).await;
    assert!(matches!(refused, Err(ClientError::NotExternal { index: 1 })));
    let refused = node.inject(&[vec![0; 4_096]]).await.unwrap_err();
    assert!(matches!(refused, ClientError::Status { status: 400, .. }), "{refused}");
    assert!(sandbox.bake().await.unwrap().messages.is_empty());
    sandbox.shutdown().await;
}

#[tokio::test]
async fn streams_tell_every_block_once_and_end_with_the_sandbox() {
    let site = Site::new();
    let sandbox = site.start().await;
    let node = client(&sandbox);
    sandbox.bake().await.unwrap();
    let mut blocks = node.monitor_blocks().await.unwrap();
    let mut finals = node.monitor_finalized_blocks().await.unwrap();
    assert_eq!(blocks.next().await.unwrap().unwrap().level, level(1));
    assert_eq!(finals.next().await.unwrap().unwrap().level, level(0));
    let mut previous = sandbox.head().hash;
    for number in 2..6 {
        let block = sandbox.bake().await.unwrap();
        let header = blocks.next().await.unwrap().unwrap();
        assert_eq!((header.level, header.block_hash), (level(number), block.hash));
        assert_eq!(header.predecessor, previous);
        // Its state can be asked for as soon as it is told.
        let id = BlockId::Hash(header.block_hash);
        assert_eq!(node.durable_value(id, "/count").await.unwrap(), Some(count(3 * number)));
        previous = block.hash;
    }
    for number in 1..4 {
        assert_eq!(finals.next().await.unwrap().unwrap().level, level(number));
    }
    // A reader that was slow misses nothing.
    let mut slow = node.monitor_blocks().await.unwrap();
    for _ in 0..5 {
        sandbox.bake().await.unwrap();
    }
    for number in 5..11 {
        assert_eq!(slow.next().await.unwrap().unwrap().level, level(number));
    }
    sandbox.shutdown().await;
    assert!(slow.next().await.is_none(), "closed in order");
    assert!(matches!(node.tezos_level().await, Err(ClientError::Refused { .. })));
}

#[tokio::test]
async fn a_deposit_arrives_as_a_transfer_of_the_ticketer() {
    use millrace_wire::message::{self, Message, Parameter};
    let site = Site::new();
    let sandbox = site.start().await;
    let receiver = Address::repeat_byte(0x11);
    sandbox.deposit(receiver, Mutez::new(42)).await.unwrap();
    let block = sandbox.bake().await.unwrap();
    let rollup = sandbox.rollup_address();
    let Ok(Message::Transfer(transfer)) = message::parse(&block.messages[0], &rollup) else {
        panic!("no transfer")
    };
    let Parameter::Deposit { routing, ticket } = transfer.parameter else { panic!("no deposit") };
    assert_eq!(routing, receiver.as_bytes());
    assert_eq!(ticket.amount, 42.into());
    assert_eq!(ticket.ticketer, millrace_l1::sandbox::TICKETER);
    assert_eq!(client(&sandbox).durable_value(BlockId::Head, "/count").await.unwrap(), Some(count(4)));
    sandbox.shutdown().await;
}

/// A server that gives the same bytes to every connection, or none.
fn answering(answer: Option<&'static str>) -> RollupNode {
    limited(answer, 64)
}

/// The same, with answers of so many bytes at most.
pub(crate) fn limited(answer: Option<&'static str>, answer_bytes_max: usize) -> RollupNode {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut silent = Vec::new();
        for socket in listener.incoming() {
            let mut socket = socket.unwrap();
            let mut request = vec![0; 4_096];
            assert!(socket.read(&mut request).unwrap() > 0);
            match answer {
                None => silent.push(socket),
                Some(answer) => socket.write_all(answer.as_bytes()).unwrap(),
            }
        }
    });
    let config = RollupNodeConfig {
        request_timeout_ms: if answer.is_some() { 30_000 } else { 20 },
        answer_bytes_max,
        ..RollupNodeConfig::default()
    };
    RollupNode::new(&format!("http://{addr}"), config).unwrap()
}

#[tokio::test]
async fn failures_are_told_apart() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let nobody = RollupNode::new(&format!("http://{free}"), RollupNodeConfig::default()).unwrap();
    let error = nobody.tezos_level().await.unwrap_err();
    assert!(matches!(&error, ClientError::Refused { .. }) && error.is_transient(), "{error}");

    let silent = answering(None);
    let error = silent.tezos_level().await.unwrap_err();
    assert!(matches!(&error, ClientError::Timeout { timeout_ms: 20, .. }) && error.is_transient(), "{error}");
    assert!(matches!(silent.monitor_blocks().await, Err(ClientError::Timeout { .. })));

    let gateway = answering(Some("HTTP/1.1 502 Bad Gateway\r\ncontent-length: 4\r\n\r\noops"));
    let error = gateway.tezos_level().await.unwrap_err();
    assert!(matches!(&error, ClientError::Status { status: 502, .. }) && error.is_transient(), "{error}");
    assert!(error.to_string().contains("oops"));

    let cases = ["\"x\"", "-1", "{", "", "null null"];
    for body in cases {
        let text = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        let node = answering(Some(Box::leak(text.into_boxed_str())));
        let error = node.tezos_level().await.unwrap_err();
        assert!(matches!(&error, ClientError::Decoding { .. }) && !error.is_transient(), "{body}: {error}");
    }

    let text = format!("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{}", " ".repeat(100));
    let large = answering(Some(Box::leak(text.into_boxed_str())));
    assert!(matches!(large.tezos_level().await, Err(ClientError::TooLarge { limit_bytes: 64, .. })));

    let broken =
        answering(Some("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{\"blo\r\nzz\r\n"));
    let mut stream = broken.monitor_blocks().await.unwrap();
    assert!(matches!(stream.next().await, Some(Err(ClientError::Refused { .. }))));
    assert!(stream.next().await.is_none(), "a stream ends with its first error");

    for endpoint in ["https://127.0.0.1:1", "nonsense", "ftp://x", "http:"] {
        let refused = RollupNode::new(endpoint, RollupNodeConfig::default());
        assert!(matches!(refused, Err(ClientError::Endpoint(_))), "{endpoint}");
    }
}
