//! Rows 51 and 53: a sequencer that hands its key over by a transaction.

use super::super::chain::{
    ADMIN, BRIDGE, Chain, SEQUENCER_GOVERNANCE, TICKETER, User, decision, delay, deposit, name_of,
    transfer_of,
};
use millrace_block::{KEY_CHANGE_DELAY_S, KeyChangeRefusal};
use millrace_evm::{system::KEY_CHANGES, transaction::Transaction};
use millrace_host::Budget;
use millrace_layout::{
    events::Event,
    governance::{self, PendingAuthority},
    parameters::Parameters,
    sequencers,
};
use millrace_primitives::{Address, BlockNumber, Epoch, Gas, Ticks, Timestamp, U256};
use millrace_wire::{
    address::Curve,
    authority::Authority,
    governance::{CommitteeChange, Decision, SequencerUpgrade},
    key_change::{self, KeyChange},
    signature::{PublicKey, SecretKey},
};

const CHAIN_ID: u64 = 1337;
const POOL: Address = Address::repeat_byte(0x70);

fn key(seed: u8) -> SecretKey {
    SecretKey::from_seed(&[seed; 32])
}

/// With all bridges, and nothing to pay for bytes.
fn chain() -> Chain {
    Chain::started_with(&Parameters { da_fee_per_byte: U256::zero(), ..Chain::bridged() })
}

fn governance_wants(key: &SecretKey, activation: Timestamp) -> Vec<u8> {
    let upgrade = SequencerUpgrade { key: key.public_key(), pool: POOL, activation };
    decision(SEQUENCER_GOVERNANCE, &Decision::SequencerUpgrade(upgrade))
}

/// A transaction of alice's that asks for what `signer` has signed.
fn request(chain: &Chain, change: &KeyChange, signer: &SecretKey) -> Vec<u8> {
    with_data(chain, change.call_data(&signer.sign(&change.signing_bytes())))
}

fn with_data(chain: &Chain, data: Vec<u8>) -> Vec<u8> {
    let alice = User::new(1);
    let call = transfer_of(chain.nonce(alice.address), key_change::CONTRACT, 0);
    alice.sign(Transaction { data, gas_limit: Gas::new(200_000), ..call })
}

impl Chain {
    fn in_office(&self) -> Option<Authority> {
        sequencers::read(&self.host).unwrap()
    }

    fn announced(&self) -> Vec<PendingAuthority> {
        governance::authorities_waiting(&self.host).unwrap().waiting
    }

    fn counter(&self) -> U256 {
        let requests = self.slot(KEY_CHANGES, 0).as_u64();
        key_change::counter(self.in_office().map_or(Epoch::ZERO, |authority| authority.epoch), requests)
    }

    fn change_to(&self, key: PublicKey) -> KeyChange {
        KeyChange { key, chain_id: U256::from(CHAIN_ID), counter: self.counter() }
    }

    /// One level with one block, in which the sequencer asks for this key; when it is announced for.
    fn hand_over(&mut self, next: &SecretKey) -> Timestamp {
        let activation = self.now().saturating_add(KEY_CHANGE_DELAY_S);
        let raw = request(self, &self.change_to(next.public_key()), &self.sequencer);
        self.block(vec![raw]);
        assert!(self.body().receipts[0].succeeded);
        activation
    }

    /// Lets time pass, so that the next level is told this.
    fn pass_until(&mut self, time: Timestamp) {
        self.pass(0, time.since(self.now()));
    }

    fn is_refused(&mut self, raw: Vec<u8>) -> bool {
        let before = self.announced();
        self.block(vec![raw]);
        let receipt = &self.body().receipts[0];
        !receipt.succeeded
            && receipt.logs.is_empty()
            && self.announced() == before
            && self.events().is_empty()
    }
}

#[test]
fn row_53_the_contract_is_where_tools_look_for_it() {
    assert_eq!(key_change::CONTRACT, KEY_CHANGES);
}

#[test]
fn row_53_the_key_changes_a_day_of_the_layer_1_after_the_block() {
    let curves = [Curve::Ed25519, Curve::Secp256k1, Curve::P256];
    let of = |curve, byte| SecretKey::from_bytes(curve, &[byte; 32]).unwrap();
    let mut chain = chain();
    let pool = chain.head().header.beneficiary;
    for (epoch, next) in (1..).zip(curves.iter().chain(&curves).map(|curve| of(*curve, 0x33))) {
        let (next, old) =
            (if epoch > 3 { of(next.public_key().curve(), 0x44) } else { next }, chain.in_office());
        let activation = chain.hand_over(&next);
        assert_eq!(chain.events(), [Event::AuthorityAnnounced { activation, members: 1 }]);
        assert_eq!(chain.in_office(), old, "not yet");
        // It goes on as if nothing had been.
        chain.run(&[deposit(TICKETER, &[0xca; 20], 1)]);
        chain.block(vec![]);
        for (early_s, changes) in [(1, false), (0, true)] {
            let mut chain = chain.clone();
            chain.pass_until(Timestamp::new(activation.get() - early_s));
            chain.run(&[]);
            assert_eq!(chain.in_office() != old, changes, "{early_s} s early");
        }
        chain.pass_until(activation.saturating_add(u64::from(epoch % 2)));
        let of_the_old = chain.seal(&chain.next(vec![]));
        let number = chain.number();
        chain.run(&of_the_old);
        let expected = Authority::single(Epoch::new(epoch), next.public_key());
        assert_eq!((chain.in_office(), chain.number()), (Some(expected), number));
        assert_eq!(chain.events(), [Event::AuthorityChanged { epoch: Epoch::new(epoch), members: 1 }]);
        assert!(chain.announced().is_empty() && !chain.waiting().is_empty());
        (chain.sequencer, chain.epoch) = (next, Epoch::new(epoch));
        let named = chain.waiting();
        let messages = chain.seal(&chain.next_with(named, vec![]));
        chain.run(&messages);
        assert_eq!((chain.number(), chain.waiting().len()), (number + 1, 0));
        assert_eq!(chain.head().header.beneficiary, pool, "the pool stays");
    }
}

#[test]
fn row_53_a_request_comes_through_the_delayed_inbox_too() {
    let mut chain = chain();
    let raw = request(&chain, &chain.change_to(key(40).public_key()), &chain.sequencer);
    chain.run(&delay(&raw));
    assert_eq!(chain.waiting(), [name_of(&raw)]);
    chain.pass_deadline();
    let activation = chain.now().saturating_add(KEY_CHANGE_DELAY_S);
    chain.run(&[]);
    assert_eq!(chain.announced().iter().map(|change| change.activation).collect::<Vec<_>>(), [activation]);
    let forced = Event::Forced { number: BlockNumber::new(1), items: 1 };
    assert_eq!(chain.events(), [forced, Event::AuthorityAnnounced { activation, members: 1 }]);
}

#[test]
fn row_53_only_what_the_key_in_office_has_signed_counts() {
    let base = chain();
    let (next, sequencer) = (key(40).public_key(), base.sequencer.clone());
    let good = base.change_to(next);
    let off_curve = PublicKey::Ed25519([2; 32]);
    let small_order = PublicKey::Ed25519(core::array::from_fn(|byte| u8::from(byte == 0)));
    let rows = [
        (good, key(40)),
        (good, key(41)),
        (KeyChange { chain_id: U256::from(CHAIN_ID + 1), ..good }, sequencer.clone()),
        (KeyChange { counter: good.counter + 1, ..good }, sequencer.clone()),
        (base.change_to(off_curve), sequencer.clone()),
        (base.change_to(small_order), sequencer.clone()),
        (base.change_to(sequencer.public_key()), sequencer.clone()),
    ];
    for (change, signer) in rows {
        let mut chain = base.clone();
        assert!(chain.is_refused(request(&chain, &change, &signer)), "{change:?}");
        // What is right is taken all the same.
        chain.hand_over(&key(40));
    }
    // Neither a blueprint of format 0 nor anything else that it signs can be taken for this.
    let mut chain = base.clone();
    let foreign = sequencer.sign(&good.signing_bytes()[16..]);
    let raw = with_data(&chain, good.call_data(&foreign));
    assert!(chain.is_refused(raw));
    // Gas that does not suffice is no request.
    let alice = User::new(1);
    let call = transfer_of(1, KEY_CHANGES, 0);
    let data = good.call_data(&sequencer.sign(&good.signing_bytes()));
    let raw = alice.sign(Transaction { data, gas_limit: Gas::new(60_000), ..call });
    assert!(chain.is_refused(raw));
}

#[test]
fn row_53_a_committee_and_a_rollup_without_sequencer_have_no_key_to_hand_over() {
    let mut chain = chain();
    let members = [1, 2, 3].map(|seed| key(seed).public_key()).to_vec();
    let (pool, activation) = (POOL, chain.now());
    let change = Decision::CommitteeChange(CommitteeChange { members, quorum: 2, pool, activation });
    chain.run(&[decision(ADMIN, &change)]);
    let by_a_member = |chain: &Chain| request(chain, &chain.change_to(key(40).public_key()), &key(1));
    chain.pass_deadline();
    chain.run(&delay(&by_a_member(&chain)));
    chain.pass_deadline();
    chain.run(&[]);
    let receipt = |chain: &Chain| chain.body().receipts[0].succeeded;
    assert_eq!((chain.number(), receipt(&chain), chain.announced().len()), (1, false, 0));
    // Nobody.
    chain.run(&[decision(ADMIN, &Decision::RemoveSequencer)]);
    chain.run(&delay(&by_a_member(&chain)));
    assert_eq!((chain.in_office(), chain.number()), (None, 2));
    assert_eq!((receipt(&chain), chain.announced().len()), (false, 0));
}

#[test]
fn row_53_governance_goes_first() {
    let refused = |number| {
        let reason = KeyChangeRefusal::GovernanceFirst.code();
        Event::KeyChangeDropped { number: BlockNumber::new(number), reason }
    };
    let base = chain();
    let far = base.now().saturating_add(10 * KEY_CHANGE_DELAY_S);
    // Something of governance's waits: the request comes to nothing, in the level of the announcement and later.
    for is_same_level in [true, false] {
        let mut chain = base.clone();
        let raw = request(&chain, &chain.change_to(key(40).public_key()), &chain.sequencer);
        let mut messages = vec![governance_wants(&key(41), far)];
        if !is_same_level {
            chain.run(&messages);
            messages.clear();
        }
        messages.extend(chain.seal(&chain.next(vec![raw])));
        chain.run(&messages);
        assert!(chain.body().receipts[0].succeeded, "the block may not depend on what the layer 1 decides");
        assert_eq!(chain.events().last(), Some(&refused(1)));
        let waiting = chain.announced();
        assert_eq!((waiting.len(), waiting[0].members[0]), (1, key(41).public_key()));
        assert_eq!(chain.counter(), U256::one(), "what was signed is spent");
    }
    // Governance announces somebody while a request waits: the request is cancelled.
    let mut chain = base.clone();
    let activation = chain.hand_over(&key(40));
    chain.run(&[governance_wants(&key(41), far)]);
    let cancelled = Event::AuthoritiesCancelled { count: 1 };
    assert_eq!(chain.events(), [cancelled, Event::AuthorityAnnounced { activation: far, members: 1 }]);
    chain.pass_until(activation.saturating_add(1));
    chain.run(&[]);
    assert_eq!(chain.in_office(), base.in_office());
    chain.pass_until(far);
    chain.run(&[]);
    assert_eq!(chain.in_office(), Some(Authority::single(Epoch::new(1), key(41).public_key())));
    // What governance may not say cancels nothing.
    let mut chain = base.clone();
    let activation = chain.hand_over(&key(40));
    let change = SequencerUpgrade { key: PublicKey::Ed25519([2; 32]), pool: POOL, activation: far };
    let bad = decision(ADMIN, &Decision::SequencerUpgrade(change));
    let of_a_stranger = decision(BRIDGE, &Decision::RemoveSequencer);
    chain.run(&[bad, of_a_stranger]);
    assert_eq!((chain.events(), chain.announced().len()), (vec![], 1));
    chain.pass_until(activation);
    chain.run(&[]);
    assert_eq!(chain.in_office(), Some(Authority::single(Epoch::new(1), key(40).public_key())));
}

#[test]
fn row_53_a_removal_cancels_what_the_sequencer_asked_for() {
    let base = chain();
    let removal = || decision(ADMIN, &Decision::RemoveSequencer);
    let mut chain = base.clone();
    let activation = chain.hand_over(&key(40));
    chain.run(&[removal()]);
    assert_eq!(chain.events()[0], Event::AuthoritiesCancelled { count: 1 });
    chain.run(&[]);
    chain.pass_until(activation.saturating_add(60));
    chain.run(&[]);
    assert_eq!((chain.in_office(), chain.announced().len()), (None, 0));
    // In the level of the removal it is in office, and its request comes to nothing.
    let mut chain = base;
    let raw = request(&chain, &chain.change_to(key(40).public_key()), &chain.sequencer);
    let messages = [vec![removal()], chain.seal(&chain.next(vec![raw]))].concat();
    chain.run(&messages);
    assert_eq!(chain.number(), 1);
    let reason = KeyChangeRefusal::GovernanceFirst.code();
    let dropped = Event::KeyChangeDropped { number: BlockNumber::new(1), reason };
    assert_eq!(chain.events().last(), Some(&dropped));
    chain.pass(0, 2 * KEY_CHANGE_DELAY_S);
    chain.run(&[]);
    chain.run(&[]);
    assert_eq!((chain.in_office(), chain.announced().len()), (None, 0));
}

#[test]
fn row_53_a_later_request_takes_the_place_of_the_one_before() {
    let mut chain = chain();
    let first = chain.hand_over(&key(40));
    // Two in one block: the last one counts.
    let mut change = chain.change_to(key(41).public_key());
    let alice = User::new(1);
    let of = |nonce: u64, change: &KeyChange, chain: &Chain| {
        let data = change.call_data(&chain.sequencer.sign(&change.signing_bytes()));
        let call = transfer_of(nonce, KEY_CHANGES, 0);
        alice.sign(Transaction { data, gas_limit: Gas::new(200_000), ..call })
    };
    let one = of(1, &change, &chain);
    change = KeyChange { key: key(42).public_key(), counter: change.counter + 1, ..change };
    let other = of(2, &change, &chain);
    let activation = chain.now().saturating_add(KEY_CHANGE_DELAY_S);
    chain.block(vec![one, other]);
    assert!(activation > first);
    let announced = Event::AuthorityAnnounced { activation, members: 1 };
    assert_eq!(chain.events(), [Event::AuthoritiesCancelled { count: 1 }, announced]);
    let waiting = chain.announced();
    assert_eq!((waiting.len(), waiting[0].members[0]), (1, key(42).public_key()));
    chain.pass_until(activation);
    chain.run(&[]);
    assert_eq!(chain.in_office(), Some(Authority::single(Epoch::new(1), key(42).public_key())));
}

#[test]
fn row_51_what_was_signed_for_a_key_change_counts_once() {
    let mut chain = chain();
    let (first, good) = (chain.sequencer.clone(), chain.change_to(key(40).public_key()));
    let data = good.call_data(&first.sign(&good.signing_bytes()));
    // Signed for the same number, and never sent.
    let unsent = chain.change_to(key(43).public_key());
    let activation = chain.hand_over(&key(40));
    for _ in 0..3 {
        let raw = with_data(&chain, data.clone());
        assert!(chain.is_refused(raw), "the delay begins once");
    }
    assert_eq!(chain.announced()[0].activation, activation);
    chain.pass_until(activation);
    chain.run(&[]);
    (chain.sequencer, chain.epoch) = (key(40), Epoch::new(1));
    // Back to the first key, by governance: what it signed then is as worthless as what was used.
    chain.run(&[governance_wants(&first, chain.now())]);
    chain.run(&[]);
    (chain.sequencer, chain.epoch) = (first.clone(), Epoch::new(2));
    assert_eq!(chain.in_office(), Some(Authority::single(Epoch::new(2), first.public_key())));
    for change in [good, unsent] {
        let raw = request(&chain, &change, &first);
        assert!(chain.is_refused(raw));
    }
    chain.hand_over(&key(43));
}

#[test]
fn row_53_reboots_leave_no_trace_in_a_hand_over() {
    let base = chain();
    let raw = request(&base, &base.change_to(key(40).public_key()), &base.sequencer);
    let bob = User::new(2);
    let others = (0..12).map(|nonce| bob.transfer(nonce, Address::zero(), 1));
    let transactions: Vec<_> = core::iter::once(raw).chain(others).collect();
    let levels = [base.seal(&base.next(transactions)), vec![], vec![governance_wants(&key(41), base.now())]];
    let (mut whole, mut parts) = (base.clone(), base);
    parts.budget = Budget::new(Ticks::new(1));
    let mut runs = 0;
    for messages in levels {
        whole.run(&messages);
        runs += parts.run(&messages);
        assert_eq!(whole.host.dump(), parts.host.dump());
    }
    assert!(runs > 13, "{runs}");
    assert_eq!((whole.number(), whole.announced().len()), (1, 1));
}

#[test]
fn row_53_dying_at_any_host_call_announces_it_once() {
    let base = chain();
    let raw = request(&base, &base.change_to(key(40).public_key()), &base.sequencer);
    let blueprint = base.seal(&base.next(vec![raw]));
    let mut undisturbed = base.clone();
    let calls = undisturbed.run_counting(&blueprint);
    let announcements = |chain: &Chain| {
        chain.events().iter().filter(|event| matches!(event, Event::AuthorityAnnounced { .. })).count()
    };
    for fatal in 0..calls {
        let mut chain = base.clone();
        chain.run_dying(fatal, &blueprint);
        let mut announced = announcements(&chain);
        // What a dead run was making is dropped once, and sent again.
        for _ in 0..3 {
            chain.run(&blueprint);
            announced += announcements(&chain);
        }
        assert!(announced <= 1, "call {fatal}");
        assert_eq!(chain.number(), 1, "call {fatal}");
        let waiting = chain.announced();
        let [waiting] = &waiting[..] else { panic!("call {fatal}: not announced") };
        let late_s = waiting.activation.since(undisturbed.announced()[0].activation);
        assert!(late_s <= 12 && waiting.number == 0, "call {fatal}: {late_s} s late");
        assert_eq!(waiting.members, [key(40).public_key()]);
        // And it takes effect once.
        chain.pass(0, KEY_CHANGE_DELAY_S);
        chain.run(&[]);
        assert_eq!(chain.in_office(), Some(Authority::single(Epoch::new(1), key(40).public_key())));
        assert!(chain.announced().is_empty(), "call {fatal}");
    }
}
