//! The shape of `bench.json`.

use crate::{evm::EvmReport, inbox::InboxReport, kernel::KernelReport, load::LoadReport, pvm::PvmReport};
use serde::Serialize;

/// Everything that was measured.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) kernel: KernelReport,
    pub(crate) inbox: InboxReport,
    pub(crate) pvm: PvmReport,
    pub(crate) evm: EvmReport,
    /// Absent when no binary was given.
    pub(crate) load: Option<LoadReport>,
}
