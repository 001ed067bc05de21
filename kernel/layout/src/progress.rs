//! A block in the making that did not fit one run: what the next run needs to go on exactly where this one
//! stopped. Written at a boundary between transactions, in one step; gone when the block is committed.

use crate::{
    Key, LayoutError, Value,
    attempt::OrderedBy,
    catalog::{PROGRESS, PROGRESS_NEXT},
    codec,
    world::Body,
};
use alloc::{string::ToString, vec::Vec};
use millrace_host::Store;
use millrace_primitives::{BlockNumber, Gas, H256, Timestamp, TransactionHash};
use rlp::{Rlp, RlpStream};

/// The encoding described here. Another one does not decode, and the block is made from its beginning.
const FORMAT: u8 = 2;
const FIELDS: usize = 15;

/// A block in the making.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Progress {
    /// Its number.
    pub number: BlockNumber,
    /// Its timestamp.
    pub timestamp: Timestamp,
    /// Who asked for it.
    pub ordered_by: OrderedBy,
    /// Of a block that the kernel makes on its own: how many items of the delayed inbox it has, oldest first,
    pub items: u32,
    /// and how many transactions of the queue.
    pub transactions: u32,
    /// Binds the content: what is resumed must be what was begun.
    pub content: H256,
    /// Items and transactions that are done.
    pub position: u32,
    /// Gas used so far, the part for data availability included.
    pub gas_used: Gas,
    /// Gas executed so far.
    pub execution_gas: Gas,
    /// The delayed items that leave the delayed inbox with the block.
    pub consumed: Vec<TransactionHash>,
    /// What is not in the block: position and reason.
    pub dropped: Vec<(u32, u8)>,
    /// Messages to the layer 1 so far.
    pub outbox: Vec<Vec<u8>>,
    /// Transactions and receipts so far.
    pub body: Body,
    /// What differs from the state before the block, as the EVM encodes it.
    pub changes: Vec<u8>,
}

impl Value for Progress {
    const SIZE_BYTES_MAX: usize = 64 << 20;
    const IS_FIXED: bool = false;

    fn encode(&self) -> Vec<u8> {
        let mut stream = RlpStream::new_list(FIELDS);
        stream.append(&FORMAT);
        stream.append(&self.number.get());
        stream.append(&self.timestamp.get());
        stream.append(&(self.ordered_by as u8));
        stream.append(&self.items).append(&self.transactions);
        stream.append(&self.content);
        stream.append(&self.position);
        stream.append(&self.gas_used.get());
        stream.append(&self.execution_gas.get());
        stream.begin_list(self.consumed.len());
        for name in &self.consumed {
            stream.append(&name.as_bytes().as_slice());
        }
        stream.begin_list(self.dropped.len());
        for (position, reason) in &self.dropped {
            stream.begin_list(2).append(position).append(reason);
        }
        stream.begin_list(self.outbox.len());
        for message in &self.outbox {
            stream.append(&message.as_slice());
        }
        stream.append(&self.body.encode());
        stream.append(&self.changes);
        stream.out().to_vec()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let rlp = codec::list(bytes, FIELDS)?;
        if codec::u64_at(&rlp, 0)? != u64::from(FORMAT) {
            return None;
        }
        let dropped = rlp.at(11).ok()?;
        Some(Self {
            number: BlockNumber::new(codec::u64_at(&rlp, 1)?),
            timestamp: Timestamp::new(codec::u64_at(&rlp, 2)?),
            ordered_by: OrderedBy::from_byte(rlp.val_at(3).ok()?)?,
            items: rlp.val_at(4).ok()?,
            transactions: rlp.val_at(5).ok()?,
            content: H256(codec::array_at(&rlp, 6)?),
            position: rlp.val_at(7).ok()?,
            gas_used: Gas::new(codec::u64_at(&rlp, 8)?),
            execution_gas: Gas::new(codec::u64_at(&rlp, 9)?),
            consumed: codec::hashes_at(&rlp, 10)?,
            dropped: dropped
                .iter()
                .map(|pair| Some((pair.val_at(0).ok()?, pair.val_at(1).ok()?)))
                .collect::<Option<_>>()?,
            outbox: messages_of(&rlp.at(12).ok()?)?,
            body: Body::decode(codec::bytes_at(&rlp, 13)?)?,
            changes: codec::bytes_at(&rlp, 14)?.to_vec(),
        })
    }
}

fn messages_of(rlp: &Rlp<'_>) -> Option<Vec<Vec<u8>>> {
    if !rlp.is_list() {
        return None;
    }
    rlp.iter().map(|message| Some(message.data().ok()?.to_vec())).collect()
}

/// The key of the block in the making.
///
/// # Errors
/// Never, short of a bug in this crate.
pub fn key() -> Result<Key<Progress>, LayoutError> {
    Key::new(PROGRESS.pattern.to_string())
}

/// Keeps a block in the making. It takes many writes, so it is moved to its place when it is whole.
///
/// # Errors
/// As [`Key::write`].
pub fn save(store: &mut impl Store, progress: &Progress) -> Result<(), LayoutError> {
    let (next, key) = (Key::<Progress>::new(PROGRESS_NEXT.pattern.to_string())?, key()?);
    next.write(store, progress)?;
    store.store_move(next.path(), key.path()).map_err(|error| key.host(error))
}
