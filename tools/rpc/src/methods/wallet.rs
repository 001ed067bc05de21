//! Accounts of the node: what `cast send --unlocked` and Hardhat's network `localhost` call. A node without
//! keys, which is every node but that of a sandbox, has no accounts and none of the other methods.

use crate::api::{Api, Json, json};
use crate::arguments::{Arguments, BlockParameter, Bytes};
use crate::call::Cancel;
use crate::call_argument::CallArgument;
use crate::chain::BlockTag;
use crate::error::{INVALID_INPUT, INVALID_PARAMS, METHOD_NOT_FOUND, RpcError};
use crate::hexadecimal::{Data, Fixed};
use crate::methods::state;
use crate::reply::{self, SignedReply};
use crate::wallet::{Price, UnsignedTransaction, Wallet};
use millrace_primitives::{Address, Gas, H256, U256};
use serde::Serialize;
use sha3::{Digest, Keccak256};

fn wallet(api: &Api) -> Result<&dyn Wallet, RpcError> {
    api.chain.wallet().ok_or_else(|| RpcError::new(METHOD_NOT_FOUND, "this node signs for no accounts"))
}

fn unknown_account() -> RpcError {
    RpcError::new(INVALID_INPUT, "unknown account")
}

pub(super) fn accounts(api: &Api, _: &Arguments<'_>) -> Result<Json, RpcError> {
    let accounts = api.chain.wallet().map_or_else(Vec::new, Wallet::accounts);
    json(&accounts.into_iter().map(Fixed::from).collect::<Vec<_>>())
}

/// `eth_sign`: address, then message.
pub(super) fn sign(api: &Api, arguments: &Arguments<'_>) -> Result<Json, RpcError> {
    sign_message(api, arguments.required(0, "address")?, arguments.required(1, "message")?)
}

/// `personal_sign`: the other way round, and a password that nothing asks for.
pub(super) fn personal_sign(api: &Api, arguments: &Arguments<'_>) -> Result<Json, RpcError> {
    sign_message(api, arguments.required(1, "address")?, arguments.required(0, "message")?)
}

/// EIP-191: the prefix keeps a message from being a transaction.
fn sign_message(api: &Api, address: Address, Bytes(message): Bytes) -> Result<Json, RpcError> {
    let mut hash = Keccak256::new_with_prefix(b"\x19Ethereum Signed Message:\n");
    hash.update(message.len().to_string());
    hash.update(message);
    let signature = wallet(api)?.sign_digest(address, H256(hash.finalize().into()));
    json(&Data(&signature.ok_or_else(unknown_account)?))
}

pub(super) fn sign_transaction(
    api: &Api,
    arguments: &Arguments<'_>,
    cancel: &Cancel,
) -> Result<Json, RpcError> {
    #[derive(Serialize)]
    struct Signed<'a> {
        raw: Data<'a>,
        tx: SignedReply,
    }
    let raw = signed(api, arguments, cancel)?;
    json(&Signed { raw: Data(&raw), tx: reply::signed(&raw)? })
}

/// The bytes of a transaction object that was filled in and signed. Who sends it must see to it that no other
/// one is filled in between: the nonce is that of the pool.
pub(super) fn signed(api: &Api, arguments: &Arguments<'_>, cancel: &Cancel) -> Result<Vec<u8>, RpcError> {
    let wallet = wallet(api)?;
    let argument: CallArgument = arguments.required(0, "transaction")?;
    let sender = argument.call.from.ok_or_else(|| {
        RpcError::new(INVALID_PARAMS, "invalid argument 0 (transaction): from: the sender is missing")
    })?;
    if !wallet.accounts().contains(&sender) {
        return Err(unknown_account());
    }
    state::check_chain(api, argument.chain_id)?;
    let nonce = match argument.nonce {
        Some(nonce) => nonce,
        None => api.chain.pending_nonce(sender)?,
    };
    let gas = match argument.call.gas {
        Some(gas) => gas,
        None => estimated(api, &argument, cancel)?,
    };
    let price = price(api, &argument);
    let call = argument.call;
    let transaction = UnsignedTransaction {
        chain_id: api.chain.chain_id(),
        nonce,
        price,
        gas,
        to: call.to,
        value: call.value,
        data: call.data,
        access_list: call.access_list,
        authorizations: call.authorizations,
    };
    wallet.sign(sender, &transaction).ok_or_else(unknown_account)
}

fn estimated(api: &Api, argument: &CallArgument, cancel: &Cancel) -> Result<Gas, RpcError> {
    let pending = Some(BlockParameter::Tag(BlockTag::Pending));
    let request = state::request(api, argument.call.clone(), pending, cancel)?;
    Ok(api.chain.estimate(&request)?)
}

/// What is left out is chosen such that the transaction stays valid while the base fee doubles.
fn price(api: &Api, argument: &CallArgument) -> Price {
    if let Some(price) = argument.price {
        return Price::Fixed(price);
    }
    let tip_max = argument.tip_max.unwrap_or_default();
    let fee_max = argument.fee_max.unwrap_or_else(|| {
        let base_fee = api.chain.fees().base_fee_next;
        base_fee.saturating_mul(U256::from(2)).saturating_add(tip_max)
    });
    Price::Dynamic { fee_max, tip_max }
}
