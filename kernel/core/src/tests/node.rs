//! A node makes the block that the rollup makes, by the kernel that the rollup makes it with.

use super::{
    chain::{ADMIN, Chain, User},
    kernels::{self, BOOT, Task},
    rows::upgrades::{announcement, cancellation},
};
use crate::{RunError, run_for_node};
use millrace_block::BlueprintFault;
use millrace_host::RunEnd;
use millrace_layout::{
    attempt::OrderedBy,
    node::{self, Made, Ordered, Outcome},
    upgrade,
};
use millrace_primitives::{Address, Timestamp};
use millrace_upgrade::{REBOOTS_MIN, Refusal, UpgradeError};
use millrace_wire::blueprint::Blueprint;

const REBOOTS_LEFT: &str = "/readonly/kernel/env/reboot_counter";

impl Chain {
    fn make(&mut self, blueprint: &Blueprint) -> Option<Result<Outcome, RunError>> {
        kernels::make_block(&mut self.host, blueprint)
    }

    fn made(&mut self, blueprint: &Blueprint) -> Made {
        match self.make(blueprint) {
            Some(Ok(Outcome::Made(made))) => made,
            other => panic!("{other:?}: {:?}", self.host.debug_lines()),
        }
    }

    /// Blueprints until the rollup has made a block of this.
    fn follow(&mut self, blueprint: &Blueprint) {
        let (number, messages) = (self.number(), self.seal(blueprint));
        for _ in 0..3 {
            if self.number() == number {
                self.run(&messages);
            }
        }
        assert_eq!(self.number(), number + 1, "{:?}", self.host.debug_lines());
        // A kernel is on trial until it has read the inbox of a later level, which a node has not.
        self.run(&[]);
    }
}

/// Node and rollup are in the same state, and run the same kernel.
fn assert_same(node: &Chain, rollup: &Chain, made: &Made) {
    let head = rollup.head();
    assert_eq!((made.hash, &made.header), (head.hash, &head.header));
    assert_eq!(made.body, rollup.body());
    assert_eq!(node.host.value(BOOT), rollup.host.value(BOOT));
    let of = |chain: &Chain| {
        let mut world = chain.world();
        // Of checking signatures, which a node does elsewhere.
        world.retain(|key, _| !key.starts_with("/base/prepared"));
        world
    };
    assert_eq!(of(node), of(rollup));
}

fn transfer(nonce: u64) -> Vec<u8> {
    User::new(1).transfer(nonce, Address::zero(), 1)
}

#[test]
fn a_kernel_takes_over_at_the_same_block_as_on_the_layer_1() {
    let base = Chain::with_bridges();
    let now = base.now().saturating_add(6);
    // Of the past, the second before the block, the block's, the second after.
    let rows = [(0, true), (now.get() - 1, true), (now.get(), true), (now.get() + 1, false)];
    for (activation, takes_over) in rows {
        let mut rollup = base.clone();
        let announced = rollup.announce(ADMIN, b"another", Timestamp::new(activation));
        rollup.run(&[announced]);
        let mut node = rollup.clone();
        let blueprint = rollup.next(vec![transfer(0), transfer(7)]);
        let made = node.made(&blueprint);
        rollup.follow(&blueprint);
        assert_eq!(node.runs(b"another"), takes_over, "activation {activation}");
        assert_eq!(made.upgrades.iter().map(|change| change.reason).collect::<Vec<_>>(), {
            if takes_over { vec![0] } else { vec![] }
        });
        assert_eq!(made.dropped.iter().map(|dropped| dropped.position).collect::<Vec<_>>(), [1]);
        assert_same(&node, &rollup, &made);
        // And it goes on.
        let blueprint = rollup.next(vec![transfer(1)]);
        let made = node.made(&blueprint);
        rollup.follow(&blueprint);
        assert!(node.runs(b"another"));
        assert_same(&node, &rollup, &made);
    }
}

#[test]
fn kernels_that_are_no_good_give_way_as_on_the_layer_1() {
    let rows: [(&[u8], Refusal); 5] = [
        (b"does not start", Refusal::Pvm),
        (b"fails to migrate", Refusal::Migration),
        (b"traps in a migration", Refusal::MigrationTrapped),
        (b"migrates for ever", Refusal::MigrationTooLong),
        (b"skips a layout", Refusal::UnknownVersion),
    ];
    for (name, refusal) in rows {
        let mut rollup = Chain::with_bridges();
        rollup.block(vec![transfer(0)]);
        let announced = [
            rollup.announce(ADMIN, name, Timestamp::ZERO),
            announcement(ADMIN, rollup.publish(b"nothing that anybody runs"), Timestamp::new(1)),
        ];
        rollup.run(&announced);
        let mut node = rollup.clone();
        let blueprint = rollup.next(vec![transfer(1)]);
        let made = node.made(&blueprint);
        rollup.follow(&blueprint);
        let reasons: Vec<u8> = made.upgrades.iter().map(|change| change.reason).collect();
        assert_eq!(reasons, [0, refusal.code(), Refusal::NotWasm.code()], "{refusal}");
        assert!(node.runs_first(), "{refusal}");
        assert_same(&node, &rollup, &made);
        assert_eq!(upgrade::handover().unwrap().read(&node.host), Ok(None), "{refusal}");
    }
}

#[test]
fn a_migration_comes_before_the_block() {
    let mut rollup = Chain::with_bridges();
    let announced = [
        rollup.announce(ADMIN, b"next layout", Timestamp::ZERO),
        rollup.announce(ADMIN, b"next but one", Timestamp::new(1)),
        rollup.announce(ADMIN, b"cancelled", Timestamp::new(2)),
        cancellation(ADMIN, b"cancelled"),
    ];
    rollup.run(&announced);
    let mut node = rollup.clone();
    let blueprint = rollup.next(vec![transfer(0)]);
    let made = node.made(&blueprint);
    rollup.follow(&blueprint);
    assert!(node.runs(b"next but one"));
    assert_eq!(made.upgrades.len(), 2);
    assert_same(&node, &rollup, &made);
}

#[test]
fn a_migration_waits_for_a_level_with_enough_runs() {
    let mut node = Chain::with_bridges();
    let announced = node.announce(ADMIN, b"next layout", Timestamp::ZERO);
    node.run(&[announced]);
    let blueprint = node.next(vec![transfer(0)]);
    let run = |node: &mut Chain| {
        let mut outcome = None;
        assert_eq!(kernels::run_task(&mut node.host, Task::Node(&blueprint, &mut outcome)), RunEnd::Returned);
        (outcome, node.host.take_reboot_request())
    };
    assert_eq!(run(&mut node), (None, true), "the switch");
    node.host.set_value(REBOOTS_LEFT, (REBOOTS_MIN - 1).to_le_bytes().to_vec());
    assert_eq!(run(&mut node), (Some(Ok(Outcome::Waits)), false));
    node.made(&blueprint);
    assert!(node.runs(b"next layout"));
}

#[test]
fn a_blueprint_that_is_no_good_changes_nothing() {
    let mut node = Chain::with_bridges();
    let good = node.next(vec![]);
    let other_parent = Blueprint { parent: millrace_primitives::BlockHash::new([1; 32]), ..good.clone() };
    let early = Blueprint { timestamp: Timestamp::new(1), ..good.clone() };
    let rows = [(other_parent, BlueprintFault::Parent), (early, BlueprintFault::TimestampBeforeParent)];
    // One that is not valid says nothing about time.
    let announced = node.announce(ADMIN, b"another", Timestamp::ZERO);
    node.run(&[announced]);
    let before = node.world();
    for (blueprint, fault) in rows {
        assert_eq!(node.make(&blueprint), Some(Ok(Outcome::Rejected(fault.code()))));
        assert_eq!(node.world(), before);
        assert!(node.runs_first());
    }
}

#[test]
fn a_storage_of_an_unknown_layout_is_an_error() {
    let mut node = Chain::with_bridges();
    let blueprint = node.next(vec![]);
    node.host.set_value("/base/storage_version", 9u64.to_be_bytes().to_vec());
    let unknown = UpgradeError::UnknownVersion(millrace_layout::version::StorageVersion(9));
    assert_eq!(node.make(&blueprint), Some(Err(RunError::Upgrade(unknown))));
    assert!(!node.host.take_reboot_request(), "the next run would say the same");
}

#[test]
fn as_wasm_the_blueprint_comes_and_the_outcome_goes_through_the_storage() {
    let mut node = Chain::with_bridges();
    let blueprint = node.next(vec![transfer(0), transfer(7)]);
    let mut native = node.clone();
    let made = native.made(&blueprint);
    let ordered = Ordered { ordered_by: OrderedBy::Authority, blueprint };
    node::blueprint().unwrap().write(&mut node.host, &ordered).unwrap();
    run_for_node(&mut node.host);
    assert_eq!(node::outcome().unwrap().read(&node.host), Ok(Some(Outcome::Made(made))));
    node::clear(&mut node.host).unwrap();
    assert_eq!(node.host.dump().keys().find(|key| key.starts_with("/node")), None);
    assert_eq!(node.world(), native.world());
}

#[test]
fn without_a_blueprint_there_is_an_error_and_no_block() {
    let mut node = Chain::with_bridges();
    let before = node.host.dump();
    run_for_node(&mut node.host);
    assert_eq!(node.host.dump(), before);
    assert_eq!(node.host.debug_lines().last().unwrap(), "durable value /node/blueprint is corrupt");
}
