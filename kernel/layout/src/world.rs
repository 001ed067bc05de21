//! What a block changes, and nothing else: this subtree is copied, written and moved back as a whole.

use crate::{
    Key, LayoutError, Value,
    catalog::{ACCOUNT, ACCOUNT_NODE, BLOCK_HASH, BODY, CODE, HEAD, SLOT, SLOTS},
    codec::{self, raw_bytes},
    key::{at, path},
};
use alloc::{collections::BTreeMap, format, string::ToString, vec::Vec};
use millrace_host::{PathBuf, Store};
use millrace_primitives::{
    Account, Address, BlockHash, BlockNumber, Bloom, EMPTY_CODE_HASH, Epoch, Gas, H256, Header, Log, Receipt,
    Timestamp, TransactionHash, U256,
};
use millrace_wire::signature::PublicKey;
use rlp::{Rlp, RlpStream};
use sha3::{Digest, Keccak256};

/// How many block hashes are kept: what the opcode BLOCKHASH can ask for.
pub const HASHES_KEPT: u64 = 256;

/// Which copy of the world.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum World {
    /// The state after the head: what everybody reads.
    Committed,
    /// The copy that a block is being flushed into.
    Working,
}

impl World {
    /// The root of this copy.
    const fn root(self) -> &'static str {
        match self {
            Self::Committed => "/evm/world",
            Self::Working => "/tmp/world",
        }
    }

    /// A path below the root; the patterns of the catalog show the committed copy.
    pub(crate) fn below<V: Value>(self, text: &str) -> Result<Key<V>, LayoutError> {
        Key::new(self.text(text))
    }

    fn text(self, text: &str) -> alloc::string::String {
        let rest = text.strip_prefix(Self::Committed.root()).unwrap_or(text);
        format!("{}{rest}", self.root())
    }

    /// The key of an account.
    ///
    /// # Errors
    /// Never, short of a bug in this crate.
    pub fn account(self, address: Address) -> Result<Key<Account>, LayoutError> {
        self.below(&ACCOUNT.fill(&[&Hex(address.as_bytes())]))
    }

    /// The key of a storage slot of an account.
    ///
    /// # Errors
    /// Never, short of a bug in this crate.
    pub fn slot(self, address: Address, slot: H256) -> Result<Key<H256>, LayoutError> {
        self.below(&SLOT.fill(&[&Hex(address.as_bytes()), &Hex(slot.as_bytes())]))
    }

    /// The key of the code with this hash.
    ///
    /// # Errors
    /// Never, short of a bug in this crate.
    pub fn code(self, hash: H256) -> Result<Key<Code>, LayoutError> {
        self.below(&CODE.fill(&[&Hex(hash.as_bytes())]))
    }

    /// The key of the head.
    ///
    /// # Errors
    /// Never, short of a bug in this crate.
    pub fn head(self) -> Result<Key<Head>, LayoutError> {
        self.below(HEAD.pattern)
    }

    /// The key of the transactions and receipts of the head.
    ///
    /// # Errors
    /// Never, short of a bug in this crate.
    pub fn body(self) -> Result<Key<Body>, LayoutError> {
        self.below(BODY.pattern)
    }

    /// The key of the hash of block `number`, shared with every 256th block.
    ///
    /// # Errors
    /// Never, short of a bug in this crate.
    pub fn block_hash(self, number: BlockNumber) -> Result<Key<BlockHash>, LayoutError> {
        let place = number.get().checked_rem(HASHES_KEPT).unwrap_or_default();
        self.below(&BLOCK_HASH.fill(&[&place]))
    }

    /// Removes an account with its storage.
    ///
    /// # Errors
    /// [`LayoutError::Host`].
    pub fn delete_account(self, store: &mut impl Store, address: Address) -> Result<(), LayoutError> {
        self.delete(store, &ACCOUNT_NODE.fill(&[&Hex(address.as_bytes())]))
    }

    /// Removes the whole storage of an account.
    ///
    /// # Errors
    /// [`LayoutError::Host`].
    pub fn delete_slots(self, store: &mut impl Store, address: Address) -> Result<(), LayoutError> {
        self.delete(store, &SLOTS.fill(&[&Hex(address.as_bytes())]))
    }

    fn delete(self, store: &mut impl Store, text: &str) -> Result<(), LayoutError> {
        let node = path(self.text(text))?;
        store.store_delete(node.as_path()).map_err(at(&node))
    }
}

/// Starts a block: the working copy becomes what is committed now, whatever was left in it.
///
/// # Errors
/// [`LayoutError::Host`].
pub fn open_working_copy(store: &mut impl Store) -> Result<(), LayoutError> {
    let (committed, working) = roots()?;
    if !store.store_has_node(committed.as_path()).map_err(at(&committed))? {
        // Before genesis on a rollup without accounts: there is nothing to copy.
        return store.store_delete(working.as_path()).map_err(at(&working));
    }
    store.store_copy(committed.as_path(), working.as_path()).map_err(at(&committed))
}

/// Ends a block: the working copy becomes the committed one, in one step.
///
/// # Errors
/// [`LayoutError::Host`].
pub fn commit_working_copy(store: &mut impl Store) -> Result<(), LayoutError> {
    let (committed, working) = roots()?;
    store.store_move(working.as_path(), committed.as_path()).map_err(at(&working))
}

fn roots() -> Result<(PathBuf, PathBuf), LayoutError> {
    Ok((path(World::Committed.root().to_string())?, path(World::Working.root().to_string())?))
}

/// The storage of accounts: slots and what is in them, which is not zero.
pub type Slots = BTreeMap<Address, BTreeMap<H256, H256>>;

/// [`allocation_digest_with_slots`] of accounts without storage.
pub fn allocation_digest(accounts: &[(Address, Account)]) -> H256 {
    allocation_digest_with_slots(accounts, &Slots::new())
}

/// Keccak-256 of the RLP of the accounts that the installer wrote, in the order of the addresses: address and
/// balance, of a contract its nonce and the hash of its code too, and of one with storage the list of its slots, each a
/// list of slot and value of 32 bytes. The genesis block commits to it.
pub fn allocation_digest_with_slots(accounts: &[(Address, Account)], slots: &Slots) -> H256 {
    let mut stream = RlpStream::new_list(accounts.len());
    for (address, account) in accounts {
        let slots = slots.get(address).filter(|slots| !slots.is_empty());
        let is_plain = account.nonce == 0 && account.code_hash == EMPTY_CODE_HASH && slots.is_none();
        let items = if slots.is_some() { 5 } else { 4 };
        stream.begin_list(if is_plain { 2 } else { items });
        stream.append(address).append(&account.balance);
        if !is_plain {
            stream.append(&account.nonce).append(&account.code_hash);
        }
        if let Some(slots) = slots {
            stream.begin_list(slots.len());
            for (slot, value) in slots {
                stream.begin_list(2).append(slot).append(value);
            }
        }
    }
    H256(Keccak256::digest(stream.out()).into())
}

/// Bytes as they are spelled in paths: lower-case hexadecimal, no prefix.
struct Hex<'a>(&'a [u8]);

impl core::fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [0u8; 64];
        for (pair, byte) in text.chunks_exact_mut(2).zip(self.0) {
            for (digit, nibble) in pair.iter_mut().zip([byte >> 4, byte & 15]) {
                *digit = DIGITS.get(usize::from(nibble)).copied().unwrap_or(b'0');
            }
        }
        let length = self.0.len().saturating_mul(2).min(64);
        let text = text.get(..length).and_then(|text| core::str::from_utf8(text).ok()).unwrap_or_default();
        f.write_str(text)
    }
}

impl Value for Account {
    const SIZE_BYTES_MAX: usize = 72;
    const IS_FIXED: bool = true;

    fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(Self::SIZE_BYTES_MAX);
        bytes.extend_from_slice(&self.nonce.to_be_bytes());
        let mut balance = [0; 32];
        self.balance.to_big_endian(&mut balance);
        bytes.extend_from_slice(&balance);
        bytes.extend_from_slice(self.code_hash.as_bytes());
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (nonce, rest) = bytes.split_first_chunk::<8>()?;
        let (balance, code_hash) = rest.split_first_chunk::<32>()?;
        Some(Self {
            nonce: u64::from_be_bytes(*nonce),
            balance: U256::from_big_endian(balance),
            code_hash: H256(code_hash.try_into().ok()?),
        })
    }
}

/// The code of a contract.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Code(pub Vec<u8>);

// Its key is its hash: it is never replaced by other code.
raw_bytes!(Code, 0xc000, is_fixed: true);

/// The last block, and what the next one needs of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Head {
    /// Its hash.
    pub hash: BlockHash,
    /// Its header.
    pub header: Header,
    /// Execution gas above the target that the base fee still has to price.
    pub backlog: Gas,
    /// The delayed items that it consumed: they leave the delayed inbox once the block is committed.
    pub consumed: Vec<TransactionHash>,
    /// Where the queue of a rollup without sequencer starts from this block on.
    pub queue_front: u64,
    /// Another key that the sequencer asked for in it: it is announced once the block is committed.
    pub key_change: Option<KeyChange>,
}

/// A request of the sequencer for another key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KeyChange {
    /// Its number: how many there were before.
    pub number: u64,
    /// The epoch of the sequencer that asked.
    pub epoch: Epoch,
    /// The key.
    pub key: PublicKey,
}

impl Value for Head {
    const SIZE_BYTES_MAX: usize = 1 << 20;
    const IS_FIXED: bool = false;

    fn encode(&self) -> Vec<u8> {
        let mut stream = RlpStream::new_list(6);
        stream.append(&self.hash.as_bytes().as_slice());
        append_header(&mut stream, &self.header);
        stream.append(&self.backlog.get());
        stream.begin_list(self.consumed.len());
        for name in &self.consumed {
            stream.append(&name.as_bytes().as_slice());
        }
        stream.append(&self.queue_front);
        match &self.key_change {
            None => stream.begin_list(0),
            Some(KeyChange { number, epoch, key }) => {
                stream.begin_list(3).append(number).append(&epoch.get()).append(&key.to_bytes())
            }
        };
        stream.out().to_vec()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let rlp = codec::list(bytes, 6)?;
        Some(Self {
            hash: BlockHash::new(codec::array_at(&rlp, 0)?),
            header: header_of(&rlp.at(1).ok()?)?,
            backlog: Gas::new(codec::u64_at(&rlp, 2)?),
            consumed: codec::hashes_at(&rlp, 3)?,
            queue_front: codec::u64_at(&rlp, 4)?,
            key_change: key_change_of(&rlp.at(5).ok()?)?,
        })
    }
}

#[allow(clippy::option_option, reason = "the outer one is the failure to decode")]
fn key_change_of(rlp: &Rlp<'_>) -> Option<Option<KeyChange>> {
    if codec::has_items(rlp, 0) {
        return Some(None);
    }
    codec::has_items(rlp, 3).then_some(())?;
    let number = codec::u64_at(rlp, 0)?;
    let epoch = Epoch::new(rlp.val_at(1).ok()?);
    Some(Some(KeyChange { number, epoch, key: PublicKey::from_bytes(codec::bytes_at(rlp, 2)?)? }))
}

/// An empty bloom takes one byte.
pub(crate) fn append_header(stream: &mut RlpStream, header: &Header) {
    let bloom = &header.logs_bloom;
    stream.begin_list(11);
    stream.append(&header.parent_hash.as_bytes().as_slice());
    stream.append(&header.beneficiary);
    stream.append(&header.state_root);
    stream.append(&header.transactions_root);
    stream.append(&header.receipts_root);
    stream.append(&if *bloom == Bloom::default() { &[][..] } else { &bloom.0[..] });
    stream.append(&header.number.get());
    stream.append(&header.gas_limit.get());
    stream.append(&header.gas_used.get());
    stream.append(&header.timestamp.get());
    stream.append(&header.base_fee_per_gas);
}

pub(crate) fn header_of(rlp: &Rlp<'_>) -> Option<Header> {
    let logs_bloom = match codec::bytes_at(rlp, 5)? {
        [] => Bloom::default(),
        bits => Bloom(bits.try_into().ok()?),
    };
    Some(Header {
        parent_hash: BlockHash::new(codec::array_at(rlp, 0)?),
        beneficiary: Address::from(codec::array_at::<20>(rlp, 1)?),
        state_root: H256(codec::array_at(rlp, 2)?),
        transactions_root: H256(codec::array_at(rlp, 3)?),
        receipts_root: H256(codec::array_at(rlp, 4)?),
        logs_bloom,
        number: BlockNumber::new(codec::u64_at(rlp, 6)?),
        gas_limit: Gas::new(codec::u64_at(rlp, 7)?),
        gas_used: Gas::new(codec::u64_at(rlp, 8)?),
        timestamp: Timestamp::new(codec::u64_at(rlp, 9)?),
        base_fee_per_gas: codec::u256_at(rlp, 10)?,
    })
}

/// The transactions and receipts of the head. Older ones are the node's business.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Body {
    /// Each transaction as it is hashed.
    pub transactions: Vec<Vec<u8>>,
    /// Their receipts, in the same order.
    pub receipts: Vec<Receipt>,
}

impl Value for Body {
    const SIZE_BYTES_MAX: usize = 16 << 20;
    const IS_FIXED: bool = false;

    fn encode(&self) -> Vec<u8> {
        let mut stream = RlpStream::new_list(2);
        stream.begin_list(self.transactions.len());
        for transaction in &self.transactions {
            stream.append(&transaction.as_slice());
        }
        stream.begin_list(self.receipts.len());
        for receipt in &self.receipts {
            append_receipt(&mut stream, receipt);
        }
        stream.out().to_vec()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let rlp = codec::list(bytes, 2)?;
        let (transactions, receipts) = (rlp.at(0).ok()?, rlp.at(1).ok()?);
        Some(Self {
            transactions: transactions
                .iter()
                .map(|item| Some(item.data().ok()?.to_vec()))
                .collect::<Option<_>>()?,
            receipts: receipts.iter().map(|item| receipt_of(&item)).collect::<Option<_>>()?,
        })
    }
}

fn append_receipt(stream: &mut RlpStream, receipt: &Receipt) {
    stream.begin_list(8);
    stream.append(&receipt.transaction_type);
    stream.append(&receipt.succeeded);
    stream.append(&receipt.cumulative_gas_used.get());
    stream.append(&receipt.gas_used.get());
    stream.append(&receipt.effective_gas_price);
    stream.append(&receipt.sender);
    stream.append(&receipt.created.as_ref().map_or(&[][..], Address::as_bytes));
    stream.begin_list(receipt.logs.len());
    for log in &receipt.logs {
        stream.begin_list(3).append(&log.address);
        stream.append_list(&log.topics);
        stream.append(&log.data);
    }
}

fn receipt_of(rlp: &Rlp<'_>) -> Option<Receipt> {
    let created = match codec::bytes_at(rlp, 6)? {
        [] => None,
        address => Some(Address::from(<[u8; 20]>::try_from(address).ok()?)),
    };
    Some(Receipt {
        transaction_type: rlp.val_at(0).ok()?,
        succeeded: rlp.val_at(1).ok()?,
        cumulative_gas_used: Gas::new(codec::u64_at(rlp, 2)?),
        gas_used: Gas::new(codec::u64_at(rlp, 3)?),
        effective_gas_price: codec::u256_at(rlp, 4)?,
        sender: Address::from(codec::array_at::<20>(rlp, 5)?),
        created,
        logs: rlp.at(7).ok()?.iter().map(|log| log_of(&log)).collect::<Option<_>>()?,
    })
}

fn log_of(rlp: &Rlp<'_>) -> Option<Log> {
    Some(Log {
        address: Address::from(codec::array_at::<20>(rlp, 0)?),
        topics: rlp.list_at(1).ok()?,
        data: codec::bytes_at(rlp, 2)?.to_vec(),
    })
}
