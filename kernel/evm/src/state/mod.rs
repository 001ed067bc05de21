//! The state of a block while it is executed: a write-back cache over a [`StateReader`], with a journal so
//! that a frame or a transaction can be undone at the cost of what it changed.
//!
//! An account, slot or code is read at most once a block and written never: [`State::changes`] tells at any
//! boundary between transactions what differs from what was read, and [`State::resume`] takes that up again
//! over the same reader, so that a pause leaves no trace.
//!
//! Reads inside the engine cannot fail there, so the first failure of the reader is kept, the engine stops
//! at the next step, and the transaction ends with that failure, undone.

mod changes;
mod code;
mod engine;
mod entry;
mod journal;
mod reader;

pub use changes::{AccountChange, Changes, ChangesError};
pub use code::Code;
pub use reader::StateReader;

use crate::system::Withdrawal;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::RefCell;
use entry::{Entry, Slot, Stamp};
use journal::Undo;
use millrace_primitives::{Account, Address, BlockNumber, EMPTY_CODE_HASH, H256, Log, U256};

/// The state of a block while it is executed.
pub struct State<R: StateReader> {
    reader: R,
    accounts: RefCell<BTreeMap<Address, Rc<Entry>>>,
    /// The account used last: a contract works mostly on itself.
    recent: RefCell<Option<Rc<Entry>>>,
    codes: RefCell<BTreeMap<H256, Rc<Code>>>,
    /// Hashes of the codes that were made in this block.
    made: BTreeSet<H256>,
    block_hashes: RefCell<BTreeMap<u64, H256>>,
    /// The first failure of the reader inside the engine.
    failure: RefCell<Option<R::Error>>,
    transaction: Stamp,
    journal: Vec<Undo>,
    frames: Vec<Frame>,
    transient: BTreeMap<(Address, U256), U256>,
    logs: Vec<Log>,
    withdrawals: Vec<Withdrawal>,
    /// Marked for destruction in this transaction, in order; some may have been pardoned by a revert.
    doomed: Vec<Rc<Entry>>,
}

/// How much there was when a frame began.
#[derive(Clone, Copy, Debug)]
struct Frame {
    journal: usize,
    logs: usize,
    withdrawals: usize,
}

/// Why an account could not be credited.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CreditError<E> {
    /// The reader failed.
    Reader(E),
    /// The balance would pass 2^256: more than there is.
    Overflow,
}

impl<R: StateReader> State<R> {
    /// Starts over what `reader` shows.
    pub const fn new(reader: R) -> Self {
        Self {
            reader,
            accounts: RefCell::new(BTreeMap::new()),
            recent: RefCell::new(None),
            codes: RefCell::new(BTreeMap::new()),
            made: BTreeSet::new(),
            block_hashes: RefCell::new(BTreeMap::new()),
            failure: RefCell::new(None),
            transaction: 1,
            journal: Vec::new(),
            frames: Vec::new(),
            transient: BTreeMap::new(),
            logs: Vec::new(),
            withdrawals: Vec::new(),
            doomed: Vec::new(),
        }
    }

    /// The account as it is now; `None` when it does not exist.
    ///
    /// # Errors
    /// When the reader fails.
    pub fn account(&self, address: Address) -> Result<Option<Account>, R::Error> {
        Ok(self.entry(address)?.settled())
    }

    /// A slot of the storage of an account as it is now.
    ///
    /// # Errors
    /// When the reader fails.
    pub fn storage(&self, address: Address, slot: H256) -> Result<H256, R::Error> {
        let entry = self.entry(address)?;
        let slot = self.slot(&entry, U256::from_big_endian(slot.as_bytes()))?;
        Ok(word(slot.now.get()))
    }

    /// The code of an account as it is now; empty when it has none.
    ///
    /// # Errors
    /// When the reader fails.
    pub fn code(&self, address: Address) -> Result<Rc<Code>, R::Error> {
        let entry = self.entry(address)?;
        self.code_of(&entry)
    }

    /// Adds wei that come from outside, as a deposit does.
    ///
    /// # Errors
    /// When the reader fails or the balance would overflow; nothing is changed then.
    pub fn credit(&mut self, address: Address, wei: U256) -> Result<(), CreditError<R::Error>> {
        let entry = self.entry(address).map_err(CreditError::Reader)?;
        let balance = entry.balance.get().checked_add(wei).ok_or(CreditError::Overflow)?;
        entry.balance.set(balance);
        entry.touched.set(true);
        Ok(())
    }

    /// The reader.
    pub const fn reader(&self) -> &R {
        &self.reader
    }

    fn entry(&self, address: Address) -> Result<Rc<Entry>, R::Error> {
        if let Some(recent) = self.recent.borrow().as_ref()
            && recent.address == address
        {
            return Ok(Rc::clone(recent));
        }
        let known = self.accounts.borrow().get(&address).cloned();
        let entry = match known {
            Some(entry) => entry,
            None => {
                let entry = Rc::new(Entry::new(address, self.reader.account(address)?));
                self.accounts.borrow_mut().insert(address, Rc::clone(&entry));
                entry
            }
        };
        *self.recent.borrow_mut() = Some(Rc::clone(&entry));
        Ok(entry)
    }

    fn slot(&self, entry: &Entry, key: U256) -> Result<Rc<Slot>, R::Error> {
        if let Some(recent) = entry.recent.borrow().as_ref()
            && recent.key == key
        {
            recent.enter(self.transaction);
            return Ok(Rc::clone(recent));
        }
        let known = entry.slots.borrow().get(&key).cloned();
        let slot = match known {
            Some(slot) => slot,
            None => {
                let read = if entry.is_storage_void.get() {
                    U256::zero()
                } else {
                    let value = self.reader.storage(entry.address, word(key))?;
                    U256::from_big_endian(value.as_bytes())
                };
                let slot = Rc::new(Slot::new(key, read));
                entry.slots.borrow_mut().insert(key, Rc::clone(&slot));
                slot
            }
        };
        slot.enter(self.transaction);
        *entry.recent.borrow_mut() = Some(Rc::clone(&slot));
        Ok(slot)
    }

    fn code_of(&self, entry: &Entry) -> Result<Rc<Code>, R::Error> {
        let hash = entry.code_hash.get();
        if let Some((of, code)) = entry.code.borrow().as_ref()
            && *of == hash
        {
            return Ok(Rc::clone(code));
        }
        let known = self.codes.borrow().get(&hash).cloned();
        let code = match known {
            Some(code) => code,
            None => {
                let bytes = if hash == EMPTY_CODE_HASH { Vec::new() } else { self.reader.code(hash)? };
                let code = Rc::new(Code::new(bytes));
                self.codes.borrow_mut().insert(hash, Rc::clone(&code));
                code
            }
        };
        *entry.code.borrow_mut() = Some((hash, Rc::clone(&code)));
        Ok(code)
    }

    fn block_hash(&self, number: u64) -> Result<H256, R::Error> {
        let known = self.block_hashes.borrow().get(&number).copied();
        match known {
            Some(hash) => Ok(hash),
            None => {
                let hash = self.reader.block_hash(BlockNumber::new(number))?.unwrap_or_default();
                self.block_hashes.borrow_mut().insert(number, hash);
                Ok(hash)
            }
        }
    }

    /// Opens a frame that [`Self::commit_frame`] or [`Self::revert_frame`] closes.
    fn open_frame(&mut self) {
        let (journal, logs) = (self.journal.len(), self.logs.len());
        self.frames.push(Frame { journal, logs, withdrawals: self.withdrawals.len() });
    }

    fn commit_frame(&mut self) -> bool {
        self.frames.pop().is_some()
    }

    fn revert_frame(&mut self) -> bool {
        let Some(frame) = self.frames.pop() else { return false };
        self.revert_to(frame);
        true
    }

    fn revert_to(&mut self, frame: Frame) {
        while self.journal.len() > frame.journal {
            let Some(undo) = self.journal.pop() else { break };
            if let Some((key, was)) = undo.revert() {
                self.transient.insert(key, was);
            }
        }
        self.logs.truncate(frame.logs);
        self.withdrawals.truncate(frame.withdrawals);
    }

    /// Begins a transaction: nothing is warm, nothing is new, transient storage is empty.
    pub(crate) fn begin(&mut self) {
        // A block has fewer than 2^32 transactions by far: each takes a hundred bytes of a payload.
        self.transaction = self.transaction.saturating_add(1);
        self.forget();
    }

    /// Ends a transaction for good: what was destroyed goes. Gives the logs.
    pub(crate) fn finish(&mut self) -> Vec<Log> {
        for entry in core::mem::take(&mut self.doomed) {
            if entry.doomed.get() == self.transaction {
                entry.destroy();
            }
        }
        let logs = core::mem::take(&mut self.logs);
        self.forget();
        // Whatever comes before the next transaction (a credit, a look) belongs to neither.
        self.transaction = self.transaction.saturating_add(1);
        logs
    }

    /// Ends a transaction as if it had never begun. Gives the logs it had emitted.
    pub(crate) fn abandon(&mut self) -> Vec<Log> {
        let logs = core::mem::take(&mut self.logs);
        self.revert_to(Frame { journal: 0, logs: 0, withdrawals: 0 });
        self.forget();
        self.transaction = self.transaction.saturating_add(1);
        logs
    }

    /// The withdrawals of a transaction that is about to end for good, in order.
    pub(crate) fn take_withdrawals(&mut self) -> Vec<Withdrawal> {
        core::mem::take(&mut self.withdrawals)
    }

    fn forget(&mut self) {
        self.journal.clear();
        self.frames.clear();
        self.transient.clear();
        self.logs.clear();
        self.withdrawals.clear();
        self.doomed.clear();
    }

    /// The failure of the reader that stopped the engine, if one did.
    pub(crate) fn take_failure(&mut self) -> Option<R::Error> {
        self.failure.get_mut().take()
    }

    /// Whether the reader failed inside the engine.
    pub(crate) fn has_failed(&self) -> bool {
        self.failure.borrow().is_some()
    }
}

/// The 32 bytes of a word, big-endian.
pub(crate) fn word(value: U256) -> H256 {
    let mut bytes = H256::zero();
    value.to_big_endian(&mut bytes.0);
    bytes
}
