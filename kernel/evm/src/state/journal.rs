//! How a failed frame is undone: every change writes down what was there before.

use super::entry::{Entry, NEVER, Slot, Stamp};
use alloc::rc::Rc;
use millrace_primitives::{H256, U256};

/// What one change replaced.
#[derive(Debug)]
pub(super) enum Undo {
    Balance(Rc<Entry>, U256),
    Nonce(Rc<Entry>, u64),
    Code(Rc<Entry>, H256),
    Touched(Rc<Entry>),
    Warm(Rc<Entry>),
    WarmSlot(Rc<Slot>),
    Slot(Rc<Slot>, U256),
    Created(Rc<Entry>, Stamp),
    Doomed(Rc<Entry>),
    /// Key of the transient storage, and what was there.
    Transient((millrace_primitives::Address, U256), U256),
}

/// What is left to the owner of the transient storage to put back.
pub(super) type TransientUndo = ((millrace_primitives::Address, U256), U256);

impl Undo {
    /// Puts back what was there. Transient storage lives elsewhere, so it is handed back.
    pub(super) fn revert(self) -> Option<TransientUndo> {
        match self {
            Self::Balance(entry, was) => entry.balance.set(was),
            Self::Nonce(entry, was) => entry.nonce.set(was),
            Self::Code(entry, was) => entry.code_hash.set(was),
            Self::Touched(entry) => entry.touched.set(false),
            Self::Warm(entry) => entry.warm.set(NEVER),
            Self::WarmSlot(slot) => slot.warm.set(NEVER),
            Self::Slot(slot, was) => slot.now.set(was),
            Self::Created(entry, was) => entry.created.set(was),
            Self::Doomed(entry) => entry.doomed.set(NEVER),
            Self::Transient(key, was) => return Some((key, was)),
        }
        None
    }
}
