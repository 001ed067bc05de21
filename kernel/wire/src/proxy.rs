//! Transactions that anybody sends to the inbox: Etherlink's mode without a sequencer.
//!
//! ```text
//! kind 0x00  hash 32 | transaction
//! kind 0x01  hash 32 | n u16 | n × chunk hash 32
//! kind 0x02  hash 32 | index u16 | chunk hash 32 | piece
//! ```
//!
//! Integers are little-endian; all hashes are Keccak-256, the first one of the whole transaction. The views here
//! borrow the message; whether hashes are right costs hashing and is a method of its own.
//!
//! **Bounds**: [`crate::TRANSACTION_BYTES_MAX`], so [`CHUNKS_MAX`] chunks. Every piece but the last has exactly
//! [`PIECE_BYTES`]: the number of chunks bounds what is stored, and one transaction is cut in one way.

use crate::{TRANSACTION_BYTES_MAX, bytes::Reader, digest::keccak_256, frame, frame::Kind};
use alloc::vec::Vec;
use millrace_primitives::TransactionHash;

/// Bytes of a hash.
const HASH_BYTES: usize = 32;

/// Bytes of every piece but the last: a message without its frame, two hashes and an index. 4,007.
pub const PIECE_BYTES: usize = frame::BODY_BYTES_MAX - 2 * HASH_BYTES - 2;

/// Most chunks of a transaction: as many as [`TRANSACTION_BYTES_MAX`] takes.
pub const CHUNKS_MAX: u16 = TRANSACTION_BYTES_MAX.div_ceil(PIECE_BYTES) as u16;

/// Why the body of a message is no transaction, announcement or chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyError {
    /// The bytes end too early.
    Truncated,
    /// A transaction or a piece without bytes.
    Empty,
    /// An announcement of no chunks or of more than [`CHUNKS_MAX`].
    Count,
    /// An announcement with more bytes than its hashes.
    TrailingBytes,
    /// An index that is not below [`CHUNKS_MAX`].
    Index,
    /// A piece of more than [`PIECE_BYTES`].
    PieceSize,
}

/// A transaction in one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transaction<'a> {
    /// What the sender says its hash is.
    pub hash: TransactionHash,
    /// Its EIP-2718 encoding, not empty. Whether it decodes is not known here.
    pub raw: &'a [u8],
}

impl<'a> Transaction<'a> {
    /// Reads the body of an external message of kind [`Kind::Transaction`].
    ///
    /// # Errors
    /// [`ProxyError`] says what is wrong with it.
    pub fn decode(body: &'a [u8]) -> Result<Self, ProxyError> {
        let mut reader = Reader::new(body);
        let hash = reader.array().map(TransactionHash::new).ok_or(ProxyError::Truncated)?;
        let raw = reader.rest();
        if raw.is_empty() { Err(ProxyError::Empty) } else { Ok(Self { hash, raw }) }
    }

    /// The body of the message.
    pub fn encode(&self) -> Vec<u8> {
        [self.hash.as_bytes(), self.raw].concat()
    }

    /// Whether the hash is that of the transaction.
    pub fn is_hash_right(&self) -> bool {
        keccak_256(self.raw) == *self.hash.as_bytes()
    }
}

/// What says that a transaction comes in chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Announcement<'a> {
    /// The hash of the whole transaction.
    pub hash: TransactionHash,
    /// The hash of each piece; 1 to [`CHUNKS_MAX`].
    pub chunk_hashes: &'a [[u8; 32]],
}

impl<'a> Announcement<'a> {
    /// Reads the body of an external message of kind [`Kind::ChunkedTransaction`].
    ///
    /// # Errors
    /// [`ProxyError`] says what is wrong with it.
    pub fn decode(body: &'a [u8]) -> Result<Self, ProxyError> {
        let mut reader = Reader::new(body);
        let hash = reader.array().map(TransactionHash::new).ok_or(ProxyError::Truncated)?;
        let count = reader.array().map(u16::from_le_bytes).ok_or(ProxyError::Truncated)?;
        if !(1..=CHUNKS_MAX).contains(&count) {
            return Err(ProxyError::Count);
        }
        let hashes_bytes = usize::from(count).saturating_mul(HASH_BYTES);
        let (chunk_hashes, _) = reader.take(hashes_bytes).ok_or(ProxyError::Truncated)?.as_chunks();
        if reader.is_empty() { Ok(Self { hash, chunk_hashes }) } else { Err(ProxyError::TrailingBytes) }
    }

    /// The body of the message.
    pub fn encode(&self) -> Vec<u8> {
        let count = u16::try_from(self.chunk_hashes.len()).unwrap_or(u16::MAX);
        let mut body = self.hash.as_bytes().to_vec();
        body.extend_from_slice(&count.to_le_bytes());
        body.extend(self.chunk_hashes.iter().flatten());
        body
    }

    /// How many chunks the transaction has.
    pub fn chunk_count(&self) -> u16 {
        u16::try_from(self.chunk_hashes.len()).unwrap_or(u16::MAX)
    }
}

/// A chunk of a transaction that was announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransactionChunk<'a> {
    /// The hash of the whole transaction.
    pub hash: TransactionHash,
    /// Which chunk this is; below [`CHUNKS_MAX`].
    pub index: u16,
    /// What the sender says the hash of the piece is.
    pub chunk_hash: [u8; 32],
    /// The piece; 1 to [`PIECE_BYTES`] bytes.
    pub piece: &'a [u8],
}

impl<'a> TransactionChunk<'a> {
    /// Reads the body of an external message of kind [`Kind::TransactionChunk`].
    ///
    /// # Errors
    /// [`ProxyError`] says what is wrong with it.
    pub fn decode(body: &'a [u8]) -> Result<Self, ProxyError> {
        let mut reader = Reader::new(body);
        let hash = reader.array().map(TransactionHash::new).ok_or(ProxyError::Truncated)?;
        let index = reader.array().map(u16::from_le_bytes).ok_or(ProxyError::Truncated)?;
        let chunk_hash = reader.array().ok_or(ProxyError::Truncated)?;
        if index >= CHUNKS_MAX {
            return Err(ProxyError::Index);
        }
        match reader.rest() {
            [] => Err(ProxyError::Empty),
            piece if piece.len() > PIECE_BYTES => Err(ProxyError::PieceSize),
            piece => Ok(Self { hash, index, chunk_hash, piece }),
        }
    }

    /// The body of the message.
    pub fn encode(&self) -> Vec<u8> {
        [self.hash.as_bytes(), &self.index.to_le_bytes()[..], &self.chunk_hash, self.piece].concat()
    }

    /// Whether this is a chunk of `announcement`: its hash is the announced one, and the piece is full unless it
    /// is the last.
    pub fn belongs_to(&self, announcement: &Announcement<'_>) -> bool {
        let is_last = self.index.saturating_add(1) == announcement.chunk_count();
        self.hash == announcement.hash
            && announcement.chunk_hashes.get(usize::from(self.index)) == Some(&self.chunk_hash)
            && (is_last || self.piece.len() == PIECE_BYTES)
    }

    /// Whether the hash is that of the piece.
    pub fn is_hash_right(&self) -> bool {
        keccak_256(self.piece) == self.chunk_hash
    }
}

/// The bodies of the messages that bring a transaction, in order: one if it fits, else an announcement and its
/// chunks. `None` when it is empty or larger than [`TRANSACTION_BYTES_MAX`].
pub fn cut(raw: &[u8]) -> Option<Vec<(Kind, Vec<u8>)>> {
    if raw.is_empty() || raw.len() > TRANSACTION_BYTES_MAX {
        return None;
    }
    let hash = TransactionHash::new(keccak_256(raw));
    if raw.len() <= frame::BODY_BYTES_MAX.saturating_sub(HASH_BYTES) {
        return Some(Vec::from([(Kind::Transaction, Transaction { hash, raw }.encode())]));
    }
    let chunk_hashes: Vec<_> = raw.chunks(PIECE_BYTES).map(keccak_256).collect();
    let announcement = Announcement { hash, chunk_hashes: &chunk_hashes }.encode();
    let chunks = (0..CHUNKS_MAX).zip(raw.chunks(PIECE_BYTES).zip(&chunk_hashes));
    let chunks = chunks.map(|(index, (piece, chunk_hash))| {
        let chunk = TransactionChunk { hash, index, chunk_hash: *chunk_hash, piece };
        (Kind::TransactionChunk, chunk.encode())
    });
    Some(core::iter::once((Kind::ChunkedTransaction, announcement)).chain(chunks).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MESSAGE_BYTES_MAX;
    use millrace_primitives::RollupAddress;
    use proptest::prelude::*;

    const HASH: TransactionHash = TransactionHash::new([0x11; 32]);

    #[test]
    fn the_bytes_of_each_body_are_pinned() {
        let hash = "11".repeat(32);
        let transaction = Transaction { hash: HASH, raw: &[2, 0xc0] };
        assert_eq!(hex::encode(transaction.encode()), [&hash, "02c0"].concat());
        assert_eq!(Transaction::decode(&transaction.encode()), Ok(transaction));
        let announcement = Announcement { hash: HASH, chunk_hashes: &[[0x22; 32], [0x33; 32]] };
        let golden = [&hash, "0200", &"22".repeat(32), &"33".repeat(32)].concat();
        assert_eq!(hex::encode(announcement.encode()), golden);
        assert_eq!(Announcement::decode(&announcement.encode()), Ok(announcement));
        let chunk = TransactionChunk { hash: HASH, index: 1, chunk_hash: [0x33; 32], piece: &[7, 8] };
        assert_eq!(hex::encode(chunk.encode()), [&hash, "0100", &"33".repeat(32), "0708"].concat());
        assert_eq!(TransactionChunk::decode(&chunk.encode()), Ok(chunk));
    }

    #[test]
    fn sizes_are_those_of_the_layer_1() {
        assert_eq!(PIECE_BYTES, 4_095 - 1 - 20 - 1 - 2 - 32 - 32);
        assert_eq!(PIECE_BYTES, 4_007);
        assert_eq!(CHUNKS_MAX, 33);
        let rollup = RollupAddress::new([1; 20]);
        let sizes = [(1, 1), (4_041, 1), (4_042, 3), (2 * 4_007, 3), (2 * 4_007 + 1, 4), (131_072, 34)];
        for (size, messages) in sizes {
            let bodies = cut(&vec![0xee; size]).unwrap();
            assert_eq!(bodies.len(), messages, "{size}");
            for (kind, body) in &bodies {
                assert!(frame::encode(&rollup, *kind, body).len() <= MESSAGE_BYTES_MAX);
            }
        }
        assert_eq!(cut(&[]), None);
        assert_eq!(cut(&vec![0xee; 131_073]), None);
    }

    #[test]
    fn hostile_bodies_are_refused_with_the_reason() {
        for length in 0..32 {
            assert_eq!(Transaction::decode(&vec![1; length]), Err(ProxyError::Truncated));
        }
        assert_eq!(Transaction::decode(&[1; 32]), Err(ProxyError::Empty));
        let announcement = |count: u16, hashes_bytes: usize| {
            [&[1; 32][..], &count.to_le_bytes(), &vec![2; hashes_bytes]].concat()
        };
        let table = [
            (vec![1; 33], Err(ProxyError::Truncated)),
            (announcement(0, 0), Err(ProxyError::Count)),
            (announcement(1, 31), Err(ProxyError::Truncated)),
            (announcement(1, 32), Ok(1)),
            (announcement(1, 33), Err(ProxyError::TrailingBytes)),
            (announcement(33, 33 * 32), Ok(33)),
            (announcement(34, 34 * 32), Err(ProxyError::Count)),
            (announcement(u16::MAX, 0), Err(ProxyError::Count)),
        ];
        for (row, (body, expected)) in table.into_iter().enumerate() {
            assert_eq!(Announcement::decode(&body).map(|found| found.chunk_count()), expected, "row {row}");
        }
        let chunk = |index: u16, piece_bytes: usize| {
            [&[1; 32][..], &index.to_le_bytes(), &[2; 32], &vec![3; piece_bytes]].concat()
        };
        let table = [
            (vec![1; 65], Err(ProxyError::Truncated)),
            (chunk(0, 0), Err(ProxyError::Empty)),
            (chunk(0, 1), Ok(0)),
            (chunk(32, 4_007), Ok(32)),
            (chunk(32, 4_008), Err(ProxyError::PieceSize)),
            (chunk(33, 1), Err(ProxyError::Index)),
            (chunk(u16::MAX, 1), Err(ProxyError::Index)),
        ];
        for (row, (body, expected)) in table.into_iter().enumerate() {
            assert_eq!(TransactionChunk::decode(&body).map(|found| found.index), expected, "row {row}");
        }
    }

    #[test]
    fn row_25_nothing_is_believed_without_its_hash() {
        let right = Transaction { hash: TransactionHash::new(keccak_256(&[2, 3])), raw: &[2, 3] };
        assert!(right.is_hash_right());
        assert!(!Transaction { raw: &[2, 4], ..right }.is_hash_right());
        assert!(!Transaction { hash: HASH, ..right }.is_hash_right());
        let full = [7; PIECE_BYTES];
        let hashes = [keccak_256(&full), keccak_256(&[8])];
        let announcement = Announcement { hash: HASH, chunk_hashes: &hashes };
        let first = TransactionChunk { hash: HASH, index: 0, chunk_hash: hashes[0], piece: &full };
        let last = TransactionChunk { hash: HASH, index: 1, chunk_hash: hashes[1], piece: &[8] };
        for chunk in [first, last] {
            assert!(chunk.belongs_to(&announcement) && chunk.is_hash_right());
            assert!(!TransactionChunk { piece: &[9], ..chunk }.is_hash_right());
            let others = [
                TransactionChunk { hash: TransactionHash::new([9; 32]), ..chunk },
                TransactionChunk { index: chunk.index ^ 1, ..chunk },
                TransactionChunk { index: 2, ..chunk },
                TransactionChunk { chunk_hash: [9; 32], ..chunk },
            ];
            for other in others {
                assert!(!other.belongs_to(&announcement));
            }
        }
        assert!(!TransactionChunk { piece: &full[1..], ..first }.belongs_to(&announcement));
        assert!(TransactionChunk { piece: &full, ..last }.belongs_to(&announcement));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn any_transaction_comes_together(raw in prop::collection::vec(any::<u8>(), 1..13_000)) {
            let bodies = cut(&raw).unwrap();
            if let [(Kind::Transaction, body)] = bodies.as_slice() {
                let transaction = Transaction::decode(body).unwrap();
                prop_assert!(transaction.is_hash_right() && transaction.raw == raw);
                return Ok(());
            }
            let announcement = Announcement::decode(&bodies[0].1).unwrap();
            let mut whole = vec![];
            for (kind, body) in &bodies[1..] {
                prop_assert_eq!(*kind, Kind::TransactionChunk);
                let chunk = TransactionChunk::decode(body).unwrap();
                prop_assert!(chunk.belongs_to(&announcement) && chunk.is_hash_right());
                whole.extend_from_slice(chunk.piece);
            }
            let transaction = Transaction { hash: announcement.hash, raw: &whole };
            prop_assert!(transaction.is_hash_right() && whole == raw);
        }

        #[test]
        fn what_decodes_has_one_encoding(bytes in prop::collection::vec(any::<u8>(), 0..140), count in 0u8..4) {
            let mut counted = bytes.clone();
            if let Some(field) = counted.get_mut(32..34) {
                field.copy_from_slice(&[count, 0]);
            }
            for bytes in [&bytes, &counted] {
                if let Ok(transaction) = Transaction::decode(bytes) {
                    prop_assert_eq!(&transaction.encode(), bytes);
                }
                if let Ok(announcement) = Announcement::decode(bytes) {
                    prop_assert_eq!(&announcement.encode(), bytes);
                }
                if let Ok(chunk) = TransactionChunk::decode(bytes) {
                    prop_assert_eq!(&chunk.encode(), bytes);
                }
            }
        }
    }
}
