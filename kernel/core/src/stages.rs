//! The stages in their order, and how much of them fits one run.

use crate::{
    RunError,
    handover::{self, Turn},
    next::{self, Next},
    trap,
};
use alloc::format;
use millrace_block::{BlueprintFault, Sealed, Terms, Verdict, advance, cost, ensure_genesis, send, settle};
use millrace_host::{Budget, Host, Store};
use millrace_inbox::{Progress, read_inbox};
use millrace_layout::{
    LayoutError,
    attempt::{self, Attempt, OrderedBy},
    blueprints, clock, events, parameters, progress, pvm,
};
use millrace_primitives::BlockNumber;
use millrace_upgrade::{Release, Stage0, Standing, end_trial, note_attempt, prepare, report_return};

/// Runs the kernel once. A failure is reported and ends the run; the next level starts afresh.
pub fn run(host: &mut impl Host) {
    run_within(host, Budget::RUN);
}

/// Runs the kernel once, with a budget of the caller's.
pub fn run_within(host: &mut impl Host, budget: Budget) {
    run_release(host, budget, &Release::current());
}

/// Runs the kernel once as the one of this release: what migrations it brings is all that can differ.
pub fn run_release<H: Host>(host: &mut H, mut budget: Budget, release: &Release<'_, H>) {
    if let Err(error) = run_stages(host, &mut budget, release) {
        host.debug(&format!("{error}"));
    }
}

/// How far the inbox is, and how the kernel stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Messages {
    /// Another run has to go on, perhaps of another kernel.
    More,
    /// The next level has to come first.
    Wait,
    /// All of them have been read.
    Done(Standing),
}

fn run_stages<H: Host>(host: &mut H, budget: &mut Budget, release: &Release<'_, H>) -> Result<(), RunError> {
    // As long as there is something in the inbox: after a run that traps, what it has not read would be lost with the
    // level, deposits and decisions of governance included. In stage 2 the next level is soon enough.
    let requested = host.request_reboot();
    let read = read_messages(host, budget, release);
    if read == Ok(Messages::More) {
        return Ok(requested?);
    }
    host.store_delete(pvm::REBOOT).map_err(RunError::Host)?;
    let Messages::Done(standing) = read? else { return Ok(()) };
    if standing == Standing::Returned && report_return(host)? {
        trap::forget_halving(host)?;
    }
    settle(host, true)?;
    trap::recover(host)?;
    let is_on_trial = standing == Standing::OnTrial && !end_trial(host)?;
    let made = make_blocks(host, budget, is_on_trial);
    // Whatever became of blocks, what is owed to the layer 1 leaves: levels pass without blocks too.
    let sent = send(host);
    made?;
    Ok(sent?)
}

/// All that comes before the first block.
fn read_messages<H: Host>(
    host: &mut H,
    budget: &mut Budget,
    release: &Release<'_, H>,
) -> Result<Messages, RunError> {
    let standing = match prepare(host, release, budget)? {
        Stage0::Ready(standing) => standing,
        Stage0::Reboot => return Ok(Messages::More),
        Stage0::Wait => return Ok(Messages::Wait),
    };
    // The flag is gone after this run, however it ends.
    if host.store_has_value(pvm::STUCK)? {
        trap::note(host)?;
    }
    if let Err(error) = ensure_genesis(host) {
        // Whatever became of the world, messages are read: one of them may bring the kernel that mends it.
        host.debug(&format!("{}", RunError::from(error)));
    }
    Ok(match read_inbox(host, budget)?.progress {
        Progress::More => Messages::More,
        Progress::Done => Messages::Done(standing),
    })
}

/// Makes blocks as long as there is something to make them of and the run has room.
fn make_blocks(host: &mut impl Host, budget: &mut Budget, is_on_trial: bool) -> Result<(), RunError> {
    let parameters = parameters::read(host)?;
    let clock = clock::read(host)?;
    let terms = Terms { parameters: &parameters, clock };
    loop {
        let next = next::next(host, terms)?;
        if handover::take_turn(host, terms, &next, budget)? == Turn::Reboot {
            return Ok(host.request_reboot()?);
        }
        let next = match next {
            Next::Nothing => return Ok(()),
            Next::Broken(number) => {
                reject(host, number, BlueprintFault::Payload)?;
                continue;
            }
            Next::Block(next) => next,
        };
        if !budget.covers(cost::TICKS_BLOCK) {
            return Ok(host.request_reboot()?);
        }
        let number = next.candidate.blueprint.number;
        if is_on_trial {
            note_attempt(host)?;
        }
        if next.progress.is_none() {
            attempt::key()?.write(host, &next.attempt)?;
        }
        let begun = (&next.candidate, next.progress.as_ref());
        match advance(host, terms, begun, budget, |host, sealed| announce(host, &next.attempt, sealed))? {
            Verdict::Paused => return Ok(host.request_reboot()?),
            Verdict::Rejected(fault) if next.attempt.ordered_by == OrderedBy::Authority => {
                reject(host, number, fault)?;
            }
            Verdict::Rejected(fault) => {
                // The kernel made it, and would make it again: fewer items, down to the one that is in the way.
                host.debug(&format!("block {number} of the kernel's own: {fault:?}"));
                attempt::key()?.write(host, &Attempt { has_trapped: true, ..next.attempt })?;
                return Ok(host.request_reboot()?);
            }
            Verdict::Sealed(sealed) => {
                report(host, &sealed);
                if next.progress.is_some() {
                    progress::key()?.delete(host)?;
                }
                if next.attempt.items_max < parameters.delayed.forced_items_max
                    && next.attempt.ordered_by != OrderedBy::Authority
                {
                    attempt::key()?.write(host, &next.attempt.succeeded())?;
                }
                settle(host, true)?;
            }
        }
    }
}

/// Tells the node what became of the parts of a block.
fn announce(host: &mut impl Store, attempt: &Attempt, sealed: &Sealed) -> Result<(), LayoutError> {
    let number = sealed.head.header.number;
    if attempt.ordered_by == OrderedBy::Timeout {
        let items = u32::try_from(sealed.head.consumed.len()).unwrap_or(u32::MAX);
        events::push(host, &events::Event::Forced { number, items })?;
    }
    for dropped in &sealed.dropped {
        let (position, reason) = (dropped.position, dropped.fault.code());
        events::push(host, &events::Event::TransactionDropped { number, position, reason })?;
        if let Some(name) = dropped.item {
            events::push(host, &events::Event::DelayedDropped { name, number, reason })?;
        }
    }
    Ok(())
}

fn report(host: &impl Host, sealed: &Sealed) {
    let number = sealed.head.header.number;
    for dropped in &sealed.dropped {
        host.debug(&format!("block {number}: dropped {}: {:?}", dropped.position, dropped.fault));
    }
    host.debug(&format!("block {number}: {}", sealed.head.hash));
}

/// Drops the blueprint of the next block. Those after it go too when it stood on another block than the head: they
/// stand on it. One of format 0 says nothing about those after it: anybody may have sent it again.
pub(crate) fn reject(
    host: &mut impl Host,
    number: BlockNumber,
    fault: BlueprintFault,
) -> Result<(), RunError> {
    if fault == BlueprintFault::Parent && blueprints::announced(number)?.exists(host)? {
        blueprints::delete_all(host)?;
    } else {
        blueprints::delete(host, number)?;
    }
    events::push(host, &events::Event::BlueprintDropped { number, reason: fault.code() })?;
    host.debug(&format!("blueprint {number} dropped: {fault:?}"));
    Ok(())
}
