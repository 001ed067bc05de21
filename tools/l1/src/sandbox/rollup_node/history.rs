//! The newest levels with their durable storage, in memory. Versions share what they have in common, so
//! that keeping one costs what it changed.

use super::state::Processed;
use crate::sandbox::limits::STATES_MAX;
use millrace_primitives::L1Level;
use std::collections::VecDeque;
use std::sync::{Arc, PoisonError, RwLock};

/// Consecutive levels, at least one and at most [`STATES_MAX`].
pub(super) struct History {
    levels: RwLock<VecDeque<Arc<Processed>>>,
}

impl History {
    /// A history of these consecutive levels, oldest first; `None` of no level.
    pub(super) fn new(levels: VecDeque<Processed>) -> Option<Self> {
        if levels.is_empty() {
            return None;
        }
        Some(Self { levels: RwLock::new(levels.into_iter().map(Arc::new).collect()) })
    }

    /// The newest level.
    pub(super) fn head(&self) -> Arc<Processed> {
        self.with(|levels| levels.back().cloned()).expect("a history has one level at least")
    }

    /// The oldest level that is kept.
    pub(super) fn first_level(&self) -> L1Level {
        self.with(|levels| levels.front().map(|oldest| oldest.record.level)).unwrap_or_default()
    }

    /// A level that is kept.
    pub(super) fn get(&self, level: L1Level) -> Option<Arc<Processed>> {
        self.with(|levels| {
            let index = level.checked_sub(levels.front()?.record.level.get())?.get();
            levels.get(usize::try_from(index).ok()?).cloned()
        })
    }

    /// Adds the level after the newest one and forgets what is too old.
    pub(super) fn push(&self, next: Arc<Processed>) {
        let mut levels = self.levels.write().unwrap_or_else(PoisonError::into_inner);
        levels.push_back(next);
        while levels.len() > STATES_MAX {
            levels.pop_front();
        }
    }

    /// Forgets the levels after this one, of which there must be a state.
    pub(super) fn truncate(&self, last: L1Level) {
        let mut levels = self.levels.write().unwrap_or_else(PoisonError::into_inner);
        while levels.len() > 1 && levels.back().is_some_and(|newest| newest.record.level > last) {
            levels.pop_back();
        }
    }

    fn with<T>(&self, look: impl FnOnce(&VecDeque<Arc<Processed>>) -> T) -> T {
        look(&self.levels.read().unwrap_or_else(PoisonError::into_inner))
    }
}
