//! Headers, receipts, roots and blooms against an independent library.

use crate::support::{address, dynamic, user, word};
use alloy_consensus::{Eip658Value, Receipt as TheirReceipt, ReceiptEnvelope};
use alloy_eips::eip2718::Encodable2718;
use alloy_primitives::bytes::BufMut;
use alloy_primitives::{B64, B256, Bytes, LogData};
use millrace_evm::block::{encode_receipt, header_hash, logs_bloom, receipts_root, transactions_root};
use millrace_evm::trie::EMPTY_ROOT;
use millrace_primitives::{
    BlockHash, BlockNumber, Bloom, Gas, H160, H256, Header, Log, Receipt, Timestamp, U256,
};

fn header() -> Header {
    Header {
        parent_hash: BlockHash::new([1; 32]),
        beneficiary: H160::repeat_byte(2),
        state_root: H256::repeat_byte(3),
        transactions_root: H256::repeat_byte(4),
        receipts_root: H256::repeat_byte(5),
        logs_bloom: Bloom([6; 256]),
        number: BlockNumber::new(1_234_567),
        gas_limit: Gas::new(1 << 50),
        gas_used: Gas::new(310_500_000),
        timestamp: Timestamp::new(1_800_000_000),
        base_fee_per_gas: U256::exp10(9),
    }
}

fn their_header(header: &Header) -> alloy_consensus::Header {
    alloy_consensus::Header {
        parent_hash: B256::from(*header.parent_hash.as_bytes()),
        ommers_hash: alloy_consensus::EMPTY_OMMER_ROOT_HASH,
        beneficiary: header.beneficiary.0.into(),
        state_root: header.state_root.0.into(),
        transactions_root: header.transactions_root.0.into(),
        receipts_root: header.receipts_root.0.into(),
        logs_bloom: header.logs_bloom.0.into(),
        difficulty: alloy_primitives::U256::ZERO,
        number: header.number.get(),
        gas_limit: header.gas_limit.get(),
        gas_used: header.gas_used.get(),
        timestamp: header.timestamp.get(),
        extra_data: Bytes::new(),
        mix_hash: B256::ZERO,
        nonce: B64::ZERO,
        base_fee_per_gas: Some(header.base_fee_per_gas.as_u64()),
        withdrawals_root: Some(alloy_consensus::EMPTY_ROOT_HASH),
        blob_gas_used: Some(0),
        excess_blob_gas: Some(0),
        parent_beacon_block_root: Some(B256::ZERO),
        ..Default::default()
    }
}

#[test]
fn header_hashes_are_those_of_ethereum() {
    let genesis = Header {
        parent_hash: BlockHash::new([0; 32]),
        number: BlockNumber::ZERO,
        gas_used: Gas::ZERO,
        timestamp: Timestamp::ZERO,
        base_fee_per_gas: U256::zero(),
        transactions_root: EMPTY_ROOT,
        receipts_root: EMPTY_ROOT,
        logs_bloom: Bloom::default(),
        ..header()
    };
    for header in [header(), genesis] {
        assert_eq!(header_hash(&header).as_bytes(), &their_header(&header).hash_slow().0);
    }
}

fn logs(count: u64) -> Vec<Log> {
    (0..count)
        .map(|index| Log {
            address: address(index % 3),
            topics: (0..index % 5).map(word).collect(),
            data: vec![index as u8; index as usize * 13 % 90],
        })
        .collect()
}

fn receipts() -> Vec<Receipt> {
    (0..40u64)
        .map(|index| Receipt {
            transaction_type: (index % 3) as u8,
            succeeded: index % 4 != 1,
            cumulative_gas_used: Gas::new((index + 1) * 621_000),
            logs: logs(index % 7),
            gas_used: Gas::new(621_000),
            effective_gas_price: U256::exp10(9),
            sender: address(1),
            created: None,
        })
        .collect()
}

fn their_receipt(receipt: &Receipt) -> ReceiptEnvelope {
    let logs = receipt
        .logs
        .iter()
        .map(|log| alloy_primitives::Log {
            address: log.address.0.into(),
            data: LogData::new_unchecked(
                log.topics.iter().map(|topic| topic.0.into()).collect(),
                Bytes::from(log.data.clone()),
            ),
        })
        .collect();
    let inner = TheirReceipt {
        status: Eip658Value::Eip658(receipt.succeeded),
        cumulative_gas_used: receipt.cumulative_gas_used.get(),
        logs,
    }
    .with_bloom();
    match receipt.transaction_type {
        0 => ReceiptEnvelope::Legacy(inner),
        1 => ReceiptEnvelope::Eip2930(inner),
        _ => ReceiptEnvelope::Eip1559(inner),
    }
}

#[test]
fn receipts_their_root_and_blooms_are_those_of_ethereum() {
    let receipts = receipts();
    let theirs: Vec<ReceiptEnvelope> = receipts.iter().map(their_receipt).collect();
    let mut union = alloy_primitives::Bloom::ZERO;
    for (ours, theirs) in receipts.iter().zip(&theirs) {
        assert_eq!(encode_receipt(ours), theirs.encoded_2718());
        assert_eq!(logs_bloom(&ours.logs).0, theirs.logs_bloom().0.0);
        union |= *theirs.logs_bloom();
    }
    let (root, bloom) = receipts_root(&receipts);
    assert_eq!(root.0, alloy_consensus::proofs::calculate_receipt_root(&theirs).0);
    assert_eq!(bloom.0, union.0.0);
    assert_eq!(receipts_root(&[]), (EMPTY_ROOT, Bloom::default()));
}

#[test]
fn an_address_and_a_topic_that_begins_with_it_set_different_bits() {
    let mut topic = H256::zero();
    topic.0[..20].copy_from_slice(&address(5).0);
    let log = Log { address: address(5), topics: vec![topic], data: Vec::new() };
    let both = alloy_primitives::Bloom::from_iter(&[
        alloy_primitives::BloomInput::Raw(&address(5).0),
        alloy_primitives::BloomInput::Raw(&topic.0),
    ]);
    assert_eq!(logs_bloom(&[log]).0, both.0.0);
}

#[test]
fn the_root_of_transactions_is_that_of_ethereum() {
    let encoded: Vec<Vec<u8>> = (0..200)
        .map(|nonce| user(1).sign(dynamic(nonce, Some(address(nonce)), 21_000, Vec::new())).encode())
        .collect();
    let expected = alloy_trie::root::ordered_trie_root_with_encoder(&encoded, |bytes, out| {
        out.put_slice(bytes);
    });
    assert_eq!(transactions_root(&encoded).0, expected.0);
}
