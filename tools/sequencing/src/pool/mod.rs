//! The transactions that wait for a block.
//!
//! Each sender has a queue by nonce. The run without a gap from the nonce of the account on is *pending*: a
//! block may take it. What lies behind a gap is *queued*: it waits for the missing nonce, and expires. A
//! full pool refuses newcomers with a reason and never drops a transaction that it accepted to make room.

mod queue;
mod selection;
#[cfg(test)]
mod tests;

pub use selection::Budget;

use crate::Moment;
use millrace_primitives::{Address, Gas, TransactionHash, U256};
use queue::{Entry, Queue};
use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
};
use thiserror::Error;

/// How many banned transactions are remembered.
pub const BANNED_MAX: usize = 1_024;

/// A transaction that passed the admission rules of the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// Keccak-256 of `raw`.
    pub hash: TransactionHash,
    /// Who signed it.
    pub sender: Address,
    /// Its place among the transactions of the sender.
    pub nonce: u64,
    /// Gas that it may spend on execution, the part for data availability excluded: what it counts against
    /// the limit of a block.
    pub execution_gas: Gas,
    /// The most wei per gas that it pays.
    pub max_fee_per_gas: U256,
    /// The most wei that it takes from the sender, its value included.
    pub cost_max: U256,
    /// The signed transaction (EIP-2718).
    pub raw: Vec<u8>,
}

/// What the state says of a sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    /// The nonce that its next transaction must have.
    pub nonce: u64,
    /// In wei.
    pub balance: U256,
}

/// How much the pool holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Transactions in total.
    pub transactions_max: usize,
    /// Transactions behind a gap, in total: they must not take the room of those that can be executed.
    pub queued_max: usize,
    /// Transactions of one sender.
    pub per_sender_max: usize,
    /// Bytes of all signed transactions together.
    pub size_bytes_max: usize,
    /// Bytes of one signed transaction.
    pub transaction_size_bytes_max: usize,
    /// How far a nonce may be past the nonce of the account.
    pub nonce_gap_max: u64,
    /// A queued transaction is forgotten after this long.
    pub queued_lifetime_ms: u64,
    /// What a replacement must offer above the fee of what it replaces, in percent.
    pub price_bump_percent: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            transactions_max: 20_000,
            queued_max: 4_000,
            per_sender_max: 2_048,
            size_bytes_max: 64 << 20,
            transaction_size_bytes_max: 128 << 10,
            nonce_gap_max: 4_096,
            queued_lifetime_ms: 3 * 3_600 * 1_000,
            price_bump_percent: 10,
        }
    }
}

/// Why a transaction was not accepted.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refused {
    /// This very transaction waits already.
    #[error("already known")]
    AlreadyKnown,
    /// Its nonce was used.
    #[error("nonce too low: next nonce {next}, tx nonce {got}")]
    NonceTooLow {
        /// The nonce of the account.
        next: u64,
        /// The nonce of the transaction.
        got: u64,
    },
    /// Its nonce is too far ahead to wait for.
    #[error("nonce too high: next nonce {next}, tx nonce {got}, at most {gap_max} ahead")]
    NonceTooHigh {
        /// The nonce of the account.
        next: u64,
        /// The nonce of the transaction.
        got: u64,
        /// [`Limits::nonce_gap_max`].
        gap_max: u64,
    },
    /// Another transaction with this nonce waits, and this one does not offer enough more.
    #[error("replacement transaction underpriced: needs a fee cap of at least {needed} wei per gas")]
    ReplacementUnderpriced {
        /// The least fee cap that replaces it.
        needed: U256,
    },
    /// The balance does not cover it together with what waits of the same sender.
    #[error(
        "insufficient funds for gas * price + value: balance {balance}, queued cost {queued}, tx cost {cost}"
    )]
    Funds {
        /// The balance of the account in wei.
        balance: U256,
        /// What the other waiting transactions of the sender may cost in wei.
        queued: U256,
        /// What this transaction may cost in wei.
        cost: U256,
    },
    /// The sender has too many waiting transactions.
    #[error("account limit exceeded: {count_max} transactions of this sender wait already")]
    SenderFull {
        /// [`Limits::per_sender_max`].
        count_max: usize,
    },
    /// The pool is full.
    #[error("txpool is full: {count} transactions of {size_bytes} bytes wait")]
    Full {
        /// How many transactions wait.
        count: usize,
        /// Their bytes.
        size_bytes: usize,
    },
    /// Too many transactions wait behind a gap.
    #[error("txpool is full for transactions whose predecessor is missing: {count} wait")]
    QueuedFull {
        /// How many.
        count: usize,
    },
    /// No block could be made with it before ([`Pool::ban`]).
    #[error("no block can be made with this transaction")]
    Banned,
    /// It is larger than any block takes.
    #[error("oversized data: transaction size {size_bytes}, limit {size_bytes_max}")]
    TooLarge {
        /// Its size.
        size_bytes: usize,
        /// [`Limits::transaction_size_bytes_max`].
        size_bytes_max: usize,
    },
}

/// A transaction was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Whether a block can take it now.
    pub is_pending: bool,
    /// The transaction that it took the place of.
    pub replaced: Option<TransactionHash>,
}

/// The pool.
#[derive(Clone, Debug)]
pub struct Pool {
    limits: Limits,
    senders: BTreeMap<Address, Queue>,
    by_hash: HashMap<TransactionHash, (Address, u64)>,
    size_bytes: usize,
    pending_count: usize,
    arrivals: u64,
    /// The last transactions that were banned, the newest at the end.
    banned: VecDeque<TransactionHash>,
}

impl Pool {
    /// An empty pool.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            senders: BTreeMap::new(),
            by_hash: HashMap::new(),
            size_bytes: 0,
            pending_count: 0,
            arrivals: 0,
            banned: VecDeque::new(),
        }
    }

    /// Takes a transaction in. `account` is its sender in the state after the local head.
    ///
    /// # Errors
    /// [`Refused`] says why; what the pool holds is then unchanged, short of what `account` shows to be used.
    pub fn insert(
        &mut self,
        transaction: Transaction,
        account: Account,
        now: Moment,
    ) -> Result<Accepted, Refused> {
        let transaction = Arc::new(transaction);
        if self.senders.get(&transaction.sender).is_some_and(|queue| queue.next_nonce() != account.nonce) {
            self.settle([(transaction.sender, account.nonce)]);
        }
        let replaced = self.check(&transaction, account)?;
        let sender = transaction.sender;
        self.arrivals = self.arrivals.saturating_add(1);
        let entry = Entry { transaction: Arc::clone(&transaction), arrival: self.arrivals, since: now };
        self.by_hash.insert(transaction.hash, (sender, transaction.nonce));
        self.size_bytes = self.size_bytes.saturating_add(transaction.raw.len());
        let old = self.with_queue(sender, account.nonce, |queue| queue.insert(entry));
        if let Some(old) = &old {
            self.forget(&old.transaction);
        }
        debug_assert_eq!(old.as_ref().map(|old| old.transaction.hash), replaced);
        let is_pending = self.senders.get(&sender).is_some_and(|queue| queue.is_pending(transaction.nonce));
        Ok(Accepted { is_pending, replaced })
    }

    /// All rules of acceptance; answers what would be replaced.
    fn check(&self, transaction: &Transaction, account: Account) -> Result<Option<TransactionHash>, Refused> {
        if self.by_hash.contains_key(&transaction.hash) {
            return Err(Refused::AlreadyKnown);
        }
        if self.banned.contains(&transaction.hash) {
            return Err(Refused::Banned);
        }
        self.check_size_and_nonce(transaction, account)?;
        let queue = self.senders.get(&transaction.sender);
        let old = queue.and_then(|queue| queue.get(transaction.nonce));
        if let Some(old) = old {
            let needed = bumped(old.max_fee_per_gas, self.limits.price_bump_percent);
            if transaction.max_fee_per_gas < needed {
                return Err(Refused::ReplacementUnderpriced { needed });
            }
        }
        let old_cost = old.map_or(U256::zero(), |old| old.cost_max);
        let queued = queue.map_or(U256::zero(), |queue| queue.cost(account.nonce)).saturating_sub(old_cost);
        if queued.saturating_add(transaction.cost_max) > account.balance {
            let (balance, cost) = (account.balance, transaction.cost_max);
            return Err(Refused::Funds { balance, queued, cost });
        }
        match old {
            Some(old) => {
                self.check_bytes(transaction.raw.len().saturating_sub(old.raw.len()))?;
                Ok(Some(old.hash))
            }
            None => self.check_room(transaction, account, queue).map(|()| None),
        }
    }

    fn check_size_and_nonce(&self, transaction: &Transaction, account: Account) -> Result<(), Refused> {
        let (size_bytes, size_bytes_max) = (transaction.raw.len(), self.limits.transaction_size_bytes_max);
        if size_bytes > size_bytes_max {
            return Err(Refused::TooLarge { size_bytes, size_bytes_max });
        }
        let (next, got, gap_max) = (account.nonce, transaction.nonce, self.limits.nonce_gap_max);
        if got < next {
            return Err(Refused::NonceTooLow { next, got });
        }
        if got.saturating_sub(next) > gap_max {
            return Err(Refused::NonceTooHigh { next, got, gap_max });
        }
        Ok(())
    }

    /// Whether there is room for one more transaction.
    fn check_room(
        &self,
        transaction: &Transaction,
        account: Account,
        queue: Option<&Queue>,
    ) -> Result<(), Refused> {
        let count_max = self.limits.per_sender_max;
        if queue.is_some_and(|queue| queue.len() >= count_max) {
            return Err(Refused::SenderFull { count_max });
        }
        let count = self.by_hash.len();
        if count >= self.limits.transactions_max {
            return Err(Refused::Full { count, size_bytes: self.size_bytes });
        }
        self.check_bytes(transaction.raw.len())?;
        let next = queue.map_or(account.nonce, |queue| queue.pending_nonce(account.nonce));
        let count = self.queued_count();
        if transaction.nonce != next && count >= self.limits.queued_max {
            return Err(Refused::QueuedFull { count });
        }
        Ok(())
    }

    fn check_bytes(&self, more_bytes: usize) -> Result<(), Refused> {
        if self.size_bytes.saturating_add(more_bytes) > self.limits.size_bytes_max {
            return Err(Refused::Full { count: self.by_hash.len(), size_bytes: self.size_bytes });
        }
        Ok(())
    }

    /// Brings the pool up to a new head: `nonces` are the accounts whose nonce the block may have changed,
    /// with the nonce after it. What they have used leaves the pool.
    pub fn settle(&mut self, nonces: impl IntoIterator<Item = (Address, u64)>) -> Vec<Arc<Transaction>> {
        let mut gone = Vec::new();
        for (sender, nonce) in nonces {
            if !self.senders.contains_key(&sender) {
                continue;
            }
            let used = self.with_queue(sender, nonce, |queue| queue.advance(nonce));
            for entry in used {
                self.forget(&entry.transaction);
                gone.push(entry.transaction);
            }
        }
        gone
    }

    /// Removes a transaction that became invalid; the later ones of its sender then wait for its nonce.
    pub fn remove(&mut self, hash: TransactionHash) -> Option<Arc<Transaction>> {
        let (sender, nonce) = *self.by_hash.get(&hash)?;
        let next = self.senders.get(&sender)?.next_nonce();
        let entry = self.with_queue(sender, next, |queue| queue.remove(nonce))?;
        self.forget(&entry.transaction);
        Some(entry.transaction)
    }

    /// Removes a transaction with which no block can be made, and refuses it from now on: the last [`BANNED_MAX`] are
    /// remembered.
    pub fn ban(&mut self, hash: TransactionHash) -> Option<Arc<Transaction>> {
        if self.banned.len() >= BANNED_MAX {
            self.banned.pop_front();
        }
        self.banned.push_back(hash);
        self.remove(hash)
    }

    /// Forgets the queued transactions that waited too long for their predecessor.
    pub fn expire(&mut self, now: Moment) -> Vec<Arc<Transaction>> {
        let lifetime_ms = self.limits.queued_lifetime_ms;
        let expired: Vec<TransactionHash> = self
            .senders
            .values()
            .flat_map(Queue::queued)
            .filter(|entry| now.since_ms(entry.since) >= lifetime_ms)
            .map(|entry| entry.transaction.hash)
            .collect();
        expired.into_iter().filter_map(|hash| self.remove(hash)).collect()
    }

    /// The nonce that a sender should use next: the nonce of its account, or the one after its pending
    /// transactions.
    pub fn pending_nonce(&self, sender: Address, account_nonce: u64) -> u64 {
        self.senders.get(&sender).map_or(account_nonce, |queue| queue.pending_nonce(account_nonce))
    }

    /// The transaction with this hash, if it waits.
    pub fn get(&self, hash: TransactionHash) -> Option<&Arc<Transaction>> {
        let (sender, nonce) = self.by_hash.get(&hash)?;
        self.senders.get(sender)?.get(*nonce)
    }

    /// Whether a block could take the transaction with this hash now.
    pub fn is_pending(&self, hash: TransactionHash) -> bool {
        let place = self.by_hash.get(&hash);
        place.is_some_and(|(sender, nonce)| {
            self.senders.get(sender).is_some_and(|queue| queue.is_pending(*nonce))
        })
    }

    /// All pending transactions, by sender and nonce.
    pub fn pending(&self) -> impl Iterator<Item = &Arc<Transaction>> {
        self.senders.values().flat_map(Queue::pending).map(|entry| &entry.transaction)
    }

    /// All queued transactions, by sender and nonce.
    pub fn queued(&self) -> impl Iterator<Item = &Arc<Transaction>> {
        self.senders.values().flat_map(Queue::queued).map(|entry| &entry.transaction)
    }

    /// How many transactions a block could take.
    pub fn pending_count(&self) -> usize {
        self.pending_count
    }

    /// How many transactions wait behind a gap.
    pub fn queued_count(&self) -> usize {
        self.by_hash.len().saturating_sub(self.pending_count)
    }

    /// The size of all signed transactions together, in bytes.
    pub fn size_bytes(&self) -> usize {
        self.size_bytes
    }

    /// Changes the queue of one sender, which is made at `next_nonce` if it is not there, and keeps the
    /// counts right.
    fn with_queue<R>(&mut self, sender: Address, next_nonce: u64, change: impl FnOnce(&mut Queue) -> R) -> R {
        let queue = self.senders.entry(sender).or_insert_with(|| Queue::new(next_nonce));
        let before = queue.pending_len();
        let result = change(queue);
        self.pending_count = self.pending_count.saturating_sub(before).saturating_add(queue.pending_len());
        if queue.len() == 0 {
            self.senders.remove(&sender);
        }
        result
    }

    /// Takes a transaction that left its queue out of the index.
    fn forget(&mut self, transaction: &Transaction) {
        self.by_hash.remove(&transaction.hash);
        self.size_bytes = self.size_bytes.saturating_sub(transaction.raw.len());
    }
}

/// `fee` and `percent` more, rounded up; at least one wei more.
fn bumped(fee: U256, percent: u64) -> U256 {
    let bump = fee.saturating_mul(U256::from(percent)).saturating_add(U256::from(99)) / U256::from(100);
    fee.saturating_add(bump.max(U256::one()))
}
