//! What is held of one account, and of one slot of its storage.

use super::Code;
use alloc::collections::BTreeMap;
use alloc::rc::Rc;
use core::cell::{Cell, RefCell};
use millrace_primitives::{Account, Address, EMPTY_CODE_HASH, H256, U256};

/// Number of a transaction in the block, from 1; what is marked with it counts for that transaction only, so
/// nothing has to be swept between transactions.
pub(super) type Stamp = u32;

/// Before the first transaction.
pub(super) const NEVER: Stamp = 0;

/// An account. The fields are cells because the engine reads state through shared references and the first
/// read fills the cache.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) address: Address,
    /// As it was before the block.
    pub(super) read: Option<Account>,
    pub(super) nonce: Cell<u64>,
    pub(super) balance: Cell<U256>,
    pub(super) code_hash: Cell<H256>,
    /// The code of `code_hash`, once wanted.
    pub(super) code: RefCell<Option<(H256, Rc<Code>)>>,
    pub(super) slots: RefCell<BTreeMap<U256, Rc<Slot>>>,
    /// The slot used last: a write asks for the same one three times.
    pub(super) recent: RefCell<Option<Rc<Slot>>>,
    /// What the reader has of its storage is known to be nothing, or counts no more.
    pub(super) is_storage_void: Cell<bool>,
    /// It was destroyed in this block.
    pub(super) was_destroyed: Cell<bool>,
    /// Touched in the sense of EIP-161: if empty, it goes.
    pub(super) touched: Cell<bool>,
    /// Last transaction that found it warm (EIP-2929).
    pub(super) warm: Cell<Stamp>,
    /// Last transaction that created it as a contract (EIP-6780).
    pub(super) created: Cell<Stamp>,
    /// Last transaction that marked it for destruction.
    pub(super) doomed: Cell<Stamp>,
}

impl Entry {
    pub(super) fn new(address: Address, read: Option<Account>) -> Self {
        let account = read.unwrap_or_default();
        Self {
            address,
            read,
            nonce: Cell::new(account.nonce),
            balance: Cell::new(account.balance),
            code_hash: Cell::new(account.code_hash),
            code: RefCell::new(None),
            slots: RefCell::new(BTreeMap::new()),
            recent: RefCell::new(None),
            is_storage_void: Cell::new(read.is_none()),
            was_destroyed: Cell::new(false),
            touched: Cell::new(false),
            warm: Cell::new(NEVER),
            created: Cell::new(NEVER),
            doomed: Cell::new(NEVER),
        }
    }

    pub(super) fn account(&self) -> Account {
        Account { nonce: self.nonce.get(), balance: self.balance.get(), code_hash: self.code_hash.get() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.nonce.get() == 0 && self.balance.get().is_zero() && self.has_no_code()
    }

    pub(super) fn has_no_code(&self) -> bool {
        self.code_hash.get() == EMPTY_CODE_HASH
    }

    /// The account as it is to be stored: nothing when it is empty, unless it was empty in the store already
    /// and nobody touched it.
    pub(super) fn settled(&self) -> Option<Account> {
        let account = self.account();
        if !account.is_empty() {
            return Some(account);
        }
        self.read.filter(|read| read.is_empty() && !self.touched.get())
    }

    /// Sweeps it away: at the end of a transaction in which it was destroyed.
    pub(super) fn destroy(&self) {
        self.nonce.set(0);
        self.balance.set(U256::zero());
        self.code_hash.set(EMPTY_CODE_HASH);
        self.is_storage_void.set(true);
        self.was_destroyed.set(true);
        self.touched.set(true);
        for slot in self.slots.borrow().values() {
            slot.now.set(U256::zero());
        }
    }
}

/// A slot of the storage of an account.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) key: U256,
    /// As it was before the block.
    pub(super) read: U256,
    /// As it was before transaction `stamp` (EIP-2200).
    pub(super) original: Cell<U256>,
    pub(super) now: Cell<U256>,
    pub(super) stamp: Cell<Stamp>,
    /// Last transaction that found it warm (EIP-2929).
    pub(super) warm: Cell<Stamp>,
}

impl Slot {
    pub(super) fn new(key: U256, read: U256) -> Self {
        Self {
            key,
            read,
            original: Cell::new(read),
            now: Cell::new(read),
            stamp: Cell::new(NEVER),
            warm: Cell::new(NEVER),
        }
    }

    /// Must come before any use in a transaction.
    pub(super) fn enter(&self, transaction: Stamp) {
        if self.stamp.get() != transaction {
            self.original.set(self.now.get());
            self.stamp.set(transaction);
        }
    }
}
