//! The first state of a rollup: what the installer leaves behind.

use crate::{Engine, EngineError, host::NativeHost};
use millrace_layout::world::World;
use millrace_primitives::RollupAddress;
use millrace_pvm::{
    Machine, Preimages, Pvm, Rollup, Version,
    durable::Durable,
    inputs::{LevelInfo, level_inputs},
};
use std::sync::Arc;

/// The installer needs one level to install and one for the first run of the kernel.
const LEVELS_MAX: u32 = 3;

impl Engine {
    /// Runs the installer in the PVM, on empty levels, until the kernel has made the genesis block. This is
    /// what the rollup node does with it, so both start from the same state.
    ///
    /// # Errors
    /// [`EngineError::Pvm`], or [`EngineError::NotBooted`] when no genesis block appears.
    pub fn boot(
        machine: &Machine,
        installer: &[u8],
        preimages: Arc<dyn Preimages>,
        rollup: RollupAddress,
    ) -> Result<Durable, EngineError> {
        let rollup = Rollup { address: *rollup.as_bytes(), origination_level: 0 };
        let mut pvm = Pvm::originate(machine.clone(), rollup, preimages, Version::V5, installer.to_vec());
        let mut debug = Vec::new();
        for level in 0..LEVELS_MAX {
            let info = LevelInfo { predecessor_timestamp: 0, predecessor: [0; 32] };
            let report = pvm.run_level(level, &level_inputs(info, None, &[])).map_err(EngineError::Pvm)?;
            debug = report.debug;
            let host = NativeHost::new(pvm.durable());
            if World::Committed.head()?.exists(&host)? {
                return Ok(host.durable);
            }
        }
        Err(EngineError::NotBooted {
            levels: LEVELS_MAX,
            status: pvm.state().status.clone(),
            debug: String::from_utf8_lossy(&debug).into_owned(),
        })
    }
}
