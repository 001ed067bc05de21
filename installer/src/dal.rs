//! What is imported from the data availability layer, as an originator writes it.

use crate::{
    ParameterError,
    text::{base58, cannot_be},
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
    /// Understands the texts and checks what has to do with each other and with the number of who orders transactions.
    pub(crate) fn read(&self, members: usize) -> Result<layout::Dal, ParameterError> {
        let mut slots = BTreeSet::new();
        for (index, slot) in self.slots.iter().enumerate() {
            if !slots.insert(*slot) {
                return Err(cannot_be(format!("dal.slots[{index}]"), slot, "it stands there twice"));
            }
        }
        let publishers = self.publishers()?;
        if !self.signals && !slots.is_empty() {
            let reason = "signals name slots, and dal.signals is false: without signals leave them out";
            return Err(cannot_be("dal.slots", format!("{:?}", self.slots), reason));
        }
        if self.enabled && slots.is_empty() && publishers.is_empty() {
            let reason = "nothing can be imported: neither slots that may be signalled nor publishers";
            return Err(cannot_be("dal.enabled", true, reason));
        }
        if self.enabled && members != 1 {
            let reason = "slots are imported for a single sequencer: chunks in them carry no signatures";
            return Err(cannot_be("dal.enabled", true, reason));
        }
        Ok(layout::Dal {
            is_enabled: self.enabled,
            has_signals: self.signals,
            slots: slots.into_iter().collect(),
            publishers,
        })
    }

    fn publishers(&self) -> Result<Vec<PublicKeyHash>, ParameterError> {
        let mut publishers = vec![];
        for (index, text) in self.publishers.iter().enumerate() {
            let field = format!("dal.publishers[{index}]");
            let publisher = base58::<PublicKeyHash>(&field, text, "an account tz1…, tz2…, tz3… or tz4…")?;
            if publishers.contains(&publisher) {
                return Err(cannot_be(field, text, "it stands there twice"));
            }
            publishers.push(publisher);
        }
        Ok(publishers)
    }
}
