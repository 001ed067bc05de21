//! Stopping, crashing and starting again.

use crate::kernel::{Site, client, count};
use millrace_l1::client::BlockId;
use millrace_l1::sandbox::rollup_node::NodeError;
use millrace_l1::sandbox::{Phase, Sandbox, SandboxConfig, SandboxError, StoreError};
use millrace_primitives::L1Level;

/// All that the RPC tells of the durable storage at some levels.
async fn look(sandbox: &Sandbox, levels: u32) -> Vec<(Vec<u8>, Option<Vec<u8>>)> {
    let node = client(sandbox);
    let mut seen = Vec::new();
    for level in 1..=levels {
        let id = BlockId::Level(L1Level::new(level));
        let count = node.durable_value(id, "/count").await.unwrap().unwrap();
        seen.push((count, node.durable_value(id, "/messages/last").await.unwrap()));
    }
    seen
}

async fn fill(sandbox: &Sandbox) {
    let node = client(sandbox);
    for message in ["F", "two", "X", "four"] {
        node.inject(&[message]).await.unwrap();
        sandbox.bake().await.unwrap();
    }
    node.inject(&["waits"]).await.unwrap();
}

#[tokio::test]
async fn an_orderly_stop_loses_nothing() {
    let site = Site::new();
    let sandbox = site.start().await;
    fill(&sandbox).await;
    let (seen, head) = (look(&sandbox, 4).await, sandbox.head());
    sandbox.shutdown().await;

    let sandbox = site.start().await;
    assert_eq!(sandbox.head(), head);
    assert_eq!(sandbox.node_status().head.record.level, head.level);
    assert_eq!(look(&sandbox, 4).await, seen);
    let next = sandbox.bake().await.unwrap();
    assert_eq!((next.predecessor, next.messages.as_slice()), (head.hash, [b"\x01waits".to_vec()].as_slice()));
    assert_eq!(client(&sandbox).durable_value(BlockId::Head, "/count").await.unwrap(), Some(count(20)));
    sandbox.shutdown().await;
}

#[tokio::test]
async fn a_crash_loses_nothing() {
    let site = Site::new();
    let sandbox = site.start().await;
    fill(&sandbox).await;
    let (seen, head, address) = (look(&sandbox, 4).await, sandbox.head(), sandbox.rollup_address());
    let image = site.crash_image();
    drop(sandbox);

    let sandbox = image.start().await;
    assert_eq!((sandbox.head(), sandbox.rollup_address()), (head.clone(), address));
    assert_eq!(look(&sandbox, 4).await, seen);
    let next = sandbox.bake().await.unwrap();
    assert_eq!((next.predecessor, next.messages.as_slice()), (head.hash, [b"\x01waits".to_vec()].as_slice()));
    sandbox.shutdown().await;
}

#[tokio::test]
async fn levels_that_were_not_processed_are_run_again_with_the_same_result() {
    let site = Site::new();
    let sandbox = site.start().await;
    let node = client(&sandbox);
    node.inject(&["one"]).await.unwrap();
    sandbox.bake().await.unwrap();
    let behind = site.crash_image();
    node.inject(&["F two"]).await.unwrap();
    sandbox.bake().await.unwrap();
    node.inject(&["three"]).await.unwrap();
    sandbox.bake().await.unwrap();
    let (seen, hash) = (look(&sandbox, 3).await, sandbox.node_status().head.durable.hash());
    let ahead = site.crash_image();
    sandbox.shutdown().await;

    // The layer 1 at level 3, the rollup node still at level 1.
    std::fs::copy(ahead.data_dir().join("l1.redb"), behind.data_dir().join("l1.redb")).unwrap();
    let sandbox = behind.start().await;
    let mut progress = sandbox.progress();
    let done = progress.wait_for(|progress| progress.processed == L1Level::new(3)).await.unwrap().clone();
    assert!(matches!(done.phase, Phase::Following), "{done}");
    assert_eq!(look(&sandbox, 3).await, seen);
    assert_eq!(sandbox.node_status().head.durable.hash(), hash, "to the last byte");
    sandbox.shutdown().await;
}

#[tokio::test]
async fn another_installer_or_a_second_sandbox_is_refused() {
    let site = Site::new();
    let sandbox = site.start().await;
    let second = Sandbox::start(site.config()).await;
    assert!(matches!(second.err(), Some(SandboxError::Chain(StoreError::InUse))));
    let address = sandbox.rollup_address();
    sandbox.shutdown().await;

    let mut wasm = std::fs::read(site.installer()).unwrap();
    wasm.extend_from_slice(&[0, 2, 1, b'x']); // a custom section
    std::fs::write(site.installer(), wasm).unwrap();
    let other = Sandbox::start(site.config()).await.err().unwrap();
    let SandboxError::Node(NodeError::OtherRollup { stored, given }) = &other else { panic!("{other}") };
    assert!(stored != given && stored.starts_with("sr1") && given.starts_with("sr1"));
    let fresh = SandboxConfig { data_dir: site.data_dir().join("fresh"), ..site.config() };
    let fresh = Sandbox::start(fresh).await.unwrap();
    assert_ne!(fresh.rollup_address(), address);
    fresh.shutdown().await;
}

#[tokio::test]
async fn what_cannot_be_used_is_named() {
    let site = Site::new();
    let missing = SandboxConfig { installer: site.data_dir().join("nothing.wasm"), ..site.config() };
    let error = Sandbox::start(missing).await.err().unwrap();
    assert!(matches!(&error, SandboxError::File { path, .. } if path.ends_with("nothing.wasm")), "{error}");
    let open = SandboxConfig { rpc_addr: ([0, 0, 0, 0], 0).into(), ..site.config() };
    assert!(matches!(Sandbox::start(open).await.err(), Some(SandboxError::NotLoopback(_))));
    let sandbox = site.start().await;
    let taken = sandbox.endpoint().strip_prefix("http://").unwrap().parse().unwrap();
    let taken = SandboxConfig { rpc_addr: taken, data_dir: site.data_dir().join("other"), ..site.config() };
    assert!(matches!(Sandbox::start(taken).await.err(), Some(SandboxError::Listen { .. })));
    sandbox.shutdown().await;
}

#[tokio::test]
async fn levels_come_by_themselves_when_a_level_time_is_set() {
    let site = Site::new();
    let config = SandboxConfig { level_time_ms: Some(1), ..site.config() };
    let sandbox = Sandbox::start(config).await.unwrap();
    let mut progress = sandbox.progress();
    progress.wait_for(|progress| progress.processed >= L1Level::new(5)).await.unwrap();
    sandbox.shutdown().await;
    let last = progress.borrow_and_update().processed;
    assert!(progress.changed().await.is_err(), "nothing more is told after the end");

    let sandbox = site.start().await;
    assert!(sandbox.head().level >= last);
    let level = sandbox.head().level;
    let mut progress = sandbox.progress();
    progress.wait_for(|progress| progress.processed == level).await.unwrap();
    let value = client(&sandbox).durable_value(BlockId::Head, "/count").await.unwrap();
    assert_eq!(value, Some(count(3 * level.get())), "no level twice, none left out");
    sandbox.shutdown().await;
}

#[tokio::test]
async fn a_rollup_node_of_another_chain_is_refused() {
    let site = Site::new();
    let sandbox = site.start().await;
    sandbox.bake().await.unwrap();
    sandbox.shutdown().await;
    std::fs::remove_file(site.data_dir().join("l1.redb")).unwrap();
    let error = Sandbox::start(site.config()).await.err().unwrap();
    assert!(matches!(&error, SandboxError::Node(NodeError::OtherChain { .. })), "{error}");
}

#[tokio::test]
async fn a_branch_deeper_than_what_is_kept_is_refused_and_loses_nothing() {
    use millrace_l1::sandbox::limits::STATES_MAX;
    let site = Site::new();
    let sandbox = site.start().await;
    sandbox.bake().await.unwrap();
    let other = site.crash_image();
    // Two chains that have no block of the last levels in common.
    let grow = async |sandbox: &Sandbox, message: &str| {
        client(sandbox).inject(&[message]).await.unwrap();
        for _ in 0..STATES_MAX + 2 {
            sandbox.bake().await.unwrap();
        }
    };
    grow(&sandbox, "here").await;
    sandbox.shutdown().await;
    let elsewhere = other.start().await;
    grow(&elsewhere, "there").await;
    elsewhere.shutdown().await;
    let (ours, theirs) = (site.data_dir().join("l1.redb"), other.data_dir().join("l1.redb"));
    let kept = std::fs::read(&ours).unwrap();
    std::fs::copy(&theirs, &ours).unwrap();
    let error = Sandbox::start(site.config()).await.err().unwrap();
    assert!(matches!(&error, SandboxError::Node(NodeError::OtherChain { .. })), "{error}");
    // With the chain that it knows, the node goes on.
    std::fs::write(&ours, kept).unwrap();
    let sandbox = site.start().await;
    let level = sandbox.bake().await.unwrap().level.get();
    let value = client(&sandbox).durable_value(BlockId::Head, "/count").await.unwrap();
    assert_eq!(value, Some(count(3 * level + 1)));
    sandbox.shutdown().await;
}

#[tokio::test]
async fn a_reorganisation_goes_as_deep_as_what_is_kept_and_no_deeper() {
    use millrace_l1::client::ClientError;
    use millrace_l1::control::Control;
    use millrace_l1::control::faults::Reorg;
    use millrace_l1::sandbox::limits::CONTENTS_MAX;
    let site = Site::new();
    let sandbox = site.start().await;
    let control = Control::new(&sandbox.endpoint()).unwrap();
    control.bake(CONTENTS_MAX + 5).await.unwrap();
    let reorg = |levels| Reorg { levels, new_levels: None, operations: None, beyond_finality: true };
    let refused = control.reorganise(&reorg(CONTENTS_MAX + 1)).await.unwrap_err();
    let ClientError::Status { status: 400, trace, .. } = &refused else { panic!("{refused}") };
    assert_eq!(trace.ids, ["sandbox.bad_levels"]);
    let head = sandbox.head();
    control.reorganise(&reorg(CONTENTS_MAX)).await.unwrap();
    assert_ne!(sandbox.head().hash, head.hash);
    let level = sandbox.bake().await.unwrap().level.get();
    let value = client(&sandbox).durable_value(BlockId::Head, "/count").await.unwrap();
    assert_eq!(value, Some(count(3 * level)), "every level once");
    sandbox.shutdown().await;
}
