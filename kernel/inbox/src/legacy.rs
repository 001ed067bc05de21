//! Chunks of blueprints of format 0: each is signed for itself by the single sequencer.

use crate::{
    Reason,
    blueprint::{Chain, timely},
    stage::{Judged, Outcome},
};
use millrace_host::Store;
use millrace_layout::{
    LayoutError,
    blueprints::{self, LegacyCount, Piece},
};
use millrace_wire::{
    authority::CertificateError,
    blueprint::legacy::{Chunk, SignedChunk},
    signature::PublicKey,
};

/// Judges the body of a chunk message, and stores what is authentic and new. What is cheap comes first: the signature
/// is checked of what would be stored, and of nothing else.
///
/// Of two pieces for one place the later counts, and so of two chunk counts, as in the kernel whose format this is: no
/// signature says which pieces belong together, and a blueprint that is sent anew has to replace what came of another.
pub(crate) fn read(store: &mut impl Store, chain: &mut Chain, body: &[u8]) -> Result<Judged, LayoutError> {
    let signed = match SignedChunk::decode(body) {
        Ok(signed) => signed,
        Err(error) => return Ok(Err(Reason::LegacyChunk(error))),
    };
    let fit = match fit(store, chain, &signed.chunk)? {
        Ok(fit) => fit,
        Err(reason) => return Ok(Err(reason)),
    };
    chain.count_signatures(Some(&fit.key), 1);
    if !signed.is_signed_by(&fit.key) {
        return Ok(Err(Reason::Certificate(CertificateError::Signature)));
    }
    fit.keep(store, &signed.chunk)
}

/// The same of a chunk that somebody else vouches for.
pub(crate) fn read_unsigned(
    store: &mut impl Store,
    chain: &mut Chain,
    chunk: &Chunk<'_>,
) -> Result<Judged, LayoutError> {
    match fit(store, chain, chunk)? {
        Ok(fit) => fit.keep(store, chunk),
        Err(reason) => Ok(Err(reason)),
    }
}

/// What there is in the place of a chunk that is of use.
struct Fit {
    /// Who has to have signed it.
    key: PublicKey,
    /// The count of chunks is stored.
    is_counted: bool,
    /// There is another piece.
    is_taken: bool,
}

/// Judges a chunk by all but its signature.
fn fit(store: &impl Store, chain: &mut Chain, chunk: &Chunk<'_>) -> Result<Result<Fit, Reason>, LayoutError> {
    let context = chain.context(store)?;
    if let Err(reason) = timely(context.head, chunk.number) {
        return Ok(Err(reason));
    }
    let key = match context.single_sequencer() {
        Ok(key) => key,
        Err(reason) => return Ok(Err(reason)),
    };
    if chunk.chain_id.is_some_and(|chain_id| chain_id != context.domain.chain_id) {
        return Ok(Err(Reason::OtherChain));
    }
    let stored = blueprints::legacy_count(chunk.number)?.read(store)?;
    // Format 2 always wins: a signature of format 0 says neither for which rollup it is nor, mostly, for which chain,
    // so that old chunks of a key that is used elsewhere can be sent here by anybody.
    if stored.is_none() && blueprints::announced(chunk.number)?.exists(store)? {
        return Ok(Err(Reason::CompetingHeader));
    }
    let older = blueprints::piece(chunk.number, chunk.index)?.read(store)?;
    let is_counted = stored == Some(LegacyCount(chunk.chunk_count));
    if is_counted && older.as_ref().is_some_and(|older| older.0 == chunk.piece) {
        return Ok(Err(Reason::DuplicatePiece));
    }
    Ok(Ok(Fit { key, is_counted, is_taken: older.is_some() }))
}

impl Fit {
    fn keep(&self, store: &mut impl Store, chunk: &Chunk<'_>) -> Result<Judged, LayoutError> {
        if !self.is_counted {
            blueprints::legacy_count(chunk.number)?.write(store, &LegacyCount(chunk.chunk_count))?;
        }
        let piece = blueprints::piece(chunk.number, chunk.index)?;
        // A piece is written without cutting a longer one.
        if self.is_taken {
            piece.delete(store)?;
        }
        piece.write(store, &Piece(chunk.piece.to_vec()))?;
        Ok(Ok(Outcome::Kept))
    }
}
