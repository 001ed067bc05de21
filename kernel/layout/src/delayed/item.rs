//! What waits in the delayed inbox, and its encoding.

use crate::{Value, codec};
use alloc::vec::Vec;
use millrace_primitives::{Address, H256, L1Level, Mutez, Timestamp, TransactionHash};
use millrace_wire::{TRANSACTION_BYTES_MAX, deposit::NativeDeposit, fa_deposit::FaDeposit};
use rlp::{Rlp, RlpStream};

/// What waits.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Content {
    /// Tez that become the native token.
    Deposit(NativeDeposit),
    /// A ticket of any other kind, for the FA bridge.
    FaDeposit(FaDeposit),
    /// A signed transaction, as its sender encoded it; at most [`millrace_wire::TRANSACTION_BYTES_MAX`] bytes.
    Transaction(Vec<u8>),
}

/// An item of the delayed inbox.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Item {
    /// Its name in blueprints: the hash of the transaction that it becomes.
    pub name: TransactionHash,
    /// The level whose inbox brought it.
    pub level: L1Level,
    /// The time of that level.
    pub timestamp: Timestamp,
    /// What it is.
    pub content: Content,
}

const DEPOSIT: u8 = 1;
const FA_DEPOSIT: u8 = 2;
const TRANSACTION: u8 = 3;

impl Item {
    /// Bytes that it counts for in a blueprint: its name, and the transaction that it becomes, which a block
    /// has to carry whoever names it.
    pub fn size_bytes(&self) -> u64 {
        let content = match &self.content {
            Content::Deposit(_) => DEPOSIT_BYTES,
            Content::FaDeposit(_) => FA_DEPOSIT_BYTES,
            Content::Transaction(raw) => raw.len() as u64,
        };
        content.saturating_add(32)
    }
}

/// Bytes of the transaction that a deposit becomes, rounded up.
const DEPOSIT_BYTES: u64 = 64;
/// The same of an FA deposit.
const FA_DEPOSIT_BYTES: u64 = 192;

/// A kind that this kernel does not know does not decode: a kernel that brings a new one brings its decoder.
impl Value for Item {
    const SIZE_BYTES_MAX: usize = TRANSACTION_BYTES_MAX + 256;
    const IS_FIXED: bool = false;

    fn encode(&self) -> Vec<u8> {
        let mut stream = RlpStream::new_list(5);
        stream.append(&self.name.as_bytes().as_slice());
        stream.append(&self.level.get());
        stream.append(&self.timestamp.get());
        match &self.content {
            Content::Deposit(deposit) => {
                stream.append(&DEPOSIT);
                stream.begin_list(4);
                stream.append(&deposit.amount.get());
                stream.append(&deposit.receiver);
                stream.append(&deposit.level.get());
                stream.append(&deposit.index);
            }
            Content::FaDeposit(deposit) => {
                stream.append(&FA_DEPOSIT);
                stream.begin_list(6);
                stream.append(&deposit.amount);
                stream.append(&deposit.receiver);
                stream.append(&deposit.proxy.as_ref().map_or(&[][..], Address::as_bytes));
                stream.append(&deposit.ticket_hash);
                stream.append(&deposit.level.get());
                stream.append(&deposit.index);
            }
            Content::Transaction(raw) => {
                stream.append(&TRANSACTION).append(raw);
            }
        }
        stream.out().to_vec()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let rlp = codec::list(bytes, 5)?;
        let content = match rlp.val_at::<u8>(3).ok()? {
            DEPOSIT => Content::Deposit(deposit_of(&rlp.at(4).ok()?)?),
            FA_DEPOSIT => Content::FaDeposit(fa_deposit_of(&rlp.at(4).ok()?)?),
            TRANSACTION => Content::Transaction(codec::bytes_at(&rlp, 4)?.to_vec()),
            _ => return None,
        };
        Some(Self {
            name: TransactionHash::new(codec::array_at(&rlp, 0)?),
            level: L1Level::new(rlp.val_at(1).ok()?),
            timestamp: Timestamp::new(codec::u64_at(&rlp, 2)?),
            content,
        })
    }
}

fn deposit_of(rlp: &Rlp<'_>) -> Option<NativeDeposit> {
    codec::has_items(rlp, 4).then_some(())?;
    Some(NativeDeposit {
        amount: Mutez::new(codec::u64_at(rlp, 0)?),
        receiver: Address::from(codec::array_at::<20>(rlp, 1)?),
        level: L1Level::new(rlp.val_at(2).ok()?),
        index: rlp.val_at(3).ok()?,
    })
}

fn fa_deposit_of(rlp: &Rlp<'_>) -> Option<FaDeposit> {
    codec::has_items(rlp, 6).then_some(())?;
    Some(FaDeposit {
        amount: codec::u256_at(rlp, 0)?,
        receiver: Address::from(codec::array_at::<20>(rlp, 1)?),
        proxy: codec::address_or_nothing_at(rlp, 2)?,
        ticket_hash: H256(codec::array_at(rlp, 3)?),
        level: L1Level::new(rlp.val_at(4).ok()?),
        index: rlp.val_at(5).ok()?,
    })
}
