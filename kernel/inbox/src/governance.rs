//! What contracts of the layer 1 decide: who may decide what, and noting it down. When it takes effect is the business
//! of [`crate::authority`] and of stage 0.

use crate::{
    Reason,
    stage::{Judged, Outcome},
};
use alloc::vec::Vec;
use millrace_host::Store;
use millrace_layout::{
    LayoutError,
    clock::L1Clock,
    events::{self, Event},
    governance::{
        self, AUTHORITIES_MAX, PendingAuthorities, PendingAuthority, PendingUpgrade, PendingUpgrades, Source,
        UPGRADES_MAX,
    },
    parameters::{Contracts, Parameters, Upgrades},
    sequencers,
    upgrade::{self, Fetch},
};
use millrace_primitives::{Address, ContractHash, Timestamp};
use millrace_wire::{
    authority::PublicKey,
    governance::{CancelUpgrade, Decision, KernelUpgrade},
};

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
    parameters: &Parameters,
    sender: ContractHash,
    (clock, bytes): (L1Clock, &[u8]),
) -> Result<Judged, LayoutError> {
    // Before anything is decoded: keys are checked there, and that is dear.
    let Some(rights) = rights(&parameters.contracts, sender) else { return Ok(Err(Reason::OtherSender)) };
    let decision = match Decision::decode(bytes) {
        Ok(decision) => decision,
        Err(error) => return Ok(Err(Reason::Governance(error))),
    };
    match (decision, rights.kernel, rights.sequencer) {
        (Decision::KernelUpgrade(upgrade), Some(source), _) => {
            announce(store, &parameters.upgrades, (upgrade, source), clock.timestamp)
        }
        (Decision::CancelUpgrade(cancel), Some(source), _) => self::cancel(store, cancel, source),
        (Decision::RemoveSequencer, _, true) => remove_sequencer(store, clock),
        (Decision::SequencerUpgrade(upgrade), _, true) => {
            change(store, clock, (Vec::from([upgrade.key]), 1), (upgrade.pool, upgrade.activation))
        }
        (Decision::CommitteeChange(committee), _, true) => {
            let pool_and_time = (committee.pool, committee.activation);
            change(store, clock, (committee.members, committee.quorum), pool_and_time)
        }
        _ => Ok(Err(Reason::NotAllowed)),
    }
}

/// Adds an upgrade behind those that take over earlier or at the same time.
fn announce(
    store: &mut impl Store,
    terms: &Upgrades,
    (KernelUpgrade { root_hash, activation }, source): (KernelUpgrade, Source),
    now: Timestamp,
) -> Result<Judged, LayoutError> {
    let notice_s = if source == Source::Security { terms.security_notice_s } else { terms.notice_s };
    // Without a rule about it a time of the past means at once.
    if activation.since(now) < notice_s {
        return Ok(Err(Reason::TooSoon));
    }
    let key = governance::upgrades()?;
    let PendingUpgrades(mut waiting) = governance::upgrades_waiting(store)?;
    let upgrade = PendingUpgrade { root_hash: *root_hash.as_bytes(), activation, source };
    if waiting.contains(&upgrade) {
        return Ok(Err(Reason::DuplicateUpgrade));
    }
    if waiting.iter().filter(|other| other.source == source).count() >= UPGRADES_MAX {
        return Ok(Err(Reason::TooManyUpgrades));
    }
    let place = waiting.partition_point(|other| other.activation <= activation);
    waiting.insert(place, upgrade);
    key.replace(store, &PendingUpgrades(waiting))?;
    let (root_hash, source) = (upgrade.root_hash, source as u8);
    events::push(store, &Event::UpgradeAnnounced { root_hash, activation, source })?;
    Ok(Ok(Outcome::Kept))
}

fn cancel(store: &mut impl Store, cancel: CancelUpgrade, by: Source) -> Result<Judged, LayoutError> {
    let key = governance::upgrades()?;
    let PendingUpgrades(mut waiting) = governance::upgrades_waiting(store)?;
    let before = waiting.len();
    let is_meant = |upgrade: &PendingUpgrade| upgrade.root_hash == *cancel.root_hash.as_bytes();
    if !waiting.iter().any(is_meant) {
        return Ok(Err(Reason::NoUpgrade));
    }
    waiting.retain(|upgrade| !(is_meant(upgrade) && upgrade.source <= by));
    let count = before.saturating_sub(waiting.len());
    if count == 0 {
        return Ok(Err(Reason::NotAllowed));
    }
    key.replace(store, &PendingUpgrades(waiting))?;
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    events::push(store, &Event::UpgradesCancelled { count })?;
    Ok(Ok(Outcome::Kept))
}

/// Adds a change of authority among those that wait, in place of one for the same time, and of what the sequencer itself
/// asked for.
fn change(
    store: &mut impl Store,
    clock: L1Clock,
    (members, quorum): (Vec<PublicKey>, u16),
    (pool, activation): (Address, Timestamp),
) -> Result<Judged, LayoutError> {
    // A decision that was carried out before, or one older than the last: times go forwards only.
    let last = sequencers::change()?.read(store)?;
    if last.is_some_and(|last| activation <= last.activation) {
        return Ok(Err(Reason::StaleAuthority));
    }
    let PendingAuthorities { next_number, key_changes, mut waiting } =
        governance::authorities_waiting(store)?;
    let next_number = next_number.max(last.map_or(0, |last| last.number.saturating_add(1)));
    let before = waiting.len();
    waiting.retain(|other| !other.is_key_change());
    let cancelled = before.saturating_sub(waiting.len());
    let pending = PendingAuthority {
        number: next_number,
        announced_at: clock.level,
        members,
        quorum,
        pool: Some(pool),
        activation,
    };
    let place = waiting.partition_point(|other| other.activation < activation);
    let is_full = waiting.len() >= AUTHORITIES_MAX;
    match waiting.get_mut(place).filter(|other| other.activation == activation) {
        Some(other) if is_same(other, &pending) => return Ok(Err(Reason::DuplicateAuthority)),
        Some(other) => *other = pending.clone(),
        None if is_full => return Ok(Err(Reason::TooManyAuthorities)),
        None => waiting.insert(place, pending.clone()),
    }
    cancel_authorities(store, cancelled)?;
    note(store, PendingAuthorities { next_number, key_changes, waiting }, &pending)
}

fn is_same(one: &PendingAuthority, other: &PendingAuthority) -> bool {
    (&one.members, one.quorum, one.pool) == (&other.members, other.quorum, other.pool)
}

/// Nobody orders transactions from the next level on, and nobody will who was announced before.
fn remove_sequencer(store: &mut impl Store, clock: L1Clock) -> Result<Judged, LayoutError> {
    let PendingAuthorities { next_number, key_changes, waiting } = governance::authorities_waiting(store)?;
    if waiting.is_empty() && !sequencers::key()?.exists(store)? {
        return Ok(Err(Reason::NobodyInOffice));
    }
    let last = sequencers::change()?.read(store)?;
    let next_number = next_number.max(last.map_or(0, |last| last.number.saturating_add(1)));
    let removal = PendingAuthority {
        number: next_number,
        announced_at: clock.level,
        members: Vec::new(),
        quorum: 0,
        pool: None,
        activation: last.map_or(clock.timestamp, |last| clock.timestamp.max(last.activation)),
    };
    if let [only] = waiting.as_slice()
        && (only.members.is_empty(), only.announced_at) == (true, clock.level)
    {
        return Ok(Err(Reason::DuplicateAuthority));
    }
    cancel_authorities(store, waiting.len())?;
    let waiting = Vec::from([removal.clone()]);
    note(store, PendingAuthorities { next_number, key_changes, waiting }, &removal)
}

/// Tells of changes of authority that will not be.
fn cancel_authorities(store: &mut impl Store, count: usize) -> Result<(), LayoutError> {
    if count == 0 {
        return Ok(());
    }
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    events::push(store, &Event::AuthoritiesCancelled { count })
}

fn note(
    store: &mut impl Store,
    pending: PendingAuthorities,
    new: &PendingAuthority,
) -> Result<Judged, LayoutError> {
    let next_number = pending.next_number.saturating_add(1);
    governance::authorities()?.replace(store, &PendingAuthorities { next_number, ..pending })?;
    let members = u32::try_from(new.members.len()).unwrap_or(u32::MAX);
    events::push(store, &Event::AuthorityAnnounced { activation: new.activation, members })?;
    Ok(Ok(Outcome::Kept))
}

/// Judges somebody's request to carry out an upgrade whose time has passed without a block. Its pages are revealed
/// when the inbox has been read.
pub(crate) fn read_forced(
    store: &mut impl Store,
    terms: &Upgrades,
    now: Timestamp,
) -> Result<Judged, LayoutError> {
    let pending = governance::upgrades_waiting(store)?;
    let Some(next) = pending.next() else { return Ok(Err(Reason::NoUpgrade)) };
    if now < next.activation.saturating_add(terms.forced_after_s) {
        return Ok(Err(Reason::TooEarly));
    }
    let key = upgrade::fetch()?;
    if key.read_or_lose(store)?.is_some_and(|fetch| fetch.root_hash == next.root_hash) {
        return Ok(Err(Reason::DuplicateUpgrade));
    }
    upgrade::discard(store)?;
    key.write(store, &Fetch::new(next.root_hash))?;
    Ok(Ok(Outcome::Kept))
}
