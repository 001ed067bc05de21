//! The stages in their order, and how much of them fits one run.

use crate::{RunError, blueprint};
use alloc::format;
use millrace_block::{BlueprintFault, Sealed, Verdict, apply, ensure_genesis, settle};
use millrace_host::Host;
use millrace_inbox::{Progress, read_inbox};
use millrace_layout::{blueprints, clock, events, parameters, pvm, world::World};
use millrace_primitives::{BlockNumber, Gas};

/// A run starts no further block once it has executed this much gas. With the limit of a block this keeps a
/// run far below what the PVM can still prove (10^11 ticks).
pub const RUN_GAS_MAX: Gas = Gas::new(15_000_000);

/// Runs the kernel once. A failure is reported and ends the run; the next level starts afresh.
pub fn run(host: &mut impl Host) {
    if let Err(error) = run_stages(host) {
        host.debug(&format!("{error}"));
    }
}

fn run_stages(host: &mut impl Host) -> Result<(), RunError> {
    millrace_upgrade::reconcile(host)?;
    ensure_genesis(host)?;
    if read_inbox(host)? == Progress::More {
        return Ok(host.request_reboot()?);
    }
    settle(host)?;
    drop_trapped(host)?;
    apply_blueprints(host)
}

/// A blueprint whose execution trapped would trap again at each level: it goes, and the chain goes on.
fn drop_trapped(host: &mut impl Host) -> Result<(), RunError> {
    if !host.store_has_value(pvm::STUCK)? {
        return Ok(());
    }
    match World::Committed.head()?.read(host)?.and_then(|head| head.header.number.checked_add(1)) {
        Some(next) if blueprints::announced(next)?.exists(host)? => {
            reject(host, next, BlueprintFault::Trapped)
        }
        _ => Ok(()),
    }
}

/// Applies blueprints as long as they are complete and the run has room.
fn apply_blueprints(host: &mut impl Host) -> Result<(), RunError> {
    let parameters = parameters::read(host)?;
    let clock = clock::read(host)?;
    let mut executed = Gas::ZERO;
    let Some(head) = World::Committed.head()?.read(host)? else { return Ok(()) };
    let mut number = head.header.number;
    loop {
        let Some(next) = number.checked_add(1) else { return Ok(()) };
        let blueprint = match blueprint::assemble(host, next)? {
            blueprint::Assembly::Missing => return Ok(()),
            blueprint::Assembly::Broken => return reject(host, next, BlueprintFault::Payload),
            blueprint::Assembly::Complete(blueprint) => blueprint,
        };
        if executed >= RUN_GAS_MAX {
            return Ok(host.request_reboot()?);
        }
        match apply(host, &parameters, &blueprint, clock)? {
            Verdict::Rejected(fault) => return reject(host, next, fault),
            Verdict::Sealed(sealed) => {
                announce(host, &sealed)?;
                settle(host)?;
                executed = executed.saturating_add(sealed.execution_gas.get());
                number = next;
            }
        }
    }
}

fn announce(host: &mut impl Host, sealed: &Sealed) -> Result<(), RunError> {
    let number = sealed.head.header.number;
    for dropped in &sealed.dropped {
        let (position, reason) = (dropped.position, dropped.fault.code());
        events::push(host, &events::Event::TransactionDropped { number, position, reason })?;
        host.debug(&format!("block {number}: dropped {position}: {:?}", dropped.fault));
    }
    host.debug(&format!("block {number}: {}", sealed.head.hash));
    Ok(())
}

fn reject(host: &mut impl Host, number: BlockNumber, fault: BlueprintFault) -> Result<(), RunError> {
    blueprints::delete(host, number)?;
    events::push(host, &events::Event::BlueprintDropped { number, reason: fault.code() })?;
    host.debug(&format!("blueprint {number} dropped: {fault:?}"));
    Ok(())
}
