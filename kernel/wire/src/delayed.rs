//! The delayed bridge: the contract of the layer 1 that brings transactions past the sequencer.
//!
//! ```text
//! 0x00 | n u8     start of a transaction in n chunks; a start takes the place of one before it
//! 0x01 | payload  the next chunk
//! transaction     without a tag: what the first version of the contract sent
//! ```
//!
//! The contract that is in use tags all it sends, cuts at [`CHUNK_BYTES_MAX`], and sends start and chunks in one
//! operation of the layer 1, so that they arrive one after the other in the inbox of one level. What has no tag
//! is told by its first byte: transactions of type 2 or 4, and RLP lists. A transaction of type 1 (EIP-2930)
//! starts like a chunk and is read as one: it must come with tags, as must all that is larger than a message.
//! Source: `chunked_delayed_transaction_bridge.mligo` and its predecessor `delayed_transaction_bridge.mligo`.
//!
//! **Bounds**: [`crate::TRANSACTION_BYTES_MAX`], so at most [`CHUNKS_MAX`] of the 255 chunks that the tag could
//! announce: more are refused before the first one is kept. An operation of the layer 1 has at most 32 KiB of
//! data, so only another contract could ask for as much.

use crate::{TRANSACTION_BYTES_MAX, digest::keccak_256};
use alloc::vec::Vec;
use millrace_primitives::TransactionHash;

const START: u8 = 0;
const CHUNK: u8 = 1;

/// Bytes of every chunk but the last of a transaction.
pub const CHUNK_BYTES_MAX: usize = 4_000;

/// Most chunks of a transaction: as many as [`TRANSACTION_BYTES_MAX`] takes.
pub const CHUNKS_MAX: u8 = TRANSACTION_BYTES_MAX.div_ceil(CHUNK_BYTES_MAX) as u8;

/// What the delayed bridge sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BridgeMessage<'a> {
    /// A transaction will follow.
    Start {
        /// In so many chunks; 1 to [`CHUNKS_MAX`].
        chunks: u8,
    },
    /// The next chunk of it, with 1 to [`CHUNK_BYTES_MAX`] bytes.
    Chunk(&'a [u8]),
    /// A transaction in one piece, without a tag.
    Whole(&'a [u8]),
}

/// Why bytes of the delayed bridge are nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BridgeError {
    /// No bytes.
    Empty,
    /// A start that is not exactly a tag and a number.
    Start,
    /// A start of no chunks.
    NoChunks,
    /// A start of more than [`CHUNKS_MAX`] chunks.
    TooManyChunks,
    /// A chunk without bytes or with more than [`CHUNK_BYTES_MAX`].
    ChunkSize,
    /// Neither tagged nor the beginning of a transaction that this kernel knows.
    UnknownTag,
}

impl<'a> BridgeMessage<'a> {
    /// Reads the bytes of a `Left (Right …)` from the delayed bridge.
    ///
    /// # Errors
    /// [`BridgeError`] says what is wrong with them.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, BridgeError> {
        match bytes {
            [] => Err(BridgeError::Empty),
            [START, chunks] => match *chunks {
                0 => Err(BridgeError::NoChunks),
                chunks @ 1..=CHUNKS_MAX => Ok(Self::Start { chunks }),
                _ => Err(BridgeError::TooManyChunks),
            },
            [START, ..] => Err(BridgeError::Start),
            [CHUNK, payload @ ..] if (1..=CHUNK_BYTES_MAX).contains(&payload.len()) => {
                Ok(Self::Chunk(payload))
            }
            [CHUNK, ..] => Err(BridgeError::ChunkSize),
            [2 | 4 | 0xc0..=0xff, ..] => Ok(Self::Whole(bytes)),
            _ => Err(BridgeError::UnknownTag),
        }
    }

    /// The bytes.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Start { chunks } => Vec::from([START, *chunks]),
            Self::Chunk(payload) => [&[CHUNK], *payload].concat(),
            Self::Whole(transaction) => transaction.to_vec(),
        }
    }
}

/// What the bridge sends for a transaction: a start, then its chunks. `None` when it is empty or larger than
/// [`TRANSACTION_BYTES_MAX`].
pub fn cut(transaction: &[u8]) -> Option<Vec<BridgeMessage<'_>>> {
    if transaction.is_empty() || transaction.len() > TRANSACTION_BYTES_MAX {
        return None;
    }
    let chunks = u8::try_from(transaction.len().div_ceil(CHUNK_BYTES_MAX)).ok()?;
    let start = core::iter::once(BridgeMessage::Start { chunks });
    Some(start.chain(transaction.chunks(CHUNK_BYTES_MAX).map(BridgeMessage::Chunk)).collect())
}

/// The name of a transaction in the delayed inbox: Keccak-256 of all its bytes, its hash in Ethereum.
pub fn name(transaction: &[u8]) -> TransactionHash {
    TransactionHash::new(keccak_256(transaction))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn row_26_tags_and_counts_decide() {
        use BridgeError::{ChunkSize, Empty, NoChunks, Start, TooManyChunks, UnknownTag};
        let longest = [&[1][..], &[7; 4_000]].concat();
        let longer = [&[1][..], &[7; 4_001]].concat();
        let whole = [&[2][..], &[7; 4_020]].concat();
        let table: [(&[u8], Result<BridgeMessage<'_>, BridgeError>); 30] = [
            (&[], Err(Empty)),
            (&[0], Err(Start)),
            (&[0, 0], Err(NoChunks)),
            (&[0, 1], Ok(BridgeMessage::Start { chunks: 1 })),
            (&[0, 33], Ok(BridgeMessage::Start { chunks: 33 })),
            (&[0, 34], Err(TooManyChunks)),
            (&[0, 255], Err(TooManyChunks)),
            (&[0, 1, 0], Err(Start)),
            (&[0, 0, 1], Err(Start)),
            (&[1], Err(ChunkSize)),
            (&[1, 0], Ok(BridgeMessage::Chunk(&[0]))),
            // A transaction of type 1 without a tag is a chunk.
            (&[1, 0xc0], Ok(BridgeMessage::Chunk(&[0xc0]))),
            (&longest, Ok(BridgeMessage::Chunk(&[7; 4_000]))),
            (&longer, Err(ChunkSize)),
            (&[2], Ok(BridgeMessage::Whole(&[2]))),
            (&[2, 0xc0], Ok(BridgeMessage::Whole(&[2, 0xc0]))),
            (&whole, Ok(BridgeMessage::Whole(&whole))),
            (&[3, 0xc0], Err(UnknownTag)),
            (&[4, 0xc0], Ok(BridgeMessage::Whole(&[4, 0xc0]))),
            (&[5], Err(UnknownTag)),
            (&[0x7f], Err(UnknownTag)),
            (&[0x80], Err(UnknownTag)),
            (&[0xbf, 0], Err(UnknownTag)),
            (&[0xc0], Ok(BridgeMessage::Whole(&[0xc0]))),
            (&[0xf8, 0], Ok(BridgeMessage::Whole(&[0xf8, 0]))),
            (&[0xff], Ok(BridgeMessage::Whole(&[0xff]))),
            (&[0x7e, 0x01], Err(UnknownTag)),
            (&[6, 0], Err(UnknownTag)),
            (&[0x9f], Err(UnknownTag)),
            (&[0xb8], Err(UnknownTag)),
        ];
        for (bytes, expected) in table {
            assert_eq!(BridgeMessage::decode(bytes), expected, "{:?}", &bytes[..bytes.len().min(8)]);
        }
    }

    #[test]
    fn row_26_the_largest_transaction_is_cut_and_nothing_larger() {
        assert_eq!(CHUNKS_MAX, 33);
        let largest = vec![0xee; TRANSACTION_BYTES_MAX];
        let messages = cut(&largest).unwrap();
        assert_eq!(messages.len(), 34);
        assert_eq!(messages[0].encode(), [0, 33]);
        assert_eq!(cut(&vec![0xee; TRANSACTION_BYTES_MAX + 1]), None);
        assert_eq!(cut(&[]), None);
        let counts = [(1, 1), (4_000, 1), (4_001, 2), (128_000, 32), (128_001, 33)];
        for (size, chunks) in counts {
            assert_eq!(cut(&largest[..size]).unwrap()[0], BridgeMessage::Start { chunks }, "{size}");
        }
    }

    #[test]
    fn the_name_is_the_hash_of_ethereum() {
        let empty = "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470";
        assert_eq!(name(&[]).to_string(), empty);
    }

    proptest! {
        #[test]
        fn what_decodes_has_one_encoding(tag in 0u8..6, bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let tagged = [&[tag][..], &bytes].concat();
            for bytes in [&bytes, &tagged] {
                if let Ok(message) = BridgeMessage::decode(bytes) {
                    prop_assert_eq!(&message.encode(), bytes);
                }
            }
        }

        #[test]
        fn any_transaction_comes_together(transaction in prop::collection::vec(any::<u8>(), 1..9_000)) {
            let messages: Vec<_> = cut(&transaction).unwrap().iter().map(BridgeMessage::encode).collect();
            let mut whole = vec![];
            for message in &messages[1..] {
                let Ok(BridgeMessage::Chunk(payload)) = BridgeMessage::decode(message) else {
                    panic!("not a chunk");
                };
                whole.extend_from_slice(payload);
            }
            prop_assert_eq!(whole, transaction);
        }
    }
}
