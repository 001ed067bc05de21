//! The kernel that tests upgrade to: ours, with two more layouts that only tests know, and a byte that says where it goes
//! wrong ([`conduct`]). One build, many kernels: the byte is changed in the built file.
//!
//! The layouts add copies beside what there is, so that the other stages work on as before:
//! ```text
//! first   every item of the delayed inbox, one a turn      /base/next/items/<position>
//! second  every value that may be absent, one a turn       /base/next/values/<its place in OPTIONAL>
//! ```
//! As for any migration: paths are spelled out, what is optional may be absent, a turn does a bounded amount of work.

#![allow(unsafe_code, reason = "the byte is read as what it is in the module, not as what was compiled")]

#[path = "conduct.rs"]
#[allow(unreachable_pub, reason = "it is public where it is read")]
mod conduct;

use crate::host::PvmHost;
use conduct::{Conduct, MARK, OPTIONAL};
use millrace_core::{Release, Step, StepFault, Turn, run_release, run_release_for_node};
use millrace_host::{Budget, HostError, Path, PathBuf, Store};
use millrace_layout::version::{CURRENT, StorageVersion};

/// The first step has at least so many turns, of which a run has a hundred.
const TURNS_MIN: u64 = 250;
/// Two numbers of eight bytes: the positions of the delayed inbox that are in use.
const BOUNDS_BYTES: usize = 16;

const CONDUCT_BYTES: usize = MARK.len() + 1;

/// The mark and the byte.
static CONDUCT: [u8; CONDUCT_BYTES] = {
    let mut bytes = [Conduct::Migrates.byte(); CONDUCT_BYTES];
    let (mark, _) = bytes.split_at_mut(MARK.len());
    mark.copy_from_slice(MARK);
    bytes
};

/// What this kernel is told to do. With any other byte it does what it was built with.
fn conduct() -> Conduct {
    let place = &raw const CONDUCT;
    // SAFETY: the place is that of a static, which is initialised, aligned and never written.
    let bytes = unsafe { place.read_volatile() };
    bytes.last().and_then(|byte| Conduct::from_byte(*byte)).unwrap_or(Conduct::Migrates)
}

/// One run.
pub(crate) fn run(host: &mut PvmHost<'_>) {
    as_told(host, |host, release| run_release(host, Budget::RUN, release));
}

/// One run for a node.
#[cfg_attr(not(target_arch = "wasm32"), allow(dead_code, reason = "only a node calls it, as wasm"))]
pub(crate) fn run_for_node(host: &mut PvmHost<'_>) {
    as_told(host, run_release_for_node);
}

/// Does something as the release that this kernel is told to be.
fn as_told<'a>(host: &mut PvmHost<'a>, act: fn(&mut PvmHost<'a>, &Release<'_, PvmHost<'a>>)) {
    let [first, second] = [CURRENT, after(CURRENT)];
    let steps: [Step<PvmHost<'a>>; 2] =
        [Step { from: first, turn: copy_item }, Step { from: second, turn: second_step }];
    let (layout, steps) = match conduct() {
        Conduct::SameLayout | Conduct::Traps | Conduct::MakesNoBlock | Conduct::TrapsAtMessages => {
            (first, &steps[..0])
        }
        Conduct::SkipsALayout => (after(second), &steps[1..]),
        _ => (after(second), &steps[..]),
    };
    act(host, &Release { layout, steps });
}

const fn after(version: StorageVersion) -> StorageVersion {
    StorageVersion(version.0.saturating_add(1))
}

/// A message was taken.
pub(crate) fn after_message() {
    assert!(conduct() != Conduct::TrapsAtMessages, "as told, at a message");
}

/// A block becomes visible when it is moved to its place.
pub(crate) fn before_move(to: Path<'_>) -> Result<(), HostError> {
    if to.as_str() != "/evm/world" {
        return Ok(());
    }
    match conduct() {
        Conduct::Traps | Conduct::MigratesAndTraps => panic!("as told, before a block"),
        Conduct::MakesNoBlock | Conduct::MigratesAndMakesNoBlock => Err(HostError::GenericInvalidAccess),
        _ => Ok(()),
    }
}

/// Copies an item of the delayed inbox.
fn copy_item(store: &mut impl Store, cursor: &[u8]) -> Result<Turn, StepFault> {
    let turn = turn_of(cursor);
    let (front, back) = bounds(store)?;
    let position = front.saturating_add(turn);
    if position < back {
        copy(store, &format!("/base/delayed/items/{position}"), &format!("/base/next/items/{position}"))?;
    }
    let next = turn.saturating_add(1);
    let is_done = next >= TURNS_MIN && front.saturating_add(next) >= back;
    Ok(if is_done { Turn::Done } else { Turn::More(next.to_be_bytes().to_vec()) })
}

fn second_step(store: &mut impl Store, cursor: &[u8]) -> Result<Turn, StepFault> {
    let turn = turn_of(cursor);
    let next = Turn::More(turn.saturating_add(1).to_be_bytes().to_vec());
    let value = usize::try_from(turn).ok().and_then(|index| OPTIONAL.get(index));
    match (conduct(), value) {
        (_, Some(path)) => {
            copy(store, path, &format!("/base/next/values/{turn}"))?;
            Ok(next)
        }
        (Conduct::FailsToMigrate, None) => {
            ruin(store)?;
            Err(StepFault::Storage)
        }
        (Conduct::TrapsInMigration, None) => {
            ruin(store)?;
            panic!("as told, in a migration")
        }
        (Conduct::MigratesForEver, None) => {
            write(store, "/evm/world/nonsense", cursor)?;
            Ok(next)
        }
        (_, None) => Ok(Turn::Done),
    }
}

/// Which turn of the step it is, from 0.
fn turn_of(cursor: &[u8]) -> u64 {
    cursor.try_into().map_or(0, u64::from_be_bytes)
}

/// The positions that are in use.
fn bounds(store: &impl Store) -> Result<(u64, u64), StepFault> {
    let bytes = store.read_value(Path::constant("/base/delayed/bounds"), BOUNDS_BYTES);
    let bytes = bytes.map_err(|_| StepFault::Storage)?.unwrap_or_default();
    let Some((front, back)) = bytes.split_first_chunk::<8>() else { return Ok((0, 0)) };
    Ok((u64::from_be_bytes(*front), back.try_into().map_or(0, u64::from_be_bytes)))
}

/// Copies a value, if there is one.
fn copy(store: &mut impl Store, from: &str, to: &str) -> Result<(), StepFault> {
    let (from, to) = (path(from)?, path(to)?);
    if store.store_has_value(from.as_path()).map_err(|_| StepFault::Storage)? {
        store.store_copy(from.as_path(), to.as_path()).map_err(|_| StepFault::Storage)?;
    }
    Ok(())
}

/// All that a migration can break.
fn ruin(store: &mut impl Store) -> Result<(), StepFault> {
    for subtree in ["/base", "/evm"] {
        store.store_delete(path(subtree)?.as_path()).map_err(|_| StepFault::Storage)?;
    }
    write(store, "/base/storage_version", &[0xff; 8])
}

fn write(store: &mut impl Store, to: &str, value: &[u8]) -> Result<(), StepFault> {
    store.write_value(path(to)?.as_path(), value).map_err(|_| StepFault::Storage)
}

fn path(text: &str) -> Result<PathBuf, StepFault> {
    PathBuf::new(text.to_owned()).map_err(|_| StepFault::Storage)
}
