//! What all methods share.

use crate::arguments::BlockParameter;
use crate::chain::{BlockTag, Chain, SealedBlock};
use crate::config::{Clock, RpcConfig};
use crate::error::{INVALID_PARAMS, LIMIT_EXCEEDED, RpcError};
use crate::filter::{Blocks, LogFilter};
use crate::heavy::HeavyGate;
use crate::polling::PollingFilters;
use crate::reply;
use millrace_primitives::BlockNumber;
use serde::Serialize;
use serde_json::value::RawValue;
use std::ops::RangeInclusive;
use std::sync::Arc;

/// A reply, already in its final form: heavy methods serialize on their own thread.
pub(crate) type Json = Box<RawValue>;

/// Serializes a reply.
pub(crate) fn json(value: &(impl Serialize + ?Sized)) -> Result<Json, RpcError> {
    serde_json::value::to_raw_value(value).map_err(|error| RpcError::internal(&error.to_string()))
}

/// The node, the limits, and the state of the server.
pub(crate) struct Api {
    pub(crate) chain: Arc<dyn Chain>,
    pub(crate) config: RpcConfig,
    pub(crate) heavy: HeavyGate,
    pub(crate) filters: PollingFilters,
}

impl Api {
    pub(crate) fn new(chain: Arc<dyn Chain>, config: RpcConfig, clock: Clock) -> Self {
        let heavy = HeavyGate::new(config.heavy_calls_max, config.heavy_waiting_max);
        let filters = PollingFilters::new(config.filters_max, config.filter_idle_ms_max, clock);
        Self { chain, config, heavy, filters }
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

    /// The logs that a filter wants, as JSON.
    pub(crate) fn logs(&self, blocks: Blocks, filter: &LogFilter) -> Result<Json, RpcError> {
        let range = match blocks {
            Blocks::One(hash) => {
                let number = self.chain.number_of_hash(hash)?.ok_or_else(RpcError::block_not_found)?;
                number..=number
            }
            Blocks::Span { from, to } => match self.span(from, to)? {
                Some(range) => range,
                None => return json(&[(); 0]),
            },
        };
        self.logs_in(range, filter)
    }

    /// The range from one block to another, cut at the head; `None` when it begins after it.
    fn span(
        &self,
        from: Option<BlockParameter>,
        to: Option<BlockParameter>,
    ) -> Result<Option<RangeInclusive<BlockNumber>>, RpcError> {
        let head = self.head();
        let bound = |block: Option<BlockParameter>| match block {
            None => Ok(head),
            Some(block) => self.number(block)?.ok_or_else(RpcError::block_not_found),
        };
        let (from, to) = (bound(from)?, bound(to)?);
        if from > head {
            return Ok(None);
        }
        if from > to {
            let message = format!("invalid block range: fromBlock {from} is after toBlock {to}");
            return Err(RpcError::new(INVALID_PARAMS, message));
        }
        Ok(Some(from..=to.min(head)))
    }

    /// The logs of a range of existing blocks.
    pub(crate) fn logs_in(
        &self,
        range: RangeInclusive<BlockNumber>,
        filter: &LogFilter,
    ) -> Result<Json, RpcError> {
        let span_blocks = range.end().since(*range.start()).saturating_add(1);
        let span_blocks_max = self.config.log_range_blocks_max;
        if span_blocks > span_blocks_max {
            let message = format!("block range too large: {span_blocks} blocks, limit {span_blocks_max}");
            return Err(RpcError::new(LIMIT_EXCEEDED, message));
        }
        let query = filter.bloom_query();
        let numbers = self.chain.blocks_with_bloom(range, &|bloom| query.accepts(bloom))?;
        let mut found: Vec<Json> = Vec::new();
        for number in numbers {
            let block = self.known_block(number)?;
            for log in reply::logs(&block, &|log| filter.accepts(log)) {
                if found.len() >= self.config.logs_max {
                    let message = format!("query returned more than {} results", self.config.logs_max);
                    return Err(RpcError::new(LIMIT_EXCEEDED, message));
                }
                found.push(json(&log)?);
            }
        }
        json(&found)
    }
}
