//! The installer kernel with its program.

use crate::{Genesis, InstallerError, Preimages};
use millrace_primitives::PreimageHash;
use tezos_smart_rollup_host::path::OwnedPath;
use tezos_smart_rollup_installer::{KERNEL_BOOT_PATH, PREPARE_KERNEL_PATH, installer::with_config_program};
use tezos_smart_rollup_installer_config::binary::{
    EncodingSize, RefConfigInstruction,
    owned::{OwnedBytes, OwnedConfigInstruction, OwnedConfigProgram},
};

/// An installer has fewer bytes than this: an operation of the layer 1 has at most 32,768 with everything around it.
pub const INSTALLER_BYTES_MAX: usize = 32_000;
/// Largest instruction, without its length: the buffer of the installer kernel, which traps on a larger one and
/// with that leaves a rollup that never starts.
pub const INSTRUCTION_BYTES_MAX: usize = RefConfigInstruction::MAX_SIZE;

/// Tag and the two length prefixes of an instruction that sets a value.
const SET_OVERHEAD_BYTES: usize = 1 + 4 + 1;

/// The installer that fetches the kernel `root_hash` and writes the values of `genesis`. Values that an instruction
/// has no room for are revealed like the kernel; their pages join `preimages`.
pub(crate) fn installer(
    genesis: &Genesis,
    root_hash: PreimageHash,
    preimages: &mut Preimages,
) -> Result<Vec<u8>, InstallerError> {
    let (settings, allocation) = (genesis.settings()?, genesis.allocation()?);
    let installer = assemble(root_hash, settings.iter().chain(&allocation), preimages)?;
    let size_bytes = installer.len();
    if size_bytes < INSTALLER_BYTES_MAX {
        return Ok(installer);
    }
    let without_accounts = assemble(root_hash, settings.iter(), &mut Preimages::default())?;
    let account_bytes = size_bytes.saturating_sub(without_accounts.len());
    Err(InstallerError::TooLarge { size_bytes, accounts: genesis.accounts.len(), account_bytes })
}

/// The installer that fetches the kernel and leaves these values.
fn assemble<'a>(
    root_hash: PreimageHash,
    values: impl Iterator<Item = &'a (String, Vec<u8>)>,
    preimages: &mut Preimages,
) -> Result<Vec<u8>, InstallerError> {
    // Fetched aside and moved: a kernel is in its place entirely or not at all.
    let mut program = vec![
        reveal(root_hash, OwnedPath::from(&PREPARE_KERNEL_PATH)),
        OwnedConfigInstruction::move_instr((&PREPARE_KERNEL_PATH).into(), (&KERNEL_BOOT_PATH).into()),
    ];
    for (path, value) in values {
        program.push(write(path, value, preimages)?);
    }
    Ok(with_config_program(OwnedConfigProgram(program)))
}

/// An installer that does nothing.
pub(crate) fn empty() -> Vec<u8> {
    with_config_program(OwnedConfigProgram(vec![]))
}

/// The instruction that leaves `value` at `path`: set when it fits, otherwise revealed.
fn write(
    path: &str,
    value: &[u8],
    preimages: &mut Preimages,
) -> Result<OwnedConfigInstruction, InstallerError> {
    let size_bytes = SET_OVERHEAD_BYTES + path.len() + value.len();
    let to = OwnedPath::try_from(path.to_owned()).map_err(|_| InstallerError::Path(path.to_owned()))?;
    Ok(if size_bytes <= INSTRUCTION_BYTES_MAX {
        OwnedConfigInstruction::set_instr(OwnedBytes(value.to_vec()), to)
    } else {
        reveal(preimages.add(value)?, to)
    })
}

fn reveal(hash: PreimageHash, to: OwnedPath) -> OwnedConfigInstruction {
    OwnedConfigInstruction::reveal_instr(hash.as_bytes().into(), to)
}
