//! A run of a node: no inbox and no level, but exactly one block of what the node brings.
//!
//! What comes before the block is what comes before it on the layer 1, by the same code: a change of kernels that is not
//! over goes on, the storage is brought to the layout of this kernel, an upgrade that is due takes over. So a node
//! activates a kernel at the same block as the rollup. What only levels know is left out: the clock, what is overdue, traps of
//! blocks, the outbox.
//!
//! The node asks for a run as long as the request for another one stands, with whichever kernel is in its place.

use crate::{
    RunError,
    handover::{Turn, take_turn_before},
};
use alloc::{format, vec::Vec};
use millrace_block::{BlockError, Candidate, Sealed, Terms, Verdict, advance, settle};
use millrace_host::{Budget, Control, Debug, Reveal, Store};
use millrace_layout::{
    LayoutError,
    events::{self, Event},
    node::{self, Change, Dropped, Made, Outcome},
    outbox,
    parameters::{self, Parameters},
    pvm,
    world::World,
};
use millrace_primitives::Gas;
use millrace_upgrade::{Release, Stage0, Standing, pass_trial, prepare, report_return};

/// What a run of a node asks of its host.
pub trait NodeHost: Store + Reveal + Control + Debug {}
impl<H: Store + Reveal + Control + Debug> NodeHost for H {}

/// One run on what is in durable storage, and whose outcome goes there too. A failure is reported and ends the
/// run without one.
pub fn run_for_node<H: NodeHost>(host: &mut H) {
    run_release_for_node(host, &Release::current());
}

/// The same as the kernel of this release.
pub fn run_release_for_node<H: NodeHost>(host: &mut H, release: &Release<'_, H>) {
    if let Err(error) = answer(host, release) {
        host.debug(&format!("{error}"));
    }
}

fn answer<H: NodeHost>(host: &mut H, release: &Release<'_, H>) -> Result<(), RunError> {
    let node::Ordered { ordered_by, blueprint } = node::blueprint()?.require(host)?;
    // What was chosen is in the blueprint: nobody asks for its gas again.
    let candidate = Candidate { ordered_by, blueprint, gas: Gas::ZERO };
    match make_block_as(host, release, &candidate)? {
        Some(outcome) => Ok(node::outcome()?.write(host, &outcome)?),
        None => Ok(()),
    }
}

/// One run on `candidate`: what became of it, or `None` when another run has to go on, perhaps of another kernel.
///
/// # Errors
/// [`RunError`]; the head is then what it was.
pub fn make_block(host: &mut impl NodeHost, candidate: &Candidate) -> Result<Option<Outcome>, RunError> {
    make_block_as(host, &Release::current(), candidate)
}

/// The same as the kernel of this release.
pub(crate) fn make_block_as<H: NodeHost>(
    host: &mut H,
    release: &Release<'_, H>,
    candidate: &Candidate,
) -> Result<Option<Outcome>, RunError> {
    // Until the block begins: what traps before it is gone on with by another run.
    host.request_reboot()?;
    let before = before_block(host, release, candidate);
    if before == Ok(Before::Reboot) {
        return Ok(None);
    }
    host.store_delete(pvm::REBOOT).map_err(RunError::Host)?;
    match before? {
        Before::Reboot => Ok(None),
        Before::Wait => Ok(Some(Outcome::Waits)),
        Before::Block(standing, parameters) => block(host, &parameters, standing, candidate).map(Some),
    }
}

/// What follows the change of kernels.
#[allow(clippy::large_enum_variant, reason = "one value at a time, and it is taken apart at once")]
#[derive(PartialEq, Eq)]
enum Before {
    /// Another run, perhaps of another kernel.
    Reboot,
    /// The next level.
    Wait,
    /// The block.
    Block(Standing, Parameters),
}

fn before_block<H: NodeHost>(
    host: &mut H,
    release: &Release<'_, H>,
    candidate: &Candidate,
) -> Result<Before, RunError> {
    // As large as on the layer 1: how many runs a migration takes decides whether it is too long.
    let mut budget = Budget::RUN;
    let standing = match prepare(host, release, &mut budget)? {
        Stage0::Ready(standing) => standing,
        Stage0::Reboot => return Ok(Before::Reboot),
        Stage0::Wait => return Ok(Before::Wait),
    };
    if standing == Standing::Returned {
        report_return(host)?;
    }
    let parameters = parameters::read(host)?;
    let terms = Terms { parameters: &parameters, clock: None };
    Ok(match take_turn_before(host, terms, Some(candidate), &mut budget)? {
        Turn::Reboot => Before::Reboot,
        Turn::Block => Before::Block(standing, parameters),
    })
}

fn block(
    host: &mut impl Store,
    parameters: &Parameters,
    standing: Standing,
    candidate: &Candidate,
) -> Result<Outcome, RunError> {
    let terms = Terms { parameters, clock: None };
    // Where a run stops leaves no trace in a block, and a node has no bound of a run.
    match advance(host, terms, (candidate, None), &mut Budget::unlimited(), |_, _| Ok(()))? {
        Verdict::Rejected(fault) => Ok(Outcome::Rejected(fault.code())),
        // A budget without end covers everything.
        Verdict::Paused => Err(BlockError::Overflow.into()),
        Verdict::Sealed(sealed) => {
            if standing == Standing::OnTrial {
                pass_trial(host)?;
            }
            settle(host, false)?;
            // The rollup node sends them.
            outbox::discard(host)?;
            Ok(Outcome::Made(made(host, sealed)?))
        }
    }
}

fn made(host: &mut impl Store, sealed: Sealed) -> Result<Made, RunError> {
    let upgrades = changes(host)?;
    // Levels take them away, and a node has none.
    events::clear(host)?;
    let dropped = sealed.dropped.iter().map(|dropped| Dropped {
        position: dropped.position,
        reason: dropped.fault.code(),
        item: dropped.item,
    });
    Ok(Made {
        hash: sealed.head.hash,
        dropped: dropped.collect(),
        header: sealed.head.header,
        body: World::Committed.body()?.require(host)?,
        upgrades,
    })
}

/// What became of upgrades since the last block. Events that another kernel wrote in its own way keep no block from being
/// made.
fn changes(store: &impl Store) -> Result<Vec<Change>, LayoutError> {
    let change = |event| match event {
        Event::UpgradeActivated { root_hash } => Some(Change { root_hash, reason: 0 }),
        Event::UpgradeFailed { root_hash, reason } => Some(Change { root_hash, reason }),
        _ => None,
    };
    match events::all(store) {
        Ok(events) => Ok(events.into_iter().filter_map(change).collect()),
        Err(LayoutError::Corrupt { .. }) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}
