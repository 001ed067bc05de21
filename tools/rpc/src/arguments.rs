//! The positional arguments of a request: each is read with its name at hand, so that the error can say
//! which one was wrong.

use crate::chain::{BlockTag, Call};
use crate::error::{INVALID_PARAMS, RpcError};
use crate::hexadecimal::{data_from_text, fixed_from_text, quantity_from_text};
use jsonrpsee::types::Params;
use millrace_primitives::{Address, BlockHash, BlockNumber, Gas, H256, TransactionHash, U256};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// The arguments of one request, not yet read.
pub(crate) struct Arguments<'a>(Vec<&'a RawValue>);

impl<'a> Arguments<'a> {
    /// Splits the array of arguments; at most `count_max`.
    pub(crate) fn parse(params: &'a Params<'_>, count_max: usize) -> Result<Self, RpcError> {
        let items = match params.as_str().map(str::trim) {
            None | Some("null") => Vec::new(),
            Some(text) => serde_json::from_str::<Vec<&RawValue>>(text)
                .map_err(|_| RpcError::new(INVALID_PARAMS, "arguments must be given as an array"))?,
        };
        if items.len() > count_max {
            let message = format!("too many arguments: got {}, want at most {count_max}", items.len());
            return Err(RpcError::new(INVALID_PARAMS, message));
        }
        Ok(Self(items))
    }

    /// The argument at `index`, which must be there.
    pub(crate) fn required<T: Argument>(&self, index: usize, name: &str) -> Result<T, RpcError> {
        self.optional(index, name)?.ok_or_else(|| {
            RpcError::new(INVALID_PARAMS, format!("missing value for required argument {index} ({name})"))
        })
    }

    /// The argument at `index`, unless it is absent or null.
    pub(crate) fn optional<T: Argument>(&self, index: usize, name: &str) -> Result<Option<T>, RpcError> {
        match self.0.get(index) {
            None => Ok(None),
            Some(value) if value.get() == "null" => Ok(None),
            Some(value) => T::read(value.get()).map(Some).map_err(|reason| {
                RpcError::new(INVALID_PARAMS, format!("invalid argument {index} ({name}): {reason}"))
            }),
        }
    }
}

/// Something that can be an argument.
pub(crate) trait Argument: Sized {
    /// Reads a JSON value; the error says what was expected.
    fn read(json: &str) -> Result<Self, String>;
}

/// A JSON string, without a copy if it has no escapes.
fn text(json: &str) -> Result<Cow<'_, str>, String> {
    /// `Cow` alone would copy: serde borrows only where it is told to.
    #[derive(Deserialize)]
    struct Text<'a>(#[serde(borrow)] Cow<'a, str>);
    serde_json::from_str::<Text<'_>>(json).map(|text| text.0).map_err(|_| "expected a string".to_owned())
}

/// Bytes.
pub(crate) struct Bytes(pub(crate) Vec<u8>);

impl Argument for Bytes {
    fn read(json: &str) -> Result<Self, String> {
        data_from_text(&text(json)?).map(Self).map_err(str::to_owned)
    }
}

impl Argument for Address {
    fn read(json: &str) -> Result<Self, String> {
        fixed_from_text(&text(json)?).map(Self)
    }
}

impl Argument for H256 {
    fn read(json: &str) -> Result<Self, String> {
        fixed_from_text(&text(json)?).map(Self)
    }
}

impl Argument for BlockHash {
    fn read(json: &str) -> Result<Self, String> {
        fixed_from_text(&text(json)?).map(Self::new)
    }
}

impl Argument for TransactionHash {
    fn read(json: &str) -> Result<Self, String> {
        fixed_from_text(&text(json)?).map(Self::new)
    }
}

impl Argument for bool {
    fn read(json: &str) -> Result<Self, String> {
        serde_json::from_str(json).map_err(|_| "expected true or false".to_owned())
    }
}

impl Argument for U256 {
    fn read(json: &str) -> Result<Self, String> {
        // Some tools send small numbers bare.
        if let Ok(number) = serde_json::from_str::<u64>(json) {
            return Ok(Self::from(number));
        }
        quantity_from_text(&text(json)?).map_err(str::to_owned)
    }
}

impl Argument for u64 {
    fn read(json: &str) -> Result<Self, String> {
        Self::try_from(U256::read(json)?).map_err(|_| "number above 64 bits".to_owned())
    }
}

/// The numbers of `eth_feeHistory` between 0 and 100, in ascending order.
pub(crate) struct Percentiles(pub(crate) Vec<f64>);

impl Argument for Percentiles {
    fn read(json: &str) -> Result<Self, String> {
        let values: Vec<f64> =
            serde_json::from_str(json).map_err(|_| "expected an array of numbers".to_owned())?;
        if values.len() > PERCENTILES_MAX {
            return Err(format!("more than {PERCENTILES_MAX} percentiles"));
        }
        let ascending = values.windows(2).all(|pair| pair[0] <= pair[1]);
        if !ascending || values.iter().any(|value| !(0.0..=100.0).contains(value)) {
            return Err("percentiles must ascend from 0 to 100".to_owned());
        }
        Ok(Self(values))
    }
}

/// The most percentiles of one request.
const PERCENTILES_MAX: usize = 100;

/// A block as an argument: a tag, a number, or a hash (EIP-1898).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum BlockParameter {
    Tag(BlockTag),
    Number(BlockNumber),
    Hash(BlockHash),
}

impl Argument for BlockParameter {
    fn read(json: &str) -> Result<Self, String> {
        if json.starts_with('{') {
            return read_block_object(json);
        }
        let text = text(json).map_err(|_| BLOCK_EXPECTED.to_owned())?;
        let tag = match &*text {
            "earliest" => BlockTag::Earliest,
            "finalized" => BlockTag::Finalized,
            "safe" => BlockTag::Safe,
            "latest" => BlockTag::Latest,
            "pending" => BlockTag::Pending,
            hash if hash.len() == 66 => {
                return fixed_from_text(hash).map(|hash| Self::Hash(BlockHash::new(hash)));
            }
            number => {
                let number = quantity_from_text(number).map_err(|_| BLOCK_EXPECTED.to_owned())?;
                let number = u64::try_from(number).map_err(|_| "block number above 64 bits".to_owned())?;
                return Ok(Self::Number(BlockNumber::new(number)));
            }
        };
        Ok(Self::Tag(tag))
    }
}

const BLOCK_EXPECTED: &str = "expected a block: latest, pending, safe, finalized, earliest, a quantity, a hash or an object (EIP-1898)";

fn read_block_object(json: &str) -> Result<BlockParameter, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Object<'a> {
        #[serde(borrow)]
        block_number: Option<&'a RawValue>,
        #[serde(borrow)]
        block_hash: Option<&'a RawValue>,
        // Every block of this node is canonical: there is nothing to require.
        #[allow(dead_code)]
        require_canonical: Option<bool>,
    }
    let object: Object<'_> = serde_json::from_str(json).map_err(|error| error.to_string())?;
    match (object.block_number, object.block_hash) {
        (Some(number), None) => Ok(BlockParameter::Number(BlockNumber::new(u64::read(number.get())?))),
        (None, Some(hash)) => Ok(BlockParameter::Hash(BlockHash::read(hash.get())?)),
        _ => Err("expected either blockNumber or blockHash".to_owned()),
    }
}

/// The most entries of an access list.
const ACCESS_LIST_ENTRIES_MAX: usize = 10_000;

/// The transaction object of `eth_call` and `eth_estimateGas`.
pub(crate) struct CallArgument {
    pub(crate) call: Call,
    pub(crate) chain_id: Option<U256>,
}

/// Fields that do not change what a call does (nonce, type, …) are taken and ignored.
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
    value: Option<&'a RawValue>,
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

/// Reads a field, absent and null alike.
fn field<T: Argument>(value: Option<&RawValue>, name: &str) -> Result<Option<T>, String> {
    match value {
        None => Ok(None),
        Some(value) if value.get() == "null" => Ok(None),
        Some(value) => T::read(value.get()).map(Some).map_err(|reason| format!("{name}: {reason}")),
    }
}

impl Argument for CallArgument {
    fn read(json: &str) -> Result<Self, String> {
        let fields: CallFields<'_> =
            serde_json::from_str(json).map_err(|_| "expected a transaction object".to_owned())?;
        let data: Option<Bytes> = field(fields.data, "data")?;
        let input: Option<Bytes> = field(fields.input, "input")?;
        let data = match (data, input) {
            (Some(data), Some(input)) if data.0 != input.0 => {
                return Err("data and input are both set and differ".to_owned());
            }
            (_, Some(input)) => input.0,
            (Some(data), None) => data.0,
            (None, None) => Vec::new(),
        };
        let price: Option<U256> = field(fields.gas_price, "gasPrice")?;
        let fee_max: Option<U256> = field(fields.max_fee_per_gas, "maxFeePerGas")?;
        if price.is_some() && fee_max.is_some() {
            return Err("gasPrice and maxFeePerGas are both set".to_owned());
        }
        if fields.authorization_list.is_some_and(|list| !matches!(list.get(), "null" | "[]")) {
            return Err("authorizationList: not supported in calls".to_owned());
        }
        let gas: Option<U256> = field(fields.gas, "gas")?;
        let call = Call {
            from: field(fields.from, "from")?,
            to: field(fields.to, "to")?,
            // More gas than 64 bits can hold is more than any block allows: as if it were absent.
            gas: gas.map(|gas| Gas::new(u64::try_from(gas).unwrap_or(u64::MAX))),
            gas_price: price.or(fee_max),
            value: field(fields.value, "value")?.unwrap_or_default(),
            data,
            access_list: fields.access_list.map_or_else(|| Ok(Vec::new()), read_access_list)?,
        };
        Ok(Self { call, chain_id: field(fields.chain_id, "chainId")? })
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
