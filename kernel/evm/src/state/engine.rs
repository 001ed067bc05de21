//! The state as the engine sees it: operations that cannot fail where they are called. When the reader
//! fails, they answer as if there were nothing and the failure is kept.

use super::entry::{Entry, Slot};
use super::journal::Undo;
use super::{Code, State, StateReader};
use crate::keccak::keccak;
use crate::system::{Approval, KeyChangeFault, KeyChangeRequest, Withdrawal};
use alloc::rc::Rc;
use alloc::vec::Vec;
use millrace_primitives::{Address, EMPTY_CODE_HASH, Epoch, H256, Log, U256};

impl<R: StateReader> State<R> {
    fn keep<T>(&self, result: Result<T, R::Error>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                self.failure.borrow_mut().get_or_insert(error);
                None
            }
        }
    }

    fn entry_or_fail(&self, address: Address) -> Option<Rc<Entry>> {
        self.keep(self.entry(address))
    }

    fn slot_or_fail(&self, address: Address, key: U256) -> Option<Rc<Slot>> {
        let entry = self.entry_or_fail(address)?;
        self.keep(self.slot(&entry, key))
    }

    pub(crate) fn balance_of(&self, address: Address) -> U256 {
        self.entry_or_fail(address).map(|entry| entry.balance.get()).unwrap_or_default()
    }

    pub(crate) fn nonce_of(&self, address: Address) -> u64 {
        self.entry_or_fail(address).map(|entry| entry.nonce.get()).unwrap_or_default()
    }

    /// Keccak-256 of the code; that of nothing when there is no code.
    pub(crate) fn code_hash_of(&self, address: Address) -> H256 {
        self.entry_or_fail(address).map_or(EMPTY_CODE_HASH, |entry| entry.code_hash.get())
    }

    pub(crate) fn code_at(&self, address: Address) -> Rc<Code> {
        self.entry_or_fail(address).and_then(|entry| self.keep(self.code_of(&entry))).unwrap_or_default()
    }

    /// Whether it exists in the sense of EIP-161.
    pub(crate) fn exists_now(&self, address: Address) -> bool {
        self.entry_or_fail(address).is_some_and(|entry| !entry.is_empty())
    }

    /// Whether a contract may be created here (EIP-684, EIP-7610).
    pub(crate) fn is_free(&self, address: Address) -> bool {
        let Some(entry) = self.entry_or_fail(address) else { return false };
        if entry.nonce.get() != 0 || !entry.has_no_code() {
            return false;
        }
        if entry.slots.borrow().values().any(|slot| !slot.now.get().is_zero()) {
            return false;
        }
        entry.is_storage_void.get() || !self.keep(self.reader.has_storage(address)).unwrap_or(true)
    }

    pub(crate) fn slot_now(&self, address: Address, key: U256) -> U256 {
        self.slot_or_fail(address, key).map(|slot| slot.now.get()).unwrap_or_default()
    }

    /// The value before this transaction (EIP-2200).
    pub(crate) fn slot_original(&self, address: Address, key: U256) -> U256 {
        self.slot_or_fail(address, key).map(|slot| slot.original.get()).unwrap_or_default()
    }

    pub(crate) fn transient_now(&self, address: Address, key: U256) -> U256 {
        self.transient.get(&(address, key)).copied().unwrap_or_default()
    }

    pub(crate) fn block_hash_or_fail(&self, number: u64) -> H256 {
        self.keep(self.block_hash(number)).unwrap_or_default()
    }

    pub(crate) fn epoch_or_fail(&self) -> Epoch {
        self.keep(self.reader.epoch()).unwrap_or_default()
    }

    pub(crate) fn approve_or_fail(
        &self,
        request: &KeyChangeRequest<'_>,
    ) -> Option<Result<Approval, KeyChangeFault>> {
        self.keep(self.reader.approve_key_change(request))
    }

    pub(crate) fn is_warm(&self, address: Address) -> bool {
        self.entry_or_fail(address).is_some_and(|entry| entry.warm.get() == self.transaction)
    }

    pub(crate) fn is_slot_warm(&self, address: Address, key: U256) -> bool {
        self.slot_or_fail(address, key).is_some_and(|slot| slot.warm.get() == self.transaction)
    }

    pub(crate) fn warm(&mut self, address: Address) {
        let Some(entry) = self.entry_or_fail(address) else { return };
        if entry.warm.get() != self.transaction {
            entry.warm.set(self.transaction);
            self.journal.push(Undo::Warm(entry));
        }
    }

    pub(crate) fn warm_slot(&mut self, address: Address, key: U256) {
        let Some(slot) = self.slot_or_fail(address, key) else { return };
        if slot.warm.get() != self.transaction {
            slot.warm.set(self.transaction);
            self.journal.push(Undo::WarmSlot(slot));
        }
    }

    /// Touches an account in the sense of EIP-161.
    pub(crate) fn touch(&mut self, address: Address) {
        let Some(entry) = self.entry_or_fail(address) else { return };
        if !entry.touched.get() {
            entry.touched.set(true);
            self.journal.push(Undo::Touched(entry));
        }
    }

    pub(crate) fn set_slot(&mut self, address: Address, key: U256, value: U256) {
        let Some(slot) = self.slot_or_fail(address, key) else { return };
        let was = slot.now.replace(value);
        if was != value {
            self.journal.push(Undo::Slot(slot, was));
        }
    }

    pub(crate) fn set_transient(&mut self, address: Address, key: U256, value: U256) {
        let was = self.transient.insert((address, key), value).unwrap_or_default();
        self.journal.push(Undo::Transient((address, key), was));
    }

    pub(crate) fn emit(&mut self, log: Log) {
        self.logs.push(log);
    }

    pub(crate) fn withdraw(&mut self, withdrawal: Withdrawal) {
        self.withdrawals.push(withdrawal);
    }

    pub(crate) fn set_code(&mut self, address: Address, bytes: Vec<u8>) {
        let Some(entry) = self.entry_or_fail(address) else { return };
        let hash = keccak(&bytes);
        let code = Rc::clone(self.codes.get_mut().entry(hash).or_insert_with(|| Rc::new(Code::new(bytes))));
        self.made.insert(hash);
        *entry.code.borrow_mut() = Some((hash, code));
        let was = entry.code_hash.replace(hash);
        self.journal.push(Undo::Code(entry, was));
    }

    fn set_balance(&mut self, entry: Rc<Entry>, value: U256) {
        let was = entry.balance.replace(value);
        self.journal.push(Undo::Balance(entry, was));
    }

    /// Adds to a balance; false when it would overflow or could not be read.
    pub(crate) fn add_balance(&mut self, address: Address, wei: U256) -> bool {
        let Some(entry) = self.entry_or_fail(address) else { return false };
        if wei.is_zero() {
            return true;
        }
        let Some(balance) = entry.balance.get().checked_add(wei) else { return false };
        self.set_balance(entry, balance);
        self.touch(address);
        true
    }

    /// Takes from a balance; false when there is not enough or it could not be read.
    pub(crate) fn take_balance(&mut self, address: Address, wei: U256) -> bool {
        let Some(entry) = self.entry_or_fail(address) else { return false };
        if wei.is_zero() {
            return true;
        }
        let Some(balance) = entry.balance.get().checked_sub(wei) else { return false };
        self.set_balance(entry, balance);
        self.touch(address);
        true
    }

    /// Adds one to a nonce; false when it is the largest (EIP-2681) or could not be read.
    pub(crate) fn increment_nonce(&mut self, address: Address) -> bool {
        let Some(entry) = self.entry_or_fail(address) else { return false };
        let was = entry.nonce.get();
        let Some(next) = was.checked_add(1) else { return false };
        entry.nonce.set(next);
        self.journal.push(Undo::Nonce(entry, was));
        self.touch(address);
        true
    }

    pub(crate) fn was_created_now(&self, address: Address) -> bool {
        self.entry_or_fail(address).is_some_and(|entry| entry.created.get() == self.transaction)
    }

    pub(crate) fn mark_created(&mut self, address: Address) {
        let Some(entry) = self.entry_or_fail(address) else { return };
        // It had neither nonce nor code, and no storage (`is_free`).
        entry.is_storage_void.set(true);
        let was = entry.created.replace(self.transaction);
        self.journal.push(Undo::Created(entry, was));
    }

    pub(crate) fn is_doomed(&self, address: Address) -> bool {
        self.entry_or_fail(address).is_some_and(|entry| entry.doomed.get() == self.transaction)
    }

    /// Marks an account for destruction at the end of the transaction, and burns what it has left.
    pub(crate) fn doom(&mut self, address: Address) {
        let Some(entry) = self.entry_or_fail(address) else { return };
        self.set_balance(Rc::clone(&entry), U256::zero());
        if entry.doomed.get() != self.transaction {
            entry.doomed.set(self.transaction);
            self.doomed.push(Rc::clone(&entry));
            self.journal.push(Undo::Doomed(entry));
        }
    }

    pub(crate) fn push_frame(&mut self) {
        self.open_frame();
    }

    /// Closes the innermost frame; false when there is none.
    pub(crate) fn pop_frame(&mut self, commits: bool) -> bool {
        if commits { self.commit_frame() } else { self.revert_frame() }
    }
}
