//! Ethereum's encodings of what a block consists of, and the hashes over them: any Ethereum library can
//! recompute these.

use crate::keccak::keccak;
use crate::rlp;
use crate::trie::{EMPTY_ROOT, ordered_root};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use millrace_primitives::{Address, BlockHash, Bloom, H256, Header, Log, Receipt};

/// Keccak-256 of the RLP of an empty list: the hash of no ommers.
pub const EMPTY_LIST_HASH: H256 = H256([
    0x1d, 0xcc, 0x4d, 0xe8, 0xde, 0xc7, 0x5d, 0x7a, 0xab, 0x85, 0xb5, 0x67, 0xb6, 0xcc, 0xd4, 0x1a, 0xd3,
    0x12, 0x45, 0x1b, 0x94, 0x8a, 0x74, 0x13, 0xf0, 0xa1, 0x42, 0xfd, 0x40, 0xd4, 0x93, 0x47,
]);

/// The header of Cancun: 20 fields, those that mean nothing on a rollup constant (no ommers, difficulty,
/// randomness, nonce, withdrawals, blobs, beacon chain).
pub fn encode_header(header: &Header) -> Vec<u8> {
    let mut fields = Vec::with_capacity(640);
    rlp::write_h256(&mut fields, H256::from(header.parent_hash));
    rlp::write_h256(&mut fields, EMPTY_LIST_HASH);
    rlp::write_text(&mut fields, header.beneficiary.as_bytes());
    rlp::write_h256(&mut fields, header.state_root);
    rlp::write_h256(&mut fields, header.transactions_root);
    rlp::write_h256(&mut fields, header.receipts_root);
    rlp::write_text(&mut fields, &header.logs_bloom.0);
    rlp::write_u64(&mut fields, 0);
    rlp::write_u64(&mut fields, header.number.get());
    rlp::write_u64(&mut fields, header.gas_limit.get());
    rlp::write_u64(&mut fields, header.gas_used.get());
    rlp::write_u64(&mut fields, header.timestamp.get());
    rlp::write_text(&mut fields, &[]);
    rlp::write_h256(&mut fields, H256::zero());
    rlp::write_text(&mut fields, &[0; 8]);
    rlp::write_u256(&mut fields, header.base_fee_per_gas);
    rlp::write_h256(&mut fields, EMPTY_ROOT);
    rlp::write_u64(&mut fields, 0);
    rlp::write_u64(&mut fields, 0);
    rlp::write_h256(&mut fields, H256::zero());
    let mut out = Vec::with_capacity(rlp::item_size(fields.len()));
    rlp::write_list_header(&mut out, fields.len());
    out.extend_from_slice(&fields);
    out
}

/// The hash of a block: Keccak-256 of its header.
pub fn header_hash(header: &Header) -> BlockHash {
    BlockHash::new(keccak(&encode_header(header)).0)
}

/// The root of encoded transactions.
pub fn transactions_root<T: AsRef<[u8]>>(transactions: &[T]) -> H256 {
    ordered_root(transactions)
}

/// What a header says of the receipts: their root, and the union of their blooms.
pub fn receipts_root(receipts: &[Receipt]) -> (H256, Bloom) {
    let mut blooms = Blooms::default();
    let mut union = Bloom::default();
    let encoded: Vec<Vec<u8>> = receipts
        .iter()
        .map(|receipt| {
            let bloom = blooms.of(&receipt.logs);
            for (all, one) in union.0.iter_mut().zip(&bloom.0) {
                *all |= one;
            }
            encode_with_bloom(receipt, &bloom)
        })
        .collect();
    (ordered_root(&encoded), union)
}

/// The EIP-2718 bytes of a receipt: type (but for legacy), then status, cumulative gas, bloom, logs.
pub fn encode_receipt(receipt: &Receipt) -> Vec<u8> {
    encode_with_bloom(receipt, &logs_bloom(&receipt.logs))
}

fn encode_with_bloom(receipt: &Receipt, bloom: &Bloom) -> Vec<u8> {
    let logs = logs_size(&receipt.logs);
    let size = rlp::u64_size(u64::from(receipt.succeeded))
        .saturating_add(rlp::u64_size(receipt.cumulative_gas_used.get()))
        .saturating_add(rlp::item_size(bloom.0.len()))
        .saturating_add(rlp::item_size(logs));
    let mut out = Vec::with_capacity(rlp::item_size(size).saturating_add(1));
    if receipt.transaction_type != 0 {
        out.push(receipt.transaction_type);
    }
    rlp::write_list_header(&mut out, size);
    rlp::write_u64(&mut out, u64::from(receipt.succeeded));
    rlp::write_u64(&mut out, receipt.cumulative_gas_used.get());
    rlp::write_text(&mut out, &bloom.0);
    write_logs(&mut out, &receipt.logs, logs);
    out
}

/// The RLP of some logs, as it stands in a receipt.
pub fn encode_logs(logs: &[Log]) -> Vec<u8> {
    let size = logs_size(logs);
    let mut out = Vec::with_capacity(rlp::item_size(size));
    write_logs(&mut out, logs, size);
    out
}

fn write_logs(out: &mut Vec<u8>, logs: &[Log], size: usize) {
    rlp::write_list_header(out, size);
    for log in logs {
        rlp::write_list_header(out, log_size(log));
        rlp::write_text(out, log.address.as_bytes());
        rlp::write_list_header(out, topics_size(log));
        for topic in &log.topics {
            rlp::write_h256(out, *topic);
        }
        rlp::write_text(out, &log.data);
    }
}

/// Size of the content of the list that logs are.
fn logs_size(logs: &[Log]) -> usize {
    logs.iter().fold(0usize, |sum, log| sum.saturating_add(rlp::item_size(log_size(log))))
}

fn topics_size(log: &Log) -> usize {
    log.topics.len().saturating_mul(rlp::H256_SIZE)
}

/// Size of the content of the list that a log is.
fn log_size(log: &Log) -> usize {
    rlp::ADDRESS_SIZE
        .saturating_add(rlp::item_size(topics_size(log)))
        .saturating_add(rlp::text_size(&log.data))
}

/// The bloom of some logs.
pub fn logs_bloom(logs: &[Log]) -> Bloom {
    Blooms::default().of(logs)
}

/// Which bits of a bloom an address or a topic sets, remembered: in a block the same ones come again and
/// again, and each is a Keccak-256.
#[derive(Default)]
struct Blooms {
    addresses: BTreeMap<Address, [u16; 3]>,
    topics: BTreeMap<H256, [u16; 3]>,
}

impl Blooms {
    fn of(&mut self, logs: &[Log]) -> Bloom {
        let mut bloom = Bloom::default();
        for log in logs {
            let address = log.address;
            set(&mut bloom, self.addresses.entry(address).or_insert_with(|| bits(address.as_bytes())));
            for topic in &log.topics {
                set(&mut bloom, self.topics.entry(*topic).or_insert_with(|| bits(topic.as_bytes())));
            }
        }
        bloom
    }
}

fn set(bloom: &mut Bloom, bits: &[u16; 3]) {
    for bit in bits {
        // Bit 0 is the lowest bit of the last byte.
        let byte = usize::from(255u16.saturating_sub(*bit >> 3));
        if let Some(byte) = bloom.0.get_mut(byte) {
            *byte |= 1u8.wrapping_shl(u32::from(*bit & 7));
        }
    }
}

/// The low eleven bits of each of the first three pairs of bytes of the Keccak-256.
fn bits(bytes: &[u8]) -> [u16; 3] {
    let digest = keccak(bytes).0;
    let [a, b, c, d, e, f, ..] = digest;
    [[a, b], [c, d], [e, f]].map(|pair| u16::from_be_bytes(pair) & 0x07ff)
}
