//! Who this node is.

use crate::api::{Api, Json, json};
use crate::arguments::{Arguments, Bytes};
use crate::error::RpcError;
use crate::hexadecimal::{Fixed, Quantity};
use serde::Serialize;
use sha3::{Digest, Keccak256};

pub(super) fn client_version(api: &Api, _: &Arguments<'_>) -> Result<Json, RpcError> {
    json(&api.chain.client_version())
}

pub(super) fn sha3(_: &Api, arguments: &Arguments<'_>) -> Result<Json, RpcError> {
    let Bytes(bytes) = arguments.required(0, "data")?;
    json(&Fixed::<32>(Keccak256::digest(bytes).into()))
}

pub(super) fn network(api: &Api, _: &Arguments<'_>) -> Result<Json, RpcError> {
    json(&api.chain.chain_id().to_string())
}

pub(super) fn listening(_: &Api, _: &Arguments<'_>) -> Result<Json, RpcError> {
    json(&true)
}

pub(super) fn peer_count(_: &Api, _: &Arguments<'_>) -> Result<Json, RpcError> {
    json(&Quantity::from(0))
}

pub(super) fn modules(_: &Api, _: &Arguments<'_>) -> Result<Json, RpcError> {
    const VERSION: &str = "1.0";
    #[derive(Serialize)]
    struct Modules {
        debug: &'static str,
        eth: &'static str,
        millrace: &'static str,
        net: &'static str,
        personal: &'static str,
        rpc: &'static str,
        txpool: &'static str,
        web3: &'static str,
    }
    json(&Modules {
        debug: VERSION,
        eth: VERSION,
        millrace: VERSION,
        net: VERSION,
        personal: VERSION,
        rpc: VERSION,
        txpool: VERSION,
        web3: VERSION,
    })
}

pub(super) fn chain_id(api: &Api, _: &Arguments<'_>) -> Result<Json, RpcError> {
    json(&Quantity(api.chain.chain_id()))
}

pub(super) fn syncing(api: &Api, _: &Arguments<'_>) -> Result<Json, RpcError> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Progress {
        starting_block: Quantity,
        current_block: Quantity,
        highest_block: Quantity,
    }
    match api.chain.sync_progress() {
        None => json(&false),
        Some(progress) => json(&Progress {
            starting_block: progress.starting.get().into(),
            current_block: progress.current.get().into(),
            highest_block: progress.highest.get().into(),
        }),
    }
}

pub(super) fn coinbase(api: &Api, _: &Arguments<'_>) -> Result<Json, RpcError> {
    json(&Fixed::from(api.chain.coinbase()))
}

pub(super) fn mining(_: &Api, _: &Arguments<'_>) -> Result<Json, RpcError> {
    json(&false)
}
