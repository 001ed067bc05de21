//! From a [`Transaction`] to bytes: what is signed, and the signed whole.

use super::{AccessListItem, Authorization, Signature, SignedTransaction, Transaction, TransactionType};
use crate::keccak::keccak;
use crate::rlp;
use alloc::vec::Vec;
use millrace_primitives::{H256, TransactionHash, U256};

/// What comes after the fields that were signed.
enum Tail<'a> {
    /// The digest is wanted: for a legacy transaction of EIP-155, chain id and two zeros; else nothing.
    Unsigned,
    /// The whole is wanted.
    Signed(&'a Signature),
}

impl Transaction {
    /// Keccak-256 of what its sender signs.
    pub fn signing_hash(&self) -> H256 {
        keccak(&self.encode_with(&Tail::Unsigned))
    }

    /// The EIP-2718 bytes with this signature.
    pub fn encode(&self, signature: &Signature) -> Vec<u8> {
        self.encode_with(&Tail::Signed(signature))
    }

    /// Puts a signature to it. The signature is not checked: recovering does that.
    pub fn sign(self, signature: Signature) -> SignedTransaction {
        let hash = TransactionHash::new(keccak(&self.encode(&signature)).0);
        let signing_hash = self.signing_hash();
        SignedTransaction { transaction: self, signature, hash, signing_hash }
    }

    fn encode_with(&self, tail: &Tail<'_>) -> Vec<u8> {
        let mut fields = Vec::with_capacity(self.data.len().saturating_add(256));
        let is_legacy = self.transaction_type == TransactionType::Legacy;
        if !is_legacy {
            rlp::write_u256(&mut fields, self.chain_id.unwrap_or_default());
        }
        rlp::write_u64(&mut fields, self.nonce);
        if matches!(self.transaction_type, TransactionType::DynamicFee | TransactionType::SetCode) {
            rlp::write_u256(&mut fields, self.max_priority_fee_per_gas);
        }
        rlp::write_u256(&mut fields, self.max_fee_per_gas);
        rlp::write_u64(&mut fields, self.gas_limit.get());
        rlp::write_receiver(&mut fields, self.to);
        rlp::write_u256(&mut fields, self.value);
        rlp::write_text(&mut fields, &self.data);
        if !is_legacy {
            write_access_list(&mut fields, &self.access_list);
        }
        if self.transaction_type == TransactionType::SetCode {
            write_authorizations(&mut fields, &self.authorizations);
        }
        self.write_tail(&mut fields, tail);

        let mut out = Vec::with_capacity(fields.len().saturating_add(10));
        if !is_legacy {
            out.push(self.transaction_type.byte());
        }
        rlp::write_list_header(&mut out, fields.len());
        out.extend_from_slice(&fields);
        out
    }

    fn write_tail(&self, fields: &mut Vec<u8>, tail: &Tail<'_>) {
        match (tail, self.transaction_type) {
            (Tail::Unsigned, TransactionType::Legacy) => {
                if let Some(chain_id) = self.chain_id {
                    rlp::write_u256(fields, chain_id);
                    fields.extend_from_slice(&[0x80, 0x80]);
                }
            }
            (Tail::Unsigned, _) => {}
            (Tail::Signed(signature), transaction_type) => {
                match transaction_type {
                    TransactionType::Legacy => rlp::write_u256(fields, self.legacy_v(signature.y_parity)),
                    _ => rlp::write_u64(fields, u64::from(signature.y_parity)),
                }
                rlp::write_u256(fields, signature.r);
                rlp::write_u256(fields, signature.s);
            }
        }
    }

    /// The `v` of a legacy signature: 27 or 28, or chain id × 2 + 35 or 36 (EIP-155).
    pub fn legacy_v(&self, y_parity: bool) -> U256 {
        let base = match self.chain_id {
            Some(chain_id) => chain_id.saturating_mul(U256::from(2)).saturating_add(U256::from(35)),
            None => U256::from(27),
        };
        base.saturating_add(U256::from(u8::from(y_parity)))
    }
}

impl SignedTransaction {
    /// The EIP-2718 bytes.
    pub fn encode(&self) -> Vec<u8> {
        self.transaction.encode(&self.signature)
    }
}

fn keys_size(item: &AccessListItem) -> usize {
    item.storage_keys.len().saturating_mul(rlp::H256_SIZE)
}

fn entry_size(item: &AccessListItem) -> usize {
    rlp::ADDRESS_SIZE.saturating_add(rlp::item_size(keys_size(item)))
}

fn write_authorizations(out: &mut Vec<u8>, authorizations: &[Authorization]) {
    let mut content = Vec::with_capacity(authorizations.len().saturating_mul(128));
    for authorization in authorizations {
        authorization.write(&mut content);
    }
    rlp::write_list_header(out, content.len());
    out.extend_from_slice(&content);
}

fn write_access_list(out: &mut Vec<u8>, list: &[AccessListItem]) {
    let size = list.iter().fold(0usize, |sum, item| sum.saturating_add(rlp::item_size(entry_size(item))));
    rlp::write_list_header(out, size);
    for item in list {
        rlp::write_list_header(out, entry_size(item));
        rlp::write_text(out, item.address.as_bytes());
        rlp::write_list_header(out, keys_size(item));
        for key in &item.storage_keys {
            rlp::write_h256(out, *key);
        }
    }
}
