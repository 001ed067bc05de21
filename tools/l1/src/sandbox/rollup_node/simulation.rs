//! A level that is run to see what would come of it, on a copy of the state: nothing is stored, and the node goes on meanwhile.

use super::machine::{info_after, ticks};
use super::{EmbeddedNode, LookupError, Processed};
use crate::client::BlockId;
use crate::sandbox::limits::{LEVEL_BYTES_MAX, MESSAGE_BYTES_MAX};
use millrace_primitives::L1Level;
use millrace_pvm::inputs::level_inputs;
use millrace_pvm::reveal::{DalPage, DalParameters, PREIMAGE_BYTES_MAX, Preimages, RevealHash, reveal_hash};
use millrace_pvm::{Machine, Pvm, PvmError, Rollup, State};
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

/// Why a level was not simulated.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SimulationError {
    /// No state to begin with.
    #[error(transparent)]
    Lookup(#[from] LookupError),
    /// The messages are more than a level holds.
    #[error(
        "The messages are larger than a level ({LEVEL_BYTES_MAX} bytes), or one of them than a message ({MESSAGE_BYTES_MAX})"
    )]
    TooLarge,
    /// A page is larger than the PVM takes.
    #[error("A page is larger than {PREIMAGE_BYTES_MAX} bytes")]
    PageTooLarge,
    /// The PVM could not run it.
    #[error("The level cannot be run: {0}")]
    Pvm(#[from] PvmError),
}

/// What is to be run.
pub(crate) struct Simulation {
    /// The inbox messages, tags included, without those that frame a level.
    pub(crate) messages: Vec<Vec<u8>>,
    /// Preimages that the kernel can have besides those of the node.
    pub(crate) pages: Vec<Vec<u8>>,
}

/// What came of it.
pub(crate) struct Simulated {
    /// The level that was run: the one after the block.
    pub(crate) level: L1Level,
    /// The state at its end.
    pub(crate) state: State,
    /// The messages to the layer 1.
    pub(crate) outbox: Vec<Vec<u8>>,
    /// Ticks, reckoned as those of the node's own levels.
    pub(crate) ticks: u128,
    /// What the kernel wrote as debug output.
    pub(crate) debug: Vec<u8>,
}

/// What simulations share with the node that follows the chain: compiled kernels and preimages.
pub(super) struct Simulator {
    pub(super) machine: Machine,
    pub(super) rollup: Rollup,
    pub(super) preimages: Arc<dyn Preimages>,
}

impl Simulator {
    fn run(&self, from: &Processed, simulation: Simulation) -> Result<Simulated, SimulationError> {
        let Simulation { messages, pages } = simulation;
        let sizes = || messages.iter().map(Vec::len);
        if sizes().sum::<usize>() > LEVEL_BYTES_MAX || sizes().any(|size| size > MESSAGE_BYTES_MAX) {
            return Err(SimulationError::TooLarge);
        }
        if pages.iter().any(|page| page.len() > PREIMAGE_BYTES_MAX) {
            return Err(SimulationError::PageTooLarge);
        }
        let pages = pages.into_iter().map(|page| (reveal_hash(&page), page)).collect();
        let preimages = Arc::new(WithPages { pages, others: Arc::clone(&self.preimages) });
        let state = State::of(from.durable.clone(), from.record.status.clone());
        let mut pvm = Pvm::restore(self.machine.clone(), self.rollup, preimages, state);
        let level = from.record.level.saturating_add(1);
        let info = info_after(from.record.timestamp, from.record.block_hash);
        let report = pvm.run_level(level.get(), &level_inputs(info, None, &messages))?;
        let ticks = ticks(&report);
        Ok(Simulated { level, state: pvm.state().clone(), outbox: report.outbox, ticks, debug: report.debug })
    }
}

impl EmbeddedNode {
    /// Runs a level after a block. Blocks for as long as the kernel takes.
    pub(crate) fn simulate(&self, id: BlockId, simulation: Simulation) -> Result<Simulated, SimulationError> {
        let processed = self.processed(id)?;
        self.shared.simulator.run(&processed, simulation)
    }
}

/// Preimages of a simulation before those of the node.
struct WithPages {
    pages: BTreeMap<RevealHash, Vec<u8>>,
    others: Arc<dyn Preimages>,
}

impl Preimages for WithPages {
    fn preimage(&self, hash: &RevealHash) -> io::Result<Option<Vec<u8>>> {
        match self.pages.get(hash) {
            Some(page) => Ok(Some(page.clone())),
            None => self.others.preimage(hash),
        }
    }

    fn dal_page(&self, page: DalPage) -> io::Result<Option<Vec<u8>>> {
        self.others.dal_page(page)
    }

    fn dal_parameters(&self) -> DalParameters {
        self.others.dal_parameters()
    }
}
