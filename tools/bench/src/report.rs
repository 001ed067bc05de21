//! The shape of `bench.json`.

use crate::{inbox::InboxReport, kernel::KernelReport, load::LoadReport};
use serde::Serialize;

/// Everything that was measured.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) kernel: KernelReport,
    pub(crate) inbox: InboxReport,
    /// Absent when no binary was given.
    pub(crate) load: Option<LoadReport>,
}
