//! The transaction of a state test as its fields spell it: data, gas limit and value are chosen by index.

use crate::read::{self, FixtureError};
use k256::ecdsa::SigningKey;
use millrace_evm::{
    AccessListItem, Authorization, Signature, SignedTransaction, Transaction, TransactionType,
};
use millrace_primitives::{Address, Gas, U256};
use serde::Deserialize;

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
pub(super) struct Fields {
    nonce: String,
    gas_price: Option<String>,
    max_fee_per_gas: Option<String>,
    max_priority_fee_per_gas: Option<String>,
    max_fee_per_blob_gas: Option<String>,
    gas_limit: Vec<String>,
    to: Option<String>,
    value: Vec<String>,
    data: Vec<String>,
    #[serde(default)]
    access_lists: Vec<Option<Vec<RawItem>>>,
    authorization_list: Option<Vec<RawAuthorization>>,
    sender: Option<String>,
    secret_key: Option<String>,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
struct RawItem {
    address: String,
    storage_keys: Vec<String>,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
struct RawAuthorization {
    chain_id: String,
    address: String,
    nonce: String,
    /// The parity under one of two names, or under both.
    v: Option<String>,
    y_parity: Option<String>,
    r: String,
    s: String,
}

/// Which of the data, gas limits and values.
#[derive(Deserialize, Clone, Copy, Debug)]
pub(super) struct Indexes {
    pub(super) data: usize,
    pub(super) gas: usize,
    pub(super) value: usize,
}

fn at<'a, T>(list: &'a [T], index: usize, what: &'static str) -> Result<&'a T, FixtureError> {
    list.get(index).ok_or(FixtureError::NoSuchIndex { what, index })
}

impl RawItem {
    fn parse(&self) -> Result<AccessListItem, FixtureError> {
        Ok(AccessListItem {
            address: read::address(&self.address)?,
            storage_keys: self.storage_keys.iter().map(|key| read::word(key)).collect::<Result<_, _>>()?,
        })
    }
}

impl RawAuthorization {
    fn parse(&self) -> Result<Authorization, FixtureError> {
        let parity = self.y_parity.as_ref().or(self.v.as_ref()).map_or("", String::as_str);
        Ok(Authorization {
            chain_id: read::number(&self.chain_id)?,
            address: read::address(&self.address)?,
            nonce: read::number_u64(&self.nonce)?,
            y_parity: u8::try_from(read::number(parity)?)
                .map_err(|_| FixtureError::TooLarge { text: parity.to_owned(), bits: 8 })?,
            r: read::number(&self.r)?,
            s: read::number(&self.s)?,
        })
    }
}

impl Fields {
    /// Who sends, where the fields say so.
    pub(super) fn sender(&self) -> Result<Option<Address>, FixtureError> {
        self.sender.as_deref().map(read::address).transpose()
    }

    fn access_list(&self, index: usize) -> Option<&Vec<RawItem>> {
        self.access_lists.get(index).and_then(Option::as_ref)
    }

    /// The type of EIP-2718, by the fields there are.
    pub(super) fn transaction_type(&self, indexes: Indexes) -> u8 {
        if self.authorization_list.is_some() {
            4
        } else if self.max_fee_per_blob_gas.is_some() {
            3
        } else if self.max_fee_per_gas.is_some() {
            2
        } else {
            u8::from(self.access_list(indexes.data).is_some())
        }
    }

    /// The transaction, for this chain if its type names one.
    ///
    /// # Errors
    /// When the fields are no transaction that the kernel has.
    pub(super) fn transaction(&self, indexes: Indexes, chain_id: U256) -> Result<Transaction, FixtureError> {
        let transaction_type = match self.transaction_type(indexes) {
            0 => TransactionType::Legacy,
            1 => TransactionType::AccessList,
            4 => TransactionType::SetCode,
            _ => TransactionType::DynamicFee,
        };
        let fee = |field: &Option<String>| field.as_deref().map(read::number).transpose();
        let gas_price = fee(&self.gas_price)?.unwrap_or_default();
        let list = self.access_list(indexes.data).into_iter().flatten();
        let authorizations = self.authorization_list.iter().flatten();
        Ok(Transaction {
            transaction_type,
            chain_id: (transaction_type != TransactionType::Legacy).then_some(chain_id),
            nonce: read::number_u64(&self.nonce)?,
            gas_limit: Gas::new(read::number_u64(at(&self.gas_limit, indexes.gas, "gas limit")?)?),
            max_fee_per_gas: fee(&self.max_fee_per_gas)?.unwrap_or(gas_price),
            max_priority_fee_per_gas: fee(&self.max_priority_fee_per_gas)?.unwrap_or(gas_price),
            to: match self.to.as_deref() {
                None | Some("") => None,
                Some(address) => Some(read::address(address)?),
            },
            value: read::number(at(&self.value, indexes.value, "value")?)?,
            data: read::bytes(at(&self.data, indexes.data, "data")?)?,
            access_list: list.map(RawItem::parse).collect::<Result<_, _>>()?,
            authorizations: authorizations.map(RawAuthorization::parse).collect::<Result<_, _>>()?,
        })
    }

    /// Signs a transaction with the secret key of the fields.
    ///
    /// # Errors
    /// When there is none.
    pub(super) fn sign(&self, transaction: Transaction) -> Result<SignedTransaction, FixtureError> {
        let secret = read::word(self.secret_key.as_deref().ok_or(FixtureError::SecretKey)?)?;
        let key = SigningKey::from_bytes(&secret.0.into()).map_err(|_| FixtureError::SecretKey)?;
        let digest = transaction.signing_hash().0;
        let (signature, recovery) =
            key.sign_prehash_recoverable(&digest).map_err(|_| FixtureError::SecretKey)?;
        let (r, s) = signature.split_bytes();
        Ok(transaction.sign(Signature {
            r: U256::from_big_endian(&r),
            s: U256::from_big_endian(&s),
            y_parity: recovery.is_y_odd(),
        }))
    }
}
