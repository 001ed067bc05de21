//! Blocks, transactions, receipts and logs in the forms of the Ethereum execution API.

use crate::bloom;
use crate::chain::{PooledTransaction, SealedBlock};
use crate::error::RpcError;
use crate::hexadecimal::{Data, Fixed, Quantity};
use crate::transaction::{Authorization, Transaction};
use millrace_primitives::{
    Address, Block, BlockHash, Bloom, H256, Header, Log, Receipt, TransactionHash, U256,
};
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};

/// Keccak-256 of the RLP of an empty list: the hash of no ommers.
const EMPTY_OMMERS_HASH: [u8; 32] = [
    0x1d, 0xcc, 0x4d, 0xe8, 0xde, 0xc7, 0x5d, 0x7a, 0xab, 0x85, 0xb5, 0x67, 0xb6, 0xcc, 0xd4, 0x1a, 0xd3,
    0x12, 0x45, 0x1b, 0x94, 0x8a, 0x74, 0x13, 0xf0, 0xa1, 0x42, 0xfd, 0x40, 0xd4, 0x93, 0x47,
];
/// The root of the empty trie: no withdrawals.
const EMPTY_TRIE_ROOT: [u8; 32] = [
    0x56, 0xe8, 0x1f, 0x17, 0x1b, 0xcc, 0x55, 0xa6, 0xff, 0x83, 0x45, 0xe6, 0x92, 0xc0, 0xf8, 0x6e, 0x5b,
    0x48, 0xe0, 0x1b, 0x99, 0x6c, 0xad, 0xc0, 0x01, 0x62, 0x2f, 0xb5, 0xe3, 0x63, 0xb4, 0x21,
];

/// A transaction of this node that does not decode: it was accepted, so it is not the fault of the caller.
fn undecodable(hash: &TransactionHash) -> RpcError {
    RpcError::internal(&format!("transaction {hash} does not decode"))
}

/// A header.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HeaderReply<'a> {
    hash: Fixed<32>,
    parent_hash: Fixed<32>,
    sha3_uncles: Fixed<32>,
    miner: Fixed<20>,
    state_root: Fixed<32>,
    transactions_root: Fixed<32>,
    receipts_root: Fixed<32>,
    logs_bloom: Data<'a>,
    difficulty: Quantity,
    number: Quantity,
    gas_limit: Quantity,
    gas_used: Quantity,
    timestamp: Quantity,
    extra_data: Data<'a>,
    mix_hash: Fixed<32>,
    nonce: Fixed<8>,
    base_fee_per_gas: Quantity,
    withdrawals_root: Fixed<32>,
    blob_gas_used: Quantity,
    excess_blob_gas: Quantity,
    parent_beacon_block_root: Fixed<32>,
}

impl<'a> HeaderReply<'a> {
    pub(crate) fn new(hash: BlockHash, header: &'a Header) -> Self {
        Self {
            hash: hash.into(),
            parent_hash: header.parent_hash.into(),
            sha3_uncles: Fixed(EMPTY_OMMERS_HASH),
            miner: header.beneficiary.into(),
            state_root: header.state_root.into(),
            transactions_root: header.transactions_root.into(),
            receipts_root: header.receipts_root.into(),
            logs_bloom: Data(&header.logs_bloom.0),
            difficulty: Quantity::from(0),
            number: header.number.get().into(),
            gas_limit: header.gas_limit.get().into(),
            gas_used: header.gas_used.get().into(),
            timestamp: header.timestamp.get().into(),
            extra_data: Data(&[]),
            mix_hash: Fixed([0; 32]),
            nonce: Fixed([0; 8]),
            base_fee_per_gas: header.base_fee_per_gas.into(),
            withdrawals_root: Fixed(EMPTY_TRIE_ROOT),
            blob_gas_used: Quantity::from(0),
            excess_blob_gas: Quantity::from(0),
            parent_beacon_block_root: Fixed([0; 32]),
        }
    }
}

/// A block with hashes or whole transactions.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BlockReply<'a> {
    #[serde(flatten)]
    header: HeaderReply<'a>,
    size: Quantity,
    uncles: [Fixed<32>; 0],
    transactions: Transactions<'a>,
    withdrawals: [Fixed<32>; 0],
}

#[derive(Serialize)]
#[serde(untagged)]
enum Transactions<'a> {
    Hashes(Vec<Fixed<32>>),
    Whole(Vec<TransactionReply<'a>>),
}

impl<'a> BlockReply<'a> {
    pub(crate) fn new(sealed: &'a SealedBlock, whole: bool) -> Result<Self, RpcError> {
        let transactions = if whole {
            let count = sealed.block.transactions.len();
            Transactions::Whole(
                (0..count).filter_map(|index| mined(sealed, index).transpose()).collect::<Result<_, _>>()?,
            )
        } else {
            Transactions::Hashes(sealed.transaction_hashes.iter().map(|hash| (*hash).into()).collect())
        };
        Ok(Self {
            header: HeaderReply::new(sealed.hash, &sealed.block.header),
            size: block_size_bytes(&sealed.block).into(),
            uncles: [],
            transactions,
            withdrawals: [],
        })
    }
}

/// A transaction, in a block or waiting for one.
pub(crate) struct TransactionReply<'a> {
    transaction: Transaction,
    hash: TransactionHash,
    sender: Address,
    /// Absent while it waits.
    place: Option<(&'a SealedBlock, usize)>,
}

/// The transaction at an index of a block, if there is one.
pub(crate) fn mined(sealed: &SealedBlock, index: usize) -> Result<Option<TransactionReply<'_>>, RpcError> {
    let block = &sealed.block;
    let (Some(raw), Some(receipt), Some(hash)) =
        (block.transactions.get(index), block.receipts.get(index), sealed.transaction_hashes.get(index))
    else {
        return Ok(None);
    };
    let transaction = Transaction::decode(raw).map_err(|_| undecodable(hash))?;
    Ok(Some(TransactionReply {
        transaction,
        hash: *hash,
        sender: receipt.sender,
        place: Some((sealed, index)),
    }))
}

/// A transaction of the pool.
pub(crate) fn pooled(pooled: &PooledTransaction) -> Result<TransactionReply<'static>, RpcError> {
    let transaction = Transaction::decode(&pooled.raw).map_err(|_| undecodable(&pooled.hash))?;
    Ok(TransactionReply { transaction, hash: pooled.hash, sender: pooled.sender, place: None })
}

impl Serialize for TransactionReply<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        self.serialize_place(&mut map)?;
        serialize_transaction(&self.transaction, self.gas_price(), &mut map)?;
        map.end()
    }
}

/// A signed transaction that nobody has sent.
pub(crate) struct SignedReply(Transaction);

/// The transaction of these bytes, which this node signed.
pub(crate) fn signed(raw: &[u8]) -> Result<SignedReply, RpcError> {
    let undecodable = |_| RpcError::internal("a transaction that was just signed does not decode");
    Transaction::decode(raw).map(SignedReply).map_err(undecodable)
}

impl Serialize for SignedReply {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        serialize_transaction(&self.0, self.0.fee_max, &mut map)?;
        map.end()
    }
}

fn serialize_transaction<M: SerializeMap>(
    transaction: &Transaction,
    gas_price: U256,
    map: &mut M,
) -> Result<(), M::Error> {
    map.serialize_entry("type", &Quantity::from(u64::from(transaction.kind)))?;
    if let Some(chain_id) = transaction.chain_id {
        map.serialize_entry("chainId", &Quantity(chain_id))?;
    }
    map.serialize_entry("nonce", &Quantity::from(transaction.nonce))?;
    map.serialize_entry("gas", &Quantity::from(transaction.gas))?;
    map.serialize_entry("gasPrice", &Quantity(gas_price))?;
    if let Some(tip_max) = transaction.tip_max {
        map.serialize_entry("maxFeePerGas", &Quantity(transaction.fee_max))?;
        map.serialize_entry("maxPriorityFeePerGas", &Quantity(tip_max))?;
    }
    map.serialize_entry("to", &transaction.to.map(Fixed::from))?;
    map.serialize_entry("value", &Quantity(transaction.value))?;
    map.serialize_entry("input", &Data(&transaction.input))?;
    if let Some(list) = &transaction.access_list {
        map.serialize_entry("accessList", &AccessList(list))?;
    }
    if let Some(list) = &transaction.authorizations {
        map.serialize_entry("authorizationList", &Authorizations(list))?;
    }
    map.serialize_entry("v", &Quantity::from(transaction.v))?;
    if transaction.kind != 0 {
        map.serialize_entry("yParity", &Quantity::from(transaction.v))?;
    }
    map.serialize_entry("r", &Quantity(transaction.r))?;
    map.serialize_entry("s", &Quantity(transaction.s))
}

impl TransactionReply<'_> {
    fn serialize_place<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        let place = self.place.map(|(sealed, index)| (sealed.hash, &sealed.block.header, index as u64));
        map.serialize_entry("hash", &Fixed::from(self.hash))?;
        map.serialize_entry("from", &Fixed::from(self.sender))?;
        map.serialize_entry("blockHash", &place.map(|(hash, ..)| Fixed::from(hash)))?;
        map.serialize_entry("blockNumber", &place.map(|(_, header, _)| Quantity::from(header.number.get())))?;
        map.serialize_entry(
            "blockTimestamp",
            &place.map(|(_, header, _)| Quantity::from(header.timestamp.get())),
        )?;
        map.serialize_entry("transactionIndex", &place.map(|(.., index)| Quantity::from(index)))
    }

    /// What it paid per gas, or at most will pay.
    fn gas_price(&self) -> U256 {
        let paid = |(sealed, index): (&SealedBlock, usize)| {
            sealed.block.receipts.get(index).map(|receipt| receipt.effective_gas_price)
        };
        match self.transaction.tip_max {
            None => self.transaction.fee_max,
            Some(_) => self.place.and_then(paid).unwrap_or(self.transaction.fee_max),
        }
    }
}

struct AccessList<'a>(&'a [(Address, Vec<H256>)]);

impl Serialize for AccessList<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Entry {
            address: Fixed<20>,
            storage_keys: Vec<Fixed<32>>,
        }
        let mut sequence = serializer.serialize_seq(Some(self.0.len()))?;
        for (address, keys) in self.0 {
            let storage_keys = keys.iter().map(|key| (*key).into()).collect();
            sequence.serialize_element(&Entry { address: (*address).into(), storage_keys })?;
        }
        sequence.end()
    }
}

struct Authorizations<'a>(&'a [Authorization]);

impl Serialize for Authorizations<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Entry {
            chain_id: Quantity,
            address: Fixed<20>,
            nonce: Quantity,
            y_parity: Quantity,
            r: Quantity,
            s: Quantity,
        }
        serializer.collect_seq(self.0.iter().map(|authorization| Entry {
            chain_id: authorization.chain_id.into(),
            address: authorization.address.into(),
            nonce: authorization.nonce.into(),
            y_parity: authorization.y_parity.into(),
            r: authorization.r.into(),
            s: authorization.s.into(),
        }))
    }
}

/// A log with its place.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LogReply<'a> {
    address: Fixed<20>,
    topics: Vec<Fixed<32>>,
    data: Data<'a>,
    block_hash: Fixed<32>,
    block_number: Quantity,
    block_timestamp: Quantity,
    transaction_hash: Fixed<32>,
    transaction_index: Quantity,
    log_index: Quantity,
    removed: bool,
}

/// The logs of a block that `wanted` accepts, with their places.
pub(crate) fn logs<'a>(
    sealed: &'a SealedBlock,
    wanted: impl Fn(&Log) -> bool + Send + 'a,
) -> impl Iterator<Item = LogReply<'a>> + Send {
    let in_transactions = sealed.block.receipts.iter().zip(&sealed.transaction_hashes).enumerate();
    let all = in_transactions
        .flat_map(|(index, (receipt, hash))| receipt.logs.iter().map(move |log| (index, hash, log)));
    all.enumerate()
        .filter(move |(_, (_, _, log))| wanted(log))
        .map(|(log_index, (index, hash, log))| log_reply(sealed, (index, *hash), (log_index, log)))
}

/// A log of the transaction at an index, at a place among the logs of the block; `None` when there is no such
/// transaction.
pub(crate) fn log_of<'a>(sealed: &SealedBlock, index: usize, log: (usize, &'a Log)) -> Option<LogReply<'a>> {
    let hash = sealed.transaction_hashes.get(index)?;
    Some(log_reply(sealed, (index, *hash), log))
}

fn log_reply<'a>(
    sealed: &SealedBlock,
    (index, hash): (usize, TransactionHash),
    (log_index, log): (usize, &'a Log),
) -> LogReply<'a> {
    LogReply {
        address: log.address.into(),
        topics: log.topics.iter().map(|topic| (*topic).into()).collect(),
        data: Data(&log.data),
        block_hash: sealed.hash.into(),
        block_number: sealed.block.header.number.get().into(),
        block_timestamp: sealed.block.header.timestamp.get().into(),
        transaction_hash: hash.into(),
        transaction_index: Quantity::from(index as u64),
        log_index: Quantity::from(log_index as u64),
        removed: false,
    }
}

/// What became of a transaction.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReceiptReply<'a> {
    #[serde(rename = "type")]
    kind: Quantity,
    status: Quantity,
    transaction_hash: Fixed<32>,
    transaction_index: Quantity,
    block_hash: Fixed<32>,
    block_number: Quantity,
    from: Fixed<20>,
    to: Option<Fixed<20>>,
    contract_address: Option<Fixed<20>>,
    gas_used: Quantity,
    cumulative_gas_used: Quantity,
    effective_gas_price: Quantity,
    logs_bloom: BloomReply,
    logs: Vec<LogReply<'a>>,
}

struct BloomReply(Bloom);

impl Serialize for BloomReply {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Data(&self.0.0).serialize(serializer)
    }
}

/// The receipt at an index of a block, if there is one.
pub(crate) fn receipt(sealed: &SealedBlock, index: usize) -> Result<Option<ReceiptReply<'_>>, RpcError> {
    let (Some(before), Some(receipt)) =
        (sealed.block.receipts.get(..index), sealed.block.receipts.get(index))
    else {
        return Ok(None);
    };
    let logs_before = before.iter().map(|receipt| receipt.logs.len()).sum();
    receipt_after(sealed, index, receipt, logs_before).map(Some)
}

/// All receipts of a block.
pub(crate) fn receipts(sealed: &SealedBlock) -> Result<Vec<ReceiptReply<'_>>, RpcError> {
    let mut logs_before = 0;
    let mut replies = Vec::with_capacity(sealed.block.receipts.len());
    for (index, receipt) in sealed.block.receipts.iter().enumerate() {
        replies.push(receipt_after(sealed, index, receipt, logs_before)?);
        logs_before += receipt.logs.len();
    }
    Ok(replies)
}

fn receipt_after<'a>(
    sealed: &'a SealedBlock,
    index: usize,
    receipt: &'a Receipt,
    logs_before: usize,
) -> Result<ReceiptReply<'a>, RpcError> {
    let (Some(raw), Some(hash)) =
        (sealed.block.transactions.get(index), sealed.transaction_hashes.get(index))
    else {
        return Err(RpcError::internal(&format!(
            "block {} has more receipts than transactions",
            sealed.hash
        )));
    };
    let transaction = Transaction::decode(raw).map_err(|_| undecodable(hash))?;
    let logs = receipt.logs.iter().enumerate();
    Ok(ReceiptReply {
        kind: Quantity::from(u64::from(receipt.transaction_type)),
        status: Quantity::from(u64::from(receipt.succeeded)),
        transaction_hash: (*hash).into(),
        transaction_index: Quantity::from(index as u64),
        block_hash: sealed.hash.into(),
        block_number: sealed.block.header.number.get().into(),
        from: receipt.sender.into(),
        to: transaction.to.map(Fixed::from),
        contract_address: receipt.created.map(Fixed::from),
        gas_used: receipt.gas_used.get().into(),
        cumulative_gas_used: receipt.cumulative_gas_used.get().into(),
        effective_gas_price: receipt.effective_gas_price.into(),
        logs_bloom: BloomReply(bloom::of_logs(&receipt.logs)),
        logs: logs.map(|(at, log)| log_reply(sealed, (index, *hash), (logs_before + at, log))).collect(),
    })
}

/// The size of the RLP of a block: header, transactions, no ommers, no withdrawals.
fn block_size_bytes(block: &Block) -> u64 {
    let header = &block.header;
    let numbers = [
        header.number.get().into(),
        header.gas_limit.get().into(),
        header.gas_used.get().into(),
        header.timestamp.get().into(),
        header.base_fee_per_gas,
    ];
    // Parent, ommers, state, transactions, receipts, mix, withdrawals, beacon root; beneficiary; bloom;
    // nonce; difficulty, extra data, blob gas used, excess blob gas.
    let fixed = 8 * 33 + 21 + (3 + 256) + 9 + 4;
    let header = with_prefix(fixed + numbers.iter().map(number_size_bytes).sum::<u64>());
    let transactions = block.transactions.iter().map(|raw| match raw.first() {
        Some(first) if *first >= 0xc0 => raw.len() as u64,
        _ => with_prefix(raw.len() as u64),
    });
    with_prefix(header + with_prefix(transactions.sum()) + 1 + 1)
}

/// The size of the RLP of a number.
fn number_size_bytes(number: &U256) -> u64 {
    match number.bits() {
        0..=7 => 1,
        bits => 1 + (bits as u64).div_ceil(8),
    }
}

/// The size of an RLP string or list with this much in it.
fn with_prefix(size_bytes: u64) -> u64 {
    if size_bytes < 56 {
        return size_bytes + 1;
    }
    let length_bytes = (u64::BITS - size_bytes.leading_zeros()).div_ceil(8);
    size_bytes + 1 + u64::from(length_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use millrace_primitives::{BlockNumber, Gas, Timestamp};
    use rlp::RlpStream;

    /// The block as Ethereum encodes it, to be measured.
    fn encoded(block: &Block) -> Vec<u8> {
        let header = &block.header;
        let mut stream = RlpStream::new_list(4);
        stream.begin_list(20);
        stream.append(&header.parent_hash.as_bytes().as_slice()).append(&EMPTY_OMMERS_HASH.as_slice());
        stream.append(&header.beneficiary).append(&header.state_root).append(&header.transactions_root);
        stream.append(&header.receipts_root).append(&header.logs_bloom.0.as_slice()).append(&0u8);
        stream.append(&header.number.get()).append(&header.gas_limit.get()).append(&header.gas_used.get());
        stream.append(&header.timestamp.get()).append_empty_data().append(&H256::zero());
        stream
            .append(&[0u8; 8].as_slice())
            .append(&header.base_fee_per_gas)
            .append(&EMPTY_TRIE_ROOT.as_slice());
        stream.append(&0u8).append(&0u8).append(&H256::zero());
        stream.begin_list(block.transactions.len());
        for raw in &block.transactions {
            match raw.first() {
                Some(first) if *first >= 0xc0 => stream.append_raw(raw, 1),
                _ => stream.append(raw),
            };
        }
        stream.begin_list(0).begin_list(0);
        stream.out().to_vec()
    }

    #[test]
    fn the_size_is_that_of_the_encoding() {
        for (count, size_bytes, number) in [(0, 0, 0u64), (1, 30, 127), (3, 120, 128), (2, 70_000, u64::MAX)]
        {
            let block = Block {
                header: Header {
                    parent_hash: BlockHash::new([1; 32]),
                    beneficiary: Address::repeat_byte(1),
                    state_root: H256::repeat_byte(2),
                    transactions_root: H256::repeat_byte(3),
                    receipts_root: H256::repeat_byte(4),
                    logs_bloom: Bloom::default(),
                    number: BlockNumber::new(number),
                    gas_limit: Gas::new(1 << 50),
                    gas_used: Gas::new(number),
                    timestamp: Timestamp::new(1_700_000_000),
                    base_fee_per_gas: U256::exp10(9),
                },
                transactions: (0..count).map(|_| [&[2u8][..], &vec![7; size_bytes]].concat()).collect(),
                receipts: Vec::new(),
            };
            assert_eq!(block_size_bytes(&block), encoded(&block).len() as u64, "{count} of {size_bytes}");
        }
    }
}
