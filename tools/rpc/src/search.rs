//! The search for logs: the blooms say in which blocks to look. However many blocks it spans, what it finds,
//! and how long it takes, are bounded.

use crate::api::{Api, Json, json};
use crate::arguments::BlockParameter;
use crate::call::Cancel;
use crate::config::BLOOM_BLOCKS_MAX;
use crate::error::{INVALID_PARAMS, LIMIT_EXCEEDED, RpcError};
use crate::filter::{Blocks, LogFilter};
use crate::reply;
use millrace_primitives::BlockNumber;
use std::ops::RangeInclusive;

/// What a reply takes besides its logs, at most.
const ENVELOPE_SIZE_BYTES: usize = 1_024;

/// The logs of some blocks.
#[derive(Default)]
pub(crate) struct Found {
    /// In order, as JSON.
    logs: Vec<Json>,
    size_bytes: usize,
}

impl Found {
    fn push(&mut self, log: Json) {
        self.size_bytes = self.size_bytes.saturating_add(log.get().len()).saturating_add(1);
        self.logs.push(log);
    }

    /// All of it as a reply.
    pub(crate) fn reply(&self) -> Result<Json, RpcError> {
        json(&self.logs)
    }
}

impl Api {
    /// The logs that a filter wants.
    pub(crate) fn logs(&self, blocks: Blocks, filter: &LogFilter, cancel: &Cancel) -> Result<Json, RpcError> {
        let range = match blocks {
            Blocks::One(hash) => {
                let number = self.chain.number_of_hash(hash)?.ok_or_else(RpcError::block_not_found)?;
                number..=number
            }
            Blocks::Span { from, to } => match self.span(from, to)? {
                Some(range) => range,
                None => return Found::default().reply(),
            },
        };
        self.logs_in(range, filter, cancel)?.reply()
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

    /// All logs of a range of existing blocks. Those of one block alone may be as many as they are: nobody
    /// could ask for less.
    fn logs_in(
        &self,
        range: RangeInclusive<BlockNumber>,
        filter: &LogFilter,
        cancel: &Cancel,
    ) -> Result<Found, RpcError> {
        let (first, last) = range.into_inner();
        let span_blocks = last.since(first).saturating_add(1);
        let span_blocks_max = self.config.log_range_blocks_max;
        if span_blocks > span_blocks_max {
            let message = format!("block range too large: {span_blocks} blocks, limit {span_blocks_max}");
            return Err(RpcError::new(LIMIT_EXCEEDED, message));
        }
        let logs_max = if first == last { usize::MAX } else { self.config.logs_max };
        let mut found = Found::default();
        self.each_block(first..=last, filter, cancel, &mut |number| {
            self.add_logs(number, filter, &mut found)?;
            if found.logs.len() <= logs_max {
                return Ok(true);
            }
            let fits = number.saturating_sub(1).max(first);
            // Several tools look for these words, and go on with this range.
            let message = format!(
                "query returned more than {logs_max} results. Try with this block range [{:#x}, {:#x}].",
                first.get(),
                fits.get()
            );
            Err(RpcError::new(LIMIT_EXCEEDED, message))
        })?;
        Ok(found)
    }

    /// The logs of whole blocks from the first of a range on, until there are as many as a reply should have;
    /// and the block to go on with.
    pub(crate) fn logs_page(
        &self,
        range: RangeInclusive<BlockNumber>,
        filter: &LogFilter,
        cancel: &Cancel,
    ) -> Result<(Found, BlockNumber), RpcError> {
        let size_bytes_max = self.config.response_size_bytes_max as usize;
        let size_bytes_max = size_bytes_max.saturating_sub(ENVELOPE_SIZE_BYTES);
        let mut page = Found::default();
        let mut next = range.end().saturating_add(1);
        self.each_block(range, filter, cancel, &mut |number| {
            let mut of_block = Found::default();
            self.add_logs(number, filter, &mut of_block)?;
            let logs = page.logs.len().saturating_add(of_block.logs.len());
            let size_bytes = page.size_bytes.saturating_add(of_block.size_bytes);
            // The first block is given whatever it has: it would not get smaller.
            let fits = logs <= self.config.logs_max && size_bytes <= size_bytes_max;
            if !page.logs.is_empty() && !fits {
                next = number;
                return Ok(false);
            }
            of_block.logs.into_iter().for_each(|log| page.push(log));
            Ok(true)
        })?;
        if page.size_bytes > size_bytes_max {
            let message = "the logs of one block are larger than a reply may be: use a narrower filter";
            return Err(RpcError::new(LIMIT_EXCEEDED, message));
        }
        Ok((page, next))
    }

    /// Gives each block of a range that may have such logs to `visit`, until it answers false.
    fn each_block(
        &self,
        range: RangeInclusive<BlockNumber>,
        filter: &LogFilter,
        cancel: &Cancel,
        visit: &mut dyn FnMut(BlockNumber) -> Result<bool, RpcError>,
    ) -> Result<(), RpcError> {
        let query = filter.bloom_query();
        let (mut from, to) = range.into_inner();
        while from <= to {
            let last = from.saturating_add(BLOOM_BLOCKS_MAX - 1).min(to);
            for number in self.chain.blocks_with_bloom(from..=last, &|bloom| query.accepts(bloom))? {
                if cancel.is_set() {
                    return Err(RpcError::interrupted());
                }
                if !visit(number)? {
                    return Ok(());
                }
            }
            if cancel.is_set() {
                return Err(RpcError::interrupted());
            }
            let Some(next) = last.checked_add(1) else { return Ok(()) };
            from = next;
        }
        Ok(())
    }

    fn add_logs(&self, number: BlockNumber, filter: &LogFilter, found: &mut Found) -> Result<(), RpcError> {
        let block = self.known_block(number)?;
        for log in reply::logs(&block, |log| filter.accepts(log)) {
            found.push(json(&log)?);
        }
        Ok(())
    }
}
