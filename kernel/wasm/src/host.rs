//! The host traits over the imports of the PVM: each method is exactly one host call.
#![allow(unsafe_code, reason = "host calls take pointers")]

use millrace_host::{
    Control, DAL_PARAMETERS_REQUEST, DalPage, DalParameters, Debug, HostError, Inbox, Input, Metadata,
    Outbox, Path, Reveal, Store,
    limits::{DAL_PAGE_BYTES_MAX, INBOX_MESSAGE_BYTES_MAX, PREIMAGE_BYTES_MAX},
};
use millrace_layout::pvm::{REBOOT, REBOOT_COUNTER};
use millrace_primitives::{L1Level, PreimageHash, RollupAddress};
use std::panic::PanicHookInfo;
use tezos_smart_rollup::core_unsafe::{
    SmartRollupCore, VALUE_TYPE_NONE, VALUE_TYPE_SUBTREE, rollup_host::RollupHost,
    smart_rollup_core::ReadInputMessageInfo,
};

/// Bytes that `reveal_metadata` gives: address, then origination level, big-endian.
const METADATA_BYTES: usize = 24;

/// The PVM as seen from inside.
pub(crate) struct PvmHost<'a> {
    pvm: &'a RollupHost,
}

impl<'a> PvmHost<'a> {
    pub(crate) fn new(pvm: &'a RollupHost) -> Self {
        Self { pvm }
    }
}

/// Prints where a panic happened; the trap follows.
pub(crate) fn report_panic(panic: &PanicHookInfo<'_>) {
    // SAFETY: the PVM gives exactly one instance of its host functions to a kernel, and they have no state.
    let pvm = unsafe { RollupHost::new() };
    let place = panic.location().map(|place| (place.file(), place.line()));
    let (file, line) = place.unwrap_or(("unknown place", 0));
    PvmHost::new(&pvm).debug(&format!("panic at {file}:{line}"));
}

/// The number of bytes behind a result, or the error.
fn count(result: i32) -> Result<usize, HostError> {
    usize::try_from(result).map_err(|_| HostError::from_code(result))
}

fn done(result: i32) -> Result<(), HostError> {
    count(result).map(|_| ())
}

// SAFETY of every block below: each pointer comes from a slice that lives across the call, with its length,
// and the PVM writes at most that many bytes behind it.
impl Store for PvmHost<'_> {
    fn store_read(&self, path: Path<'_>, offset: usize, dst: &mut [u8]) -> Result<usize, HostError> {
        let key = path.as_bytes();
        count(unsafe { self.pvm.store_read(key.as_ptr(), key.len(), offset, dst.as_mut_ptr(), dst.len()) })
    }

    fn store_write(&mut self, path: Path<'_>, offset: usize, src: &[u8]) -> Result<(), HostError> {
        let key = path.as_bytes();
        done(unsafe { self.pvm.store_write(key.as_ptr(), key.len(), offset, src.as_ptr(), src.len()) })
    }

    fn store_has_value(&self, path: Path<'_>) -> Result<bool, HostError> {
        let kind = self.has(path)?;
        Ok(kind != VALUE_TYPE_NONE && kind != VALUE_TYPE_SUBTREE)
    }

    fn store_has_node(&self, path: Path<'_>) -> Result<bool, HostError> {
        Ok(self.has(path)? != VALUE_TYPE_NONE)
    }

    fn store_value_size(&self, path: Path<'_>) -> Result<usize, HostError> {
        let key = path.as_bytes();
        count(unsafe { self.pvm.store_value_size(key.as_ptr(), key.len()) })
    }

    fn store_delete(&mut self, path: Path<'_>) -> Result<(), HostError> {
        let key = path.as_bytes();
        done(unsafe { self.pvm.store_delete(key.as_ptr(), key.len()) })
    }

    fn store_delete_value(&mut self, path: Path<'_>) -> Result<(), HostError> {
        let key = path.as_bytes();
        done(unsafe { self.pvm.store_delete_value(key.as_ptr(), key.len()) })
    }

    fn store_copy(&mut self, from: Path<'_>, to: Path<'_>) -> Result<(), HostError> {
        let (from, to) = (from.as_bytes(), to.as_bytes());
        done(unsafe { self.pvm.store_copy(from.as_ptr(), from.len(), to.as_ptr(), to.len()) })
    }

    fn store_move(&mut self, from: Path<'_>, to: Path<'_>) -> Result<(), HostError> {
        #[cfg(feature = "test-migration")]
        crate::next::before_move(to)?;
        let (from, to) = (from.as_bytes(), to.as_bytes());
        done(unsafe { self.pvm.store_move(from.as_ptr(), from.len(), to.as_ptr(), to.len()) })
    }

    fn store_list_size(&self, path: Path<'_>) -> Result<u64, HostError> {
        let key = path.as_bytes();
        let size = unsafe { self.pvm.store_list_size(key.as_ptr(), key.len()) };
        u64::try_from(size).map_err(|_| HostError::from_code(i32::try_from(size).unwrap_or(i32::MIN)))
    }
}

impl PvmHost<'_> {
    fn has(&self, path: Path<'_>) -> Result<i32, HostError> {
        let key = path.as_bytes();
        let kind = unsafe { self.pvm.store_has(key.as_ptr(), key.len()) };
        if kind < 0 { Err(HostError::from_code(kind)) } else { Ok(kind) }
    }
}

impl Inbox for PvmHost<'_> {
    fn read_input(&mut self) -> Result<Option<Input>, HostError> {
        let mut info = ReadInputMessageInfo { level: 0, id: 0 };
        let mut bytes = vec![0; INBOX_MESSAGE_BYTES_MAX];
        let read = unsafe { self.pvm.read_input(&raw mut info, bytes.as_mut_ptr(), bytes.len()) };
        bytes.truncate(count(read)?);
        if bytes.is_empty() {
            return Ok(None);
        }
        #[cfg(feature = "test-migration")]
        crate::next::after_message();
        let level = u32::try_from(info.level).map_err(|_| HostError::GenericInvalidAccess)?;
        let index = u32::try_from(info.id).map_err(|_| HostError::GenericInvalidAccess)?;
        Ok(Some(Input { level: L1Level::new(level), index, bytes }))
    }
}

impl Outbox for PvmHost<'_> {
    fn write_output(&mut self, message: &[u8]) -> Result<(), HostError> {
        done(unsafe { self.pvm.write_output(message.as_ptr(), message.len()) })
    }
}

impl Reveal for PvmHost<'_> {
    fn reveal_preimage(&self, hash: &PreimageHash) -> Result<Vec<u8>, HostError> {
        let hash = hash.as_bytes();
        let mut page = vec![0; PREIMAGE_BYTES_MAX];
        let read =
            unsafe { self.pvm.reveal_preimage(hash.as_ptr(), hash.len(), page.as_mut_ptr(), page.len()) };
        page.truncate(count(read)?);
        Ok(page)
    }

    fn reveal_metadata(&self) -> Result<Metadata, HostError> {
        let mut bytes = [0; METADATA_BYTES];
        count(unsafe { self.pvm.reveal_metadata(bytes.as_mut_ptr(), bytes.len()) })?;
        let (rollup, level) = bytes.split_last_chunk::<4>().ok_or(HostError::GenericInvalidAccess)?;
        Ok(Metadata {
            rollup: RollupAddress::from_slice(rollup).ok_or(HostError::GenericInvalidAccess)?,
            origination_level: L1Level::new(u32::from_be_bytes(*level)),
        })
    }

    fn reveal_dal_page(&self, page: &DalPage) -> Result<Vec<u8>, HostError> {
        match page.request() {
            Some(request) => self.reveal(&request, DAL_PAGE_BYTES_MAX),
            None => Ok(Vec::new()),
        }
    }

    fn reveal_dal_parameters(&self) -> Result<Option<DalParameters>, HostError> {
        let answer = self.reveal(&DAL_PARAMETERS_REQUEST, DalParameters::SIZE_BYTES)?;
        Ok(DalParameters::decode(&answer))
    }
}

impl PvmHost<'_> {
    /// The answer to a request of the protocol, of up to `size_bytes_max` bytes.
    fn reveal(&self, request: &[u8], size_bytes_max: usize) -> Result<Vec<u8>, HostError> {
        let mut answer = vec![0; size_bytes_max];
        let read =
            unsafe { self.pvm.reveal(request.as_ptr(), request.len(), answer.as_mut_ptr(), answer.len()) };
        answer.truncate(count(read)?);
        Ok(answer)
    }
}

impl Control for PvmHost<'_> {
    fn request_reboot(&mut self) -> Result<(), HostError> {
        self.store_write(REBOOT, 0, &[])
    }

    fn reboots_left(&self) -> Result<u32, HostError> {
        let mut bytes = [0; 4];
        self.store_read(REBOOT_COUNTER, 0, &mut bytes)?;
        u32::try_from(i32::from_le_bytes(bytes)).map_err(|_| HostError::GenericInvalidAccess)
    }
}

impl Debug for PvmHost<'_> {
    fn debug(&self, line: &str) {
        let mut text = String::with_capacity(line.len().saturating_add(1));
        text.push_str(line);
        text.push('\n');
        unsafe { self.pvm.write_debug(text.as_ptr(), text.len()) };
    }
}
