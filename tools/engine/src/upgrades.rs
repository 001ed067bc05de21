//! Kernel upgrades that wait: which they are, when they are due, and whether their pages are there.

use crate::{Engine, EngineError, host::NativeHost};
use millrace_host::Budget;
use millrace_layout::{
    governance::{self, PendingUpgrade},
    world::World,
};
use millrace_primitives::{BlockNumber, Timestamp};
use millrace_pvm::{Caller, PvmError, durable::Durable, reveal::RevealHash};
use millrace_upgrade::{Pursuit, Refusal, due_next, is_begun, pursue};

/// What there is of a kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pages {
    /// All of it, and nothing is wrong with it as far as can be seen from outside.
    Whole,
    /// Not this page, the first that is missing.
    Missing {
        /// Its name.
        page: RevealHash,
    },
    /// All that is needed to see that it cannot take over.
    Refused(Refusal),
}

/// An upgrade that takes over before a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DueUpgrade {
    /// The upgrade.
    pub upgrade: PendingUpgrade,
    /// Whether it is there. It is not one of those that are refused: they make room for the next.
    pub pages: Pages,
}

impl Engine {
    /// The upgrades that wait, earliest first.
    ///
    /// # Errors
    /// [`EngineError::UnknownLayout`], [`EngineError::Layout`].
    pub fn pending_upgrades(&self, state: &Durable) -> Result<Vec<PendingUpgrade>, EngineError> {
        Ok(governance::upgrades_waiting(&NativeHost::reading(state)?)?.0)
    }

    /// The upgrade that takes over before the next block if that is made at `timestamp`, and whether its kernel is there. When
    /// it is not, [`Engine::apply`] answers [`EngineError::PageMissing`].
    ///
    /// This reveals all pages of a kernel, which takes milliseconds, once an upgrade is due.
    ///
    /// # Errors
    /// [`EngineError::UnknownLayout`], [`EngineError::Layout`], [`EngineError::Pvm`] when preimages cannot be read.
    pub fn due_upgrade(
        &self,
        state: &Durable,
        timestamp: Timestamp,
    ) -> Result<Option<DueUpgrade>, EngineError> {
        let mut host = NativeHost::reading(state)?;
        let number = World::Committed.head()?.require(&host)?.header.number;
        while let Some(upgrade) = due_next(&host)? {
            if timestamp < upgrade.activation && !is_begun(&host, &upgrade)? {
                return Ok(None);
            }
            let (after, pages) = self.pursued(host, &upgrade, number)?;
            match pages {
                Pages::Refused(_) => host = after,
                pages => return Ok(Some(DueUpgrade { upgrade, pages })),
            }
        }
        Ok(None)
    }

    /// What there is of the kernel with this root, whether it waits or not: to look at before it is due. One that is whole, and
    /// not that of this program, is compiled, so that the block with which it takes over does not wait for that: it takes
    /// seconds, the first time.
    ///
    /// # Errors
    /// [`EngineError::Pvm`] when preimages cannot be read, or the kernel cannot be kept.
    pub fn prepare(&self, state: &Durable, root_hash: [u8; 33]) -> Result<Pages, EngineError> {
        let source = governance::Source::Admin;
        let upgrade = PendingUpgrade { root_hash, activation: Timestamp::ZERO, source };
        let (after, pages) = self.pursued(NativeHost::new(state), &upgrade, BlockNumber::ZERO)?;
        if let (Pages::Whole, Some(caller)) = (pages, &self.caller)
            && self.kernels.check(&after.durable).is_err()
        {
            caller.prepare(&after.durable)?;
        }
        Ok(pages)
    }

    /// Does with an upgrade what the kernel would do, on a storage that nobody keeps.
    fn pursued(
        &self,
        host: NativeHost<'static>,
        upgrade: &PendingUpgrade,
        number: BlockNumber,
    ) -> Result<(NativeHost<'static>, Pages), EngineError> {
        let preimages = self.caller.as_ref().map(Caller::preimages);
        let mut revealing = NativeHost::revealing(host.durable, preimages);
        let pursuit = pursue(&mut revealing, upgrade, number, &mut Budget::unlimited());
        let pages = match (revealing.take_fault(), pursuit) {
            (Some(PvmError::PreimageMissing { hash }), _) => Pages::Missing { page: hash },
            (Some(fault), _) => return Err(fault.into()),
            (None, pursuit) => match pursuit? {
                Pursuit::Refused(refusal) => Pages::Refused(refusal),
                // A budget without end never pauses.
                Pursuit::Switched | Pursuit::Paused => Pages::Whole,
            },
        };
        Ok((NativeHost::new(&revealing.durable), pages))
    }
}

#[cfg(test)]
mod tests;
