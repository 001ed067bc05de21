//! Prices. Every transaction of a block pays the base fee and nothing more, whatever it offers: tips are 0.

use crate::api::{Api, Json, json};
use crate::arguments::{Arguments, BlockParameter, Percentiles};
use crate::error::RpcError;
use crate::hexadecimal::Quantity;
use millrace_primitives::{BlockNumber, Header};
use serde::Serialize;

/// EIP-4844's price of blob gas while none is used; there are no blobs here.
const BLOB_BASE_FEE_WEI: u64 = 1;

pub(super) fn gas_price(api: &Api, _: &Arguments<'_>) -> Result<Json, RpcError> {
    json(&Quantity(api.chain.fees().gas_price))
}

pub(super) fn tip(_: &Api, _: &Arguments<'_>) -> Result<Json, RpcError> {
    json(&Quantity::from(0))
}

pub(super) fn blob_base_fee(_: &Api, _: &Arguments<'_>) -> Result<Json, RpcError> {
    json(&Quantity::from(BLOB_BASE_FEE_WEI))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct History {
    oldest_block: Quantity,
    base_fee_per_gas: Vec<Quantity>,
    gas_used_ratio: Vec<f64>,
    base_fee_per_blob_gas: Vec<Quantity>,
    blob_gas_used_ratio: Vec<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reward: Option<Vec<Vec<Quantity>>>,
}

pub(super) fn history(api: &Api, arguments: &Arguments<'_>) -> Result<Json, RpcError> {
    let wanted: u64 = arguments.required(0, "block count")?;
    let newest: BlockParameter = arguments.required(1, "newest block")?;
    let percentiles: Option<Percentiles> = arguments.optional(2, "reward percentiles")?;
    let newest = api.state_at(Some(newest))?;
    // A chain of n blocks has no more than n to show.
    let count = wanted.min(api.config.fee_history_blocks_max).min(newest.get().saturating_add(1));
    let after = newest.saturating_add(1);
    let oldest = after.saturating_sub(count);

    let blocks = usize::try_from(count).unwrap_or(0);
    let mut base_fees = Vec::with_capacity(blocks.saturating_add(1));
    let mut ratios = Vec::with_capacity(blocks);
    for number in oldest.get()..after.get() {
        let header = header(api, BlockNumber::new(number))?;
        base_fees.push(Quantity(header.base_fee_per_gas));
        ratios.push(gas_used_ratio(&header));
    }
    if count > 0 {
        let next = if newest < api.head() {
            header(api, after)?.base_fee_per_gas
        } else {
            api.chain.fees().base_fee_next
        };
        base_fees.push(Quantity(next));
    }
    let blob_fees = vec![Quantity::from(BLOB_BASE_FEE_WEI); base_fees.len()];
    json(&History {
        oldest_block: oldest.get().into(),
        base_fee_per_gas: base_fees,
        gas_used_ratio: ratios,
        base_fee_per_blob_gas: blob_fees,
        blob_gas_used_ratio: vec![0.0; blocks],
        reward: percentiles.map(|Percentiles(wanted)| vec![vec![Quantity::from(0); wanted.len()]; blocks]),
    })
}

fn header(api: &Api, number: BlockNumber) -> Result<Header, RpcError> {
    let sealed = api.chain.header(number)?;
    sealed
        .map(|sealed| sealed.header)
        .ok_or_else(|| RpcError::internal(&format!("header {number} is missing")))
}

/// Between 0 and 1.
fn gas_used_ratio(header: &Header) -> f64 {
    match header.gas_limit.get() {
        0 => 0.0,
        limit => (header.gas_used.get() as f64 / limit as f64).min(1.0),
    }
}
