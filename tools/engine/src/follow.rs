//! Blocks that others made, made again: by the authority from its blueprint, or by the kernel on its own account. Whoever
//! calls compares the hashes; nothing here is taken on trust.

use crate::{Engine, EngineError, host::NativeHost, states::parameters, tracing::Part};
use millrace_block::{Candidate, forced};
use millrace_evm::keccak;
use millrace_layout::{
    attempt::OrderedBy,
    clock::L1Clock,
    delayed::{self, Content, Item, Pushed},
    world::{Body, Head, World},
};
use millrace_primitives::{Gas, L1Level, Timestamp, TransactionHash};
use millrace_pvm::durable::Durable;
use millrace_wire::blueprint::{Blueprint, Payload};
use std::collections::BTreeSet;

impl Engine {
    /// The block that the kernel forces next, by its own rules, when the delayed inbox is that of `state` and the layer 1
    /// is where `clock` says; `None` when nothing is overdue.
    ///
    /// # Errors
    /// [`EngineError::Layout`], [`EngineError::Block`].
    pub fn forced(&self, state: &Durable, clock: L1Clock) -> Result<Option<Candidate>, EngineError> {
        let host = NativeHost::new(state);
        let head = World::Committed.head()?.require(&host)?;
        Ok(forced(&host, &parameters(state)?, &head, clock, None)?)
    }

    /// The names of the delayed items that the last block of `state` consumed: those of its transactions that came through
    /// the delayed inbox, and those that were dropped.
    ///
    /// # Errors
    /// [`EngineError::Layout`].
    pub fn consumed(&self, state: &Durable) -> Result<BTreeSet<TransactionHash>, EngineError> {
        let head = World::Committed.head()?.require(&NativeHost::new(state))?;
        Ok(head.consumed.into_iter().collect())
    }

    /// The state with these items in its delayed inbox, oldest first, and no others.
    ///
    /// # Errors
    /// [`EngineError::DelayedInboxFull`], [`EngineError::Layout`].
    pub fn with_delayed_inbox(&self, state: &Durable, items: &[Item]) -> Result<Durable, EngineError> {
        let mut host = NativeHost::new(state);
        for item in delayed::oldest(&host, usize::MAX)? {
            delayed::remove(&mut host, item.name)?;
        }
        for item in items {
            match delayed::push(&mut host, item)? {
                Pushed::Queued | Pushed::Known => {}
                Pushed::Full => return Err(EngineError::DelayedInboxFull),
            }
        }
        Ok(host.durable)
    }
}

/// A block as its content tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FromContent {
    /// What makes the same block again.
    pub candidate: Candidate,
    /// The delayed items that it names.
    pub items: Vec<Item>,
}

impl FromContent {
    /// Reads what the block was made of from what it left behind. What a blueprint had and the block has not (dropped
    /// transactions) left no trace in the block, so the same block is made without it.
    pub fn read(head: &Head, body: Body) -> Self {
        let consumed: BTreeSet<TransactionHash> = head.consumed.iter().copied().collect();
        let (mut items, mut transactions) = (Vec::new(), Vec::new());
        for raw in body.transactions {
            let name = TransactionHash::new(keccak(&raw).0);
            if !consumed.contains(&name) {
                transactions.push(raw);
                continue;
            }
            let content = match Part::of(&raw) {
                Part::Deposit(deposit) => Content::Deposit(deposit),
                Part::FaDeposit(deposit) => Content::FaDeposit(deposit),
                Part::Transaction => Content::Transaction(raw),
            };
            // When it came plays no role any more.
            items.push(Item { name, level: L1Level::ZERO, timestamp: Timestamp::ZERO, content });
        }
        let payload = Payload { delayed: items.iter().map(|item| item.name).collect(), transactions };
        let header = &head.header;
        let blueprint = Blueprint {
            number: header.number,
            parent: header.parent_hash,
            timestamp: header.timestamp,
            payload,
        };
        // Not of the authority: its timestamp was judged, and its items were measured.
        let candidate = Candidate { ordered_by: OrderedBy::Timeout, blueprint, gas: Gas::ZERO };
        Self { candidate, items }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::states::tests::chain_of;
    use millrace_layout::parameters::{self as layout, DelayedInbox, Parameters};
    use millrace_primitives::{Address, BlockNumber, Mutez};
    use millrace_wire::deposit::NativeDeposit;

    const CLOCK: L1Clock = L1Clock { level: L1Level::new(100), timestamp: Timestamp::new(5_000) };

    /// A chain whose head is block 7, and the engine for it.
    fn chain() -> (Engine, Durable) {
        let delayed = DelayedInbox { timeout_s: 60, timeout_levels: 2, forced_items_max: 2 };
        let parameters = Parameters { delayed, ..Parameters::default() };
        let (engine, host) = chain_of(&parameters);
        (engine, host.durable)
    }

    fn deposit(index: u32, level: u32) -> Item {
        let receiver = Address::repeat_byte(0xaa);
        let level = L1Level::new(level);
        let deposit = NativeDeposit { amount: Mutez::new(5), receiver, level, index };
        let timestamp = Timestamp::new(u64::from(level.get()) * 10);
        Item { name: deposit.hash(), level, timestamp, content: Content::Deposit(deposit) }
    }

    fn undecodable() -> Item {
        let raw = vec![0xff; 40];
        let name = TransactionHash::new(keccak(&raw).0);
        Item { name, content: Content::Transaction(raw), ..deposit(0, 3) }
    }

    #[test]
    fn what_is_overdue_is_forced_by_the_rules_of_the_kernel_and_what_is_not_stays() {
        let (engine, state) = chain();
        assert_eq!(engine.forced(&state, CLOCK).unwrap(), None);
        let items = [deposit(0, 3), undecodable(), deposit(1, 3), deposit(2, 99)];
        let state = engine.with_delayed_inbox(&state, &items).unwrap();
        let candidate = engine.forced(&state, CLOCK).unwrap().unwrap();
        assert_eq!(candidate.blueprint.payload.delayed, [items[0].name, items[1].name]);
        let first = engine.apply_own(&state, &candidate).unwrap();
        assert_eq!((first.block.header.timestamp, first.block.transactions.len()), (CLOCK.timestamp, 1));
        assert_eq!(engine.consumed(&first.state).unwrap(), [items[0].name, items[1].name].into());
        let candidate = engine.forced(&first.state, CLOCK).unwrap().unwrap();
        assert_eq!(candidate.blueprint.payload.delayed, [items[2].name]);
        let second = engine.apply_own(&first.state, &candidate).unwrap();
        assert_eq!(engine.forced(&second.state, CLOCK).unwrap(), None);
        assert_eq!(engine.waiting(&second.state).unwrap(), [items[3].clone()]);
    }

    #[test]
    fn a_block_is_made_again_of_its_content_alone() {
        let (engine, state) = chain();
        let waiting = engine.with_delayed_inbox(&state, &[deposit(0, 3), undecodable()]).unwrap();
        let candidate = engine.forced(&waiting, CLOCK).unwrap().unwrap();
        let theirs = engine.apply_own(&waiting, &candidate).unwrap();
        let host = NativeHost::new(&theirs.state);
        let head = World::Committed.head().unwrap().require(&host).unwrap();
        let content = FromContent::read(&head, World::Committed.body().unwrap().require(&host).unwrap());
        assert_eq!(content.items.iter().map(|item| item.name).collect::<Vec<_>>(), [deposit(0, 3).name]);
        // On a state whose delayed inbox is empty.
        let delayed = content.items.iter().try_fold(state, |state, item| engine.delay(&state, item)).unwrap();
        let ours = engine.apply_own(&delayed, &content.candidate).unwrap();
        assert_eq!((ours.hash, ours.block), (theirs.hash, theirs.block));
    }

    #[test]
    fn the_pool_of_the_state_is_paid_and_not_that_of_the_start() {
        let (engine, state) = chain();
        let pool = Address::repeat_byte(0x77);
        let mut host = NativeHost::new(&state);
        let parameters = Parameters { pool, ..engine.parameters(&state).unwrap() };
        layout::key().unwrap().write(&mut host, &parameters).unwrap();
        let head = engine.head(&host.durable).unwrap();
        let blueprint = Blueprint {
            number: BlockNumber::new(8),
            parent: head.hash,
            timestamp: Timestamp::new(1_001),
            payload: Payload::default(),
        };
        assert_eq!(engine.apply(&host.durable, &blueprint).unwrap().block.header.beneficiary, pool);
    }
}
