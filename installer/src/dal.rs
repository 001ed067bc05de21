//! What is imported from the data availability layer, as an originator writes it.

use crate::{
    ParameterError,
    genesis::{base58, out_of_range},
};
use millrace_layout::parameters as layout;
use millrace_wire::address::PublicKeyHash;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What is imported from the data availability layer. By default nothing.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Dal {
    /// Whether anything is. Default: no.
    pub enabled: bool,
    /// Whether signals of the sequencer are heeded. Default: yes.
    pub signals: bool,
    /// The indices of slots that a signal may name.
    pub slots: Vec<u8>,
    /// Accounts whose slots are imported when the layer 1 says that they are attested; at most 32.
    pub publishers: Vec<String>,
}

impl Default for Dal {
    fn default() -> Self {
        Self { enabled: false, signals: true, slots: vec![], publishers: vec![] }
    }
}

impl Dal {
    /// Understands the texts and checks the ranges.
    pub(crate) fn read(&self) -> Result<layout::Dal, ParameterError> {
        let slots: BTreeSet<u8> = self.slots.iter().copied().collect();
        if slots.len() < self.slots.len() {
            return Err(out_of_range("dal.slots", format!("{:?}", self.slots), "a slot stands there twice"));
        }
        let mut publishers = vec![];
        for text in &self.publishers {
            let publisher = base58::<PublicKeyHash>("dal.publishers", text, "an account tz1…")?;
            if publishers.contains(&publisher) {
                return Err(out_of_range("dal.publishers", text, "it stands there twice"));
            }
            publishers.push(publisher);
        }
        if publishers.len() > layout::PUBLISHERS_MAX {
            return Err(out_of_range("dal.publishers", publishers.len(), "at most 32"));
        }
        let has_source = self.signals && !slots.is_empty() || !publishers.is_empty();
        if self.enabled && !has_source {
            let reason = "nothing can be imported: neither slots that may be signalled nor publishers";
            return Err(out_of_range("dal.enabled", true, reason));
        }
        Ok(layout::Dal {
            is_enabled: self.enabled,
            has_signals: self.signals,
            slots: slots.into_iter().collect(),
            publishers,
        })
    }
}
