//! Chunks of blueprints: which are authentic, and storing them once.

use crate::{
    Reason, cost,
    stage::{Judged, Outcome},
};
use alloc::{string::ToString, vec::Vec};
use millrace_host::{HostError, Path, PathBuf, Store};
use millrace_layout::{
    LayoutError,
    blueprints::{self, Place},
    parameters, sequencers,
    world::World,
};
use millrace_primitives::{BlockHash, BlockNumber, RollupAddress, Ticks};
use millrace_wire::{
    authority::{Authority, CertificateError},
    blueprint::{Announced, Chunk, Domain},
    signature::{PreparedKey, PublicKey},
};

/// How far past the head a blueprint may be: what a sequencer can publish in one level after a long outage,
/// and a bound on what waits.
pub const BLUEPRINTS_AHEAD_MAX: u64 = 4_096;

/// What chunks are judged by. None of it changes in stage 1 after the first message, so a run reads it once, when the first chunk
/// asks for it.
pub(crate) struct Chain {
    rollup: RollupAddress,
    context: Option<Context>,
    /// Header and certificate that were stored or found stored last: the next chunk often has the same.
    known: Option<(BlockNumber, Vec<u8>)>,
    pub(crate) signature_checks: u32,
    /// What those took.
    pub(crate) ticks: Ticks,
}

pub(crate) struct Context {
    pub(crate) head: BlockNumber,
    head_hash: BlockHash,
    pub(crate) domain: Domain,
    pub(crate) authority: Option<Authority>,
}

impl Context {
    /// The key of the sequencer, when there is just one.
    pub(crate) fn single_sequencer(&self) -> Result<PublicKey, Reason> {
        let Some(authority) = &self.authority else { return Err(Reason::NoAuthority) };
        match (authority.members.as_slice(), authority.quorum) {
            ([key], 1) => Ok(*key),
            _ => Err(Reason::NotOneSequencer),
        }
    }
}

impl Chain {
    pub(crate) const fn new(rollup: RollupAddress) -> Self {
        Self { rollup, context: None, known: None, signature_checks: 0, ticks: Ticks::ZERO }
    }

    pub(crate) const fn rollup(&self) -> RollupAddress {
        self.rollup
    }

    /// Forgets what was read: the authority is another one.
    pub(crate) fn forget(&mut self) {
        (self.context, self.known) = (None, None);
    }

    /// Counts signatures that are checked, all of keys like this one.
    pub(crate) fn count_signatures(&mut self, key: Option<&PublicKey>, count: u16) {
        self.signature_checks = self.signature_checks.saturating_add(u32::from(count));
        let ticks = key.map_or(Ticks::ZERO, cost::signature).get().saturating_mul(u64::from(count));
        self.ticks = self.ticks.saturating_add(ticks);
    }

    pub(crate) fn context(&mut self, store: &impl Store) -> Result<&Context, LayoutError> {
        if self.context.is_none() {
            let head = World::Committed.head()?.require(store)?;
            let domain = Domain { rollup: self.rollup, chain_id: parameters::read(store)?.chain_id };
            let authority = sequencers::read(store)?;
            self.context =
                Some(Context { head: head.header.number, head_hash: head.hash, domain, authority });
        }
        // It was set just above.
        self.context.as_ref().ok_or(LayoutError::Path)
    }

    /// Header and certificate stored for `number`.
    fn stored(&mut self, store: &impl Store, number: BlockNumber) -> Result<Option<Vec<u8>>, LayoutError> {
        match &self.known {
            Some((known, bytes)) if *known == number => Ok(Some(bytes.clone())),
            _ => Ok(blueprints::announced(number)?.read(store)?.map(|announced| announced.0)),
        }
    }
}

/// Judges the body of a chunk message, and stores what is authentic and new.
pub(crate) fn read(store: &mut impl Store, chain: &mut Chain, body: &[u8]) -> Result<Judged, LayoutError> {
    let chunk = match Chunk::decode(body) {
        Ok(chunk) => chunk,
        Err(error) => return Ok(Err(Reason::Chunk(error))),
    };
    let context = chain.context(store)?;
    let header = &chunk.announced.header;
    if let Err(reason) = timely(context.head, header.number) {
        return Ok(Err(reason));
    }
    match &context.authority {
        None => return Ok(Err(Reason::NoAuthority)),
        Some(authority) if authority.epoch != header.epoch => {
            return Ok(Err(Reason::Certificate(CertificateError::Epoch)));
        }
        Some(_) => {}
    }
    // What does not stand on the head can no longer be the next block.
    let needed_parent = (header.number.since(context.head) == 1).then_some(context.head_hash);
    let number = header.number;
    let stored = chain.stored(store, number)?;
    match relation(stored.as_deref(), &chunk, needed_parent) {
        Relation::Same { certificate_too } => {
            read_piece(store, chain, (&chunk, Place::First), certificate_too)
        }
        Relation::Competing => read_rival(store, chain, &chunk, needed_parent),
        Relation::First => read_first(store, chain, (&chunk, Place::First), stored.is_some()),
    }
}

/// A chunk of another blueprint than the one that came first. The first that is whole counts: one whose other chunks
/// are lost must not keep its number for ever.
fn read_rival(
    store: &mut impl Store,
    chain: &mut Chain,
    chunk: &Chunk<'_>,
    needed_parent: Option<BlockHash>,
) -> Result<Judged, LayoutError> {
    let number = chunk.announced.header.number;
    // What stands on another block than the head is no rival: anybody could send again what was once signed.
    let stands_elsewhere = needed_parent.is_some_and(|parent| parent != chunk.announced.header.parent);
    if stands_elsewhere || is_whole(store, Place::First, number)? {
        return Ok(Err(Reason::CompetingHeader));
    }
    let stored = Place::Rival.announced(number)?.read(store)?.map(|announced| announced.0);
    let judged = match relation(stored.as_deref(), chunk, needed_parent) {
        Relation::Same { certificate_too } => {
            read_piece(store, chain, (chunk, Place::Rival), certificate_too)?
        }
        // Of three of which none is whole, the first and the last are kept.
        Relation::Competing | Relation::First => {
            read_first(store, chain, (chunk, Place::Rival), stored.is_some())?
        }
    };
    if judged.is_ok() && is_whole(store, Place::Rival, number)? {
        blueprints::promote_rival(store, number)?;
        chain.known = None;
    }
    Ok(judged)
}

/// Whether all pieces are there that the header in this place commits to.
fn is_whole(store: &impl Store, place: Place, number: BlockNumber) -> Result<bool, LayoutError> {
    let announced = place.announced(number)?.read(store)?;
    let header = announced.and_then(|announced| Announced::decode(&announced.0).ok());
    match header.map(|announced| announced.header.chunk_count) {
        Some(count) => Ok(place.pieces_count(store, number)? >= u64::from(count)),
        None => Ok(false),
    }
}

/// Whether a blueprint with this number is of use. Takes no host call.
pub(crate) fn timely(head: BlockNumber, number: BlockNumber) -> Result<(), Reason> {
    match number.since(head) {
        0 => Err(Reason::Stale),
        1..=BLUEPRINTS_AHEAD_MAX => Ok(()),
        _ => Err(Reason::TooFarAhead),
    }
}

/// How a chunk relates to what is stored for its number.
enum Relation {
    /// The header is stored.
    Same {
        /// With this very certificate.
        certificate_too: bool,
    },
    /// Another header of the same epoch is stored.
    Competing,
    /// Nothing is stored, or something that is no longer of use.
    First,
}

fn relation(stored: Option<&[u8]>, chunk: &Chunk<'_>, needed_parent: Option<BlockHash>) -> Relation {
    let Some(stored) = stored else { return Relation::First };
    if stored == chunk.announced_bytes {
        return Relation::Same { certificate_too: true };
    }
    match Announced::decode(stored) {
        Ok(Announced { header, .. }) if header == chunk.announced.header => {
            Relation::Same { certificate_too: false }
        }
        Ok(Announced { header, .. })
            if header.epoch == chunk.announced.header.epoch
                && needed_parent.is_none_or(|parent| parent == header.parent) =>
        {
            Relation::Competing
        }
        // Of an authority that is no longer in office, on another block than the head, or not a header at all: it
        // would never be applied.
        _ => Relation::First,
    }
}

/// A further chunk of a blueprint whose header is stored.
fn read_piece(
    store: &mut impl Store,
    chain: &mut Chain,
    (chunk, place): (&Chunk<'_>, Place),
    certificate_too: bool,
) -> Result<Judged, LayoutError> {
    let number = chunk.announced.header.number;
    let key = place.piece(number, chunk.index)?;
    if has_size(store, key.path(), chunk.piece.len())? {
        return Ok(Err(Reason::DuplicatePiece));
    }
    if !chunk.proves_piece() {
        return Ok(Err(Reason::WrongProof));
    }
    if certificate_too {
        remember(chain, chunk, place);
    } else if let Err(error) = check(store, chain, chunk)? {
        return Ok(Err(Reason::Certificate(error)));
    }
    key.write(store, &blueprints::Piece(chunk.piece.to_vec()))?;
    Ok(Ok(Outcome::Kept))
}

/// Whether a value of exactly this size is stored. A piece is written in two host calls; a run that died
/// between them left the first half, which counts as nothing and is written again.
fn has_size(store: &impl Store, path: Path<'_>, size_bytes: usize) -> Result<bool, LayoutError> {
    match store.store_value_size(path) {
        Ok(stored) => Ok(stored == size_bytes),
        Err(HostError::NotAValue) => Ok(false),
        Err(error) => {
            let path = PathBuf::new(path.as_str().to_string()).map_err(|_| LayoutError::Path)?;
            Err(LayoutError::Host { path, error })
        }
    }
}

/// The first chunk of a blueprint, in place of a useless one if there is one. The header is written before
/// the piece: a run that dies in between leaves a blueprint without that piece, as if the message had not
/// arrived.
fn read_first(
    store: &mut impl Store,
    chain: &mut Chain,
    (chunk, place): (&Chunk<'_>, Place),
    replaces: bool,
) -> Result<Judged, LayoutError> {
    if !chunk.proves_piece() {
        return Ok(Err(Reason::WrongProof));
    }
    let number = chunk.announced.header.number;
    if let Err(error) = check(store, chain, chunk)? {
        return Ok(Err(Reason::Certificate(error)));
    }
    // Format 2 always wins over format 0, see `legacy`.
    let replaces_legacy =
        !replaces && place == Place::First && blueprints::legacy_count(number)?.exists(store)?;
    if replaces || replaces_legacy {
        place.delete(store, number)?;
    }
    place.announced(number)?.write(store, &blueprints::Announced(chunk.announced_bytes.to_vec()))?;
    remember(chain, chunk, place);
    place.piece(number, chunk.index)?.write(store, &blueprints::Piece(chunk.piece.to_vec()))?;
    Ok(Ok(Outcome::Kept))
}

/// Checks the certificate of a chunk, which costs a signature check a signer.
fn check(
    store: &mut impl Store,
    chain: &mut Chain,
    chunk: &Chunk<'_>,
) -> Result<Result<(), CertificateError>, LayoutError> {
    let Announced { header, certificate } = &chunk.announced;
    let Context { domain, authority, .. } = chain.context(store)?;
    let Some(authority) = authority else { return Ok(Err(CertificateError::Epoch)) };
    let mut unprepared = Vec::new();
    let checked =
        authority.check_by(domain, header, certificate, |key, bytes, signature| match prepared(store, key) {
            Some(prepared) => prepared.verify(bytes, signature),
            None => {
                unprepared.extend(ed25519_of(key));
                key.verify(bytes, signature)
            }
        });
    let key = authority.members.first().copied();
    chain.count_signatures(key.as_ref(), certificate.signature_count());
    // A signer is a member: what is kept is bounded by their number.
    if checked.is_ok() {
        for key in unprepared {
            prepare(store, chain, &key)?;
        }
    }
    Ok(checked)
}

const fn ed25519_of(key: &PublicKey) -> Option<[u8; 32]> {
    match key {
        PublicKey::Ed25519(key) => Some(*key),
        PublicKey::Secp256k1(_) | PublicKey::P256(_) => None,
    }
}

/// What an earlier run prepared of a key. What cannot be read is as good as nothing.
fn prepared(store: &impl Store, key: &PublicKey) -> Option<PreparedKey> {
    let stored = sequencers::prepared(&ed25519_of(key)?).ok()?.read(store).ok()??;
    stored.0.as_slice().try_into().ok().map(PreparedKey::from_trusted_bytes)
}

/// Works out, once for a member, what makes the checks of its signatures cheaper.
fn prepare(store: &mut impl Store, chain: &mut Chain, key: &[u8; 32]) -> Result<(), LayoutError> {
    let Some(prepared) = PreparedKey::new(key) else { return Ok(()) };
    chain.ticks = chain.ticks.saturating_add(cost::PREPARATION.get());
    sequencers::prepared(key)?.write(store, &sequencers::Prepared(prepared.to_bytes().to_vec()))
}

fn remember(chain: &mut Chain, chunk: &Chunk<'_>, place: Place) {
    if place == Place::First {
        chain.known = Some((chunk.announced.header.number, chunk.announced_bytes.to_vec()));
    }
}
