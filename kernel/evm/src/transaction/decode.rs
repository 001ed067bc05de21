//! From bytes to a [`SignedTransaction`]. The signed digest is taken over the bytes as they came: canonical
//! RLP has one spelling, so nothing is encoded again.

use super::{
    AccessListItem, Authorization, S_MAX, Signature, SignedTransaction, TRANSACTION_BYTES_MAX, Transaction,
    TransactionType,
};
use crate::keccak::{keccak, keccak_of};
use crate::rlp::{self, Reader, RlpError};
use alloc::vec::Vec;
use millrace_primitives::{Address, Gas, H160, H256, TransactionHash, U256};

/// Why bytes are not a transaction of this chain.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DecodeError {
    /// No bytes at all.
    Empty,
    /// More than [`TRANSACTION_BYTES_MAX`].
    TooLarge,
    /// Not canonical RLP of the fields of its type.
    Rlp(RlpError),
    /// A blob transaction (EIP-4844): a rollup has no blobs of its own.
    BlobTransaction,
    /// A type that Ethereum does not define.
    UnknownType(u8),
    /// Signed for another chain.
    WrongChainId(U256),
    /// A legacy `v` that is neither 27, 28 nor of the form of EIP-155, or a parity above 1.
    BadParity,
    /// `r` or `s` is zero or not below the order of the curve.
    BadSignature,
    /// `s` is in the upper half (EIP-2).
    HighS,
    /// Signed by nobody: a deposit, which users cannot send.
    DepositFromUser,
}

impl From<RlpError> for DecodeError {
    fn from(error: RlpError) -> Self {
        Self::Rlp(error)
    }
}

impl SignedTransaction {
    /// Reads the EIP-2718 bytes of a transaction meant for the chain `chain_id`. Legacy transactions from
    /// before EIP-155 name no chain and pass.
    ///
    /// # Errors
    /// The first rule of form that the bytes break. Nothing that depends on the state is looked at.
    pub fn decode(bytes: &[u8], chain_id: U256) -> Result<Self, DecodeError> {
        if bytes.len() > TRANSACTION_BYTES_MAX {
            return Err(DecodeError::TooLarge);
        }
        let (first, body) = bytes.split_first().ok_or(DecodeError::Empty)?;
        match *first {
            // No type is above 0x7f (EIP-2718): what is no list is no legacy transaction either.
            0x80..=0xff => decode_legacy(bytes, chain_id),
            1 => decode_typed(bytes, body, TransactionType::AccessList, chain_id),
            2 => decode_typed(bytes, body, TransactionType::DynamicFee, chain_id),
            3 => Err(DecodeError::BlobTransaction),
            4 => decode_typed(bytes, body, TransactionType::SetCode, chain_id),
            other => Err(DecodeError::UnknownType(other)),
        }
    }
}

fn receiver(reader: &mut Reader<'_>) -> Result<Option<Address>, RlpError> {
    match reader.text()? {
        [] => Ok(None),
        text => Ok(Some(H160(text.try_into().map_err(|_| RlpError::WrongLength)?))),
    }
}

/// Bounded by [`TRANSACTION_BYTES_MAX`]: each address takes at least 22 bytes, each key 33.
fn access_list(mut list: Reader<'_>) -> Result<Vec<AccessListItem>, RlpError> {
    let mut items = Vec::new();
    while !list.is_done() {
        let mut item = list.list()?;
        let address = H160(item.array()?);
        let mut keys = item.list()?;
        item.finish()?;
        let mut storage_keys = Vec::with_capacity(keys.rest().len() / rlp::H256_SIZE);
        while !keys.is_done() {
            storage_keys.push(H256(keys.array()?));
        }
        items.push(AccessListItem { address, storage_keys });
    }
    Ok(items)
}

/// The bytes of `content` before those that `reader`, which stands in it, has left.
fn read_so_far<'a>(content: &'a [u8], reader: &Reader<'_>) -> &'a [u8] {
    content.get(..content.len().saturating_sub(reader.rest().len())).unwrap_or(&[])
}

fn check(r: U256, s: U256, y_parity: bool) -> Result<Signature, DecodeError> {
    let signature = Signature { r, s, y_parity };
    if !signature.is_in_range() {
        return Err(DecodeError::BadSignature);
    }
    if s > S_MAX { Err(DecodeError::HighS) } else { Ok(signature) }
}

/// The chain and the parity that a legacy `v` spells.
pub(super) fn split_v(v: U256) -> Result<(Option<U256>, bool), DecodeError> {
    let low = v.low_u64();
    if v == U256::from(27) || v == U256::from(28) {
        return Ok((None, low == 28));
    }
    let shifted = v.checked_sub(U256::from(35)).ok_or(DecodeError::BadParity)?;
    let (chain_id, parity) = shifted.div_mod(U256::from(2));
    Ok((Some(chain_id), !parity.is_zero()))
}

/// The six fields that a legacy transaction starts with.
pub(super) fn legacy_fields(fields: &mut Reader<'_>) -> Result<Transaction, RlpError> {
    let nonce = fields.u64()?;
    let gas_price = fields.u256()?;
    Ok(Transaction {
        transaction_type: TransactionType::Legacy,
        chain_id: None,
        nonce,
        gas_limit: Gas::new(fields.u64()?),
        max_fee_per_gas: gas_price,
        max_priority_fee_per_gas: gas_price,
        to: receiver(fields)?,
        value: fields.u256()?,
        data: fields.text()?.to_vec(),
        access_list: Vec::new(),
        authorizations: Vec::new(),
    })
}

fn check_chain(named: Option<U256>, wanted: U256) -> Result<(), DecodeError> {
    match named {
        Some(named) if named != wanted => Err(DecodeError::WrongChainId(named)),
        _ => Ok(()),
    }
}

fn decode_legacy(bytes: &[u8], wanted: U256) -> Result<SignedTransaction, DecodeError> {
    let mut outer = Reader::new(bytes);
    let mut fields = outer.list()?;
    outer.finish()?;
    let content = fields.rest();
    let mut transaction = legacy_fields(&mut fields)?;
    let unsigned = read_so_far(content, &fields);
    let (v, r, s) = (fields.u256()?, fields.u256()?, fields.u256()?);
    fields.finish()?;
    if v.is_zero() && r.is_zero() && s.is_zero() {
        return Err(DecodeError::DepositFromUser);
    }
    let (chain_id, y_parity) = split_v(v)?;
    check_chain(chain_id, wanted)?;
    let signature = check(r, s, y_parity)?;
    transaction.chain_id = chain_id;

    let mut tail = Vec::new();
    if let Some(chain_id) = chain_id {
        rlp::write_u256(&mut tail, chain_id);
        tail.extend_from_slice(&[0x80, 0x80]);
    }
    let mut header = Vec::with_capacity(9);
    rlp::write_list_header(&mut header, unsigned.len().saturating_add(tail.len()));
    Ok(SignedTransaction {
        transaction,
        signature,
        hash: TransactionHash::new(keccak(bytes).0),
        signing_hash: keccak_of(&[&header, unsigned, &tail]),
    })
}

fn decode_typed(
    bytes: &[u8],
    body: &[u8],
    transaction_type: TransactionType,
    wanted: U256,
) -> Result<SignedTransaction, DecodeError> {
    let mut outer = Reader::new(body);
    let mut fields = outer.list()?;
    outer.finish()?;
    let content = fields.rest();
    let chain_id = fields.u256()?;
    let nonce = fields.u64()?;
    let max_priority_fee_per_gas = fields.u256()?;
    let max_fee_per_gas = match transaction_type {
        TransactionType::DynamicFee | TransactionType::SetCode => fields.u256()?,
        TransactionType::AccessList | TransactionType::Legacy => max_priority_fee_per_gas,
    };
    let transaction = Transaction {
        transaction_type,
        chain_id: Some(chain_id),
        nonce,
        gas_limit: Gas::new(fields.u64()?),
        max_fee_per_gas,
        max_priority_fee_per_gas,
        to: receiver(&mut fields)?,
        value: fields.u256()?,
        data: fields.text()?.to_vec(),
        access_list: access_list(fields.list()?)?,
        authorizations: match transaction_type {
            TransactionType::SetCode => Authorization::read_all(fields.list()?)?,
            _ => Vec::new(),
        },
    };
    let unsigned = read_so_far(content, &fields);
    let y_parity = match fields.u256()? {
        parity if parity.is_zero() => false,
        parity if parity == U256::one() => true,
        _ => return Err(DecodeError::BadParity),
    };
    let (r, s) = (fields.u256()?, fields.u256()?);
    fields.finish()?;
    check_chain(transaction.chain_id, wanted)?;
    let signature = check(r, s, y_parity)?;

    let mut header = Vec::with_capacity(10);
    header.push(transaction_type.byte());
    rlp::write_list_header(&mut header, unsigned.len());
    Ok(SignedTransaction {
        transaction,
        signature,
        hash: TransactionHash::new(keccak(bytes).0),
        signing_hash: keccak_of(&[&header, unsigned]),
    })
}
