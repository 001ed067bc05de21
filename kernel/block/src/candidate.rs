//! Blocks that the kernel makes on its own account: of what is overdue in the delayed inbox, and of everything when
//! nobody is in charge of ordering.

use crate::{
    BlockError, cost,
    fees::{backlog_at, base_fee},
};
use alloc::vec::Vec;
use millrace_evm::{fees::Fees, transaction::SignedTransaction};
use millrace_host::Store;
use millrace_layout::{
    LayoutError,
    attempt::{Attempt, OrderedBy},
    clock::L1Clock,
    delayed::{self, Content, Item},
    parameters::{DelayedInbox, Parameters},
    progress::Progress,
    queue,
    world::Head,
};
use millrace_primitives::{Gas, Timestamp, U256};
use millrace_wire::blueprint::{
    Blueprint, DELAYED_MAX, PAYLOAD_BYTES_MAX, Payload, PayloadSize, TRANSACTIONS_MAX,
};

/// How many bytes of items that are too cheap for the base fee are read past in search of others.
const PASSED_OVER_BYTES_MAX: u64 = 16 << 20;

/// A blueprint, and who asked for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Who asked.
    pub ordered_by: OrderedBy,
    /// For what.
    pub blueprint: Blueprint,
    /// What the limits of its items and transactions sum up to, when the kernel chose them.
    pub gas: Gas,
}

impl Candidate {
    /// A blueprint of the authority.
    pub const fn of_authority(blueprint: Blueprint) -> Self {
        Self { ordered_by: OrderedBy::Authority, blueprint, gas: Gas::ZERO }
    }
}

/// Whether an item has waited too long: as many seconds and as many levels as the parameters say, both.
pub fn is_overdue(item: &Item, terms: &DelayedInbox, clock: L1Clock) -> bool {
    clock.timestamp.since(item.timestamp) >= terms.timeout_s
        && clock.level.since(item.level) >= terms.timeout_levels
}

/// What forced blocks may execute in a level: what the chain takes in ten seconds at the price at which it started,
/// and always one block. So a flood of overdue items neither starves the sequencer nor raises the base fee.
pub fn forced_gas_max(parameters: &Parameters) -> Gas {
    Gas::new(parameters.gas_target_per_s.get().saturating_mul(crate::fees::TOLERANCE_S))
}

/// The next forced block: the oldest items, as long as they are overdue and there is room. `None` when the oldest is
/// not overdue, or when forced blocks have had their share of the level.
///
/// # Errors
/// [`BlockError::Layout`].
pub fn forced(
    store: &impl Store,
    parameters: &Parameters,
    head: &Head,
    clock: L1Clock,
    last: Option<&Attempt>,
) -> Result<Option<Candidate>, BlockError> {
    if is_share_spent(parameters, clock, last) {
        return Ok(None);
    }
    let mut room = Room::new(parameters, items_max(parameters, last));
    delayed::walk(store, |item| is_overdue(&item, &parameters.delayed, clock) && room.take_item(&item))?;
    Ok(if room.names.is_empty() { None } else { Some(room.candidate(head, clock, OrderedBy::Timeout)?) })
}

/// Whether the kernel's own blocks have had their share of the level.
fn is_share_spent(parameters: &Parameters, clock: L1Clock, last: Option<&Attempt>) -> bool {
    let spent = last.filter(|last| last.level == clock.level).map_or(Gas::ZERO, |last| last.forced_gas);
    spent >= forced_gas_max(parameters)
}

/// The next block of what waited in the queue when somebody was put in charge: no transaction may be lost with the change.
/// `None` when the queue is empty, or when the kernel's own blocks have had their share of the level.
///
/// # Errors
/// [`BlockError::Layout`].
pub fn left_in_queue(
    store: &impl Store,
    parameters: &Parameters,
    head: &Head,
    clock: L1Clock,
    last: Option<&Attempt>,
) -> Result<Option<Candidate>, BlockError> {
    if is_share_spent(parameters, clock, last) {
        return Ok(None);
    }
    let mut room = Room::new(parameters, items_max(parameters, last));
    room.take_queue(store, base_fee_at(parameters, head, timestamp_of(head, clock)))?;
    Ok(if room.is_empty() { None } else { Some(room.candidate(head, clock, OrderedBy::Nobody)?) })
}

/// The block of this level when nobody is in charge: what waits in the delayed inbox, then the queue, as far as there is
/// room. A level has one such block, empty or not.
///
/// # Errors
/// [`BlockError::Layout`].
pub fn without_sequencer(
    store: &impl Store,
    parameters: &Parameters,
    head: &Head,
    clock: L1Clock,
    last: Option<&Attempt>,
) -> Result<Option<Candidate>, BlockError> {
    let is_done = |last: &&Attempt| {
        last.ordered_by == OrderedBy::Nobody && last.level == clock.level && last.number <= head.header.number
    };
    if last.filter(is_done).is_some() {
        return Ok(None);
    }
    let mut room = Room::new(parameters, items_max(parameters, last));
    let base_fee = base_fee_at(parameters, head, timestamp_of(head, clock));
    walk_payable(store, parameters, base_fee, |item| room.take_item(&item))?;
    room.take_queue(store, base_fee)?;
    Ok(Some(room.candidate(head, clock, OrderedBy::Nobody)?))
}

/// The blueprint of a block that was begun by the kernel in an earlier run.
///
/// # Errors
/// [`BlockError::Layout`].
pub fn begun(
    store: &impl Store,
    parameters: &Parameters,
    head: &Head,
    progress: &Progress,
) -> Result<Candidate, BlockError> {
    let mut names = Vec::new();
    let mut take = |item: Item| {
        if names.len() < progress.items as usize {
            names.push(item.name);
        }
        names.len() < progress.items as usize
    };
    // As they were chosen: what came since is behind them.
    match progress.ordered_by {
        OrderedBy::Nobody => {
            let base_fee = base_fee_at(parameters, head, progress.timestamp);
            walk_payable(store, parameters, base_fee, take)?;
        }
        OrderedBy::Authority | OrderedBy::Timeout => delayed::walk(store, &mut take)?,
    }
    let transactions = queue::oldest(store, progress.transactions as usize, usize::MAX)?;
    let payload = Payload { delayed: names, transactions };
    Ok(Candidate {
        ordered_by: progress.ordered_by,
        blueprint: blueprint_after(head, progress.timestamp, payload)?,
        gas: Gas::ZERO,
    })
}

fn items_max(parameters: &Parameters, last: Option<&Attempt>) -> u32 {
    let most = parameters.delayed.forced_items_max.max(1);
    last.map_or(most, |last| last.items_max.clamp(1, most))
}

fn timestamp_of(head: &Head, clock: L1Clock) -> Timestamp {
    clock.timestamp.max(head.header.timestamp)
}

/// What gas costs in the block after `head` at this time.
fn base_fee_at(parameters: &Parameters, head: &Head, timestamp: Timestamp) -> U256 {
    base_fee(parameters, backlog_at(parameters, head.backlog, head.header.timestamp, timestamp))
}

/// Goes through the items from the front, but for those that wait for a lower base fee: until its deadline each may, and
/// those behind it do not wait for it.
fn walk_payable(
    store: &impl Store,
    parameters: &Parameters,
    base_fee: U256,
    mut visit: impl FnMut(Item) -> bool,
) -> Result<(), LayoutError> {
    let mut passed_over_bytes = 0u64;
    delayed::walk(store, |item| {
        if is_too_cheap(parameters, &item, base_fee) {
            passed_over_bytes = passed_over_bytes.saturating_add(item.size_bytes());
            return passed_over_bytes <= PASSED_OVER_BYTES_MAX;
        }
        visit(item)
    })
}

fn is_too_cheap(parameters: &Parameters, item: &Item, base_fee: U256) -> bool {
    let Content::Transaction(raw) = &item.content else { return false };
    SignedTransaction::decode(raw, parameters.chain_id)
        .is_ok_and(|signed| signed.transaction().max_fee_per_gas < base_fee)
}

fn blueprint_after(head: &Head, timestamp: Timestamp, payload: Payload) -> Result<Blueprint, BlockError> {
    let number = head.header.number.checked_add(1).ok_or(BlockError::Overflow)?;
    Ok(Blueprint { number, parent: head.hash, timestamp, payload })
}

/// A block that is being filled.
struct Room<'a> {
    parameters: &'a Parameters,
    charges: Fees,
    names: Vec<millrace_primitives::TransactionHash>,
    transactions: Vec<Vec<u8>>,
    items_left: u32,
    /// Of the payload, and of what its names stand for: together they are bounded as in any blueprint.
    size: PayloadSize,
    items_bytes: u64,
    gas: Gas,
}

impl<'a> Room<'a> {
    fn new(parameters: &'a Parameters, items_max: u32) -> Self {
        Self {
            parameters,
            charges: crate::charges(parameters),
            names: Vec::new(),
            transactions: Vec::new(),
            items_left: items_max.min(u32::try_from(DELAYED_MAX).unwrap_or(u32::MAX)),
            size: PayloadSize::default(),
            items_bytes: 0,
            gas: Gas::ZERO,
        }
    }

    fn is_empty(&self) -> bool {
        self.names.is_empty() && self.transactions.is_empty()
    }

    /// Takes something if it fits; the first always does.
    fn reserve(&mut self, size: PayloadSize, items_bytes: u64, gas: Gas) -> bool {
        let bytes = items_bytes.saturating_add(size.bytes() as u64);
        let sum = self.gas.saturating_add(gas.get());
        let fits = bytes <= PAYLOAD_BYTES_MAX as u64 && sum <= self.parameters.execution_gas_block_max;
        if self.items_left == 0 || !(fits || self.is_empty()) {
            return false;
        }
        self.items_left = self.items_left.saturating_sub(1);
        (self.size, self.items_bytes, self.gas) = (size, items_bytes, sum);
        true
    }

    fn take_item(&mut self, item: &Item) -> bool {
        let mut size = self.size;
        size.add_delayed();
        let items_bytes = self.items_bytes.saturating_add(item.size_bytes());
        let fits = self.reserve(size, items_bytes, cost::item_gas(self.parameters, item));
        if fits {
            self.names.push(item.name);
        }
        fits
    }

    /// Takes transactions of the queue in their order.
    fn take_queue(&mut self, store: &impl Store, base_fee: U256) -> Result<(), LayoutError> {
        let most = (self.items_left as usize).min(TRANSACTIONS_MAX);
        for raw in queue::oldest(store, most, PAYLOAD_BYTES_MAX)? {
            let gas = match SignedTransaction::decode(&raw, self.parameters.chain_id) {
                Ok(signed) => cost::execution_limit(&self.charges, signed.transaction(), base_fee),
                Err(_) => cost::UNDECODABLE_GAS,
            };
            let mut size = self.size;
            size.add_transaction(&raw);
            if !self.reserve(size, self.items_bytes, gas) {
                break;
            }
            self.transactions.push(raw);
        }
        Ok(())
    }

    /// The block, as late as the layer 1 is, and no earlier than the one before.
    fn candidate(self, head: &Head, clock: L1Clock, ordered_by: OrderedBy) -> Result<Candidate, BlockError> {
        let payload = Payload { delayed: self.names, transactions: self.transactions };
        let blueprint = blueprint_after(head, timestamp_of(head, clock), payload)?;
        Ok(Candidate { ordered_by, blueprint, gas: self.gas })
    }
}
