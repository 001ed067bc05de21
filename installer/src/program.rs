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
/// The length before each instruction.
const LENGTH_BYTES: usize = 4;

/// The installer that fetches the kernel `root_hash` and writes the values of `genesis`. Values that an instruction
/// has no room for are revealed like the kernel; their pages join `preimages`.
pub(crate) fn installer(
    genesis: &Genesis,
    root_hash: PreimageHash,
    preimages: &mut Preimages,
) -> Result<Vec<u8>, InstallerError> {
    // Fetched aside and moved: a kernel is in its place entirely or not at all.
    let mut program = vec![
        reveal(root_hash, OwnedPath::from(&PREPARE_KERNEL_PATH)),
        OwnedConfigInstruction::move_instr((&PREPARE_KERNEL_PATH).into(), (&KERNEL_BOOT_PATH).into()),
    ];
    let mut set_bytes = Vec::new();
    for (path, value) in genesis.values()? {
        let size_bytes = SET_OVERHEAD_BYTES + path.len() + value.len();
        let to = OwnedPath::try_from(path.clone()).map_err(|_| InstallerError::Path(path))?;
        program.push(if size_bytes <= INSTRUCTION_BYTES_MAX {
            OwnedConfigInstruction::set_instr(OwnedBytes(value), to)
        } else {
            reveal(preimages.add(&value)?, to)
        });
        set_bytes.push(size_bytes + LENGTH_BYTES);
    }
    let installer = with_config_program(OwnedConfigProgram(program));
    if installer.len() < INSTALLER_BYTES_MAX {
        return Ok(installer);
    }
    let accounts = genesis.accounts.len();
    Err(InstallerError::TooLarge {
        size_bytes: installer.len(),
        accounts,
        account_bytes: set_bytes.iter().rev().take(accounts).sum(),
    })
}

fn reveal(hash: PreimageHash, to: OwnedPath) -> OwnedConfigInstruction {
    OwnedConfigInstruction::reveal_instr(hash.as_bytes().into(), to)
}
