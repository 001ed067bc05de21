//! Accounts, and calls on them.

use crate::api::{Api, Json, json};
use crate::arguments::{Argument, Arguments, BlockParameter, CallArgument};
use crate::chain::{BlockTag, Call, Refusal};
use crate::error::{INVALID_PARAMS, RpcError};
use crate::hexadecimal::{Data, Fixed, Quantity};
use millrace_primitives::{Address, BlockNumber, H256, U256};

pub(super) fn balance(api: &Api, arguments: &Arguments<'_>) -> Result<Json, RpcError> {
    let address: Address = arguments.required(0, "address")?;
    let at = api.state_at(arguments.optional(1, "block")?)?;
    json(&Quantity(api.chain.account(at, address)?.balance))
}

pub(super) fn transaction_count(api: &Api, arguments: &Arguments<'_>) -> Result<Json, RpcError> {
    let address: Address = arguments.required(0, "address")?;
    let nonce = match arguments.optional(1, "block")? {
        Some(BlockParameter::Tag(BlockTag::Pending)) => api.chain.pending_nonce(address)?,
        block => api.chain.account(api.state_at(block)?, address)?.nonce,
    };
    json(&Quantity::from(nonce))
}

pub(super) fn code(api: &Api, arguments: &Arguments<'_>) -> Result<Json, RpcError> {
    let address: Address = arguments.required(0, "address")?;
    let at = api.state_at(arguments.optional(1, "block")?)?;
    json(&Data(&api.chain.code(at, address)?))
}

/// A storage slot: up to 32 bytes, short or whole.
struct Slot(H256);

impl Argument for Slot {
    fn read(json: &str) -> Result<Self, String> {
        let mut slot = H256::zero();
        U256::read(json)?.to_big_endian(&mut slot.0);
        Ok(Self(slot))
    }
}

pub(super) fn storage(api: &Api, arguments: &Arguments<'_>) -> Result<Json, RpcError> {
    let address: Address = arguments.required(0, "address")?;
    let Slot(slot) = arguments.required(1, "storage slot")?;
    let at = api.state_at(arguments.optional(2, "block")?)?;
    json(&Fixed::from(api.chain.storage(at, address, slot)?))
}

/// Overrides of state and block, which are refused rather than ignored: only the empty object passes.
struct NoOverrides;

impl Argument for NoOverrides {
    fn read(json: &str) -> Result<Self, String> {
        match serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(json) {
            Ok(object) if object.is_empty() => Ok(Self),
            Ok(_) => Err("overrides are not supported".to_owned()),
            Err(_) => Err("expected an object".to_owned()),
        }
    }
}

/// The call that the arguments describe, and the block on whose state it runs.
fn read_call(api: &Api, arguments: &Arguments<'_>) -> Result<(BlockNumber, Call), RpcError> {
    let CallArgument { call, chain_id } = arguments.required(0, "transaction")?;
    let at = api.state_at(arguments.optional(1, "block")?)?;
    let _: Option<NoOverrides> = arguments.optional(2, "state overrides")?;
    let _: Option<NoOverrides> = arguments.optional(3, "block overrides")?;
    match chain_id {
        Some(have) if have != api.chain.chain_id() => {
            let refusal = Refusal::WrongChain { have, want: api.chain.chain_id() };
            Err(RpcError::new(INVALID_PARAMS, format!("invalid argument 0 (transaction): {refusal}")))
        }
        _ => Ok((at, call)),
    }
}

pub(super) fn call(api: &Api, arguments: &Arguments<'_>) -> Result<Json, RpcError> {
    let (at, call) = read_call(api, arguments)?;
    json(&Data(&api.chain.call(at, &call)?))
}

pub(super) fn estimate(api: &Api, arguments: &Arguments<'_>) -> Result<Json, RpcError> {
    let (at, call) = read_call(api, arguments)?;
    json(&Quantity::from(api.chain.estimate(at, &call)?.get()))
}
