//! The positional arguments of a request: each is read with its name at hand, so that the error can say
//! which one was wrong.

use crate::chain::BlockTag;
use crate::error::{INVALID_PARAMS, RpcError};
use crate::hexadecimal::{data_from_text, fixed_from_text, quantity_from_text};
use jsonrpsee::types::Params;
use millrace_primitives::{Address, BlockHash, BlockNumber, H256, TransactionHash, U256};
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

/// Reads a field of an object, absent and null alike.
pub(crate) fn field<T: Argument>(value: Option<&RawValue>, name: &str) -> Result<Option<T>, String> {
    match value {
        None => Ok(None),
        Some(value) if value.get() == "null" => Ok(None),
        Some(value) => T::read(value.get()).map(Some).map_err(|reason| format!("{name}: {reason}")),
    }
}
