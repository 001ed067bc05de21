//! Filters that are asked again and again instead of a subscription. A filter of blocks or logs remembers
//! which block comes next; one of pending transactions has a receiver whose channel bounds what waits, the
//! oldest being lost first.

use crate::config::Clock;
use crate::error::{INVALID_INPUT, LIMIT_EXCEEDED, RpcError};
use crate::filter::FilterArgument;
use millrace_primitives::{BlockNumber, TransactionHash};
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::broadcast;

/// The name of a filter, hard to guess.
pub(crate) type FilterId = u64;

/// What a filter waits for.
pub(crate) enum Watched {
    /// Logs of blocks from `next` on.
    Logs { argument: FilterArgument, next: BlockNumber },
    /// Hashes of blocks from `next` on.
    Blocks { next: BlockNumber },
    /// Hashes of transactions that enter the pool.
    Pending { receiver: broadcast::Receiver<TransactionHash> },
}

struct Entry {
    /// Held while somebody is answered: who asks the same filter at the same time waits.
    watched: Arc<Mutex<Watched>>,
    asked: Duration,
}

/// All filters of the server.
pub(crate) struct PollingFilters {
    entries: Mutex<Entries>,
    filters_max: usize,
    idle_max: Duration,
    clock: Clock,
}

#[derive(Default)]
struct Entries {
    by_id: HashMap<FilterId, Entry>,
    /// How many were ever made, and the secret that turns it into names.
    made: u64,
    secret: RandomState,
}

impl PollingFilters {
    pub(crate) fn new(filters_max: usize, idle_ms_max: u64, clock: Clock) -> Self {
        let idle_max = Duration::from_millis(idle_ms_max);
        Self { entries: Mutex::default(), filters_max, idle_max, clock }
    }

    /// The filters that were asked lately. A panic of another thread cannot leave them half changed.
    fn live(&self) -> MutexGuard<'_, Entries> {
        let now = (self.clock)();
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.by_id.retain(|_, entry| now.saturating_sub(entry.asked) <= self.idle_max);
        entries
    }

    /// Makes a filter.
    pub(crate) fn insert(&self, watched: Watched) -> Result<FilterId, RpcError> {
        let mut entries = self.live();
        if entries.by_id.len() >= self.filters_max {
            return Err(RpcError::new(
                LIMIT_EXCEEDED,
                format!("too many filters: limit {}", self.filters_max),
            ));
        }
        loop {
            entries.made = entries.made.wrapping_add(1);
            let id = entries.secret.hash_one(entries.made);
            if let std::collections::hash_map::Entry::Vacant(vacant) = entries.by_id.entry(id) {
                vacant.insert(Entry { watched: Arc::new(Mutex::new(watched)), asked: (self.clock)() });
                return Ok(id);
            }
        }
    }

    /// Forgets a filter; whether it was there.
    pub(crate) fn remove(&self, id: FilterId) -> bool {
        self.live().by_id.remove(&id).is_some()
    }

    /// Answers from a filter. What `answer` changes of it holds from then on: it must not take away before it
    /// has what it gives.
    pub(crate) fn ask<T>(
        &self,
        id: FilterId,
        answer: impl FnOnce(&mut Watched) -> Result<T, RpcError>,
    ) -> Result<T, RpcError> {
        let watched = {
            let mut entries = self.live();
            let entry = entries.by_id.get_mut(&id).ok_or_else(not_found)?;
            entry.asked = (self.clock)();
            Arc::clone(&entry.watched)
        };
        let mut watched = watched.lock().unwrap_or_else(PoisonError::into_inner);
        answer(&mut watched)
    }

    /// The filter of logs of this name.
    pub(crate) fn log_filter(&self, id: FilterId) -> Result<FilterArgument, RpcError> {
        self.ask(id, |watched| match watched {
            Watched::Logs { argument, .. } => Ok(argument.clone()),
            _ => Err(RpcError::new(INVALID_INPUT, "not a filter of logs")),
        })
    }
}

fn not_found() -> RpcError {
    RpcError::new(INVALID_INPUT, "filter not found")
}

/// Takes what waits; what the channel already dropped is lost, as its bound demands.
pub(crate) fn drain(receiver: &mut broadcast::Receiver<TransactionHash>) -> Vec<TransactionHash> {
    let mut hashes = Vec::with_capacity(receiver.len());
    loop {
        match receiver.try_recv() {
            Ok(hash) => hashes.push(hash),
            Err(broadcast::error::TryRecvError::Lagged(lost)) => {
                tracing::debug!(lost, "a polling filter was not asked in time");
            }
            Err(_) => return hashes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    #[test]
    fn filters_expire_when_nobody_asks_and_are_bounded() {
        let now_ms = Arc::new(AtomicU64::new(0));
        let clock: Clock = {
            let now_ms = Arc::clone(&now_ms);
            Arc::new(move || Duration::from_millis(now_ms.load(Ordering::Relaxed)))
        };
        let filters = PollingFilters::new(2, 1_000, clock);
        let blocks = || Watched::Blocks { next: BlockNumber::new(3) };
        let first = filters.insert(blocks()).expect("room");
        let second = filters.insert(blocks()).expect("room");
        assert_ne!(first, second);
        assert_eq!(filters.insert(blocks()).expect_err("full").code, LIMIT_EXCEEDED);

        now_ms.store(1_000, Ordering::Relaxed);
        assert_eq!(filters.ask(first, |_| Ok(())), Ok(()));
        now_ms.store(1_001, Ordering::Relaxed);
        assert_eq!(filters.ask(second, |_| Ok(())), Err(not_found()), "nobody asked the second");
        assert_eq!(filters.ask(first, |_| Ok(())), Ok(()), "the first was asked");
        assert!(filters.insert(blocks()).is_ok());
        assert!(filters.remove(first));
        assert!(!filters.remove(first));
    }

    #[test]
    fn a_pending_filter_keeps_the_latest() {
        let (sender, receiver) = broadcast::channel(2);
        let filters = PollingFilters::new(1, 1_000, Arc::new(Duration::default));
        let id = filters.insert(Watched::Pending { receiver }).expect("room");
        let hashes = [1, 2, 3].map(|byte| TransactionHash::new([byte; 32]));
        for hash in hashes {
            sender.send(hash).expect("somebody listens");
        }
        let found = filters.ask(id, |watched| match watched {
            Watched::Pending { receiver } => Ok(drain(receiver)),
            _ => Err(not_found()),
        });
        assert_eq!(found, Ok(hashes[1..].to_vec()));
        assert!(filters.log_filter(id).is_err());
    }
}
