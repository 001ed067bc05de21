//! The payload of a blueprint: the names of the delayed items that it consumes, then its transactions.

use super::{CHUNKS_MAX, PIECE_BYTES_MAX, chunk_count};
use crate::rlp_strict;
use alloc::vec::Vec;
use millrace_primitives::TransactionHash;
use rlp::RlpStream;

/// Most delayed items that a blueprint consumes.
pub const DELAYED_MAX: usize = 4_096;
/// Most transactions of a blueprint, delayed items apart.
pub const TRANSACTIONS_MAX: usize = 8_192;

/// Bytes of a delayed hash in RLP.
const DELAYED_BYTES: usize = 33;

/// What goes into a block, in order: delayed items first.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Payload {
    /// Names of items of the delayed inbox; at most [`DELAYED_MAX`].
    pub delayed: Vec<TransactionHash>,
    /// Transactions in their EIP-2718 encoding, none empty; at most [`TRANSACTIONS_MAX`]. Whether they
    /// decode is not known here.
    pub transactions: Vec<Vec<u8>>,
}

/// Why bytes are not a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayloadError {
    /// Not the list of two lists in minimal RLP, or an empty transaction.
    Malformed,
    /// More delayed items or transactions than a blueprint may have.
    TooMany,
}

impl Payload {
    /// The encoding.
    pub fn encode(&self) -> Vec<u8> {
        let mut stream = RlpStream::new_list(2);
        append_lists(self, &mut stream);
        stream.out().to_vec()
    }

    /// Reads an encoding.
    ///
    /// # Errors
    /// [`PayloadError`] says what is wrong with it.
    pub fn decode(bytes: &[u8]) -> Result<Self, PayloadError> {
        let mut lists = rlp_strict::whole_list(bytes).ok_or(PayloadError::Malformed)?;
        let payload = decode_lists(&mut lists)?;
        if lists.is_empty() { Ok(payload) } else { Err(PayloadError::Malformed) }
    }

    /// How big the encoding is, for a blueprint with one signature.
    pub fn size(&self) -> PayloadSize {
        self.add_to(PayloadSize::default())
    }

    /// How big the encoding is, for pieces of this size.
    pub fn size_in_pieces_of(&self, piece_size_bytes: u16) -> PayloadSize {
        self.add_to(PayloadSize::in_pieces_of(piece_size_bytes))
    }

    fn add_to(&self, mut size: PayloadSize) -> PayloadSize {
        self.delayed.iter().for_each(|_| size.add_delayed());
        self.transactions.iter().for_each(|transaction| size.add_transaction(transaction));
        size
    }
}

/// Writes both lists, as items of a list that was begun.
pub(super) fn append_lists(payload: &Payload, stream: &mut RlpStream) {
    stream.begin_list(payload.delayed.len());
    for name in &payload.delayed {
        stream.append(&name.as_bytes().as_slice());
    }
    stream.begin_list(payload.transactions.len());
    for transaction in &payload.transactions {
        stream.append(&transaction.as_slice());
    }
}

/// Takes both lists off `items`.
pub(super) fn decode_lists(items: &mut &[u8]) -> Result<Payload, PayloadError> {
    let delayed = rlp_strict::next_list(items).ok_or(PayloadError::Malformed)?;
    let transactions = rlp_strict::next_list(items).ok_or(PayloadError::Malformed)?;
    Ok(Payload {
        delayed: strings(delayed, DELAYED_MAX, TransactionHash::from_slice)?,
        transactions: strings(transactions, TRANSACTIONS_MAX, |transaction| {
            (!transaction.is_empty()).then(|| transaction.to_vec())
        })?,
    })
}

/// The items of a list of strings, at most `count_max`.
fn strings<T>(
    mut items: &[u8],
    count_max: usize,
    read: impl Fn(&[u8]) -> Option<T>,
) -> Result<Vec<T>, PayloadError> {
    let mut values = Vec::new();
    while !items.is_empty() {
        if values.len() >= count_max {
            return Err(PayloadError::TooMany);
        }
        let string = rlp_strict::next_string(&mut items).ok_or(PayloadError::Malformed)?;
        values.push(read(string).ok_or(PayloadError::Malformed)?);
    }
    Ok(values)
}

/// The size of a payload while it is being filled, without encoding it. By default its pieces are as large as
/// they can be beside one signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PayloadSize {
    piece_size_bytes: u16,
    delayed_count: usize,
    transactions_count: usize,
    transactions_bytes: usize,
}

impl Default for PayloadSize {
    fn default() -> Self {
        Self::in_pieces_of(PIECE_BYTES_MAX as u16)
    }
}

impl PayloadSize {
    /// Of nothing yet, to be cut into pieces of this size: [`super::piece_bytes_max`] of the certificate.
    pub const fn in_pieces_of(piece_size_bytes: u16) -> Self {
        Self { piece_size_bytes, delayed_count: 0, transactions_count: 0, transactions_bytes: 0 }
    }

    /// Counts one more delayed item.
    pub fn add_delayed(&mut self) {
        self.delayed_count = self.delayed_count.saturating_add(1);
    }

    /// Counts one more transaction.
    pub fn add_transaction(&mut self, transaction: &[u8]) {
        self.transactions_count = self.transactions_count.saturating_add(1);
        let bytes = match transaction {
            [0x00..=0x7f] => 1,
            longer => framed(longer.len()),
        };
        self.transactions_bytes = self.transactions_bytes.saturating_add(bytes);
    }

    /// The size of the encoding.
    pub fn bytes(&self) -> usize {
        let delayed = framed(self.delayed_count.saturating_mul(DELAYED_BYTES));
        framed(delayed.saturating_add(framed(self.transactions_bytes)))
    }

    /// How many chunks the payload takes, or `None` when it is larger than a blueprint may be.
    pub fn chunk_count(&self) -> Option<u16> {
        let is_bounded = self.delayed_count <= DELAYED_MAX && self.transactions_count <= TRANSACTIONS_MAX;
        if is_bounded { chunk_count(self.bytes(), self.piece_size_bytes) } else { None }
    }

    /// Whether a blueprint can hold it.
    pub fn fits(&self) -> bool {
        self.chunk_count().is_some()
    }

    /// Bytes left until the last piece is full.
    pub fn bytes_left(&self) -> usize {
        let bytes_max = usize::from(self.piece_size_bytes).saturating_mul(usize::from(CHUNKS_MAX));
        bytes_max.saturating_sub(self.bytes())
    }
}

/// Bytes of an RLP string (other than a single small byte) or list with this much content.
fn framed(content_bytes: usize) -> usize {
    let length_bytes = match content_bytes {
        0..=55 => 0,
        longer => (usize::BITS.saturating_sub(longer.leading_zeros())).div_ceil(8) as usize,
    };
    content_bytes.saturating_add(1).saturating_add(length_bytes)
}
