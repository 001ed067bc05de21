//! What the next block is made of.

use crate::{
    RunError,
    blueprint::{Assembly, assemble},
    trap,
};
use millrace_block::{BlockError, Candidate, Terms, begun, forced, left_in_queue, without_sequencer};
use millrace_host::Store;
use millrace_layout::{
    LayoutError,
    attempt::{Attempt, OrderedBy},
    progress::{self, Progress},
    queue, sequencers,
    world::{Head, World},
};
use millrace_primitives::{BlockNumber, Gas, L1Level, TransactionHash};

/// The name of no item.
pub(crate) const NO_ITEM: TransactionHash = TransactionHash::new([0; 32]);

/// What the next block is made of.
#[allow(clippy::large_enum_variant, reason = "one value at a time, and it is taken apart at once")]
pub(crate) enum Next {
    /// There is nothing to make one of.
    Nothing,
    /// The pieces of its blueprint do not make up what the header commits to.
    Broken(BlockNumber),
    /// This.
    Block(Block),
}

/// The next block.
pub(crate) struct Block {
    pub(crate) candidate: Candidate,
    /// What an earlier run made of it.
    pub(crate) progress: Option<Progress>,
    /// What is noted before anything of it is executed.
    pub(crate) attempt: Attempt,
}

/// Decides, in this order: a block that was begun is finished; what is overdue in the delayed inbox is forced; then it
/// is the turn of what waits from when nobody was in charge, and then of the authority; or of nobody.
pub(crate) fn next(store: &mut impl Store, terms: Terms<'_>) -> Result<Next, RunError> {
    let head = World::Committed.head()?.read(store)?.ok_or(BlockError::NoHead)?;
    let number = head.header.number.checked_add(1).ok_or(BlockError::Overflow)?;
    let last = trap::last(store)?;
    if let Some(progress) = in_progress(store, number)? {
        if let Some(block) = resumed(store, terms, &head, progress, last)? {
            return Ok(Next::Block(block));
        }
        // What it was made of is gone: nothing may wait for it.
        progress::key()?.delete(store)?;
    }
    let Some(clock) = terms.clock else { return Ok(Next::Nothing) };
    if let Some(candidate) = forced(store, terms.parameters, &head, clock, last.as_ref())? {
        return Ok(Next::Block(fresh(terms, candidate, last)));
    }
    if sequencers::read(store)?.is_some() {
        if queue::is_empty(store)? {
            return of_authority(store, terms, number, last);
        }
        let candidate = left_in_queue(store, terms.parameters, &head, clock, last.as_ref())?;
        return Ok(candidate.map_or(Next::Nothing, |candidate| Next::Block(fresh(terms, candidate, last))));
    }
    let candidate = without_sequencer(store, terms.parameters, &head, clock, last.as_ref())?;
    Ok(candidate.map_or(Next::Nothing, |candidate| Next::Block(fresh(terms, candidate, last))))
}

/// The block that an earlier run began. One of another number, or in an encoding that this kernel does not know, is
/// made from its beginning.
fn in_progress(store: &mut impl Store, number: BlockNumber) -> Result<Option<Progress>, RunError> {
    let key = progress::key()?;
    match key.read(store) {
        Ok(None) => Ok(None),
        Ok(Some(progress)) if progress.number == number => Ok(Some(progress)),
        Ok(Some(_)) | Err(LayoutError::Corrupt { .. }) => {
            key.delete(store)?;
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

fn resumed(
    store: &impl Store,
    terms: Terms<'_>,
    head: &Head,
    progress: Progress,
    last: Option<Attempt>,
) -> Result<Option<Block>, RunError> {
    if progress.ordered_by == OrderedBy::Authority {
        return Ok(match of_authority(store, terms, progress.number, last)? {
            Next::Block(block) => Some(Block { progress: Some(progress), ..block }),
            Next::Nothing | Next::Broken(_) => None,
        });
    }
    let candidate = begun(store, terms.parameters, head, &progress)?;
    // It was noted when the block was begun.
    let attempt = last.unwrap_or_else(|| attempt_at(terms, &candidate, None));
    Ok(Some(Block { candidate, progress: Some(progress), attempt }))
}

fn of_authority(
    store: &impl Store,
    terms: Terms<'_>,
    number: BlockNumber,
    last: Option<Attempt>,
) -> Result<Next, RunError> {
    Ok(match assemble(store, number)? {
        Assembly::Missing => Next::Nothing,
        Assembly::Broken => Next::Broken(number),
        Assembly::Complete(blueprint) => Next::Block(fresh(terms, Candidate::of_authority(blueprint), last)),
    })
}

fn fresh(terms: Terms<'_>, candidate: Candidate, last: Option<Attempt>) -> Block {
    let attempt = attempt_at(terms, &candidate, last);
    Block { candidate, progress: None, attempt }
}

fn attempt_at(terms: Terms<'_>, candidate: &Candidate, last: Option<Attempt>) -> Attempt {
    let level = terms.clock.map_or(L1Level::ZERO, |clock| clock.level);
    let spent = last.filter(|last| last.level == level).map_or(Gas::ZERO, |last| last.forced_gas);
    let forced_gas = match candidate.ordered_by {
        OrderedBy::Timeout | OrderedBy::Nobody => spent.saturating_add(candidate.gas.get()),
        OrderedBy::Authority => spent,
    };
    let most = terms.parameters.delayed.forced_items_max.max(1);
    Attempt {
        level,
        number: candidate.blueprint.number,
        ordered_by: candidate.ordered_by,
        forced_gas,
        items_max: last.map_or(most, |last| last.items_max.clamp(1, most)),
        first: candidate.blueprint.payload.delayed.first().copied().unwrap_or(NO_ITEM),
        has_trapped: false,
    }
}
