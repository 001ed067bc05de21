//! Why a message changed nothing.

use core::fmt;
use millrace_wire::{
    authority::CertificateError, blueprint::ChunkError, deposit::RoutingError, message::Ignored,
};

/// Why a message changed nothing. The order is roughly that of the checks, from cheap to expensive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Nothing to this rollup.
    Message(Ignored),
    /// For this rollup, of a kind that this kernel does not act upon.
    Unsupported,
    /// The body is not a chunk of a blueprint.
    Chunk(ChunkError),
    /// A blueprint for a block that exists.
    Stale,
    /// A blueprint more than [`crate::BLUEPRINTS_AHEAD_MAX`] blocks ahead.
    TooFarAhead,
    /// A blueprint, and nobody may order transactions.
    NoAuthority,
    /// This piece is stored already.
    DuplicatePiece,
    /// The header does not commit to this piece.
    WrongProof,
    /// The certificate is not that of the authority.
    Certificate(CertificateError),
    /// Another header of the same authority came first for this number.
    CompetingHeader,
    /// A ticket of another ticketer, or there is no ticketer.
    OtherTicketer,
    /// A ticket of the ticketer that is not tez.
    TicketContent,
    /// A deposit of nothing.
    AmountZero,
    /// A deposit of more mutez than there can be.
    AmountTooLarge,
    /// A deposit that names no receiver.
    Routing(RoutingError),
    /// This deposit waits already.
    DuplicateItem,
    /// The delayed inbox is full.
    DelayedInboxFull,
}

impl Reason {
    /// A stable number: 1 to 99 are those of [`Ignored`].
    pub const fn code(self) -> u16 {
        match self {
            Self::Message(ignored) => ignored.code(),
            Self::Unsupported => 100,
            Self::Chunk(ChunkError::Truncated) => 101,
            Self::Chunk(ChunkError::Header) => 102,
            Self::Chunk(ChunkError::UnknownScheme) => 103,
            Self::Chunk(ChunkError::Index) => 104,
            Self::Chunk(ChunkError::PieceSize) => 105,
            Self::Stale => 110,
            Self::TooFarAhead => 111,
            Self::NoAuthority => 112,
            Self::DuplicatePiece => 113,
            Self::WrongProof => 114,
            Self::Certificate(CertificateError::Epoch) => 115,
            Self::Certificate(CertificateError::Scheme) => 116,
            Self::Certificate(CertificateError::Signature) => 117,
            Self::CompetingHeader => 118,
            Self::OtherTicketer => 130,
            Self::TicketContent => 131,
            Self::AmountZero => 132,
            Self::AmountTooLarge => 133,
            Self::Routing(RoutingError::Empty) => 134,
            Self::Routing(RoutingError::UnknownVersion) => 135,
            Self::Routing(RoutingError::Malformed) => 136,
            Self::Routing(RoutingError::NotEvm) => 137,
            Self::DuplicateItem => 138,
            Self::DelayedInboxFull => 139,
        }
    }

    /// The same in words.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Message(ignored) => ignored.text(),
            Self::Unsupported => "kind of message that this kernel does not act upon",
            Self::Chunk(ChunkError::Truncated) => "truncated chunk",
            Self::Chunk(ChunkError::Header) => "malformed blueprint header",
            Self::Chunk(ChunkError::UnknownScheme) => "unknown certificate scheme",
            Self::Chunk(ChunkError::Index) => "chunk index out of range",
            Self::Chunk(ChunkError::PieceSize) => "piece of the wrong size",
            Self::Stale => "blueprint for a block that exists",
            Self::TooFarAhead => "blueprint too far ahead",
            Self::NoAuthority => "blueprint without an authority in office",
            Self::DuplicatePiece => "piece already stored",
            Self::WrongProof => "header does not commit to the piece",
            Self::Certificate(CertificateError::Epoch) => "blueprint of another epoch",
            Self::Certificate(CertificateError::Scheme) => "certificate scheme not that of the authority",
            Self::Certificate(CertificateError::Signature) => "wrong signature",
            Self::CompetingHeader => "another blueprint came first for this number",
            Self::OtherTicketer => "ticket of another ticketer",
            Self::TicketContent => "ticket is not tez",
            Self::AmountZero => "deposit of nothing",
            Self::AmountTooLarge => "deposit too large",
            Self::Routing(RoutingError::Empty) => "deposit without receiver",
            Self::Routing(RoutingError::UnknownVersion) => "deposit routing of unknown version",
            Self::Routing(RoutingError::Malformed) => "malformed deposit routing",
            Self::Routing(RoutingError::NotEvm) => "deposit receiver is not an EVM account",
            Self::DuplicateItem => "deposit waits already",
            Self::DelayedInboxFull => "delayed inbox is full",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (reason {})", self.text(), self.code())
    }
}

impl core::error::Error for Reason {}
