//! The PVM, fed by the blocks of the chain.

use super::simulation::Simulator;
use super::{Origination, Processed};
use crate::sandbox::chain::Block;
use crate::sandbox::limits::TICKS_PER_RUN;
use crate::{L1BlockHash, StateHash};
use millrace_primitives::{L1Level, RollupAddress, Timestamp};
use millrace_pvm::durable::Durable;
use millrace_pvm::inputs::{self, LevelInfo};
use millrace_pvm::reveal::Preimages;
use millrace_pvm::{
    LevelReport, Machine, MachineConfig, Outcome, PreimageFolder, Pvm, PvmError, Rollup, State, Status,
    Version,
};
use std::sync::Arc;
use tracing::{debug, warn};

/// The version of the PVM at origination: that of the current protocol.
const VERSION: Version = Version::V6;

/// Runs levels. It remembers nothing but compiled code: every level starts from the state it is given.
pub(super) struct LevelRunner {
    pvm: Pvm,
    rollup: Rollup,
    preimages: Arc<dyn Preimages>,
}

/// What a level left behind.
pub(super) struct Ran {
    pub(super) state: State,
    pub(super) outbox: Vec<Vec<u8>>,
    pub(super) ticks: u128,
}

impl LevelRunner {
    /// A machine right after the origination.
    pub(super) fn originate(origination: &Origination) -> Result<Self, PvmError> {
        let cache_dir = Some(origination.compiled.clone());
        let machine = Machine::new(MachineConfig { cache_dir, ..MachineConfig::default() })?;
        let rollup = Rollup { address: *origination.rollup.as_bytes(), origination_level: 0 };
        let preimages: Arc<dyn Preimages> = Arc::new(PreimageFolder::new(&origination.preimages));
        let installer = origination.installer.clone();
        let mut pvm = Pvm::originate(machine, rollup, Arc::clone(&preimages), VERSION, installer);
        pvm.stream_debug(Arc::new(show_debug));
        Ok(Self { pvm, rollup, preimages })
    }

    /// What runs levels beside this.
    pub(super) fn simulator(&self) -> Simulator {
        Simulator {
            machine: self.pvm.machine().clone(),
            rollup: self.rollup,
            preimages: Arc::clone(&self.preimages),
        }
    }

    /// The state as it is now: that of the origination, or after the last level.
    pub(super) fn state(&self) -> State {
        self.pvm.state().clone()
    }

    /// Runs a level from the state after the one before it.
    pub(super) fn run(
        &mut self,
        from: &Processed,
        level: L1Level,
        inputs: &[Vec<u8>],
    ) -> Result<Ran, PvmError> {
        self.pvm.set_state(State::of(from.durable.clone(), from.record.status.clone()));
        let report = self.pvm.run_level(level.get(), inputs)?;
        show_failures(&report);
        let ticks = ticks(&report);
        Ok(Ran { state: self.state(), outbox: report.outbox, ticks })
    }
}

/// The inputs of a level: its messages, framed as the layer 1 does.
pub(crate) fn level_inputs(predecessor_timestamp: Timestamp, block: &Block) -> Vec<Vec<u8>> {
    inputs::level_inputs(info_after(predecessor_timestamp, block.predecessor), None, &block.messages)
}

/// What a level is told of the block before it.
pub(super) fn info_after(timestamp: Timestamp, block: L1BlockHash) -> LevelInfo {
    LevelInfo {
        predecessor_timestamp: i64::try_from(timestamp.get()).unwrap_or(i64::MAX),
        predecessor: *block.as_bytes(),
    }
}

/// As Octez counts: a level is padded to whole runs, one more than the kernel makes.
pub(super) fn ticks(report: &LevelReport) -> u128 {
    TICKS_PER_RUN * (1 + report.runs.len() as u128)
}

/// The hash by which the node knows a state: that of its durable storage, as Octez computes it. The state hash of Octez is about
/// the machine too: its buffers and its outbox.
pub(crate) fn state_hash(durable: &Durable) -> StateHash {
    StateHash::new(durable.hash())
}

/// The address of the rollup that this installer kernel makes: its Blake2b-160. On a real network the
/// address comes from the operation; here it has to be the same each time.
pub(crate) fn rollup_address(installer: &[u8]) -> RollupAddress {
    RollupAddress::new(crate::text::blake2b_160(installer))
}

fn show_debug(piece: &[u8]) {
    for line in String::from_utf8_lossy(piece).lines().filter(|line| !line.trim().is_empty()) {
        debug!(target: "kernel", "{line}");
    }
}

fn show_failures(report: &LevelReport) {
    for run in &report.runs {
        match &run.outcome {
            Outcome::Finished | Outcome::Stuck(_) => {}
            Outcome::Trapped(trap) => warn!(level = report.level, %trap, "the kernel trapped"),
            Outcome::FellBack { phase, detail } => {
                warn!(level = report.level, %phase, detail, "a new kernel failed, the old one is back");
            }
        }
    }
}

/// What the RPC calls the state of the machine.
pub(crate) fn status_text(status: &Status) -> String {
    match status {
        Status::WaitingForInput => "Waiting for input message".to_owned(),
        Status::Stuck(stuck) => format!("Stuck: {stuck}"),
    }
}
