//! Files of a sandbox that are not as it left them: each is named and refused, and stays as it is.

use crate::kernel::{PREIMAGE, Site, client, count};
use millrace_l1::client::BlockId;
use millrace_l1::sandbox::rollup_node::NodeError;
use millrace_l1::sandbox::{Sandbox, SandboxError, StoreError};
use millrace_pvm::reveal::reveal_hash;
use std::path::Path;

/// A chain of some levels, stopped in order.
async fn chain(site: &Site) {
    let sandbox = site.start().await;
    for message in ["F", "two", "X"] {
        client(&sandbox).inject(&[message]).await.unwrap();
        sandbox.bake().await.unwrap();
    }
    sandbox.shutdown().await;
}

async fn refusal(site: &Site) -> SandboxError {
    Sandbox::start(site.config()).await.err().expect("it is refused")
}

/// Overwrites bytes of a file wherever it says `what`, and answers how often that was.
fn overwrite(path: &Path, what: &[u8]) -> usize {
    let mut bytes = std::fs::read(path).unwrap();
    let places: Vec<usize> =
        (0..bytes.len() - what.len()).filter(|at| bytes[*at..].starts_with(what)).collect();
    for at in &places {
        bytes[*at] ^= 0x20;
    }
    std::fs::write(path, bytes).unwrap();
    places.len()
}

#[tokio::test]
async fn a_damaged_file_is_named_and_refused_and_stays_as_it_is() {
    let site = Site::new();
    chain(&site).await;
    for name in ["l1.redb", "rollup-node.redb"] {
        let path = site.data_dir().join(name);
        let whole = std::fs::read(&path).unwrap();
        let damages: [(&str, &dyn Fn()); 4] = [
            ("cut in half", &|| std::fs::write(&path, &whole[..whole.len() / 2]).unwrap()),
            ("one byte short", &|| std::fs::write(&path, &whole[..whole.len() - 1]).unwrap()),
            ("empty", &|| std::fs::write(&path, []).unwrap()),
            // The word is the name of a table in both.
            ("overwritten", &|| assert!(overwrite(&path, b"levels") > 0)),
        ];
        for (damage, act) in damages {
            act();
            let damaged = std::fs::read(&path).unwrap();
            let error = refusal(&site).await;
            let (SandboxError::Chain(cause) | SandboxError::Node(NodeError::Store(cause))) = &error else {
                panic!("{name} {damage}: {error}")
            };
            assert!(
                matches!(cause, StoreError::Corrupt { path: named, .. } if *named == path),
                "{damage}: {error}"
            );
            assert!(error.to_string().contains(name), "{error}");
            assert!(std::fs::read(&path).unwrap() == damaged, "{name} {damage}: it was written to");
            std::fs::write(&path, &whole).unwrap();
        }
    }
    // With the files as they were, all goes on.
    let sandbox = site.start().await;
    sandbox.bake().await.unwrap();
    assert_eq!(client(&sandbox).durable_value(BlockId::Head, "/count").await.unwrap(), Some(count(15)));
    sandbox.shutdown().await;
}

#[tokio::test]
async fn a_value_that_rotted_is_noticed_before_anybody_reads_it() {
    let site = Site::new();
    let sandbox = site.start().await;
    client(&sandbox).inject(&["remember these words"]).await.unwrap();
    sandbox.bake().await.unwrap();
    sandbox.shutdown().await;
    let path = site.data_dir().join("rollup-node.redb");
    assert!(overwrite(&path, b"remember these words") > 0);
    let error = refusal(&site).await;
    assert!(matches!(error, SandboxError::Node(NodeError::Store(StoreError::Corrupt { .. }))), "{error}");
}

#[tokio::test]
async fn a_preimage_with_other_bytes_halts_the_node_before_the_level_and_stays_as_it_is() {
    let site = Site::new();
    let sandbox = site.start().await;
    let node = client(&sandbox);
    sandbox.bake().await.unwrap();
    site.provide_preimage();
    let path = site.path().join("preimages").join(hex::encode(reveal_hash(PREIMAGE)));
    for wrong in [b"something else".as_slice(), &PREIMAGE[..PREIMAGE.len() - 1], b"", &[0; 5_000]] {
        std::fs::write(&path, wrong).unwrap();
        node.inject(&["P"]).await.unwrap();
        let error = sandbox.bake().await.unwrap_err();
        let SandboxError::Halted(halted) = &error else { panic!("{error}") };
        let NodeError::Preimage { hash, .. } = &**halted else { panic!("{halted}") };
        assert_eq!(*hash.as_bytes(), reveal_hash(PREIMAGE));
        assert_eq!(std::fs::read(&path).unwrap(), wrong, "it is not ours to mend");
        assert_eq!(node.durable_value(BlockId::Head, "/count").await.unwrap(), Some(count(3)));
    }
    site.provide_preimage();
    sandbox.bake().await.unwrap();
    assert_eq!(node.durable_value(BlockId::Head, "/revealed").await.unwrap().unwrap(), PREIMAGE);
    sandbox.shutdown().await;
}
