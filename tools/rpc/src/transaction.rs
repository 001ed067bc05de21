//! Transactions as their EIP-2718 bytes say, to be shown. What is in a block was accepted by the kernel:
//! nothing is verified here, and what does not decode is a fault of the node.

use millrace_primitives::{Address, H256, U256};
use rlp::{DecoderError, Rlp};

/// The fields of any transaction; those that its type lacks are absent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Transaction {
    /// EIP-2718 type; 0 for legacy.
    pub(crate) kind: u8,
    /// Absent in a legacy transaction that is not protected, and in a deposit.
    pub(crate) chain_id: Option<U256>,
    pub(crate) nonce: u64,
    /// Legacy and EIP-2930: the price; since EIP-1559: the most that it pays.
    pub(crate) fee_max: U256,
    /// Since EIP-1559.
    pub(crate) tip_max: Option<U256>,
    pub(crate) gas: u64,
    /// Absent when it creates a contract.
    pub(crate) to: Option<Address>,
    pub(crate) value: U256,
    pub(crate) input: Vec<u8>,
    /// Since EIP-2930.
    pub(crate) access_list: Option<Vec<(Address, Vec<H256>)>>,
    /// EIP-7702.
    pub(crate) authorizations: Option<Vec<Authorization>>,
    /// Legacy: `v`; otherwise the parity of y.
    pub(crate) v: u64,
    pub(crate) r: U256,
    pub(crate) s: U256,
}

/// An authorization of EIP-7702.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Authorization {
    pub(crate) chain_id: U256,
    pub(crate) address: Address,
    pub(crate) nonce: u64,
    pub(crate) y_parity: u64,
    pub(crate) r: U256,
    pub(crate) s: U256,
}

const ACCESS_LIST: u8 = 1;
const DYNAMIC_FEE: u8 = 2;
const SET_CODE: u8 = 4;

impl Transaction {
    /// Reads the bytes of a transaction.
    pub(crate) fn decode(raw: &[u8]) -> Result<Self, DecoderError> {
        match raw.split_first() {
            None => Err(DecoderError::RlpIsTooShort),
            Some((kind, _)) if *kind >= 0xc0 => decode_legacy(&Rlp::new(raw)),
            Some((&ACCESS_LIST, rest)) => decode_access_list(&Rlp::new(rest)),
            Some((&kind @ (DYNAMIC_FEE | SET_CODE), rest)) => decode_dynamic_fee(kind, &Rlp::new(rest)),
            Some(_) => Err(DecoderError::Custom("unknown transaction type")),
        }
    }
}

/// `[nonce, gasPrice, gas, to, value, data, v, r, s]`.
fn decode_legacy(rlp: &Rlp<'_>) -> Result<Transaction, DecoderError> {
    expect_items(rlp, 9)?;
    let v: u64 = rlp.val_at(6)?;
    Ok(Transaction {
        kind: 0,
        // EIP-155: v = 35 + 2 * chain id + parity.
        chain_id: v.checked_sub(35).map(|rest| U256::from(rest / 2)),
        nonce: rlp.val_at(0)?,
        fee_max: rlp.val_at(1)?,
        tip_max: None,
        gas: rlp.val_at(2)?,
        to: receiver(&rlp.at(3)?)?,
        value: rlp.val_at(4)?,
        input: rlp.val_at(5)?,
        access_list: None,
        authorizations: None,
        v,
        r: rlp.val_at(7)?,
        s: rlp.val_at(8)?,
    })
}

/// `[chainId, nonce, gasPrice, gas, to, value, data, accessList, parity, r, s]` (EIP-2930).
fn decode_access_list(rlp: &Rlp<'_>) -> Result<Transaction, DecoderError> {
    expect_items(rlp, 11)?;
    Ok(Transaction {
        kind: ACCESS_LIST,
        chain_id: Some(rlp.val_at(0)?),
        nonce: rlp.val_at(1)?,
        fee_max: rlp.val_at(2)?,
        tip_max: None,
        gas: rlp.val_at(3)?,
        to: receiver(&rlp.at(4)?)?,
        value: rlp.val_at(5)?,
        input: rlp.val_at(6)?,
        access_list: Some(access_list(&rlp.at(7)?)?),
        authorizations: None,
        v: rlp.val_at(8)?,
        r: rlp.val_at(9)?,
        s: rlp.val_at(10)?,
    })
}

/// `[chainId, nonce, tip, fee, gas, to, value, data, accessList, (authorizations,) parity, r, s]`
/// (EIP-1559, EIP-7702).
fn decode_dynamic_fee(kind: u8, rlp: &Rlp<'_>) -> Result<Transaction, DecoderError> {
    let with_authorizations = kind == SET_CODE;
    expect_items(rlp, if with_authorizations { 13 } else { 12 })?;
    let signature = if with_authorizations { 10 } else { 9 };
    Ok(Transaction {
        kind,
        chain_id: Some(rlp.val_at(0)?),
        nonce: rlp.val_at(1)?,
        fee_max: rlp.val_at(3)?,
        tip_max: Some(rlp.val_at(2)?),
        gas: rlp.val_at(4)?,
        to: receiver(&rlp.at(5)?)?,
        value: rlp.val_at(6)?,
        input: rlp.val_at(7)?,
        access_list: Some(access_list(&rlp.at(8)?)?),
        authorizations: if with_authorizations { Some(authorizations(&rlp.at(9)?)?) } else { None },
        v: rlp.val_at(signature)?,
        r: rlp.val_at(signature + 1)?,
        s: rlp.val_at(signature + 2)?,
    })
}

fn expect_items(rlp: &Rlp<'_>, count: usize) -> Result<(), DecoderError> {
    if rlp.item_count()? == count { Ok(()) } else { Err(DecoderError::RlpIncorrectListLen) }
}

fn receiver(rlp: &Rlp<'_>) -> Result<Option<Address>, DecoderError> {
    if rlp.data()?.is_empty() { Ok(None) } else { rlp.as_val().map(Some) }
}

fn access_list(rlp: &Rlp<'_>) -> Result<Vec<(Address, Vec<H256>)>, DecoderError> {
    rlp.iter().map(|entry| Ok((entry.val_at(0)?, entry.list_at(1)?))).collect()
}

fn authorizations(rlp: &Rlp<'_>) -> Result<Vec<Authorization>, DecoderError> {
    rlp.iter()
        .map(|entry| {
            Ok(Authorization {
                chain_id: entry.val_at(0)?,
                address: entry.val_at(1)?,
                nonce: entry.val_at(2)?,
                y_parity: entry.val_at(3)?,
                r: entry.val_at(4)?,
                s: entry.val_at(5)?,
            })
        })
        .collect()
}
