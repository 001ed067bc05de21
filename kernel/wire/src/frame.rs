//! External messages: the frame that says for which rollup and of which kind.
//!
//! `0x01 | 0x00 | rollup address, 20 bytes | kind | body`, at most 4,096 bytes. All rollups share one inbox,
//! so most external messages are somebody else's.
//!
//! Kinds 0x00 to 0x04 and 0xff mean what they mean on Etherlink, so that one stream of messages can feed both
//! kernels; 0x05 is ours. What of them this kernel acts upon is decided by stage 1.

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
    /// 0x00, a transaction: [`crate::proxy::Transaction`].
    Transaction,
    /// 0x01, the announcement of a transaction in chunks: [`crate::proxy::Announcement`].
    ChunkedTransaction,
    /// 0x02, a chunk of a transaction: [`crate::proxy::TransactionChunk`].
    TransactionChunk,
    /// 0x03, a signed chunk of a blueprint of format 0: [`crate::blueprint::legacy::SignedChunk`].
    LegacyBlueprintChunk,
    /// 0x04, slots of the data availability layer to import: [`crate::dal::Signal`].
    DalSignal,
    /// 0x05, a chunk of a blueprint of format 2: [`crate::blueprint::Chunk`].
    BlueprintChunk,
    /// 0xff, anybody's request to perform an overdue upgrade. The body plays no role.
    ForcedUpgrade,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 7] = [
        Self::Transaction,
        Self::ChunkedTransaction,
        Self::TransactionChunk,
        Self::LegacyBlueprintChunk,
        Self::DalSignal,
        Self::BlueprintChunk,
        Self::ForcedUpgrade,
    ];

    /// The byte in the frame.
    pub const fn to_byte(self) -> u8 {
        match self {
            Self::Transaction => 0,
            Self::ChunkedTransaction => 1,
            Self::TransactionChunk => 2,
            Self::LegacyBlueprintChunk => 3,
            Self::DalSignal => 4,
            Self::BlueprintChunk => 5,
            Self::ForcedUpgrade => 0xff,
        }
    }

    /// The kind behind a byte.
    pub const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            0 => Some(Self::Transaction),
            1 => Some(Self::ChunkedTransaction),
            2 => Some(Self::TransactionChunk),
            3 => Some(Self::LegacyBlueprintChunk),
            4 => Some(Self::DalSignal),
            5 => Some(Self::BlueprintChunk),
            0xff => Some(Self::ForcedUpgrade),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_one_kind_or_none() {
        let kinds: Vec<_> = (0..=u8::MAX).filter_map(|byte| Some((byte, Kind::from_byte(byte)?))).collect();
        assert_eq!(kinds.iter().map(|(byte, _)| *byte).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5, 0xff]);
        assert_eq!(kinds.iter().map(|(_, kind)| *kind).collect::<Vec<_>>(), Kind::ALL);
        for (byte, kind) in kinds {
            assert_eq!(kind.to_byte(), byte);
        }
    }
}
