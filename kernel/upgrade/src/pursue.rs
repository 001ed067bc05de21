//! From an upgrade that is due to the kernel in its place.
//!
//! **When pages are revealed.** A page that nobody has does not give an error: it halts every rollup node that follows the
//! rollup until somebody publishes it. So nothing is revealed before the upgrade is due. Until then the pages can be
//! published, whoever runs a node can see whether they are there, and governance can cancel. From then on there is no
//! other way to know: the pages come first and the switch after them.

use crate::{
    Refusal, UpgradeError,
    fetch::{self, Fetched},
    module,
};
use alloc::format;
use millrace_host::{Budget, Debug, Reveal, Store};
use millrace_layout::{
    LayoutError,
    events::{self, Event},
    governance::{self, PendingUpgrade},
    upgrade::{self, Fetch, Handover, KernelRoot, Phase},
};
use millrace_primitives::{BlockNumber, L1Level, Timestamp};

/// What came of an upgrade that is due.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pursuit {
    /// The run has no room for the rest: another one is needed.
    Paused,
    /// The new kernel is in its place: it runs next.
    Switched,
    /// It cannot be, and waits no longer.
    Refused(Refusal),
}

/// The upgrade whose turn is next, if any waits.
///
/// # Errors
/// [`UpgradeError::Layout`].
pub fn due_next(store: &impl Store) -> Result<Option<PendingUpgrade>, UpgradeError> {
    Ok(governance::upgrades_waiting(store)?.next().copied())
}

/// Whether `upgrade` is being revealed, because it was due or because somebody forced it.
///
/// # Errors
/// [`UpgradeError::Layout`].
pub fn is_begun(store: &impl Store, upgrade: &PendingUpgrade) -> Result<bool, UpgradeError> {
    Ok(upgrade::fetch()?.read_or_lose(store)?.is_some_and(|fetch| fetch.root_hash == upgrade.root_hash))
}

/// Goes on with `upgrade`, which is due, at the boundary after block `number`.
///
/// # Errors
/// [`UpgradeError`]; the next run goes on.
pub fn pursue(
    host: &mut (impl Store + Reveal + Debug),
    upgrade: &PendingUpgrade,
    number: BlockNumber,
    budget: &mut Budget,
) -> Result<Pursuit, UpgradeError> {
    let key = upgrade::fetch()?;
    let begun = key.read_or_lose(host)?.filter(|fetch| fetch.root_hash == upgrade.root_hash);
    let mut fetch = match begun {
        Some(fetch) => fetch,
        None => {
            // Of another upgrade, whose turn is no longer next.
            upgrade::discard(host)?;
            Fetch::new(upgrade.root_hash)
        }
    };
    if fetch.is_running {
        return refuse(host, upgrade, Refusal::FetchTrapped);
    }
    key.write(host, &Fetch { is_running: true, ..fetch.clone() })?;
    match fetch::advance(host, &mut fetch, budget) {
        Ok(Fetched::Whole) => {}
        Ok(Fetched::Paused) => {
            key.write(host, &fetch)?;
            return Ok(Pursuit::Paused);
        }
        Ok(Fetched::Refused(refusal)) => return refuse(host, upgrade, refusal),
        Err(error) => {
            // The host refused something; it did not trap.
            key.write(host, &fetch)?;
            return Err(error);
        }
    }
    let module = upgrade::staged(host)?.unwrap_or_default();
    if let Err(refusal) = module::check(&module) {
        return refuse(host, upgrade, refusal);
    }
    let previous = upgrade::kernel_root()?.read_or_lose(host)?.and_then(|root| root.0.try_into().ok());
    let handover = Handover {
        phase: Phase::Switching,
        root_hash: upgrade.root_hash,
        activation: upgrade.activation,
        previous,
        number,
        failures: 0,
        failed_at: L1Level::ZERO,
        reason: 0,
        cursor: None,
    };
    // From here on it happens: whichever kernel runs next goes on with it.
    upgrade::handover()?.replace(host, &handover)?;
    switch(host, &handover)?;
    Ok(Pursuit::Switched)
}

/// Puts the staged kernel in its place. What comes before the last step may be done twice.
pub(crate) fn switch(host: &mut (impl Store + Debug), handover: &Handover) -> Result<(), UpgradeError> {
    let root_hash = handover.root_hash;
    upgrade::fetch()?.delete(host)?;
    forget(host, &root_hash, handover.activation)?;
    upgrade::kernel_root()?.write(host, &KernelRoot(root_hash.to_vec()))?;
    events::push(host, &Event::UpgradeActivated { root_hash })?;
    host.debug("another kernel takes over");
    Ok(upgrade::boot_staged(host)?)
}

/// The upgrade to this kernel at this time waits no longer. Others to the same kernel do.
fn forget(store: &mut impl Store, root_hash: &[u8; 33], activation: Timestamp) -> Result<(), LayoutError> {
    let key = governance::upgrades()?;
    let mut pending = governance::upgrades_waiting(store)?;
    let is_done =
        |upgrade: &PendingUpgrade| (&upgrade.root_hash, upgrade.activation) == (root_hash, activation);
    if let Some(place) = pending.0.iter().position(is_done) {
        pending.0.remove(place);
        key.replace(store, &pending)?;
    }
    Ok(())
}

fn refuse(
    host: &mut (impl Store + Debug),
    upgrade: &PendingUpgrade,
    refusal: Refusal,
) -> Result<Pursuit, UpgradeError> {
    let root_hash = upgrade.root_hash;
    host.debug(&format!("upgrade refused: {refusal}"));
    events::push(host, &Event::UpgradeFailed { root_hash, reason: refusal.code() })?;
    forget(host, &root_hash, upgrade.activation)?;
    upgrade::discard(host)?;
    Ok(Pursuit::Refused(refusal))
}
