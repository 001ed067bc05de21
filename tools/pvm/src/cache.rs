//! Compiled kernels on disk.
//!
//! Compiled code is read back with [`Module::deserialize`], which is unsafe: it runs what it is given. What
//! makes it sound here:
//!
//! * a file begins with a Blake2b-256 digest over this crate's tag, the kernel's hash, what was counted, and
//!   the code; a file that was cut, damaged, or put under another name does not match and is compiled anew;
//! * wasmtime itself refuses code of another version of itself, another processor or other settings;
//! * files are written under another name and renamed, so no reader sees half of one;
//! * who can write in the folder could replace file and digest together, and is therefore trusted as
//!   whoever can replace the program. The folder is made readable and writable for its owner only.

use crate::PvmError;
use crate::durable::blake2b;
use crate::instrument::Counting;
use crate::reveal::hex;
use std::io;
use std::path::{Path, PathBuf};
use wasmtime::{Engine, Module};

/// Changes when the meaning of a file does.
const TAG: &[u8] = b"millrace compiled kernel, format 3, wasmtime 48.0.8";
const DIGEST_BYTES: usize = 32;

/// A folder of compiled kernels.
pub(crate) struct CodeCache {
    folder: PathBuf,
}

impl CodeCache {
    pub(crate) fn open(folder: PathBuf) -> Result<Self, PvmError> {
        let failed = |error: io::Error| PvmError::Cache { detail: format!("{}: {error}", folder.display()) };
        if !folder.is_dir() {
            std::fs::create_dir_all(&folder).map_err(failed)?;
            make_private(&folder).map_err(failed)?;
        }
        Ok(Self { folder })
    }

    fn path(&self, kernel: &[u8; 32], counting: Counting) -> PathBuf {
        self.folder.join(format!("{}-{}.cwasm", hex(kernel), spelling(counting)))
    }

    /// The compiled kernel, if there is one that can be trusted.
    pub(crate) fn load(&self, engine: &Engine, kernel: &[u8; 32], counting: Counting) -> Option<Module> {
        let file = std::fs::read(self.path(kernel, counting)).ok()?;
        let (stored, code) = file.split_at_checked(DIGEST_BYTES)?;
        if stored != digest(kernel, counting, code) {
            return None;
        }
        // SAFETY: the digest matches, so these are the bytes that `store` got from `Module::serialize`
        // for this kernel, as long as only trusted programs write in the folder (see the module's text).
        #[allow(unsafe_code, reason = "the only way to load compiled code")]
        let module = unsafe { Module::deserialize(engine, code) };
        module.ok()
    }

    /// Keeps a compiled kernel. A failure costs only the next process its time.
    pub(crate) fn store(&self, module: &Module, kernel: &[u8; 32], counting: Counting) {
        let Ok(code) = module.serialize() else { return };
        let file = [digest(kernel, counting, &code).as_slice(), &code].concat();
        let path = self.path(kernel, counting);
        let unfinished = path.with_extension(format!("{}.new", std::process::id()));
        let written = std::fs::write(&unfinished, file).and_then(|()| std::fs::rename(&unfinished, &path));
        if written.is_err() {
            // Nothing more can be done about it.
            let _ = std::fs::remove_file(&unfinished);
        }
    }
}

fn spelling(counting: Counting) -> String {
    let depth = counting.call_depth_limit.unwrap_or(0);
    let operators = if counting.operators { "metered-" } else { "" };
    let ticks = if counting.ticks { "ticks-" } else { "" };
    let stacks = if counting.stacks { "stacks-" } else { "" };
    format!("{stacks}{operators}{ticks}{depth}")
}

fn digest(kernel: &[u8; 32], counting: Counting, code: &[u8]) -> [u8; 32] {
    blake2b(&[TAG, kernel, spelling(counting).as_bytes(), &[0], code].concat())
}

#[cfg(unix)]
fn make_private(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700))
}

#[cfg(not(unix))]
fn make_private(_: &Path) -> io::Result<()> {
    Ok(())
}
