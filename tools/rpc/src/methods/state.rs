//! Accounts, and calls on them.

use crate::api::{Api, Json, json};
use crate::arguments::{Argument, Arguments, BlockParameter};
use crate::call::{BlockOverrides, Call, CallRequest, Cancel, Overrides, Stage};
use crate::call_argument::CallArgument;
use crate::chain::{BlockTag, Refusal};
use crate::error::{INVALID_PARAMS, METHOD_NOT_FOUND, RpcError};
use crate::hexadecimal::{Data, Fixed, Quantity};
use crate::override_argument::StateOverrides;
use millrace_primitives::{Address, H256, U256};

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

/// Refuses a transaction object that is meant for another chain.
pub(super) fn check_chain(api: &Api, chain_id: Option<U256>) -> Result<(), RpcError> {
    match chain_id {
        Some(have) if have != api.chain.chain_id() => {
            let refusal = Refusal::WrongChain { have, want: api.chain.chain_id() };
            Err(RpcError::new(INVALID_PARAMS, format!("invalid argument 0 (transaction): {refusal}")))
        }
        _ => Ok(()),
    }
}

/// A call on the state that a block names, in that block, or when it is `pending` in the next.
pub(super) fn request(
    api: &Api,
    call: Call,
    block: Option<BlockParameter>,
    cancel: &Cancel,
) -> Result<CallRequest, RpcError> {
    let is_pending = block == Some(BlockParameter::Tag(BlockTag::Pending));
    Ok(CallRequest {
        call,
        at: api.state_at(block)?,
        stage: if is_pending { Stage::Next } else { Stage::Same },
        overrides: Overrides::default(),
        gas_max: api.config.call_gas_max,
        cancel: cancel.clone(),
    })
}

/// The call that the arguments describe; where a block is left out, or the last one, `latest` stands in for it.
pub(super) fn read_call(
    api: &Api,
    arguments: &Arguments<'_>,
    latest: BlockTag,
    cancel: &Cancel,
) -> Result<CallRequest, RpcError> {
    let CallArgument { call, chain_id, .. } = arguments.required(0, "transaction")?;
    check_chain(api, chain_id)?;
    let block = match arguments.optional(1, "block")? {
        None | Some(BlockParameter::Tag(BlockTag::Latest)) => BlockParameter::Tag(latest),
        Some(block) => block,
    };
    let mut request = request(api, call, Some(block), cancel)?;
    let accounts: Option<StateOverrides> = arguments.optional(2, "state overrides")?;
    let block: Option<BlockOverrides> = arguments.optional(3, "block overrides")?;
    request.overrides =
        Overrides { accounts: accounts.unwrap_or_default().0, block: block.unwrap_or_default() };
    Ok(request)
}

pub(super) fn call(api: &Api, arguments: &Arguments<'_>, cancel: &Cancel) -> Result<Json, RpcError> {
    let request = read_call(api, arguments, BlockTag::Latest, cancel)?;
    json(&Data(&api.chain.call(&request)?))
}

/// What is estimated is a transaction to come: it will not be in the last block but in one after it.
pub(super) fn estimate(api: &Api, arguments: &Arguments<'_>, cancel: &Cancel) -> Result<Json, RpcError> {
    let request = read_call(api, arguments, BlockTag::Pending, cancel)?;
    json(&Quantity::from(api.chain.estimate(&request)?.get()))
}

/// Why there is none, in more words than that there is none.
pub(super) fn no_proof(_: &Api, _: &Arguments<'_>) -> Result<Json, RpcError> {
    let message = "the method eth_getProof is not supported: the state root of this chain is no Merkle root";
    Err(RpcError::new(METHOD_NOT_FOUND, message))
}
