//! Is the native kernel the one that a rollup runs?
//!
//! Natively a block is the same as in the PVM only if both kernels were compiled from the same sources. Each carries the
//! fingerprint of its own (`millrace_upgrade::SOURCES`): this one in the program, the other in its bytes.

use millrace_layout::pvm::BOOT_KERNEL;
use millrace_pvm::durable::{Durable, Handle, Value};
use millrace_upgrade::{SOURCES, SOURCES_MARK};
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
        found => {
            Err(ForeignKernel { found: found.map(|digits| String::from_utf8_lossy(digits).into_owned()) })
        }
    }
}

/// What stands after the mark in the bytes of a kernel.
fn sources_of(wasm: &[u8]) -> Option<&[u8]> {
    let mark = SOURCES_MARK.as_bytes();
    let start = wasm.windows(mark.len()).position(|window| window == mark)?;
    wasm.get(start + mark.len()..)?.get(..SOURCES.len())
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
    fn a_kernel_without_sources_is_refused() {
        for wasm in [&b""[..], b"\0asm", SOURCES_MARK.as_bytes()] {
            assert_eq!(check_kernel(wasm), Err(ForeignKernel { found: None }));
        }
    }
}
