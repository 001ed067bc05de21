//! What contracts of the layer 1 decide: who may decide what, and noting it down. When it takes effect is stage 0's
//! business.

use crate::{
    Reason,
    stage::{Judged, Outcome},
};
use alloc::vec::Vec;
use millrace_host::Store;
use millrace_layout::{
    LayoutError,
    events::{self, Event},
    governance::{self, PendingAuthority, PendingUpgrade, PendingUpgrades, Source, UPGRADES_MAX},
    parameters::Contracts,
};
use millrace_primitives::{ContractHash, Timestamp};
use millrace_wire::governance::{CancelUpgrade, Decision, KernelUpgrade};

/// How long after its time an upgrade can be forced by anybody, in seconds: by then the blocks that would have brought
/// it are not coming.
pub const FORCED_AFTER_S: u64 = 86_400;

/// What a contract may decide.
#[derive(Clone, Copy)]
struct Rights {
    kernel: Option<Source>,
    sequencer: bool,
}

fn rights(contracts: &Contracts, sender: ContractHash) -> Option<Rights> {
    let is = |contract: Option<ContractHash>| contract == Some(sender);
    if is(contracts.admin) {
        Some(Rights { kernel: Some(Source::Admin), sequencer: true })
    } else if is(contracts.security_governance) {
        Some(Rights { kernel: Some(Source::Security), sequencer: false })
    } else if is(contracts.kernel_governance) {
        Some(Rights { kernel: Some(Source::Kernel), sequencer: is(contracts.sequencer_governance) })
    } else if is(contracts.sequencer_governance) {
        Some(Rights { kernel: None, sequencer: true })
    } else {
        None
    }
}

/// Judges what `sender` decided, and notes it down.
pub(crate) fn read(
    store: &mut impl Store,
    contracts: &Contracts,
    sender: ContractHash,
    (now, bytes): (Timestamp, &[u8]),
) -> Result<Judged, LayoutError> {
    // Before anything is decoded: keys are checked there, and that is dear.
    let Some(rights) = rights(contracts, sender) else { return Ok(Err(Reason::OtherSender)) };
    let decision = match Decision::decode(bytes) {
        Ok(decision) => decision,
        Err(error) => return Ok(Err(Reason::Governance(error))),
    };
    match (decision, rights.kernel, rights.sequencer) {
        (Decision::KernelUpgrade(upgrade), Some(source), _) => announce(store, upgrade, source),
        (Decision::CancelUpgrade(cancel), Some(_), _) => self::cancel(store, cancel),
        (Decision::RemoveSequencer, _, true) => {
            change(store, PendingAuthority { members: Vec::new(), quorum: 0, pool: None, activation: now })
        }
        (Decision::SequencerUpgrade(upgrade), _, true) => change(
            store,
            PendingAuthority {
                members: Vec::from([upgrade.key]),
                quorum: 1,
                pool: Some(upgrade.pool),
                activation: upgrade.activation,
            },
        ),
        (Decision::CommitteeChange(committee), _, true) => change(
            store,
            PendingAuthority {
                members: committee.members,
                quorum: committee.quorum,
                pool: Some(committee.pool),
                activation: committee.activation,
            },
        ),
        _ => Ok(Err(Reason::NotAllowed)),
    }
}

/// Adds an upgrade behind those that take over earlier or at the same time.
fn announce(
    store: &mut impl Store,
    KernelUpgrade { root_hash, activation }: KernelUpgrade,
    source: Source,
) -> Result<Judged, LayoutError> {
    let key = governance::upgrades()?;
    let PendingUpgrades(mut waiting) = key.read(store)?.unwrap_or_default();
    let upgrade = PendingUpgrade { root_hash: *root_hash.as_bytes(), activation, source };
    if waiting.contains(&upgrade) {
        return Ok(Err(Reason::DuplicateUpgrade));
    }
    if waiting.len() >= UPGRADES_MAX {
        return Ok(Err(Reason::TooManyUpgrades));
    }
    let place = waiting.partition_point(|other| other.activation <= activation);
    waiting.insert(place, upgrade);
    key.replace(store, &PendingUpgrades(waiting))?;
    let (root_hash, source) = (upgrade.root_hash, source as u8);
    events::push(store, &Event::UpgradeAnnounced { root_hash, activation, source })?;
    Ok(Ok(Outcome::Kept))
}

fn cancel(store: &mut impl Store, cancel: CancelUpgrade) -> Result<Judged, LayoutError> {
    let key = governance::upgrades()?;
    let PendingUpgrades(mut waiting) = key.read(store)?.unwrap_or_default();
    let before = waiting.len();
    waiting.retain(|upgrade| upgrade.root_hash != *cancel.root_hash.as_bytes());
    let count = before.saturating_sub(waiting.len());
    if count == 0 {
        return Ok(Err(Reason::NoUpgrade));
    }
    key.replace(store, &PendingUpgrades(waiting))?;
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    events::push(store, &Event::UpgradesCancelled { count })?;
    Ok(Ok(Outcome::Kept))
}

/// The latest decision about the authority counts.
fn change(store: &mut impl Store, pending: PendingAuthority) -> Result<Judged, LayoutError> {
    governance::authority()?.replace(store, &pending)?;
    let members = u32::try_from(pending.members.len()).unwrap_or(u32::MAX);
    events::push(store, &Event::AuthorityAnnounced { activation: pending.activation, members })?;
    Ok(Ok(Outcome::Kept))
}

/// Judges somebody's request to carry out an upgrade whose time has passed without a block.
pub(crate) fn read_forced(store: &impl Store, now: Timestamp) -> Result<Judged, LayoutError> {
    let PendingUpgrades(waiting) = governance::upgrades()?.read(store)?.unwrap_or_default();
    Ok(Err(match waiting.first() {
        None => Reason::NoUpgrade,
        Some(first) if now < first.activation.saturating_add(FORCED_AFTER_S) => Reason::TooEarly,
        // Carrying it out is not in this kernel yet: what waits is noted, and stays.
        Some(_) => Reason::Unsupported,
    }))
}
