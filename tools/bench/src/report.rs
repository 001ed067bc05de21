//! The shape of `bench.json`.

use crate::{kernel::KernelReport, load::LoadReport};
use serde::Serialize;

/// Everything that was measured.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) kernel: KernelReport,
    /// Absent when no binary was given.
    pub(crate) load: Option<LoadReport>,
}
