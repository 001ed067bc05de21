//! Reading slots that were taken up: pages into chunks, chunks into blueprints that wait.
//!
//! A slot is read to its end before anything of it is stored, so that one that lacks a page leaves nothing. Then its
//! chunks are judged one by one, as many as the run has room for; where the next run goes on is noted. A slot is noted as
//! done before the import moves on: a run that dies in between finds it done.

use super::{SlotFault, report, stored};
use crate::{Reason, blueprint::Chain, cost, legacy, stage::Progress};
use alloc::{format, string::String, vec::Vec};
use millrace_host::{Budget, DalPage, Debug, Reveal, Store};
use millrace_layout::{
    LayoutError,
    dal::{self, Import, Slot},
};
use millrace_wire::dal::{Front, front};

/// Reads what was taken up, as far as `budget` goes. The first chunk of a run is always read.
pub(crate) fn run(
    host: &mut (impl Store + Reveal + Debug),
    chain: &mut Chain,
    budget: &mut Budget,
) -> Result<Progress, LayoutError> {
    let mut import = stored(host)?;
    while let Some(slot) = import.slots.first().copied() {
        if !budget.covers(cost::SLOT_MAX) {
            return Ok(Progress::More);
        }
        if !dal::done_at(host, slot.published_level)?.has(slot.index) {
            let mut reading = Reading { host, chain, budget, import: &mut import, slot };
            match reading.read() {
                Outcome::Paused => {
                    dal::import()?.replace(host, &Import { has_trapped: false, ..import })?;
                    return Ok(Progress::More);
                }
                Outcome::Read => dal::set_done(host, slot)?,
                Outcome::Fault(fault) => give_up(host, slot, fault)?,
            }
        }
        import.finish_first();
        dal::import()?.replace(host, &import)?;
    }
    Ok(Progress::Done)
}

/// Notes that a run trapped. When it was reading a slot, the slot is read again from where that run began; if it traps
/// again, it goes.
///
/// # Errors
/// As [`millrace_layout::Key::read`] and [`millrace_layout::Key::replace`].
pub fn note_trap(store: &mut impl Store) -> Result<(), LayoutError> {
    let mut import = stored(store)?;
    let Some(slot) = import.slots.first().copied() else { return Ok(()) };
    if import.has_trapped {
        give_up(store, slot, SlotFault::Trapped)?;
        import.finish_first();
    } else {
        import.has_trapped = true;
    }
    dal::import()?.replace(store, &import)
}

fn give_up(store: &mut impl Store, slot: Slot, fault: SlotFault) -> Result<(), LayoutError> {
    dal::set_done(store, slot)?;
    report(store, slot, fault)
}

/// How far a slot was read.
enum Outcome {
    /// To its end.
    Read,
    /// As far as the run goes; the offset is where to go on.
    Paused,
    /// It is not read any further.
    Fault(SlotFault),
}

struct Reading<'a, H> {
    host: &'a mut H,
    chain: &'a mut Chain,
    budget: &'a mut Budget,
    import: &'a mut Import,
    slot: Slot,
}

/// What is left of a slot.
struct Rest {
    /// Its pages from the one on in which the offset is.
    bytes: Vec<u8>,
    /// Where in them to go on.
    position: usize,
}

impl<H: Store + Reveal + Debug> Reading<'_, H> {
    fn read(&mut self) -> Outcome {
        let mut rest = match self.open() {
            Ok(rest) => rest,
            Err(fault) => return Outcome::Fault(fault),
        };
        let (mut read, mut kept) = (0u32, 0u32);
        let outcome = loop {
            let unread = rest.bytes.get(rest.position..).unwrap_or_default();
            // At the end of the slot nothing more comes.
            let Front::Chunk { chunk, size_bytes } = front(unread) else { break Outcome::Read };
            if read > 0 && !self.budget.covers(cost::SLOT_CHUNK_MAX) {
                break Outcome::Paused;
            }
            let judged = match chunk {
                Ok(chunk) => legacy::read_unsigned(self.host, self.chain, &chunk),
                Err(error) => Ok(Err(Reason::LegacyChunk(error))),
            };
            let is_kept = matches!(judged, Ok(Ok(_)));
            if let Err(error) = judged {
                self.host.debug(&format!("{}: {error}", self.name()));
            }
            self.budget.spend(cost::slot_chunk(size_bytes, is_kept));
            (read, kept) = (read.saturating_add(1), kept.saturating_add(u32::from(is_kept)));
            rest.position = rest.position.saturating_add(size_bytes);
            self.import.offset =
                self.import.offset.saturating_add(u32::try_from(size_bytes).unwrap_or(u32::MAX));
        };
        self.host.debug(&format!("{}: {kept} of {read} chunks stored", self.name()));
        outcome
    }

    /// Reveals the pages from the offset up to the one in which the slot ends.
    fn open(&mut self) -> Result<Rest, SlotFault> {
        let Import { slot_size_bytes, page_size_bytes, offset, .. } = *self.import;
        let page_bytes = u32::from(page_size_bytes);
        let first = offset.checked_div(page_bytes).ok_or(SlotFault::PageMissing)?;
        let count = slot_size_bytes.div_ceil(page_bytes);
        let position = offset.saturating_sub(first.saturating_mul(page_bytes)) as usize;
        let mut rest = Rest { bytes: Vec::new(), position };
        let mut end = position;
        for page in first..count {
            self.budget.spend(cost::PAGE);
            rest.bytes.extend_from_slice(&self.page(page)?);
            while let Some(unread) = rest.bytes.get(end..) {
                match front(unread) {
                    Front::Chunk { size_bytes, .. } => end = end.saturating_add(size_bytes),
                    Front::Unfinished => break,
                    Front::End => return Ok(rest),
                }
            }
        }
        Ok(rest)
    }

    fn page(&self, page: u32) -> Result<Vec<u8>, SlotFault> {
        let Slot { published_level, index } = self.slot;
        let page = u16::try_from(page).map_err(|_| SlotFault::PageMissing)?;
        let page = DalPage { published_level, slot: index, page };
        match self.host.reveal_dal_page(&page) {
            Ok(bytes) if bytes.len() == usize::from(self.import.page_size_bytes) => Ok(bytes),
            Ok(_) => Err(SlotFault::PageMissing),
            Err(error) => {
                self.host.debug(&format!("{}: {error}", self.name()));
                Err(SlotFault::Refused)
            }
        }
    }

    fn name(&self) -> String {
        format!("slot {} of level {}", self.slot.index, self.slot.published_level)
    }
}
