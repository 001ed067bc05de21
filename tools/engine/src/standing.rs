//! What the kernel knows of kernels: pages, modules, reasons; and what a state says of its own.
//!
//! Unlike an [`crate::Engine`], this looks into states that any kernel has left, whether or not this program has it
//! natively. What such a kernel keeps in another way is an error, or absent.

use crate::{EngineError, host::NativeHost};
use millrace_layout::{
    clock::{self, L1Clock},
    delayed::{self, Item},
    events::{self, Event},
    governance::{self, PendingUpgrade, PendingUpgrades},
    parameters::{self, Parameters},
    upgrade::{self, Handover, KernelRoot},
    version::{self, StorageVersion},
    world::{Head, World},
};
use millrace_primitives::{BlockHash, BlockNumber, PreimageHash};
use millrace_pvm::durable::Durable;

pub use millrace_upgrade::{LAYOUT_MARK, Page, Refusal, check_module, decode_page};

/// A state as it stands.
pub struct Standing {
    host: NativeHost<'static>,
}

impl Standing {
    /// Looks into this state.
    pub fn of(state: &Durable) -> Self {
        Self { host: NativeHost::new(state) }
    }

    /// The parameters of the rollup.
    ///
    /// # Errors
    /// [`EngineError::Layout`].
    pub fn parameters(&self) -> Result<Parameters, EngineError> {
        Ok(parameters::read(&self.host)?)
    }

    /// The clock of the layer 1; `None` before the first level of a kernel.
    ///
    /// # Errors
    /// [`EngineError::Layout`].
    pub fn clock(&self) -> Result<Option<L1Clock>, EngineError> {
        Ok(clock::read(&self.host)?)
    }

    /// The last block; `None` before there is one.
    ///
    /// # Errors
    /// [`EngineError::Layout`].
    pub fn head(&self) -> Result<Option<Head>, EngineError> {
        Ok(World::Committed.head()?.read(&self.host)?)
    }

    /// The hash of one of the last 256 blocks; of others, that of a later one or nothing.
    ///
    /// # Errors
    /// [`EngineError::Layout`].
    pub fn block_hash(&self, number: BlockNumber) -> Result<Option<BlockHash>, EngineError> {
        Ok(World::Committed.block_hash(number)?.read(&self.host)?)
    }

    /// What happened in the last level.
    ///
    /// # Errors
    /// [`EngineError::Layout`].
    pub fn events(&self) -> Result<Vec<Event>, EngineError> {
        Ok(events::all(&self.host)?)
    }

    /// Its layout; `None` before the first run of a kernel.
    ///
    /// # Errors
    /// [`EngineError::Layout`].
    pub fn storage_version(&self) -> Result<Option<StorageVersion>, EngineError> {
        Ok(version::read(&self.host)?)
    }

    /// The root of the pages of the kernel that runs; `None` of the one that the rollup began with.
    ///
    /// # Errors
    /// [`EngineError::Layout`].
    pub fn kernel_root(&self) -> Result<Option<PreimageHash>, EngineError> {
        let root = upgrade::kernel_root()?.read(&self.host)?;
        Ok(root.and_then(|KernelRoot(bytes)| PreimageHash::from_slice(&bytes)))
    }

    /// The change of kernels that is not over.
    ///
    /// # Errors
    /// [`EngineError::Layout`].
    pub fn handover(&self) -> Result<Option<Handover>, EngineError> {
        Ok(upgrade::handover()?.read_or_lose(&self.host)?)
    }

    /// What waits in the delayed inbox, oldest first.
    ///
    /// # Errors
    /// [`EngineError::Layout`].
    pub fn waiting(&self) -> Result<Vec<Item>, EngineError> {
        Ok(delayed::oldest(&self.host, usize::MAX)?)
    }

    /// The upgrades that wait, in their order.
    ///
    /// # Errors
    /// [`EngineError::Layout`].
    pub fn upgrades_waiting(&self) -> Result<Vec<PendingUpgrade>, EngineError> {
        Ok(governance::upgrades_waiting(&self.host)?.0)
    }
}

/// The state with one more upgrade that waits, as if it had been announced in time: for rehearsals.
///
/// # Errors
/// [`EngineError::Layout`], also when more wait than there is room for.
pub fn announced(state: &Durable, upgrade: PendingUpgrade) -> Result<Durable, EngineError> {
    let mut waiting = Standing::of(state).upgrades_waiting()?;
    let place = waiting.partition_point(|other| other.activation <= upgrade.activation);
    waiting.insert(place, upgrade);
    with_upgrades(state, &PendingUpgrades(waiting))
}

/// The state with these upgrades waiting, and no others.
///
/// # Errors
/// [`EngineError::Layout`], also when more wait than there is room for.
pub fn with_upgrades(state: &Durable, upgrades: &PendingUpgrades) -> Result<Durable, EngineError> {
    let mut host = NativeHost::new(state);
    governance::upgrades()?.replace(&mut host, upgrades)?;
    Ok(host.durable)
}
