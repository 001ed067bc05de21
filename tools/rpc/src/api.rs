//! What all methods share.

use crate::arguments::BlockParameter;
use crate::chain::{BlockTag, Chain, SealedBlock};
use crate::config::{Clock, RpcConfig};
use crate::error::RpcError;
use crate::gate::Gate;
use crate::polling::PollingFilters;
use millrace_primitives::BlockNumber;
use serde::Serialize;
use serde_json::value::RawValue;
use std::sync::Arc;

/// A reply, already in its final form: long methods serialize on their own thread.
pub(crate) type Json = Box<RawValue>;

/// Serializes a reply.
pub(crate) fn json(value: &(impl Serialize + ?Sized)) -> Result<Json, RpcError> {
    serde_json::value::to_raw_value(value).map_err(|error| RpcError::internal(&error.to_string()))
}

/// The node, the limits, and the state of the server.
pub(crate) struct Api {
    pub(crate) chain: Arc<dyn Chain>,
    pub(crate) config: RpcConfig,
    pub(crate) reads: Gate,
    pub(crate) searches: Gate,
    pub(crate) calls: Gate,
    pub(crate) filters: PollingFilters,
    /// Held from the filling in of a transaction of the wallet until the pool has it.
    pub(crate) wallet_turn: tokio::sync::Mutex<()>,
}

impl Api {
    pub(crate) fn new(chain: Arc<dyn Chain>, config: RpcConfig, clock: Clock) -> Self {
        let RpcConfig { waiting_max, read_time_ms_max, .. } = config;
        let reading =
            |running_max| Gate::new(running_max, waiting_max, read_time_ms_max, RpcError::read_expired);
        Self {
            chain,
            reads: reading(config.reads_max),
            searches: reading(config.searches_max),
            calls: Gate::new(config.calls_max, waiting_max, config.call_time_ms_max, RpcError::call_expired),
            filters: PollingFilters::new(config.filters_max, config.filter_idle_ms_max, clock),
            wallet_turn: tokio::sync::Mutex::default(),
            config,
        }
    }

    /// The number of the last block.
    pub(crate) fn head(&self) -> BlockNumber {
        self.chain.number_of_tag(BlockTag::Latest)
    }

    /// The number that a parameter stands for; `None` for an unknown hash. A number may be beyond the head.
    pub(crate) fn number(&self, block: BlockParameter) -> Result<Option<BlockNumber>, RpcError> {
        match block {
            BlockParameter::Tag(tag) => Ok(Some(self.chain.number_of_tag(tag))),
            BlockParameter::Number(number) => Ok(Some(number)),
            BlockParameter::Hash(hash) => Ok(self.chain.number_of_hash(hash)?),
        }
    }

    /// The block whose state a parameter names; the last one when it is absent.
    pub(crate) fn state_at(&self, block: Option<BlockParameter>) -> Result<BlockNumber, RpcError> {
        let number = match block {
            None => Some(self.head()),
            Some(block) => self.number(block)?,
        };
        number.filter(|number| *number <= self.head()).ok_or_else(RpcError::block_not_found)
    }

    /// The block that a parameter names, if there is one.
    pub(crate) fn block(&self, block: BlockParameter) -> Result<Option<Arc<SealedBlock>>, RpcError> {
        match self.number(block)? {
            Some(number) => Ok(self.chain.block(number)?),
            None => Ok(None),
        }
    }

    /// A block that must be there.
    pub(crate) fn known_block(&self, number: BlockNumber) -> Result<Arc<SealedBlock>, RpcError> {
        let block = self.chain.block(number)?;
        block.ok_or_else(|| RpcError::internal(&format!("block {number} is missing")))
    }
}
