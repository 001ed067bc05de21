//! What a change of kernels leaves behind on its way: the pages that are there, who takes over from whom, and what to
//! go back to. All of it is outside `/base`, so that going back to an older `/base` does not undo the note that says so.

use crate::{
    Key, LayoutError, Value,
    catalog::{BACKUP_BASE, BACKUP_KERNEL, BACKUP_WORLD, FETCH, HANDOVER, KERNEL_ROOT, STAGED_KERNEL},
    codec::{self, raw_bytes},
    key::{at, path},
    pvm::BOOT_KERNEL,
};
use alloc::{string::ToString, vec::Vec};
use millrace_host::{HostError, Path, PathBuf, Store, limits::STORE_IO_BYTES_MAX};
use millrace_primitives::{BlockNumber, L1Level, Timestamp};
use rlp::RlpStream;

/// Largest kernel in bytes. Ours has about one and a half million.
pub const KERNEL_BYTES_MAX: usize = 16 << 20;
/// Most levels of pages of hashes above the contents: three already reach past [`KERNEL_BYTES_MAX`].
pub const DEPTH_MAX: usize = 4;
/// Most pages of a kernel, one that stands in several places counted each time: those of the largest one if each is full, and
/// as many again.
pub const PAGES_MAX: u32 = 8_448;
/// Most bytes that a migration may remember from one run to the next.
pub const CURSOR_BYTES_MAX: usize = 256;

/// The encodings described here.
const FORMAT: u8 = 1;
const HANDOVER_FIELDS: usize = 10;

/// A kernel whose pages are being revealed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fetch {
    /// The root of its preimages.
    pub root_hash: [u8; 33],
    /// Which child is next in each page of hashes from the root down. Empty at the beginning.
    pub position: Vec<u16>,
    /// Bytes of the kernel so far.
    pub size_bytes: u32,
    /// Pages so far.
    pub pages: u32,
    /// Whether a run is at it: if it still is when the next one begins, it trapped.
    pub is_running: bool,
}

impl Fetch {
    /// Nothing of it is there yet.
    pub const fn new(root_hash: [u8; 33]) -> Self {
        Self { root_hash, position: Vec::new(), size_bytes: 0, pages: 0, is_running: false }
    }
}

impl Value for Fetch {
    const SIZE_BYTES_MAX: usize = 128;
    const IS_FIXED: bool = false;

    fn encode(&self) -> Vec<u8> {
        let mut stream = RlpStream::new_list(6);
        stream.append(&FORMAT).append(&self.root_hash.as_slice());
        stream.begin_list(self.position.len());
        for child in &self.position {
            stream.append(child);
        }
        stream.append(&self.size_bytes).append(&self.pages).append(&self.is_running);
        stream.out().to_vec()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let rlp = codec::list(bytes, 6)?;
        let position: Vec<u16> = rlp.list_at(2).ok()?;
        if codec::u64_at(&rlp, 0)? != u64::from(FORMAT) || position.len() > DEPTH_MAX {
            return None;
        }
        Some(Self {
            root_hash: codec::array_at(&rlp, 1)?,
            position,
            size_bytes: rlp.val_at(3).ok()?,
            pages: rlp.val_at(4).ok()?,
            is_running: rlp.val_at(5).ok()?,
        })
    }
}

/// How far a change of kernels is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Phase {
    /// The new kernel is whole. As long as it is staged, the old one runs.
    Switching = 1,
    /// The new kernel brings the storage to its layout.
    Migrating = 2,
    /// The new kernel has yet to make a block, or to read the inbox of a level after it.
    Trial = 3,
    /// The old kernel comes back. As soon as its backup is gone, it is the one that runs.
    Leaving = 4,
}

impl Phase {
    const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::Switching),
            2 => Some(Self::Migrating),
            3 => Some(Self::Trial),
            4 => Some(Self::Leaving),
            _ => None,
        }
    }
}

/// A change of kernels that is not over. Both kernels read it: its encoding has a version of its own.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Handover {
    /// How far it is.
    pub phase: Phase,
    /// The root of the preimages of the new kernel.
    pub root_hash: [u8; 33],
    /// When it was to take over.
    pub activation: Timestamp,
    /// The root of the preimages of the old one; `None` for the kernel that the rollup was originated with.
    pub previous: Option<[u8; 33]>,
    /// The last block of the old kernel.
    pub number: BlockNumber,
    /// In how many levels the new kernel was to make a block, the one in which it did among them,
    pub failures: u32,
    /// and which was the last of them.
    pub failed_at: L1Level,
    /// Why the old kernel comes back (`upgrade::Refusal`); 0 when it does not.
    pub reason: u8,
    /// Where the migration that is under way goes on. `None` when none was necessary.
    pub cursor: Option<Vec<u8>>,
}

impl Value for Handover {
    const SIZE_BYTES_MAX: usize = 512;
    const IS_FIXED: bool = false;

    fn encode(&self) -> Vec<u8> {
        let mut stream = RlpStream::new_list(HANDOVER_FIELDS);
        stream.append(&FORMAT).append(&(self.phase as u8));
        stream.append(&self.root_hash.as_slice()).append(&self.activation.get());
        stream.append(&self.previous.as_ref().map_or(&[][..], |hash| hash.as_slice()));
        stream.append(&self.number.get());
        stream.append(&self.failures).append(&self.failed_at.get());
        stream.append(&self.reason);
        stream.begin_list(usize::from(self.cursor.is_some()));
        if let Some(cursor) = &self.cursor {
            stream.append(cursor);
        }
        stream.out().to_vec()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let rlp = codec::list(bytes, HANDOVER_FIELDS)?;
        if codec::u64_at(&rlp, 0)? != u64::from(FORMAT) {
            return None;
        }
        let cursors: Vec<Vec<u8>> = rlp.list_at(9).ok()?;
        if cursors.len() > 1 || cursors.iter().any(|cursor| cursor.len() > CURSOR_BYTES_MAX) {
            return None;
        }
        Some(Self {
            phase: Phase::from_byte(rlp.val_at(1).ok()?)?,
            root_hash: codec::array_at(&rlp, 2)?,
            activation: Timestamp::new(codec::u64_at(&rlp, 3)?),
            previous: match codec::bytes_at(&rlp, 4)? {
                [] => None,
                hash => Some(hash.try_into().ok()?),
            },
            number: BlockNumber::new(codec::u64_at(&rlp, 5)?),
            failures: rlp.val_at(6).ok()?,
            failed_at: L1Level::new(rlp.val_at(7).ok()?),
            reason: rlp.val_at(8).ok()?,
            cursor: cursors.into_iter().next(),
        })
    }
}

/// The root of the preimages of a kernel.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KernelRoot(pub Vec<u8>);

raw_bytes!(KernelRoot, 33, is_fixed: true);

/// The key of the kernel that is being revealed.
///
/// # Errors
/// Never, short of a bug in this crate.
pub fn fetch() -> Result<Key<Fetch>, LayoutError> {
    Key::new(FETCH.pattern.to_string())
}

/// The key of the change of kernels that is not over.
///
/// # Errors
/// Never, short of a bug in this crate.
pub fn handover() -> Result<Key<Handover>, LayoutError> {
    Key::new(HANDOVER.pattern.to_string())
}

/// The key of the root of the preimages of the kernel that runs; absent before the first upgrade.
///
/// # Errors
/// Never, short of a bug in this crate.
pub fn kernel_root() -> Result<Key<KernelRoot>, LayoutError> {
    Key::new(KERNEL_ROOT.pattern.to_string())
}

/// Appends to the kernel that is being assembled, of which there are `size_bytes`.
///
/// # Errors
/// [`LayoutError::Host`].
pub fn stage(store: &mut impl Store, size_bytes: u32, contents: &[u8]) -> Result<(), LayoutError> {
    let staged = path(STAGED_KERNEL.pattern.to_string())?;
    let mut offset = size_bytes as usize;
    for piece in contents.chunks(STORE_IO_BYTES_MAX) {
        store.store_write(staged.as_path(), offset, piece).map_err(at(&staged))?;
        offset = offset.saturating_add(piece.len());
    }
    Ok(())
}

/// Whether a kernel is staged, whole or in part.
///
/// # Errors
/// [`LayoutError::Host`].
pub fn is_staged(store: &impl Store) -> Result<bool, LayoutError> {
    let staged = path(STAGED_KERNEL.pattern.to_string())?;
    store.store_has_value(staged.as_path()).map_err(at(&staged))
}

/// The staged kernel; `None` when there is none or it is larger than [`KERNEL_BYTES_MAX`].
///
/// # Errors
/// [`LayoutError::Host`].
pub fn staged(store: &impl Store) -> Result<Option<Vec<u8>>, LayoutError> {
    let staged = path(STAGED_KERNEL.pattern.to_string())?;
    match store.read_value(staged.as_path(), KERNEL_BYTES_MAX) {
        Err(HostError::ValueSizeExceeded) => Ok(None),
        read => read.map_err(at(&staged)),
    }
}

/// Forgets what is being revealed and assembled.
///
/// # Errors
/// [`LayoutError::Host`].
pub fn discard(store: &mut impl Store) -> Result<(), LayoutError> {
    fetch()?.delete(store)?;
    let staged = path(STAGED_KERNEL.pattern.to_string())?;
    store.store_delete(staged.as_path()).map_err(at(&staged))
}

/// Keeps a copy of the kernel that runs, and puts the staged one in its place in one step.
///
/// # Errors
/// [`LayoutError::Host`]; the kernel is then what it was.
pub fn boot_staged(store: &mut impl Store) -> Result<(), LayoutError> {
    let (backup, staged) =
        (path(BACKUP_KERNEL.pattern.to_string())?, path(STAGED_KERNEL.pattern.to_string())?);
    // Only a host without a PVM has none.
    if store.store_has_value(BOOT_KERNEL).map_err(at(&backup))? {
        store.store_copy(BOOT_KERNEL, backup.as_path()).map_err(at(&backup))?;
    }
    store.store_move(staged.as_path(), BOOT_KERNEL).map_err(at(&staged))
}

/// Whether the kernel before this one is kept.
///
/// # Errors
/// [`LayoutError::Host`].
pub fn has_backup(store: &impl Store) -> Result<bool, LayoutError> {
    let backup = path(BACKUP_KERNEL.pattern.to_string())?;
    store.store_has_value(backup.as_path()).map_err(at(&backup))
}

/// Puts the kernel before this one back in one step. Its backup is then gone.
///
/// # Errors
/// [`LayoutError::Host`].
pub fn boot_backup(store: &mut impl Store) -> Result<(), LayoutError> {
    let backup = path(BACKUP_KERNEL.pattern.to_string())?;
    store.store_move(backup.as_path(), BOOT_KERNEL).map_err(at(&backup))
}

/// The subtrees that a migration may change, and where they are kept meanwhile.
fn kept() -> Result<[(Path<'static>, PathBuf); 2], LayoutError> {
    const BASE: Path<'static> = Path::constant("/base");
    const WORLD: Path<'static> = Path::constant("/evm");
    Ok([(BASE, path(BACKUP_BASE.pattern.to_string())?), (WORLD, path(BACKUP_WORLD.pattern.to_string())?)])
}

/// Keeps a copy of all that a migration may change. A copy costs one host call, whatever its size.
///
/// # Errors
/// [`LayoutError::Host`].
pub fn keep_state(store: &mut impl Store) -> Result<(), LayoutError> {
    for (subtree, backup) in kept()? {
        if store.store_has_node(subtree).map_err(at(&backup))? {
            store.store_copy(subtree, backup.as_path()).map_err(at(&backup))?;
        }
    }
    Ok(())
}

/// Brings back what [`keep_state`] kept. What was brought back already stays.
///
/// # Errors
/// [`LayoutError::Host`].
pub fn restore_state(store: &mut impl Store) -> Result<(), LayoutError> {
    for (subtree, backup) in kept()? {
        if store.store_has_node(backup.as_path()).map_err(at(&backup))? {
            store.store_move(backup.as_path(), subtree).map_err(at(&backup))?;
        }
    }
    Ok(())
}

/// Forgets what [`keep_state`] kept.
///
/// # Errors
/// [`LayoutError::Host`].
pub fn forget_state(store: &mut impl Store) -> Result<(), LayoutError> {
    for (_, backup) in kept()? {
        store.store_delete(backup.as_path()).map_err(at(&backup))?;
    }
    Ok(())
}
