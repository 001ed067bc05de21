//! The methods, one table row each. To add one: write its function in the file of its family, and give it a
//! row with the most arguments it takes and how it is run.

mod blocks;
mod blueprints;
mod debug;
mod fees;
mod governance;
mod logs;
mod node;
mod pool;
mod simulate;
mod state;
mod wallet;

use crate::api::{Api, Json, json};
use crate::arguments::{Arguments, Bytes};
use crate::call::Cancel;
use crate::error::RpcError;
use crate::hexadecimal::Fixed;
use jsonrpsee::RpcModule;
use jsonrpsee::server::RegisterMethodError;
use std::sync::Arc;

type Function = fn(&Api, &Arguments<'_>) -> Result<Json, RpcError>;
type LongFunction = fn(&Api, &Arguments<'_>, &Cancel) -> Result<Json, RpcError>;

/// How a method is run, and by what.
#[derive(Clone, Copy)]
enum Run {
    /// At once, on the thread of the connection: it reads a few things.
    Light(Function),
    /// On a blocking thread, behind the gate of reads: it reads or serializes much.
    Read(Function),
    /// On a blocking thread, behind the gate of searches: how much it reads is up to the caller.
    Search(LongFunction),
    /// On a blocking thread, behind the gate of calls: it executes.
    Execute(LongFunction),
}

/// A row: name, the most arguments, function.
struct Method(&'static str, usize, Run);

use Run::{Execute, Light, Read, Search};

/// All methods but those that wait for the pool, and the subscriptions.
const METHODS: &[Method] = &[
    Method("web3_clientVersion", 0, Light(node::client_version)),
    Method("web3_sha3", 1, Light(node::sha3)),
    Method("net_version", 0, Light(node::network)),
    Method("net_listening", 0, Light(node::listening)),
    Method("net_peerCount", 0, Light(node::peer_count)),
    Method("rpc_modules", 0, Light(node::modules)),
    Method("eth_chainId", 0, Light(node::chain_id)),
    Method("eth_syncing", 0, Light(node::syncing)),
    Method("eth_accounts", 0, Light(wallet::accounts)),
    Method("eth_coinbase", 0, Light(node::coinbase)),
    Method("eth_mining", 0, Light(node::mining)),
    Method("eth_blockNumber", 0, Light(blocks::number)),
    Method("eth_getBlockByNumber", 2, Read(blocks::by_number)),
    Method("eth_getBlockByHash", 2, Read(blocks::by_hash)),
    Method("eth_getBlockReceipts", 1, Read(blocks::receipts)),
    Method("eth_getBlockTransactionCountByNumber", 1, Light(blocks::transaction_count_by_number)),
    Method("eth_getBlockTransactionCountByHash", 1, Light(blocks::transaction_count_by_hash)),
    Method("eth_getUncleCountByBlockNumber", 1, Light(blocks::uncle_count_by_number)),
    Method("eth_getUncleCountByBlockHash", 1, Light(blocks::uncle_count_by_hash)),
    Method("eth_getUncleByBlockNumberAndIndex", 2, Light(blocks::no_uncle)),
    Method("eth_getUncleByBlockHashAndIndex", 2, Light(blocks::no_uncle)),
    Method("eth_getTransactionByHash", 1, Light(blocks::transaction)),
    Method("eth_getTransactionByBlockNumberAndIndex", 2, Light(blocks::transaction_by_number_and_index)),
    Method("eth_getTransactionByBlockHashAndIndex", 2, Light(blocks::transaction_by_hash_and_index)),
    Method("eth_getTransactionReceipt", 1, Light(blocks::receipt)),
    Method("eth_getBalance", 2, Light(state::balance)),
    Method("eth_getTransactionCount", 2, Light(state::transaction_count)),
    Method("eth_getCode", 2, Light(state::code)),
    Method("eth_getStorageAt", 3, Light(state::storage)),
    Method("eth_call", 4, Execute(state::call)),
    Method("eth_estimateGas", 4, Execute(state::estimate)),
    Method("eth_gasPrice", 0, Light(fees::gas_price)),
    Method("eth_maxPriorityFeePerGas", 0, Light(fees::tip)),
    Method("eth_blobBaseFee", 0, Light(fees::blob_base_fee)),
    Method("eth_feeHistory", 3, Read(fees::history)),
    Method("eth_getLogs", 1, Search(logs::get)),
    Method("eth_newFilter", 1, Light(logs::new_filter)),
    Method("eth_newBlockFilter", 0, Light(logs::new_block_filter)),
    Method("eth_newPendingTransactionFilter", 0, Light(logs::new_pending_filter)),
    Method("eth_getFilterChanges", 1, Search(logs::filter_changes)),
    Method("eth_getFilterLogs", 1, Search(logs::filter_logs)),
    Method("eth_uninstallFilter", 1, Light(logs::uninstall_filter)),
    Method("eth_getProof", 3, Light(state::no_proof)),
    Method("eth_createAccessList", 3, Execute(debug::access_list)),
    Method("eth_simulateV1", 2, Execute(simulate::simulate)),
    Method("debug_traceTransaction", 2, Execute(debug::transaction)),
    Method("debug_traceBlockByNumber", 2, Execute(debug::block_by_number)),
    Method("debug_traceBlockByHash", 2, Execute(debug::block_by_hash)),
    Method("debug_traceCall", 3, Execute(debug::call)),
    Method("eth_sign", 2, Light(wallet::sign)),
    Method("personal_sign", 3, Light(wallet::personal_sign)),
    Method("eth_signTransaction", 1, Execute(wallet::sign_transaction)),
    Method("millrace_authority", 0, Light(governance::authority)),
    Method("millrace_kernelRoot", 1, Read(governance::kernel_root)),
    Method("millrace_pendingUpgrades", 0, Light(governance::pending_upgrades)),
    Method("txpool_status", 0, Light(pool::status)),
    Method("txpool_content", 0, Read(pool::content)),
    Method("txpool_contentFrom", 1, Read(pool::content_from)),
];

/// Registers every method.
pub(crate) fn register(module: &mut RpcModule<Api>) -> Result<(), RegisterMethodError> {
    for &Method(name, arguments_max, run) in METHODS {
        match run {
            Light(function) => module.register_method(name, move |params, api, _| {
                function(api, &Arguments::parse(&params, arguments_max)?)
            })?,
            Read(function) => module.register_async_method(name, move |params, api, _| async move {
                let own = Arc::clone(&api);
                api.reads.run(move |_| function(&own, &Arguments::parse(&params, arguments_max)?)).await
            })?,
            Search(function) => module.register_async_method(name, move |params, api, _| async move {
                let own = Arc::clone(&api);
                let work =
                    move |cancel: &_| function(&own, &Arguments::parse(&params, arguments_max)?, cancel);
                api.searches.run(work).await
            })?,
            Execute(function) => module.register_async_method(name, move |params, api, _| async move {
                let own = Arc::clone(&api);
                let work =
                    move |cancel: &_| function(&own, &Arguments::parse(&params, arguments_max)?, cancel);
                api.calls.run(work).await
            })?,
        };
    }
    register_submissions(module)
}

/// What waits for the pool.
fn register_submissions(module: &mut RpcModule<Api>) -> Result<(), RegisterMethodError> {
    module.register_async_method("eth_sendRawTransaction", |params, api, _| async move {
        let Bytes(raw) = Arguments::parse(&params, 1)?.required(0, "transaction")?;
        let hash = api.chain.submit(raw).await?;
        json(&Fixed::from(hash))
    })?;
    module.register_async_method("eth_sendTransaction", |params, api, _| async move {
        // One after the other: the nonce of each counts the one before.
        let _turn = api.wallet_turn.lock().await;
        let own = Arc::clone(&api);
        let work = move |cancel: &_| wallet::signed(&own, &Arguments::parse(&params, 1)?, cancel);
        let raw = api.calls.run(work).await?;
        let hash = api.chain.submit(raw).await?;
        json(&Fixed::from(hash))
    })?;
    // It may wait for a while, and holds no turn meanwhile.
    module.register_async_method("millrace_blueprints", |params, api, _| blueprints::after(params, api))?;
    Ok(())
}
