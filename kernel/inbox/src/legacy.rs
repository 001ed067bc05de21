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
use millrace_wire::{authority::CertificateError, blueprint::legacy::SignedChunk};

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
    let chunk = &signed.chunk;
    let context = chain.context(store)?;
    if let Err(reason) = timely(context.head, chunk.number) {
        return Ok(Err(reason));
    }
    let Some(authority) = &context.authority else { return Ok(Err(Reason::NoAuthority)) };
    let ([key], 1) = (authority.members.as_slice(), authority.quorum) else {
        return Ok(Err(Reason::NotOneSequencer));
    };
    let key = *key;
    if chunk.chain_id.is_some_and(|chain_id| chain_id != context.domain.chain_id) {
        return Ok(Err(Reason::OtherChain));
    }
    let count = blueprints::legacy_count(chunk.number)?;
    let stored = count.read(store)?;
    // Format 2 always wins: a signature of format 0 says neither for which rollup it is nor, mostly, for which chain,
    // so that old chunks of a key that is used elsewhere can be sent here by anybody.
    if stored.is_none() && blueprints::announced(chunk.number)?.exists(store)? {
        return Ok(Err(Reason::CompetingHeader));
    }
    let piece = blueprints::piece(chunk.number, chunk.index)?;
    let older = piece.read(store)?;
    let is_counted = stored == Some(LegacyCount(chunk.chunk_count));
    if is_counted && older.as_ref().is_some_and(|older| older.0 == chunk.piece) {
        return Ok(Err(Reason::DuplicatePiece));
    }
    chain.count_signatures(Some(&key), 1);
    if !signed.is_signed_by(&key) {
        return Ok(Err(Reason::Certificate(CertificateError::Signature)));
    }
    if !is_counted {
        count.write(store, &LegacyCount(chunk.chunk_count))?;
    }
    // A piece is written without cutting a longer one.
    if older.is_some() {
        piece.delete(store)?;
    }
    piece.write(store, &Piece(chunk.piece.to_vec()))?;
    Ok(Ok(Outcome::Kept))
}
