//! The data availability layer of the host in memory.

use super::{Call, MemoryHost};
use crate::{DalPage, DalParameters, HostError};
use alloc::{collections::BTreeMap, sync::Arc, vec::Vec};
use millrace_primitives::L1Level;

/// Its constants, and the pages of the slots that are attested.
#[derive(Clone, Debug, Default)]
pub(super) struct Dal {
    parameters: Option<DalParameters>,
    /// Shared between copies of a host: a slot may be large.
    pages: BTreeMap<DalPage, Arc<[u8]>>,
}

impl MemoryHost {
    /// Says what the constants of the data availability layer are; `None`, as at first, when there is none.
    pub fn set_dal_parameters(&mut self, parameters: Option<DalParameters>) {
        self.dal.parameters = parameters;
    }

    /// Makes the pages of an attested slot available. Sizes are those of the parameters, which have to be there.
    pub fn add_dal_slot(&mut self, published_level: L1Level, slot: u8, bytes: &[u8]) {
        let page_size_bytes = self.dal.parameters.map_or(1, |parameters| parameters.page_size_bytes as usize);
        let pages = (0u16..).zip(bytes.chunks(page_size_bytes));
        self.dal.pages.extend(pages.map(|(page, bytes)| {
            let mut padded = bytes.to_vec();
            padded.resize(page_size_bytes, 0);
            (DalPage { published_level, slot, page }, padded.into())
        }));
    }

    /// Takes a page away, as if nobody had it.
    pub fn remove_dal_page(&mut self, page: &DalPage) {
        self.dal.pages.remove(page);
    }

    pub(super) fn dal_page(&self, page: &DalPage) -> Result<Vec<u8>, HostError> {
        self.count(Call::RevealDalPage)?;
        Ok(self.dal.pages.get(page).map(|bytes| bytes.to_vec()).unwrap_or_default())
    }

    pub(super) fn dal_parameters(&self) -> Result<Option<DalParameters>, HostError> {
        self.count(Call::RevealDalParameters)?;
        Ok(self.dal.parameters)
    }
}
