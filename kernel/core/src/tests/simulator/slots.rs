//! Slots of the data availability layer, those of the sequencer and those of others.

use super::setup::{ROLLUP, Setup};
use fastrand::Rng;
use millrace_host::{DalPage, DalParameters, MemoryHost};
use millrace_primitives::{BlockNumber, L1Level, U256};
use millrace_wire::{
    address::{Curve, PublicKeyHash},
    blueprint::{Blueprint, legacy},
    dal::{PublishedSlots, PublisherSlots, Signal, encode_publishers},
    frame::Kind,
    message::{self, DalAttestedSlots},
    signature::SecretKey,
};

/// Levels until it is settled whether a slot is attested.
const LAG: u32 = 1;
const PAGE_BYTES: u16 = 1_024;
const SLOT_BYTES: u32 = 32 * 1_024;
/// Slots that a signal may name, and that only the sequencer uses.
pub(super) const SEQUENCER_SLOTS: [u8; 2] = [0, 7];
/// Slots of others, of which a signal may name the first.
const OTHER_SLOTS: [u8; 3] = [1, 2, 255];
/// Whose slots are imported.
pub(super) const PUBLISHER: PublicKeyHash = PublicKeyHash { curve: Curve::P256, hash: [0xda; 20] };

pub(super) fn listed() -> Vec<u8> {
    vec![SEQUENCER_SLOTS[0], OTHER_SLOTS[0], SEQUENCER_SLOTS[1]]
}

pub(super) fn constants() -> DalParameters {
    DalParameters {
        number_of_slots: 256,
        attestation_lag: LAG.into(),
        slot_size_bytes: SLOT_BYTES.into(),
        page_size_bytes: PAGE_BYTES.into(),
    }
}

/// The last level whose slots are settled in `level`.
pub(super) const fn settled(level: u32) -> u32 {
    level.saturating_sub(LAG)
}

/// A slot that is attested.
#[derive(Clone)]
pub(super) struct Published {
    pub(super) level: u32,
    pub(super) index: u8,
    /// What comes before the padding.
    pub(super) bytes: Vec<u8>,
    /// A page that nobody has after all.
    pub(super) lost_page: Option<u16>,
}

impl Published {
    /// Gives its pages to a host, the first one of padding included.
    pub(super) fn put(&self, host: &mut MemoryHost) {
        let level = L1Level::new(self.level);
        let mut bytes = self.bytes.clone();
        bytes.truncate(SLOT_BYTES as usize - 1);
        bytes.push(0);
        host.add_dal_slot(level, self.index, &bytes);
        if let Some(page) = self.lost_page {
            host.remove_dal_page(&DalPage { published_level: level, slot: self.index, page });
        }
    }
}

/// A blueprint as it stands in a slot; `None` when it is too large for one.
pub(super) fn chunks(blueprint: &Blueprint, chain_id: Option<U256>) -> Option<Vec<u8>> {
    let payload = legacy::encode_payload(blueprint);
    let chunks = legacy::cut(&payload, blueprint.number, chain_id)?;
    let bytes: Vec<u8> = chunks.iter().flat_map(tagged).collect();
    (bytes.len() < SLOT_BYTES as usize).then_some(bytes)
}

fn tagged(chunk: &legacy::Chunk<'_>) -> Vec<u8> {
    [&[1], &chunk.encode()[..]].concat()
}

/// A signal of slots that were published at one level.
pub(super) fn signal(key: &SecretKey, level: u32, slots: &[u8]) -> Vec<u8> {
    let levels = vec![PublishedSlots { published_level: L1Level::new(level), slots: slots.to_vec() }];
    let signature = key.sign(&Signal::signing_bytes(&levels));
    message::external(&ROLLUP, Kind::DalSignal, &Signal { levels, signature }.encode())
}

/// What the layer 1 says of slots that were published at one level.
pub(super) fn attested(level: u32, publisher: PublicKeyHash, bits: U256) -> Vec<u8> {
    message::dal_attested_slots(&DalAttestedSlots {
        published_level: L1Level::new(level),
        number_of_slots: 256,
        slot_size_bytes: SLOT_BYTES,
        page_size_bytes: PAGE_BYTES,
        publishers: &encode_publishers(&[PublisherSlots { publisher, bits }]),
    })
}

/// Slots of a publisher who makes mistakes, of a sequencer who does, and of strangers; and the messages about them.
pub(super) fn of_others(rng: &mut Rng, setup: &Setup, (level, head): (u32, u64)) -> (Published, Vec<u8>) {
    let index = *rng.choice(&OTHER_SLOTS).unwrap();
    let published = Published {
        level: settled(level).saturating_sub(rng.u32(0..4)),
        index,
        bytes: nonsense(rng, head),
        lost_page: (rng.u8(0..6) == 0).then(|| rng.u16(0..3)),
    };
    let named = match rng.u8(0..10) {
        0 => level + rng.u32(0..9),
        1 => level.saturating_sub(rng.u32(500..600)),
        _ => published.level,
    };
    let message = match (rng.u8(0..4), setup.keys.first()) {
        (0, _) => attested(named, publisher(rng), U256::one() << usize::from(index)),
        (1, _) | (_, None) => signal(&SecretKey::from_seed(&[0x57; 32]), named, &[index]),
        (_, Some(key)) => signal(key, named, &[index]),
    };
    (published, message)
}

fn publisher(rng: &mut Rng) -> PublicKeyHash {
    if rng.u8(0..4) == 0 { PublicKeyHash { hash: [rng.u8(..); 20], ..PUBLISHER } } else { PUBLISHER }
}

/// Chunks that make no blueprint that the sequencer means, and garbage between them. Numbers are far enough ahead of
/// the head that they are not in its way.
fn nonsense(rng: &mut Rng, head: u64) -> Vec<u8> {
    let mut bytes = vec![];
    for _ in 0..rng.usize(0..30) {
        let chunk_count = *rng.choice(&[0, 1, 2, 128, 129]).unwrap();
        let size_bytes = if rng.u8(0..10) == 0 { 3_957 } else { rng.usize(0..200) };
        let piece = vec![rng.u8(..); size_bytes];
        let numbers = [0, head.saturating_sub(3), head, head + 200, head + 4_096, head + 4_097, u64::MAX];
        let number = BlockNumber::new(*rng.choice(&numbers).unwrap());
        let chain_id = (rng.u8(0..3) == 0).then(|| U256::from(rng.u64(1_336..1_339)));
        bytes.extend(tagged(&legacy::Chunk {
            number,
            chunk_count,
            index: rng.u16(0..3),
            chain_id,
            piece: &piece,
        }));
        if rng.u8(0..40) == 0 {
            bytes.extend((0..rng.usize(1..50)).map(|_| rng.u8(..)));
        }
    }
    bytes
}
