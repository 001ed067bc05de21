//! What a node and its kernel say to each other when the node makes a block with a kernel that it has only as wasm.
//!
//! On the layer 1 nobody writes these keys and nobody reads them. The node and the kernel may be of different releases, with
//! different layouts: both values have a version of their own, and the outcome holds the whole block, so that a node has it
//! even when it cannot read the storage behind it.

use crate::{
    Key, LayoutError, Value,
    attempt::OrderedBy,
    catalog::{NODE, NODE_BLUEPRINT, NODE_OUTCOME},
    codec,
    key::{at, path},
    world::{Body, append_header, header_of},
};
use alloc::{string::ToString, vec::Vec};
use millrace_host::Store;
use millrace_primitives::{BlockHash, BlockNumber, Header, Timestamp, TransactionHash};
use millrace_wire::blueprint::{Blueprint, DELAYED_MAX, PAYLOAD_BYTES_MAX, Payload, TRANSACTIONS_MAX};
use rlp::{Rlp, RlpStream};

/// The encodings described here.
const FORMAT: u8 = 1;

const MADE: u8 = 1;
const REJECTED: u8 = 2;
const WAITS: u8 = 3;

/// Room for the fields beside payload and body.
const OTHER_BYTES_MAX: usize = 1 << 20;
/// Most changes of kernels that one block sees: each source may have announced as many as wait, and each may fail.
const UPGRADES_MAX: usize = 64;

/// What a node wants a block of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ordered {
    /// Who asked for it on the layer 1.
    pub ordered_by: OrderedBy,
    /// What it is made of.
    pub blueprint: Blueprint,
}

impl Value for Ordered {
    const SIZE_BYTES_MAX: usize = PAYLOAD_BYTES_MAX + 128;
    const IS_FIXED: bool = false;

    fn encode(&self) -> Vec<u8> {
        let Blueprint { number, parent, timestamp, payload } = &self.blueprint;
        let mut stream = RlpStream::new_list(6);
        stream
            .append(&FORMAT)
            .append(&(self.ordered_by as u8))
            .append(&number.get())
            .append(&parent.as_bytes().as_slice());
        stream.append(&timestamp.get()).append(&payload.encode());
        stream.out().to_vec()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let rlp = codec::list(bytes, 6)?;
        (codec::u64_at(&rlp, 0)? == u64::from(FORMAT)).then_some(())?;
        let blueprint = Blueprint {
            number: BlockNumber::new(codec::u64_at(&rlp, 2)?),
            parent: BlockHash::new(codec::array_at(&rlp, 3)?),
            timestamp: Timestamp::new(codec::u64_at(&rlp, 4)?),
            payload: Payload::decode(codec::bytes_at(&rlp, 5)?).ok()?,
        };
        Some(Self { ordered_by: OrderedBy::from_byte(rlp.val_at(1).ok()?)?, blueprint })
    }
}

/// What became of a blueprint.
#[allow(clippy::large_enum_variant, reason = "one value at a time, and it is taken apart at once")]
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// It is the head now.
    Made(Made),
    /// It cannot be a block, for this reason (`block::BlueprintFault`).
    Rejected(u8),
    /// A change of kernels goes on in the next level only.
    Waits,
}

/// A block that was made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Made {
    /// The hash of its header.
    pub hash: BlockHash,
    /// Its header.
    pub header: Header,
    /// Its transactions and receipts.
    pub body: Body,
    /// What the blueprint had and the block has not.
    pub dropped: Vec<Dropped>,
    /// What became of upgrades before it, in their order.
    pub upgrades: Vec<Change>,
}

/// A part of a blueprint that is not in its block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Dropped {
    /// The position in the blueprint, delayed items first.
    pub position: u32,
    /// Why (`block::TransactionFault`).
    pub reason: u8,
    /// The delayed item that it was, if it was one.
    pub item: Option<TransactionHash>,
}

/// A kernel that took over or did not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Change {
    /// The root of its preimages.
    pub root_hash: [u8; 33],
    /// Why it did not take over, or gave way again (`upgrade::Refusal`); 0 when it took over.
    pub reason: u8,
}

impl Value for Outcome {
    const SIZE_BYTES_MAX: usize = Body::SIZE_BYTES_MAX + OTHER_BYTES_MAX;
    const IS_FIXED: bool = false;

    fn encode(&self) -> Vec<u8> {
        let mut stream = RlpStream::new();
        match self {
            Self::Made(made) => append_made(&mut stream, made),
            Self::Rejected(reason) => {
                stream.begin_list(3).append(&FORMAT).append(&REJECTED).append(reason);
            }
            Self::Waits => {
                stream.begin_list(2).append(&FORMAT).append(&WAITS);
            }
        }
        stream.out().to_vec()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let rlp = codec::whole_list(bytes)?;
        (codec::u64_at(&rlp, 0)? == u64::from(FORMAT)).then_some(())?;
        match (rlp.val_at::<u8>(1).ok()?, rlp.item_count().ok()?) {
            (MADE, 7) => made_of(&rlp).map(Self::Made),
            (REJECTED, 3) => Some(Self::Rejected(rlp.val_at(2).ok()?)),
            (WAITS, 2) => Some(Self::Waits),
            _ => None,
        }
    }
}

fn append_made(stream: &mut RlpStream, made: &Made) {
    stream.begin_list(7).append(&FORMAT).append(&MADE).append(&made.hash.as_bytes().as_slice());
    append_header(stream, &made.header);
    stream.append(&made.body.encode());
    stream.begin_list(made.dropped.len());
    for Dropped { position, reason, item } in &made.dropped {
        stream.begin_list(3).append(position).append(reason);
        stream.append(&item.as_ref().map_or(&[][..], |name| name.as_bytes().as_slice()));
    }
    stream.begin_list(made.upgrades.len());
    for Change { root_hash, reason } in &made.upgrades {
        stream.begin_list(2).append(&root_hash.as_slice()).append(reason);
    }
}

fn made_of(rlp: &Rlp<'_>) -> Option<Made> {
    let dropped = codec::items_at(rlp, 5, DELAYED_MAX + TRANSACTIONS_MAX)?;
    let upgrades = codec::items_at(rlp, 6, UPGRADES_MAX)?;
    Some(Made {
        hash: BlockHash::new(codec::array_at(rlp, 2)?),
        header: header_of(&rlp.at(3).ok()?)?,
        body: Body::decode(codec::bytes_at(rlp, 4)?)?,
        dropped: dropped.iter().map(|item| dropped_of(&item)).collect::<Option<_>>()?,
        upgrades: upgrades.iter().map(|item| change_of(&item)).collect::<Option<_>>()?,
    })
}

fn dropped_of(rlp: &Rlp<'_>) -> Option<Dropped> {
    codec::has_items(rlp, 3).then_some(())?;
    let item = match codec::bytes_at(rlp, 2)? {
        [] => None,
        name => Some(TransactionHash::from_slice(name)?),
    };
    Some(Dropped { position: rlp.val_at(0).ok()?, reason: rlp.val_at(1).ok()?, item })
}

fn change_of(rlp: &Rlp<'_>) -> Option<Change> {
    codec::has_items(rlp, 2).then_some(())?;
    Some(Change { root_hash: codec::array_at(rlp, 0)?, reason: rlp.val_at(1).ok()? })
}

/// The key of what the node wants a block of.
///
/// # Errors
/// Never, short of a bug in this crate.
pub fn blueprint() -> Result<Key<Ordered>, LayoutError> {
    Key::new(NODE_BLUEPRINT.pattern.to_string())
}

/// The key of what became of it.
///
/// # Errors
/// Never, short of a bug in this crate.
pub fn outcome() -> Result<Key<Outcome>, LayoutError> {
    Key::new(NODE_OUTCOME.pattern.to_string())
}

/// Forgets both: no state that a node keeps has any of it.
///
/// # Errors
/// [`LayoutError::Host`].
pub fn clear(store: &mut impl Store) -> Result<(), LayoutError> {
    let node = path(NODE.pattern.to_string())?;
    store.store_delete(node.as_path()).map_err(at(&node))
}
