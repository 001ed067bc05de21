use super::super::contracts::{DEPOSITOR, account_of};
use super::super::limits::{CONTENTS_MAX, LEVEL_BYTES_MAX, PRUNED_AT_ONCE};
use super::tables::{BLOCKS, read_head};
use super::*;
use millrace_wire::address::{Curve, PublicKeyHash};
use std::path::PathBuf;

fn at(seconds: u64) -> Timestamp {
    Timestamp::new(seconds)
}

fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("l1.redb");
    (folder, path)
}

fn open(path: &Path, now: Timestamp) -> Chain {
    let endowment = [(account_of(DEPOSITOR), Mutez::new(10_000))];
    Chain::open(path, now, Rules::default(), &endowment).unwrap()
}

fn externals(payloads: &[&[u8]]) -> Vec<NewMessage> {
    payloads.iter().map(|payload| NewMessage::external(payload)).collect()
}

#[test]
fn blocks_follow_each_other_and_hold_their_messages() {
    let (_folder, path) = folder();
    let chain = open(&path, at(100));
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
    let chain = open(&path, at(1));
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
    let before = open(&path, at(100));
    before.inject(externals(&[b"included"])).unwrap();
    before.bake(at(101)).unwrap();
    before.bake(at(102)).unwrap();
    let ids = before.inject(externals(&[b"waiting", b"later"])).unwrap();
    let (head, pending) = (before.head(), before.pending());
    // Nothing is told to the chain before it goes: what counts is on disk already.
    drop(before);

    let after = open(&path, at(999));
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
    let chain = open(&path, at(1));
    let payload = vec![7; 4_096];
    let messages: Vec<_> = (0..200).map(|_| NewMessage::raw(payload.clone())).collect();
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
    let chain = open(&path, at(1));
    let refused = chain.inject(vec![NewMessage::external(b"fine"), NewMessage::external(&[0; 4_096])]);
    assert!(matches!(refused, Err(InjectError::Refused(Refused::TooLarge { index: 1, .. }))));
    drop(chain);
    assert!(open(&path, at(1)).pending().is_empty());
}

#[test]
fn heads_are_told_after_they_are_stored() {
    let (_folder, path) = folder();
    let chain = open(&path, at(1));
    let mut heads = chain.watch_head();
    let block = chain.bake(at(2)).unwrap();
    assert!(heads.has_changed().unwrap());
    assert_eq!(*heads.borrow_and_update(), block);
    assert_eq!(read_head(&chain.store).unwrap(), *block);
}

#[test]
fn damage_is_named() {
    let (_folder, path) = folder();
    let chain = open(&path, at(1));
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
    let chain = open(&path, at(1));
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
    assert_eq!(open(&path, at(2)).head().level.get(), count);
}

fn call(account: u8, messages: &[&[u8]], effects: &[Effect]) -> NewCall {
    let source = match account {
        0 => DEPOSITOR,
        account => PublicKeyHash { curve: Curve::Ed25519, hash: [account; 20] },
    };
    let messages = messages.iter().map(|message| message.to_vec()).collect();
    NewCall { source, messages, effects: effects.to_vec() }
}

fn reorganisation(levels: u32) -> Reorganisation {
    Reorganisation { levels, new_levels: levels, fate: None, beyond_finality: false }
}

/// What the file and the memory of a chain have: head, queue, balance of the depositor and of account 1.
fn all(chain: &Chain) -> (Arc<Block>, Vec<Pending>, [Mutez; 2]) {
    let one = PublicKeyHash { curve: Curve::Ed25519, hash: [1; 20] };
    let balances = [DEPOSITOR, one].map(|key| chain.balance(&account_of(key)));
    (chain.head(), chain.pending(), balances)
}

#[test]
fn an_operation_that_fails_pays_its_fee_and_makes_no_message() {
    let (_folder, path) = folder();
    let chain = open(&path, at(1));
    let (rich, one) =
        (account_of(DEPOSITOR), account_of(PublicKeyHash { curve: Curve::Ed25519, hash: [1; 20] }));
    let pay = |amount| Effect::Pay { from: rich, to: Some(one), amount: Mutez::new(amount) };
    chain.call(call(0, &[b"aa"], &[pay(1_000)])).unwrap();
    chain.call(call(0, &[b"bb"], &[pay(10_000)])).unwrap();
    chain.call(call(2, &[b"cc"], &[])).unwrap();
    let first = chain.bake(at(1)).unwrap();
    assert_eq!(first.messages, [b"aa".to_vec()], "account 2 cannot pay the fee");
    let contents = chain.contents(first.level).unwrap().unwrap();
    let outcomes: Vec<_> = contents.operations.iter().map(|included| included.failure).collect();
    assert_eq!(outcomes, [None, Some(Failed::Balance)]);
    let fee = contents.operations[0].fee.get();
    assert_eq!((contents.operations[1].fee, chain.balance(&one)), (Mutez::ZERO, Mutez::new(1_000)));
    assert_eq!(chain.balance(&rich).get(), 9_000 - fee);
    let second = chain.bake(at(1)).unwrap();
    assert!(second.messages.is_empty(), "more than there is");
    assert_eq!(chain.balance(&rich).get(), 9_000 - 2 * fee);
    let before = all(&chain);
    drop(chain);
    assert_eq!(all(&open(&path, at(1))), before);
}

#[test]
fn a_reorganisation_takes_everything_back_and_does_it_again() {
    let (_folder, path) = folder();
    let chain = open(&path, at(1));
    let (rich, one) =
        (account_of(DEPOSITOR), account_of(PublicKeyHash { curve: Curve::Ed25519, hash: [1; 20] }));
    let pay = Effect::Pay { from: rich, to: Some(one), amount: Mutez::new(1_000) };
    let execute = Effect::Execute { level: L1Level::new(1), index: 0 };
    let fork = chain.bake(at(2)).unwrap();
    let untouched = all(&chain).2;
    chain.inject(externals(&[b"one"])).unwrap();
    chain.call(call(0, &[b"call"], &[pay, execute])).unwrap();
    let abandoned = chain.bake(at(3)).unwrap();
    chain.inject(externals(&[b"two"])).unwrap();
    let late = chain.bake(at(4)).unwrap();
    let done = all(&chain).2;

    let head = chain.reorganise(reorganisation(2), at(5)).unwrap();
    let first = chain.block_at(abandoned.level).unwrap().unwrap();
    assert_eq!((head.level, head.predecessor), (late.level, first.hash));
    assert_eq!((first.predecessor, first.timestamp), (fork.hash, at(5)));
    assert_ne!(first.hash, abandoned.hash);
    assert_eq!(first.messages, [b"\x01one".to_vec(), b"call".to_vec(), b"\x01two".to_vec()]);
    assert!(head.messages.is_empty());
    assert_eq!(all(&chain).2, done, "paid once");
    assert!(chain.is_executed(L1Level::new(1), 0));
    assert_eq!(chain.block(abandoned.hash).unwrap().unwrap(), abandoned, "still known by its hash");

    // Once more, and everything is lost: as if it had never been.
    let lost = Reorganisation { new_levels: 3, fate: Some(Fate::Dropped), ..reorganisation(2) };
    let head = chain.reorganise(lost, at(5)).unwrap();
    assert_eq!(head.level.get(), 4);
    assert!((2..=4).all(|level| chain.block_at(L1Level::new(level)).unwrap().unwrap().messages.is_empty()));
    assert_eq!(all(&chain).2, untouched);
    assert!(!chain.is_executed(L1Level::new(1), 0) && chain.pending().is_empty());
    let before = all(&chain);
    drop(chain);
    assert_eq!(all(&open(&path, at(9))), before, "the disk has the same");
}

#[test]
fn equal_blocks_of_two_branches_have_two_names() {
    let (_folder, path) = folder();
    let chain = open(&path, at(1));
    let mut names = vec![chain.bake(at(1)).unwrap().hash];
    for _ in 0..3 {
        names.push(chain.reorganise(reorganisation(1), at(1)).unwrap().hash);
    }
    drop(chain);
    names.push(open(&path, at(1)).reorganise(reorganisation(1), at(1)).unwrap().hash);
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 5);
}

#[test]
fn operations_can_come_back_later() {
    let (_folder, path) = folder();
    let chain = open(&path, at(1));
    chain.inject(externals(&[b"one"])).unwrap();
    chain.bake(at(1)).unwrap();
    let fate = Some(Fate::Delayed { levels: 2 });
    chain.reorganise(Reorganisation { fate, ..reorganisation(1) }, at(1)).unwrap();
    let sizes: Vec<_> = (0..3).map(|_| chain.bake(at(1)).unwrap().messages.len()).collect();
    assert_eq!(sizes, [0, 1, 0], "at level 3 instead of 1");
}

#[test]
fn final_blocks_stay_and_impossible_reorganisations_change_nothing() {
    let (_folder, path) = folder();
    let chain = open(&path, at(1));
    let refused = chain.reorganise(reorganisation(1), at(1));
    assert!(matches!(refused, Err(ReorganisationError::Levels { available: 0 })));
    for _ in 0..CONTENTS_MAX + 5 {
        chain.bake(at(1)).unwrap();
    }
    let head = chain.head();
    let deep = |levels| Reorganisation { beyond_finality: true, ..reorganisation(levels) };
    let fewer = Reorganisation { new_levels: 1, ..reorganisation(2) };
    assert!(matches!(chain.reorganise(reorganisation(3), at(1)), Err(ReorganisationError::Final)));
    assert!(matches!(chain.reorganise(fewer, at(1)), Err(ReorganisationError::NewLevels { least: 2 })));
    assert!(matches!(chain.reorganise(reorganisation(0), at(1)), Err(ReorganisationError::Levels { .. })));
    let refused = chain.reorganise(deep(CONTENTS_MAX + 1), at(1));
    assert!(matches!(refused, Err(ReorganisationError::Levels { available: CONTENTS_MAX })));
    assert_eq!(chain.head(), head);
    assert_eq!(chain.reorganise(deep(CONTENTS_MAX), at(1)).unwrap().level, head.level);
    let kept = chain.block_at(L1Level::new(5)).unwrap().unwrap();
    assert_eq!(chain.block_at(L1Level::new(6)).unwrap().unwrap().predecessor, kept.hash);
}

#[test]
fn abandoned_blocks_are_forgotten_in_the_end() {
    let (_folder, path) = folder();
    let chain = open(&path, at(1));
    let abandoned = chain.bake(at(1)).unwrap();
    chain.reorganise(reorganisation(1), at(1)).unwrap();
    for _ in 0..=PRUNED_AT_ONCE {
        chain.bake(at(1)).unwrap();
    }
    assert!(chain.block(abandoned.hash).unwrap().is_some());
    chain.prune(chain.head().level).unwrap();
    assert_eq!(chain.block(abandoned.hash).unwrap(), None);
}

#[test]
fn operations_are_lost_or_late_when_that_was_asked_for() {
    let (_folder, path) = folder();
    let chain = open(&path, at(1));
    chain.set_faults(|faults| faults.arriving = Some((Fate::Dropped, 1)));
    chain.inject(externals(&[b"lost", b"lost too"])).unwrap();
    chain.set_faults(|faults| faults.arriving = Some((Fate::Delayed { levels: 1 }, 1)));
    chain.inject(externals(&[b"late"])).unwrap();
    let ids = chain.inject(externals(&[b"taken", b"later", b"soon"])).unwrap();
    assert!(chain.meet(ids[0], Fate::Dropped).unwrap());
    assert!(!chain.meet(ids[0], Fate::Dropped).unwrap(), "it is gone");
    assert!(chain.meet(ids[1], Fate::Delayed { levels: 2 }).unwrap());
    drop(chain);
    let chain = open(&path, at(1));
    let levels: Vec<_> = (0..3).map(|_| chain.bake(at(1)).unwrap().messages.concat()).collect();
    assert_eq!(levels, [b"\x01soon".to_vec(), b"\x01late".to_vec(), b"\x01later".to_vec()]);
}

#[test]
fn a_rule_can_hold_every_operation_back() {
    let (_folder, path) = folder();
    let rules = Rules { inclusion_delay_levels: 2, batcher_keys: 1 };
    let chain = Chain::open(&path, at(1), rules, &[]).unwrap();
    chain.inject(externals(&[b"one"])).unwrap();
    let sizes: Vec<_> = (0..3).map(|_| chain.bake(at(1)).unwrap().messages.len()).collect();
    assert_eq!(sizes, [0, 0, 1]);
}

#[test]
fn full_levels_leave_little_room() {
    let (_folder, path) = folder();
    let chain = open(&path, at(1));
    let full = FullLevels { levels: 2, free_bytes: 0, messages: true };
    chain.set_faults(|faults| faults.full = Some(full));
    chain.inject(externals(&[b"waits"])).unwrap();
    for _ in 0..2 {
        let block = chain.bake(at(1)).unwrap();
        assert_eq!(block.messages.len(), LEVEL_BYTES_MAX / 4_100);
        assert!(block.messages.iter().all(|message| message.len() == 4_096));
    }
    assert_eq!(chain.bake(at(1)).unwrap().messages, [b"\x01waits".to_vec()]);
}

#[test]
fn the_clock_can_be_moved_and_times_never_go_back() {
    let (_folder, path) = folder();
    let chain = open(&path, at(1));
    assert_eq!(chain.skip_clock(1_000).unwrap(), 1_000);
    assert_eq!(chain.bake(at(2)).unwrap().timestamp, at(1_002));
    drop(chain);
    let chain = open(&path, at(3));
    assert_eq!(chain.bake(at(3)).unwrap().timestamp, at(1_003), "after a restart too");
    assert_eq!(chain.skip_clock(-500).unwrap(), 500);
    assert_eq!(chain.bake(at(4)).unwrap().timestamp, at(1_003));
    assert_eq!(chain.bake(at(600)).unwrap().timestamp, at(1_100));
    assert_eq!(chain.skip_clock(i64::MAX).unwrap(), CLOCK_OFFSET_S_MAX);
    assert_eq!(chain.skip_clock(i64::MIN).unwrap(), -CLOCK_OFFSET_S_MAX);
    chain.bake(at(1)).unwrap();
}
