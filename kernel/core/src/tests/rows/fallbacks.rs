//! Rows 42 to 44 and 49: kernels that are no good, and migrations.

use super::{
    super::{
        chain::{ADMIN, Chain, TICKETER, User, decision, delay, deposit},
        kernels,
    },
    upgrades::{DAY_S, force},
};
use millrace_host::Budget;
use millrace_layout::{
    parameters::{Parameters, Upgrades},
    sequencers, upgrade,
};
use millrace_primitives::{Address, Ticks, Timestamp};
use millrace_upgrade::Refusal;
use millrace_wire::governance::Decision;

/// A chain in which everything waits: an item, a blueprint that lacks one before it, a further upgrade.
fn busy() -> Chain {
    let mut chain = Chain::with_bridges();
    chain.block(vec![User::new(1).transfer(0, Address::zero(), 1)]);
    let further = chain.announce(ADMIN, b"much later", chain.now().saturating_add(DAY_S));
    let future = chain.after(7, chain.head().hash, vec![User::new(2).transfer(0, Address::zero(), 1)]);
    let waiting = [
        vec![further, deposit(TICKETER, &[0xca; 20], 1), deposit(TICKETER, &[0xcb; 20], 2)],
        delay(&User::new(1).transfer(1, Address::zero(), 2)),
        chain.seal(&future),
    ];
    chain.run(&waiting.concat());
    assert_eq!(chain.waiting().len(), 3);
    chain
}

/// What a kernel that failed must have left as it was.
fn left_of(chain: &Chain) -> Vec<(String, Vec<u8>)> {
    let passing = ["/tmp", "/base/upgrades"];
    let is_kept = |key: &str| !passing.iter().any(|prefix| key.starts_with(prefix));
    chain.world().into_iter().filter(|(key, _)| is_kept(key)).collect()
}

/// A level dies at every host call in turn; what comes after is sent again.
fn deaths_of(name: &[u8], check: impl Fn(&Chain, u64)) {
    let mut chain = busy();
    let announced = chain.announce(ADMIN, name, Timestamp::ZERO);
    chain.run(&[announced]);
    let messages = chain.seal(&chain.next(vec![]));
    let mut undisturbed = chain.clone();
    let calls = undisturbed.run_counting(&messages);
    assert!(calls > 60, "{calls}");
    for fatal in 0..calls {
        let mut chain = chain.clone();
        chain.run_dying(fatal, &messages);
        for _ in 0..3 {
            chain.run(&messages);
        }
        check(&chain, fatal);
        assert_eq!((chain.waiting().len(), chain.upgrades_waiting()), (3, 1), "call {fatal}");
        assert_eq!(chain.host.value("/upgrade/kernel"), None, "call {fatal}");
        chain.block(vec![]);
        chain.run(&[]);
        assert_eq!(chain.host.values_from("/upgrade/backup/base").count(), 0, "call {fatal}");
        assert_eq!(upgrade::handover().unwrap().read(&chain.host).unwrap(), None, "call {fatal}");
    }
}

#[test]
fn row_42_a_kernel_that_is_no_good_gives_way_and_the_next_one_takes_over() {
    let rows: [(&[u8], Refusal); 6] = [
        (b"does not start", Refusal::Pvm),
        (b"fails to migrate", Refusal::Migration),
        (b"traps in a migration", Refusal::MigrationTrapped),
        (b"migrates for ever", Refusal::MigrationTooLong),
        (b"skips a layout", Refusal::UnknownVersion),
        (b"makes no block", Refusal::Silent),
    ];
    for (name, refusal) in rows {
        let mut chain = busy();
        chain.budget = Budget::new(Ticks::new(3_000_000_000));
        let mut undisturbed = chain.clone();
        let announced = chain.announce(ADMIN, name, Timestamp::ZERO);
        let blueprint = chain.next(vec![User::new(1).transfer(1, Address::zero(), 3)]);
        let messages = chain.seal(&blueprint);
        undisturbed.run(&messages);
        chain.run(&[vec![announced], messages.clone()].concat());
        let mut refusals = chain.refusals();
        for _ in 0..60 {
            if !refusals.is_empty() {
                break;
            }
            // The sequencer sends what is not confirmed.
            chain.run(&messages);
            refusals = chain.refusals();
        }
        chain.run(&messages);
        assert_eq!(refusals, [refusal.code()], "{:?}", chain.host.debug_lines());
        assert!(chain.runs_first(), "{refusal}");
        // The block is there, and nothing else has changed.
        assert_eq!(chain.head(), undisturbed.head(), "{refusal}");
        assert_eq!(left_of(&chain), left_of(&undisturbed), "{refusal}");
        // A second, good one.
        let announced = chain.announce(ADMIN, b"another", Timestamp::ZERO);
        let messages = [vec![announced], chain.seal(&chain.next(vec![]))].concat();
        chain.run(&messages);
        assert!(chain.runs(b"another"), "{refusal}");
        assert_eq!(chain.number(), 3, "{refusal}");
        assert_eq!(chain.waiting().len(), 3, "{refusal}");
    }
}

#[test]
fn row_42_a_trial_can_be_switched_off() {
    let upgrades = Upgrades { trial_levels: 0, ..Upgrades::default() };
    let mut chain = Chain::started_with(&Parameters { upgrades, ..Chain::bridged() });
    let announced = chain.announce(ADMIN, b"makes no block", Timestamp::ZERO);
    let messages = chain.seal(&chain.next(vec![User::new(1).transfer(0, Address::zero(), 3)]));
    chain.run(&[vec![announced], messages.clone()].concat());
    for _ in 0..60 {
        chain.run(&messages);
    }
    assert!(chain.runs(b"makes no block"));
    // It still hears governance, and an upgrade comes before any block is tried.
    let announced = chain.announce(ADMIN, b"another", Timestamp::ZERO);
    chain.run(&[vec![announced], messages.clone()].concat());
    chain.run(&messages);
    assert!(chain.runs(b"another"));
    assert_eq!(chain.number(), 1);
}

#[test]
fn row_42_a_kernel_without_blueprints_is_not_blamed() {
    let upgrades = Upgrades { forced_after_s: 0, ..Upgrades::default() };
    let mut chain = Chain::started_with(&Parameters { upgrades, ..Chain::bridged() });
    let announced = chain.announce(ADMIN, b"another", chain.now());
    chain.run(&[announced, force()]);
    for _ in 0..60 {
        chain.run(&[]);
    }
    assert!(chain.runs(b"another"));
    chain.block(vec![]);
    // Its block says that it makes blocks, the next level that it reads messages.
    assert!(upgrade::handover().unwrap().exists(&chain.host).unwrap(), "its trial is not over");
    chain.run(&[]);
    assert_eq!(upgrade::handover().unwrap().read(&chain.host).unwrap(), None, "its trial is over");
}

#[test]
fn row_42_a_kernel_that_traps_while_it_reads_gives_way_in_the_same_level() {
    for has_block in [true, false] {
        let mut chain = busy();
        let announced = chain.announce(ADMIN, b"traps at messages", Timestamp::ZERO);
        // In the level of the switch there is nothing left to read.
        chain.run(&[vec![announced], chain.seal(&chain.next(vec![]))].concat());
        assert!(chain.runs(b"traps at messages"));
        assert_eq!(chain.number(), 2, "it makes blocks");
        if !has_block {
            // As if it had not.
            let mut handover = upgrade::handover().unwrap().require(&chain.host).unwrap();
            handover.number = chain.head().header.number;
            upgrade::handover().unwrap().write(&mut chain.host, &handover).unwrap();
        }
        let blueprint = chain.seal(&chain.next(vec![]));
        // The message that it trapped at is lost, here that the level begins; those after it are not.
        chain.run(&[vec![deposit(TICKETER, &[0xcc; 20], 1)], blueprint].concat());
        assert_eq!(chain.refusals(), [Refusal::Reading.code()], "{:?}", chain.host.debug_lines());
        assert!(chain.runs_first());
        assert_eq!((chain.waiting().len(), chain.number()), (4, 3));
        let announced = chain.announce(ADMIN, b"another", Timestamp::ZERO);
        chain.run(&[vec![announced], chain.seal(&chain.next(vec![]))].concat());
        chain.run(&[]);
        assert!(chain.runs(b"another"));
        assert_eq!(upgrade::handover().unwrap().read(&chain.host).unwrap(), None);
    }
}

#[test]
fn row_43_a_migration_needs_nothing_that_is_optional() {
    let genesis = Chain::started_with(&Chain::bridged());
    let nobody = Chain::without_sequencer(&Chain::bridged());
    let mut bare = Chain::with_bridges();
    sequencers::key().unwrap().delete(&mut bare.host).unwrap();
    for (what, mut chain) in [("genesis", genesis), ("nobody", nobody), ("busy", busy()), ("bare", bare)] {
        let items: Vec<_> =
            chain.host.values_from("/base/delayed/items/").map(|(_, item)| item.to_vec()).collect();
        // From the second on its last block is one of the kernel's own.
        let announced = chain.announce(ADMIN, b"next but one", Timestamp::ZERO);
        let messages = [vec![announced], chain.seal(&chain.next(vec![]))].concat();
        let number = chain.number();
        // One turn a run.
        chain.budget = Budget::new(Ticks::new(1));
        chain.run(&messages);
        assert!(chain.runs(b"next but one"), "{what}");
        assert_eq!(chain.host.value("/base/storage_version"), Some(&3u64.to_be_bytes()[..]), "{what}");
        let copies: Vec<_> = chain.host.values_from("/base/copies/").map(|(_, item)| item.to_vec()).collect();
        assert_eq!(copies, items, "{what}: every item, whole");
        assert_eq!(chain.number(), number + 1, "{what}: {:?}", chain.host.debug_lines());
        assert_eq!(chain.host.values_from("/upgrade/backup/base").count(), 0, "{what}");
        chain.run(&[]);
        assert_eq!(upgrade::handover().unwrap().read(&chain.host).unwrap(), None, "{what}");
    }
}

#[test]
fn row_44_the_backup_is_out_of_reach_of_any_migration() {
    // It deletes all that a migration may touch before it fails or traps.
    for (name, refusal) in
        [(&b"fails to migrate"[..], Refusal::Migration), (b"traps in a migration", Refusal::MigrationTrapped)]
    {
        let mut chain = busy();
        let announced = chain.announce(ADMIN, name, Timestamp::ZERO);
        let before = (chain.waiting(), chain.head(), chain.supply());
        let mut late = chain.next(vec![]);
        late.number = late.number.checked_add(1).unwrap();
        let forced = [vec![announced], chain.seal(&chain.next(vec![]))].concat();
        chain.run(&forced);
        assert_eq!(chain.refusals(), [refusal.code()]);
        assert!(chain.runs_first());
        assert_eq!(chain.head().header.parent_hash, before.1.hash);
        assert_eq!((chain.waiting(), chain.supply()), (before.0, before.2));
    }
}

#[test]
fn row_49_a_migration_that_is_too_long_gives_up_before_the_inbox_is_lost() {
    let mut chain = busy();
    let announced = chain.announce(ADMIN, b"migrates for ever", Timestamp::ZERO);
    let messages = [vec![announced], chain.seal(&chain.next(vec![]))].concat();
    chain.budget = Budget::new(Ticks::new(1));
    let runs = chain.run(&messages);
    assert!(runs < 1_000, "{runs}");
    assert_eq!(chain.refusals(), [Refusal::MigrationTooLong.code()]);
    assert_eq!((chain.runs_first(), chain.number()), (true, 2));
    assert_eq!(chain.host.value("/evm/world/nonsense"), None);
    // The same at the beginning of a level whose inbox is full: the kernel before reads it.
    let mut chain = busy();
    let announced = chain.announce(ADMIN, b"migrates for ever", Timestamp::ZERO);
    chain.open(&[vec![announced], chain.seal(&chain.next(vec![]))].concat());
    kernels::run(&mut chain.host, Budget::RUN);
    assert!(!chain.runs_first(), "the level ended here");
    let deposits: Vec<_> = (1..=50).map(|amount| deposit(TICKETER, &[0xcc; 20], amount)).collect();
    chain.budget = Budget::new(Ticks::new(1));
    chain.run(&deposits);
    assert!(chain.runs_first());
    assert_eq!((chain.waiting().len(), chain.number()), (53, 2));
}

#[test]
fn row_42_dying_at_any_host_call_leaves_one_kernel_or_the_other() {
    deaths_of(b"another", |chain, fatal| {
        // A run that dies while it reveals refuses the upgrade: it would do so again.
        assert!(chain.runs(b"another") || chain.runs_first(), "call {fatal}");
        assert_eq!(chain.number(), 2, "call {fatal}: {:?}", chain.host.debug_lines());
    });
}

#[test]
fn row_42_dying_at_any_host_call_leaves_a_migration_whole_or_undone() {
    deaths_of(b"next layout", |chain, fatal| {
        let version = chain.host.value("/base/storage_version").map(|bytes| bytes[7]);
        let copies = chain.host.values_from("/base/copies").count();
        let is_new = chain.runs(b"next layout");
        assert!(is_new || chain.runs_first(), "call {fatal}");
        let wanted = if is_new { (Some(2), 3) } else { (Some(1), 0) };
        assert_eq!((version, copies), wanted, "call {fatal}: {:?}", chain.host.debug_lines());
        assert_eq!(chain.number(), 2, "call {fatal}");
    });
}

#[test]
fn row_49_a_migration_waits_for_a_level_with_reboots_enough() {
    let mut chain = busy();
    let announced = chain.announce(ADMIN, b"next but one", Timestamp::ZERO);
    let deposits = (1..=120).map(|amount| deposit(TICKETER, &[0xcc; 20], amount)).collect();
    let messages = [vec![announced], deposits, chain.seal(&chain.next(vec![]))].concat();
    chain.budget = Budget::new(Ticks::new(1));
    let runs = chain.run(&messages);
    assert!(runs > 120 && chain.runs(b"next but one"), "{runs}");
    assert_eq!(chain.host.value("/base/storage_version"), Some(&1u64.to_be_bytes()[..]));
    chain.run(&[deposit(TICKETER, &[0xcc; 20], 1)]);
    assert_eq!(chain.host.value("/base/storage_version"), Some(&3u64.to_be_bytes()[..]));
    assert_eq!((chain.number(), chain.waiting().len()), (2, 124), "{:?}", chain.refusals());
}

#[test]
fn row_42_a_record_that_nobody_can_read_is_in_nobodys_way() {
    let keys =
        ["/upgrade/handover", "/upgrade/fetch", "/upgrade/root", "/base/upgrades", "/base/next_authorities"];
    for key in keys {
        let mut chain = Chain::with_bridges();
        chain.host.set_value(key, vec![0xc1, 0xff]);
        chain.block(vec![]);
        let announced = chain.announce(ADMIN, b"another", Timestamp::ZERO);
        let removed = decision(ADMIN, &Decision::RemoveSequencer);
        chain.run(&[announced, removed]);
        chain.run(&[]);
        assert!(chain.runs(b"another"), "{key}: {:?}", chain.host.debug_lines());
        assert_eq!((chain.number(), sequencers::read(&chain.host)), (2, Ok(None)), "{key}");
    }
}
