use super::super::limits::LEVEL_BYTES_MAX;
use super::*;
use std::path::PathBuf;

fn at(seconds: u64) -> Timestamp {
    Timestamp::new(seconds)
}

fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("l1.redb");
    (folder, path)
}

fn externals(payloads: &[&[u8]]) -> Vec<NewMessage> {
    payloads.iter().map(|payload| NewMessage::external(payload)).collect()
}

#[test]
fn blocks_follow_each_other_and_hold_their_messages() {
    let (_folder, path) = folder();
    let chain = Chain::open(&path, at(100)).unwrap();
    let genesis = chain.head();
    assert_eq!((genesis.level, genesis.timestamp), (L1Level::ZERO, at(100)));
    chain.inject(externals(&[b"one", b"two"])).unwrap();
    chain.inject(vec![NewMessage::raw(vec![0, 9])]).unwrap();
    let first = chain.bake(at(101)).unwrap();
    assert_eq!(first.predecessor, genesis.hash);
    assert_eq!(first.messages, [b"\x01one".to_vec(), b"\x01two".to_vec(), vec![0, 9]]);
    let second = chain.bake(at(90)).unwrap();
    assert!(second.messages.is_empty(), "each message once");
    assert_eq!(second.timestamp, at(101), "time does not run backwards");
    assert_eq!(chain.block_at(L1Level::new(1)).unwrap().unwrap(), first);
    assert_eq!(chain.block_at(L1Level::new(3)).unwrap(), None);
    assert_eq!(chain.block(first.hash).unwrap().unwrap(), first);
    assert_eq!(chain.block(L1BlockHash::new([9; 32])).unwrap(), None);
}

#[test]
fn a_head_is_final_after_two_levels() {
    let (_folder, path) = folder();
    let chain = Chain::open(&path, at(1)).unwrap();
    let finals: Vec<u32> = (0..4)
        .map(|_| {
            chain.bake(at(1)).unwrap();
            chain.finalized_level().get()
        })
        .collect();
    assert_eq!(finals, [0, 0, 1, 2]);
}

#[test]
fn what_was_promised_survives_a_crash() {
    let (_folder, path) = folder();
    let before = Chain::open(&path, at(100)).unwrap();
    before.inject(externals(&[b"included"])).unwrap();
    before.bake(at(101)).unwrap();
    before.bake(at(102)).unwrap();
    let ids = before.inject(externals(&[b"waiting", b"later"])).unwrap();
    let (head, pending) = (before.head(), before.pending());
    // Nothing is told to the chain before it goes: what counts is on disk already.
    drop(before);

    let after = Chain::open(&path, at(999)).unwrap();
    assert_eq!(after.head(), head);
    assert_eq!(after.pending(), pending);
    assert_eq!(pending.iter().map(|message| message.id).collect::<Vec<_>>(), ids);
    let next = after.bake(at(103)).unwrap();
    assert_eq!(next.predecessor, head.hash);
    assert_eq!(next.messages, [b"\x01waiting".to_vec(), b"\x01later".to_vec()]);
    assert_eq!(after.block_at(L1Level::ZERO).unwrap().unwrap().timestamp, at(100));
    let named = after.inject(externals(&[b"waiting"])).unwrap();
    assert!(!ids.contains(&named[0]), "counters are not used twice");
}

#[test]
fn a_level_is_full_at_512_kib_and_the_rest_waits() {
    let (_folder, path) = folder();
    let chain = Chain::open(&path, at(1)).unwrap();
    let payload = vec![7; 4_095];
    let messages: Vec<_> = (0..200).map(|_| NewMessage::external(&payload)).collect();
    chain.inject(messages).unwrap();
    let first = chain.bake(at(1)).unwrap();
    let second = chain.bake(at(1)).unwrap();
    assert_eq!(first.messages.len(), LEVEL_BYTES_MAX / 4_100);
    assert_eq!(first.messages.len() + second.messages.len(), 200);
    assert!(chain.pending().is_empty());
}

#[test]
fn a_refused_message_takes_its_companions_with_it() {
    let (_folder, path) = folder();
    let chain = Chain::open(&path, at(1)).unwrap();
    let refused = chain.inject(vec![NewMessage::external(b"fine"), NewMessage::external(&[0; 4_096])]);
    assert!(matches!(refused, Err(InjectError::Refused(Refused::TooLarge { index: 1, .. }))));
    drop(chain);
    assert!(Chain::open(&path, at(1)).unwrap().pending().is_empty());
}

#[test]
fn heads_are_told_after_they_are_stored() {
    let (_folder, path) = folder();
    let chain = Chain::open(&path, at(1)).unwrap();
    let mut heads = chain.watch_head();
    let block = chain.bake(at(2)).unwrap();
    assert!(heads.has_changed().unwrap());
    assert_eq!(*heads.borrow_and_update(), block);
    assert_eq!(read_head(&chain.store).unwrap(), *block);
}

#[test]
fn damage_is_named() {
    let (_folder, path) = folder();
    let chain = Chain::open(&path, at(1)).unwrap();
    let block = chain.bake(at(2)).unwrap();
    chain.bake(at(3)).unwrap();
    chain
        .store
        .write(|transaction| {
            let mut encoded = block.encode();
            encoded[40] ^= 1;
            transaction.open_table(BLOCKS)?.insert(block.hash.as_bytes(), encoded.as_slice())?;
            Ok(())
        })
        .unwrap();
    let error = chain.block_at(block.level).unwrap_err();
    assert!(error.to_string().contains(&block.hash.to_string()), "{error}");
}

#[test]
fn old_blocks_are_forgotten_in_batches_but_the_first() {
    let (_folder, path) = folder();
    let chain = Chain::open(&path, at(1)).unwrap();
    let genesis = chain.head();
    let count = PRUNED_AT_ONCE as u32 + 9;
    let blocks: Vec<_> = (1..=count).map(|_| chain.bake(at(1)).unwrap()).collect();
    let kept = |level: u32| chain.block_at(L1Level::new(level)).unwrap().is_some();
    chain.prune(L1Level::new(PRUNED_AT_ONCE as u32)).unwrap();
    assert!((0..=count).all(kept), "not a batch yet");
    chain.prune(chain.head().level).unwrap();
    let first_kept = PRUNED_AT_ONCE as u32 + 1;
    assert!((1..=count).all(|level| kept(level) == (level >= first_kept)));
    assert_eq!(chain.block(blocks[0].hash).unwrap(), None);
    assert_eq!(chain.block_at(L1Level::ZERO).unwrap().unwrap(), genesis);
    drop(chain);
    assert_eq!(Chain::open(&path, at(2)).unwrap().head().level.get(), count);
}
