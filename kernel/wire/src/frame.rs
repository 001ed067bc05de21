//! External messages: the frame that says for which rollup and of which kind.
//!
//! `0x01 | 0x00 | rollup address, 20 bytes | kind | body`, at most 4,096 bytes. All rollups share one inbox,
//! so most external messages are somebody else's.
//!
//! Kinds 0x00 to 0x04 and 0xff are Etherlink's (transaction, chunked transaction, its chunks, legacy
//! blueprint chunk, DAL signal, forced upgrade) and are not given another meaning here.

use crate::{MESSAGE_BYTES_MAX, bytes::Reader, message::Ignored};
use alloc::vec::Vec;
use millrace_primitives::RollupAddress;

/// The outer tag of an external message.
pub const EXTERNAL_TAG: u8 = 1;
/// The frame with a rollup address.
const TARGETED_TAG: u8 = 0;

/// Bytes before the body: both tags, address and kind.
pub const HEADER_BYTES: usize = 23;
/// Largest body.
pub const BODY_BYTES_MAX: usize = MESSAGE_BYTES_MAX.saturating_sub(HEADER_BYTES);

/// What the body of an external message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A chunk of a blueprint of format 2: [`crate::blueprint::Chunk`].
    BlueprintChunk,
}

impl Kind {
    /// The byte in the frame.
    pub const fn to_byte(self) -> u8 {
        match self {
            Self::BlueprintChunk => 5,
        }
    }

    /// The kind behind a byte.
    pub const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            5 => Some(Self::BlueprintChunk),
            _ => None,
        }
    }
}

/// An external message for this rollup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct External<'a> {
    /// What the body is.
    pub kind: Kind,
    /// At most [`BODY_BYTES_MAX`] bytes.
    pub body: &'a [u8],
}

/// Reads what follows the outer tag.
pub(crate) fn decode<'a>(mut reader: Reader<'a>, rollup: &RollupAddress) -> Result<External<'a>, Ignored> {
    if reader.u8().ok_or(Ignored::Truncated)? != TARGETED_TAG {
        return Err(Ignored::UnknownFrame);
    }
    if reader.array::<20>().ok_or(Ignored::Truncated)? != *rollup.as_bytes() {
        return Err(Ignored::OtherRollup);
    }
    let kind = Kind::from_byte(reader.u8().ok_or(Ignored::Truncated)?).ok_or(Ignored::UnknownKind)?;
    Ok(External { kind, body: reader.rest() })
}

/// A whole external message, outer tag included. A body over [`BODY_BYTES_MAX`] makes a message that the
/// layer 1 refuses.
pub fn encode(rollup: &RollupAddress, kind: Kind, body: &[u8]) -> Vec<u8> {
    let mut message = Vec::with_capacity(HEADER_BYTES.saturating_add(body.len()));
    message.extend_from_slice(&[EXTERNAL_TAG, TARGETED_TAG]);
    message.extend_from_slice(rollup.as_bytes());
    message.push(kind.to_byte());
    message.extend_from_slice(body);
    message
}
