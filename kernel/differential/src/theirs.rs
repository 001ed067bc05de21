//! The other side: revm.

use crate::{
    cast::CHAIN_ID,
    verdict::{End, Ended, Seen},
    world::{self, Holder, World},
};
use anyhow::{Context as _, Result, anyhow};
use millrace_evm::{Authorization, BlockEnvironment, Transaction, TransactionType};
use millrace_primitives::{Address, Fork, H160, H256, Log, U256};
use revm::{
    Context, DatabaseRef, ExecuteEvm as _, MainBuilder as _, MainContext as _,
    bytecode::Bytecode,
    context::{
        BlockEnv, CfgEnv, TxEnv,
        either::Either,
        result::{EVMError, ExecutionResult, Output, ResultAndState},
        transaction::{AccessList, AccessListItem, Authorization as Claim, SignedAuthorization},
    },
    context_interface::block::BlobExcessGasAndPrice,
    database::WrapDatabaseRef,
    database_interface::DBErrorMarker,
    primitives::{self, B256, Bytes, TxKind, hardfork::SpecId},
    state::{AccountInfo, EvmState},
};
use std::{collections::BTreeMap, fmt};

/// A world is broken.
#[derive(Debug)]
pub struct Broken(String);

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Broken {}
impl DBErrorMarker for Broken {}

impl DatabaseRef for World {
    type Error = Broken;

    fn basic_ref(&self, address: primitives::Address) -> Result<Option<AccountInfo>, Broken> {
        Ok(self.holders.get(&H160(address.0.0)).map(|holder| AccountInfo {
            balance: to_word(holder.balance),
            nonce: holder.nonce,
            code_hash: B256::from(holder.code_hash().0),
            account_id: None,
            code: None,
        }))
    }

    fn code_by_hash_ref(&self, code_hash: B256) -> Result<Bytecode, Broken> {
        let code =
            self.codes.get(&H256(code_hash.0)).ok_or_else(|| Broken(format!("no code {code_hash}")))?;
        Bytecode::new_raw_checked(Bytes::copy_from_slice(code)).map_err(|error| Broken(error.to_string()))
    }

    fn storage_ref(
        &self,
        address: primitives::Address,
        index: primitives::U256,
    ) -> Result<primitives::U256, Broken> {
        let holder = self.holders.get(&H160(address.0.0));
        let value = holder.and_then(|holder| holder.storage.get(&H256(index.to_be_bytes())));
        Ok(value.map(|value| primitives::U256::from_be_bytes(value.0)).unwrap_or_default())
    }

    fn block_hash_ref(&self, number: u64) -> Result<B256, Broken> {
        Ok(B256::from(world::block_hash(number).0))
    }
}

/// The rules of a fork.
pub const fn spec(fork: Fork) -> SpecId {
    match fork {
        Fork::Shanghai => SpecId::SHANGHAI,
        Fork::Cancun => SpecId::CANCUN,
        Fork::Prague => SpecId::PRAGUE,
        Fork::Osaka => SpecId::OSAKA,
    }
}

/// Executes a transaction, and the world after it: the same one when it is invalid.
///
/// # Errors
/// When the world is broken or asks for what revm cannot represent.
pub fn run(
    world: &World,
    block: &BlockEnvironment,
    (transaction, sender): (&Transaction, Address),
) -> Result<(Seen, Option<World>)> {
    let mut cfg = CfgEnv::new_with_spec(spec(block.fork));
    cfg.chain_id = CHAIN_ID;
    let mut evm = Context::mainnet()
        .with_db(WrapDatabaseRef(world))
        .with_cfg(cfg)
        .with_block(block_env(block)?)
        .build_mainnet();
    match evm.transact(environment(transaction, sender)?) {
        Ok(ResultAndState { result, state }) => Ok((Seen::Ended(ended(result)), Some(after(world, state)?))),
        Err(EVMError::Transaction(invalid)) => Ok((Seen::Invalid(format!("{invalid:?}")), None)),
        Err(error) => Err(anyhow!("{error}")),
    }
}

fn block_env(block: &BlockEnvironment) -> Result<BlockEnv> {
    Ok(BlockEnv {
        number: primitives::U256::from(block.number.get()),
        beneficiary: to_address(block.beneficiary),
        timestamp: primitives::U256::from(block.timestamp.get()),
        gas_limit: block.gas_limit.get(),
        basefee: u64::try_from(block.base_fee).map_err(|_| anyhow!("the base fee is too large"))?,
        prevrandao: Some(B256::from(block.prev_randao.0)),
        blob_excess_gas_and_price: Some(BlobExcessGasAndPrice { excess_blob_gas: 0, blob_gasprice: 1 }),
        ..BlockEnv::default()
    })
}

fn environment(transaction: &Transaction, sender: Address) -> Result<TxEnv> {
    let narrow = |wei: U256| u128::try_from(wei).map_err(|_| anyhow!("a price of {wei}"));
    let chain_id = |id: U256| u64::try_from(id).map_err(|_| anyhow!("a chain {id}"));
    let has_tip =
        matches!(transaction.transaction_type, TransactionType::DynamicFee | TransactionType::SetCode);
    Ok(TxEnv {
        tx_type: transaction.transaction_type.byte(),
        caller: to_address(sender),
        gas_limit: transaction.gas_limit.get(),
        gas_price: narrow(transaction.max_fee_per_gas)?,
        kind: transaction.to.map_or(TxKind::Create, |to| TxKind::Call(to_address(to))),
        value: to_word(transaction.value),
        data: Bytes::from(transaction.data.clone()),
        nonce: transaction.nonce,
        chain_id: transaction.chain_id.map(chain_id).transpose()?,
        access_list: AccessList(
            transaction
                .access_list
                .iter()
                .map(|item| AccessListItem {
                    address: to_address(item.address),
                    storage_keys: item.storage_keys.iter().map(|key| B256::from(key.0)).collect(),
                })
                .collect(),
        ),
        gas_priority_fee: has_tip.then(|| narrow(transaction.max_priority_fee_per_gas)).transpose()?,
        authorization_list: transaction
            .authorizations
            .iter()
            .map(|one| Either::Left(authorization(one)))
            .collect(),
        ..TxEnv::default()
    })
}

fn authorization(of: &Authorization) -> SignedAuthorization {
    let claim = Claim { chain_id: to_word(of.chain_id), address: to_address(of.address), nonce: of.nonce };
    SignedAuthorization::new_unchecked(claim, of.y_parity, to_word(of.r), to_word(of.s))
}

fn ended(result: ExecutionResult) -> Ended {
    let gas_used = result.tx_gas_used();
    let (end, logs, output, created) = match result {
        ExecutionResult::Success { logs, output, .. } => match output {
            Output::Call(bytes) => (End::Success, logs, bytes.to_vec(), None),
            // The code that was deployed is in the world.
            Output::Create(_, address) => (End::Success, logs, vec![], address),
        },
        ExecutionResult::Revert { output, .. } => (End::Revert, vec![], output.to_vec(), None),
        ExecutionResult::Halt { reason, .. } => (End::Halt(format!("{reason:?}")), vec![], vec![], None),
    };
    let logs = logs.iter().map(|log| Log {
        address: H160(log.address.0.0),
        topics: log.topics().iter().map(|topic| H256(topic.0)).collect(),
        data: log.data.data.to_vec(),
    });
    Ended { end, gas_used, logs: logs.collect(), output, created: created.map(|address| H160(address.0.0)) }
}

fn after(world: &World, state: EvmState) -> Result<World> {
    let mut world = world.clone();
    for (address, account) in state.into_iter().filter(|(_, account)| account.is_touched()) {
        let address = H160(address.0.0);
        let holder = world.holders.remove(&address).unwrap_or_default();
        if account.is_selfdestructed() {
            continue;
        }
        let mut storage = if account.is_created() { BTreeMap::new() } else { holder.storage };
        for (key, slot) in account.storage {
            let value = H256(slot.present_value.to_be_bytes());
            if value.is_zero() {
                storage.remove(&H256(key.to_be_bytes()));
            } else {
                storage.insert(H256(key.to_be_bytes()), value);
            }
        }
        let hash = H256(account.info.code_hash.0);
        let code = match account.info.code {
            Some(code) => code.original_bytes().to_vec(),
            None if account.info.code_hash == primitives::KECCAK_EMPTY => vec![],
            None => world.codes.get(&hash).cloned().with_context(|| format!("no code {hash:?}"))?,
        };
        let balance = U256::from_big_endian(&account.info.balance.to_be_bytes::<32>());
        world.put(address, Holder { nonce: account.info.nonce, balance, code, storage });
    }
    Ok(world)
}

fn to_address(address: Address) -> primitives::Address {
    primitives::Address::from(address.0)
}

fn to_word(value: U256) -> primitives::U256 {
    primitives::U256::from_limbs(value.0)
}
