//! What an installer kernel will do, told from its bytes.
//!
//! The program is read, run as the installer kernel runs it, and each value that it leaves is decoded by the codecs of the
//! layout. Installers of others have the same format: their values are shown as bytes. Parameters are inspected by making
//! an installer of them.
//!
//! **Bounds**: [`FILE_BYTES_MAX`]; instructions, pages and contents by named bounds of the modules. **Failure**:
//! [`InspectError`] when there is nothing to tell; everything else that is wrong is a [`Fault`] beside what could be read.

mod fault;
mod json;
mod pages;
mod program;
mod report;
mod state;
#[cfg(test)]
mod tests;
mod values;
mod verdict;

pub use fault::{Fault, InspectError};
pub use pages::{Pages, Revealed};
pub use program::Instruction;
pub use state::Content;
pub use values::Decoded;

use crate::{FileError, InstallerError, Parameters, Preimages, build, program as build_program};
use millrace_artifact::Purpose;
use millrace_layout::pvm::BOOT_KERNEL;
use millrace_primitives::PreimageHash;
use std::{fs, io, path::Path};

/// Largest file that is inspected, in bytes.
pub const FILE_BYTES_MAX: u64 = 4 << 20;
/// How a WebAssembly module begins.
const WASM_MAGIC: &[u8] = b"\0asm";
/// The root of a kernel that is not given.
const NO_ROOT: PreimageHash = PreimageHash::new([0; PreimageHash::SIZE_BYTES]);

/// What is known of an installer.
#[derive(Debug)]
pub struct Inspection {
    /// Bytes of the installer.
    pub size_bytes: usize,
    /// Whether its module, the program aside, is the installer kernel of the Tezos SDK that this crate uses.
    pub is_sdk_kernel: bool,
    /// Its program.
    pub instructions: Vec<Instruction>,
    /// What becomes the kernel.
    pub kernel: Option<Kernel>,
    /// What else it leaves in durable storage, by path.
    pub values: Vec<Stored>,
    /// What an originator would have written; `None` for installers of other kernels.
    pub parameters: Option<Parameters>,
    /// What is wrong with it.
    pub faults: Vec<Fault>,
}

/// A kernel that an installer fetches.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Kernel {
    /// The root of its pages.
    pub root_hash: PreimageHash,
    /// Bytes, when all pages are at hand.
    pub size_bytes: Option<usize>,
    /// Pages at hand.
    pub pages: usize,
    /// The first few that are not.
    pub missing: Vec<PreimageHash>,
    /// The oldest PVM that runs it, when all pages are at hand and one does.
    pub pvm_version: Option<String>,
}

/// A value that an installer leaves.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stored {
    /// Where.
    pub path: String,
    /// What.
    pub content: Content,
    /// The pattern of the key in the layout, if it has one.
    pub key: Option<&'static str>,
    /// What it means, if it has the codec of its key.
    pub decoded: Option<Decoded>,
}

/// Inspects a file: an installer, or the parameters of one. `kernel` is for the latter.
///
/// # Errors
/// [`InspectError`].
pub fn inspect_file(
    path: &Path,
    pages: Pages<'_>,
    kernel: Option<&[u8]>,
) -> Result<Inspection, InspectError> {
    let failed = |source: io::Error| InspectError::Read { path: path.to_owned(), source };
    let size_bytes = fs::metadata(path).map_err(failed)?.len();
    if size_bytes > FILE_BYTES_MAX {
        return Err(InspectError::TooLarge { size_bytes, most: FILE_BYTES_MAX });
    }
    let bytes = fs::read(path).map_err(failed)?;
    if bytes.starts_with(WASM_MAGIC) {
        return inspect(&bytes, pages);
    }
    let text = String::from_utf8(bytes).map_err(|_| InspectError::Kind)?;
    let named = |error| FileError::Parameter { path: path.display().to_string(), error: Box::new(error) };
    inspect_parameters(&Parameters::from_yaml(&text).map_err(named)?, kernel)
}

/// Inspects an installer that would be made of parameters, and of a kernel when there is one.
///
/// # Errors
/// [`InspectError::Installer`].
pub fn inspect_parameters(
    parameters: &Parameters,
    kernel: Option<&[u8]>,
) -> Result<Inspection, InspectError> {
    if let Some(kernel) = kernel {
        let dist = build(parameters, kernel)?;
        return inspect(&dist.installer, Pages::Memory(&dist.preimages));
    }
    let mut preimages = Preimages::default();
    let genesis = parameters.genesis().map_err(InstallerError::from)?;
    let installer = build_program::installer(&genesis, NO_ROOT, &mut preimages)?;
    let mut inspection = inspect(&installer, Pages::Memory(&preimages))?;
    // Its size does not depend on the root, and everything else is there.
    let is_about_kernel =
        |fault: &Fault| matches!(fault, Fault::MissingPage { hash, .. } if *hash == NO_ROOT);
    inspection.faults.retain(|fault| !is_about_kernel(fault));
    inspection.kernel = None;
    Ok(inspection)
}

/// Inspects an installer.
///
/// # Errors
/// [`InspectError`].
pub fn inspect(module: &[u8], pages: Pages<'_>) -> Result<Inspection, InspectError> {
    let parts = program::parts(module)?;
    let mut faults = Vec::new();
    if let Err(error) = millrace_artifact::check(module, Purpose::Installer) {
        faults.push(Fault::Module(error));
    }
    if module.len() >= build_program::INSTALLER_BYTES_MAX {
        faults.push(Fault::TooLarge { size_bytes: module.len() });
    }
    let (instructions, unreadable) = program::instructions(parts.program);
    let (mut state, failures) = state::run(&instructions, pages);
    faults.extend(unreadable.into_iter().chain(failures));
    let boot = BOOT_KERNEL.to_string();
    let kernel = match state.remove(&boot) {
        None => {
            faults.push(Fault::NoKernel(boot));
            None
        }
        Some(content) => kernel(&boot, &content, pages, &mut faults),
    };
    let values: Vec<Stored> = state.into_iter().map(|(path, content)| stored(path, content)).collect();
    for value in &values {
        note_pages(&value.path, &value.content, pages, &mut faults);
    }
    let parameters = verdict::judge(&values, &mut faults);
    let is_sdk_kernel = program::parts(&build_program::empty()).is_ok_and(|sdk| sdk.kernel == parts.kernel);
    let size_bytes = module.len();
    Ok(Inspection { size_bytes, is_sdk_kernel, instructions, kernel, values, parameters, faults })
}

/// A kernel that is put in its place; `None` when it is not revealed.
fn kernel(path: &str, content: &Content, pages: Pages<'_>, faults: &mut Vec<Fault>) -> Option<Kernel> {
    note_pages(path, content, pages, faults);
    let mut pvm_version = None;
    if let Some(bytes) = content.bytes() {
        match millrace_artifact::check(bytes, Purpose::Kernel) {
            Ok(report) => pvm_version = Some(report.pvm_version.to_string()),
            Err(error) => faults.push(Fault::Kernel(error)),
        }
    }
    let Content::Revealed(root_hash, revealed) = content else { return None };
    Some(Kernel {
        root_hash: *root_hash,
        size_bytes: content.bytes().map(<[u8]>::len),
        pages: revealed.pages,
        missing: revealed.missing.clone(),
        pvm_version,
    })
}

/// Notes pages that are no good, and pages that are missing where all should be.
fn note_pages(path: &str, content: &Content, pages: Pages<'_>, faults: &mut Vec<Fault>) {
    let Content::Revealed(_, Revealed { missing, broken, .. }) = content else { return };
    if let Some((hash, reason)) = broken {
        faults.push(Fault::BrokenPage { path: path.to_owned(), hash: *hash, reason: reason.clone() });
    }
    if !matches!(pages, Pages::None) {
        let fault = |hash: &PreimageHash| Fault::MissingPage { path: path.to_owned(), hash: *hash };
        faults.extend(missing.iter().map(fault));
    }
}

fn stored(path: String, content: Content) -> Stored {
    let entry = values::entry(&path);
    let key = entry.as_ref().map(|(entry, _)| entry.pattern);
    let decoded = entry
        .and_then(|(entry, parts)| content.bytes().and_then(|bytes| values::decode(entry, &parts, bytes)))
        .flatten();
    Stored { path, content, key, decoded }
}
