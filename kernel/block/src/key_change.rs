//! A sequencer that hands its key over: what it has to sign, and the announcement of what it asked for.
//!
//! The EVM takes a request when the key in office has signed it, and that is all that a block says: its outcome may not
//! depend on what the layer 1 has decided meanwhile, which whoever makes the block cannot know. Whether a change is
//! announced is decided when the block is there, by the kernel on the rollup node alone. Governance goes first: as long as
//! something of its waits, the sequencer's request comes to nothing.

use alloc::vec::Vec;
use millrace_evm::system::{self, Approval, KeyChangeFault, KeyChangeRequest};
use millrace_host::Store;
use millrace_layout::{
    LayoutError, clock,
    events::{self, Event},
    governance::{self, PendingAuthorities, PendingAuthority},
    sequencers,
    world::{Head, KeyChange},
};
use millrace_primitives::Epoch;
use millrace_wire::{
    base58::Base58Check,
    key_change::{self as wire, KeyChangeError},
    signature::{PublicKey, Signature},
};

/// So long after its announcement a sequencer's request takes effect: governance has this time to decide otherwise.
/// Etherlink's.
pub const KEY_CHANGE_DELAY_S: u64 = 86_400;

/// Why a request that a block has taken comes to nothing. The codes are stable: the node reads them in events.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum KeyChangeRefusal {
    /// Something that governance announced waits.
    GovernanceFirst = 1,
    /// Who asked is not in office any more.
    OutOfOffice = 2,
}

impl KeyChangeRefusal {
    /// The stable code.
    pub const fn code(self) -> u8 {
        self as u8
    }
}

/// The epoch of who is in office; without anybody, of the last change.
pub(crate) fn epoch(store: &impl Store) -> Result<Epoch, LayoutError> {
    match sequencers::read(store)? {
        Some(authority) => Ok(authority.epoch),
        None => Ok(sequencers::change()?.read(store)?.map_or(Epoch::ZERO, |last| last.epoch)),
    }
}

/// Whether the single sequencer in office has signed a request.
pub(crate) fn approve(
    store: &impl Store,
    request: &KeyChangeRequest<'_>,
) -> Result<Result<Approval, KeyChangeFault>, LayoutError> {
    let Some(key) = PublicKey::from_bytes(request.key) else { return Ok(Err(KeyChangeFault::Key)) };
    let Some(in_office) = sequencers::read(store)? else { return Ok(Err(KeyChangeFault::Nobody)) };
    let counter = wire::counter(in_office.epoch, request.requests);
    let change = wire::KeyChange { key, chain_id: request.chain_id, counter };
    let signature = Signature(*request.signature);
    Ok(match change.check(&in_office, &signature) {
        Ok(old) => Ok(Approval {
            epoch: in_office.epoch,
            old_key: old.to_base58(),
            new_key: key.to_base58(),
            signature: signature.to_base58(),
        }),
        Err(KeyChangeError::Committee) => Err(KeyChangeFault::Committee),
        Err(KeyChangeError::SameKey) => Err(KeyChangeFault::SameKey),
        Err(KeyChangeError::InvalidKey) => Err(KeyChangeFault::Key),
        Err(KeyChangeError::Signature) => Err(KeyChangeFault::Signature),
    })
}

/// What the head says of a request that the EVM took.
pub(crate) fn of_block(request: system::KeyChange) -> Option<KeyChange> {
    let system::KeyChange { number, epoch, key } = request;
    PublicKey::from_bytes(&key).map(|key| KeyChange { number, epoch, key })
}

/// Announces what the sequencer asked for in the last block, once. It takes the place of an earlier request that waits.
pub(crate) fn announce(store: &mut impl Store, head: &Head) -> Result<(), LayoutError> {
    let Some(request) = &head.key_change else { return Ok(()) };
    let PendingAuthorities { next_number, key_changes, waiting } = governance::authorities_waiting(store)?;
    if request.number < key_changes {
        return Ok(());
    }
    // Without a level there is no block but the first, which has nothing in it.
    let Some(now) = clock::read(store)? else { return Ok(()) };
    let key_changes = request.number.saturating_add(1);
    let key = governance::authorities()?;
    if let Some(refusal) = refusal(store, request, &waiting)? {
        key.replace(store, &PendingAuthorities { next_number, key_changes, waiting })?;
        let (number, reason) = (head.header.number, refusal.code());
        return events::push(store, &Event::KeyChangeDropped { number, reason });
    }
    // What does not decode is in nobody's way: a block that is there has to be settled.
    let last = sequencers::change()?.read_or_lose(store)?;
    let number = next_number.max(last.map_or(0, |last| last.number.saturating_add(1)));
    let change = PendingAuthority {
        number,
        announced_at: now.level,
        members: Vec::from([request.key]),
        quorum: 1,
        pool: None,
        activation: now.timestamp.saturating_add(KEY_CHANGE_DELAY_S),
    };
    let (activation, next_number) = (change.activation, number.saturating_add(1));
    let pending = PendingAuthorities { next_number, key_changes, waiting: Vec::from([change]) };
    key.replace(store, &pending)?;
    if !waiting.is_empty() {
        let count = u32::try_from(waiting.len()).unwrap_or(u32::MAX);
        events::push(store, &Event::AuthoritiesCancelled { count })?;
    }
    events::push(store, &Event::AuthorityAnnounced { activation, members: 1 })
}

fn refusal(
    store: &impl Store,
    request: &KeyChange,
    waiting: &[PendingAuthority],
) -> Result<Option<KeyChangeRefusal>, LayoutError> {
    if !waiting.iter().all(PendingAuthority::is_key_change) {
        return Ok(Some(KeyChangeRefusal::GovernanceFirst));
    }
    // A run that died after the block left this to one of a later level.
    let in_office = sequencers::key()?.read_or_lose(store)?;
    let is_in_office = in_office.is_some_and(|in_office| in_office.epoch == request.epoch);
    Ok((!is_in_office).then_some(KeyChangeRefusal::OutOfOffice))
}
