//! The transaction object: what `eth_call`, `eth_estimateGas`, `eth_sendTransaction` and
//! `eth_signTransaction` are given.

use crate::arguments::{Argument, Bytes, field};
use crate::call::{Authorization, Call};
use millrace_primitives::{Address, Gas, H256, U256};
use serde::Deserialize;
use serde_json::value::RawValue;

/// The most entries of an access list, keys included.
const ACCESS_LIST_ENTRIES_MAX: usize = 10_000;

/// The most authorizations: each costs a recovery of a signature.
const AUTHORIZATIONS_MAX: usize = 1_000;

/// A transaction object.
pub(crate) struct CallArgument {
    /// What a call needs of it. Its price is `fee_max` or else `price`.
    pub(crate) call: Call,
    pub(crate) chain_id: Option<U256>,
    pub(crate) nonce: Option<u64>,
    /// `gasPrice`; excludes the next two.
    pub(crate) price: Option<U256>,
    /// `maxFeePerGas`.
    pub(crate) fee_max: Option<U256>,
    /// `maxPriorityFeePerGas`.
    pub(crate) tip_max: Option<U256>,
}

/// The type follows from the other fields: it is taken and ignored.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CallFields<'a> {
    #[serde(borrow)]
    from: Option<&'a RawValue>,
    #[serde(borrow)]
    to: Option<&'a RawValue>,
    #[serde(borrow)]
    gas: Option<&'a RawValue>,
    #[serde(borrow)]
    gas_price: Option<&'a RawValue>,
    #[serde(borrow)]
    max_fee_per_gas: Option<&'a RawValue>,
    #[serde(borrow)]
    max_priority_fee_per_gas: Option<&'a RawValue>,
    #[serde(borrow)]
    value: Option<&'a RawValue>,
    #[serde(borrow)]
    nonce: Option<&'a RawValue>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(borrow)]
    input: Option<&'a RawValue>,
    #[serde(borrow)]
    access_list: Option<&'a RawValue>,
    #[serde(borrow)]
    authorization_list: Option<&'a RawValue>,
    #[serde(borrow)]
    chain_id: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AccessEntry<'a> {
    #[serde(borrow)]
    address: &'a RawValue,
    #[serde(borrow, default)]
    storage_keys: Vec<&'a RawValue>,
}

/// `v` is taken for `yParity`, as wallets write it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AuthorizationEntry<'a> {
    #[serde(borrow)]
    chain_id: &'a RawValue,
    #[serde(borrow)]
    address: &'a RawValue,
    #[serde(borrow)]
    nonce: &'a RawValue,
    #[serde(borrow)]
    y_parity: Option<&'a RawValue>,
    #[serde(borrow)]
    v: Option<&'a RawValue>,
    #[serde(borrow)]
    r: &'a RawValue,
    #[serde(borrow)]
    s: &'a RawValue,
}

impl Argument for CallArgument {
    fn read(json: &str) -> Result<Self, String> {
        let fields: CallFields<'_> =
            serde_json::from_str(json).map_err(|_| "expected a transaction object".to_owned())?;
        let price: Option<U256> = field(fields.gas_price, "gasPrice")?;
        let fee_max: Option<U256> = field(fields.max_fee_per_gas, "maxFeePerGas")?;
        let tip_max: Option<U256> = field(fields.max_priority_fee_per_gas, "maxPriorityFeePerGas")?;
        if price.is_some() && fee_max.is_some() {
            return Err("gasPrice and maxFeePerGas are both set".to_owned());
        }
        if price.is_some() && tip_max.is_some() {
            return Err("gasPrice and maxPriorityFeePerGas are both set".to_owned());
        }
        let gas: Option<U256> = field(fields.gas, "gas")?;
        let call = Call {
            from: field(fields.from, "from")?,
            to: field(fields.to, "to")?,
            // More gas than 64 bits can hold is more than any block allows.
            gas: gas.map(|gas| Gas::new(u64::try_from(gas).unwrap_or(u64::MAX))),
            gas_price: price.or(fee_max),
            value: field(fields.value, "value")?.unwrap_or_default(),
            data: read_input(&fields)?,
            access_list: fields.access_list.map_or_else(|| Ok(Vec::new()), read_access_list)?,
            authorizations: fields.authorization_list.map_or_else(|| Ok(Vec::new()), read_authorizations)?,
        };
        let chain_id = field(fields.chain_id, "chainId")?;
        Ok(Self { call, chain_id, nonce: field(fields.nonce, "nonce")?, price, fee_max, tip_max })
    }
}

/// `data` and `input` are two names of the same.
fn read_input(fields: &CallFields<'_>) -> Result<Vec<u8>, String> {
    let data: Option<Bytes> = field(fields.data, "data")?;
    let input: Option<Bytes> = field(fields.input, "input")?;
    match (data, input) {
        (Some(data), Some(input)) if data.0 != input.0 => {
            Err("data and input are both set and differ".to_owned())
        }
        (_, Some(input)) => Ok(input.0),
        (Some(data), None) => Ok(data.0),
        (None, None) => Ok(Vec::new()),
    }
}

fn read_access_list(json: &RawValue) -> Result<Vec<(Address, Vec<H256>)>, String> {
    let entries: Option<Vec<AccessEntry<'_>>> =
        serde_json::from_str(json.get()).map_err(|error| format!("accessList: {error}"))?;
    let entries = entries.unwrap_or_default();
    if entries.iter().map(|entry| 1 + entry.storage_keys.len()).sum::<usize>() > ACCESS_LIST_ENTRIES_MAX {
        return Err(format!("accessList: more than {ACCESS_LIST_ENTRIES_MAX} entries"));
    }
    entries
        .into_iter()
        .map(|entry| {
            let address = Address::read(entry.address.get())?;
            let keys =
                entry.storage_keys.iter().map(|key| H256::read(key.get())).collect::<Result<_, _>>()?;
            Ok((address, keys))
        })
        .collect::<Result<_, String>>()
        .map_err(|reason| format!("accessList: {reason}"))
}

fn read_authorizations(json: &RawValue) -> Result<Vec<Authorization>, String> {
    let entries: Option<Vec<AuthorizationEntry<'_>>> =
        serde_json::from_str(json.get()).map_err(|error| format!("authorizationList: {error}"))?;
    let entries = entries.unwrap_or_default();
    if entries.len() > AUTHORIZATIONS_MAX {
        return Err(format!("authorizationList: more than {AUTHORIZATIONS_MAX} entries"));
    }
    let authorization = |entry: &AuthorizationEntry<'_>| {
        let parity: u64 = match (field(entry.y_parity, "yParity")?, field(entry.v, "v")?) {
            (Some(parity), _) => parity,
            (None, Some(v @ (27 | 28))) => v - 27,
            (None, Some(v)) => v,
            (None, None) => return Err("yParity is missing".to_owned()),
        };
        Ok(Authorization {
            chain_id: U256::read(entry.chain_id.get()).map_err(|reason| format!("chainId: {reason}"))?,
            address: Address::read(entry.address.get()).map_err(|reason| format!("address: {reason}"))?,
            nonce: u64::read(entry.nonce.get()).map_err(|reason| format!("nonce: {reason}"))?,
            y_parity: u8::try_from(parity).map_err(|_| "yParity: expected 0 or 1".to_owned())?,
            r: U256::read(entry.r.get()).map_err(|reason| format!("r: {reason}"))?,
            s: U256::read(entry.s.get()).map_err(|reason| format!("s: {reason}"))?,
        })
    };
    entries
        .iter()
        .map(authorization)
        .collect::<Result<_, String>>()
        .map_err(|reason| format!("authorizationList: {reason}"))
}
