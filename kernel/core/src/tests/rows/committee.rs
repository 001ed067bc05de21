//! Rows 50 to 56: changes of who orders transactions, and a chain without anybody in charge.

use super::super::{
    chain::{
        ADMIN, BRIDGE, Chain, KERNEL_GOVERNANCE, ROLLUP, SECURITY_GOVERNANCE, SEQUENCER_GOVERNANCE, TICKETER,
        User, decision, delay, deposit, transfer, transfer_of,
    },
    kernels::{self, BOOT},
};
use millrace_evm::transaction::Transaction;
use millrace_host::Budget;
use millrace_layout::{
    events::Event,
    governance::{self, AUTHORITIES_MAX},
    parameters, queue, sequencers,
};
use millrace_primitives::{Address, Epoch, Gas, Ticks, Timestamp, U256};
use millrace_wire::{
    address::Curve,
    authority::Authority,
    blueprint::{Blueprint, Certificate, Domain, MemberSignature, prepare},
    governance::{CommitteeChange, Decision, KernelUpgrade, SequencerUpgrade},
    message::{self, Parameter},
    proxy,
    signature::{PublicKey, SecretKey},
};

const POOL: Address = Address::repeat_byte(0x70);

fn key(seed: u8) -> SecretKey {
    SecretKey::from_seed(&[seed; 32])
}

fn single(key: &SecretKey, activation: Timestamp) -> Decision {
    Decision::SequencerUpgrade(SequencerUpgrade { key: key.public_key(), pool: POOL, activation })
}

fn committee(seeds: &[u8], quorum: u16, activation: Timestamp) -> Decision {
    let members = seeds.iter().map(|seed| key(*seed).public_key()).collect();
    Decision::CommitteeChange(CommitteeChange { members, quorum, pool: POOL, activation })
}

/// The bytes of a committee change, whatever its keys are.
fn committee_bytes(members: &[Vec<u8>], quorum: u16) -> Vec<u8> {
    let mut stream = rlp::RlpStream::new_list(4);
    stream.begin_list(members.len());
    for member in members {
        stream.append(member);
    }
    stream.append(&quorum.to_le_bytes().as_slice()).append(&POOL).append(&[0u8; 8].as_slice());
    stream.out().to_vec()
}

impl Chain {
    fn authority(&self) -> Option<Authority> {
        sequencers::read(&self.host).unwrap()
    }

    fn changes_waiting(&self) -> usize {
        governance::authorities().unwrap().read(&self.host).unwrap().unwrap_or_default().waiting.len()
    }

    /// From now on this key signs, for this epoch.
    fn sign_with(&mut self, key: SecretKey, epoch: u32) {
        (self.sequencer, self.epoch) = (key, Epoch::new(epoch));
    }

    /// The messages of a blueprint, signed by members of a committee.
    fn seal_by(&self, blueprint: &Blueprint, members: &[(u8, SecretKey)]) -> Vec<Vec<u8>> {
        let domain = Domain { rollup: ROLLUP, chain_id: U256::from(1337) };
        let size_bytes = self.authority().unwrap().certificate_size_bytes();
        let prepared = prepare(self.epoch, blueprint, size_bytes).unwrap();
        let bytes = prepared.signing_bytes(&domain);
        let sign = |(member, key): &(u8, SecretKey)| MemberSignature {
            member: *member,
            signature: key.sign(&bytes),
        };
        prepared.seal(Certificate::Quorum(members.iter().map(sign).collect()), &ROLLUP).unwrap()
    }
}

#[test]
fn row_50_a_shorter_key_leaves_nothing_of_the_longer_one() {
    let secp = |byte| SecretKey::from_bytes(Curve::Secp256k1, &[byte; 32]).unwrap();
    let p256 = SecretKey::from_bytes(Curve::P256, &[3; 32]).unwrap();
    let mut chain = Chain::with_bridges();
    let now = |chain: &Chain| chain.now();
    for (epoch, next) in (1..).zip([secp(3), key(40), p256, key(41), secp(4)]) {
        let change = single(&next, now(&chain));
        chain.run(&[decision(SEQUENCER_GOVERNANCE, &change)]);
        chain.run(&[]);
        let expected = Authority::single(Epoch::new(epoch), next.public_key());
        assert_eq!(chain.authority(), Some(expected));
        assert_eq!(chain.events(), [Event::AuthorityChanged { epoch: Epoch::new(epoch), members: 1 }]);
        chain.sign_with(next, epoch);
        chain.block(vec![]);
    }
    // And from many members to one.
    let activation = now(&chain);
    chain.run(&[decision(ADMIN, &committee(&[1, 2, 3, 4, 5], 3, activation))]);
    chain.run(&[]);
    chain.epoch = Epoch::new(6);
    let signers = [(0, key(1)), (2, key(3)), (4, key(5))];
    let messages = chain.seal_by(&chain.next(vec![]), &signers);
    chain.run(&messages);
    assert_eq!(chain.number(), 6);
    assert_eq!(chain.head().header.beneficiary, POOL);
    let activation = now(&chain);
    chain.run(&[decision(ADMIN, &single(&key(42), activation))]);
    chain.run(&[]);
    chain.sign_with(key(42), 7);
    chain.block(vec![]);
    assert_eq!(chain.host.values_from("/base/prepared/").count(), 1, "of those in office only");
}

#[test]
fn row_51_no_decision_counts_twice_and_no_epoch_comes_back() {
    let mut chain = Chain::with_bridges();
    let (first, activation) = (chain.sequencer.public_key(), chain.now());
    let change = decision(ADMIN, &single(&key(40), activation));
    let of_epoch_0 = chain.seal(&chain.next(vec![]));
    chain.run(std::slice::from_ref(&change));
    chain.run(&[]);
    let in_office = chain.authority();
    assert_eq!(in_office.as_ref().map(|authority| authority.epoch), Some(Epoch::new(1)));
    // Again, and one that is older.
    let older = decision(ADMIN, &single(&key(41), activation.saturating_sub(1)));
    for _ in 0..3 {
        chain.run(&[change.clone(), older.clone()]);
        assert_eq!((chain.changes_waiting(), chain.events().len()), (0, 0));
    }
    assert_eq!(chain.authority(), in_office);
    // The first key comes back, and what it signed does not.
    let back =
        Decision::SequencerUpgrade(SequencerUpgrade { key: first, pool: POOL, activation: chain.now() });
    chain.run(&[decision(ADMIN, &back)]);
    chain.run(&of_epoch_0);
    assert_eq!(chain.authority(), Some(Authority::single(Epoch::new(2), first)));
    assert_eq!(chain.number(), 0);
    // Not even after a time without anybody.
    chain.run(&[decision(ADMIN, &Decision::RemoveSequencer)]);
    chain.run(&[]);
    assert_eq!(chain.authority(), None);
    let back =
        Decision::SequencerUpgrade(SequencerUpgrade { key: first, pool: POOL, activation: chain.now() });
    chain.run(&[decision(ADMIN, &back)]);
    chain.run(&[]);
    assert_eq!(chain.authority(), Some(Authority::single(Epoch::new(4), first)));
}

#[test]
fn row_52_who_could_not_certify_a_block_is_refused_on_receipt() {
    let base = Chain::with_bridges();
    let ed25519 = |seed: u8| key(seed).public_key().to_bytes();
    let off_curve = [&[0][..], &[2; 32]].concat();
    assert!(!PublicKey::from_bytes(&off_curve).is_some_and(|key| key.is_valid()), "not a point");
    let secp = SecretKey::from_bytes(Curve::Secp256k1, &[3; 32]).unwrap().public_key();
    let rows = [
        committee_bytes(&[off_curve], 1),
        // The neutral point, of small order.
        committee_bytes(&[[&[0, 1][..], &[0; 31]].concat()], 1),
        // BLS.
        committee_bytes(&[[&[3][..], &[1; 48]].concat()], 1),
        committee_bytes(&[vec![], ed25519(1)], 1),
        committee_bytes(&[ed25519(1), ed25519(2), ed25519(1)], 2),
        committee_bytes(&[ed25519(1), ed25519(2)], 0),
        committee_bytes(&[ed25519(1), ed25519(2)], 3),
        committee_bytes(&[ed25519(1), secp.to_bytes()], 2),
        committee_bytes(&[], 0),
        committee_bytes(&(0..=100).map(ed25519).collect::<Vec<_>>(), 50),
        vec![0xc0],
        vec![0x80],
    ];
    for bytes in rows {
        let mut chain = base.clone();
        let before = chain.world();
        chain.run(&[transfer(ADMIN, Parameter::Governance(&bytes))]);
        assert_eq!(chain.world(), before, "{bytes:?}");
        chain.run(&[]);
        chain.block(vec![]);
    }
    // What is right is nothing from those who may not decide it.
    let change = single(&key(40), Timestamp::ZERO);
    for sender in [TICKETER, BRIDGE, KERNEL_GOVERNANCE, SECURITY_GOVERNANCE] {
        let mut chain = base.clone();
        chain.run(&[decision(sender, &change), decision(sender, &Decision::RemoveSequencer)]);
        assert_eq!(chain.changes_waiting(), 0);
    }
}

#[test]
fn row_54_an_announcement_that_comes_twice_counts_once() {
    let mut chain = Chain::with_bridges();
    let change = decision(ADMIN, &committee(&[1, 2, 3], 2, chain.now().saturating_add(60)));
    chain.run(&[change.clone(), change.clone()]);
    assert_eq!((chain.changes_waiting(), chain.events().len()), (1, 1));
    chain.run(&[change]);
    assert_eq!((chain.changes_waiting(), chain.events().len()), (1, 0));
    // Another one for the same time takes its place.
    chain.run(&[decision(ADMIN, &single(&key(40), chain.now().saturating_add(60 - 12)))]);
    assert_eq!(chain.changes_waiting(), 1);
    chain.pass(0, 60);
    chain.run(&[]);
    assert_eq!(chain.authority(), Some(Authority::single(Epoch::new(1), key(40).public_key())));
}

#[test]
fn row_54_several_wait_and_each_has_its_time() {
    let mut chain = Chain::with_bridges();
    let start = chain.now();
    let at = |seconds: u64| start.saturating_add(seconds);
    for (seed, seconds) in [(43, 300), (41, 100), (42, 200)] {
        chain.run(&[decision(SEQUENCER_GOVERNANCE, &single(&key(seed), at(seconds)))]);
    }
    assert_eq!(chain.changes_waiting(), 3);
    for (epoch, seed) in [(1, 41), (2, 42), (3, 43)] {
        let to_go = at(u64::from(epoch) * 100).since(chain.now());
        chain.pass(0, to_go - 1);
        chain.run(&[]);
        assert_eq!(chain.changes_waiting(), 4 - epoch as usize, "a second early");
        chain.run(&[]);
        assert_eq!(chain.authority(), Some(Authority::single(Epoch::new(epoch), key(seed).public_key())));
        chain.sign_with(key(seed), epoch);
        chain.block(vec![]);
    }
    // There is room for a few, and removing the sequencer makes room.
    let later = chain.now().saturating_add(10_000);
    for index in 0..=AUTHORITIES_MAX as u64 {
        chain.run(&[decision(ADMIN, &single(&key(50), later.saturating_add(index)))]);
    }
    assert_eq!(chain.changes_waiting(), AUTHORITIES_MAX);
    chain.run(&[decision(ADMIN, &Decision::RemoveSequencer)]);
    let count = AUTHORITIES_MAX as u32;
    assert_eq!(chain.events()[0], Event::AuthoritiesCancelled { count });
    chain.run(&[]);
    assert_eq!((chain.changes_waiting(), chain.authority()), (0, None));
    // There is nobody to remove now.
    let before = chain.changes_waiting();
    chain.run(&[decision(ADMIN, &Decision::RemoveSequencer)]);
    assert_eq!(chain.changes_waiting(), before);
}

/// The messages of a transaction for a rollup without a sequencer.
fn queued(raw: &[u8]) -> Vec<Vec<u8>> {
    let bodies = proxy::cut(raw).unwrap();
    bodies.iter().map(|(kind, body)| message::external(&ROLLUP, *kind, body)).collect()
}

#[test]
fn row_55_a_sequencer_that_is_removed_leaves_nothing_waiting() {
    let mut chain = Chain::with_bridges();
    let (alice, bob) = (User::new(1), User::new(2));
    let later = chain.now().saturating_add(12);
    let (root_hash, pages) = kernels::pages(&kernels::module(b"another"));
    pages.into_iter().for_each(|(hash, page)| chain.host.add_preimage(hash, page));
    let far = chain.after(3, chain.head().hash, vec![alice.transfer(0, bob.address, 1)]);
    let waiting = [
        vec![deposit(TICKETER, &[0xca; 20], 1), deposit(TICKETER, &[0xcb; 20], 2)],
        delay(&bob.transfer(0, Address::zero(), 5)),
        chain.seal(&far),
        vec![
            decision(ADMIN, &Decision::KernelUpgrade(KernelUpgrade { root_hash, activation: later })),
            decision(ADMIN, &single(&key(40), later.saturating_add(10_000))),
            decision(ADMIN, &Decision::RemoveSequencer),
        ],
    ];
    chain.run(&waiting.concat());
    assert_eq!((chain.waiting().len(), chain.number()), (3, 0), "not before the next level");
    chain.run(&[]);
    // A block a level of all that waits; the blueprint of one who is no longer in office is nothing.
    assert_eq!((chain.waiting().len(), chain.number()), (0, 1));
    assert_eq!(chain.body().receipts.iter().filter(|receipt| receipt.succeeded).count(), 3);
    assert_eq!(chain.host.values_from("/base/blueprints/").count(), 0);
    assert_eq!(chain.balance(Address::repeat_byte(0xca)), U256::exp10(12));
    // The upgrade takes over by a block of the kernel's own.
    chain.run(&[]);
    assert_eq!(chain.host.value(BOOT), Some(&kernels::module(b"another")[..]));
    let messages = queued(&alice.transfer(0, Address::zero(), 1));
    chain.run(&messages);
    assert_eq!((chain.number(), chain.nonce(alice.address)), (3, 1));
}

#[test]
fn row_55_the_first_sequencer_finds_the_queue_emptied() {
    let mut chain = Chain::without_sequencer(&Chain::bridged());
    let number = chain.number();
    let alice = User::new(1);
    let first = key(40);
    let change = decision(SEQUENCER_GOVERNANCE, &single(&first, chain.now().saturating_add(6)));
    // More than a block of the level of the announcement has room for, and more than one level of the change.
    // A block has room for one of them, as far as their limits say.
    let large =
        |nonce| Transaction { gas_limit: Gas::new(30_000_000), ..transfer_of(nonce, Address::zero(), 1) };
    let transactions: Vec<_> = (0..12).map(|nonce| alice.sign(large(nonce))).collect();
    let half = queued(&[0xe0; 9_000]).into_iter().take(2);
    let messages = [vec![change], transactions.iter().flat_map(|raw| queued(raw)).collect(), half.collect()];
    chain.run(&messages.concat());
    chain.sign_with(first, 1);
    let left = queue::bounds().unwrap().read(&chain.host).unwrap().unwrap();
    let executed = chain.nonce(alice.address);
    assert!(left.back - left.front > 0 && executed > 0, "{executed} of 12");
    let items = [deposit(TICKETER, &[0xca; 20], 1)];
    let mut levels = 0;
    while !queue::is_empty(&chain.host).unwrap() {
        // A blueprint on a head that moves is refused, and nobody is let past the sequencer.
        let early = chain.seal(&chain.next(vec![]));
        let past = queued(&alice.transfer(12, Address::zero(), 1));
        chain.run(&[early, past, items[..usize::from(levels == 0)].to_vec()].concat());
        levels += 1;
    }
    assert_eq!(levels, 3, "four blocks or five a level");
    assert!(chain.authority().is_some());
    assert_eq!(chain.nonce(alice.address), 12, "each of them, in order");
    // What came for the sequencer is the sequencer's.
    let named = chain.waiting();
    assert_eq!(named.len(), 1);
    let before = chain.number();
    let messages = chain.seal(&chain.next_with(named, vec![alice.transfer(12, Address::zero(), 1)]));
    chain.run(&messages);
    assert_eq!(chain.number(), before + 1, "{:?}", chain.host.debug_lines());
    assert!(before > number + 1);
    // And back: what is left of the half is in nobody's way.
    chain.run(&[decision(ADMIN, &Decision::RemoveSequencer)]);
    chain.run(&queued(&alice.transfer(13, Address::zero(), 1)));
    assert_eq!((chain.authority(), chain.nonce(alice.address)), (None, 14));
}

#[test]
fn row_55_reboots_leave_no_trace_in_a_change_of_modes() {
    let base = Chain::without_sequencer(&Chain::bridged());
    let alice = User::new(1);
    let change = decision(ADMIN, &single(&key(40), base.now()));
    let transactions: Vec<Vec<u8>> =
        (0..30).flat_map(|nonce| queued(&alice.transfer(nonce, Address::zero(), 1))).collect();
    let levels = [
        [transactions, vec![change, deposit(TICKETER, &[0xca; 20], 1)]].concat(),
        vec![deposit(TICKETER, &[0xcb; 20], 1)],
        vec![decision(ADMIN, &Decision::RemoveSequencer)],
        queued(&alice.transfer(30, Address::zero(), 1)),
    ];
    let mut whole = base.clone();
    let mut parts = base;
    parts.budget = Budget::new(Ticks::new(1));
    for messages in levels {
        whole.run(&messages);
        parts.run(&messages);
        assert_eq!(whole.host.dump(), parts.host.dump());
    }
    assert_eq!(whole.nonce(alice.address), 31);
    assert!(whole.waiting().is_empty());
}

#[test]
fn row_56_the_switch_is_between_two_levels() {
    let mut base = Chain::with_bridges();
    let activation = base.now().saturating_add(12);
    let change = decision(ADMIN, &single(&key(40), activation));
    base.run(&[change, deposit(TICKETER, &[0xca; 20], 1)]);
    let old = base.clone();
    let mut new = base.clone();
    new.sign_with(key(40), 1);
    let parameters = parameters::read(&base.host).unwrap();
    // In the level before, whose predecessor is six seconds too early, the old one; a blueprint of the new one is refused.
    for (signer, number) in [(&old, 1), (&new, 0)] {
        let mut chain = base.clone();
        chain.run(&signer.seal(&base.next(vec![])));
        assert_eq!(chain.number(), number);
    }
    // In the level of the change the new one, whatever the order; what waits of the old one is forgotten.
    let waiting = old.seal(&base.after(1, base.head().hash, vec![]));
    base.run(&waiting);
    assert!(base.host.values_from("/base/blueprints/").count() > 0);
    let (of_the_old, of_the_new) = (old.seal(&base.next(vec![])), new.seal(&base.next(vec![])));
    for messages in [[of_the_old.clone(), of_the_new.clone()], [of_the_new, of_the_old.clone()]] {
        let mut chain = base.clone();
        chain.run(&messages.concat());
        assert_eq!((chain.number(), chain.head().header.beneficiary), (1, POOL));
        assert_eq!(chain.host.values_from("/base/blueprints/").count(), 0);
        assert_eq!(chain.waiting().len(), 1, "the delayed inbox is kept");
        assert_ne!(parameters.pool, POOL);
        chain.sign_with(key(40), 1);
        let named = chain.waiting();
        let messages = chain.seal(&chain.next_with(named, vec![]));
        chain.run(&messages);
        assert_eq!((chain.number(), chain.waiting().len()), (2, 0));
    }
    base.run(&of_the_old);
    assert_eq!(base.number(), 0);
}

#[test]
fn row_56_dying_at_any_host_call_of_the_switch_changes_it_once() {
    let mut base = Chain::with_bridges();
    let activation = base.now().saturating_add(6);
    base.run(&[decision(ADMIN, &committee(&[1, 2, 3], 2, activation)), deposit(TICKETER, &[0xca; 20], 1)]);
    let waiting = base.seal(&base.after(1, base.head().hash, vec![]));
    let mut undisturbed = base.clone();
    let calls = undisturbed.run_counting(&waiting);
    for fatal in 0..calls {
        let mut chain = base.clone();
        chain.run_dying(fatal, &waiting);
        chain.run(&[]);
        undisturbed.level = chain.level;
        assert_eq!(chain.world(), undisturbed.world(), "call {fatal}");
        assert_eq!(chain.authority().map(|authority| authority.epoch), Some(Epoch::new(1)), "call {fatal}");
    }
}
