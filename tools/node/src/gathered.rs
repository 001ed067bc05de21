//! Blueprints of whoever is in office, put together from the messages of a level and from what waited before it.

use millrace_layout::blueprints::Announced as Stored;
use millrace_primitives::{BlockNumber, RollupAddress};
use millrace_wire::{
    authority::Authority,
    blueprint::{Announced, Blueprint, Chunk, Domain, assemble},
    frame::Kind,
    message::{self, Message},
};
use std::collections::BTreeMap;

/// Pieces of blueprints, by number and by header with certificate.
#[derive(Default)]
pub(crate) struct Gathered {
    pieces: BTreeMap<(BlockNumber, Vec<u8>), BTreeMap<u16, Vec<u8>>>,
}

impl Gathered {
    /// Takes the chunks among the messages of a level.
    pub(crate) fn of_messages(messages: &[Vec<u8>], rollup: &RollupAddress) -> Self {
        let mut gathered = Self::default();
        for bytes in messages {
            let Ok(Message::External(external)) = message::parse(bytes, rollup) else { continue };
            if external.kind != Kind::BlueprintChunk {
                continue;
            }
            let Ok(chunk) = Chunk::decode(external.body) else { continue };
            if chunk.proves_piece() {
                let key = (chunk.announced.header.number, chunk.announced_bytes.to_vec());
                gathered.pieces.entry(key).or_default().insert(chunk.index, chunk.piece.to_vec());
            }
        }
        gathered
    }

    /// Adds what waited already.
    pub(crate) fn add(
        &mut self,
        number: BlockNumber,
        Stored(announced): Stored,
        pieces: BTreeMap<u16, Vec<u8>>,
    ) {
        self.pieces.entry((number, announced)).or_default().extend(pieces);
    }

    /// The whole blueprints of this number that `authority` certified.
    pub(crate) fn certified(
        &self,
        number: BlockNumber,
        authority: &Authority,
        domain: &Domain,
    ) -> Vec<Blueprint> {
        let whole = |bytes: &[u8], pieces: &BTreeMap<u16, Vec<u8>>| {
            let Announced { header, certificate } = Announced::decode(bytes).ok()?;
            let count = usize::from(header.chunk_count);
            let is_whole = header.number == number && pieces.len() == count;
            let is_theirs = || authority.check(domain, &header, &certificate).is_ok();
            if !is_whole || header.epoch != authority.epoch || !is_theirs() {
                return None;
            }
            let pieces: Vec<Vec<u8>> = pieces.values().cloned().collect();
            assemble(&header, &pieces).ok()
        };
        let numbers = (number, Vec::new())..(number.saturating_add(1), Vec::new());
        self.pieces.range(numbers).filter_map(|((_, bytes), pieces)| whole(bytes, pieces)).collect()
    }
}
