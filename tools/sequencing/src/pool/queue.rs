//! The waiting transactions of one sender.

use super::Transaction;
use crate::Moment;
use millrace_primitives::U256;
use std::{collections::BTreeMap, sync::Arc};

/// A transaction in its queue.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) transaction: Arc<Transaction>,
    /// Counts the arrivals of the pool: a total order.
    pub(super) arrival: u64,
    /// When it arrived.
    pub(super) since: Moment,
}

/// By nonce, all of them at least `next_nonce`.
#[derive(Clone, Debug)]
pub(super) struct Queue {
    /// The nonce of the account as far as this pool was told.
    next_nonce: u64,
    entries: BTreeMap<u64, Entry>,
    /// The first nonce from `next_nonce` on that is missing.
    first_gap: u64,
}

impl Queue {
    pub(super) fn new(next_nonce: u64) -> Self {
        Self { next_nonce, entries: BTreeMap::new(), first_gap: next_nonce }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn next_nonce(&self) -> u64 {
        self.next_nonce
    }

    pub(super) fn get(&self, nonce: u64) -> Option<&Arc<Transaction>> {
        self.entries.get(&nonce).map(|entry| &entry.transaction)
    }

    /// Adds an entry; answers the one that it replaces.
    pub(super) fn insert(&mut self, entry: Entry) -> Option<Entry> {
        let nonce = entry.transaction.nonce;
        let old = self.entries.insert(nonce, entry);
        if nonce == self.first_gap {
            self.extend_run();
        }
        old
    }

    /// Removes one entry, which opens a gap.
    pub(super) fn remove(&mut self, nonce: u64) -> Option<Entry> {
        let entry = self.entries.remove(&nonce)?;
        self.first_gap = self.first_gap.min(nonce.max(self.next_nonce));
        Some(entry)
    }

    /// The account has this nonce now, which may also be lower than before. Answers what is used.
    pub(super) fn advance(&mut self, nonce: u64) -> Vec<Entry> {
        let kept = self.entries.split_off(&nonce);
        let used = std::mem::replace(&mut self.entries, kept);
        // Within the run its end stays where it is.
        if !(self.next_nonce..=self.first_gap).contains(&nonce) {
            self.first_gap = nonce;
            self.extend_run();
        }
        self.next_nonce = nonce;
        used.into_values().collect()
    }

    /// Moves the gap to the end of the run that starts at it.
    fn extend_run(&mut self) {
        while self.entries.contains_key(&self.first_gap) {
            self.first_gap = self.first_gap.saturating_add(1);
        }
    }

    pub(super) fn is_pending(&self, nonce: u64) -> bool {
        nonce < self.first_gap
    }

    /// The entries of the run without a gap.
    pub(super) fn pending(&self) -> impl Iterator<Item = &Entry> {
        self.entries.range(self.next_nonce..self.first_gap.max(self.next_nonce)).map(|(_, entry)| entry)
    }

    /// The entries behind the first gap.
    pub(super) fn queued(&self) -> impl Iterator<Item = &Entry> {
        self.entries.range(self.first_gap..).map(|(_, entry)| entry)
    }

    /// How many entries the run without a gap has.
    pub(super) fn pending_len(&self) -> usize {
        usize::try_from(self.first_gap.saturating_sub(self.next_nonce)).unwrap_or(usize::MAX)
    }

    /// The nonce after the run without a gap, for an account whose nonce may already be further.
    pub(super) fn pending_nonce(&self, account_nonce: u64) -> u64 {
        self.first_gap.max(account_nonce)
    }

    /// What the entries from `account_nonce` on may cost together, in wei.
    pub(super) fn cost(&self, account_nonce: u64) -> U256 {
        self.entries
            .range(account_nonce..)
            .fold(U256::zero(), |sum, (_, entry)| sum.saturating_add(entry.transaction.cost_max))
    }
}
