//! Chunks of blueprints: which are authentic, and storing them once.

use crate::{
    Reason,
    stage::{Judged, Outcome},
};
use alloc::{string::ToString, vec::Vec};
use millrace_host::{HostError, Path, PathBuf, Store};
use millrace_layout::{LayoutError, blueprints, parameters, sequencers, world::World};
use millrace_primitives::{BlockNumber, RollupAddress};
use millrace_wire::{
    authority::{Authority, CertificateError},
    blueprint::{Announced, Chunk, Domain},
};

/// How far past the head a blueprint may be: what a sequencer can publish in one level after a long outage,
/// and a bound on what waits.
pub const BLUEPRINTS_AHEAD_MAX: u64 = 4_096;

/// What chunks are judged by. None of it changes in stage 1, so a run reads it once, when the first chunk
/// asks for it.
pub(crate) struct Chain {
    rollup: RollupAddress,
    context: Option<Context>,
    /// Header and certificate that were stored or found stored last: the next chunk often has the same.
    known: Option<(BlockNumber, Vec<u8>)>,
    pub(crate) signature_checks: u32,
}

struct Context {
    head: BlockNumber,
    domain: Domain,
    authority: Option<Authority>,
}

impl Chain {
    pub(crate) const fn new(rollup: RollupAddress) -> Self {
        Self { rollup, context: None, known: None, signature_checks: 0 }
    }

    pub(crate) const fn rollup(&self) -> RollupAddress {
        self.rollup
    }

    fn context(&mut self, store: &impl Store) -> Result<&Context, LayoutError> {
        if self.context.is_none() {
            let head = World::Committed.head()?.require(store)?.header.number;
            let domain = Domain { rollup: self.rollup, chain_id: parameters::read(store)?.chain_id };
            let authority = sequencers::read(store)?;
            self.context = Some(Context { head, domain, authority });
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
    if let Err(reason) = timely(context, &chunk) {
        return Ok(Err(reason));
    }
    let number = chunk.announced.header.number;
    let stored = chain.stored(store, number)?;
    match relation(stored.as_deref(), &chunk) {
        Relation::Same { certificate_too } => read_piece(store, chain, &chunk, certificate_too),
        Relation::Competing => Ok(Err(Reason::CompetingHeader)),
        Relation::First => read_first(store, chain, &chunk, stored.is_some()),
    }
}

/// Checks that take no host call: number and epoch.
fn timely(context: &Context, chunk: &Chunk<'_>) -> Result<(), Reason> {
    let header = &chunk.announced.header;
    let authority = context.authority.as_ref().ok_or(Reason::NoAuthority)?;
    match header.number.since(context.head) {
        0 => Err(Reason::Stale),
        1..=BLUEPRINTS_AHEAD_MAX if header.epoch == authority.epoch => Ok(()),
        1..=BLUEPRINTS_AHEAD_MAX => Err(Reason::Certificate(CertificateError::Epoch)),
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

fn relation(stored: Option<&[u8]>, chunk: &Chunk<'_>) -> Relation {
    let Some(stored) = stored else { return Relation::First };
    if stored == chunk.announced_bytes {
        return Relation::Same { certificate_too: true };
    }
    match Announced::decode(stored) {
        Ok(Announced { header, .. }) if header == chunk.announced.header => {
            Relation::Same { certificate_too: false }
        }
        Ok(Announced { header, .. }) if header.epoch == chunk.announced.header.epoch => Relation::Competing,
        // Of an authority that is no longer in office, or not a header at all: it would never be applied.
        _ => Relation::First,
    }
}

/// A further chunk of a blueprint whose header is stored.
fn read_piece(
    store: &mut impl Store,
    chain: &mut Chain,
    chunk: &Chunk<'_>,
    certificate_too: bool,
) -> Result<Judged, LayoutError> {
    let number = chunk.announced.header.number;
    let key = blueprints::piece(number, chunk.index)?;
    if has_size(store, key.path(), chunk.piece.len())? {
        return Ok(Err(Reason::DuplicatePiece));
    }
    if !chunk.proves_piece() {
        return Ok(Err(Reason::WrongProof));
    }
    if certificate_too {
        remember(chain, chunk);
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
    chunk: &Chunk<'_>,
    replaces: bool,
) -> Result<Judged, LayoutError> {
    if !chunk.proves_piece() {
        return Ok(Err(Reason::WrongProof));
    }
    if let Err(error) = check(store, chain, chunk)? {
        return Ok(Err(Reason::Certificate(error)));
    }
    let number = chunk.announced.header.number;
    if replaces {
        blueprints::delete(store, number)?;
    }
    blueprints::announced(number)?.write(store, &blueprints::Announced(chunk.announced_bytes.to_vec()))?;
    remember(chain, chunk);
    blueprints::piece(number, chunk.index)?.write(store, &blueprints::Piece(chunk.piece.to_vec()))?;
    Ok(Ok(Outcome::Kept))
}

/// Checks the certificate of a chunk, which costs a signature check.
fn check(
    store: &impl Store,
    chain: &mut Chain,
    chunk: &Chunk<'_>,
) -> Result<Result<(), CertificateError>, LayoutError> {
    chain.signature_checks = chain.signature_checks.saturating_add(1);
    let Context { domain, authority, .. } = chain.context(store)?;
    let Announced { header, certificate } = &chunk.announced;
    Ok(match authority {
        Some(authority) => authority.check(domain, header, certificate),
        None => Err(CertificateError::Epoch),
    })
}

fn remember(chain: &mut Chain, chunk: &Chunk<'_>) {
    chain.known = Some((chunk.announced.header.number, chunk.announced_bytes.to_vec()));
}
