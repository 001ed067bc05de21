//! Is the native kernel the one that a rollup runs?
//!
//! Natively a block is the same as in the PVM only if both kernels were compiled from the same sources. Each carries the
//! fingerprint of its own (`millrace_upgrade::SOURCES`): this one in the program, the other in its bytes.

use millrace_layout::{pvm::BOOT_KERNEL, version::StorageVersion};
use millrace_pvm::durable::{Durable, Handle, Value};
use millrace_upgrade::{LAYOUT_DIGITS, LAYOUT_MARK, SOURCES, SOURCES_MARK};
use std::{
    fmt,
    sync::{Mutex, PoisonError},
};

/// Digits of a fingerprint that are shown.
const SHOWN_DIGITS: usize = 12;

/// The kernel of a rollup is not the one that this program was built with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ForeignKernel {
    /// The fingerprint in the rollup's kernel; `None` when it has none, as a kernel that is not ours.
    pub found: Option<String>,
}

impl fmt::Display for ForeignKernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let short = |digits: &str| digits.get(..SHOWN_DIGITS).unwrap_or(digits).to_owned();
        let ours = short(SOURCES);
        match &self.found {
            Some(found) => {
                write!(f, "this program was built with kernel {ours}, the rollup runs {}", short(found))
            }
            None => {
                write!(f, "this program was built with kernel {ours}, the rollup runs one that is not known")
            }
        }
    }
}

impl std::error::Error for ForeignKernel {}

/// Checks that native execution may stand in for this kernel.
///
/// # Errors
/// [`ForeignKernel`] says which kernel it is.
pub fn check_kernel(wasm: &[u8]) -> Result<(), ForeignKernel> {
    match sources_of(wasm) {
        Some(found) if found == SOURCES.as_bytes() => Ok(()),
        found => Err(ForeignKernel { found: found.map(text) }),
    }
}

/// The fingerprint of the sources that a kernel says it was made of; `None` when it says nothing. It is what the kernel
/// says: whoever makes a kernel can write anything there.
pub fn sources_mark(wasm: &[u8]) -> Option<String> {
    sources_of(wasm).map(text)
}

/// The layout that a kernel says it works on; `None` when it says nothing, as those that were made before there was this
/// mark.
pub fn layout_mark(wasm: &[u8]) -> Option<StorageVersion> {
    text(behind(wasm, LAYOUT_MARK, LAYOUT_DIGITS)?).parse().ok().map(StorageVersion)
}

fn sources_of(wasm: &[u8]) -> Option<&[u8]> {
    behind(wasm, SOURCES_MARK, SOURCES.len())
}

/// What stands after the mark in the bytes of a kernel.
fn behind<'a>(wasm: &'a [u8], mark: &str, size_bytes: usize) -> Option<&'a [u8]> {
    let mark = mark.as_bytes();
    let start = wasm.windows(mark.len()).position(|window| window == mark)?;
    wasm.get(start + mark.len()..)?.get(..size_bytes)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// How many kernels are remembered: those on both sides of an upgrade, and some.
const REMEMBERED: usize = 4;

/// What is known of kernels. Looking for a fingerprint goes through all bytes of a kernel: it is done once for each.
#[derive(Debug, Default)]
pub(crate) struct Kernels(Mutex<Vec<Known>>);

/// A kernel that was looked at.
#[derive(Debug)]
struct Known {
    at: Handle,
    verdict: Result<(), ForeignKernel>,
}

impl Kernels {
    /// Whether native execution may stand in for the kernel of `state`.
    ///
    /// # Errors
    /// As [`check_kernel`].
    pub(crate) fn check(&self, state: &Durable) -> Result<(), ForeignKernel> {
        let Some(at) = state.handle(BOOT_KERNEL.as_str()) else { return Err(ForeignKernel { found: None }) };
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = known.iter().find(|known| known.at.is_same(&at)) {
            return found.verdict.clone();
        }
        let verdict = check_kernel(&at.value().map(Value::to_bytes).unwrap_or_default());
        if known.len() >= REMEMBERED {
            known.remove(0);
        }
        known.push(Known { at, verdict: verdict.clone() });
        verdict
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kernel(sources: &str) -> Vec<u8> {
        format!("\0asm…{SOURCES_MARK}{sources}…").into_bytes()
    }

    #[test]
    fn a_kernel_of_the_same_sources_is_ours() {
        assert_eq!(check_kernel(&kernel(SOURCES)), Ok(()));
    }

    #[test]
    fn a_kernel_of_other_sources_is_refused_by_name() {
        let other = "0123456789abcdef".repeat(4);
        let refusal = check_kernel(&kernel(&other)).unwrap_err();
        assert_eq!(refusal.found.as_deref(), Some(other.as_str()));
        let text = refusal.to_string();
        assert!(text.contains("runs 0123456789ab") && text.contains(&SOURCES[..12]), "{text}");
    }

    #[test]
    fn marks_say_what_stands_behind_them() {
        let wasm = [&kernel(SOURCES), LAYOUT_MARK.as_bytes(), b"00000042\0"].concat();
        assert_eq!(sources_mark(&wasm).as_deref(), Some(SOURCES));
        assert_eq!(layout_mark(&wasm), Some(StorageVersion(42)));
        assert_eq!(layout_mark(&kernel(SOURCES)), None);
        assert_eq!(layout_mark(&[LAYOUT_MARK.as_bytes(), b"4x"].concat()), None);
        assert_eq!(layout_mark(&[LAYOUT_MARK.as_bytes(), b"0000004x"].concat()), None);
    }

    #[test]
    fn a_kernel_without_sources_is_refused() {
        for wasm in [&b""[..], b"\0asm", SOURCES_MARK.as_bytes()] {
            assert_eq!(check_kernel(wasm), Err(ForeignKernel { found: None }));
        }
    }
}
