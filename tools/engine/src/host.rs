//! The host traits over a durable tree in memory: what native execution reads and writes.

use crate::EngineError;
use millrace_host::{
    Control, DalPage, DalParameters, Debug, HostError, Metadata, Path, Reveal, Store,
    limits::REBOOTS_PER_LEVEL_MAX,
};
use millrace_layout::{
    pvm::{REBOOT, REBOOT_COUNTER},
    version::{self, CURRENT},
};
use millrace_primitives::PreimageHash;
use millrace_pvm::{
    PreimageMap, Preimages, PvmError,
    durable::{Durable, ErrorCode, Key},
    reveal::preimage_of,
};
use std::cell::RefCell;

/// Durable storage for the native kernel. It holds a snapshot of its own: a caller that drops it has
/// changed nothing.
pub(crate) struct NativeHost<'a> {
    pub(crate) durable: Durable,
    /// Nowhere for what only reads.
    preimages: Option<&'a dyn Preimages>,
    /// What could not be revealed: the PVM would wait for it.
    fault: RefCell<Option<PvmError>>,
    debug: RefCell<String>,
}

impl NativeHost<'static> {
    /// A host whose storage this program need not know.
    pub(crate) fn new(durable: &Durable) -> Self {
        NativeHost::revealing(durable.clone(), None)
    }

    /// A host for reading a state.
    ///
    /// # Errors
    /// [`EngineError::UnknownLayout`] when this program does not know its layout, [`EngineError::Layout`].
    pub(crate) fn reading(state: &Durable) -> Result<Self, EngineError> {
        let host = Self::new(state);
        match version::read(&host)? {
            Some(version) if version == CURRENT => Ok(host),
            found => Err(EngineError::UnknownLayout { found: found.map(|found| found.0), known: CURRENT.0 }),
        }
    }
}

impl<'a> NativeHost<'a> {
    /// A host with preimages.
    pub(crate) fn revealing(durable: Durable, preimages: Option<&'a dyn Preimages>) -> Self {
        Self { durable, preimages, fault: RefCell::default(), debug: RefCell::default() }
    }

    /// What could not be revealed.
    pub(crate) fn take_fault(&self) -> Option<PvmError> {
        self.fault.take()
    }

    /// What was printed.
    pub(crate) fn take_debug(&self) -> String {
        self.debug.take()
    }
}

/// The kernel checked its path already.
fn key(path: Path<'_>) -> Key<'_> {
    Key::trusted(path.as_str())
}

fn refused(error: ErrorCode) -> HostError {
    HostError::from_code(error.code())
}

impl Store for NativeHost<'_> {
    fn store_read(&self, path: Path<'_>, offset: usize, dst: &mut [u8]) -> Result<usize, HostError> {
        let bytes = self.durable.store_read(key(path), offset, dst.len()).map_err(refused)?;
        dst[..bytes.len()].copy_from_slice(&bytes);
        Ok(bytes.len())
    }

    fn store_write(&mut self, path: Path<'_>, offset: usize, src: &[u8]) -> Result<(), HostError> {
        self.durable.store_write(key(path), offset, src).map_err(refused)
    }

    fn store_has_value(&self, path: Path<'_>) -> Result<bool, HostError> {
        Ok(self.durable.get(path.as_str()).is_some())
    }

    fn store_has_node(&self, path: Path<'_>) -> Result<bool, HostError> {
        Ok(self.durable.exists(path.as_str()))
    }

    fn store_value_size(&self, path: Path<'_>) -> Result<usize, HostError> {
        self.durable.store_value_size(key(path)).map_err(refused)
    }

    fn store_delete(&mut self, path: Path<'_>) -> Result<(), HostError> {
        self.durable.store_delete(key(path)).map_err(refused)
    }

    fn store_delete_value(&mut self, path: Path<'_>) -> Result<(), HostError> {
        self.durable.store_delete_value(key(path)).map_err(refused)
    }

    fn store_copy(&mut self, from: Path<'_>, to: Path<'_>) -> Result<(), HostError> {
        self.durable.store_copy(key(from), key(to)).map_err(refused)
    }

    fn store_move(&mut self, from: Path<'_>, to: Path<'_>) -> Result<(), HostError> {
        self.durable.store_move(key(from), key(to)).map_err(refused)
    }

    fn store_list_size(&self, path: Path<'_>) -> Result<u64, HostError> {
        Ok(self.durable.store_list_size(key(path)))
    }
}

impl Reveal for NativeHost<'_> {
    fn reveal_preimage(&self, hash: &PreimageHash) -> Result<Vec<u8>, HostError> {
        let nowhere = PreimageMap::default();
        preimage_of(self.preimages.unwrap_or(&nowhere), hash.as_bytes()).map_err(|fault| {
            *self.fault.borrow_mut() = Some(fault);
            HostError::GenericInvalidAccess
        })
    }

    fn reveal_metadata(&self) -> Result<Metadata, HostError> {
        Err(HostError::GenericInvalidAccess)
    }

    fn reveal_dal_page(&self, _: &DalPage) -> Result<Vec<u8>, HostError> {
        Err(HostError::GenericInvalidAccess)
    }

    fn reveal_dal_parameters(&self) -> Result<Option<DalParameters>, HostError> {
        Err(HostError::GenericInvalidAccess)
    }
}

impl Control for NativeHost<'_> {
    fn request_reboot(&mut self) -> Result<(), HostError> {
        self.store_write(REBOOT, 0, &[])
    }

    fn reboots_left(&self) -> Result<u32, HostError> {
        let mut bytes = [0; 4];
        self.store_read(REBOOT_COUNTER, 0, &mut bytes)?;
        // After a level there is one more than a level has.
        Ok(u32::from_le_bytes(bytes).min(REBOOTS_PER_LEVEL_MAX))
    }
}

impl Debug for NativeHost<'_> {
    fn debug(&self, line: &str) {
        let mut debug = self.debug.borrow_mut();
        debug.push_str(line);
        debug.push('\n');
    }
}
