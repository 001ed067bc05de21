//! The sequencer: it executes what it publishes, as the node does, and publishes it badly.

use super::{
    super::kernels,
    rollup::Rollup,
    setup::{CHAIN_ID, ROLLUP, Setup},
    slots::{self, Published, SEQUENCER_SLOTS},
    users::{Nonces, Site, transaction},
};
use fastrand::Rng;
use millrace_host::MemoryHost;
use millrace_layout::{
    delayed,
    node::Outcome,
    world::{Head, World},
};
use millrace_primitives::{BlockHash, BlockNumber, Epoch, Timestamp, TransactionHash, U256};
use millrace_wire::{
    authority::Authority,
    blueprint::{Blueprint, Certificate, Domain, MemberSignature, Payload, legacy, prepare},
    signature::SecretKey,
};
use std::collections::BTreeMap;

/// How it behaves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Conduct {
    /// One blueprint for each number, each valid, all sent.
    Honest,
    /// Everything else too.
    Wild,
}

pub(super) struct Sequencer {
    pub(super) conduct: Conduct,
    /// The chain as it executed it.
    local: MemoryHost,
    /// The hashes of that chain, from where it last looked at the rollup.
    made: BTreeMap<u64, BlockHash>,
    /// All that it ever signed for a number.
    archive: BTreeMap<u64, Vec<Vec<Vec<u8>>>>,
    outgoing: Vec<Vec<u8>>,
    /// Slots that it published.
    slots: Vec<Published>,
    /// The level of the last one.
    slot_level: u32,
    head: u64,
    epoch: Option<Epoch>,
    idle_levels: u32,
    silent_levels: u32,
}

/// What it works with in a level.
pub(super) struct Desk<'a> {
    pub(super) setup: &'a Setup,
    pub(super) rollup: &'a Rollup,
    pub(super) level: u32,
    pub(super) now: Timestamp,
}

impl Sequencer {
    pub(super) fn new(conduct: Conduct, rollup: &Rollup) -> Self {
        Self {
            conduct,
            local: rollup.host.clone(),
            made: BTreeMap::new(),
            archive: BTreeMap::new(),
            outgoing: vec![],
            slots: vec![],
            slot_level: 0,
            head: 0,
            epoch: rollup.authority().map(|authority| authority.epoch),
            idle_levels: 0,
            silent_levels: 0,
        }
    }

    fn is_wild(&self) -> bool {
        self.conduct == Conduct::Wild
    }

    /// The messages of a level.
    pub(super) fn act(&mut self, rng: &mut Rng, desk: &Desk<'_>) -> Vec<Vec<u8>> {
        self.look(desk);
        if self.is_wild() && self.silent_levels == 0 && rng.u8(0..40) == 0 {
            self.silent_levels = rng.u32(1..12);
        }
        if self.silent_levels > 0 {
            self.silent_levels -= 1;
            return vec![];
        }
        for _ in 0..rng.u8(0..4) {
            if self.local_head().header.number.get() < self.head + 8 {
                self.produce(rng, desk);
            }
        }
        if self.idle_levels > 2 {
            self.outgoing.extend(self.again(self.head));
        }
        self.deliver(rng)
    }

    /// All that was signed for the numbers after `head`.
    pub(super) fn again(&self, head: u64) -> Vec<Vec<u8>> {
        self.archive.range(head + 1..head + 9).flat_map(|(_, all)| all.iter().flatten().cloned()).collect()
    }

    fn local_head(&self) -> Head {
        World::Committed.head().unwrap().require(&self.local).unwrap()
    }

    /// Compares its chain with the rollup's, and starts from there when they differ or when nothing moves.
    fn look(&mut self, desk: &Desk<'_>) {
        let head = desk.rollup.head();
        let number = head.header.number.get();
        self.idle_levels = if number == self.head { self.idle_levels + 1 } else { 0 };
        self.head = number;
        let epoch = desk.rollup.authority().map(|authority| authority.epoch);
        if epoch != self.epoch {
            // What the ones before signed is worth nothing now.
            self.epoch = epoch;
            self.outgoing.clear();
            self.archive.clear();
            self.local = desk.rollup.host.clone();
        }
        let is_same = self.made.get(&number) == Some(&head.hash);
        let is_lost = self.is_wild() && self.idle_levels > 6;
        if !is_same {
            self.outgoing.clear();
        }
        if !is_same || is_lost || self.local_head().hash == head.hash {
            self.local = desk.rollup.host.clone();
            self.made = BTreeMap::from([(number, head.hash)]);
        }
        self.archive.retain(|known, _| *known > number);
    }

    fn produce(&mut self, rng: &mut Rng, desk: &Desk<'_>) {
        let head = self.local_head();
        let delayed = self.delayed(rng);
        let transactions = self.transactions(rng, desk, &head);
        let earliest = head.header.timestamp;
        let latest = desk.now.saturating_add(desk.setup.parameters.lookahead_s);
        let timestamp = match rng.u8(0..4) {
            _ if latest <= earliest => earliest,
            0 => latest,
            _ => Timestamp::new(rng.u64(earliest.get()..=desk.now.get().max(earliest.get()))),
        };
        let blueprint = Blueprint {
            number: head.header.number.checked_add(1).unwrap(),
            parent: head.hash,
            timestamp,
            payload: Payload { delayed, transactions },
        };
        if self.is_wild() && rng.u8(0..8) == 0 {
            let bad = spoiled(rng, &blueprint, desk);
            self.sign(rng, desk, &bad);
            if rng.bool() {
                return;
            }
        }
        let mut next = self.local.clone();
        if let Outcome::Made(made) = kernels::make_block(&mut next, &blueprint).unwrap().unwrap() {
            self.made.insert(made.header.number.get(), made.hash);
            self.local = next;
        }
        self.sign(rng, desk, &blueprint);
    }

    fn delayed(&self, rng: &mut Rng) -> Vec<TransactionHash> {
        let waiting = delayed::oldest(&self.local, 12).unwrap();
        let mut names: Vec<_> = waiting.iter().map(|item| item.name).collect();
        match rng.u8(0..5) {
            0 => names.clear(),
            1 => names.retain(|_| rng.bool()),
            2 if self.is_wild() => rng.shuffle(&mut names),
            _ => {}
        }
        names
    }

    fn transactions(&self, rng: &mut Rng, desk: &Desk<'_>, head: &Head) -> Vec<Vec<u8>> {
        let base_fee = head.header.base_fee_per_gas;
        let site = Site { setup: desk.setup, host: &self.local, base_fee, pays_da: true };
        let mut nonces = Nonces::default();
        let count = if rng.u8(0..12) == 0 { rng.usize(20..60) } else { rng.usize(0..6) };
        let mut transactions: Vec<_> = (0..count).map(|_| transaction(rng, &site, &mut nonces)).collect();
        // Large enough for several chunks.
        if rng.u8(0..6) == 0 {
            let size_bytes = rng.usize(4_000..20_000);
            transactions.push(super::users::large(rng, &site, &mut nonces, size_bytes));
        }
        transactions
    }

    fn sign(&mut self, rng: &mut Rng, desk: &Desk<'_>, blueprint: &Blueprint) {
        let Some(authority) = desk.rollup.authority() else { return };
        let legacy = authority.members.len() == 1 && rng.u8(0..3) == 0;
        let chain_id = rng.bool().then_some(U256::from(CHAIN_ID));
        let messages = if legacy {
            sealed_legacy(desk.setup, &authority, blueprint, chain_id)
        } else {
            sealed(rng, desk.setup, &authority, blueprint)
        };
        let number = blueprint.number.get();
        if number <= self.head + 16 {
            self.archive.entry(number).or_default().push(messages.clone());
        }
        let is_in_slot = legacy && rng.u8(0..3) > 0;
        match slots::chunks(blueprint, chain_id) {
            Some(bytes) if is_in_slot => self.publish(rng, desk, desk.setup.keys_of(&authority)[0], bytes),
            _ => self.outgoing.extend(messages),
        }
    }

    /// Publishes chunks in a slot. When nothing comes of it, they are sent again as messages.
    fn publish(&mut self, rng: &mut Rng, desk: &Desk<'_>, key: &SecretKey, bytes: Vec<u8>) {
        let level = slots::settled(desk.level);
        let index = SEQUENCER_SLOTS[usize::from(level == self.slot_level)];
        if self.slots.iter().any(|slot| (slot.level, slot.index) == (level, index)) {
            // What is not in a slot in time is signalled all the same.
            self.outgoing.push(slots::signal(key, level, &[index]));
            return;
        }
        self.slot_level = level;
        let lost_page = (self.is_wild() && rng.u8(0..12) == 0).then(|| rng.u16(0..4));
        self.slots.push(Published { level, index, bytes, lost_page });
        self.outgoing.push(if rng.bool() {
            slots::signal(key, level, &[index])
        } else {
            slots::attested(level, slots::PUBLISHER, U256::one() << usize::from(index))
        });
    }

    /// The slots that it published since they were taken last.
    pub(super) fn take_slots(&mut self) -> Vec<Published> {
        core::mem::take(&mut self.slots)
    }

    /// Most of what waits to be sent, in any order.
    fn deliver(&mut self, rng: &mut Rng) -> Vec<Vec<u8>> {
        if rng.bool() {
            rng.shuffle(&mut self.outgoing);
        }
        let (mut now, mut later) = (vec![], vec![]);
        for message in core::mem::take(&mut self.outgoing) {
            match rng.u8(0..40) {
                0 if self.is_wild() => {}
                1..4 => {
                    now.push(message.clone());
                    now.push(message);
                }
                4..12 => later.push(message),
                _ => now.push(message),
            }
        }
        self.outgoing = later;
        now
    }

    /// A valid, empty blueprint on the head of `rollup`.
    pub(super) fn empty(rng: &mut Rng, setup: &Setup, rollup: &Rollup, now: Timestamp) -> Vec<Vec<u8>> {
        let head = rollup.head();
        let blueprint = Blueprint {
            number: head.header.number.checked_add(1).unwrap(),
            parent: head.hash,
            timestamp: now.max(head.header.timestamp),
            payload: Payload::default(),
        };
        rollup.authority().map_or(vec![], |authority| sealed(rng, setup, &authority, &blueprint))
    }
}

/// The same with something wrong, though signed.
fn spoiled(rng: &mut Rng, blueprint: &Blueprint, desk: &Desk<'_>) -> Blueprint {
    let mut bad = blueprint.clone();
    match rng.u8(0..9) {
        0 => bad.parent = BlockHash::new([rng.u8(..); 32]),
        1 => {
            bad.number =
                BlockNumber::new(bad.number.get() + *rng.choice(&[2, 40, 4_095, 4_096, 1 << 40]).unwrap())
        }
        2 => bad.timestamp = desk.now.saturating_add(desk.setup.parameters.lookahead_s + rng.u64(1..100)),
        3 => bad.timestamp = Timestamp::new(rng.u64(0..1_700_000_000)),
        4 => bad.payload.delayed.push(TransactionHash::new([rng.u8(..); 32])),
        5 => {
            let again = bad.payload.delayed.first().copied();
            bad.payload.delayed.extend(again);
        }
        6 => bad.payload.transactions.extend([vec![1], vec![0xc0], vec![0x7f; 300], vec![2]]),
        7 => bad.payload.transactions.reverse(),
        // Another blueprint for the same number.
        _ => bad.timestamp = bad.timestamp.saturating_add(1),
    }
    bad
}

/// As messages of format 2.
pub(super) fn sealed(
    rng: &mut Rng,
    setup: &Setup,
    authority: &Authority,
    blueprint: &Blueprint,
) -> Vec<Vec<u8>> {
    let domain = Domain { rollup: ROLLUP, chain_id: U256::from(CHAIN_ID) };
    let size_bytes = authority.certificate_size_bytes();
    let Ok(prepared) = prepare(authority.epoch, blueprint, size_bytes) else { return vec![] };
    let bytes = prepared.signing_bytes(&domain);
    let certificate = match &setup.keys_of(authority)[..] {
        [key] => Certificate::Single(key.sign(&bytes)),
        keys => {
            let first = rng.usize(0..=keys.len() - usize::from(authority.quorum));
            let signers = (0u8..).zip(keys).skip(first).take(usize::from(authority.quorum));
            let sign =
                |(member, key): (u8, &&SecretKey)| MemberSignature { member, signature: key.sign(&bytes) };
            Certificate::Quorum(signers.map(sign).collect())
        }
    };
    prepared.seal(certificate, &ROLLUP).unwrap()
}

/// As messages of format 0.
pub(super) fn sealed_legacy(
    setup: &Setup,
    authority: &Authority,
    blueprint: &Blueprint,
    chain_id: Option<U256>,
) -> Vec<Vec<u8>> {
    let payload = legacy::encode_payload(blueprint);
    let chunks = legacy::cut(&payload, blueprint.number, chain_id).unwrap_or_default();
    let key = setup.keys_of(authority)[0];
    let sign = |chunk: &legacy::Chunk<'_>| chunk.signed(key.sign(&chunk.encode())).message(&ROLLUP);
    chunks.iter().map(sign).collect()
}
