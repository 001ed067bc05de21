//! Rows 40, 41 and 45 to 48: one kernel after another. Which kernel runs is what is at its place, see `kernels`.

use super::super::{
    chain::{
        ADMIN, Chain, KERNEL_GOVERNANCE, ROLLUP, SECURITY_GOVERNANCE, START, TICKETER, User, decision,
        deposit,
    },
    kernels::{self, BOOT, module},
};
use millrace_host::Budget;
use millrace_layout::{
    delayed,
    events::Event,
    governance::{self, UPGRADES_MAX},
    parameters::{Parameters, Upgrades},
    progress, upgrade,
};
use millrace_primitives::{Address, ContractHash, PreimageHash, Ticks, Timestamp};
use millrace_upgrade::Refusal;
use millrace_wire::{
    frame::Kind,
    governance::{CancelUpgrade, Decision, KernelUpgrade, SequencerUpgrade},
    message,
    signature::SecretKey,
};

pub(super) const DAY_S: u64 = 86_400;

impl Chain {
    /// Publishes the pages of a module, and answers the name of their root.
    pub(in super::super) fn publish(&mut self, module: &[u8]) -> PreimageHash {
        let (root_hash, pages) = kernels::pages(module);
        for (hash, page) in pages {
            self.host.add_preimage(hash, page);
        }
        root_hash
    }

    /// The announcement of the kernel with this name, whose pages are there.
    pub(in super::super) fn announce(
        &mut self,
        sender: ContractHash,
        name: &[u8],
        activation: Timestamp,
    ) -> Vec<u8> {
        let root_hash = self.publish(&module(name));
        announcement(sender, root_hash, activation)
    }

    pub(in super::super) fn runs(&self, name: &[u8]) -> bool {
        self.host.value(BOOT) == Some(&module(name)[..])
    }

    pub(in super::super) fn runs_first(&self) -> bool {
        self.runs(b"the first kernel")
    }

    pub(super) fn upgrades_waiting(&self) -> usize {
        governance::upgrades().unwrap().read(&self.host).unwrap().unwrap_or_default().0.len()
    }

    /// Why upgrades failed in this level.
    pub(super) fn refusals(&self) -> Vec<u8> {
        let reason = |event| match event {
            Event::UpgradeFailed { reason, .. } => Some(reason),
            _ => None,
        };
        self.events().into_iter().filter_map(reason).collect()
    }
}

pub(in super::super) fn announcement(
    sender: ContractHash,
    root_hash: PreimageHash,
    activation: Timestamp,
) -> Vec<u8> {
    decision(sender, &Decision::KernelUpgrade(KernelUpgrade { root_hash, activation }))
}

pub(in super::super) fn cancellation(sender: ContractHash, name: &[u8]) -> Vec<u8> {
    let root_hash = kernels::pages(&module(name)).0;
    decision(sender, &Decision::CancelUpgrade(CancelUpgrade { root_hash, timestamp: START }))
}

pub(super) fn force() -> Vec<u8> {
    message::external(&ROLLUP, Kind::ForcedUpgrade, &[])
}

#[test]
fn row_40_a_kernel_takes_over_at_the_first_block_that_is_late_enough() {
    let base = Chain::with_bridges();
    let now = base.now();
    // Of the past, the second before the block, the block's, the second after.
    for (activation, takes_over) in
        [(0, true), (now.get() - 1, true), (now.get(), true), (now.get() + 1, false)]
    {
        let mut chain = base.clone();
        let announced = chain.announce(ADMIN, b"another", Timestamp::new(activation));
        let blueprint = chain.next(vec![User::new(1).transfer(0, Address::zero(), 1)]);
        let messages = [vec![announced], chain.seal(&blueprint)].concat();
        let runs = chain.run(&messages);
        assert_eq!(chain.runs(b"another"), takes_over, "activation {activation}");
        assert_eq!(runs, if takes_over { 2 } else { 1 });
        // The blueprint stays, and whichever kernel runs makes the same block of it, in the same level.
        assert_eq!(chain.number(), 1);
        assert_eq!(chain.head().header.timestamp, now);
        assert_eq!(chain.body().transactions.len(), 1);
        assert_eq!(chain.upgrades_waiting(), usize::from(!takes_over));
        let is_activation = |event: &Event| matches!(event, Event::UpgradeActivated { .. });
        assert_eq!(chain.events().iter().any(is_activation), takes_over);
    }
}

#[test]
fn row_40_without_a_block_nothing_takes_over() {
    let mut chain = Chain::with_bridges();
    let announced = chain.announce(ADMIN, b"another", Timestamp::ZERO);
    chain.run(&[announced]);
    chain.pass(100, 3_600);
    // One that is not valid says nothing about time.
    let mut blueprint = chain.next(vec![]);
    blueprint.timestamp = blueprint.timestamp.saturating_add(301);
    chain.run(&chain.seal(&blueprint));
    assert!(chain.runs_first());
    // Nobody in charge makes a block a level.
    let mut chain = Chain::without_sequencer(&Chain::bridged());
    let announced = chain.announce(ADMIN, b"another", chain.now().saturating_add(6));
    chain.run(&[announced]);
    assert!(chain.runs_first());
    chain.run(&[]);
    assert!(chain.runs(b"another"));
    assert_eq!(chain.number(), 3);
}

#[test]
fn row_40_several_wait_in_the_order_of_their_times_and_can_be_cancelled() {
    let mut chain = Chain::with_bridges();
    let (now, names) = (chain.now(), [&b"third"[..], b"first", b"second", b"cancelled"]);
    for (name, delay_s) in names.iter().zip([30, 10, 20, 15]) {
        let announced = chain.announce(ADMIN, name, now.saturating_add(delay_s));
        // Twice: the second changes nothing.
        chain.run(&[announced.clone(), announced]);
    }
    assert_eq!(chain.upgrades_waiting(), 4);
    chain.run(&[cancellation(ADMIN, b"cancelled"), cancellation(ADMIN, b"cancelled")]);
    let cancelled = Event::UpgradesCancelled { count: 1 };
    assert_eq!(chain.events(), [cancelled]);
    // Those for the same time take over one after the other, before the block that is due.
    for name in [&b"first"[..], b"second", b"third"] {
        let waiting = governance::upgrades().unwrap().read(&chain.host).unwrap().unwrap().0;
        let mut blueprint = chain.next(vec![]);
        blueprint.timestamp = waiting[0].activation;
        chain.run(&chain.seal(&blueprint));
        assert!(chain.runs(name), "{:?}", chain.host.debug_lines());
    }
    assert_eq!((chain.number(), chain.upgrades_waiting()), (3, 0));
    let announced = chain.announce(ADMIN, b"fourth", Timestamp::ZERO);
    let other = chain.announce(ADMIN, b"fifth", Timestamp::ZERO);
    let messages = [vec![announced, other], chain.seal(&chain.next(vec![]))].concat();
    assert_eq!(chain.run(&messages), 3);
    assert!(chain.runs(b"fifth"));
    assert_eq!(chain.number(), 4);
}

#[test]
fn row_40_nobody_can_keep_the_security_council_out() {
    let mut chain = Chain::with_bridges();
    let later = chain.now().saturating_add(DAY_S);
    for index in 0..=UPGRADES_MAX as u8 {
        let announced = chain.announce(KERNEL_GOVERNANCE, &[b'k', index], later);
        chain.run(&[announced]);
    }
    assert_eq!(chain.upgrades_waiting(), UPGRADES_MAX, "one more is refused");
    let mended = chain.announce(SECURITY_GOVERNANCE, b"mended", later.saturating_add(1));
    chain.run(&[
        mended,
        cancellation(KERNEL_GOVERNANCE, b"mended"),
        cancellation(SECURITY_GOVERNANCE, b"k\0"),
    ]);
    assert_eq!(chain.upgrades_waiting(), UPGRADES_MAX, "one more, and one less");
    // It goes first, though the others were to be earlier.
    chain.pass(0, DAY_S);
    let mut blueprint = chain.next(vec![]);
    blueprint.timestamp = later;
    chain.run(&chain.seal(&blueprint));
    assert!(chain.runs_first());
    blueprint = chain.next(vec![]);
    blueprint.timestamp = later.saturating_add(1);
    chain.run(&chain.seal(&blueprint));
    // The others were due too, and took over after it.
    assert_eq!(chain.upgrades_waiting(), 0);
    assert!(chain.runs(&[b'k', 7]));
    assert_eq!(chain.number(), 2);
}

#[test]
fn row_40_notice_is_as_short_as_the_parameters_say() {
    let upgrades = Upgrades { notice_s: 600, security_notice_s: 60, ..Upgrades::default() };
    let base = Chain::started_with(&Parameters { upgrades, ..Chain::bridged() });
    let rows = [
        (KERNEL_GOVERNANCE, 599, 0),
        (KERNEL_GOVERNANCE, 600, 1),
        (ADMIN, 599, 0),
        (SECURITY_GOVERNANCE, 59, 0),
        (SECURITY_GOVERNANCE, 60, 1),
    ];
    for (sender, delay_s, kept) in rows {
        let mut chain = base.clone();
        let announced = chain.announce(sender, b"another", chain.now().saturating_add(delay_s));
        chain.run(&[announced]);
        assert_eq!(chain.upgrades_waiting(), kept, "{delay_s} s");
    }
}

#[test]
fn row_41_anybody_can_force_an_upgrade_a_day_after_its_time() {
    for (late_s, takes_over) in [(DAY_S - 1, false), (DAY_S, true)] {
        let mut chain = Chain::with_bridges();
        let activation = chain.now();
        let announced = chain.announce(ADMIN, b"another", activation);
        chain.run(&[announced, force()]);
        assert!(chain.runs_first(), "too early");
        chain.pass(0, late_s - 6);
        let credited = deposit(TICKETER, &[0xca; 20], 1);
        chain.run(&[force(), force(), credited]);
        assert_eq!(chain.runs(b"another"), takes_over, "{late_s} s");
        // All of the inbox is read before.
        assert_eq!(chain.waiting().len(), 1);
        assert_eq!(chain.number(), 0);
        chain.block(vec![]);
    }
    // With nothing to force it is garbage.
    let mut chain = Chain::with_bridges();
    let before = chain.world();
    chain.run(&[force()]);
    assert_eq!(chain.world(), before);
}

#[test]
fn row_41_the_day_is_a_parameter() {
    let upgrades = Upgrades { forced_after_s: 10, ..Upgrades::default() };
    let mut chain = Chain::started_with(&Parameters { upgrades, ..Chain::bridged() });
    let announced = chain.announce(ADMIN, b"another", chain.now());
    chain.run(&[announced]);
    chain.run(&[force()]);
    assert!(chain.runs_first());
    chain.run(&[force()]);
    assert!(chain.runs(b"another"));
}

#[test]
fn row_45_a_forced_block_crosses_the_time_of_an_upgrade_like_any_other() {
    // What the sequencer made of the old branch is refused; the upgrade is not of a branch, but of the layer 1.
    for (announced_before, name) in [(true, &b"before"[..]), (false, b"after")] {
        let mut chain = Chain::with_bridges();
        chain.run(&[deposit(TICKETER, &[0xca; 20], 1)]);
        let announced = chain.announce(ADMIN, name, Timestamp::ZERO);
        let old_branch = chain.seal(&chain.after(1, millrace_primitives::BlockHash::new([1; 32]), vec![]));
        if announced_before {
            chain.run(std::slice::from_ref(&announced));
            assert!(chain.runs_first());
        }
        chain.pass_deadline();
        chain.run(&[if announced_before { vec![] } else { vec![announced] }, old_branch].concat());
        assert!(chain.runs(name));
        assert!(chain.waiting().is_empty());
        let is_forced = |event: &Event| matches!(event, Event::Forced { items: 1, .. });
        assert!(chain.events().iter().any(is_forced));
        assert_eq!(chain.number(), 1, "the new kernel made it");
        chain.block(vec![]);
    }
}

#[test]
fn row_46_a_block_in_progress_is_finished_first() {
    let mut chain = Chain::with_bridges();
    let alice = User::new(1);
    let transactions = (0..4).map(|nonce| alice.transfer(nonce, Address::zero(), 1)).collect();
    let blueprint = chain.next(transactions);
    // One transaction a run: it is in progress when the announcement, which is due at once, has been read.
    chain.open(&chain.seal(&blueprint));
    chain.level -= 1;
    let mut paused = chain.clone();
    let mut budget = Budget::new(Ticks::new(1));
    while progress::key().unwrap().read(&paused.host).unwrap().is_none() {
        kernels::run(&mut paused.host, budget);
    }
    budget = Budget::RUN;
    let announced = paused.announce(ADMIN, b"another", Timestamp::ZERO);
    paused.level += 1;
    paused.budget = budget;
    let next_number = 1;
    let runs = paused.run(&[announced]);
    assert_eq!((runs, paused.number()), (1, next_number));
    assert_eq!(paused.body().transactions.len(), 4, "of the kernel that began it");
    assert!(paused.runs_first());
    paused.block(vec![]);
    assert!(paused.runs(b"another"));
}

#[test]
fn row_46_a_block_in_an_encoding_of_another_kernel_is_made_from_its_beginning() {
    let mut chain = Chain::with_bridges();
    let path = progress::key().unwrap().path().to_string();
    chain.host.set_value(&path, vec![0xc1, 2]);
    chain.block(vec![User::new(1).transfer(0, Address::zero(), 1)]);
    assert_eq!(chain.host.value(&path), None);
}

#[test]
fn row_47_the_authority_changes_before_the_kernel() {
    let mut chain = Chain::with_bridges();
    let second = SecretKey::from_seed(&[33; 32]);
    let activation = chain.now().saturating_add(6);
    let change = SequencerUpgrade { key: second.public_key(), pool: Address::zero(), activation };
    let announced = chain.announce(ADMIN, b"another", activation);
    let both = [announced, decision(ADMIN, &Decision::SequencerUpgrade(change))];
    for order in [[0, 1], [1, 0]] {
        let mut chain = chain.clone();
        chain.run(&order.map(|index| both[index].clone()));
        assert!(chain.runs_first());
        // Same level, same time: messages are judged by the new sequencer, then a block of it brings the new kernel.
        let of_the_old = chain.seal(&chain.next(vec![]));
        (chain.sequencer, chain.epoch) =
            (SecretKey::from_seed(&[33; 32]), millrace_primitives::Epoch::new(1));
        let of_the_new = chain.seal(&chain.next(vec![]));
        let mut other = chain.clone();
        other.run(&of_the_old);
        assert!(other.runs_first());
        assert_eq!(other.number(), 0);
        chain.run(&of_the_new);
        assert!(chain.runs(b"another"));
        assert_eq!(chain.number(), 1);
    }
}

#[test]
fn row_48_what_is_no_kernel_is_refused_and_the_block_made_all_the_same() {
    let without_entry = [&b"\0asm\x01\0\0\0"[..], &[0, 2, 1, b'x']].concat();
    let with_parameter = {
        let mut bytes = module(b"x");
        let place = bytes.windows(6).position(|part| part == [1, 4, 1, 0x60, 0, 0]).unwrap();
        bytes.splice(place..place + 6, [1, 5, 1, 0x60, 1, 0x7f, 0]);
        bytes
    };
    let two_memories = {
        let mut bytes = module(b"x");
        let place = bytes.windows(4).position(|part| part == [7, 14, 1, 10]).unwrap();
        bytes.splice(place..place, [5, 5, 2, 0, 1, 0, 1]);
        bytes
    };
    let mut cut = module(&[7; 5_000]);
    cut.truncate(4_500);
    let rows = [
        (b"nothing that anybody runs".to_vec(), Refusal::NotWasm),
        (cut, Refusal::Sections),
        (without_entry, Refusal::Entry),
        (with_parameter, Refusal::Entry),
        (two_memories, Refusal::Memories),
    ];
    for (bytes, refusal) in rows {
        let mut chain = Chain::with_bridges();
        let root_hash = chain.publish(&bytes);
        let announced = announcement(ADMIN, root_hash, Timestamp::ZERO);
        let messages = [vec![announced], chain.seal(&chain.next(vec![]))].concat();
        chain.run(&messages);
        assert_eq!(chain.refusals(), [refusal.code()]);
        assert!(chain.runs_first(), "{refusal}");
        assert_eq!((chain.number(), chain.upgrades_waiting()), (1, 0), "{refusal}");
        assert_eq!(chain.host.values_from("/upgrade").count(), 0, "{refusal}: nothing is left");
    }
}

#[test]
fn row_48_every_page_is_checked_over_as_many_runs_as_it_takes() {
    // Two levels of hashes: 300 pages of contents.
    let kernel = module(&vec![9; 300 * 4_091]);
    let mut whole = Chain::with_bridges();
    let root_hash = whole.publish(&kernel);
    let announced = announcement(ADMIN, root_hash, Timestamp::ZERO);
    let messages = [vec![announced], whole.seal(&whole.next(vec![]))].concat();
    let mut parts = whole.clone();
    parts.budget = Budget::new(Ticks::new(1));
    assert_eq!(whole.run(&messages), 2);
    let runs = parts.run(&messages);
    assert!(runs > 300, "{runs}");
    for chain in [&whole, &parts] {
        assert_eq!(chain.host.value(BOOT), Some(&kernel[..]));
        assert_eq!(chain.number(), 1);
    }
    assert_eq!(whole.host.dump(), parts.host.dump());
    // Any page of it that is not one ends it.
    let pages = kernels::pages(&kernel).1;
    for index in [0, 150, 300, 302, pages.len() - 1] {
        let mut chain = Chain::with_bridges();
        for (hash, page) in &pages {
            chain.host.add_preimage(*hash, page.clone());
        }
        chain.host.add_preimage(pages[index].0, vec![0, 0, 0, 0, 9, 1]);
        chain.run(&messages);
        assert_eq!(chain.refusals(), [Refusal::Page.code()], "page {index}");
        assert_eq!((chain.runs_first(), chain.number()), (true, 1), "page {index}");
    }
}

#[test]
fn row_48_pages_that_nobody_has_halt_nothing_before_they_are_due() {
    let mut chain = Chain::with_bridges();
    let root_hash = kernels::pages(&module(b"unpublished")).0;
    let activation = chain.now().saturating_add(60);
    chain.run(&[announcement(ADMIN, root_hash, activation)]);
    chain.block(vec![]);
    let mut late = chain.clone();
    late.pass(0, 60);
    // Then the node waits for them; here the run ends. What came is not lost, and it goes on when they are there.
    let messages = [late.seal(&late.next(vec![])), vec![deposit(TICKETER, &[0xca; 20], 1)]].concat();
    late.run(&messages);
    assert_eq!((late.number(), late.runs_first()), (1, true));
    late.publish(&module(b"unpublished"));
    late.run(&[]);
    assert_eq!((late.number(), late.runs(b"unpublished")), (2, true));
    assert_eq!(delayed::oldest(&late.host, 9).unwrap().len(), 1);
    // Governance can cancel in time.
    chain.run(&[cancellation(ADMIN, b"unpublished")]);
    chain.pass(0, 60);
    chain.block(vec![]);
    assert!(chain.runs_first());
}

#[test]
fn row_48_a_cancellation_ends_what_was_begun() {
    let mut chain = Chain::with_bridges();
    let kernel = module(&vec![9; 20 * 4_091]);
    let root_hash = chain.publish(&kernel);
    let announced = announcement(ADMIN, root_hash, Timestamp::ZERO);
    let messages = [vec![announced], chain.seal(&chain.next(vec![]))].concat();
    chain.open(&messages);
    while upgrade::fetch().unwrap().read(&chain.host).unwrap().is_none_or(|fetch| fetch.pages < 5) {
        kernels::run(&mut chain.host, Budget::new(Ticks::new(1)));
    }
    let cancel = Decision::CancelUpgrade(CancelUpgrade { root_hash, timestamp: START });
    chain.run(&[decision(ADMIN, &cancel)]);
    assert_eq!((chain.runs_first(), chain.number()), (true, 1));
    // And what is left of it is in nobody's way.
    let announced = chain.announce(ADMIN, b"another", Timestamp::ZERO);
    chain.run(&[announced]);
    chain.block(vec![]);
    assert!(chain.runs(b"another"));
}
