//! From a candidate to a committed block, in one run or in several.

use crate::{
    BlockError, BlueprintFault, Dropped,
    candidate::Candidate,
    cost,
    execution::{Executed, Execution, Step},
    flush::{commit, flush},
    pause::{self, Begun},
    seal::seal,
    validity,
};
use alloc::vec::Vec;
use millrace_host::{Budget, Store};
use millrace_layout::{
    LayoutError,
    clock::L1Clock,
    delayed::Item,
    outbox,
    parameters::Parameters,
    progress::Progress,
    world::{Body, Head, World},
};
use millrace_primitives::Gas;

/// A block that is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// What the world has as head then.
    pub head: Head,
    /// Gas spent on execution, without the part for data availability.
    pub execution_gas: Gas,
    /// What the blueprint had and the block has not.
    pub dropped: Vec<Dropped>,
}

/// What became of a candidate.
#[allow(clippy::large_enum_variant, reason = "one value at a time, and it is taken apart at once")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is the head now.
    Sealed(Sealed),
    /// It cannot be a block; nothing changed.
    Rejected(BlueprintFault),
    /// The run has no room for more of it; what is done is kept, and the next run goes on.
    Paused,
}

/// What a block is made under.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a> {
    /// The parameters of the rollup.
    pub parameters: &'a Parameters,
    /// Bounds timestamps. Without one (in the node, which has no inbox) any timestamp from the parent's on is
    /// accepted.
    pub clock: Option<L1Clock>,
}

/// Makes a block of `candidate`, or as much of it as `budget` allows. `begun` is what an earlier run made of it; what
/// is not of this candidate is passed over. `announce` is called once all of the block is known and before it is
/// committed, so that what it writes is there whenever the block is.
///
/// # Errors
/// [`BlockError`]; the head is then what it was.
pub fn advance<S: Store>(
    store: &mut S,
    terms: Terms<'_>,
    (candidate, begun): (&Candidate, Option<&Progress>),
    budget: &mut Budget,
    announce: impl FnOnce(&mut S, &Sealed) -> Result<(), LayoutError>,
) -> Result<Verdict, BlockError> {
    let parent = World::Committed.head()?.read(store)?.ok_or(BlockError::NoHead)?;
    let begun = begun.and_then(|progress| Begun::read(progress, candidate));
    // What was valid when it was begun stays so: a block that was begun is finished.
    if begun.is_none()
        && let Some(fault) = validity::header_fault(terms, candidate, &parent)
    {
        return Ok(Verdict::Rejected(fault));
    }
    let items = match validity::delayed_items(store, candidate)? {
        Ok(items) => items,
        Err(fault) => return Ok(Verdict::Rejected(fault)),
    };
    match execute(store, terms.parameters, (candidate, begun), (&parent, &items), budget)? {
        None => Ok(Verdict::Paused),
        Some(Whole { sealed, changes, body, outbox }) => {
            flush(store, &changes, &sealed.head, &body)?;
            outbox::append(store, outbox)?;
            announce(store, &sealed)?;
            commit(store)?;
            Ok(Verdict::Sealed(sealed))
        }
    }
}

/// A block that is executed and not yet stored.
struct Whole {
    sealed: Sealed,
    changes: millrace_evm::state::Changes,
    body: Body,
    outbox: Vec<Vec<u8>>,
}

/// Executes what is left; `None` when it had to pause.
fn execute(
    store: &mut impl Store,
    parameters: &Parameters,
    (candidate, begun): (&Candidate, Option<Begun>),
    (parent, items): (&Head, &[Item]),
    budget: &mut Budget,
) -> Result<Option<Whole>, BlockError> {
    let blueprint = &candidate.blueprint;
    let order = (blueprint.timestamp, candidate.ordered_by);
    let mut execution = Execution::begin(store, parameters, parent, order, begun)?;
    let base_fee = execution.environment.base_fee;
    let step = execution.run(items, &blueprint.payload.transactions, budget)?;
    let (executed, changes) = execution.into_parts()?;
    if step == Step::Paused {
        pause::save(store, candidate, &executed, &changes)?;
        return Ok(None);
    }
    // Only now: the first step of a run must find the budget whole, or a step as large as a run would never begin.
    budget.spend(cost::TICKS_BLOCK);
    let head = seal(parameters, parent, candidate, (&executed, &changes, base_fee))?;
    let Executed { transactions, receipts, dropped, execution_gas, outbox, .. } = executed;
    let sealed = Sealed { head, execution_gas, dropped };
    Ok(Some(Whole { sealed, changes, body: Body { transactions, receipts }, outbox }))
}
