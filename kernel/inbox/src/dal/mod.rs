//! The data availability layer: which slots are taken up. Reading them is [`import`].
//!
//! ```text
//! signal of the sequencer   slots that the parameters list, once the layer 1 has settled whether they are attested
//! attested slots            those of publishers that the parameters list
//! ```
//! Chunks in slots carry no signature: who vouches for a slot vouches for what is in it. They are of format 0, so there
//! has to be a single sequencer. A slot is taken up once: its outcome is settled by then, and anybody can send a signal
//! again.

pub(crate) mod import;

use crate::{
    Reason,
    blueprint::Chain,
    cost,
    stage::{Judged, Outcome},
};
use alloc::vec::Vec;
use millrace_host::{Reveal, Store, limits::DAL_PAGE_BYTES_MAX};
use millrace_layout::{
    LayoutError,
    dal::{self, Import, LEVELS_MAX, Slot},
    events::{self, Event},
    parameters::Dal,
};
use millrace_primitives::{L1Level, U256};
use millrace_wire::{
    authority::CertificateError,
    dal::{PublishedSlots, Signal, decode_publishers},
    message::DalAttestedSlots,
};

/// Largest slot. That of the protocol has 380,832 bytes.
const SLOT_BYTES_MAX: u64 = 1 << 20;
/// Most pages of a slot. That of the protocol has 96.
pub(crate) const PAGES_MAX: u64 = 512;

/// Why a slot that was taken up brought nothing, or not all that is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum SlotFault {
    /// It was not attested, or a page before its end is missing: nothing of it is stored.
    PageMissing = 1,
    /// Too many slots were attested in one level.
    TooMany = 2,
    /// A run trapped twice while it was read.
    Trapped = 3,
    /// The host refused to give a page.
    Refused = 4,
}

impl SlotFault {
    /// A stable number, for events.
    pub const fn code(self) -> u8 {
        self as u8
    }
}

/// How large slots are.
#[derive(Clone, Copy)]
struct Sizes {
    slot_bytes: u32,
    page_bytes: u16,
}

impl Sizes {
    /// `None` when they are not within the bounds of this kernel.
    fn new(slot_bytes: u64, page_bytes: u64) -> Option<Self> {
        let is_page = (1..=DAL_PAGE_BYTES_MAX as u64).contains(&page_bytes);
        let is_bounded = slot_bytes <= SLOT_BYTES_MAX && slot_bytes.div_ceil(page_bytes.max(1)) <= PAGES_MAX;
        if !is_page || !is_bounded {
            return None;
        }
        Some(Self {
            slot_bytes: u32::try_from(slot_bytes).ok()?,
            page_bytes: u16::try_from(page_bytes).ok()?,
        })
    }
}

/// Judges the body of a signal, and takes up the slots that it names and that are new.
pub(crate) fn read_signal(
    host: &mut (impl Store + Reveal),
    chain: &mut Chain,
    parameters: &Dal,
    (level, body): (L1Level, &[u8]),
) -> Result<Judged, LayoutError> {
    if !parameters.is_enabled {
        return Ok(Err(Reason::DalDisabled));
    }
    if !parameters.has_signals {
        return Ok(Err(Reason::SignalsDisabled));
    }
    let signal = match Signal::decode(body) {
        Ok(signal) => signal,
        Err(error) => return Ok(Err(Reason::Dal(error))),
    };
    let mut named = signal.levels.iter().flat_map(|entry| &entry.slots);
    if !named.all(|index| parameters.slots.contains(index)) {
        return Ok(Err(Reason::SlotNotListed));
    }
    let key = match chain.context(host)?.single_sequencer() {
        Ok(key) => key,
        Err(reason) => return Ok(Err(reason)),
    };
    let Ok(Some(constants)) = host.reveal_dal_parameters() else { return Ok(Err(Reason::DalUnavailable)) };
    let Some(sizes) = Sizes::new(constants.slot_size_bytes, constants.page_size_bytes) else {
        return Ok(Err(Reason::DalUnavailable));
    };
    let import = stored(host)?;
    let wanted =
        match wanted(host, chain, &signal.levels, (level, constants.attestation_lag), import.room(level))? {
            Ok(wanted) => wanted,
            Err(reason) => return Ok(Err(reason)),
        };
    chain.count_signatures(Some(&key), 1);
    if !signal.is_signed_by(&key) {
        return Ok(Err(Reason::Certificate(CertificateError::Signature)));
    }
    take_up(host, import, (level, sizes), wanted)?;
    Ok(Ok(Outcome::Kept))
}

/// The first slots that are settled, not too old and not done, as many as there is room for.
fn wanted(
    store: &impl Store,
    chain: &mut Chain,
    levels: &[PublishedSlots],
    (level, lag): (L1Level, u64),
    room: usize,
) -> Result<Result<Vec<Slot>, Reason>, LayoutError> {
    let (mut wanted, mut reason) = (Vec::new(), Reason::NoSlots);
    for PublishedSlots { published_level, slots } in levels {
        if let Err(refused) = settled(*published_level, level, lag) {
            reason = refused;
            continue;
        }
        if wanted.len() >= room {
            reason = Reason::TooManySlots;
            break;
        }
        chain.ticks = chain.ticks.saturating_add(cost::RECORD.get());
        let done = dal::done_at(store, *published_level)?;
        for index in slots {
            let slot = Slot { published_level: *published_level, index: *index };
            if done.has(*index) || wanted.contains(&slot) {
                reason = Reason::SlotDone;
            } else if wanted.len() < room {
                wanted.push(slot);
            }
        }
    }
    Ok(if wanted.is_empty() { Err(reason) } else { Ok(wanted) })
}

/// Whether it is known by `level` what became of slots of `published`, and remembered.
const fn settled(published: L1Level, level: L1Level, lag: u64) -> Result<(), Reason> {
    if (published.get() as u64).saturating_add(lag) > level.get() as u64 {
        Err(Reason::SlotTooEarly)
    } else if level.since(published) >= LEVELS_MAX {
        Err(Reason::SlotTooOld)
    } else {
        Ok(())
    }
}

/// Judges what the layer 1 says of attested slots, and takes up those of publishers that the rollup listens to.
pub(crate) fn read_attested(
    host: &mut impl Store,
    chain: &mut Chain,
    parameters: &Dal,
    (level, message): (L1Level, &DalAttestedSlots<'_>),
) -> Result<Judged, LayoutError> {
    // It comes with every level, whether somebody listens or not.
    if !parameters.is_enabled || parameters.publishers.is_empty() {
        return Ok(Ok(Outcome::Marker));
    }
    let publishers = match decode_publishers(message) {
        Ok(publishers) => publishers,
        Err(error) => return Ok(Err(Reason::Dal(error))),
    };
    let listed = publishers.iter().filter(|slots| parameters.publishers.contains(&slots.publisher));
    let bits = listed.fold(U256::zero(), |bits, slots| bits | slots.bits);
    if bits.is_zero() {
        return Ok(Ok(Outcome::Marker));
    }
    let sizes = Sizes::new(message.slot_size_bytes.into(), message.page_size_bytes.into());
    let Some(sizes) = sizes else { return Ok(Err(Reason::DalUnavailable)) };
    if let Err(reason) = chain.context(host)?.single_sequencer() {
        return Ok(Err(reason));
    }
    if let Err(reason) = settled(message.published_level, level, 0) {
        return Ok(Err(reason));
    }
    let done = dal::done_at(host, message.published_level)?;
    let mut slots: Vec<_> = (0..=u8::MAX)
        .filter(|index| bits.bit(usize::from(*index)) && !done.has(*index))
        .map(|index| Slot { published_level: message.published_level, index })
        .collect();
    if slots.is_empty() {
        return Ok(Err(Reason::SlotDone));
    }
    let import = stored(host)?;
    let surplus = slots.split_off(slots.len().min(import.room(level)));
    take_up(host, import, (level, sizes), slots)?;
    // Nobody can ask for these again.
    surplus.into_iter().try_for_each(|slot| report(host, slot, SlotFault::TooMany))?;
    Ok(Ok(Outcome::Kept))
}

/// The import as it was noted last. One in an encoding that this kernel does not know is none: the slots in it can be
/// signalled again.
fn stored(store: &impl Store) -> Result<Import, LayoutError> {
    match dal::import()?.read(store) {
        Err(LayoutError::Corrupt { .. }) => Ok(Import::default()),
        read => Ok(read?.unwrap_or_default()),
    }
}

/// Notes slots down, to be read before any further message.
fn take_up(
    store: &mut impl Store,
    import: Import,
    (level, sizes): (L1Level, Sizes),
    slots: Vec<Slot>,
) -> Result<(), LayoutError> {
    let before = if import.level == level { import.taken } else { 0 };
    let taken = before.saturating_add(u16::try_from(slots.len()).unwrap_or(u16::MAX));
    let (slot_size_bytes, page_size_bytes) = (sizes.slot_bytes, sizes.page_bytes);
    let next =
        Import { level, taken, slot_size_bytes, page_size_bytes, offset: 0, has_trapped: false, slots };
    dal::import()?.replace(store, &next)
}

fn report(store: &mut impl Store, slot: Slot, fault: SlotFault) -> Result<(), LayoutError> {
    let Slot { published_level, index } = slot;
    events::push(store, &Event::SlotIgnored { published_level, slot: index, reason: fault.code() })
}

#[cfg(test)]
mod tests;
